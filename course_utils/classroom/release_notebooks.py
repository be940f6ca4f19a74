"""Build a notebook from a lesson, solved or not.

A lesson is one py:percent script, written solved. In a code cell the region

    answer = ...
    ### BEGIN SOLUTION
    answer = 42
    ### END SOLUTION

becomes its first line in an unsolved notebook and its third in a solved one. A
cell with the tag "solution" is left out of the unsolved one.
"""

import hashlib
import re

from course_utils.machine.errors import CourseError

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


def build(script: str, solved: bool, origin: str) -> str:
    """Return the text of one notebook.

    Args:
        script: The lesson, in py:percent.
        solved: Whether solutions stay in.
        origin: Name of the lesson, for messages.

    Raises:
        CourseError: If the lesson cannot be built, or jupytext is missing.
    """
    return write(build_cells(script, solved, origin))


def build_cells(script: str, solved: bool, origin: str) -> list:
    """Return the cells of one notebook, see `build`.

    Args:
        script: The lesson, in py:percent.
        solved: Whether solutions stay in.
        origin: Name of the lesson, for messages.
    """
    cells, seen = [], {}
    for cell in _read(script):
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
    return cells


def write(cells: list) -> str:
    """Return the text of a notebook that has these cells."""
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4) + "\n"


def _read(script):
    try:
        import jupytext
    except ImportError as error:
        raise CourseError(
            "jupytext, which reads the lessons, is not installed: `pip install "
            "'transfer-learning-course[classroom]'` brings it."
        ) from error
    return jupytext.reads(script, fmt="py:percent").cells


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
            raise CourseError(f"{origin}: {mark!r} without its partner.")
        if mark == BEGIN:
            if not kept or not STUB.fullmatch(kept[-1]):
                raise CourseError(
                    f"{origin}: above {BEGIN!r} must stand a stub such as "
                    f"`answer = ...`, not {kept[-1] if kept else ''!r}."
                )
            while solved and kept and STUB.fullmatch(kept[-1]):
                kept.pop()
        region = mark == BEGIN
    if region:
        raise CourseError(f"{origin}: {BEGIN!r} without {END!r}.")
    return "\n".join(kept)
