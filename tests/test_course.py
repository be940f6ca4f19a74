"""The learner's door: claims, exercises, quizzes."""

import pytest

from course_utils import course
from course_utils.answers.answer_verdicts import Result
from course_utils.machine.errors import CourseError


def test_a_claim_that_holds_is_printed(capsys):
    course.claim(True, "the head learns.")
    assert capsys.readouterr().out == "Holds: the head learns.\n"


def test_a_claim_that_fails_stops_the_lesson():
    with pytest.raises(AssertionError, match="the head learns"):
        course.claim(False, "the head learns.")


def test_a_smoke_run_judges_no_claim(capsys, monkeypatch):
    monkeypatch.setenv("COURSE_SMOKE", "1")
    course.claim(False, "the head learns.")
    assert capsys.readouterr().out.startswith("Not judged in a smoke run")


def test_an_unknown_exercise_is_a_sentence():
    with pytest.raises(CourseError, match="no exercise 'sh-99'.*sh-01"):
        course.exercise("sh-99")


def test_a_result_has_a_known_status():
    with pytest.raises(ValueError, match="'fine' is not a valid"):
        Result("sh-01", "fine", "")


def test_a_score_is_a_share():
    with pytest.raises(ValueError, match="from 0 to 1"):
        Result("sh-01", "passed", "", score=12)
