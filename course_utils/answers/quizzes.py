"""Load a quiz, judge an answer and remember it.

Questions lie in ``data/quizzes/``, keys in ``data/keys/``: plain files, a
courtesy to whoever wants to think first. How an answer is judged is in
``questions``; what was answered is in ``progress``.
"""

import dataclasses
import random
import reprlib
from collections.abc import Iterable, Mapping

from course_utils.answers import (
    bounded_judging,
    progress_log,
    question_judging,
    quiz_text,
)
from course_utils.answers.answer_verdicts import Result, Status, Text, pick_hint
from course_utils.machine import arguments, data_files, paths
from course_utils.machine.errors import CourseError


@dataclasses.dataclass(frozen=True, repr=False)
class Quiz:
    """The questions of one lesson.

    Attributes:
        lesson: Number of the lesson, for example ``"00"``.
        questions: Questions by id, as in ``data/quizzes/``.
        keys: Keys by id, as in ``data/keys/``.
        learner: Whose order of choices is shown.
    """

    lesson: str
    questions: dict[str, dict]
    keys: dict[str, dict]
    learner: str = ""

    def __repr__(self) -> str:
        """Show all questions as plain text, with what was answered so far."""
        return quiz_text.show(self)

    def ask(self, answers: Mapping[str, object] | None = None) -> None:
        """Ask one question after the other, where no cards are shown.

        A question that is right already, and one to *predict*, is passed
        over. An empty line skips a question, an interrupt ends it; what was
        answered stands.

        Args:
            answers: By id, answers to judge without asking, for a front end
                that takes no input: ``quiz.ask({"q2": "a", "q3": "a, c"})``.

        Raises:
            CourseError: If ``answers`` is no such dict or names a question
                that there is not; nothing was judged then.
        """
        if answers is None:
            quiz_text.ask(self)
            return
        if not isinstance(answers, Mapping):
            raise CourseError(
                f"quiz.ask expects answers by question, not "
                f'{type(answers).__name__}: write quiz.ask({{"q2": "a"}}).'
            )
        for name in answers:
            self._question(name)
        for name, answer in answers.items():
            print(self.answer(name, answer))

    def only(self, *names: str) -> "Quiz":
        """Return some of the questions, to be shown where they belong.

        Args:
            names: Ids of questions, for example ``"q1"``.

        Raises:
            CourseError: If there is no such question.
        """
        some = {name: self._question(name) for name in names}
        return dataclasses.replace(self, questions=some)

    def answer(self, name: str, answer: object) -> Result:
        """Judge an answer, say why, and remember it. Try as often as you like.

        The same answer twice in a row is remembered once.

        For a question to *predict*, the answer is remembered and judged only
        by :meth:`outcome`, when the cell has run.

        Args:
            name: Id of the question, for example ``"q1"``.
            answer: What the question asks for, as its last line shows;
                ``...`` means not attempted.

        Returns:
            The verdict; ``"error"``, and not counted, if this cannot be an
            answer (a letter that no choice has, a word for a number).

        Raises:
            CourseError: If there is no such question.
        """
        question = self._question(name)
        if answer is ...:
            return self._dots(name)
        try:
            if question["type"] == "predict":
                return self._commit(name, answer)
            key, order = self.keys[name], self.order(name)
            judged = bounded_judging.run(
                lambda given: question_judging.judge(
                    question, key, given, order
                ),
                answer,
            )
        except CourseError as error:
            # No answer to this question at all: said, and not counted.
            return Result(name, Status.ERROR, str(error))
        return self._remember_judged("question", name, judged)

    def outcome(self, name: str, measured: float) -> Result:
        """Score a prediction by what a cell has measured.

        Args:
            name: Id of a question to *predict*.
            measured: What came out.

        Raises:
            CourseError: If there is no such question to predict.
        """
        question = self._question(name)
        if question["type"] != "predict":
            raise CourseError(
                f"{name} is not a question to predict: answer it with "
                f'quiz.answer("{name}", ...).'
            )
        predicted, _ = self._predicted(name)
        if predicted is None:
            message = "You have made no prediction; this time it stays open."
            return self._remember(
                "outcome", name, Status.NOT_ATTEMPTED, message
            )
        judged = question_judging.judge_prediction(
            question, predicted, question_judging.as_number(measured)
        )
        return self._remember_judged("outcome", name, judged)

    def latest(
        self, name: str, events: Iterable[progress_log.Event] | None = None
    ) -> tuple[str | float, Result] | None:
        """Return the answer that was given last, and the verdict on it.

        Judged anew from the log, which keeps answers and no words. Nothing is
        remembered.

        Args:
            name: Id of the question.
            events: Those of the log, where it was read already.

        Returns:
            ``None`` if there is no answer, or none that the question as it
            now is could have.

        Raises:
            CourseError: If there is no such question.
        """
        question = self._question(name)
        events = self._events(name, events)
        try:
            if question["type"] == "predict":
                return self._latest_prediction(name, events)
            for event in reversed(events):
                if event.kind == "question" and event.answer is not None:
                    judged = question_judging.judge(
                        question,
                        self.keys[name],
                        event.answer,
                        self.order(name),
                    )
                    return judged.answer, _verdict(name, judged)
        except CourseError:
            # The question has changed since it was answered.
            pass
        return None

    def _latest_prediction(
        self, name: str, events: list[progress_log.Event]
    ) -> tuple[float, Result] | None:
        predicted, settled = self._predicted(name, events)
        if predicted is None:
            return None
        measured = [
            event.answer
            for event in events
            if event.kind == "outcome" and event.answer is not None
        ]
        if not settled or not measured:
            message = f"Remembered: {predicted:.3g}. Now run, and see."
            return predicted, Result(name, Status.REMEMBERED, message)
        judged = question_judging.judge_prediction(
            self.questions[name], predicted, measured[-1]
        )
        return predicted, _verdict(name, judged)

    def _events(
        self, name: str, events: Iterable[progress_log.Event] | None = None
    ) -> list[progress_log.Event]:
        if events is None:
            events = progress_log.read_log().events
        place = (self.lesson, name)
        return [e for e in events if (e.lesson, e.name) == place]

    def hint(self, name: str, step: int = 1) -> Text:
        """Return a hint; a higher step says more.

        Args:
            name: Id of the question.
            step: 1 for the first hint.

        Raises:
            CourseError: If there is no such question or no such hint.
        """
        return pick_hint(name, self._question(name).get("hints", []), step)

    def order(self, name: str) -> list[str]:
        """Return the ids of a question's choices as this learner sees them."""
        order = [c["id"] for c in self.questions[name].get("choices", [])]
        random.Random(f"{self.learner}/{self.lesson}/{name}").shuffle(order)
        return order

    def _question(self, name: str) -> dict:
        if not isinstance(name, str) or name not in self.questions:
            raise CourseError(
                f"There is no question {reprlib.repr(name)} in quiz "
                f"{self.lesson}: choose one of {', '.join(self.questions)}."
            )
        return self.questions[name]

    def _dots(self, name: str) -> Result:
        """Say what dots mean, which is not that an answer is taken back."""
        if (latest := self.latest(name)) is not None:
            message = "Nothing new: what you answered before stands."
            return dataclasses.replace(latest[1], message=message)
        message = "Replace the dots with your answer, and run it again."
        return self._remember("question", name, Status.NOT_ATTEMPTED, message)

    def _predicted(
        self, name: str, events: Iterable[progress_log.Event] | None = None
    ) -> tuple[float | None, bool]:
        """Return the prediction, and whether its outcome is known."""
        value = None
        for event in self._events(name, events):
            if event.kind == "prediction":
                value = event.answer
            if event.kind == "outcome" and event.status != "not attempted":
                return value, True
        return value, False

    def _commit(self, name: str, answer: object) -> Result:
        question = self.questions[name]
        value = bounded_judging.run(
            lambda given: question_judging.as_number(
                given, question.get("unit", "")
            ),
            answer,
        )
        low, high = question["minimum"], question["maximum"]
        if not low <= value <= high:
            raise CourseError(
                f"{value:.3g} cannot be: predict a number from {low} to {high}."
            )
        earlier, settled = self._predicted(name)
        if settled:
            message = f"You have seen the outcome; {earlier:.3g} stands."
            return Result(name, Status.REMEMBERED, message)
        event = progress_log.Event(
            "prediction", self.lesson, name, answer=value
        )
        note = progress_log.remember_once(event)
        message = f"Remembered: {value:.3g}. Now run, and see."
        return Result(name, Status.REMEMBERED, message, note=note)

    def _remember_judged(
        self, kind: str, name: str, judged: question_judging.Judgement
    ) -> Result:
        verdict = _verdict(name, judged)
        return self._remember(
            kind,
            name,
            verdict.status,
            judged.message,
            judged.score,
            judged.answer,
        )

    def _remember(
        self,
        kind: str,
        name: str,
        status: Status,
        message: str,
        score: float = 0.0,
        answer: str | float | None = None,
    ) -> Result:
        event = progress_log.Event(
            kind, self.lesson, name, status, score, answer
        )
        note = progress_log.remember_once(event)
        return Result(name, status, message, (), score, note)


