"""Checks of lesson 04b, Another hospital."""

import numpy as np

from course_utils.answers.checks.lesson_04b_label_checks import judge_thirty
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_pair,
    brief,
    find_match,
    half_unit,
    say_no_number,
)

# A model stores its home's statistics if home is this much nearer than target.
OWN = 0.5
FAR = 0.1  # in stored deviations: less is nothing to repair


def judge_matched_share(
    threshold: object, home: object, there: object, home_threshold: float
) -> tuple[str, str]:
    """Judge a threshold that calls the same share defective as at home.

    Args:
        threshold: The learner's number.
        home: Scores of home's pictures.
        there: Scores of the target's pictures.
        home_threshold: The threshold at home.
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
            "same share defective only because the spread is the same here: "
            "match the share itself."
        )
    # The number may be rounded; the higher it is, the fewer are called.
    half = half_unit(threshold, 1)
    fewest, most = (np.mean(there >= number + way * half) for way in (1, -1))
    if fewest - within <= share <= most + within:
        before = np.mean(there >= home_threshold)
        return "passed", (
            f"{called:.1%} are called defective, as at home; with home's "
            f"threshold it would have been {before:.1%}."
        )
    mistakes = [
        (home_threshold, "That is home's threshold: the target needs its own."),
        (
            np.quantile(there, share),
            "That calls all but that share defective: take the other end.",
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
    ]
    for value, message in mistakes:
        if abs(called - np.mean(there >= value)) <= within / 3:
            return "failed", message
    return "failed", (
        f"{called:.1%} of the target's pictures are called defective, and at "
        f"home {share:.1%}: take a quantile of the target's scores."
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
            f"Only {', '.join(map(repr, sorted(helped)))} speaks for AdaBN: "
            "there the model holds home's statistics, and the target's differ."
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
            else "the model holds the statistics of neither home nor target"
        )
        return "partial", f"The distances are right. In {name!r}, {reason}."
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


JUDGES = {
    "da-06": judge_matched_share,
    "da-07": judge_statistics,
    "da-14": judge_thirty,
}
