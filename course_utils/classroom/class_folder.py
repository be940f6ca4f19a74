"""The folder of a class: what lies where, and how it is read and written.

`DIR/class.toml` says which lessons were released, `DIR/secret/seed.txt` holds
the seed that nobody else may see. `release/`, `submissions/`, `marks/` and
`report/` are made by the steps; each file is written beside its place and then
renamed, so that a step that was cut off leaves no half file.
"""

import csv
import datetime
import hashlib
import hmac
import io
import json
import math
import re
import secrets
import tomllib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from course_utils.machine import arguments, errors, paths
from course_utils.machine.errors import CourseError

CLASS, SEED, COLLECTED = "class.toml", "secret/seed.txt", "collected.csv"
COLLECTED_COLUMNS = (
    *("student", "lesson", "source file", "sha256", "late", "remarks"),
)
LONGEST_NAME = 80


def read_class(folder: Path) -> dict:
    """Return what `class.toml` says.

    Args:
        folder: The folder of the class.

    Returns:
        ``["lessons"]["02"]`` has ``file``, ``points`` by item, ``own_seeds``,
        ``checks``, ``hints`` and, where one was set, ``due``, a
        `datetime.datetime`.

    Raises:
        CourseError: If there is none, or it cannot be read.
    """
    path = Path(folder) / CLASS
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        for lesson in told["lessons"].values():
            lesson["file"], lesson["own_seeds"]
            if not all(_is_points(one) for one in lesson["points"].values()):
                raise ValueError("points are numbers from 0 on")
            if "due" in lesson:
                lesson["due"] = end_of_day(lesson["due"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CourseError(
            f"{folder} is no folder of a class, since it has no {CLASS}: name "
            "the folder that you gave to `course class release --out`."
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise CourseError(
            f"{path} cannot be read ({e}): mend it, or delete it and "
            "release again."
        ) from e
    return told


def _is_points(value):
    return type(value) in (int, float) and 0 <= value < math.inf


def end_of_day(due: datetime.date) -> datetime.datetime:
    """Return when something is due: a date alone means its last minute."""
    if isinstance(due, datetime.datetime):
        return due
    return datetime.datetime.combine(due, datetime.time(23, 59))


def write_class(folder: Path, told: dict) -> None:
    """Write `class.toml`; see `read_class` for what it holds."""
    lines = ["# Written by `course class release`."]
    for name, lesson in sorted(told["lessons"].items()):
        lines += ["", f'[lessons."{name}"]']
        for key in ("file", "due", "own_seeds", "checks", "hints"):
            if key in lesson:
                lines.append(f"{key} = {_toml(lesson[key])}")
        lines.append(f'[lessons."{name}".points]')
        lines += [f"{_toml(k)} = {v:g}" for k, v in lesson["points"].items()]
    write_text(Path(folder) / CLASS, "\n".join(lines) + "\n")


def _toml(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return json.dumps(value)  # Text and truth values are alike in TOML.


def secret_seed(folder: Path) -> bytes:
    """Return the seed of the class, which is drawn when it is first asked for.

    Args:
        folder: The folder of the class.
    """
    path = Path(folder) / SEED
    if not path.is_file():
        write_text(path, secrets.token_hex(32) + "\n", secret=True)
    return path.read_bytes().strip()


def hidden_pictures(folder: Path, lesson: str) -> Path:
    """Return where pictures lie that the class has never seen, by class.

    Args:
        folder: The folder of the class.
        lesson: Number of the lesson that they are for.
    """
    return Path(folder) / "secret" / "pictures" / lesson


def hidden_sum(folder: Path, lesson: str) -> str:
    """Return a sum over the hidden pictures of a lesson; empty without any.

    Args:
        folder: The folder of the class.
        lesson: Number of the lesson.
    """
    top, together = hidden_pictures(folder, lesson), hashlib.sha256()
    files = sorted(path for path in top.rglob("*") if path.is_file())
    for path in files:
        together.update(path.relative_to(top).as_posix().encode())
        together.update(path.read_bytes())
    return together.hexdigest()[:16] if files else ""


def student_seed(folder: Path, student: str) -> int:
    """Return the seed of a student's own draws of data.

    Nobody can work out another's without the secret of the class.

    Args:
        folder: The folder of the class.
        student: Name of the student's folder.
    """
    digest = hmac.new(secret_seed(folder), student.encode(), hashlib.sha256)
    return int.from_bytes(digest.digest()[:4], "big") % (2**31 - 1) + 1


def lesson_source(lesson: str) -> Path:
    """Return the source of a lesson, in `lessons/`.

    Args:
        lesson: Its number, for example ``"02"``.

    Raises:
        CourseError: If there is no such lesson.
    """
    sources = sorted((paths.course_dir() / "lessons").glob("*.py"))
    known = {path.stem.split("_")[0]: path for path in sources}
    return known[arguments.one_of("lesson", lesson, known)]


def file_name(student: str) -> str:
    """Return a student's name as it may name a folder on every system."""
    name = unicodedata.normalize("NFC", student)
    name = re.sub(r"[^\w .,'()-]|[\x00-\x1f]", " ", name)
    name = " ".join(name.split()).strip(" .-'_")[:LONGEST_NAME].strip(" .")
    # What Windows keeps for itself.
    if re.fullmatch(r"(?i)con|prn|aux|nul|(com|lpt)\d", name):
        name += "_"
    return name


def read_collected(folder: Path) -> list[dict[str, str]]:
    """Return the rows of `collected.csv`; none where nothing was collected.

    Raises:
        CourseError: If it cannot be read, as after a spreadsheet has saved it.
    """
    path = Path(folder) / COLLECTED
    if not path.is_file():
        return []
    try:
        text = path.read_text("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        found = [{k: row[k] for k in COLLECTED_COLUMNS} for row in rows]
        if all(None not in row.values() for row in found):
            return found
    except (OSError, ValueError, LookupError, csv.Error):
        pass
    raise CourseError(
        f"{path} cannot be read, as if a spreadsheet had changed it: save it "
        "as CSV with commas, in UTF-8, or delete it and collect again."
    )


def read_marks(folder: Path, marks: str = "marks") -> list[dict]:
    """Return the marks, sorted by student and lesson.

    Args:
        folder: The folder of the class.
        marks: The folder in it that holds them.

    Raises:
        CourseError: If there are none, or a file of marks cannot be read.
    """
    found = []
    for path in sorted((Path(folder) / marks).glob("*/*.json")):
        try:
            mark = json.loads(path.read_text("utf-8"))
            for item in mark["items"]:
                item["id"], float(item["points"]), float(item["earned"])
            mark["status"], mark["message"]
            whose = (mark["student"], mark["lesson"])
            if whose != (path.parent.name, path.stem):
                raise ValueError("these are another submission's")
        except (ValueError, KeyError, TypeError) as error:
            raise CourseError(
                f"{path} is no file of marks: delete it, and grade again."
            ) from error
        found.append(mark)
    if not found:
        raise CourseError(
            f"There are no marks in {Path(folder) / marks}: `course class "
            f"grade {folder}` makes them."
        )
    return found


def mark_path(folder: Path, mark: dict) -> Path:
    """Return where the mark of a student for a lesson lies."""
    return folder / "marks" / mark["student"] / f"{mark['lesson']}.json"


def write_text(path: Path, text: str, secret: bool = False) -> None:
    """Write a text file, whole or not at all.

    What no text may hold, half a character, becomes a question mark.
    """
    write_bytes(path, text.encode("utf-8", "replace"), secret)


def write_bytes(path: Path, content: bytes, secret: bool = False) -> None:
    """Write a file, whole or not at all; its folder is made.

    Nobody else may look into the folder of a secret one.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if secret:
            path.parent.chmod(0o700)
        paths.write_whole(path, content)
        if secret:
            path.chmod(0o600)
    except OSError as error:
        raise CourseError(
            f"{path} could not be written: {errors.os_reason(error)}; make its "
            "folder writable and free some disk."
        ) from error


def write_csv(
    path: Path,
    header: Iterable,
    rows: Iterable[Iterable],
    delimiter: str = ",",
) -> None:
    """Write a table that no spreadsheet takes for formulas."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
    writer.writerow(map(_no_formula, header))
    writer.writerows(map(_no_formula, row) for row in rows)
    write_text(path, stream.getvalue())


def _no_formula(value):
    if not isinstance(value, str):
        return "" if value is None else value
    # A spreadsheet ends a row there, and `csv` does not quote it.
    value = value.replace("\r", " ")
    number = re.fullmatch(r"[-+]?[\d.,]*", value)  # or the "-" of Moodle
    if value.lstrip(" ").startswith(tuple("=+-@\t")) and not number:
        return f"'{value}"
    return value
