"""Judging an answer, type by type."""

import numpy as np
import pytest

from course_utils.answers import question_judging
from course_utils.machine.errors import CourseError

CHOICES = [
    {"id": "right", "text": "one", "feedback": "Yes."},
    {"id": "also", "text": "two", "feedback": "Also."},
    {"id": "wrong", "text": "three", "feedback": "No, because."},
    {"id": "worse", "text": "four", "feedback": "Not at all."},
]
ORDER = ["wrong", "right", "worse", "also"]
TOLD = {"feedback": "Right.", "otherwise": "Think again."}


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("b, d", 1),
        (["right", "also"], 1),
        ("d b", 1),
        ("b", 0.5),
        ("a, b, d", 0.5),
        ("a, b, c, d", 0),
        ("a", 0),
    ],
)
def test_several_gives_partial_credit_and_nothing_for_everything(answer, score):
    several = {"type": "several", "choices": CHOICES}
    key = {"answer": ["right", "also"]}
    judged = question_judging.judge(several, key, answer, ORDER)
    assert judged.score == score
    assert ("No, because." in judged.message) == ("a" in str(answer)[:2])


def test_several_says_how_many_are_missing_and_not_which():
    several = {"type": "several", "choices": CHOICES}
    key = {"answer": ["right", "also"]}
    assert question_judging.judge(several, key, "b", ORDER).message == (
        "1 more is right."
    )


def test_several_right_ones_each_have_their_say():
    several = {"type": "several", "choices": CHOICES}
    key = {"answer": ["right", "also"]}
    judged = question_judging.judge(several, key, "b, d", ORDER)
    assert judged.message == "Yes. Also."


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(0.5, "Well predicted"), (0.75, "Not far"), (0.9, "A surprise")],
)
def test_a_prediction_is_told_how_far_off_it_was_and_why(measured, verdict):
    question = {"tolerance": 0.1, "explanation": "Features carry over.\n"}
    judged = question_judging.judge_prediction(question, 0.6, measured)
    assert judged.message == (
        f"{verdict}: you predicted 0.6, it is {measured}. Features carry over."
    )


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (12, 1),
        (12.4, 1),
        (12.6, 0),
        ("12", 1),
        ("12 ms", 1),
        ("12ms", 1),
        ("1.2e1 MS", 1),
        ("12,3", 1),
        (-12, 0),
    ],
)
def test_a_number_has_a_tolerance_and_a_unit(answer, score):
    number = {"type": "number", "unit": "ms", **TOLD}
    key = {"answer": 12, "tolerance": 0.5}
    assert question_judging.judge(number, key, answer, []).score == score


@pytest.mark.parametrize(
    "answer",
    ["twelve", "12 s", "", True, None, float("nan"), [1, 2], "1 2", 10**400],
)
def test_what_is_no_number_in_this_unit_is_a_sentence(answer):
    number = {"type": "number", "unit": "ms", **TOLD}
    with pytest.raises(CourseError, match="is not a number in ms"):
        question_judging.judge(number, {"answer": 12}, answer, [])


def test_a_number_that_can_be_read_in_two_ways_is_refused():
    with pytest.raises(CourseError, match="in two ways"):
        question_judging.as_number("1,000")
    assert question_judging.as_number("0,75") == 0.75


@pytest.mark.parametrize("answer", ["", "  ", [], {}])
def test_nothing_chosen_is_a_sentence(answer):
    several = {"type": "several", "choices": CHOICES}
    with pytest.raises(CourseError, match="Nothing is chosen"):
        question_judging.judge(several, {"answer": ["right"]}, answer, ORDER)


def test_a_letter_may_be_written_as_it_is_printed():
    single = {"type": "single", "choices": CHOICES}
    assert (
        question_judging.judge(single, {"answer": "right"}, "b)", ORDER).score
        == 1
    )


def test_numbers_of_every_library_are_numbers():
    import tensorflow as tf

    for value in (np.float32(12), np.array([12]), tf.constant(12.0)):
        assert question_judging.as_number(value) == 12


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("fine-tuning", 1),
        ("Fine tuning", 1),
        ("FINE TUNING.", 1),
        ("adaptation", 1),
        ("freezing", 0),
        ("tuning fine", 0),
    ],
)
def test_a_text_has_synonyms(answer, score):
    text = {"type": "text", **TOLD}
    key = {"answer": ["fine-tuning", "adaptation"]}
    assert question_judging.judge(text, key, answer, []).score == score


@pytest.mark.parametrize("answer", [12, None, "", "  ", "?!"])
def test_what_is_no_text_is_a_sentence(answer):
    with pytest.raises(CourseError, match="is not a word"):
        question_judging.judge(
            {"type": "text", **TOLD}, {"answer": []}, answer, []
        )


DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"


@pytest.mark.parametrize("dash", DASHES)
@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f", "\u2009", ""])
def test_what_a_word_processor_writes_is_judged_like_what_is_typed(dash, blank):
    number = {"type": "number", "unit": "ms", **TOLD}
    key = {"answer": -0.00125, "tolerance": 0}
    for answer in (f"{dash}1.25e{dash}3{blank}ms", f"{blank}{dash}0,00125"):
        judged = question_judging.judge(number, key, answer, [])
        assert judged.score == 1, answer
    text = {"type": "text", **TOLD}
    key = {"answer": ["fine-tuning rate"]}
    for answer in (
        f"Fine{dash}tuning{blank or ' '}rate",
        f"fine{dash}\u200btuning rate\ufeff",
    ):
        assert question_judging.judge(text, key, answer, []).score == 1
    single = {
        "type": "single",
        "choices": [{"id": "from-scratch", "text": "one", "feedback": "Yes."}],
    }
    key = {"answer": "from-scratch"}
    for answer in (f"from{dash}scratch{blank}", f"{blank}a)"):
        judged = question_judging.judge(single, key, answer, ["from-scratch"])
        assert judged.score == 1
    several = {**single, "type": "several"}
    answer = f"a,{blank}from{dash}scratch"
    key = {"answer": ["from-scratch"]}
    judged = question_judging.judge(several, key, answer, ["from-scratch"])
    assert judged.score == 1


def test_a_power_is_no_digit():
    number = {"type": "number", **TOLD}
    with pytest.raises(CourseError, match="is not a number"):
        question_judging.judge(number, {"answer": 102}, "10\u00b2", [])
