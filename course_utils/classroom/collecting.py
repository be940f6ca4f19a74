"""Put what was handed in into one order, whatever system it comes from.

A file that cannot be placed is listed with the reason, so nothing is lost.
Whose it is, its path says; which lesson it is of, the comments in its cells.
"""

import collections
import dataclasses
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tqdm.auto import tqdm

from course_utils.classroom import (
    class_folder,
    handed_in_files,
    handed_in_names,
    notebook_answers,
)

_NO_SENDER = (
    "Nothing says whose this is: put it into a folder that is named after the "
    "student, and collect again."
)
_NO_LESSON = (
    "Nothing says which lesson this is: its cells have no line such as `# "
    "exercise: fe-03`."
)


@dataclasses.dataclass
class Submission:
    """A file that was handed in, and what was told about it.

    Attributes:
        source: Where it lay.
        student: Name of the student's folder; empty if it cannot be told.
        lesson: Number of the lesson; empty if it cannot be told.
        sha256: Checksum of its content.
        late: `"yes"`, `"no"`, or empty where nothing says.
        remarks: What the teacher should know, a sentence each.
        content: Its bytes; `None` if it was refused.
        order: Of two files the greater is the newer one.
    """

    source: str
    student: str = ""
    lesson: str = ""
    sha256: str = ""
    late: str = ""
    remarks: list[str] = dataclasses.field(default_factory=list)
    content: bytes | None = None
    order: tuple = ()

    @property
    def placed(self) -> bool:
        """Whether it is clear whose it is, and of which lesson."""
        return bool(self.student and self.lesson and self.content is not None)


def collect(
    folder: str | Path,
    source: str | Path | None = None,
    *,
    dry_run: bool = False,
) -> list[Submission]:
    """Collect what was handed in into `submissions/` and `collected.csv`.

    Collecting again adds what is new: of two files of one student and lesson
    the newer stays, and the remark says so.

    Args:
        folder: The folder of the class.
        source: A folder or a zip archive of notebooks as Moodle, Canvas,
            nbgrader, GitHub Classroom or e-mail leave them. Defaults to
            `incoming/` in the folder of the class.
        dry_run: Write nothing.

    Returns:
        All files, those that could not be placed included.

    Raises:
        CourseError: If the folder is not that of a class, or there is no
            source.
    """
    folder = Path(folder)
    told = class_folder.read_class(folder)
    source = folder / "incoming" if source is None else Path(source)
    found = _read(folder, source, told)
    _name_twins_apart(found)
    everything = _newest_first(found, _earlier(folder))
    chosen, rows = {}, []
    for one in everything:
        place = (one.student, one.lesson)
        if not one.placed:
            rows.append(one)
        elif place not in chosen:
            chosen[place] = one
            rows.append(one)
        else:
            _set_aside(one, chosen[place], rows)
    rows.sort(key=lambda one: (not one.placed, one.student, one.lesson))
    if not dry_run:
        _write(folder, chosen, rows)
    return rows


def _read(folder, source, told):
    lessons = {n: Path(c["file"]).stem for n, c in told["lessons"].items()}
    repositories = _repositories(source)
    seeds = _seeds(folder, told)
    found, stamps = [], {}
    bar = tqdm(
        handed_in_files.read_all(source), "Collecting", unit="file", delay=2
    )
    for file in bar:
        if file.path.name == "timestamp.txt":
            text = (file.content or b"")[:200].decode("utf-8", "replace")
            stamps[file.path.parent] = text
        elif file.path.suffix.lower() == ".ipynb" or file.content is None:
            sender = handed_in_names.sender_of(file.path, lessons, repositories)
            found.append((file, _placed(file, sender, told, seeds)))
        else:
            remark = "This is no notebook, and nothing in it is graded."
            found.append((file, Submission(str(file.path), remarks=[remark])))
    for file, one in found:
        stamp = stamps.get(file.path.parent)
        if stamp is not None and one.lesson in told["lessons"]:
            due = told["lessons"][one.lesson].get("due")
            one.late = handed_in_names.lateness(stamp, due)
    return [one for _, one in found]


