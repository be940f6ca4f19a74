"""Hand marks to the systems that a school keeps them in.

Moodle and Canvas take a table: best the one that they give out themselves,
with a column filled in. nbgrader takes them by its own API. There is no LTI: it
needs a server that a course of notebooks does not have.
"""

import re
from pathlib import Path

from course_utils.classroom import (
    class_folder,
    class_report,
    rosters,
)
from course_utils.machine import arguments
from course_utils.machine.errors import CourseError

SYSTEMS = ("moodle", "canvas", "nbgrader")
_NO_ROSTER = {
    "moodle": (
        "Moodle finds students by their e-mail address or ID number: give the "
        "table that it lets you download as --roster."
    ),
    "canvas": (
        "Canvas finds students by their ID, and it is not known for all: give "
        "the gradebook that it lets you download as --roster."
    ),
}


def export(
    folder: str | Path,
    system: str,
    *,
    roster: str | Path | None = None,
    dry_run: bool = False,
) -> tuple[Path, list[str]]:
    """Write marks for another system.

    Args:
        folder: The folder of the class, graded.
        system: `"moodle"`, `"canvas"` or `"nbgrader"`.
        roster: For Moodle and Canvas, the table of participants or of grades
            that the system gives out, as CSV; its rows and columns stay, and
            a column a lesson is filled in.
        dry_run: Write nothing.

    Returns:
        The file, and a sentence on each mark that is not in it, and on all
        that keeps it from being imported.

    Raises:
        CourseError: If there are no marks, the roster cannot be read or is
            another system's, or nbgrader is not installed.
    """
    folder = Path(folder)
    arguments.one_of("export to", system, SYSTEMS)
    told = class_folder.read_class(folder)
    marks = class_report.recounted(class_folder.read_marks(folder), told)
    collected = class_folder.read_collected(folder)
    rows = class_report.summed(marks, told, collected)
    target = folder / "export"
    remarks = _without_mark(rows, collected)
    if system == "nbgrader":
        path = target / "gradebook.db"
        if not dry_run:
            from course_utils.classroom import nbgrader_gradebook

            nbgrader_gradebook.write(path, rows, told)
        return path, remarks
    numbers = rosters.numbers_of(collected, [row["student"] for row in rows])
    if roster is None:
        table = _new_table(numbers, system)
        if system == "moodle" or not all(numbers.values()):
            remarks.append(_NO_ROSTER[system])
    else:
        table = rosters.read_roster(roster)
        if table.system not in (system, ""):
            raise CourseError(
                f"{roster} is a table of {table.system.title()}'s: give the "
                f"one that {system.title()} lets you download, or export with "
                f"--to {table.system}."
            )
    header, lines, more = _fill_in(table, rows, numbers)
    path = target / f"{system}.csv"
    if not dry_run:
        class_folder.write_csv(path, header, lines, table.delimiter)
    return path, remarks + more


def _without_mark(rows, collected):
    """Return a sentence on each submission that has no mark to export."""
    told = [
        f"{row['student']}, lesson {row['lesson']}: it could not be graded, so "
        "no mark is exported. Mark it by hand."
        for row in rows
        if row["earned"] is None
    ]
    lessons = {row["lesson"] for row in rows}
    seen = {(row["student"], row["lesson"]) for row in rows}
    return told + [
        f"{row['student']}, lesson {row['lesson']}: it is not graded yet, so "
        "no mark is exported."
        for row in collected
        if row["lesson"] in lessons
        and (row["student"], row["lesson"]) not in seen
    ]


def _new_table(numbers, system):
    """Return a table for a teacher who has none of the system's own."""
    if system == "moodle":
        header = ["Full name"]
        known = [{"Full name": student} for student in sorted(numbers)]
    else:
        header = ["Student", "ID"]
        known = [{"Student": rosters.MOST_POINTS, "ID": ""}]
        known += [
            {"Student": student, "ID": number}
            for student, number in sorted(numbers.items())
        ]
    return rosters.Roster(Path(), header, known, ",")


def _fill_in(table, rows, numbers):
    """Return the header and rows of a table, and a sentence on who misses."""
    lessons = dict(sorted((row["lesson"], row["points"]) for row in rows))
    earned = {(row["student"], row["lesson"]): row["earned"] for row in rows}
    whose = table.whose(numbers)
    columns = {lesson: _column(lesson, table.header) for lesson in lessons}
    header = list(dict.fromkeys([*table.header, *columns.values()]))
    lines = []
    for row, student in zip(table.rows, whose, strict=True):
        filled = dict(row)
        for lesson, most in lessons.items():
            given = earned.get((student, lesson))
            if rosters.is_most_points(row):
                given = most
            if given is not None:  # What was written in by hand stays.
                filled[columns[lesson]] = given
        lines.append([filled.get(column) for column in header])
    told = [
        f"{student} is not in {table.path.name}, or not alone with this "
        "name: write this one in by hand."
        for student in sorted({s for s, _ in earned} - set(whose))
    ]
    if absent := table.absent(numbers):
        told.append(
            f"No submission is from these of {table.path.name}: "
            f"{', '.join(absent)}."
        )
    return header, lines, told


def _column(lesson, header):
    """Return the column of a lesson.

    Canvas adds a number to its name; Moodle says what it is of, and that the
    numbers are points: "Assignment: Lesson 02 (Real)".
    """
    own = re.compile(rf"([^:]+: )?Lesson {re.escape(lesson)}( \((\d+|Real)\))?")
    return next(filter(own.fullmatch, header), f"Lesson {lesson}")
