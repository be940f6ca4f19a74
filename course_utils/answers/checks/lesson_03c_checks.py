"""Checks of lesson 03c, Evidence."""

import functools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_numbers,
    brief,
    find_match,
    say_no_number,
)
from course_utils.evaluation import verdicts
from course_utils.machine import paths

VERDICTS = (
    verdicts.SUPPORTED,
    verdicts.REFUTED,
    verdicts.UNDECIDED,
)
MARGIN = 0.01
WANTED_POWER = 0.8
# Shares that a simulation of some thousand repeats cannot tell from it.
_POWERS = 0.78, 0.825
_NEAR = 0.08  # of such a share, where it shows a mistake
_LABELS = {"30 to 400": (30, 400), "400 to 1200": (400, 1200)}


def judge_verdicts(answer: object, rows: object, margin: float) -> tuple:
    """Judge verdicts on five rates, by the rule.

    Args:
        answer: The learner's dict from rate to verdict.
        rows: The committed rows.
        margin: The smallest difference that counts.
    """
    losses = _losses(rows)
    given = _by_rate(answer)
    if given is None:
        return "failed", (
            f"`my_verdicts` should be a dict from rate to verdict, not "
            f"{brief(answer)}."
        )
    if missing := [f"{rate:g}" for rate in losses if rate not in given]:
        return "failed", f"There is no verdict on rate {', '.join(missing)}."
    if more := [f"{rate:g}" for rate in given if rate not in losses]:
        return "failed", f"No run had rate {', '.join(more)}: leave that out."
    wrong = [v for v in given.values() if v not in VERDICTS]
    if wrong:
        return "failed", (
            f"A verdict is one of {', '.join(VERDICTS)}, not {brief(wrong[0])}."
        )

    def all_of(rule, some=losses):
        return {rate: rule(values) for rate, values in some.items()}

    def right(values, counts=margin):
        return verdicts.judge("", values, counts).verdict

    truth = all_of(right)
    if given == truth:
        found = [verdicts.judge("", some, margin) for some in losses.values()]
        return (
            "passed",
            "Right: the rule has judged all five rates.",
            [
                f"{rate:g}: {one.low:+.3f} to {one.high:+.3f}, {one.verdict}"
                for rate, one in zip(losses, found, strict=True)
            ],
        )
    turned = {rate: -values for rate, values in losses.items()}
    mistakes = {
        "The sign is reversed: the frozen network minus the fine-tuned one.": (
            all_of(right, turned)
        ),
        "Your verdicts compare the interval with zero only: where all of it "
        "lies below the margin, the claim is refuted.": all_of(
            lambda v: right(v, 1e-9)
        ),
        "Nothing is undecided in your table: refuted means that all of the "
        "interval lies below the margin, and the mean alone says nothing.": (
            all_of(lambda v: VERDICTS[0] if v.mean() >= margin else VERDICTS[1])
        ),
    }
    for text, other in mistakes.items():
        if given == other:
            return "failed", text
    rate = next(rate for rate in truth if given[rate] != truth[rate])
    one = verdicts.judge("", losses[rate], margin)
    return "failed", (
        f"At {rate:g} the interval is {one.low:+.3f} to {one.high:+.3f} around "
        f"{one.mean:+.3f} (Student's t, {one.seeds} seeds, sample standard "
        f"deviation), and {margin:g} counts: not {given[rate]}."
    )


def judge_seeds(answer: object, gains: object, wanted: float) -> tuple:
    """Judge a number of seeds by how often they would find an effect.

    Args:
        answer: The learner's number.
        gains: The differences whose spread is taken.
        wanted: The true gain.
    """
    number = as_number(answer)
    if number is not None and not 2 <= number <= 10_000:
        return "failed", (
            f"`my_seeds` should be from 2 to 10,000, not {brief(answer)}."
        )
    if number is None or number % 1:
        return "failed", say_no_number(
            answer, "`my_seeds`", "a whole one, of 2 or more"
        )
    spread = float(np.std(np.asarray(gains, float), ddof=1))
    power = _power(int(number), wanted, spread)
    said = (
        f"{number:g} seeds find it in {power:.0%} of the experiments; "
        f"{WANTED_POWER:.0%} are asked for"
    )
    if _POWERS[0] <= power <= _POWERS[1]:
        return "passed", f"Right, as near as a simulation tells: {said}."
    if power > WANTED_POWER:
        return "failed", f"{said}: fewer are enough."
    divided = _power(int(number), wanted, spread / np.sqrt(len(gains)))
    if abs(divided - WANTED_POWER) < _NEAR:
        return "failed", (
            f"{said}. `gains.std()` is the spread of one seed: the root of "
            "their number comes in only once."
        )
    return "failed", f"{said}: take more."


