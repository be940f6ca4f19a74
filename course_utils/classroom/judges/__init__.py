"""Judge what a submission has sent: one file of judges a lesson.

Each file has three names. ``JUDGES`` says, by exercise, how many of the things
passed to its check are answers, and which function judges them. ``NOT_APART``
says, by exercise, why no other process can judge it. ``prepare`` makes hidden
data, at the end of our own run of the solved lesson: from what the lesson has
made, chance, and the folder of the teacher's own pictures, where there are any;
a file that takes some names their ``CLASSES``.
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from types import ModuleType

from course_utils.machine.errors import CourseError

LESSONS = ("01", "02", "03")


@dataclasses.dataclass(frozen=True)
class Reference:
    """What our own run of the solved lesson has made.

    Attributes:
        given: By exercise, all that was passed to its check. Of models there
            is the name alone.
        prepared: What ``prepare`` has returned. ``prepared["asked"]`` holds,
            by exercise, what submissions are to predict.
    """

    given: Mapping[str, list]
    prepared: Mapping[str, object]


@dataclasses.dataclass(frozen=True)
class Judge:
    """How an exercise is judged apart.

    Attributes:
        answers: So many of the things passed to the check are taken.
        judge: A function of these and of a `Reference` that returns a status
            and a message, as the checks do. It runs no code of a submission,
            and what it gets may be forged.
    """

    answers: int
    judge: Callable[..., tuple]


def load(lesson: str) -> ModuleType:
    """Return the judges of a lesson.

    Args:
        lesson: Its number, such as ``"02"``.

    Raises:
        CourseError: If it has none.
    """
    if lesson not in LESSONS:
        raise CourseError(
            f"Lesson {lesson} cannot be graded yet: {', '.join(LESSONS)} can. "
            "Release one of these, or mark it by hand."
        )
    return importlib.import_module(
        f"course_utils.classroom.judges.lesson_{lesson}_judges"
    )
