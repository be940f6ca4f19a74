"""Read the table of a class that Moodle or Canvas lets a teacher download."""

import csv
import dataclasses
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from course_utils.classroom import handed_in_names
from course_utils.machine.errors import CourseError

# Columns with the number that stands in the names of files. (Moodle's "ID
# number" is another one.) Then columns that only one system has.
_NUMBERS = ("Identifier", "ID")
_NAMES = ("Full name", "Student", "Name")
# Moodle writes them in the language of whoever downloads.
_FIRST = ("First name", "Vorname", "Prénom", "Nombre")
_LAST = ("Surname", "Last name", "Surname (Last name)", "Nachname", "Nom")
_LAST += ("Nom de famille", "Apellido(s)", "Apellidos")
_OWN = {
    "canvas": {"Student"},
    "moodle": {"Full name", *_FIRST, *_LAST},
}
MOST_POINTS = "Points Possible"
_NOBODY = "Student, Test"  # Canvas's own, for teachers who look as a student.


@dataclasses.dataclass(frozen=True)
class Roster:
    """A table of a class, as a system gave it out.

    Attributes:
        path: Where it lies.
        header: Its columns.
        rows: Its rows, each by column.
        delimiter: What stands between two cells.
    """

    path: Path
    header: list[str]
    rows: list[dict[str, str]]
    delimiter: str

    @property
    def system(self) -> str:
        """`"moodle"` or `"canvas"`; empty where the columns do not tell."""
        found = [s for s, own in _OWN.items() if own & set(self.header)]
        return found[0] if len(found) == 1 else ""

    def whose(self, numbers: Mapping[str, str]) -> list[str | None]:
        """Return whose each row is; None if nobody's whose work is known.

        A name that two rows have tells nothing, so only a number does there.

        Args:
            numbers: The students whose work is known, as `numbers_of` says.
        """
        by_number = {number: s for s, number in numbers.items() if number}
        by_name = {_plain(student): student for student in numbers}
        names = [_plain(_name(row)) for row in self.rows]
        found = []
        for row, name in zip(self.rows, names, strict=True):
            given = [re.sub(r"\D", "", row.get(n) or "") for n in _NUMBERS]
            known = [by_number[n] for n in given if n in by_number]
            if names.count(name) == 1 and name in by_name:
                known.append(by_name[name])
            found.append(known[0] if known else None)
        return found

    def absent(self, numbers: Mapping[str, str]) -> list[str]:
        """Return the names of those whose work is not known.

        Args:
            numbers: The students whose work is known, as `numbers_of` says.
        """
        known = {_plain(student) for student in numbers}
        names = [
            _in_order(_name(row))
            for row, student in zip(self.rows, self.whose(numbers), strict=True)
            if student is None
            and not is_most_points(row)
            and row.get("Student") != _NOBODY
        ]
        return [name for name in names if name and _plain(name) not in known]


def is_most_points(row: Mapping[str, str]) -> bool:
    """Return whether this is the row in which Canvas keeps the most points."""
    return _name(row).casefold() == MOST_POINTS.casefold()


def numbers_of(
    collected: Iterable[dict], students: Iterable[str] = ()
) -> dict[str, str]:
    """Return the number that a system gave to each student, or an empty text.

    Args:
        collected: As `class_folder.read_collected` gives them.
        students: Others, whose number is not known.
    """
    return dict.fromkeys(students, "") | {
        row["student"]: handed_in_names.number_of(
            row["source file"], row["student"]
        )
        for row in collected
        if row["lesson"]
    }


def read_roster(path: str | Path) -> Roster:
    """Read a table of participants or of grades.

    Args:
        path: A CSV file with commas, semicolons or tabs.

    Raises:
        CourseError: If it cannot be read, names no student, or has two columns
            of one name.
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
        # Excel's own line, which says what stands between two cells.
        text = re.sub(r"\Asep=.\r?\n", "", text)
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.DictReader(
            io.StringIO(text), delimiter=delimiter, restval=""
        )
        rows = list(reader)
        header = list(reader.fieldnames or ())
    except FileNotFoundError as error:
        raise CourseError(
            f"{path} does not exist: name the table of your class that Moodle "
            "or Canvas lets you download."
        ) from error
    except (OSError, ValueError, csv.Error) as error:
        raise CourseError(
            f"{path} cannot be read as a table: export it from your system as "
            "CSV, in UTF-8."
        ) from error
    if not any(map(_name, rows)):
        raise CourseError(
            f"{path} names no student: it needs a column {' or '.join(_NAMES)},"
            " or First name and Last name. Its columns are "
            f"{', '.join(header) or 'none'}."
        )
    if twice := [n for n in header if n.strip() and header.count(n) > 1]:
        raise CourseError(
            f"{path} has two columns {twice[0]!r}, and one would be lost: "
            "rename one of them."
        )
    return Roster(path, header, rows, delimiter)


def _name(row):
    for column in _NAMES:
        if row.get(column):
            return row[column].strip()
    both = [
        next((row[name] for name in names if row.get(name)), "")
        for names in (_FIRST, _LAST)
    ]
    return " ".join(both).strip()


def _in_order(name):
    """Return "Anna Meyer" for "Meyer, Anna"."""
    return " ".join(part.strip() for part in reversed(name.split(",", 1)))


def _plain(name):
    """Return the letters of a name, so that "Meyer, Anna" is "Anna Meyer"."""
    name = _in_order(unicodedata.normalize("NFKC", name).casefold())
    return "".join(sorted(re.findall(r"\w+", name)))
