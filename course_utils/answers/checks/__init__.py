"""Judge what a learner made: one file of checks a lesson.

``data/exercises/`` holds the words of each exercise (objective, hints,
points), the file of its lesson here holds its judge, and ``lessons/`` its
solution. A judge returns a status, a message and, where there is some, the
evidence for it.
"""

import dataclasses
import functools
import importlib
import inspect
import re
import reprlib
import textwrap
from collections.abc import Callable

from course_utils.answers import bounded_judging, progress_log
from course_utils.answers.answer_verdicts import Result, Status, Text, pick_hint
from course_utils.machine import data_files, paths
from course_utils.machine.errors import CourseError


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson.

    Attributes:
        name: The name in the exercise's first line, for example ``"sh-01"``.
        lesson: Number of its lesson.
        judge: A function of the answer (and what it was made from) that
            returns a status, a message and the evidence for it.
        hints: In steps, each saying more.
    """

    name: str
    lesson: str
    judge: Callable[..., tuple]
    hints: tuple[str, ...]

    def __repr__(self) -> str:
        """Say what can be done with it."""
        return (
            f"Exercise {self.name}: .check(...) judges your answer, .hint() "
            f"helps ({len(self.hints)} steps), .solution() shows one way."
        )

    def check(self, answer: object = ..., *given: object) -> Result:
        """Judge an answer and remember the verdict.

        Never raises, changes nothing, trains nothing.

        Args:
            answer: What the learner made; ``...`` means not attempted.
            *given: What the answer was made from, as the exercise shows it.
        """
        if answer is ... or any(one is ... for one in given):
            message = "Replace the dots with your answer, and run it again."
            return self._remembered(Status.NOT_ATTEMPTED, message)
        asked = list(inspect.signature(self.judge).parameters)
        if 1 + len(given) != len(asked):
            message = (
                f"The check wants {len(asked)} things ({', '.join(asked)}), "
                f"and got {1 + len(given)}: call it as the lesson does."
            )
            return self._remembered(Status.ERROR, message)
        try:
            status, message, evidence = bounded_judging.run(
                self._judged, answer, *given
            )
        except CourseError as error:
            return self._remembered(Status.ERROR, str(error))
        score = {Status.PASSED: 1.0, Status.PARTIAL: 0.5}.get(status, 0.0)
        return self._remembered(status, message, evidence, score)

    def _judged(self, *values: object) -> tuple[Status, str, tuple[str, ...]]:
        status, message, *rest = self.judge(*values)
        facts = rest[0] if rest else ()
        shorten = bounded_judging.shorten
        return Status(status), shorten(message), tuple(map(shorten, facts))

    def _remembered(
        self,
        status: str,
        message: str,
        evidence: tuple[str, ...] = (),
        score: float = 0.0,
    ) -> Result:
        event = progress_log.Event(
            "exercise", self.lesson, self.name, status, score
        )
        note = progress_log.remember(event)
        return Result(self.name, status, message, evidence, score, note)

    def hint(self, step: int = 1) -> Text:
        """Return a hint; a higher step says more.

        Args:
            step: 1 for the first hint.

        Raises:
            CourseError: If there is no such step.
        """
        return pick_hint(f"Exercise {self.name}", self.hints, step)

    def solution(self, insist: bool = False) -> Text:
        """Return one solution, as the text of its code.

        Args:
            insist: Show it before anything was tried.

        Raises:
            CourseError: If nothing was tried yet and ``insist`` is false.
        """
        tried = any(
            (event.kind, event.name) == ("exercise", self.name)
            and event.status != Status.NOT_ATTEMPTED
            for event in progress_log.read_log().events
        )
        if not tried and not insist:
            raise CourseError(
                f"Try {self.name} first, and check it: .hint() helps. To see "
                "a solution all the same, .solution(insist=True)."
            )
        return Text(find_solution(self.lesson, self.name))


def find_exercise(name: str) -> Exercise:
    """Return an exercise by its name.

    Args:
        name: For example ``"sh-01"``.

    Raises:
        CourseError: If there is no such exercise.
    """
    for lesson, sheet in load_sheets().items():
        if isinstance(name, str) and name in sheet["exercises"]:
            hints = tuple(sheet["exercises"][name]["hints"])
            module = importlib.import_module(
                f"{__name__}.lesson_{lesson}_checks"
            )
            return Exercise(name, lesson, module.JUDGES[name], hints)
    known = [n for sheet in load_sheets().values() for n in sheet["exercises"]]
    raise CourseError(
        f"There is no exercise {reprlib.repr(name)}: the line `# exercise: "
        "...` at the top of its cell holds the name (known: "
        f"{', '.join(sorted(known))})."
    )


@functools.cache
def load_sheets() -> dict[str, dict]:
    """Return ``data/exercises/``: by lesson, its title, objectives, exercises.

    Read once a process.
    """
    folder = paths.data_dir() / "exercises"
    return {
        path.stem: data_files.read_yaml(path)
        for path in sorted(folder.glob("*.yml"))
    }


def find_solution(lesson: str, name: str) -> str:
    """Return the solution of an exercise, from the source of its lesson.

    Args:
        lesson: Number of the lesson.
        name: Name of the exercise.

    Raises:
        CourseError: If the lesson's source is missing, or has no such
            exercise.
    """
    for path in (paths.course_dir() / "lessons").glob(f"{lesson}_*.py"):
        cells = re.split(r"^# %%.*\n", path.read_text("utf-8"), flags=re.M)
        for cell in cells:
            if re.search(rf"^# exercise: {re.escape(name)}$", cell, re.M):
                regions = re.findall(
                    r"### BEGIN SOLUTION\n(.*?) *### END SOLUTION", cell, re.S
                )
                return textwrap.dedent("".join(regions)).strip()
    raise CourseError(
        f"The solution of {name} was not found in lessons/: download the "
        "course again."
    )
