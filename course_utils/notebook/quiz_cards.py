"""Show a quiz as cards.

The cards are a face and nothing else: Python judges through `Quiz.answer`,
and what a card shows is read from the log. So a cell that is run twice, or
anew after a restart, shows what was answered, whoever asked. No key leaves
Python. Needs a kernel; ``course`` shows plain text where there is none.
"""

import contextlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import anywidget
import IPython
import traitlets

from course_utils.answers import progress_log, question_judging
from course_utils.answers.answer_verdicts import Result, Status
from course_utils.answers.quizzes import Quiz
from course_utils.machine.errors import CourseError
from course_utils.notebook import frontend

_STATIC = Path(__file__).resolve().parent / "static"

# The words of a verdict on a question; a check uses those of `Status`.
_WORDS = {
    Status.PASSED: "Right.",
    Status.PARTIAL: "Partly right.",
    Status.FAILED: "Not right.",
    Status.REMEMBERED: "Not judged yet.",
    Status.NOT_ATTEMPTED: "Not judged yet.",
    Status.ERROR: "Not counted.",
}
# By type of question: how to answer, and the label of what is typed.
_HOW = {
    "several": "Choose all that are right.",
    "predict": "Predict before you run the cell: what it measures scores this.",
}


class QuizCards(anywidget.AnyWidget):
    """The cards of one quiz, in as many places as they are shown.

    Attributes:
        title: What the group of cards is called.
        questions: What is asked, in order, without keys and feedback.
        standings: By question: what was answered, and the verdict.
        points: How many of the points were reached, in words.
    """

    _esm = _STATIC / "quiz.js"
    _css = _STATIC / "quiz.css"
    title = traitlets.Unicode().tag(sync=True)
    questions = traitlets.List().tag(sync=True)
    standings = traitlets.Dict().tag(sync=True)
    points = traitlets.Unicode().tag(sync=True)

    def __init__(self, quiz: Quiz) -> None:
        """Draw a quiz as it stands in the log."""
        self._quiz = quiz
        self._hints: dict[str, list[str]] = {}
        # What cannot be an answer is told, and stands in no log.
        self._refused: dict[str, tuple[object, Result]] = {}
        super().__init__(
            title=f"Questions of lesson {quiz.lesson}",
            questions=[_asked(quiz, name) for name in quiz.questions],
        )
        self.refresh()
        self.on_msg(self._receive)

    def refresh(self) -> None:
        """Show what the log says."""
        events = progress_log.read_log().events
        best = progress_log.best_scores(events)
        reached = total = 0.0
        standings = {}
        for name, question in self._quiz.questions.items():
            score = best.get((self._quiz.lesson, name))
            reached += question["points"] * (score or 0)
            total += question["points"]
            standings[name] = standing = self._standing(name, events)
            verdict = standing["verdict"]
            if verdict and (score or 0) > verdict.pop("score"):
                verdict["note"] = verdict["note"] or "Your best try counts."
        self.standings = standings
        self.points = f"{reached:g} of {total:g} points"
        if self.comm is not None:
            frontend.hear_clicks_while_busy(self)

    def _standing(
        self, name: str, events: Iterable[progress_log.Event]
    ) -> dict:
        hints = self._hints.get(name, [])
        found = self._refused.get(name) or self._quiz.latest(name, events)
        if found is None:
            return {
                "given": None,
                "verdict": None,
                "hints": hints,
                "button": _button(self._quiz.questions[name], None),
                "closed": False,
            }
        answer, result = found
        question = self._quiz.questions[name]
        given = _given(question, answer)
        letters = ""
        if question.get("choices") and result.status != Status.ERROR:
            order = self._quiz.order(name)
            marks = sorted(
                question_judging.letter_of(one, order) for one in given
            )
            letters = f"You chose {', '.join(marks)}. "
        return {
            "given": given,
            "verdict": {
                "status": result.status.value,
                "score": result.score,
                "word": _WORDS[result.status],
                "message": letters + result.message,
                "note": result.note,
            },
            "hints": hints,
            "button": _button(question, result),
            "closed": _is_closed(question, result),
        }

    def _receive(self, _: object, content: object, buffers: object) -> None:
        """Take what was done in a card: an answer, or the wish for a hint."""
        if not isinstance(content, dict):
            return
        name = content.get("name")
        if not isinstance(name, str) or name not in self._quiz.questions:
            return
        if content.get("do") == "answer":
            self._answer(name, content.get("answer"))
        elif content.get("do") == "hint":
            shown = self._hints.get(name, [])
            with contextlib.suppress(CourseError):
                hint = self._quiz.hint(name, len(shown) + 1)
                self._hints[name] = [*shown, str(hint)]
        self.refresh()
        self.send({"done": name, "request": content.get("request")})
        frontend.hear_clicks_while_busy(self)

    def _answer(self, name: str, answer: object) -> None:
        self._refused.pop(name, None)
        question = self._quiz.questions[name]
        if isinstance(answer, list):
            answer = [str(one) for one in answer]
        elif not isinstance(answer, str):
            answer = ""
        if not re.search(r"\w", "".join(answer)):
            verb = "Choose" if question.get("choices") else "Write"
            message = f"{verb} your answer first."
            result = Result(name, Status.ERROR, message)
        else:
            result = self._quiz.answer(name, answer)
        # What could not be saved is not in the log either.
        if result.status == Status.ERROR or result.note:
            self._refused[name] = (answer, result)


