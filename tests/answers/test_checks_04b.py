"""Lesson 04b's checks: solution, stub, misconceptions, right another way."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from course_utils import course
from course_utils.adaptation.stains import HAEMATOXYLIN_EOSIN, separate_stains
from tests.conftest import TOP

RNG = np.random.default_rng(0)


def check(name, *given):
    result = course.exercise(name).check(*given)
    return result.status, result.message


@pytest.mark.parametrize(
    ("name", "dots"),
    [("da-06", 4), ("da-07", 3), ("da-08", 1), ("da-09", 2), ("da-10", 4)],
)
def test_the_stub_is_not_attempted(work, name, dots):
    assert check(name, *[...] * dots)[0] == "not attempted"


# da-06: the same share as at home. Scores there are higher, and spread wider.

HOME = RNG.normal(size=160)
THERE = 1.5 + 2 * RNG.normal(size=150)
AT_HOME = float(np.quantile(HOME, 0.8))
HOME.setflags(write=False)
THERE.setflags(write=False)


def check_share(threshold):
    return check("da-06", threshold, HOME, THERE, AT_HOME)


def test_a_threshold_with_the_same_share_passes(work):
    share = np.mean(HOME >= AT_HOME)
    right = np.quantile(THERE, 1 - share)
    status, message = check_share(right)
    assert status == "passed" and "20.0%" in message
    assert check_share(tf.constant(right))[0] == "passed"
    assert check_share(round(right, 1))[0] == "passed"
    by_hand = np.sort(THERE)[::-1][round(share * len(THERE)) - 1]
    assert check_share(by_hand)[0] == "passed"


@pytest.mark.parametrize(
    ("threshold", "named"),
    [
        (AT_HOME, "home's threshold"),
        (np.quantile(THERE, 0.2), "turn it round"),
        (AT_HOME + THERE.mean() - HOME.mean(), "the mean moved"),
        (np.quantile(THERE, 0.95), "one in twenty of all"),
        (9.0, "0.0% of the target's"),
        ("high", "not 'high'"),
        (np.nan, "one number"),
    ],
)
def test_each_misconception_about_the_share_is_named(work, threshold, named):
    status, message = check_share(threshold)
    assert status == "failed" and named in message


def test_a_moved_mean_is_named_though_the_share_be_right(work):
    # As widely spread, and no score lies between the two thresholds.
    there = HOME + 1.0 - 0.001 * (np.arange(160) % 2)
    moved = AT_HOME + there.mean() - HOME.mean()
    status, message = check("da-06", moved, HOME, there, AT_HOME)
    assert status == "partial" and "spread is the same" in message
    right = np.quantile(there, np.mean(HOME < AT_HOME))
    assert check("da-06", right, HOME, there, AT_HOME)[0] == "passed"
    # All scores moved by as much: both ways lead to the same number.
    there = HOME + 1.0
    right = np.quantile(there, np.mean(HOME < AT_HOME))
    assert check("da-06", right, HOME, there, AT_HOME)[0] == "passed"


# da-07: whose statistics.


def make_cases():
    rng = np.random.default_rng(1)
    pretraining, home, target = rng.normal(size=(3, 48))
    cases = {
        "north": {"stored": pretraining, "home": home, "target": target},
        "west": {"stored": home, "home": 1.02 * home, "target": target},
        "south": {"stored": home, "home": 1.02 * home, "target": 0.97 * home},
    }
    for case in cases.values():
        case["deviation"] = np.full(48, 2.0)
        for array in case.values():
            array.setflags(write=False)
    return cases


CASES = make_cases()


def distances(how=lambda c, p: np.mean(np.abs(p - c["stored"]) / 2)):
    return {
        name: (how(case, case["home"]), how(case, case["target"]))
        for name, case in CASES.items()
    }


def test_distances_and_the_case_that_follows_pass(work):
    assert check("da-07", distances(), ["west"], CASES)[0] == "passed"
    lists = {name: list(pair) for name, pair in distances().items()}
    assert check("da-07", lists, "west", CASES)[0] == "passed"
    tensors = {name: tf.constant(pair) for name, pair in distances().items()}
    assert check("da-07", tensors, {"west"}, CASES)[0] == "passed"
    for digits in (2, 3):
        rounded = {n: np.round(p, digits) for n, p in distances().items()}
        assert check("da-07", rounded, "west", CASES)[0] == "passed"


@pytest.mark.parametrize(
    ("gaps", "named"),
    [
        (
            distances(lambda c, p: np.mean(np.abs(p - c["stored"]))),
            "divide by it",
        ),
        (distances(lambda c, p: np.mean((p - c["stored"]) / 2)), "cancel"),
        (
            distances(lambda c, p: abs(np.mean(p - c["stored"])) / 2),
            "cancel",
        ),
        (
            distances(lambda c, p: np.mean(((p - c["stored"]) / 2) ** 2)),
            "squares",
        ),
        ({n: p[::-1] for n, p in distances().items()}, "Home comes first"),
        (distances(lambda c, p: 1.0), "not right"),
        ({"west": (1, 2)}, "dict from each of north, west, south"),
        ([1, 2, 3], "dict from each"),
        ({name: 1.0 for name in CASES}, "two numbers"),
    ],
)
def test_each_misconception_about_distances_is_named(work, gaps, named):
    status, message = check("da-07", gaps, ["west"], CASES)
    assert status == "failed" and named in message


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        (["north", "west"], "stores neither's"),
        (["west", "south"], "nothing to repair"),
        ([], "a case is missing"),
        (["east"], "names of the cases"),
        (3, "names of the cases"),
    ],
)
def test_each_misconception_about_the_choice_is_named(work, choice, named):
    status, message = check("da-07", distances(), choice, CASES)
    assert status == "partial" and named in message


# da-08: amounts of stain.

SHARE = np.array([120, 80, 150]) / 255
DIRECTIONS = HAEMATOXYLIN_EOSIN / np.linalg.norm(
    HAEMATOXYLIN_EOSIN, axis=1, keepdims=True
)
REST = np.cross(*DIRECTIONS)
BASIS = np.vstack([DIRECTIONS, REST / np.linalg.norm(REST)])
INVERSE = np.linalg.inv(BASIS)
AMOUNTS = (-np.log10(SHARE) @ INVERSE)[:2]


def test_the_amounts_pass_by_hand_and_by_helper(work):
    assert check("da-08", AMOUNTS)[0] == "passed"
    assert check("da-08", [round(one, 3) for one in AMOUNTS])[0] == "passed"
    helper = separate_stains(255 * SHARE[np.newaxis, np.newaxis])
    assert check("da-08", helper)[0] == "passed"
    solved = np.linalg.solve(BASIS.T, -np.log10(SHARE))
    assert check("da-08", solved)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (AMOUNTS[::-1], "Haematoxylin comes first"),
        ((-np.log(SHARE) @ INVERSE)[:2], "natural logarithm"),
        ((-np.log10(255 * SHARE) @ INVERSE)[:2], "Divide by 255"),
        ((np.log10(SHARE) @ INVERSE)[:2], "sign is reversed"),
        ((SHARE @ INVERSE)[:2], "light itself"),
        ((-np.log10(SHARE) @ INVERSE.T)[:2], "inverse was turned"),
        (-np.log10(SHARE) @ DIRECTIONS.T, "projections"),
        ((9, 9), "is not it"),
        (0.5, "two numbers"),
        ("blue", "two numbers"),
    ],
)
def test_each_misconception_about_stains_is_named(work, answer, named):
    status, message = check("da-08", answer)
    assert status == "failed" and named in message


# da-09: a gain from the committed runs.


@pytest.fixture(scope="module")
def runs():
    runs = pd.read_csv(TOP / "data" / "experiments" / "adaptation.csv")
    return runs[(runs.base == "fine-tuned, norms") & (runs.labels == 100)]


def gained(runs, column="specificity", scanner="C", repair="AdaBN"):
    own = runs[runs.scanner == scanner]
    wide = own.pivot(index="seed", columns="repair", values=column)
    return wide[repair] - wide["none"]


def test_the_gain_passes(work, runs):
    gain = gained(runs)
    count = int((gain > 0).sum())
    assert check("da-09", gain.mean(), count)[0] == "passed"
    assert check("da-09", round(gain.mean(), 3), count)[0] == "passed"
    assert check("da-09", tf.constant(gain.mean()), np.int64(count))[0] == (
        "passed"
    )
    status, message = check("da-09", gain.mean(), count + 1)
    assert status == "partial" and "another number of seeds" in message


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda runs: -gained(runs).mean(), "sign is reversed"),
        (lambda runs: gained(runs, "auc").mean(), "That is the area"),
        (lambda runs: gained(runs, "sensitivity").mean(), "the sensitivity"),
        (lambda runs: gained(runs, scanner="B").mean(), "scanner B"),
        (lambda runs: 100 * gained(runs).mean(), "in percent"),
        (lambda runs: 7.0, "not 7"),
        (lambda runs: "much", "two numbers"),
    ],
)
def test_each_misconception_about_the_gain_is_named(work, runs, wrong, named):
    status, message = check("da-09", wrong(runs), 1)
    assert status == "failed" and named in message


# da-10: heat and area.

AREAS = RNG.uniform(0.1, 0.3, 80)
SHARES = AREAS + 0.05 + 0.04 * RNG.normal(size=80)
AREAS.setflags(write=False)
SHARES.setflags(write=False)


def ends(values, seed=5):
    rng = np.random.default_rng(seed)
    drawn = rng.choice(values, (3000, len(values))).mean(axis=1)
    return np.quantile(drawn, [0.025, 0.975])


def check_heat(interval, decision="more", shares=SHARES):
    return check("da-10", interval, decision, shares, AREAS)


def test_the_interval_of_the_mean_passes(work):
    right = ends(SHARES - AREAS)
    assert check_heat(right)[0] == "passed"
    assert check_heat(tf.constant(right), "More")[0] == "passed"
    more = SHARES - AREAS
    half = 1.96 * more.std() / np.sqrt(80)
    assert check_heat((more.mean() - half, more.mean() + half))[0] == "passed"
    gaps = np.where(np.arange(80) % 9, SHARES, np.nan)
    kept = (gaps - AREAS)[np.isfinite(gaps)]
    assert check_heat(ends(kept), shares=gaps)[0] == "passed"


@pytest.mark.parametrize("share", [0.8, 0.9, 0.99])
def test_an_interval_of_another_share_is_told(work, share):
    more = SHARES - AREAS
    drawn = np.random.default_rng(2).choice(more, (3000, 80)).mean(axis=1)
    given = np.quantile(drawn, [(1 - share) / 2, (1 + share) / 2])
    status, message = check_heat(given)
    assert status == "failed" and "one of 95 % is asked for" in message


def test_less_and_cannot_tell_are_decided(work):
    less = 2 * AREAS - SHARES
    assert check_heat(ends(less - AREAS), "less", less)[0] == "passed"
    noise = RNG.normal(size=80)
    even = AREAS + 0.05 * (noise - noise.mean())
    even_ends = ends(even - AREAS)
    assert check_heat(even_ends, "cannot tell", even)[0] == "passed"
    status, message = check_heat(even_ends, "more", even)
    assert status == "partial" and "whether zero lies" in message


@pytest.mark.parametrize(
    ("interval", "named"),
    [
        (-ends(SHARES - AREAS)[::-1], "sign is reversed"),
        (ends(SHARES), "heat alone"),
        (ends(AREAS), "area alone"),
        (np.quantile(SHARES - AREAS, [0.025, 0.975]), "single patients"),
        (ends(SHARES / AREAS), "a ratio"),
        ((-3, 3), "is not it"),
        (0.1, "two numbers"),
        ("wide", "two numbers"),
    ],
)
def test_each_misconception_about_heat_is_named(work, interval, named):
    status, message = check_heat(interval)
    assert status == "failed" and named in message


def test_near_zero_the_other_side_is_wrong(work):
    # All but touching zero from above: more, or not to be told; never less.
    noise = 0.04 * RNG.normal(size=80)
    noise -= noise.mean()
    shares = AREAS + noise + 1.96 * noise.std() / np.sqrt(80)
    right = ends(shares - AREAS)
    for decision in ("more", "cannot tell"):
        assert check_heat(right, decision, shares)[0] == "passed"
    assert check_heat(right, "less", shares)[0] == "partial"


def test_a_decision_that_is_none_is_named(work):
    status, message = check_heat(ends(SHARES - AREAS), "yes")
    assert status == "partial" and "not 'yes'" in message