def _verdict(name: str, judged: question_judging.Judgement) -> Result:
    status = Status.PARTIAL
    if judged.score in (0, 1):
        status = Status.PASSED if judged.score else Status.FAILED
    return Result(name, status, judged.message, (), judged.score)


def load_quiz(lesson: str) -> Quiz:
    """Load the quiz of a lesson.

    Args:
        lesson: Number of the lesson, for example ``"00"``.

    Raises:
        CourseError: If the lesson has no quiz.
    """
    arguments.one_of("quiz", lesson, lessons_with_quiz())
    return Quiz(
        lesson,
        load_questions(lesson),
        load_keys(lesson),
        progress_log.learner_id(),
    )


def load_questions(lesson: str) -> dict[str, dict]:
    """Return the questions of a lesson by id, without their keys."""
    path = paths.data_dir() / "quizzes" / f"{lesson}.yml"
    listed = data_files.read_yaml(path)["questions"]
    return {question["id"]: question for question in listed}


def load_keys(lesson: str) -> dict[str, dict]:
    """Return the keys to the questions of a lesson, by id."""
    return data_files.read_yaml(paths.data_dir() / "keys" / f"{lesson}.yml")


def lessons_with_quiz() -> list[str]:
    """Return the numbers of the lessons that have a quiz, sorted."""
    return sorted(p.stem for p in (paths.data_dir() / "quizzes").glob("*.yml"))
