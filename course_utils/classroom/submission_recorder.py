"""Stand in for `course` where a submission runs: record, and judge nothing.

A module of this one's making takes the place of `course_utils.course`. What
it writes down is only as honest as the submission; the judge, elsewhere, takes
it for data.
"""

import sys
import types
from collections.abc import Callable, Mapping

from course_utils.classroom import submitted_values

LONGEST_NAME = 40


class Recorder:
    """What a submission has answered, until it is sent.

    Args:
        asked: By exercise, what the judge wants predictions of.
        wanted: By exercise, how many of the things passed to its check are
            sent; of others none. All are, and no model, where this is None.
        lesson: Whose questions count; all do where this is None.

    Attributes:
        checked: By exercise or question, in which cell it was last answered.
        cell: The number of the cell that runs.
        seconds: How long the cells ran that are marked as an exercise's or a
            question's, by its id.
    """

    def __init__(
        self,
        asked: Mapping[str, object] | None = None,
        wanted: Mapping[str, int] | None = None,
        lesson: str | None = None,
    ) -> None:
        """Begin with nothing."""
        self._asked, self._wanted = asked or {}, wanted
        self._lesson = lesson
        self._pending: dict[tuple, tuple[dict, dict]] = {}
        self.checked: dict[str, int] = {}
        self.cell = 0
        self.seconds: dict[str, float] = {}

    def add(self, kind: str, name: object, lesson: object, *given) -> None:
        """Write answers down; the last count, but never dots over answers."""
        name, lesson = str(name)[:LONGEST_NAME], str(lesson)[:LONGEST_NAME]
        if kind == "question" and self._lesson not in (None, lesson):
            return
        models = self._wanted is not None
        if models and kind == "exercise":
            given = given[: self._wanted.get(name, 0)]
        if name in self.checked and any(one is ... for one in given):
            return
        writer = submitted_values.Writer(self._asked.get(name), models)
        trees = [writer.write(one) for one in given]
        head = {"kind": kind, "id": name, "lesson": lesson, "given": trees}
        self._pending[kind, name] = head, writer.arrays
        self.checked[name] = self.cell

    def send(self, emit: Callable) -> None:
        """Emit what was written down since the last time."""
        for head, arrays in self._pending.values():
            seconds = self.seconds.get(head["id"])
            if seconds is not None:
                head["seconds"] = round(seconds, 3)
            emit(head, arrays)
        self._pending.clear()


class _Recorded:
    """What a recorder says of an answer."""

    def __repr__(self) -> str:
        return "Recorded."


class _Exercise:
    def __init__(self, recorder, name):
        self._recorder, self._name = recorder, name

    def check(self, *given):
        self._recorder.add("exercise", self._name, "", *given)
        return _Recorded()

    def hint(self, step=1):
        return ""

    solution = hint


class _Quiz:
    def __init__(self, recorder, lesson):
        self._recorder, self.lesson = recorder, lesson

    def answer(self, name, answer):
        self._recorder.add("question", name, self.lesson, answer)
        return _Recorded()

    def ask(self, answers=None):
        for name, answer in dict(answers or {}).items():
            self.answer(name, answer)

    def outcome(self, name, measured):
        return _Recorded()

    def hint(self, name, step=1):
        return ""


def install(recorder: Recorder) -> None:
    """Put a recording `course` in the place of the learner's door.

    Args:
        recorder: What writes down.
    """
    from course_utils.answers.checks.training_evidence import watch

    door = types.ModuleType("course_utils.course", "The learner's door.")
    door.begin = _begin
    door.claim = lambda holds, sentence: None
    door.exercise = lambda name: _Exercise(recorder, name)
    door.quiz = lambda lesson: _Quiz(recorder, lesson)
    door.explore = door.progress = lambda *given, **options: None
    door.watch = watch
    sys.modules["course_utils.course"] = door
    sys.modules["course_utils"].course = door


def _begin(lesson: str, seed: int = 0) -> None:
    from course_utils.notebook import lesson_start

    lesson_start.import_keras_quietly()
    import keras

    keras.utils.set_random_seed(seed)
