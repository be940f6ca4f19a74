"""Build notebooks/ (unsolved) and solutions/ (solved) from lessons/.

    python tools/build_notebooks.py            build both folders
    python tools/build_notebooks.py --check    say what differs, write nothing

A lesson is one py:percent script, written solved. In a code cell the region

    answer = ...
    ### BEGIN SOLUTION
    answer = 42
    ### END SOLUTION

becomes its first line in notebooks/ and its third in solutions/. A cell with
the tag "solution" is left out of notebooks/.
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path

import jupytext
import nbformat

TOP = Path(__file__).resolve().parent.parent
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = re.compile(r"\s*[\w, ]+ = \.\.\.\s*")
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


class LessonError(Exception):
    """A lesson that cannot be built: which, where, and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Build or check; return 1 if something differs or cannot be built."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--top", type=Path, default=TOP, help="the course")
    chosen = parser.parse_args(arguments)
    try:
        built = build_all(chosen.top)
    except LessonError as error:
        print(error)
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


def build(script: str, solved: bool, origin: str) -> str:
    """Build one notebook from the text of a lesson.

    Args:
        script: The lesson, in py:percent.
        solved: Whether solutions stay in.
        origin: Name of the lesson, for messages.
    """
    lesson = jupytext.reads(script, fmt="py:percent")
    cells, seen = [], {}
    for cell in lesson.cells:
        # From the solved source, so that a cell has one id in both folders.
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = f"{digest}-{seen[digest]}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.source = strip(cell.source, solved, origin)
        if solved or "solution" not in tags:
            cells.append(cell)
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4) + "\n"


def strip(source: str, solved: bool, origin: str) -> str:
    """Leave either the stub or the solution of a cell's marked regions."""
    kept, region = [], False
    for line in source.splitlines():
        mark = line.strip()
        if mark not in (BEGIN, END):
            if solved or not region:
                kept.append(line)
            continue
        if (mark == BEGIN) == region:
            raise LessonError(f"{origin}: {mark!r} without its partner.")
        if mark == BEGIN:
            if not kept or not STUB.fullmatch(kept[-1]):
                raise LessonError(
                    f"{origin}: above {BEGIN!r} must stand a stub such as "
                    f"`answer = ...`, not {kept[-1] if kept else ''!r}."
                )
            while solved and kept and STUB.fullmatch(kept[-1]):
                kept.pop()
        region = mark == BEGIN
    if region:
        raise LessonError(f"{origin}: {BEGIN!r} without {END!r}.")
    return "\n".join(kept)


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
