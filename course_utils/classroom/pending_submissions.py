"""Find what has to be graded, and the marks that can stay as they are.

A mark that is there and was made of the same file by the same judges is kept,
so a grading that was killed goes on where it was. Nothing is run here.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from course_utils.classroom import class_folder, judges, submission_judging
from course_utils.machine import arguments
from course_utils.machine.errors import CourseError


def look(
    folder: str | Path,
    lessons: Iterable[str] | None = None,
    students: Iterable[str] | None = None,
    sandbox: str = "none",
) -> tuple[list[dict], list[dict]]:
    """Return what has to be run, and the marks for which nothing has to be.

    Nothing is run or written. Where points alone have changed, the marks are
    those with the new points.

    Args:
        folder: The folder of the class.
        lessons: As in `grade`.
        students: As in `grade`.
        sandbox: The kind to run in.

    Returns:
        Tasks for `grade_one`, and marks.

    Raises:
        CourseError: If there is nothing to grade.
    """
    folder = Path(folder).absolute()
    told = class_folder.read_class(folder)["lessons"]
    able = [one for one in told if one in judges.LESSONS]
    wanted = [
        arguments.one_of("released lesson", one, told)
        for one in lessons or able or told
    ]
    for one in wanted:
        submission_judging.check_keys(one)
    versions = {
        one: submission_judging.version(
            one, told[one], class_folder.hidden_sum(folder, one)
        )
        for one in wanted
        if judges.load(one)  # Raises where it cannot be graded.
    }
    handed_in = sorted((folder / "submissions").glob("*/*.ipynb"))
    known = {path.parent.name: None for path in handed_in}
    chosen = known if students is None else list(students)
    if known:
        what = "submission of a student"
        chosen = [arguments.one_of(what, one, known) for one in chosen]
    tasks, kept = [], []
    for path in handed_in:
        student, lesson = path.parent.name, path.stem
        if lesson in versions and student in chosen:
            task = {
                "folder": str(folder),
                "student": student,
                "lesson": lesson,
                "grader": versions[lesson],
                "sandbox": sandbox,
            }
            mark = kept_mark(task)
            (tasks if mark is None else kept).append(mark or task)
    if not tasks and not kept:
        by = f" by {' or '.join(chosen)}" if students else ""
        raise CourseError(
            f"Nothing of lesson {' or '.join(versions)} was handed in{by}: "
            f"`course class collect` puts it into {folder / 'submissions'}."
        )
    return tasks, kept


def kept_mark(task: dict) -> dict | None:
    """Return a submission's mark with today's points; None if it has to run."""
    try:
        path = class_folder.mark_path(Path(task["folder"]), task)
        mark = json.loads(path.read_text("utf-8"))
        # A failure may have been this machine's: it is tried again.
        same = mark["status"] == "graded" and mark["grader"] == task["grader"]
        if not same or mark["sha256"] != checksum(submission_of(task)):
            return None
        points = settings_of(task)["points"]
        items = submission_judging.with_points(
            task["lesson"], mark["items"], points
        )
        return None if items is None else {**mark, "items": items}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def settings_of(task: dict) -> dict:
    """Return what `class.toml` says of a task's lesson."""
    return class_folder.read_class(task["folder"])["lessons"][task["lesson"]]


def submission_of(task: dict) -> Path:
    """Return the notebook that a task is about."""
    folder = Path(task["folder"], "submissions", task["student"])
    return folder / f"{task['lesson']}.ipynb"


def checksum(path: Path) -> str:
    """Return the sum over a file; a link, which is not followed, has none."""
    if path.is_symlink():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()
