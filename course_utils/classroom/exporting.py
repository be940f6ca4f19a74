"""Hand marks to the systems that a school keeps them in.

Moodle and Canvas take a table: best the one that they give out themselves,
with a column filled in. nbgrader takes them by its own API. There is no LTI: it
needs a server that a course of notebooks does not have.
"""

import csv
import re
import unicodedata
from pathlib import Path

from course_utils.classroom import class_folder, collecting, reporting
from course_utils.machine import arguments
from course_utils.machine.errors import CourseError

SYSTEMS = ("moodle", "canvas", "nbgrader")
_NUMBERS = {"moodle": ("Identifier", "ID number"), "canvas": ("ID",)}
_NAMES = ("Full name", "Student", "Name")


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
        The file, and a sentence on each student who is not in the roster.

    Raises:
        CourseError: If there are no marks, the roster cannot be read, or
            nbgrader is not installed.
    """
    folder = Path(folder)
    arguments.one_of("export to", system, SYSTEMS)
    told = class_folder.read_class(folder)
    marks = class_folder.read_marks(folder)
    collected = class_folder.read_collected(folder)
    rows = reporting.summed(marks, told, collected)
    target = folder / "export"
    if system == "nbgrader":
        path = target / "gradebook.db"
        if not dry_run:
            from course_utils.classroom import nbgrader_gradebook

            nbgrader_gradebook.write(path, rows, told)
        return path, []
    header, lines, left_out = _table(rows, collected, system, roster)
    path = target / f"{system}.csv"
    if not dry_run:
        class_folder.write_csv(path, header, lines)
    return path, left_out


def _table(rows, collected, system, roster):
    lessons = sorted({row["lesson"] for row in rows})
    columns = [f"Lesson {lesson}" for lesson in lessons]
    numbers = {
        row["student"]: collecting.number_of(row["source file"])
        for row in collected
        if row["lesson"]
    }
    earned = {(row["student"], row["lesson"]): row["earned"] for row in rows}
    students = sorted({row["student"] for row in rows})
    if roster is None:
        first = ["Student", "ID"] if system == "canvas" else ["Full name"]
        lines = [
            [s, *([numbers.get(s)] if system == "canvas" else [])]
            + [earned.get((s, lesson)) for lesson in lessons]
            for s in students
        ]
        return [*first, *columns], lines, []
    header, known = _read_roster(Path(roster))
    by_number = {numbers[s]: s for s in students if numbers.get(s)}
    by_name = {_plain(s): s for s in students}
    lines, met = [], set()
    for line in known:
        numbered = [
            re.sub(r"\D", "", line.get(n) or "") for n in _NUMBERS[system]
        ]
        student = next(
            (by_number[n] for n in numbered if n in by_number), None
        ) or by_name.get(_plain(_name(line)))
        met.add(student)
        own = [earned.get((student, lesson)) for lesson in lessons]
        lines.append([*(line.get(name) for name in header), *own])
    left_out = [
        f"{s} is not in {Path(roster).name}: write this one in by hand."
        for s in students
        if s not in met
    ]
    return [*header, *columns], lines, left_out


def _read_roster(path):
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            lines = list(reader)
            header = list(reader.fieldnames or ())
    except (OSError, ValueError, csv.Error) as error:
        raise CourseError(
            f"{path} cannot be read as a table: export it from your system as "
            "CSV, in UTF-8."
        ) from error
    if not any(_name(line) for line in lines):
        raise CourseError(
            f"{path} names no student: it needs a column {' or '.join(_NAMES)},"
            " or First name and Surname (Last name)."
        )
    return header, lines


def _name(line):
    for column in _NAMES:
        if line.get(column):
            return line[column]
    last = line.get("Surname") or line.get("Last name") or ""
    return f"{line.get('First name') or ''} {last}".strip()


def _plain(name):
    """Return the letters of a name, in the order of its sorted words.

    So "Meyer, Anna" and "Anna Meyer" are one; Canvas writes "meyeranna".
    """
    name = unicodedata.normalize("NFKC", name).casefold()
    if "," in name:
        name = " ".join(reversed(name.split(",", 1)))
    letters = sorted(re.findall(r"\w+", name))
    return "".join(letters)
