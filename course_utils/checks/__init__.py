"""Judge what a learner made: one file of checks a lesson."""

import dataclasses
from collections.abc import Callable

from course_utils.checks import lesson_00
from course_utils.errors import CourseError
from course_utils.results import Result

_CHECKS = {**lesson_00.CHECKS}


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    Attributes:
        name: The name in the exercise's first line, for example ``"sh-01"``.
        judge: A function of the answer that returns a status and a message.
    """

    name: str
    judge: Callable[..., tuple[str, str]]

    def check(self, answer: object, *given: object) -> Result:
        """Judge an answer; never raises, changes nothing, trains nothing.

        Args:
            answer: What the learner made; ``...`` means not attempted.
            *given: What the answer was made from, as the exercise shows it.
        """
        if answer is ...:
            message = "Replace the dots with your answer, and run it again."
            return Result(self.name, "not attempted", message)
        try:
            status, message = self.judge(answer, *given)
        except Exception as error:
            status = "error"
            message = (
                f"This answer could not be judged ({type(error).__name__}: "
                f"{error}); compare its type and shape with what the exercise "
                "asks for."
            )
        return Result(self.name, status, message)


def find_exercise(name: str) -> Exercise:
    """Return an exercise by its name.

    Args:
        name: For example ``"sh-01"``.

    Raises:
        CourseError: If there is no such exercise.
    """
    if name not in _CHECKS:
        raise CourseError(
            f"There is no exercise {name!r}: the line `# exercise: ...` at "
            f"the top of its cell holds the name (known: "
            f"{', '.join(sorted(_CHECKS))})."
        )
    return Exercise(name, _CHECKS[name])