def _asked(quiz: Quiz, name: str) -> dict:
    """Return what a card shows of a question: no key, and no feedback."""
    question = quiz.questions[name]
    order = quiz.order(name)
    texts = {c["id"]: c["text"] for c in question.get("choices", [])}
    how = _HOW.get(question["type"], "")
    label = "Your answer"
    if question["type"] == "predict":
        label = "Your prediction"
    if question.get("unit"):
        label += f" in {question['unit']}"
    points = question["points"]
    return {
        "id": name,
        "type": question["type"],
        "prompt": question["prompt"].strip(),
        "choices": [
            {
                "id": choice,
                "letter": question_judging.letter_of(choice, order),
                "text": texts[choice].strip(),
            }
            for choice in order
        ],
        "label": label,
        "how": how,
        "worth": "1 point" if points == 1 else f"{points:g} points",
        "hints": len(question.get("hints", [])),
    }


def _given(question: dict, answer: object) -> list[str] | str:
    """Return an answer as the form holds it."""
    if not question.get("choices"):
        return f"{answer:g}" if isinstance(answer, float) else str(answer)
    if isinstance(answer, str):
        answer = [one.strip() for one in answer.split(",")]
    known = {choice["id"] for choice in question["choices"]}
    return [one for one in answer if one in known]


def _button(question: dict, result: Result | None) -> str:
    word = "Predict" if question["type"] == "predict" else "Check"
    if result and _is_closed(question, result):
        return "Predicted"
    return f"{word} again" if result else word


def _is_closed(question: dict, result: Result) -> bool:
    """Tell whether nothing more can be answered: the outcome is known."""
    judged = (Status.PASSED, Status.PARTIAL, Status.FAILED)
    return question["type"] == "predict" and result.status in judged


# One for the same questions: what is shown again is the same cards in one more
# place, and hears of what is answered in the other.
_cards: dict[tuple[str, ...], QuizCards] = {}
_seen: list[object] = []


def show_cards(quiz: Quiz) -> tuple[dict, dict]:
    """Return what a notebook shows of a quiz besides its text.

    Args:
        quiz: The quiz.

    Returns:
        Contents by MIME type, and their metadata.
    """
    _show_figures()
    name = quiz.lesson, *quiz.questions
    cards = _cards.get(name)
    if cards is None or cards.comm is None or cards._quiz != quiz:
        cards = _cards[name] = QuizCards(quiz)
        _follow_the_log()
    cards.refresh()
    bundle = cards._repr_mimebundle_()
    data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
    # The text of a card is that of the quiz, for where there is no card.
    return {k: v for k, v in data.items() if k != "text/plain"}, metadata


def _show_figures() -> None:
    """Show the figures of the cell, which else come below what it returns."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot and "inline" in pyplot.get_backend():
        pyplot.show()


def _follow_the_log() -> None:
    """After each cell, show in the cards what the cell has answered."""
    if _seen:
        return
    _seen.append(_stamp())

    def refresh(*_: object) -> None:
        if _seen[0] != (now := _stamp()):
            _seen[0] = now
            for cards in _cards.values():
                cards._refused.clear()
                cards.refresh()

    IPython.get_ipython().events.register("post_run_cell", refresh)


def _stamp() -> tuple[int, int]:
    try:
        stat = progress_log.log_path().stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size
