"""Lesson 03c's checks: solution, misconceptions, right in another way."""

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from course_utils import course
from course_utils.evaluation import ledger, verdicts
from tests.answers.checking import check
from tests.conftest import TOP

FOLDER = TOP / "data" / "experiments"
ROWS = pd.read_csv(FOLDER / "real_learning_rate.csv")
TUNED = ROWS[ROWS["method"] == "fine-tuned"]
BY_RATE = TUNED.pivot(index="seed", columns="rate", values="auc")
FROZEN = ROWS[ROWS["method"] == "frozen"].set_index("seed")["auc"]
MARGIN = 0.05


# ev-01: five verdicts.


def judged(margin=MARGIN, sign=1):
    return {
        rate: verdicts.judge("", sign * (FROZEN - BY_RATE[rate]), margin)
        for rate in BY_RATE
    }


RIGHT = {rate: one.verdict for rate, one in judged().items()}


def test_right_verdicts_pass_in_any_table(work):
    assert set(RIGHT.values()) == {"supported", "refuted", "undecided"}
    for given in (
        RIGHT,
        pd.Series(RIGHT),
        {str(rate): verdict.title() for rate, verdict in RIGHT.items()},
    ):
        assert check("ev-01", given, ROWS, MARGIN)[0] == "passed"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (
            {r: o.verdict for r, o in judged(sign=-1).items()},
            "sign is reversed",
        ),
        ({r: o.verdict for r, o in judged(1e-9).items()}, "with zero only"),
        (
            {
                r: "supported" if o.mean >= MARGIN else "refuted"
                for r, o in judged().items()
            },
            "mean alone says nothing",
        ),
        (RIGHT | {3e-5: "refuted"}, "At 3e-05 the interval is"),
        (RIGHT | {7.0: "refuted"}, "No run had rate 7"),
        (RIGHT | {1e-3: "true"}, "A verdict is one of"),
        ({1e-3: "supported"}, "no verdict on rate 1e-05"),
        (list(RIGHT.values()), "a dict from rate"),
        ({"low": "refuted"}, "a dict from rate"),
    ],
)
def test_each_misconception_about_verdicts_is_named(work, given, named):
    status, message = check("ev-01", given, ROWS, MARGIN)
    assert status == "failed" and named in message


# ev-02: how many seeds.

GAINS = ledger.differences("fine-tuning-gains")["400 labels"]


def seeds_for(share, spread, wanted=0.03):
    """The smallest number, by simulation in another way."""
    rng = np.random.default_rng(5)
    for seeds in range(2, 200):
        drawn = rng.normal(wanted, spread, (20_000, seeds))
        mean, error = drawn.mean(axis=1), stats.sem(drawn, axis=1)
        low = mean - stats.t.ppf(0.975, seeds - 1) * error
        if np.mean((low > 0) & (mean >= 0.01)) >= share:
            return seeds
    raise AssertionError


def test_the_number_of_seeds_passes_and_may_be_off_by_chance(work):
    right = seeds_for(0.8, GAINS.std())
    for given in (right, float(right), np.int64(right)):
        assert check("ev-02", given, GAINS, 0.03)[0] == "passed"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (5, "take more"),
        (seeds_for(0.95, GAINS.std()), "fewer are enough"),
        (seeds_for(0.8, GAINS.std() / 5**0.5), "comes in only once"),
        (10.5, "a whole one"),
        ("many", "a whole one"),
        (1, "from 2 to 10,000, not 1"),
    ],
)
def test_each_misconception_about_seeds_is_named(work, given, named):
    status, message = check("ev-02", given, GAINS, 0.03)
    assert status == "failed" and named in message


# ev-03: adjusted p values, on an example by hand.

P = np.array([0.03, 0.001, 0.03, 0.02, 0.9, 0.7])
P.setflags(write=False)
ADJUSTED = np.array([0.12, 0.006, 0.12, 0.1, 1.0, 1.0])


def test_adjusted_p_values_pass_rounded_or_not(work):
    for given in (ADJUSTED, ADJUSTED.tolist(), keras.ops.array(ADJUSTED)):
        assert check("ev-03", given, P)[0] == "passed"
    p = np.array([0.0031, 0.0206, 0.4])
    assert check("ev-03", [0.009, 0.041, 0.4], p)[0] == "passed"
    assert ((ADJUSTED < 0.05) == verdicts.holm(P)).all()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (np.sort(ADJUSTED), "put each back"),
        ([0.12, 0.006, 0.12, 0.1, 1.4, 1.4], "a p value never is"),
        ([0.12, 0.006, 0.09, 0.1, 0.9, 1.0], "maximum so far"),
        ([0.12, 0.006, 0.09, 0.1, 0.9, 1.4], "maximum so far"),
        (np.minimum(6 * P, 1), "Bonferroni"),
        (P, "as they were"),
        (ADJUSTED + 0.01, "becomes"),
        (ADJUSTED[:5], "6 numbers"),
        ("none", "6 numbers"),
    ],
)
def test_each_misconception_about_correction_is_named(work, given, named):
    status, message = check("ev-03", given, P)
    assert status == "failed" and named in message


