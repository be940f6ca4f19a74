"""Grade again after a key or a check was mended, and say who changes."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

from course_utils.classroom import class_folder

BEFORE = "marks-before"
CHANGES = "regraded.csv"
_COLUMNS = ("student", "lesson", "item", "before", "after", "change")


@dataclasses.dataclass(frozen=True)
class Change:
    """Points of one student for one item, before and after.

    Attributes:
        student: Who.
        lesson: Number of the lesson.
        item: Id of the exercise or question.
        before: Points that were earned before.
        after: Points that are earned now.
    """

    student: str
    lesson: str
    item: str
    before: float
    after: float


def regrade(
    folder: str | Path,
    grade: Callable[..., object],
    *,
    dry_run: bool = False,
    **options: object,
) -> list[Change]:
    """Grade again, and write to `regraded.csv` whose points change.

    The marks as they were are kept in `marks-before/` until all are graded
    again, so that a regrading that was cut off goes on where it was.

    Args:
        folder: The folder of the class.
        grade: What grades: `course_utils.classroom.grade`.
        dry_run: Grade nothing; compare with a regrading that was cut off.
        **options: What `grade` takes besides.

    Returns:
        The changes, one an item; the file has a row for each.

    Raises:
        CourseError: If there are no marks yet.
    """
    folder = Path(folder)
    marks, before = folder / "marks", folder / BEFORE
    if not before.is_dir():
        class_folder.read_marks(folder)  # Raises where there are none.
        if dry_run:
            return []
        partial = folder / f".{BEFORE}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(marks, partial)
        partial.rename(before)
    if not dry_run:
        grade(folder, **options)
    changes = compare(
        class_folder.read_marks(folder, BEFORE), class_folder.read_marks(folder)
    )
    if not dry_run:
        rows = [
            (*dataclasses.astuple(one), round(one.after - one.before, 2))
            for one in changes
        ]
        class_folder.write_csv(folder / CHANGES, _COLUMNS, rows)
        # At once: half of the old marks would look like changes next time.
        partial = folder / f".{BEFORE}.partial"
        before.rename(partial)
        shutil.rmtree(partial)
    return changes


def compare(before: list[dict], after: list[dict]) -> list[Change]:
    """Return what differs between two lists of marks, one an item."""
    old, new = _points(before), _points(after)
    return [
        Change(*place, old.get(place, 0.0), new.get(place, 0.0))
        for place in sorted(old.keys() | new.keys())
        if old.get(place, 0.0) != new.get(place, 0.0)
    ]


def _points(marks):
    return {
        (mark["student"], mark["lesson"], item["id"]): item["earned"]
        for mark in marks
        for item in mark["items"]
    }
