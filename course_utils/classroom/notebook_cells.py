"""Read the cells of a submitted notebook, whatever has become of it."""

import json
from pathlib import Path

from course_utils.classroom.submitted_answers import code_of
from course_utils.machine.errors import CourseError

MOST_BYTES = 64 * 2**20
MOST_CELLS = 2_000
LONGEST_CELL = 200_000  # characters


def read_cells(path: Path) -> list[str]:
    """Return the sources of a notebook's code cells, in order.

    What breaks the notebook format in some cell costs that cell only.

    Args:
        path: The ``.ipynb`` file.

    Raises:
        CourseError: If it is a link, too large, or no notebook at all.
    """
    if path.is_symlink() or not path.is_file():
        raise CourseError(
            "What was handed in is a link or no file: hand in the notebook "
            "itself."
        )
    if path.stat().st_size > MOST_BYTES:
        raise CourseError(
            f"What was handed in has more than {MOST_BYTES // 2**20} MB: clear "
            "the outputs, save the notebook, and hand it in again."
        )
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise CourseError(
            "What was handed in is no notebook that can be read: it is another "
            "kind of file, or cut off. Hand in the notebook again, as it lies "
            "in the folder work/."
        ) from None
    try:
        cells = [one for one in map(_clean, code_of(notebook)) if one.strip()]
    except RecursionError:
        cells = []
    if not cells:
        raise CourseError(
            "What was handed in has no code cells: hand in the notebook that "
            "was given out."
        )
    return cells[:MOST_CELLS]


def _clean(source):
    # Lone halves of surrogate pairs can be in JSON, and in no text.
    text = source.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_CELL else ""
