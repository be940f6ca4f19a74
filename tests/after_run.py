"""What the log says after all lessons ran; `make test` calls this.

Not collected by name: it follows a run of all notebooks, in the work folder
(COURSE_WORK) of that run, which was empty at its start.
"""

import pytest

from course_utils import checks, progress, quizzes, smoke

UNSOLVED = smoke.is_on()
EXERCISES = [
    (lesson, name)
    for lesson, sheet in checks.load_sheets().items()
    for name in sheet["exercises"]
]
QUESTIONS = [
    (lesson, name)
    for lesson in quizzes.lessons_with_quiz()
    for name in quizzes.load_quiz(lesson).questions
]


def verdicts(kinds, lesson, name):
    """Every verdict that a run has left."""
    return {
        event.status
        for event in progress.read_log().events
        if (event.lesson, event.name) == (lesson, name) and event.kind in kinds
    }


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_every_exercise(lesson, name):
    expected = "not attempted" if UNSOLVED else "passed"
    assert verdicts({"exercise"}, lesson, name) == {expected}, (
        f"the solution of {name} in lesson {lesson}, and its judge, disagree"
    )


@pytest.mark.parametrize(("lesson", "name"), QUESTIONS)
def test_every_question(lesson, name):
    expected = "not attempted" if UNSOLVED else "passed"
    assert verdicts({"question", "outcome"}, lesson, name) == {expected}, (
        f"the answer to {name} in lesson {lesson}, and data/keys, disagree"
    )
