"""Lesson 00's checks: solution, stub, misconceptions, right in another way."""

import numpy as np
import pytest

from course_utils import course

#                   four of class 1: two found, one of the others misnamed
LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2])
PREDICTED = np.array([0, 0, 0, 0, 1, 1, 1, 0, 2, 2])


def check(answer):
    return course.exercise("sh-01").check(answer, LABELS, PREDICTED, 1)


def test_the_solution_passes():
    recall = np.mean(PREDICTED[LABELS == 1] == 1)
    result = check(recall)
    assert result.status == "passed"
    assert "2 of the 4" in result.message


def test_the_stub_is_not_attempted():
    assert check(...).status == "not attempted"


def test_right_in_another_way_is_right():
    import tensorflow

    same = [0.5, np.float32(0.5), np.array(0.5), tensorflow.constant(0.5)]
    assert [check(answer).status for answer in same] == ["passed"] * 4


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (50.0, "in percent"),
        (2, "how many were found"),
        (2 / 3, "precision"),
        (0.7, "accuracy over all classes"),
        (0.2, "divided by all pictures"),
        (PREDICTED == 1, "one number"),
        (0.123, "is not the recall"),
        (float("nan"), "is not the recall"),
    ],
)
def test_each_misconception_has_its_own_message(answer, named):
    result = check(answer)
    assert result.status == "failed"
    assert named in result.message


def test_the_share_missed_is_named_where_it_differs():
    labels, predicted = np.array([1, 1, 1, 1]), np.array([1, 0, 0, 0])
    exercise = course.exercise("sh-01")
    result = exercise.check(0.75, labels, predicted, 1)
    assert result.status == "failed"
    assert "missed" in result.message


@pytest.mark.parametrize("answer", ["half", None, object(), [1, [2]]])
def test_an_answer_that_cannot_be_judged_does_not_raise(answer):
    assert check(answer).status in ("error", "failed")


def test_a_check_changes_nothing():
    labels, predicted = LABELS.copy(), PREDICTED.copy()
    check(0.5)
    assert np.array_equal(labels, LABELS)
    assert np.array_equal(predicted, PREDICTED)