def judge_adjusted(answer: object, p_values: object) -> tuple:
    """Judge p values that were adjusted after Holm.

    Args:
        answer: The learner's values.
        p_values: What they were made of.
    """
    p = as_numbers(p_values)
    if p.ndim != 1 or not p.size:
        return "failed", "`p_values` is what the exercise gives, in a row."
    given = as_numbers(answer)
    if given.shape != p.shape:
        return "failed", (
            f"`my_adjusted` should be {len(p)} numbers, one for each p value, "
            f"not {brief(answer)}."
        )
    order = np.argsort(p, kind="stable")
    raised = np.arange(len(p), 0, -1) * p[order]
    steady = np.maximum.accumulate(raised)

    def back(values):
        found = np.empty(len(p))
        found[order] = values
        return found

    right = back(np.minimum(steady, 1))
    mistakes = [
        (np.minimum(steady, 1), "They are right, and sorted: put each back."),
        (back(steady), "Some are above one: a p value never is."),
        (
            back(np.minimum(raised, 1)),
            "Some are smaller than one before them in the sorted order: take "
            "the maximum so far.",
        ),
        (
            back(raised),
            "Take the maximum so far in the sorted order, and at most one.",
        ),
        (
            np.minimum(len(p) * p, 1),
            "That is Bonferroni's correction: all times the number of "
            "comparisons. Holm's factor falls by one each time.",
        ),
        (p, "Those are the p values as they were."),
    ]
    # Rounded to three decimals, or better.
    close = functools.partial(np.allclose, rtol=1e-3, atol=5.1e-4)
    for wrong, text in mistakes:
        if close(given, wrong) and not close(wrong, right):
            return "failed", text
    if not close(given, right):
        at = int(np.argmax(np.abs(given - right)))
        return "failed", (
            f"At place {at}, {p[at]:.4g} becomes {right[at]:.4g}, and you have "
            f"{given[at]:.4g}."
        )
    return (
        "passed",
        "Right, and in the order of `p_values`.",
        [
            f"{np.sum(p < 0.05)} of {len(p)} were below 0.05 alone, "
            f"{np.sum(right < 0.05)} are after the correction"
        ],
    )


def judge_shares(answer: object, by_rate: object) -> tuple:
    """Judge shares of a variance, of rates and of draws.

    Args:
        answer: The learner's two pairs.
        by_rate: A table, a row a draw and a column a rate.
    """
    given = as_numbers(answer)
    if given.shape != (2, 2):
        return "failed", (
            "`my_shares` should be two pairs of numbers, rates and draws, for "
            f"all rates and without 1e-3, not {brief(answer)}."
        )
    wide = np.asarray(by_rate, float)
    highest = int(np.argmax(np.asarray(by_rate.columns, float)))
    both = wide, np.delete(wide, highest, axis=1)
    right = np.array([_shares(some) for some in both])
    means = np.array([_shares(some, weighted=False) for some in both])
    mistakes = [
        (right[:, ::-1], "Rates and draws have changed places."),
        (right[::-1], "The pair of all rates comes first."),
        (100 * right, "Those are per cent: shares lie between 0 and 1."),
        (
            means,
            "A mean of a rate stands for as many values as there are draws, "
            "and the other way round: multiply its square by that number.",
        ),
    ]
    match = find_match(given, right, mistakes, tolerance=2e-3)
    if match == RIGHT:
        words = "all rates", "without the highest"
        return (
            "passed",
            "Right: which matters more depends on the range of rates.",
            [
                f"{word}: rates {rates:.0%}, draws {draws:.0%}"
                for word, (rates, draws) in zip(words, right, strict=True)
            ],
        )
    if match is None and np.allclose(given[0], right[0], atol=2e-3):
        match = (
            "The first pair is right. For the second, leave out the column "
            "before you take the grand mean and the total."
        )
    return "failed", match or (
        "Take the squares of the rates' means away from the grand mean, times "
        "the number of draws, and divide by the total sum of squares; then "
        "the same for draws."
    )


