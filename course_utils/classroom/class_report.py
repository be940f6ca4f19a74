"""Tell a class how it did: a table, feedback a student, a dashboard."""

import collections
from pathlib import Path

from tqdm.auto import tqdm

from course_utils.answers.checks import load_sheets
from course_utils.classroom import (
    class_folder,
    dashboard,
    feedback_pages,
    rosters,
    submission_judging,
)

REPORT = "report"
_TABLE = (
    *("student", "lesson", "earned", "points", "share", "late"),
    *("status", "message"),
)
_ITEMS = (
    *("student", "lesson", "item", "kind", "points", "earned"),
    *("verdict", "answer", "seconds"),
)


def report(
    folder: str | Path,
    *,
    roster: str | Path | None = None,
    dry_run: bool = False,
) -> list[Path]:
    """Write `report/`: tables, feedback a student, and a dashboard.

    Args:
        folder: The folder of the class, graded.
        roster: The table of the class that Moodle or Canvas gives out, as
            CSV: the dashboard then says who has handed in nothing. Where each
            student has a seed of their own, it knows them without.
        dry_run: Write nothing.

    Returns:
        `marks.csv`, `items.csv`, `dashboard.html`, and for each student
        `feedback/NAME.html` and `feedback/NAME.md`.

    Raises:
        CourseError: If there are no marks yet, or the roster cannot be read.
    """
    folder = Path(folder)
    told = class_folder.read_class(folder)
    marks = recounted(class_folder.read_marks(folder), told)
    collected = class_folder.read_collected(folder)
    rows = summed(marks, told, collected)
    listed = None if roster is None else rosters.read_roster(roster)
    by_student = collections.defaultdict(list)
    for row in rows:
        by_student[row["student"]].append(row)
    target = folder / REPORT
    written = [target / n for n in ("marks.csv", "items.csv", "dashboard.html")]
    pages = {}
    for student in by_student:
        path = target / "feedback" / student
        pages[student] = [
            path.with_name(f"{student}.{e}") for e in ("html", "md")
        ]
        written += pages[student]
    if dry_run:
        return written
    table = [[row[name] for name in _TABLE] for row in rows]
    class_folder.write_csv(written[0], _TABLE, table)
    class_folder.write_csv(written[1], _ITEMS, _item_rows(marks))
    bar = tqdm(by_student.items(), "Feedback", unit="student", delay=2)
    for student, own in bar:
        for path in pages[student]:
            name = f"feedback{path.suffix}"
            page = feedback_pages.fill(name, student=student, rows=own)
            class_folder.write_text(path, page)
    page = dashboard.draw(folder, told, marks, rows, collected, listed)
    class_folder.write_text(written[2], page)
    return written


def recounted(marks: list[dict], told: dict) -> list[dict]:
    """Return the marks with today's points, where all that counts was judged.

    Args:
        marks: As `class_folder.read_marks` gives them.
        told: As `class_folder.read_class` gives it.
    """
    found = []
    for mark in marks:
        points = told["lessons"].get(mark["lesson"], {}).get("points", {})
        items = None
        if points and all("share" in item for item in mark["items"]):
            items = submission_judging.with_points(
                mark["lesson"], mark["items"], points
            )
        found.append(mark if items is None else {**mark, "items": items})
    return found


def summed(marks: list[dict], told: dict, collected: list[dict]) -> list[dict]:
    """Return a row for each submission, with its points added up.

    What could not be graded has None for `earned` and `share`: no points are
    known, which is not the same as 0.

    Args:
        marks: As `recounted` gives them.
        told: As `class_folder.read_class` gives it.
        collected: As `class_folder.read_collected` gives them.
    """
    late = {(row["student"], row["lesson"]): row["late"] for row in collected}
    rows = []
    for mark in marks:
        lesson = told["lessons"].get(mark["lesson"], {})
        points = sum(lesson.get("points", {}).values())
        earned = None
        if mark["status"] == "graded":
            points = sum(item["points"] for item in mark["items"])
            earned = round(sum(item["earned"] for item in mark["items"]), 2)
        share = None
        if earned is not None and points:
            share = round(earned / points, 4)
        rows.append(
            {
                **mark,
                "earned": earned,
                "points": points,
                "share": share,
                "late": late.get((mark["student"], mark["lesson"]), ""),
                "due": lesson.get("due"),
                "title": _title(mark["lesson"]),
            }
        )
    return rows


def _title(lesson):
    return load_sheets().get(lesson, {}).get("title", "")


def _item_rows(marks):
    for mark in marks:
        for item in mark["items"]:
            own = {**mark, **item, "item": item["id"]}
            if mark["status"] != "graded":
                own |= {"earned": None, "verdict": "could not be graded"}
            yield [own.get(name) for name in _ITEMS]
