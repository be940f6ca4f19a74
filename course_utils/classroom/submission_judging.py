"""Judge what a submission has sent, where the keys are and it is not."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from course_utils.answers import bounded_judging, question_judging, quizzes
from course_utils.answers.checks import load_sheets
from course_utils.classroom import judges, submitted_values
from course_utils.machine import paths
from course_utils.machine.errors import CourseError

_OF_A_LESSON = re.compile(r"lesson_(\d+[a-z]?)")
SHARES = {"passed": 1.0, "partial": 0.5}


def gradable(lesson: str) -> dict[str, float | str]:
    """Return what can be judged apart: by id its points, or why it cannot.

    Args:
        lesson: Number of the lesson, such as ``"02"``.

    Raises:
        CourseError: If no exercise of the lesson can be graded yet.
    """
    module = judges.load(lesson)
    found = {}
    for name, words in load_sheets()[lesson]["exercises"].items():
        found[name] = words.get("points", 1)
        if name not in module.JUDGES:
            found[name] = module.NOT_APART[name]
    if lesson in quizzes.lessons_with_quiz():
        for name, question in quizzes.load_questions(lesson).items():
            found[name] = question["points"]
            if question["type"] == "predict":
                found[name] = (
                    "a prediction can be changed once the cell below has run"
                )
    return found


def check_keys(lesson: str) -> None:
    """Refuse a key that is no choice of its question.

    Args:
        lesson: Number of the lesson, such as ``"02"``.

    Raises:
        CourseError: If there is one, or a file cannot be read.
    """
    if lesson not in quizzes.lessons_with_quiz():
        return
    keys = quizzes.load_keys(lesson)
    for name, question in quizzes.load_questions(lesson).items():
        right = keys.get(name, {}).get("answer")
        choices = [choice["id"] for choice in question.get("choices", [])]
        for one in right if isinstance(right, list) else [right]:
            if choices and one not in choices:
                raise CourseError(
                    f"data/keys/{lesson}.yml: {one!r} is no choice of {name} "
                    f"({', '.join(choices)}). Mend it, and grade again."
                )


def version(lesson: str, settings: Mapping, hidden: str = "") -> str:
    """Return a sum over all that a lesson's verdicts depend on.

    What belongs to other lessons alone is not among it, nor are points, which
    `with_points` changes without another run.

    Args:
        lesson: Number of the lesson.
        settings: What `class.toml` says of it.
        hidden: Sum over the pictures that it is judged by.
    """
    package = Path(__file__).resolve().parents[1]
    files = [
        file
        for room in ("classroom", "answers")
        for file in sorted((package / room).rglob("*.py"))
        if lesson in _OF_A_LESSON.findall(file.stem)
        or not _OF_A_LESSON.match(file.stem)
    ]
    data = paths.data_dir()
    files += [data / k / f"{lesson}.yml" for k in ("keys", "quizzes")]
    files += sorted((paths.course_dir() / "solutions").glob(f"{lesson}_*"))
    chosen = json.dumps([settings["own_seeds"], hidden])
    together = hashlib.sha256(chosen.encode())
    for file in files:
        if file.is_file():
            together.update(file.read_bytes())
    return together.hexdigest()[:16]


def judge(
    lesson: str,
    records: Iterable[tuple[dict, dict]],
    points: Mapping[str, float],
    reference: judges.Reference,
) -> list[dict]:
    """Return the items of a mark.

    Args:
        lesson: Number of the lesson.
        records: What the submission has sent, as `submission_frames.unpack`
            reads it.
        points: By id, what counts and for how much.
        reference: Our own run.
    """
    given, stopped = {}, {}
    for head, arrays in records:
        kind, name = head.get("kind"), head.get("id")
        if not isinstance(name, str):
            continue
        if kind in ("exercise", "question") and isinstance(
            head.get("given"), list
        ):
            given[kind, name] = head, arrays
            stopped.pop(name, None)
        elif kind == "stopped":
            stopped.setdefault(name, str(head.get("message"))[:300])
    items = []
    for name in _counted(lesson, points):
        kind = "exercise" if "-" in name else "question"
        item = {"id": name, "kind": kind}
        found = given.get((kind, name))
        item |= _judge_one(lesson, kind, name, found, reference)
        if found is None and name in stopped:
            item["verdict"] = "error"
            item["message"] = f"Its cell stopped: {stopped[name]}"
        items.append(_worth(item, points[name]))
    return items


def with_points(
    lesson: str, items: list[dict], points: Mapping[str, float]
) -> list[dict] | None:
    """Return judged items with what they are worth and what was earned.

    Args:
        lesson: Number of the lesson.
        items: As `judge` returns them, for whatever points.
        points: By id, what counts and for how much.

    Returns:
        The items that count; None if one of them was not judged, since it
        counted for nothing then.
    """
    judged = {item["id"]: item for item in items}
    counted = _counted(lesson, points)
    if not judged.keys() >= set(counted):
        return None
    return [_worth(judged[name], points[name]) for name in counted]


def _worth(item, points):
    earned = round(points * item["share"], 4)
    return {**item, "points": points, "earned": earned}


def _counted(lesson, points):
    able = gradable(lesson)
    return [name for name in points if not isinstance(able.get(name, ""), str)]


def _judge_one(lesson, kind, name, found, reference):
    item = {"share": 0.0, "answer": None, "misconception": None}
    item |= {"seconds": None, "verdict": "not attempted"}
    item["message"] = "Nothing was answered."
    if found is None:
        return item
    head, arrays = found
    seconds = head.get("seconds")
    if type(seconds) in (int, float) and 0 <= seconds < 1e6:
        item["seconds"] = float(seconds)
    expected = 1
    if kind == "exercise":
        expected = judges.load(lesson).JUDGES[name].answers
    if len(head["given"]) != expected:
        told = "The check was called with more or fewer things than asked."
        return item | {"verdict": "error", "message": told}
    answers = submitted_values.read_all(head["given"], arrays)
    if any(one is ... for one in answers):
        return item
    try:
        if kind == "question":
            return item | _judge_question(lesson, name, answers[0])
        return item | _judge_exercise(lesson, name, answers, reference)
    except CourseError as error:
        return item | {"verdict": "error", "message": str(error)}


def _judge_exercise(lesson, name, answers, reference):
    how = judges.load(lesson).JUDGES[name]
    status, message, *_ = bounded_judging.run(
        lambda *given: how.judge(*given, reference), *answers
    )
    wrong = message if status == "failed" else None
    return {
        "verdict": str(status),
        "share": SHARES.get(status, 0.0),
        "message": bounded_judging.shorten(message),
        "misconception": wrong and bounded_judging.shorten(wrong),
    }


def _judge_question(lesson, name, answer):
    question = quizzes.load_questions(lesson)[name]
    key = quizzes.load_keys(lesson)[name]
    order = [choice["id"] for choice in question.get("choices", [])]
    if order:
        answer = _named(answer, order)
    judged = bounded_judging.run(
        lambda one: question_judging.judge(question, key, one, order), answer
    )
    verdict = {0: "failed", 1: "passed"}.get(judged.score, "partial")
    wrong = judged.message if judged.score < 1 else None
    return {
        "verdict": verdict,
        "share": float(judged.score),
        "message": bounded_judging.shorten(judged.message),
        "answer": str(judged.answer)[:200],
        "misconception": wrong and bounded_judging.shorten(wrong),
    }


def _named(answer, order):
    """Refuse letters, which stand for other choices for each learner."""
    given = answer if isinstance(answer, list) else [answer]
    names = []
    for one in given:
        words = isinstance(one, str) and question_judging.choice_words(one)
        if not words or not set(words) <= set(order):
            shown = one[:60] if isinstance(one, str) else type(one).__name__
            raise CourseError(
                f"{shown!r} is no choice: give the words themselves, of "
                f"{', '.join(sorted(order))}."
            )
        names += words
    return names if isinstance(answer, list) else ",".join(names)
