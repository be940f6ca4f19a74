"""Checks of lesson 04b, Another hospital."""

import numpy as np

from course_utils.answers.checks.intervals import (
    find_interval,
    read_ends,
    say_decision,
)
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_numbers,
    as_pair,
    brief,
    find_match,
    half_unit,
    say_no_number,
)
from course_utils.machine import paths

BASE, REPAIR, SCANNER, LABELS = "fine-tuned, norms", "AdaBN", "C", 100
PIXEL = (120, 80, 150)
DECISIONS = ("more", "less", "cannot tell")
# A model stores its home's statistics if home is this much nearer than target.
OWN = 0.5
FAR = 0.1  # in stored deviations: less is nothing to repair
DRAWS = 10_000  # of da-10, so that 90 % is told from 95 %
_TOLERANCE = 2e-3


def judge_matched_share(
    threshold: object, home: object, there: object, home_threshold: float
) -> tuple[str, str]:
    """Judge a threshold that calls the same share ill as at home.

    Args:
        threshold: The learner's number.
        home: Scores of home's pictures.
        there: Scores of the target's pictures.
        home_threshold: The threshold at home.

    Returns:
        A status and a message.
    """
    number = as_number(threshold)
    if number is None:
        return "failed", say_no_number(threshold, "The threshold")
    home, there = np.ravel(home), np.ravel(there)
    if min(len(home), len(there)) < 2:
        raise ValueError("home and there are scores of several pictures")
    share = np.mean(home >= home_threshold)
    called = np.mean(there >= number)
    within = 1.5 / len(there)
    moved = home_threshold + np.mean(there) - np.mean(home)
    by_mean = np.isclose(number, moved, rtol=0, atol=1e-5 * np.ptp(there))
    ways = "linear", "lower", "higher"
    quantiles = [np.quantile(there, 1 - share, method=way) for way in ways]
    # Where all scores moved by as much, both ways lead to one number.
    by_mean = by_mean and not np.isclose(number, quantiles).any()
    if abs(called - share) <= within and by_mean:
        return "partial", (
            "That moves the threshold as far as the mean moved. It calls the "
            "same share ill only because the spread is the same here: match "
            "the share itself."
        )
    # The number may be rounded; the higher it is, the fewer are called.
    half = half_unit(threshold, 1)
    fewest, most = (np.mean(there >= number + way * half) for way in (1, -1))
    if fewest - within <= share <= most + within:
        before = np.mean(there >= home_threshold)
        return "passed", (
            f"{called:.1%} are called ill, as at home; with home's threshold "
            f"it would have been {before:.1%}."
        )
    mistakes = [
        (home_threshold, "That is home's threshold: it was to be replaced."),
        (
            np.quantile(there, share),
            "That calls ill all but that share: turn it round.",
        ),
        (
            np.quantile(home, 1 - share),
            "That is a quantile of home's scores: take one of the target's.",
        ),
        (
            moved,
            "That moves the threshold as far as the mean moved. The spread "
            "has changed as well: match the share itself.",
        ),
        (
            np.quantile(there, 0.95),
            "That calls one in twenty of all ill: 0.95 was for the benign "
            "ones.",
        ),
    ]
    for value, message in mistakes:
        if abs(called - np.mean(there >= value)) <= within / 3:
            return "failed", message
    return "failed", (
        f"{called:.1%} of the target's pictures are called ill, and at home "
        f"{share:.1%}: take a quantile of the target's scores."
    )


