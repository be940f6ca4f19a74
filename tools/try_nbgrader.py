"""Try the release and the export on nbgrader itself, in its own environment.

    python -m tools.try_nbgrader

Installs nbgrader into `build/nbgrader` the first time, which needs a package
index. Then nbgrader's `validate` opens a release, and its gradebook is filled
in and read back by its API.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from course_utils.classroom import class_folder, release
from tools.build_notebooks import TOP

ENVIRONMENT = TOP / "build" / "nbgrader"
# What the export imports, besides nbgrader itself.
PACKAGES = ("nbgrader==0.9.6", "lazy-loader", "numpy", "pyyaml", "tqdm")
PACKAGES += ("jinja2", "matplotlib", "scikit-learn", "scipy")
_READ = """\
import sys
from nbgrader.api import Gradebook
from course_utils.classroom.nbgrader_gradebook import write
from course_utils.classroom import class_folder
from pathlib import Path
folder = Path(sys.argv[1])
told = class_folder.read_class(folder)
marks = class_folder.read_marks(folder)
for _ in range(2):
    write(folder / "gradebook.db", marks, told)
with Gradebook(f"sqlite:///{folder}/gradebook.db") as book:
    found = book.find_submission("02", "Student 01")
    broken = book.find_submission("02", "Student 02")
    by_hand = int(broken.needs_manual_grade) - int(found.needs_manual_grade)
    print(by_hand, found.score, found.max_score)
"""


def main() -> int:
    """Try both; return 1 if one fails."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.is_file():
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", *PACKAGES], check=True)
    with tempfile.TemporaryDirectory() as name:
        return int(not try_both(python, Path(name)))


def try_both(python: Path, folder: Path) -> bool:
    """Let nbgrader open a release, and keep marks; return whether it does.

    Args:
        python: That of an environment with nbgrader.
        folder: An empty folder.
    """
    (path,) = release(folder, ["02"])
    worth = class_folder.read_class(folder)["lessons"]["02"]["points"]
    items = [
        {"id": item, "points": points, "earned": points / 2}
        for item, points in worth.items()
    ]
    mark = {"student": "Student 01", "lesson": "02", "status": "graded"}
    failed = {**mark, "student": "Student 02", "status": "failed"}
    for one in (mark, failed):
        class_folder.write_text(
            folder / "marks" / one["student"] / "02.json",
            json.dumps({**one, "items": items}),
        )
    score = _ask(python, "-c", _READ, folder).stdout.split()[-3:]
    total = sum(worth.values())
    kept = [float(word) for word in score] == [1, total / 2, total]
    print(f"gradebook: {'keeps the marks' if kept else score}")
    # What it runs must not need TensorFlow, which is not installed there.
    small = folder / "opened.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).splitlines()
            cell["source"] = "\n".join(f"# {line}" for line in lines)
    small.write_text(json.dumps(notebook), "utf-8")
    told = _ask(python, "-m", "nbgrader", "validate", small)
    opened = "Success" in told.stdout + told.stderr
    print(f"validate: {'opens the release' if opened else told.stderr[-500:]}")
    return kept and opened


def _ask(python, *arguments):
    path = python.parent
    environment = {
        **os.environ,
        "PYTHONPATH": str(TOP),
        "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        [python, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main())
