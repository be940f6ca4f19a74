"""Try the release and the export on nbgrader itself, in its own environment.

    python -m tools.try_nbgrader

Installs nbgrader into `build/nbgrader` the first time, which needs a package
index. Then nbgrader's `validate` opens a release and runs it, in a kernel of
this environment, and its gradebook is filled in and read back by its API.
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
    install()
    with tempfile.TemporaryDirectory() as name:
        return int(not try_both(python(), Path(name)))


def python() -> Path:
    """Return the Python of the environment, whether it is there or not."""
    return ENVIRONMENT / "bin" / "python"


def install() -> None:
    """Make the environment, where it is not there yet."""
    works = [python(), "-c", "import nbgrader"]
    try:
        whole = subprocess.run(works, capture_output=True).returncode == 0
    except OSError:
        whole = False
    if not whole:
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        command = [python(), "-m", "pip", "install", *PACKAGES]
        subprocess.run(command, check=True)


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
    mark["message"] = ""
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
    kernel = folder / "share" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    words = "-m ipykernel_launcher -f {connection_file}".split()
    command = {"argv": [sys.executable, *words], "display_name": "course"}
    (kernel / "kernel.json").write_text(json.dumps(command))
    told = _ask(python, "-m", "nbgrader", "validate", path, folder=folder)
    opened = "Success" in told.stdout + told.stderr
    print(f"validate: {'opens the release' if opened else told.stderr[-500:]}")
    return kept and opened


def _ask(python, *arguments, folder=TOP):
    path = python.parent
    environment = {
        **os.environ,
        "COURSE_SMOKE": "1",
        "COURSE_WORK": str(folder / "work"),
        "JUPYTER_PATH": str(folder / "share"),
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
