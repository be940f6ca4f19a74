"""Judge an answer to a question: one function a type, no files, no state.

A question is a mapping as it stands in ``data/quizzes/``, its key a mapping
as in ``data/keys/``. Each function returns a :class:`Judgement`. An answer
that cannot be one (a letter that no choice has, a word for a number) raises
:class:`CourseError`, so that it is never counted as wrong.
"""

import dataclasses
import re
import reprlib
import unicodedata
from collections.abc import Iterable, Mapping

from course_utils.answers import learner_values
from course_utils.machine.errors import CourseError
from course_utils.machine.text_arguments import as_typed

_ARTICLES = ("a", "an", "the")
_NUMBER = re.compile(r"\s*([-+]?[\d.,]+(?:[eE][-+]?\d+)?)\s*(.*?)\s*")


@dataclasses.dataclass(frozen=True)
class Judgement:
    """How good an answer is, and what to tell the learner.

    Attributes:
        score: From 0 to 1.
        message: Why, in one to three sentences.
        answer: The answer as it was understood, for the log.
    """

    score: float
    message: str
    answer: str | float


def judge(
    question: Mapping, key: Mapping, answer: object, order: Iterable[str]
) -> Judgement:
    """Judge an answer to a question of any type but *predict*.

    Args:
        question: The question; ``question["type"]`` selects what follows.
        key: Its key.
        answer: A letter or a choice's id (single); several of them, as a list
            or as text such as ``"a, c"`` (several); a number, or text such as
            ``"12 %"`` (number); text (text).
        order: Ids of the choices in the order in which the learner sees them:
            the first is ``a``.

    Raises:
        CourseError: If the answer cannot be one to this question.
    """
    kind = question["type"]
    if kind == "single":
        return _judge_single(question, key, answer, list(order))
    if kind == "several":
        return _judge_several(question, key, answer, list(order))
    if kind == "number":
        return _judge_number(question, key, answer)
    return _judge_text(question, key, answer)


def judge_prediction(
    question: Mapping, predicted: float, measured: float
) -> Judgement:
    """Judge a prediction by what the cell then measured.

    Args:
        question: The question; ``question["tolerance"]`` is how far off a
            good prediction may be.
        predicted: What the learner committed to.
        measured: What came out.

    Returns:
        Full score within the tolerance, half within twice the tolerance.
    """
    off = abs(predicted - measured)
    tolerance = question["tolerance"]
    # A hair of slack: 0.7 - 0.5 is a little more than 0.2 to a computer.
    score = 1.0 if off <= tolerance * (1 + 1e-9) else 0.0
    if not score and off <= 2 * tolerance * (1 + 1e-9):
        score = 0.5
    verdict = {1.0: "Well predicted", 0.5: "Not far", 0.0: "A surprise"}[score]
    message = (
        f"{verdict}: you predicted {predicted:.3g}, it is {measured:.3g}. "
        f"{question['explanation'].strip()}"
    )
    return Judgement(score, message, measured)


def as_number(answer: object, unit: str = "") -> float:
    """Return the number in an answer.

    Args:
        answer: A number, an array or tensor of one number, or text such as
            ``"0.5"``, ``"0,5"`` or ``"12 ms"``.
        unit: The unit that the question asks for; text may carry it.

    Raises:
        CourseError: If there is no finite number, or another unit.
    """
    wanted = f"a number in {unit}" if unit else "a number"
    shown = reprlib.repr(answer)
    if isinstance(answer, str):
        match = _NUMBER.fullmatch(as_typed(answer))
        given = match.group(2) if match else ""
        if given == "%" != unit:
            raise CourseError(f"{shown}: give a share from 0 to 1, without %.")
        if match is None or given.casefold() not in (
            "",
            as_typed(unit).casefold(),
        ):
            raise CourseError(f"{shown} is not {wanted}: give just that.")
        answer = match.group(1)
        if re.search(r",\d{3}(\D|$)", answer):
            raise CourseError(
                f"{shown} can be read in two ways: write it with a decimal "
                "point, and without commas."
            )
        answer = _as_float(answer.replace(",", "."))
    elif getattr(answer, "size", 0) == 1 and hasattr(answer, "item"):
        answer = answer.item()
    value = learner_values.as_number(answer)
    if value is None:
        raise CourseError(f"{shown} is not {wanted}: give just that.")
    return value


