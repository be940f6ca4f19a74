"""Checks of lesson 07, Beyond the recipe."""

import numpy as np

from course_utils.answers.checks import lesson_07_weight_checks
from course_utils.answers.learner_values import as_numbers, brief

KEPT = 0.9  # the share of the average that stays at each step
BASELINE = "the recipe"
MARGIN = 0.01
ADVICE = ("try all", "keep the recipe")
_ROUNDED = 5.1e-4  # to three decimals, or better
# Corner and side of the squares that a learner's function pastes: inside,
# beyond two edges, beyond all, and nothing.
SQUARES = ((1, 2, 3), (4, 3, 5), (0, 0, 20), (2, 1, 0))


def judge_soup(soup: object, runs: list) -> tuple[str, str]:
    """Judge the mean of several runs' weights.

    Args:
        soup: The learner's list of arrays.
        runs: The weights after each run.
    """
    if problem := lesson_07_weight_checks.no_weights(soup, runs[0], "my_soup"):
        return "failed", problem
    means = [np.mean(arrays, axis=0) for arrays in zip(*runs, strict=True)]
    if _same(soup, means):
        return "passed", (
            f"{len(means)} arrays, each the mean over {len(runs)} runs."
        )
    mistakes = [
        ([len(runs) * mean for mean in means], "That is the sum: divide it."),
        *((run, "That is one of the runs, not their mean.") for run in runs),
    ]
    for wrong, message in mistakes:
        if _same(soup, wrong):
            return "failed", message
    off = sum(
        not np.allclose(one, mean, atol=1e-6)
        for one, mean in zip(soup, means, strict=True)
    )
    return "failed", (
        f"{off} of {len(means)} arrays are not the mean of {len(runs)} runs: "
        "take the first array of each run, then the second of each."
    )


def _same(some, others):
    pairs = zip(some, others, strict=True)
    return all(np.allclose(one, other, atol=1e-6) for one, other in pairs)


def judge_average(average: object, steps: list) -> tuple[str, str]:
    """Judge exponential moving averages of weights.

    Args:
        average: The learner's averages, a row after each step.
        steps: The weights, the first row before any step.
    """
    found, weights = as_numbers(average), np.array(steps)
    count = len(weights) - 1
    if found.shape == weights.shape:
        return "failed", (
            f"There are {count + 1} averages for {count} steps: leave out the "
            "start."
        )
    if found.shape != weights[1:].shape:
        return "failed", (
            f"`my_average` should be {count} rows of {weights.shape[1]} "
            f"numbers, one after each step, not {brief(average)}."
        )
    mistakes = [
        (_moving(weights, KEPT, weights[0]), ""),
        (
            _moving(weights, 1 - KEPT, weights[0]),
            "The shares are swapped: most of the average stays.",
        ),
        (
            _moving(weights, KEPT, np.zeros_like(weights[0])),
            "It begins at zero, so it lags behind: begin at the first kernel.",
        ),
        (
            np.cumsum(weights[1:], axis=0) / np.arange(1, count + 1)[:, None],
            "That is the mean of all steps so far. A moving average forgets.",
        ),
        (weights[1:], "These are the weights themselves."),
    ]
    for value, message in mistakes:
        if np.allclose(found, value, atol=1e-6):
            if message:
                return "failed", message
            ways = [np.abs(np.diff(x, axis=0)).sum() for x in (found, weights)]
            return "passed", (
                f"{count} averages. Their path is {ways[0] / ways[1]:.0%} as "
                "long as that of the weights."
            )
    return "failed", (
        f"The first should be {KEPT} times the first kernel plus "
        f"{1 - KEPT:.1f} times the second; go on from there."
    )


def _moving(weights, kept, average):
    found = []
    for now in weights[1:]:
        average = kept * average + (1 - kept) * now
        found.append(average)
    return np.array(found)


def judge_cut_mix(function: object) -> tuple[str, str]:
    """Judge a function that pastes a square of the next picture.

    Args:
        function: The learner's.
    """
    if not callable(function):
        return "failed", f"Pass a function, not {brief(function)}."
    rng = np.random.default_rng(0)
    pictures = rng.uniform(0, 255, (3, 7, 6, 3)).astype("float32")
    labels = np.array([1, 0, 0], "float32")
    for array in (pictures, labels):
        array.setflags(write=False)
    for square in SQUARES:
        told = "top={}, left={}, side={}".format(*square)
        try:
            answer = function(pictures, labels, *square)
        except Exception as error:
            reason = str(error).splitlines() or [""]
            if "read-only" in reason[0]:
                return "failed", (
                    "It writes into the pictures that it was given: work on a "
                    "copy, `np.array(pictures)`."
                )
            return "failed", (
                f"With {told} it raises {type(error).__name__}: "
                f"{reason[0][:120]}"
            )
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            return "failed", (
                f"It should return pictures and labels, not {brief(answer)}."
            )
        if problem := _pasted_problem(*answer, pictures, labels, *square):
            return "failed", f"With {told}: {problem}"
    return "passed", (
        f"{len(SQUARES)} squares, one of them beyond the edge: pixels and "
        "labels mix by the same share."
    )


