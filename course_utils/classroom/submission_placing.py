"""Tell of each file that was handed in whose it is, and of which lesson.

Whose it is, its path says; which lesson it is of, the comments in its cells.
"""

import dataclasses
import hashlib
from pathlib import Path

from tqdm.auto import tqdm

from course_utils.classroom import (
    class_folder,
    handed_in_files,
    handed_in_names,
    submitted_answers,
)
from course_utils.machine.errors import CourseError

_NO_SENDER = (
    "Nothing says whose this is: put it into a folder that is named after the "
    "student, and collect again."
)
_NO_NOTEBOOK = "This is no notebook, and nothing in it is graded."
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
        readable: Whether it can be run at all.
        doubtful: Whether somebody should look at it before it is graded.
        earlier: Whether it was collected before, and is not here now.
    """

    source: str
    student: str = ""
    lesson: str = ""
    sha256: str = ""
    late: str = ""
    remarks: list[str] = dataclasses.field(default_factory=list)
    content: bytes | None = None
    order: tuple = ()
    readable: bool = True
    doubtful: bool = False
    earlier: bool = False

    @property
    def placed(self) -> bool:
        """Whether it is clear whose it is, and of which lesson."""
        return bool(self.student and self.lesson and self.content is not None)


def read(folder: Path, source: Path, told: dict) -> list[Submission]:
    """Return what lies in a folder or an archive.

    Args:
        folder: The folder of the class.
        source: What holds the files.
        told: What `class.toml` says.

    Raises:
        CourseError: If no notebook is in it, or it cannot be read at all.
    """
    if source.is_dir() and (source / class_folder.CLASS).is_file():
        raise CourseError(
            f"{source} is the folder of a class: name the folder that holds "
            "what was handed in."
        )
    lessons = {n: Path(c["file"]).stem for n, c in told["lessons"].items()}
    repositories = _repositories(source)
    seeds = _seeds(folder, told)
    found, stamps = [], {}
    bar = tqdm(
        handed_in_files.read_all(source), "Collecting", unit="file", delay=2
    )
    # Of what is no notebook, the name is enough.
    kept = {".ipynb", ".txt", ".zip"}
    files = [
        one
        if one.path.suffix.lower() in kept or one.content is None
        else dataclasses.replace(one, content=b"")
        for one in bar
    ]
    earlier = {path.parent.name for path in folder.glob("submissions/*/*")}
    top = handed_in_names.folder_of_all(
        [one.path for one in files if one.path.suffix.lower() == ".ipynb"],
        {*seeds.values(), *earlier},
    )
    place = handed_in_names.place_of_names(
        one.path.relative_to(top)
        for one in files
        if one.path.suffix.lower() == ".ipynb" and one.path.is_relative_to(top)
    )
    for file in files:
        if file.path.name == "timestamp.txt":
            text = (file.content or b"")[:200].decode("utf-8", "replace")
            stamps[file.path.parent] = text
            continue
        where = file.path
        if where.is_relative_to(top):
            where = where.relative_to(top)
        if where.suffix.lower() == ".zip":
            # Its name tells whose it is, as that of a folder does.
            where /= "anything"
        sender = handed_in_names.sender_of(where, lessons, repositories, place)
        student = handed_in_names.known_as(sender.student, seeds.values())
        one = Submission(str(file.path), student, late=sender.late)
        if file.path.suffix.lower() == ".ipynb" or file.content is None:
            _look_into(one, file, sender, told, seeds)
        else:
            one.remarks = [_NO_NOTEBOOK]
        found.append((file, one))
    if all(one.remarks == [_NO_NOTEBOOK] for _, one in found):
        raise CourseError(
            f"{source} holds no notebook among its {len(found)} files: name "
            "the folder or the zip file that holds what was handed in."
        )
    for file, one in found:
        stamp = stamps.get(file.path.parent)
        if stamp is not None and one.lesson in told["lessons"]:
            due = told["lessons"][one.lesson].get("due")
            one.late = handed_in_names.lateness(stamp, due)
    return [one for _, one in found]


def _look_into(one, file, sender, told, seeds):
    """Say of a file which lesson it is of, and what is odd about it."""
    one.content = file.content
    one.order = (1, file.stamp, sender.copy, str(file.path))
    if file.content is None:
        one.remarks.append(file.remark)
        return
    one.sha256 = hashlib.sha256(file.content).hexdigest()
    answers = submitted_answers.read_answers(file.content)
    one.remarks += answers.remarks
    one.lesson = answers.lesson or _lesson_by_name(file.path, told)
    one.readable = answers.readable
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
    elif missing := _questions_without_cell(answers, one.lesson, told):
        one.doubtful = True
        one.remarks.append(
            f"It has no cell for {missing}: it is the course's own copy of the "
            "lesson, where answers to cards are not kept, and not the "
            "notebook that you released."
        )
    elif told["lessons"][one.lesson]["own_seeds"] and answers.readable:
        owner = seeds.get(answers.seed, "nobody in this class")
        if one.student not in seeds.values():
            one.remarks.append(
                f"No notebook was released to {one.student or 'nobody'}, and "
                f"its seed is that of {owner}: put it into a folder that is "
                "named as in your list of students, and collect again."
            )
            one.lesson = ""
        elif owner != one.student:
            one.doubtful = True
            one.remarks.append(
                f"Its seed is that of {owner}; it is graded with the seed of "
                f"{one.student}."
            )


def _questions_without_cell(answers, lesson, told):
    """Return the questions that count, if none of them has a cell."""
    asked = [
        name for name in told["lessons"][lesson]["points"] if "-" not in name
    ]
    if not answers.cells or set(asked) & answers.cells.keys():
        return ""
    return ", ".join(asked)


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