def judge_claim(findings: object, verdict: object) -> tuple:
    """Judge a claim that was judged from raw rows.

    Args:
        findings: The learner's dict from comparison to mean, low and high.
        verdict: The learner's verdict on the claim.
    """
    if not isinstance(findings, Mapping) or set(findings) != set(_LABELS):
        return "failed", (
            "`my_findings` should be a dict with the keys "
            f"{' and '.join(map(repr, _LABELS))}, not {brief(findings)}."
        )
    compared = _label_gains("fine-tuned")
    whole, judged = verdicts.judge_all(compared, MARGIN)
    for one in judged:
        given = as_numbers(findings[one.name])
        if given.shape != (3,):
            return "failed", (
                f"{one.name!r} should have three numbers: mean, low and high."
            )
        right = np.array([one.mean, one.low, one.high])
        match = find_match(
            given, right, _interval_mistakes(one), tolerance=5e-4, digits=2
        )
        if match != RIGHT:
            return "failed", f"{one.name}: " + (
                match
                or f"its mean is {one.mean:+.3f}, over {one.seeds} seeds; the "
                "interval is Student's t, around it."
            )
    told = [
        f"{one.name}: {one.low:+.3f} to {one.high:+.3f}, {one.verdict}"
        for one in judged
    ]
    said = str(verdict).strip().lower()
    if said != whole:
        known = (*VERDICTS, verdicts.DEPENDS)
        if said not in known:
            return "failed", f"`my_verdict` is one of {', '.join(known)}."
        return (
            "partial",
            "The numbers are right, the verdict is not: judge each comparison "
            "by its interval and the margin, and then see what they share.",
        )
    return "passed", f"Right: by the rule the claim is {whole!r}.", told


def _losses(rows):
    """Returns the frozen network minus the fine-tuned, by rate."""
    frozen = rows[rows["method"] == "frozen"].set_index("seed")["auc"]
    tuned = rows[rows["method"] == "fine-tuned"]
    wide = tuned.pivot(index="seed", columns="rate", values="auc")
    return {float(rate): (frozen - wide[rate]).to_numpy() for rate in wide}


def _by_rate(answer):
    """Returns a dict from rate to verdict; None if it is none."""
    if isinstance(answer, pd.Series):
        answer = answer.to_dict()
    if not isinstance(answer, Mapping):
        return None
    try:
        return {
            float(rate): str(verdict).strip().lower()
            for rate, verdict in answer.items()
        }
    except (TypeError, ValueError):
        return None


def _power(seeds, effect, spread, repeats=20_000):
    """Returns how often an effect is found, as the lesson simulates it."""
    rng = np.random.default_rng(0)
    mean = effect + rng.normal(size=repeats) * spread / np.sqrt(seeds)
    variance = spread**2 * rng.chisquare(seeds - 1, repeats) / (seeds - 1)
    half = stats.t.ppf(0.975, seeds - 1) * np.sqrt(variance / seeds)
    return float(np.mean((mean - half > 0) & (mean >= MARGIN)))


def _shares(wide, weighted=True):
    away = wide - wide.mean()
    draws, rates = wide.shape if weighted else (1, 1)
    total = (away**2).sum()
    return (
        draws * (away.mean(axis=0) ** 2).sum() / total,
        rates * (away.mean(axis=1) ** 2).sum() / total,
    )


def _label_gains(method):
    """Returns the gain by more labels, by comparison, from the rows."""
    path = paths.data_dir() / "experiments" / "real_label_curve.csv"
    rows = pd.read_csv(path)
    own = rows[(rows["stage"] == "report") & (rows["method"] == method)]
    auc = own.pivot(index="seed", columns="labels", values="auc")
    return {
        name: (auc[more] - auc[few]).to_numpy()
        for name, (few, more) in _LABELS.items()
    }


def _interval_mistakes(one):
    """Yields wrong triples, and what is said to them."""
    half = one.high - one.mean
    error = half / stats.t.ppf(0.975, one.seeds - 1)

    def around(width):
        return np.array([one.mean, one.mean - width, one.mean + width])

    yield -np.array([one.mean, one.high, one.low]), "The sign is reversed."
    yield (
        around(stats.norm.ppf(0.975) * error),
        "That interval takes the normal distribution: with so few seeds "
        "Student's t is wider.",
    )
    yield around(error), "That is one standard error: an interval has 95 %."
    yield (
        around(half * np.sqrt(1 - 1 / one.seeds)),
        "Take the sample standard deviation, `ddof=1`.",
    )
    yield (
        around(half * np.sqrt(one.seeds)),
        "Divide the standard deviation by the root of the number of seeds.",
    )
    for method in ("frozen", "scratch"):
        other = verdicts.judge("", _label_gains(method)[one.name], MARGIN)
        yield (
            np.array([other.mean, other.low, other.high]),
            f"Those are the rows of {method!r}.",
        )


JUDGES = {
    "ev-01": judge_verdicts,
    "ev-02": judge_seeds,
    "ev-03": judge_adjusted,
    "ev-04": judge_shares,
    "ev-05": judge_claim,
}
