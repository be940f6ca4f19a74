"""Say in the course's words what an item asks, and what was answered."""

import functools

from course_utils.answers import quizzes
from course_utils.answers.checks import load_sheets


def asked(lesson: str, name: str) -> str:
    """Return what an exercise or question asks for; empty if unknown.

    Args:
        lesson: Number of the lesson.
        name: Id of the exercise or question.
    """
    sheet = load_sheets().get(lesson, {"exercises": {}})
    if name in sheet["exercises"]:
        return sheet["objectives"][sheet["exercises"][name]["objective"]]
    return _question(lesson, name).get("prompt", "").strip()


def answered(lesson: str, name: str, answer: object) -> str:
    """Return an answer as the student read it: the words of each choice.

    Args:
        lesson: Number of the lesson.
        name: Id of the question.
        answer: As a mark keeps it: ids of choices, or what was typed.
    """
    choices = {
        choice["id"]: choice["text"].strip()
        for choice in _question(lesson, name).get("choices", ())
    }
    given = str(answer or "")
    chosen = given.split(", ")
    if not choices.keys() >= set(chosen):
        return given
    return "; ".join(text for one, text in choices.items() if one in chosen)


def _question(lesson, name):
    return _questions(lesson).get(name, {})


@functools.cache
def _questions(lesson):
    known = lesson in quizzes.lessons_with_quiz()
    return quizzes.load_questions(lesson) if known else {}