def judge_statistics(
    gaps: object, choice: object, cases: dict
) -> tuple[str, str]:
    """Judge distances from stored statistics, and what follows from them.

    Args:
        gaps: The learner's dict, from names to pairs (home, target).
        choice: The learner's list of names.
        cases: Dict from names to dicts of arrays: `stored`, `deviation`,
            `home` and `target`.

    Returns:
        A status and a message.
    """
    if not cases:
        raise ValueError("cases holds no case")
    right = {}
    for name, case in cases.items():
        stored, deviation = np.asarray(case["stored"]), case["deviation"]
        right[name] = [
            float(np.mean(np.abs(case[place] - stored) / deviation))
            for place in ("home", "target")
        ]
    try:
        given = np.array(
            [as_pair(gaps[name], "home and target") for name in cases], float
        )
    except (TypeError, ValueError, KeyError, IndexError):
        return "failed", (
            "`my_gaps` should be a dict from each of "
            f"{', '.join(cases)} to two numbers, not {brief(gaps)}."
        )
    ways = [(list(how.values()), message) for how, message in _ways(cases)]
    match = find_match(given, list(right.values()), ways, 1e-3)
    if match != RIGHT:
        return "failed", match or (
            "The distances are not right: the mean over channels of "
            "`np.abs(case[place] - case['stored']) / case['deviation']`."
        )
    helped = {n for n, (h, t) in right.items() if h < OWN * t and t > FAR}
    try:
        chosen = {choice} if isinstance(choice, str) else set(choice)
    except TypeError:
        chosen = {None}
    if chosen == helped:
        return "passed", (
            f"It speaks for AdaBN in {', '.join(sorted(helped))} only: there "
            "the model holds home's statistics, and the target's differ."
        )
    if not chosen <= set(cases):
        return "partial", (
            "The distances are right. `my_choice` should hold names of the "
            f"cases, not {brief(choice)}."
        )
    for name in sorted(chosen - helped):
        home, target = right[name]
        reason = (
            "target and home hardly differ, so there is nothing to repair"
            if max(home, target) <= FAR
            else "the model stores neither's statistics, and lives with that"
        )
        return "partial", f"The distances are right. In {name}, {reason}."
    return "partial", (
        "The distances are right, but a case is missing: where does the model "
        "hold home's statistics, and get others?"
    )


def _ways(cases):
    """Yields wrong ways to take a distance, each with what is wrong in it."""

    def each(distance):
        return {
            name: [distance(case, case[p]) for p in ("home", "target")]
            for name, case in cases.items()
        }

    yield (
        each(lambda c, p: np.mean(np.abs(p - c["stored"]))),
        "The unit is one stored deviation: divide by it.",
    )
    yield (
        each(lambda c, p: np.mean((p - c["stored"]) / c["deviation"])),
        "Channels that are too high and too low cancel: take distances first.",
    )
    yield (
        each(lambda c, p: abs(np.mean(p - c["stored"])) / c["deviation"][0]),
        "Channels that are too high and too low cancel: take distances first.",
    )
    yield (
        each(lambda c, p: np.mean(((p - c["stored"]) / c["deviation"]) ** 2)),
        "These are squares: take distances.",
    )
    right = each(lambda c, p: np.mean(np.abs(p - c["stored"]) / c["deviation"]))
    yield (
        {name: pair[::-1] for name, pair in right.items()},
        "Home comes first, the target second.",
    )


def judge_amounts(answer: object) -> tuple[str, str]:
    """Judge the amounts of two stains in a pixel.

    Args:
        answer: The learner's haematoxylin and eosin.

    Returns:
        A status and a message.
    """
    from course_utils.adaptation.stains import HAEMATOXYLIN_EOSIN

    given = as_numbers(answer).ravel()
    if given.size not in (2, 3):
        return "failed", (
            "The answer should be two numbers, haematoxylin and eosin, not "
            f"{brief(answer)}."
        )
    raw = np.asarray(HAEMATOXYLIN_EOSIN, float)
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    share = np.array(PIXEL) / 255

    def amounts(density, rows, transpose=False):
        rest = np.cross(*rows)
        basis = np.vstack([rows, rest / np.linalg.norm(rest)])
        inverse = np.linalg.inv(basis)
        return (density @ (inverse.T if transpose else inverse))[:2]

    right = amounts(-np.log10(share), unit)
    mistakes = [
        (right[::-1], "Haematoxylin comes first, eosin second."),
        (
            amounts(-np.log(share), unit),
            "That is with the natural logarithm: take the decimal one.",
        ),
        (
            amounts(-np.log10(np.array(PIXEL, float)), unit),
            "Divide by 255 before the logarithm: white has no density.",
        ),
        (amounts(np.log10(share), unit), "The sign is reversed."),
        (
            amounts(share, unit),
            "That separates the light itself: take its density first.",
        ),
        (
            amounts(-np.log10(share), unit, transpose=True),
            "The inverse was turned: density times inverse, in this order.",
        ),
        (
            -np.log10(share) @ unit.T,
            "Those are projections. The two directions are not at right "
            "angles, so the mixture has to be solved.",
        ),
    ]
    match = find_match(np.ravel(answer)[:2], right, mistakes, _TOLERANCE)
    if match == RIGHT:
        return "passed", (
            f"Haematoxylin {right[0]:.3f} and eosin {right[1]:.3f}."
        )
    return "failed", match or (
        f"{given[:2].round(3)} is not it: densities of the three colours, "
        "times the inverse of the directions; the first two of the result."
    )


