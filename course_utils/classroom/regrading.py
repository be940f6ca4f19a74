"""Grade again after a key or a check was mended, and say who changes."""

import csv
import dataclasses
import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

from course_utils.classroom import class_folder, grading, pending_submissions

BEFORE = "marks-before"
CHANGES = "regraded.csv"
_COLUMNS = (
    *("when", "student", "lesson", "item", "before", "after", "change"),
)


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
    grade: Callable[..., object] = grading.grade,
    *,
    dry_run: bool = False,
    **options: object,
) -> list[Change]:
    """Grade again, and add to `regraded.csv` whose points change.

    The marks as they were are kept in `marks-before/` until all are graded
    again, so that a regrading that was cut off goes on where it was.

    Args:
        folder: The folder of the class.
        grade: What grades.
        dry_run: Grade nothing, and compare what is known without a run: what
            other points change, and what was graded again before a cut.
        **options: What `grade` takes besides.

    Returns:
        The changes, one an item; the file gets a row for each.

    Raises:
        CourseError: If there are no marks yet.
    """
    folder = Path(folder)
    class_folder.read_class(folder)
    marks, before = folder / "marks", folder / BEFORE
    if dry_run:
        old = class_folder.read_marks(
            folder, BEFORE if before.is_dir() else "marks"
        )
        chosen = (options.get("lessons"), options.get("students"))
        _, kept = pending_submissions.look(folder, *chosen)
        places = {(mark["student"], mark["lesson"]) for mark in kept}
        old = [one for one in old if (one["student"], one["lesson"]) in places]
        return compare(old, kept)
    if not before.is_dir():
        class_folder.read_marks(folder)  # Raises where there are none.
        partial = folder / f".{BEFORE}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(marks, partial)
        partial.rename(before)
    grade(folder, **options)
    changes = compare(
        class_folder.read_marks(folder, BEFORE), class_folder.read_marks(folder)
    )
    _note(folder / CHANGES, changes)
    # At once: half of the old marks would look like changes next time.
    partial = folder / f".{BEFORE}.partial"
    before.rename(partial)
    shutil.rmtree(partial)
    return changes


def _note(path, changes):
    """Add changes to the table, below those of earlier regradings."""
    rows = []
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[r.get(c) for c in _COLUMNS] for r in csv.DictReader(file)]
    now = datetime.datetime.now().isoformat(" ", "seconds")
    rows += [
        (now, *dataclasses.astuple(one), round(one.after - one.before, 2))
        for one in changes
    ]
    class_folder.write_csv(path, _COLUMNS, rows)


def compare(before: list[dict], after: list[dict]) -> list[Change]:
    """Return what differs between two lists of marks, one an item.

    What cannot be graded now has no points, which is no change to 0.
    """
    failed = [
        (mark["student"], mark["lesson"])
        for mark in after
        if mark["status"] == "failed"
    ]
    before = [m for m in before if (m["student"], m["lesson"]) not in failed]
    after = [m for m in after if (m["student"], m["lesson"]) not in failed]
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
