"""Settle how lessons are released: what is asked for now, and what was before.

What is not asked for stays as it was at an earlier release, so that a second
one changes only what it names.
"""

import datetime
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from course_utils.answers import quizzes
from course_utils.answers.checks import load_sheets
from course_utils.classroom import class_folder, judges, submission_judging
from course_utils.machine.errors import CourseError


def settle(
    folder: Path,
    lessons: Iterable[str],
    *,
    due: datetime.datetime | None = None,
    points: Mapping[str, float] | None = None,
    checks: bool | None = None,
    hints: bool | None = None,
    students: Iterable[str] | None = None,
) -> tuple[dict, dict[str, list[str]]]:
    """Return what `class.toml` is to say, and who gets a notebook.

    Args:
        folder: The folder of the class.
        lessons: Numbers of the lessons to release.
        due: As in `release`, and so are all others.
        points: By item.
        checks: Whether the cells that judge at once stay.
        hints: Whether hints are shown.
        students: Names.

    Returns:
        What is to be written, and for each lesson the names of those who get a
        seed of their own; none where all get the same notebook.

    Raises:
        CourseError: If a lesson, an item or a name is unknown or makes no
            sense.
    """
    lessons = list(dict.fromkeys(lessons))
    if not lessons:
        raise CourseError("No lesson was named: release 02, for example.")
    told = {"lessons": {}}
    if (folder / class_folder.CLASS).is_file():
        told = class_folder.read_class(folder)
    sheets = {one: _points(one) for one in lessons}
    for lesson, worth in sheets.items():
        if earlier := told["lessons"].get(lesson, {}).get("points"):
            # What is not in there was left out of the mark.
            worth.update({item: earlier.get(item, 0) for item in worth})
    _give(sheets, dict(points or {}))
    given = None if students is None else _names(students)
    names = {}
    for lesson, worth in sheets.items():
        earlier = told["lessons"].get(lesson, {})
        file = f"{class_folder.lesson_source(lesson).stem}.ipynb"
        names[lesson] = given or []
        if given is None and earlier.get("own_seeds"):
            places = (folder / "release").glob(f"*/{file}")
            names[lesson] = _names(sorted(one.parent.name for one in places))
        due_then = due or earlier.get("due")
        told["lessons"][lesson] = {
            "file": file,
            "own_seeds": bool(names[lesson]),
            "checks": earlier.get("checks", True) if checks is None else checks,
            "hints": earlier.get("hints", False) if hints is None else hints,
            "points": {item: value for item, value in worth.items() if value},
            **({"due": due_then} if due_then else {}),
        }
    return told, names


def describe(lesson: str, settings: Mapping) -> str:
    """Return in one sentence how a lesson is released.

    Args:
        lesson: Its number.
        settings: What `class.toml` says of it.
    """
    due, when = settings.get("due"), "no due date"
    if due:
        when = f"due {due_in_words(due)}"
        if due < datetime.datetime.now(due.tzinfo):
            when += " (this is past)"
    ways = [
        f"{sum(settings['points'].values()):g} points",
        "checks" if settings["checks"] else "no checks",
        "hints" if settings["hints"] else "no hints",
        "a seed for each student" if settings["own_seeds"] else "one seed",
    ]
    return f"Lesson {lesson}: {when}, {', '.join(ways)}."


def due_in_words(due: datetime.datetime) -> str:
    """Return a due date as learners and teachers read it."""
    return f"{due:%A, %d %B %Y, %H:%M}{due:%Z}"


def read_points(words: Iterable[str]) -> dict[str, float]:
    """Return points by item, from words such as ``"fe-03=4"``.

    Raises:
        CourseError: If one is not of this form.
    """
    points = {}
    for word in words:
        item, _, number = word.partition("=")
        try:
            points[item.strip()] = float(number)
        except ValueError:
            raise CourseError(
                f"{word!r} gives no points: write an item and a number, such "
                "as fe-03=4."
            ) from None
    return points


def read_due(words: str) -> datetime.datetime:
    """Return a due time; a date alone is the end of that day.

    Raises:
        CourseError: If it is neither a date nor a time.
    """
    for read in (datetime.date, datetime.datetime):
        try:
            return class_folder.end_of_day(read.fromisoformat(words.strip()))
        except ValueError:
            continue
    raise CourseError(
        f"{words!r} is no time: write a date and a time such as "
        "2027-03-01T18:00, or a date alone, whose last minute then counts."
    )


def read_names(path: str | Path) -> list[str]:
    """Return the names of a class, from a file with one in each line.

    Raises:
        CourseError: If it cannot be read, or is a table.
    """
    path = Path(path)
    if not path.exists():
        raise CourseError(
            f"{path} does not exist: name a text file with one name per line."
        )
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise CourseError(
            f"{path} cannot be read: write a text file, in UTF-8, with one "
            "name per line."
        ) from error
    names = [line for line in text.splitlines() if line.strip()]
    # "Meyer, Anna" has a comma, too.
    odd = [n for n in names if re.search(r"[;\t]|,.*[,@]|@.*,", n)]
    if odd:
        raise CourseError(
            f"{path} looks like a table ({odd[0].strip()!r}): write one name "
            "per line, and nothing else."
        )
    return names


def _points(lesson):
    """Return the points of each exercise and question of a lesson."""
    class_folder.lesson_source(lesson)
    worth = load_sheets().get(lesson, {}).get("exercises", {})
    found = {name: words["points"] for name, words in worth.items()}
    if lesson in quizzes.lessons_with_quiz():
        asked = quizzes.load_questions(lesson)
        found |= {name: one["points"] for name, one in asked.items()}
    if lesson in judges.LESSONS:
        # What cannot be judged apart is worth nothing.
        apart = submission_judging.gradable(lesson)
        found = {
            k: v for k, v in found.items() if not isinstance(apart[k], str)
        }
    return found


def _give(sheets, points):
    """Give other points to items, in each lesson that has them."""
    known = ", ".join(item for worth in sheets.values() for item in worth)
    for item, value in points.items():
        having = [worth for worth in sheets.values() if item in worth]
        if not having or not 0 <= value < 1000:
            raise CourseError(
                f"{item!r} cannot be worth {value:g} points: give from 0 to "
                f"999 points to one of {known}."
            )
        for worth in having:
            worth[item] = value


def _names(students):
    names = [class_folder.file_name(one) for one in students if one.strip()]
    # Some systems take "anna" and "Anna" for one folder.
    plain = [name.casefold() for name in names]
    twice = sorted(n for n in names if plain.count(n.casefold()) > 1)
    if twice or not names or not all(names):
        wrong = "names nobody" if not names else "has an empty name"
        wrong = f"names {twice[0]!r} twice" if twice else wrong
        raise CourseError(
            f"The list of students {wrong}: give one name a line, each another."
        )
    return names