def _as_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _judge_single(question, key, answer, order) -> Judgement:
    chosen = _choice(answer, order)
    feedback = _choices(question)[chosen]["feedback"].strip()
    return Judgement(float(chosen == key["answer"]), feedback, chosen)


def _judge_several(question, key, answer, order) -> Judgement:
    if isinstance(answer, str):
        answer = choice_words(answer)
    try:
        answer = list(answer)
    except Exception:  # Each library refuses in a way of its own.
        answer = [answer]
    chosen = {_choice(one, order) for one in answer}
    if not chosen:
        raise CourseError("Nothing is chosen: give one letter or several.")
    right = set(key["answer"])
    # A wrong choice takes away what a right one gives, so that choosing
    # everything earns nothing.
    good, bad = len(chosen & right), len(chosen - right)
    score = max(0.0, (good - bad) / len(right))
    choices = _choices(question)
    wrong = [c for c in order if c in chosen - right]
    parts = [choices[c]["feedback"].strip() for c in wrong]
    if missing := len(right - chosen):
        parts.append(f"{missing} more {'is' if missing == 1 else 'are'} right.")
    if not parts:
        parts = [choices[c]["feedback"].strip() for c in order if c in right]
    return Judgement(score, " ".join(parts), ", ".join(sorted(chosen)))


def _judge_number(question, key, answer) -> Judgement:
    value = as_number(answer, question.get("unit", ""))
    mistakes = [
        (mistake["answer"], mistake["feedback"].strip())
        for mistake in key.get("mistakes", [])
    ]
    found = learner_values.find_match(
        value, key["answer"], mistakes, key.get("tolerance", 0)
    )
    if found == learner_values.RIGHT:
        return Judgement(1.0, question["feedback"].strip(), value)
    told = [text for _, text in mistakes]
    if found is not None and found not in told:
        raise CourseError(found)  # More digits are asked for.
    return Judgement(0.0, found or question["otherwise"].strip(), value)


def _judge_text(question, key, answer) -> Judgement:
    if not isinstance(answer, str) or not _plain(answer):
        raise CourseError(
            f"{reprlib.repr(answer)} is not a word: answer with one in quotes."
        )
    given = _plain(answer)
    if given in map(_plain, key["answer"]):
        return Judgement(1.0, question["feedback"].strip(), answer)
    for mistake in key.get("mistakes", []):
        if given in map(_plain, mistake["answer"]):
            return Judgement(0.0, mistake["feedback"].strip(), answer)
    return Judgement(0.0, question["otherwise"].strip(), answer)


def _choices(question: Mapping) -> dict[str, Mapping]:
    return {choice["id"]: choice for choice in question["choices"]}


def _choice(answer: object, order: list[str]) -> str:
    """Return the id of a choice, given by its letter or its id."""
    letters = [letter_of(choice, order) for choice in order]
    word = _folded(str(answer))
    if word in order:
        return word
    if word in letters:
        return order[letters.index(word)]
    raise CourseError(
        f"{reprlib.repr(answer)} is not a choice: give one of the letters "
        f"{', '.join(letters)}."
    )


def choice_words(text: str) -> list[str]:
    """Return the letters or ids of choices in a text, as they are listed."""
    return [_folded(one) for one in re.split(r"[,;\s]+", text) if one]


def _folded(word):
    return as_typed(word).rstrip(").").lower()


def letter_of(choice: str, order: list[str]) -> str:
    """Return the letter under which a learner sees a choice."""
    return chr(ord("a") + order.index(choice))


def _plain(text: str) -> str:
    """Return a text without case, accents, hyphens, article, punctuation."""
    text = unicodedata.normalize("NFKD", as_typed(text)).casefold()
    text = re.sub(r"[-_/]", " ", text)
    text = re.sub(r"[^\w\s]", "", text)
    words = text.split()
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    return " ".join(words)
