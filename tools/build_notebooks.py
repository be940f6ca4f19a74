"""Build notebooks/ (unsolved) and solutions/ (solved) from lessons/.

    python tools/build_notebooks.py            build both folders
    python tools/build_notebooks.py --check    say what differs, write nothing

How is in `course_utils.classroom.release_notebooks`.
"""

import argparse
import sys
from pathlib import Path

from course_utils.classroom.release_notebooks import build
from course_utils.machine.errors import CourseError

TOP = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Build or check; return 1 if something differs or cannot be built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--top", type=Path, default=TOP, help="the course")
    chosen = parser.parse_args(arguments)
    try:
        built = build_all(chosen.top)
    except CourseError as error:
        print(error)
        return 1
    if not built:
        print(f"There is no lesson in {chosen.top / 'lessons'}.")
        return 1
    if chosen.check:
        complaints = differences(chosen.top, built)
        for complaint in complaints:
            print(complaint)
        return int(bool(complaints))
    write_all(chosen.top, built)
    return 0


def build_all(top: Path) -> dict[str, tuple[str, str]]:
    """Build every lesson in memory.

    Returns:
        By path of the notebook, relative to ``top``: its text, and the path
        of the lesson it comes from.
    """
    built = {}
    for source in sorted((top / "lessons").glob("*.py")):
        origin = f"lessons/{source.name}"
        for folder, solved in (("notebooks", False), ("solutions", True)):
            text = build(source.read_text("utf-8"), solved, origin)
            built[f"{folder}/{source.stem}.ipynb"] = (text, origin)
    return built


def differences(top: Path, built: dict[str, tuple[str, str]]) -> list[str]:
    """Say which notebooks are not what their lessons would build."""
    complaints = []
    for name, (text, origin) in built.items():
        path = top / name
        if not path.is_file():
            complaints.append(f"{name} is missing: run `make build`.")
        elif path.read_text("utf-8") != text:
            complaints.append(
                f"{name} is not what {origin} builds: edit {origin} (never "
                "the notebook), then run `make build` and commit both."
            )
    for folder in ("notebooks", "solutions"):
        for path in sorted((top / folder).glob("*.ipynb")):
            name = f"{folder}/{path.name}"
            if name not in built:
                complaints.append(
                    f"{name} has no lesson: write lessons/{path.stem}.py, or "
                    "delete the notebook."
                )
    return complaints


def write_all(top: Path, built: dict[str, tuple[str, str]]) -> None:
    """Write the notebooks that changed, and say which."""
    for name, (text, origin) in built.items():
        path = top / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
        print(f"{origin} -> {name}")


if __name__ == "__main__":
    sys.exit(main())