def _placed(file, sender, told, seeds):
    """Return a file with whose it is, and of which lesson."""
    one = Submission(
        str(file.path),
        student=sender.student,
        late=sender.late,
        content=file.content,
        order=(1, file.stamp, sender.copy, str(file.path)),
    )
    if file.content is None:
        one.remarks.append(file.remark)
        return one
    one.sha256 = hashlib.sha256(file.content).hexdigest()
    answers = notebook_answers.read_answers(file.content)
    one.remarks += answers.remarks
    one.lesson = answers.lesson or _lesson_by_name(file.path, told)
    if not answers.readable:
        one.order = (0, *one.order[1:])
    if not one.student:
        one.remarks.append(_NO_SENDER)
    if not one.lesson:
        one.remarks.append(_NO_LESSON)
    elif one.lesson not in told["lessons"]:
        one.remarks.append(
            f"Lesson {one.lesson} was not released to the class."
        )
        one.lesson = ""
    elif told["lessons"][one.lesson]["own_seeds"] and answers.readable:
        owner = seeds.get(answers.seed, "nobody in this class")
        if owner != one.student:
            one.remarks.append(
                f"Its seed is that of {owner}; it is graded with the seed of "
                f"{one.student}."
            )
    return one


def _lesson_by_name(path, told):
    names = " ".join(path.parts)
    for lesson, content in told["lessons"].items():
        if Path(content["file"]).stem in names:
            return lesson
    return ""


def _seeds(folder, told):
    if not any(lesson["own_seeds"] for lesson in told["lessons"].values()):
        return {}
    return {
        class_folder.student_seed(folder, path.name): path.name
        for path in (folder / "release").glob("*")
        if path.is_dir()
    }


def _repositories(source):
    if not source.is_dir():
        return None
    folders = [*source.glob("*/"), *source.glob("*/*/")]
    return handed_in_names.prefix_of_repositories(
        {path.name: (path / ".git").exists() for path in folders}
    )


def _name_twins_apart(found: Iterable[Submission]):
    """Give two students of one name two folders, by their numbers."""
    numbers = collections.defaultdict(set)
    for one in found:
        if number := number_of(one.source):
            numbers[one.student, one.lesson].add(number)
    for one in found:
        known = numbers[one.student, one.lesson]
        if one.placed and len(known) > 1:
            one.remarks.append(
                f"{len(known)} students are called {one.student}: this is the "
                f"one with the number {number_of(one.source) or 'unknown'}."
            )
            one.student += f" ({number_of(one.source) or 'unknown'})"


def number_of(source: str) -> str:
    """Return the number that a learning system gave to a student.

    Args:
        source: Where the student's file lay.
    """
    return handed_in_names.sender_of(PurePosixPath(source), {}).number


def _earlier(folder):
    """Return what was collected before, as it lies in the folder."""
    for row in class_folder.read_collected(folder):
        one = Submission(
            row["source file"],
            row["student"],
            row["lesson"],
            row["sha256"],
            row["late"],
            [text for text in row["remarks"].split(" | ") if text],
        )
        path = _place(folder, one)
        if one.student and one.lesson and path.is_file():
            one.content = path.read_bytes()
            readable = notebook_answers.read_answers(one.content).readable
            one.order = (int(readable), path.stat().st_mtime, 0, "")
        else:
            one.lesson = ""
        yield one


def _newest_first(found, earlier):
    known = {(one.source, one.sha256, one.student) for one in found}
    kept = [
        one
        for one in earlier
        if (one.source, one.sha256, one.student) not in known
    ]
    return sorted([*found, *kept], key=lambda one: one.order, reverse=True)


def _set_aside(one, newer, rows):
    """Say of an older file that it does not count, and keep it in the list."""
    if one.sha256 == newer.sha256:
        text = f"It is the same as {newer.source}."
    elif one.order[0] < newer.order[0]:
        text = f"It cannot be read; {newer.source} counts instead."
    else:
        text = f"An older one: {newer.source} counts instead."
        newer.remarks.append(f"Newer than {one.source}, so this one counts.")
    one.remarks.append(text)
    rows.append(dataclasses.replace(one, content=None, lesson=""))


def _place(folder, one):
    return folder / "submissions" / one.student / f"{one.lesson}.ipynb"


def _write(folder, chosen, rows):
    for one in chosen.values():
        path = _place(folder, one)
        if not path.is_file() or path.read_bytes() != one.content:
            class_folder.write_bytes(path, one.content)
        if len(one.order) > 1 and one.order[1]:
            os.utime(path, (one.order[1], one.order[1]))
    table = [
        (
            one.student,
            one.lesson,
            one.source,
            one.sha256,
            one.late,
            " | ".join(dict.fromkeys(one.remarks)),
        )
        for one in rows
    ]
    class_folder.write_csv(
        folder / class_folder.COLLECTED, class_folder.COLLECTED_COLUMNS, table
    )
