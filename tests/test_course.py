"""The learner's door: claims, exercises, quizzes."""

import keras
import numpy as np
import pytest

from course_utils import course
from course_utils.answers import progress_log
from course_utils.answers.answer_verdicts import Result
from course_utils.machine.errors import CourseError


def test_a_lesson_that_is_begun_again_draws_the_same_numbers(work):
    def drawn(seed):
        course.begin("00", seed)
        return (*np.random.uniform(size=2), *keras.random.uniform([2]).numpy())

    assert drawn(1) == drawn(1) and drawn(1)[0] != drawn(2)[0]


def test_a_begun_lesson_is_remembered(work):
    course.begin("02")
    (event,) = progress_log.read_log().events
    assert (event.kind, event.lesson, event.status) == ("lesson", "02", "begun")


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
