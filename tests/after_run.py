"""What the log says after all lessons ran; `make test` calls this.

Not collected by name: it follows a run of all notebooks, solved and unsolved,
each in its own work folder (conftest.py at the top), empty at its start.
"""

import pytest

from course_utils.answers import checks, progress_log, quizzes
from tests.conftest import TOP

EXPECTED = {"solved": "passed", "unsolved": "not attempted"}
EXERCISES = [
    (lesson, name)
    for lesson, sheet in checks.load_sheets().items()
    for name in sheet["exercises"]
]
# Cells answer what is to be predicted; the rest is for the learner alone.
# (That each key is right by its own judge: tests/answers/test_quizzes.py.)
QUESTIONS = [
    (lesson, name, question["type"] == "predict")
    for lesson in quizzes.lessons_with_quiz()
    for name, question in quizzes.load_questions(lesson).items()
]


@pytest.fixture(params=EXPECTED)
def expected(request, monkeypatch):
    """What one of the two runs should have left everywhere."""
    monkeypatch.setenv("COURSE_WORK", str(TOP / "build" / request.param))
    return EXPECTED[request.param]


def verdicts(kinds, lesson, name):
    """Every verdict that the run has left."""
    return {
        event.status
        for event in progress_log.read_log().events
        if (event.lesson, event.name) == (lesson, name) and event.kind in kinds
    }


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_every_exercise(lesson, name, expected):
    assert verdicts({"exercise"}, lesson, name) == {expected}, (
        f"the solution of {name} in lesson {lesson}, and its judge, disagree"
    )


@pytest.mark.parametrize(("lesson", "name", "in_cell"), QUESTIONS)
def test_every_question(lesson, name, in_cell, expected):
    found = verdicts({"question", "outcome"}, lesson, name)
    assert found == ({expected} if in_cell else set()), (
        f"what lesson {lesson} does with {name}"
    )
