"""Lesson 04b's checks: solution, stub, misconceptions, right another way."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tests.answers.checking import check

RNG = np.random.default_rng(0)


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
        (np.quantile(THERE, 0.2), "take the other end"),
        (AT_HOME + THERE.mean() - HOME.mean(), "the mean moved"),
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
        (["north", "west"], "of neither home nor target"),
        (["west", "south"], "nothing to repair"),
        ([], "a case is missing"),
        (["east"], "names of the cases"),
        (3, "names of the cases"),
    ],
)
def test_each_misconception_about_the_choice_is_named(work, choice, named):
    status, message = check("da-07", distances(), choice, CASES)
    assert status == "partial" and named in message


# da-14: thirty labels. Mono is decided by the second feature, poly by the
# first and the second.

CELLS = 600
FEATURES = RNG.normal(size=(CELLS, 8))
IS_MONO = np.arange(CELLS) % 2 == 0
LABELS = np.where(
    IS_MONO, FEATURES[:, 1] > 0, FEATURES[:, 0] + FEATURES[:, 1] > 0
).astype(int)
TABLE = pd.DataFrame(
    {
        "type": np.where(IS_MONO, "mono", "poly"),
        "split": np.where(np.arange(CELLS) < 400, "train", "test"),
    }
)
TEST = np.flatnonzero(IS_MONO & (TABLE["split"] == "test"))
FEW = np.flatnonzero(IS_MONO)[:30]
SCORES = FEATURES[TEST, 1] + 0.7 * RNG.normal(size=len(TEST))
for one in (FEATURES, LABELS, SCORES):
    one.setflags(write=False)


def counted(threshold=0.0, scores=SCORES):
    truth, called = LABELS[TEST] == 1, scores >= threshold
    return called[truth].mean(), 1 - called[~truth].mean()


def check_thirty(**changed):
    given = {
        "labelled": FEW,
        "scores": SCORES,
        "threshold": 0.0,
        "card": counted(),
        "use": True,
    }
    answers = (given | changed).values()
    return check("da-14", *answers, FEATURES, LABELS, TABLE)


def test_a_ranking_above_that_without_labels_passes(work):
    status, message = check_thirty()
    assert status == "passed" and "it may be used" in message
    rounded = [round(one, 3) for one in counted()]
    assert check_thirty(card=rounded, use=np.bool_(True))[0] == "passed"
    tensors = {"scores": tf.constant(SCORES), "card": tf.constant(counted())}
    assert check_thirty(**tensors, labelled=FEW.tolist())[0] == "passed"
    # Any ranking that is good enough, whatever its scale, with fewer labels.
    scaled = 7 * SCORES - 3
    moved = {"scores": scaled, "threshold": -3.0}
    assert check_thirty(**moved, labelled=FEW[:10])[0] == "passed"


def test_a_model_that_may_not_be_used_passes_if_that_is_said(work):
    strict = {"threshold": 1.5, "card": counted(1.5)}
    status, message = check_thirty(**strict, use=False)
    assert status == "passed" and "it may not be used" in message
    status, message = check_thirty(**strict, use=True)
    assert status == "partial" and "does not follow" in message
    assert check_thirty(use="yes")[0] == "partial"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"labelled": np.flatnonzero(IS_MONO)[:31]}, "you may ask for 30"),
        ({"labelled": TEST[:9]}, "no mono cells of `train`"),
        ({"labelled": FEW + 1}, "no mono cells of `train`"),
        ({"labelled": IS_MONO}, "not a mask"),
        ({"labelled": FEW + 0.5}, "numbers of cells"),
        ({"labelled": "all"}, "numbers of cells"),
        ({"labelled": [[0], [2, 4]]}, "numbers of cells"),
        ({"labelled": []}, "numbers of cells"),
        ({"scores": SCORES[:-1]}, "each of the 100 cells"),
        ({"scores": np.where(SCORES > 9, SCORES, np.nan)}, "each of the 100"),
        ({"scores": -SCORES}, "reversed"),
        ({"threshold": "high"}, "one number"),
        ({"threshold": -99.0}, "every cell is called"),
        ({"threshold": 99.0}, "no cell is called"),
        ({"card": counted()[0]}, "a pair of numbers"),
        ({"threshold": 0.9, "card": counted(0.9)[::-1]}, "comes first"),
        ({"card": np.subtract(1, counted())}, "the model gets wrong"),
        ({"card": (counted()[0], 1 - counted()[1])}, "false alarms"),
        ({"card": np.multiply(100, counted())}, "in percent"),
        ({"card": (0.99, 0.99)}, "on the test cells they are others"),
    ],
)
def test_each_misconception_about_thirty_labels_is_named(work, changed, named):
    status, message = check_thirty(**changed)
    assert status == "failed" and named in message
