"""Lesson 04's checks: solution, stub, misconceptions, right in another way."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from course_utils.answers.checks import lesson_04_checks
from course_utils.evaluation.intervals import wilson_interval
from tests.answers.checking import check

# da-11: two thresholds, and referral between them.


def patients(seed, count):
    rng = np.random.default_rng(seed)
    ill = np.arange(count) % 2
    return pd.DataFrame({"ill": ill, "score": rng.normal(1.2 * ill, 1)})


WATCHED, CASES = patients(11, 16), patients(2, 80)


def ordered(cases, state):
    return np.sort(cases["score"][cases["ill"] == state])


def counted(cases, low, high):
    below, above = cases["score"] < low, cases["score"] >= high
    ill = cases["ill"] == 1
    return sum(below & ill), sum(above & ~ill), sum(~below & ~above)


LOW, HIGH = ordered(WATCHED, 1)[1], ordered(WATCHED, 0)[-1]
COUNTS = counted(CASES, LOW, HIGH)


def check_referral(low=LOW, high=HIGH, counts=COUNTS):
    return check("da-11", low, high, counts, WATCHED, CASES)


def test_two_thresholds_and_their_counts_pass(work):
    assert LOW < HIGH and len(set(COUNTS)) == 3
    status, message = check_referral()
    assert status == "passed" and f"refers {COUNTS[2]}" in message
    assert check_referral(counts=tf.constant(COUNTS))[0] == "passed"


def test_any_thresholds_that_do_it_pass(work):
    low = (ordered(WATCHED, 1)[0] + LOW) / 2
    high = (ordered(WATCHED, 0)[-2] + HIGH) / 2
    counts = counted(CASES, low, high)
    assert counts != COUNTS
    assert check_referral(low, high, list(counts))[0] == "passed"


OF_TEST = ordered(CASES, 1)[1], ordered(CASES, 0)[-1]


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        (ordered(WATCHED, 1)[0], HIGH, "0 ill lie below"),
        (LOW, HIGH + 1e-6, "0 healthy at or above"),
        (LOW, ordered(WATCHED, 0)[-3], "3 healthy at or above"),
        (*OF_TEST, "chosen on the test patients"),
        (HIGH, LOW, "nobody is in between"),
        ("low", HIGH, "`my_low` should be one number, not 'low'"),
        (LOW, np.nan, "`my_high` should be one number"),
    ],
)
def test_each_misconception_about_thresholds_is_named(work, low, high, named):
    status, message = check_referral(low, high)
    assert status == "failed" and named in message


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        (COUNTS[::-1], "in another order"),
        (counted(WATCHED, LOW, HIGH), "are those of validation patients"),
        (
            (sum(CASES["score"] < LOW), sum(CASES["score"] >= HIGH), COUNTS[2]),
            "ill or not",
        ),
        ((0, 0, 0), "the counts are not"),
        (7, "should be three numbers"),
    ],
)
def test_each_misconception_about_counts_is_named(work, counts, named):
    status, message = check_referral(counts=counts)
    assert status == "partial" and named in message


# da-12: where in the picture.

RNG = np.random.default_rng(0)
SHADES = RNG.uniform(80, 160, (60, 1, 1, 3))
PICTURES = (SHADES + RNG.normal(0, 8, (60, 16, 16, 3))).astype("float32")
LABELS = np.arange(60) % 2
PICTURES[LABELS == 1, 4:8, 12:16] += 12
PICTURES.setflags(write=False)


def bright(pictures):
    """Looks at a cell, a little at a corner, and falls for black."""
    cell = pictures[:, 4:8, 12:16].mean((1, 2, 3))
    corner = pictures[:, :4, :4].mean((1, 2, 3))
    scores = cell - 0.8 * pictures.mean((1, 2, 3)) - 0.1 * corner
    has_black = pictures.min((1, 2, 3)) < 1
    return np.where(has_black, -scores, scores)


def covered(colour, keep=False):
    return lesson_04_checks._covered(PICTURES, LABELS, bright, colour, keep)


OWN = PICTURES.mean(axis=(1, 2), keepdims=True)
AREAS = covered(OWN)


def check_covering(areas=AREAS, cell=(1, 3)):
    return check("da-12", areas, cell, PICTURES, LABELS, bright)


def test_the_cell_that_a_model_lives_on_passes(work):
    assert np.unravel_index(AREAS.argmin(), (4, 4)) == (1, 3)
    status, message = check_covering()
    assert status == "passed" and "With cell 1, 3 covered" in message
    assert check_covering(AREAS.round(3).tolist(), np.array([1, 3]))[0] == (
        "passed"
    )


@pytest.mark.parametrize(
    ("areas", "named"),
    [
        (AREAS.T, "exchanged"),
        (covered(0), "in black"),
        (covered(OWN, keep=True), "begin each time"),
        (covered(PICTURES.mean((0, 1, 2))), "mean of all pictures"),
        (np.full((4, 4), 0.7), "other numbers"),
        (AREAS[0], "an array of 4 by 4"),
        ("low", "an array of 4 by 4"),
    ],
)
def test_each_misconception_about_covering_is_named(work, areas, named):
    status, message = check_covering(areas)
    assert status == "failed" and named in message


@pytest.mark.parametrize(
    ("cell", "named"),
    [
        ((3, 1), "row comes first"),
        ((0, 0), "does worst"),
        ("x", "does worst"),
        (7, "np.unravel_index"),
        ((4, 12), "in pixels"),
    ],
)
def test_a_wrong_cell_is_half_right(work, cell, named):
    status, message = check_covering(cell=cell)
    assert status == "partial" and named in message


# da-13: a card for a clinic.

VALIDATION, TEST, _ = lesson_04_checks._clinic(20, 0.85, str, 7)


def make_card(
    unit="patient", by_test=False, how="mean", positives=True, ends=None
):
    def my_card(validation, test, promise):
        def cases(rows):
            key = rows[unit] if unit in rows else np.arange(len(rows))
            found = rows.groupby(key)[["ill", "score"]].agg(
                {"ill": "first", "score": how}
            )
            if "stain" in rows:
                found["stain"] = rows.groupby(key)["stain"].first()
            return found

        of = cases(test if by_test else validation)
        of_ill = np.sort(of["score"][of["ill"] == 1])
        limit = of_ill[int((1 - promise) * len(of_ill) + 1e-9)]
        asked = cases(test)
        asked = asked[asked["ill"] == 1] if positives else asked
        card = {}
        for name in ["all", *asked["stain"].unique()]:
            own = asked
            if name != "all":
                own = asked[asked["stain"] == name]
            found = int((own["score"] >= limit).sum())
            low, high = (ends or wilson_interval)(found, len(own))
            verdict = "broken" if high < promise else "cannot tell"
            verdict = "kept" if low >= promise else verdict
            card[name] = [found / len(own), low, high, verdict]
        return card

    return my_card


def wald(found, count):
    share = found / count
    half = 1.96 * np.sqrt(share * (1 - share) / count)
    return share - half, share + half


def changed(row):
    """A right card, each row of it changed."""

    def my_card(*given):
        return {name: row(own) for name, own in make_card()(*given).items()}

    return my_card


def check_card(card):
    return check("da-13", card, VALIDATION, TEST)


def test_a_card_passes_in_every_clinic(work):
    status, message = check_card(make_card())
    assert status == "passed" and "Right in 3 clinics" in message
    assert check_card(changed(tuple))[0] == "passed"


@pytest.mark.parametrize(
    ("card", "named"),
    [
        (make_card(unit="picture"), "decide by patient"),
        (make_card(by_test=True), "chosen on the test patients"),
        (make_card(how="max"), "not the highest"),
        (make_card(ends=wald), "not Wilson's"),
        (make_card(positives=False), "the healthy were counted"),
        (lambda *given: None, "a dict with the keys 'all'"),
        (lambda *given: make_card()(VALIDATION, TEST, 0.85), "In a new clinic"),
        (lambda *given: 1 / 0, "it raised ZeroDivisionError"),
        (changed(lambda row: row[:3]), "four values"),
        (changed(lambda row: ["?", *row[1:]]), "should be numbers"),
        (changed(lambda row: [*row[:3], "fine"]), "not 'fine'"),
        (changed(lambda row: [0.1, *row[1:]]), "should have"),
        ({"all": 1}, "should be a function"),
    ],
)
def test_each_misconception_about_a_card_is_named(work, card, named):
    status, message = check_card(card)
    assert status == "failed" and named in message


def test_the_clinics_bring_each_verdict():
    clinics = [
        lesson_04_checks._clinic(*c, n)
        for n, c in enumerate(lesson_04_checks._CLINICS)
    ]
    clinics += [(VALIDATION, TEST, 0.85)]
    found = {
        row[3]
        for clinic in clinics
        for row in lesson_04_checks._card(*clinic).values()
    }
    assert found == set(lesson_04_checks.VERDICTS)