# ev-04: shares of the variance.

# By hand: rates at 0 and 2 around 1, draws at 0 and 1, no rest.
WIDE = pd.DataFrame({1e-4: [0.0, 1.0], 3e-4: [0.0, 1.0], 1e-3: [3.0, 4.0]})
# Around 1.5: of rates 2 * (1 + 1 + 4), of draws 3 * 2 / 4.
SHARES = np.array([[12 / 13.5, 1.5 / 13.5], [0.0, 1.0]])


def test_shares_pass_as_pairs_or_as_an_array(work):
    for given in (SHARES, SHARES.tolist(), SHARES.round(3)):
        assert check("ev-04", given, WIDE)[0] == "passed"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (SHARES[:, ::-1], "changed places"),
        (SHARES[::-1], "comes first"),
        (100 * SHARES, "per cent"),
        (
            [[6 / 13.5, 0.5 / 13.5], [0, 0.5]],
            "multiply its square",
        ),
        ([SHARES[0], [0.5, 0.2]], "leave out the column"),
        ([[0.2, 0.2], [0.2, 0.2]], "total sum of squares"),
        (SHARES[0], "two pairs"),
        ("rates", "two pairs"),
    ],
)
def test_each_misconception_about_shares_is_named(work, given, named):
    status, message = check("ev-04", given, WIDE)
    assert status == "failed" and named in message


# ev-05: a claim from raw rows.

CURVE = pd.read_csv(FOLDER / "real_label_curve.csv").query("stage == 'report'")


def findings(method="fine-tuned", sign=1, quantile=None, ddof=1):
    own = CURVE[CURVE["method"] == method]
    auc = own.pivot(index="seed", columns="labels", values="auc")
    found = {}
    for few, more in ((30, 400), (400, 1200)):
        some = sign * (auc[more] - auc[few])
        times = quantile or stats.t.ppf(0.975, len(some) - 1)
        half = times * some.std(ddof=ddof) / len(some) ** 0.5
        mean = some.mean()
        found[f"{few} to {more}"] = mean, mean - half, mean + half
    return found


VERDICT = verdicts.judge_all(
    {
        name: CURVE[CURVE["method"] == "fine-tuned"]
        .pivot(index="seed", columns="labels", values="auc")
        .pipe(lambda auc, few=few, more=more: auc[more] - auc[few])
        for name, few, more in (("a", 30, 400), ("b", 400, 1200))
    },
    0.01,
)[0]


def test_a_claim_judged_from_the_rows_passes(work):
    right = findings()
    rounded = {name: np.round(some, 3) for name, some in right.items()}
    for given in (right, rounded):
        assert check("ev-05", given, VERDICT)[0] == "passed"
    assert check("ev-05", right, VERDICT.title())[0] == "passed"


def test_right_numbers_with_a_wrong_verdict_are_half_of_it(work):
    for wrong in {"supported", "refuted", "undecided", "depends"} - {VERDICT}:
        result = course.exercise("ev-05").check(findings(), wrong)
        assert result.status == "partial" and result.score == 0.5


@pytest.mark.parametrize(
    ("given", "verdict", "named"),
    [
        (findings(sign=-1), VERDICT, "sign is reversed"),
        (findings(quantile=1.96), VERDICT, "normal distribution"),
        (findings(quantile=1), VERDICT, "one standard error"),
        (findings(ddof=0), VERDICT, "`ddof=1`"),
        (findings(quantile=2.776 * 5**0.5), VERDICT, "root of the number"),
        (findings("frozen"), VERDICT, "rows of 'frozen'"),
        (findings("scratch"), VERDICT, "rows of 'scratch'"),
        (findings() | {"30 to 400": (1, 0, 2)}, VERDICT, "its mean is"),
        (findings() | {"30 to 400": 0.1}, VERDICT, "three numbers"),
        ({"30 to 400": (0, 0, 0)}, VERDICT, "the keys"),
        ([1, 2], VERDICT, "the keys"),
        (findings(), "true", "is one of"),
    ],
)
def test_each_misconception_about_a_claim_is_named(work, given, verdict, named):
    status, message = check("ev-05", given, verdict)
    assert status == "failed" and named in message
