"""Lesson 04's checks: solution, stub, misconceptions, right in another way."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from course_utils import course
from course_utils.evaluation.calibration import fit_temperature
from course_utils.evaluation.intervals import Interval, bootstrap_over_patients
from course_utils.evaluation.metrics import (
    sensitivity_and_specificity,
    threshold_for_specificity,
)

RNG = np.random.default_rng(0)
# Forty patients with twelve pictures each, every second one malignant.
PATIENTS = np.repeat([f"p{n:02}" for n in range(40)], 12)
LABELS = np.repeat(np.arange(40) % 2, 12)
NAMES = np.unique(PATIENTS)


def noisy(labels, patients, strength):
    own = dict(zip(NAMES, RNG.normal(size=40), strict=True))
    of_patient = np.array([own[name] for name in patients])
    noise = RNG.normal(size=len(labels)) + of_patient
    return strength * (labels - 0.5) + noise


VALIDATION_SCORES = 4 * noisy(LABELS, PATIENTS, 2.0)
SCORES = 4 * noisy(LABELS, PATIENTS, 1.5)
# It knows less, and each patient has a way of his own of misleading it.
OTHERS = SCORES + 6 * np.repeat(RNG.normal(size=40), 12)
OTHERS += 2 * RNG.normal(size=480)
GIVEN = (LABELS, VALIDATION_SCORES, LABELS, SCORES)
for array in (PATIENTS, LABELS, VALIDATION_SCORES, SCORES, OTHERS):
    array.setflags(write=False)


def check(name, *given):
    result = course.exercise(name).check(*given)
    return result.status, result.message


@pytest.mark.parametrize(
    ("name", "dots"),
    [("da-01", 4), ("da-02", 6), ("da-03", 6), ("da-04", 6), ("da-05", 3)],
)
def test_the_stub_is_not_attempted(work, name, dots):
    assert check(name, *[...] * dots)[0] == "not attempted"


# da-01: a split by patient.


def of_patients(*chosen):
    return np.isin(PATIENTS, chosen)


def check_split(held_out, train=None):
    train = ~held_out if train is None else train
    return check("da-01", train, held_out, LABELS, PATIENTS)


def test_a_split_by_patient_passes_however_made(work):
    splitter = GroupShuffleSplit(1, test_size=0.25, random_state=0)
    train, held_out = next(splitter.split(LABELS, LABELS, PATIENTS))
    assert check_split(held_out, train)[0] == "passed"
    assert check_split(tf.constant(held_out), list(train))[0] == "passed"
    status, message = check_split(of_patients(*NAMES[:10]))
    assert status == "passed" and "30 patients to learn from" in message


@pytest.mark.parametrize(
    ("held_out", "train", "named"),
    [
        (RNG.random(480) < 0.25, None, "pictures in both parts"),
        (np.arange(480) < 125, None, "1 patients have pictures in both"),
        (of_patients(*NAMES[:20]), None, "50% of the patients"),
        (of_patients(*NAMES[:30]), None, "are swapped"),
        (of_patients(*NAMES[:20:2]), None, "one diagnosis only"),
        (of_patients(*NAMES[:10]), of_patients(*NAMES[11:]), "in neither"),
        (of_patients(*NAMES[:10]), np.arange(480), "are in both parts"),
        (NAMES[:10], of_patients(*NAMES[10:]), "array of positions, or a mask"),
        (of_patients(*NAMES[:10])[:400], np.arange(9), "is a mask of 400"),
        (np.arange(480, 500), np.arange(480), "positions outside of 0 to 479"),
        ([0, 0, 1], np.arange(480), "twice"),
    ],
)
def test_each_misconception_about_a_split_is_named(
    work, held_out, train, named
):
    status, message = check_split(held_out, train)
    assert status == "failed" and named in message


# da-02: a threshold for a specificity.

THRESHOLD = threshold_for_specificity(LABELS, VALIDATION_SCORES, 0.8)
PAIR = sensitivity_and_specificity(LABELS, SCORES, THRESHOLD)


def test_a_threshold_that_calls_the_same_pictures_passes(work):
    assert check("da-02", THRESHOLD, PAIR, *GIVEN)[0] == "passed"
    below = VALIDATION_SCORES[VALIDATION_SCORES < THRESHOLD].max()
    between = (THRESHOLD + below) / 2
    pair = sensitivity_and_specificity(LABELS, SCORES, between)
    assert check("da-02", between, list(pair), *GIVEN)[0] == "passed"
    assert check("da-02", tf.constant(THRESHOLD, "float64"), PAIR, *GIVEN)[
        0
    ] == ("passed")


@pytest.mark.parametrize("digits", [2, 3])
def test_a_threshold_may_be_rounded(work, digits):
    for rounded in (round(THRESHOLD, digits), np.float32(THRESHOLD)):
        own = sensitivity_and_specificity(LABELS, SCORES, rounded)
        for pair in (PAIR, own, np.round(PAIR, digits)):
            assert check("da-02", rounded, pair, *GIVEN)[0] == "passed"


def test_a_threshold_that_is_rounded_too_far_is_not_called_wrong(work):
    scores = VALIDATION_SCORES / 1000 + 0.01
    threshold = threshold_for_specificity(LABELS, scores, 0.8)
    given = LABELS, scores, LABELS, SCORES / 1000 + 0.01
    status, message = check("da-02", round(threshold, 2), PAIR, *given)
    assert status == "failed" and "rounded too far" in message


def quantile(label, share):
    return np.quantile(VALIDATION_SCORES[label == LABELS], share)


@pytest.mark.parametrize(
    ("threshold", "named"),
    [
        (threshold_for_specificity(LABELS, SCORES, 0.8), "on the test"),
        (
            threshold_for_specificity(LABELS, VALIDATION_SCORES, 0.95),
            "as in the lesson",
        ),
        (np.quantile(VALIDATION_SCORES, 0.8), "of *all* pictures"),
        (quantile(1, 0.2), "a sensitivity"),
        (quantile(0, 0.2), "turn it round"),
        (0.0, "Zero is where"),
        (1000.0, "leaves 1.000 of the benign"),
        ("high", "should be one number, not 'high'"),
        (np.nan, "should be one number"),
    ],
)
def test_each_misconception_about_a_threshold_is_named(work, threshold, named):
    status, message = check("da-02", threshold, PAIR, *GIVEN)
    assert status == "failed" and named in message


@pytest.mark.parametrize(
    ("pair", "named"),
    [
        (PAIR[::-1], "sensitivity comes first"),
        (
            sensitivity_and_specificity(LABELS, VALIDATION_SCORES, THRESHOLD),
            "of the validation patients",
        ),
        ((0.1, 0.1), "the pair is not"),
        (0.8, "should be two numbers"),
    ],
)
def test_each_misconception_about_the_pair_is_named(work, pair, named):
    status, message = check("da-02", THRESHOLD, pair, *GIVEN)
    assert status == "partial" and named in message


# da-03: a temperature.

TEMPERATURE = fit_temperature(LABELS, VALIDATION_SCORES)


def test_a_temperature_passes_and_says_too_sure(work):
    assert TEMPERATURE > 1.2
    status, message = check("da-03", TEMPERATURE, "too sure", *GIVEN)
    assert status == "passed" and "Too sure, says" in message
    assert check("da-03", 1.02 * TEMPERATURE, "Too sure ", *GIVEN)[0] == (
        "passed"
    )
    cold = LABELS, VALIDATION_SCORES / 20, LABELS, SCORES / 20
    assert check("da-03", TEMPERATURE / 20, "not sure enough", *cold)[0] == (
        "passed"
    )


@pytest.mark.parametrize(
    ("temperature", "named"),
    [
        (1 / TEMPERATURE, "one over it"),
        (fit_temperature(LABELS, SCORES), "fitted on the test"),
        (1.0, "nothing is changed"),
        (50.0, "too high"),
        (0.05, "too low"),
        (-1.0, "above 0"),
        ("warm", "not 'warm'"),
    ],
)
def test_each_misconception_about_a_temperature_is_named(
    work, temperature, named
):
    status, message = check("da-03", temperature, "too sure", *GIVEN)
    assert status == "failed" and named in message


@pytest.mark.parametrize(
    ("verdict", "named"),
    [("not sure enough", "the other one"), ("fine", "not 'fine'")],
)
def test_a_wrong_verdict_is_half_right(work, verdict, named):
    status, message = check("da-03", TEMPERATURE, verdict, *GIVEN)
    assert status == "partial" and named in message


# da-04: the interval of a difference.


def area(y, s):
    return roc_auc_score(y, s)


def difference(y, s):
    return area(y, s[:, 0]) - area(y, s[:, 1])


def fast_difference(y, s):
    ranks = stats.rankdata(s, axis=0)[y == 1].sum(axis=0)
    ones = np.count_nonzero(y == 1)
    return (ranks[0] - ranks[1]) / (ones * (len(y) - ones))


def ends(metric, scores, groups=PATIENTS, seed=5):
    drawn = bootstrap_over_patients(
        metric, LABELS, scores, groups, 400, seed=seed
    )
    return np.array(drawn[1:])


@pytest.fixture(scope="module")
def intervals():
    both = np.stack([SCORES, OTHERS], axis=1)
    first, second = ends(area, SCORES), ends(area, OTHERS)
    return {
        "right": ends(difference, both),
        "pictures": ends(difference, both, np.arange(480)),
        "first": first,
        "second": second,
        "subtracted": first - second,
        "unpaired": np.array([first[0] - second[1], first[1] - second[0]]),
    }


def check_interval(interval, decision="better"):
    given = SCORES, OTHERS, LABELS, PATIENTS
    return check("da-04", interval, decision, *given)


def test_the_interval_of_the_difference_passes(work, intervals):
    right = intervals["right"]
    assert right[0] > 0
    assert check_interval(right)[0] == "passed"
    assert check_interval((right.mean(), *right))[0] == "passed"
    assert check_interval(tf.constant(right), "Better")[0] == "passed"


def test_zero_within_it_cannot_be_told(work):
    near = SCORES + 0.5 * np.random.default_rng(3).normal(size=480)
    both = np.stack([SCORES, near], axis=1)
    right = ends(difference, both)
    assert right[0] < 0 < right[1]
    given = SCORES, near, LABELS, PATIENTS
    assert check("da-04", right, "cannot tell", *given)[0] == "passed"
    status, message = check("da-04", right, "better", *given)
    assert status == "partial" and "whether zero lies" in message


def test_the_worse_of_two_is_called_worse(work, intervals):
    given = OTHERS, SCORES, LABELS, PATIENTS
    worse = -intervals["right"][::-1]
    assert check("da-04", worse, "worse", *given)[0] == "passed"
    assert check("da-04", worse, "better", *given)[0] == "partial"


@pytest.mark.parametrize("low", [0.002, -0.002])
def test_near_zero_the_decision_follows_from_ones_own(work, monkeypatch, low):
    # The judge's own lower end is a little above zero, or a little below.
    monkeypatch.setattr(
        "course_utils.evaluation.intervals.bootstrap_over_patients",
        lambda *given: Interval(0.05, low, 0.1),
    )
    assert check_interval((0.003, 0.1), "better")[0] == "passed"
    assert check_interval((-0.003, 0.1), "cannot tell")[0] == "passed"
    assert check_interval((0.003, 0.1), "worse")[0] == "partial"


@pytest.mark.parametrize(
    ("which", "named"),
    [
        ("pictures", "drawn over pictures"),
        ("first", "of `scores` alone"),
        ("second", "of `free_scores` alone"),
        ("subtracted", "were subtracted"),
        ("unpaired", "other patients"),
    ],
)
def test_each_misconception_about_the_interval_is_named(
    work, intervals, which, named
):
    status, message = check_interval(intervals[which])
    assert status == "failed" and named in message


def test_an_interval_of_another_share_is_told(work, share=0.8):
    both = np.stack([SCORES, OTHERS], axis=1)
    drawn = bootstrap_over_patients(
        fast_difference, LABELS, both, PATIENTS, 1000, share
    )
    status, message = check_interval(drawn[1:])
    assert status == "failed" and "one of 95 % is asked for" in message


def test_an_interval_of_areas_of_decisions_is_named(work):
    both = np.stack([SCORES, OTHERS], axis=1) > 0
    drawn = bootstrap_over_patients(
        fast_difference, LABELS, both, PATIENTS, 400, seed=3
    )
    status, message = check_interval(drawn[1:])
    assert status == "failed" and "areas of decisions" in message


def test_other_answers_about_the_interval_are_named(work, intervals):
    assert "reversed" in check_interval(-intervals["right"][::-1])[1]
    assert "is not it" in check_interval((-3, 3))[1]
    assert "two numbers" in check_interval(0.1)[1]
    assert "two numbers" in check_interval("wide")[1]
    status, message = check_interval(intervals["right"], "yes")
    assert status == "partial" and "not 'yes'" in message


# da-05: which pictures to label.


def draw(each, names=NAMES, seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.choice(np.flatnonzero(PATIENTS == name), each, replace=False)
            for name in names
        ]
    )


def check_rows(rows):
    return check("da-05", rows, LABELS, PATIENTS)


def test_two_of_each_patient_pass(work):
    assert check_rows(draw(2))[0] == "passed"
    assert check_rows(list(draw(2, seed=1)))[0] == "passed"
    mask = np.isin(np.arange(480), draw(2))
    status, message = check_rows(mask)
    assert status == "passed" and "of 40 patients" in message


def in_turn(first, second):
    starts = 12 * np.arange(40)
    places = [(first(n) % 12, second(n) % 12) for n in range(40)]
    return (starts[:, None] + places).ravel()


@pytest.mark.parametrize("step", [1, 2, 5])
def test_any_two_in_turn_are_not_chance(work, step):
    ways = [
        (lambda n: step * n, lambda n: step * n + 1),
        (lambda n: step * n, lambda n: step * n + 4),
    ]
    for way in ways:
        status, message = check_rows(in_turn(*way))
        assert status == "failed" and "let chance choose" in message


@pytest.mark.parametrize("pictures", [2, 3, 5, 12])
def test_chance_is_not_taken_for_a_pattern(work, pictures):
    patients = np.repeat(NAMES, pictures)
    labels = np.repeat(np.arange(40) % 2, pictures)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        rows = [
            n * pictures + rng.choice(pictures, 2, replace=False)
            for n in range(40)
        ]
        rows = np.concatenate(rows)
        status, message = check("da-05", rows, labels, patients)
        assert status == "passed", message


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (draw(10, NAMES[:8]), "come from 8 patients"),
        (RNG.permutation(480)[:80], "has"),
        (draw(1), "There are 40 pictures"),
        (np.concatenate([draw(1), draw(1)]), "twice"),
        (np.arange(480).reshape(40, 12)[:, :2].ravel(), "let chance choose"),
        (np.append(draw(2)[:-1], 480), "outside of 0 to 479"),
        (NAMES, "array of positions"),
        (draw(2).astype(float), "whole numbers"),
        (
            # The first two of each, one of them altered.
            np.append(np.arange(480).reshape(40, 12)[:, :2].ravel()[:-1], 475),
            "Of 39 patients",
        ),
        (
            np.concatenate([draw(1, NAMES[:20]), draw(3, NAMES[20:])]),
            "One patient has 3",
        ),
    ],
)
def test_each_misconception_about_labels_is_named(work, rows, named):
    status, message = check_rows(rows)
    assert status == "failed" and named in message