def _pasted_problem(mixed, given, pictures, labels, top, left, side):
    """Say what is wrong with pasted pictures, or with their labels."""
    inside = np.zeros(pictures.shape[1:3], bool)
    inside[top : top + side, left : left + side] = True
    found = as_numbers(mixed)
    if found.shape != pictures.shape:
        return f"the pictures have shape {found.shape}, not {pictures.shape}."

    def paste(where, shift):
        other = np.roll(pictures, shift, axis=0)
        return np.where(where[..., None], other, pictures)

    if not np.allclose(found, paste(inside, -1)):
        if np.allclose(found, paste(inside, 1)):
            return "the square is from the picture before, not the next."
        turned = np.zeros_like(inside)
        turned[left : left + side, top : top + side] = True
        if np.allclose(found, paste(turned, -1)):
            return "top and left are swapped: rows come first."
        if np.allclose(found, paste(~inside, -1)):
            return "what lies around the square was pasted, not the square."
        return "the pixels are not those of this square."
    share, following = inside.mean(), np.roll(labels, -1)
    got = as_numbers(given)
    if got.shape == (len(labels), 1):
        got = got[:, 0]
    if got.shape != labels.shape:
        return f"the labels have shape {got.shape}, not {labels.shape}."

    def mix(part):
        return (1 - part) * labels + part * following

    if np.allclose(got, mix(share), atol=1e-5):
        return ""
    if np.allclose(got, labels):
        return "the labels are as they were: mix them, too."
    if np.allclose(got, mix(1 - share), atol=1e-5):
        return "the shares of the two labels are swapped."
    if np.allclose(got, mix(side**2 / inside.size), atol=1e-5):
        return "count only the part of the square that lies in the picture."
    return f"the pasted label should count for {share:.3f}."


def judge_trying_all(
    gains: object, advice: object, changes: object
) -> tuple[str, str]:
    """Judge what came of choosing among all changes by validation.

    Args:
        gains: The learner's gains in test AUC over the recipe, per seed.
        advice: One of `ADVICE`.
        changes: The committed rows, one per change and seed.
    """
    wide = changes.pivot(index="seed", columns="recipe")
    test, validation = wide["auc"], wide["validation_auc"]
    base = test[BASELINE].to_numpy()

    def by(score):
        places = score.to_numpy().argmax(axis=1)
        return test.to_numpy()[np.arange(len(test)), places]

    right = by(validation) - base
    found = as_numbers(gains)
    if found.shape != right.shape:
        return "failed", (
            f"`my_gains` should be {len(right)} numbers, one per seed, not "
            f"{brief(gains)}."
        )
    if not np.allclose(found, right, atol=_ROUNDED):
        kept = validation.max(axis=1) - validation[BASELINE]
        mistakes = [
            (by(test) - base, "They were chosen by the *test* modules."),
            (by(validation), "That is the AUC itself: subtract the recipe's."),
            (
                kept.to_numpy(),
                "That is the gain on *validation*, where the change was "
                "chosen: ask the test modules.",
            ),
            (-right, "Subtract the recipe's AUC, not the other way round."),
        ]
        for value, message in mistakes:
            if np.allclose(found, value, atol=_ROUNDED):
                return "failed", message
        return "failed", (
            "For each seed: which change has the highest `validation_auc`, "
            f"and what is its `auc`? The first gain is {right[0]:+.3f}."
        )
    wanted = ADVICE[0] if right.mean() >= MARGIN else ADVICE[1]
    if advice not in ADVICE:
        return "failed", (
            f"The gains are right. `my_advice` is {brief(advice)}, and should "
            f"be {' or '.join(map(repr, ADVICE))}."
        )
    told = f"{right.mean():+.3f} on average, {right.min():+.3f} at worst"
    if advice != wanted:
        return "partial", (
            f"The gains are right: {told}. Does the advice follow from that?"
        )
    return "passed", (
        f"Chosen by validation, {told}; {np.sum(right > 0)} of {len(right)} "
        "draws gained."
    )


JUDGES = {
    "be-01": judge_soup,
    "be-02": judge_average,
    "be-03": lesson_07_weight_checks.judge_merged,
    "be-04": judge_cut_mix,
    "be-05": judge_trying_all,
    "be-06": lesson_07_weight_checks.judge_greedy,
}