def judge_gain(gain: object, count: object) -> tuple[str, str]:
    """Judge what AdaBN gains in specificity, from the committed runs.

    Args:
        gain: The learner's mean difference over the seeds.
        count: The learner's number of seeds in which it gained.

    Returns:
        A status and a message.
    """
    import pandas as pd

    number, seeds = as_number(gain), as_number(count)
    if number is None or seeds is None:
        return "failed", (
            "The answer should be two numbers, a mean difference and a count, "
            f"not {brief(gain)} and {brief(count)}."
        )
    runs = pd.read_csv(paths.data_dir() / "experiments" / "adaptation.csv")
    runs = runs[(runs["base"] == BASE) & (runs["labels"] == LABELS)]

    def differences(column="specificity", scanner=SCANNER, repair=REPAIR):
        own = runs[runs["scanner"] == scanner]
        wide = own.pivot(index="seed", columns="repair", values=column)
        return wide[repair] - wide["none"]

    right = differences()
    mistakes = [
        (-right.mean(), "The sign is reversed: with AdaBN less without."),
        (differences("auc").mean(), "That is the area: take specificity."),
        (
            differences("sensitivity").mean(),
            "That is the sensitivity: take specificity.",
        ),
        (differences(scanner="B").mean(), "That is scanner B: take C."),
        (differences(scanner="A").mean(), "That is scanner A: take C."),
        (
            differences(repair="AdaBN, malignant only").mean(),
            "That is AdaBN on malignant patients only.",
        ),
        (100 * right.mean(), "That is in percent: give it as a share."),
        (right.median(), "That is the median: take the mean."),
    ]
    match = find_match(gain, right.mean(), mistakes, _TOLERANCE)
    if match != RIGHT:
        return "failed", match or (
            f"The mean is not {number:.3g}. Keep the base, a hundred labels "
            "and scanner C; put the repairs side by side for each seed; "
            "subtract; average."
        )
    if seeds != (right > 0).sum():
        return "partial", (
            f"The mean is right; it gained in another number of seeds than "
            f"{seeds:g}."
        )
    return "passed", (
        f"{right.mean():+.3f}, in {seeds:g} of {len(right)} seeds."
    )


def judge_heat(
    interval: object, decision: object, shares: object, areas: object
) -> tuple[str, str]:
    """Judge whether heat lies inside nuclei more than by chance.

    Args:
        interval: The learner's two ends.
        decision: One of `DECISIONS`.
        shares: Share of the heat inside, a patient each; NaN without heat.
        areas: Share of the area inside, the same shape.

    Returns:
        A status and a message.
    """
    given = read_ends(interval)
    if given is None:
        return "failed", (
            f"The interval should be two numbers, not {brief(interval)}."
        )
    shares, areas = np.asarray(shares, float), np.asarray(areas, float)
    kept = np.isfinite(shares)
    shares, areas = shares[kept], areas[kept]
    rng = np.random.default_rng(1)
    rows = rng.integers(len(shares), size=(DRAWS, len(shares)))

    def ends(values):
        return np.quantile(values[rows].mean(axis=1), [0.025, 0.975])

    more = shares - areas
    right = ends(more)
    match = find_interval(
        given,
        right,
        lambda: [
            (-right[::-1], "The sign is reversed: shares less areas."),
            (ends(shares), "That is the heat alone: subtract the area."),
            (ends(areas), "That is the area alone."),
            (
                np.quantile(more, [0.025, 0.975]),
                "That is the spread of single patients: the interval is about "
                "their mean.",
            ),
            (ends(shares / areas), "That is a ratio: take the difference."),
        ],
    )
    if match != RIGHT:
        return "failed", match or (
            f"{given[0]:.4f} to {given[1]:.4f} is not it: draw patients with "
            "replacement, take the mean difference, many times; 95 % of these."
        )
    told = "cannot tell"
    if right[0] > 0 or right[1] < 0:
        told = "more" if right[0] > 0 else "less"
    clear = min(abs(right)) > 0.2 * np.ptp(right)
    said = str(decision).strip().lower()
    # Where an end all but touches zero, another draw may decide otherwise, but
    # never for the other side.
    side = "more" if right.mean() > 0 else "less"
    if said == told or (not clear and said in ("cannot tell", side)):
        return "passed", f"From {given[0]:+.4f} to {given[1]:+.4f}: {said}."
    return "partial", say_decision(decision, DECISIONS)


JUDGES = {
    "da-06": judge_matched_share,
    "da-07": judge_statistics,
    "da-08": judge_amounts,
    "da-09": judge_gain,
    "da-10": judge_heat,
}
