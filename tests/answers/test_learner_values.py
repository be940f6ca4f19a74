"""One rule for numbers: what they are, and how closely they have to agree."""

import decimal
import fractions

import numpy as np
import pytest
import tensorflow as tf

from course_utils.answers import learner_values
from course_utils.answers.learner_values import RIGHT, as_number, find_match
from tests.answers import hostile

MISTAKES = [(0.6, "six"), (0.3333333, "a third"), (66.66667, "in percent")]


@pytest.mark.parametrize(
    "answer",
    [
        0.5,
        np.float16(0.5),
        np.array(0.5),
        decimal.Decimal("0.5"),
        fractions.Fraction(1, 2),
    ],
)
def test_a_number_of_any_kind_is_a_number(answer):
    assert as_number(answer) == 0.5


@pytest.mark.parametrize(
    "answer",
    ["0.5", b"1", True, np.True_, None, [0.5], np.nan, np.inf, 1j, 10**400, {}],
)
def test_what_is_no_number_is_none_and_has_a_sentence(answer):
    assert as_number(answer) is None
    told = learner_values.say_no_number(answer, "It", "a share")
    assert told.startswith("It should be one number, not ")
    assert len(told) < 100


def test_a_name_in_a_message_is_short():
    assert len(learner_values.brief(hostile.KINDS["text"]())) < 50


@pytest.mark.parametrize(
    "answer",
    [2 / 3, np.float32(2 / 3), np.float16(2 / 3), 0.67, 0.667, 0.6667, 0.6662],
)
def test_what_rounding_explains_is_right(answer):
    assert find_match(answer, 2 / 3, MISTAKES, 5e-4) == RIGHT


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (0.66, None),
        (0.671, None),
        (1, None),
        (0, None),
        (0.6, "six"),
        (0.33, "a third"),
        (66.7, "in percent"),
        (0.7, "give three digits"),
    ],
)
def test_what_rounding_does_not_explain_is_not(answer, told):
    found = find_match(answer, 2 / 3, MISTAKES, 5e-4)
    assert found is None if told is None else told in found


def test_digits_that_tell_nothing_are_asked_for():
    mistakes = [(0.748, "That is the precision.")]
    assert "three digits" in find_match(0.75, 0.752, mistakes, 5e-3)
    assert find_match(0.748, 0.752, mistakes, 5e-3) == mistakes[0][1]
    assert find_match(0.752, 0.752, mistakes, 5e-3) == RIGHT
    assert "three digits" in find_match(0.75, 0.752, [(0.75, "exactly")])
    # As many as the exercise asks for.
    assert "three digits" in find_match(0.75, 0.752, (), 1e-4, digits=3)
    assert find_match(0.75, 0.752, (), 1e-4) == RIGHT


def test_of_values_within_the_tolerance_the_nearest_counts():
    mistakes = [(0.5, "five"), (0.53, "near")]
    assert find_match(0.52411, 0.52, mistakes, 0.02) == RIGHT
    assert find_match(0.52611, 0.52, mistakes, 0.02) == "near"


def test_a_mistake_that_gives_the_same_number_is_no_mistake():
    assert find_match(0.5, 0.5, [(0.5, "the same")]) == RIGHT


def test_several_numbers_share_their_digits():
    right = np.array([0.50321, 0.01234, 12.3456])
    assert find_match(right.round(2), right) == RIGHT
    assert find_match([0.503, 0.0123, 12.3], right) == RIGHT
    assert find_match([0.503, 0.0123, 12.4], right) is None
    assert find_match(right[::-1], right, [(right[::-1], "turned")]) == "turned"
    assert find_match(right[:2], right) is None


def test_a_whole_number_is_not_a_rounded_one():
    assert find_match(12, 12.4) is None
    assert find_match(12.0, 11.6) is None
    assert find_match(1000, 1000.2) == RIGHT


class WithGradient:
    """As PyTorch's tensors that require a gradient."""

    def __array__(self, *_, **__):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")

    def detach(self):
        return self

    def cpu(self):
        return np.array(0.5)


def test_a_tensor_with_a_gradient_is_a_number():
    assert as_number(WithGradient()) == 0.5
    assert as_number([WithGradient()]) is None


def test_a_tensor_in_bfloat16_is_a_number():
    assert as_number(tf.constant(0.5, tf.bfloat16)) == 0.5
