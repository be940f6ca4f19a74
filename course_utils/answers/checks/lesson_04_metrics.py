"""Checks of lesson 04 on metrics: thresholds, calibration, intervals."""

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
    brief,
    find_match,
    half_unit,
    say_no_number,
)

SPECIFICITY = 0.8  # what the clinic asks for in da-02
LESSON_SPECIFICITY = 0.95
VERDICTS = ("too sure", "not sure enough")
DECISIONS = ("better", "worse", "cannot tell")
_TOLERANCE = 2e-3
_NEAR_TEMPERATURE = 0.03  # of the temperature; so fine is a search by hand


def judge_threshold(
    threshold: object,
    pair: object,
    validation_labels: object,
    validation_scores: object,
    labels: object,
    scores: object,
) -> tuple[str, str]:
    """Judge a threshold for a specificity, and what it promises.

    Args:
        threshold: The learner's number.
        pair: The learner's sensitivity and specificity on the test pictures.
        validation_labels: Array of 0 and 1.
        validation_scores: Array of the same shape.
        labels: The same of the test pictures.
        scores: Their scores.

    Returns:
        A status and a message.
    """
    from course_utils.evaluation.metrics import (
        sensitivity_and_specificity,
        threshold_for_specificity,
    )

    number = as_number(threshold)
    if number is None:
        return "failed", say_no_number(threshold, "The threshold")
    own = np.asarray(validation_labels), np.asarray(validation_scores)
    others = np.asarray(labels), np.asarray(scores)

    def called(some):
        return np.count_nonzero(own[1] >= some)

    def explains(other):
        # The number may be rounded; the higher it is, the fewer are called.
        half = half_unit(threshold, 1)
        return called(number + half) <= called(other) <= called(number - half)

    right = threshold_for_specificity(*own, SPECIFICITY)
    exact = called(number) == called(right)
    if not exact:
        benign, ill = (own[1][own[0] == c] for c in (0, 1))
        reverse = threshold_for_specificity(1 - own[0], -own[1], SPECIFICITY)
        mistakes = [
            (
                threshold_for_specificity(*others, SPECIFICITY),
                "That threshold was chosen on the test pictures: choose it on "
                "validation patients.",
            ),
            (
                threshold_for_specificity(*own, LESSON_SPECIFICITY),
                f"That keeps {LESSON_SPECIFICITY}, as in the lesson; here "
                f"{SPECIFICITY} is asked for.",
            ),
            (
                np.quantile(own[1], SPECIFICITY),
                "That leaves alone four fifths of *all* pictures: a "
                "specificity counts the benign ones.",
            ),
            *(
                (
                    of_ill,
                    "That finds four fifths of the malignant, a sensitivity: "
                    "a specificity counts the benign ones.",
                )
                for of_ill in (np.quantile(ill, 1 - SPECIFICITY), -reverse)
            ),
            (
                np.quantile(benign, 1 - SPECIFICITY),
                "That leaves alone one fifth of the benign pictures: turn it "
                "round.",
            ),
            (
                0.0,
                "Zero is where the head decides by itself; it promises no "
                "specificity.",
            ),
        ]
        found = [
            message
            for value, message in mistakes
            if explains(value) and called(value) != called(right)
        ]
        if found and explains(right):
            return "failed", (
                f"{number:g} is rounded too far to be told from other "
                "thresholds: give more digits."
            )
        if found:
            return "failed", found[0]
    if not exact and not explains(right):
        spared = np.mean(own[1][own[0] == 0] < number)
        return "failed", (
            f"On the validation patients it leaves {spared:.3f} of the benign "
            f"pictures alone; the lowest threshold that leaves {SPECIFICITY} "
            "was asked for."
        )
    given = as_numbers(pair)
    if given.shape != (2,):
        return "partial", (
            "The threshold is right. `my_pair` should be two numbers, the "
            f"sensitivity and the specificity, not {brief(pair)}."
        )
    match = None
    # Where the number is rounded, the pair may be that of the exact one.
    for one in (number, right):
        expected = sensitivity_and_specificity(*others, one)
        mistakes = [
            (expected[::-1], "In the pair sensitivity comes first."),
            (
                sensitivity_and_specificity(*own, one),
                "The pair is that of the validation patients, who chose it: "
                "measure on the test pictures.",
            ),
        ]
        found = find_match(pair, expected, mistakes, _TOLERANCE)
        if found == RIGHT:
            return "passed", (
                f"Expect to find {given[0]:.2f} of the ill, and to leave "
                f"{given[1]:.2f} of the others alone."
            )
        match = match or found
    if match is not None:
        return "partial", f"The threshold is right. {match}"
    return "partial", (
        "The threshold is right, the pair is not: of the malignant test "
        "pictures the share at or above it, of the benign ones the share "
        "below."
    )


def judge_temperature(
    temperature: object,
    verdict: object,
    validation_labels: object,
    validation_logits: object,
    labels: object,
    logits: object,
) -> tuple[str, str]:
    """Judge a temperature, and what it says of the model.

    Args:
        temperature: The learner's number.
        verdict: One of `VERDICTS`.
        validation_labels: Array of 0 and 1.
        validation_logits: Array of the same shape.
        labels: The same of the test pictures.
        logits: Their logits.

    Returns:
        A status and a message.
    """
    from course_utils.evaluation.calibration import fit_temperature

    number = as_number(temperature)
    if number is None or number <= 0:
        return "failed", say_no_number(
            temperature, "The temperature", "above 0"
        )
    right = fit_temperature(validation_labels, validation_logits)
    mistakes = [
        (1 / right, "That is one over it: logits are *divided* by it."),
        (
            fit_temperature(labels, logits),
            "That was fitted on the test pictures: fit it on validation "
            "patients.",
        ),
    ]
    if abs(1 / right - 1) > _NEAR_TEMPERATURE:
        nothing = "At 1 nothing is changed: look for the least loss."
        mistakes.append((1.0, nothing))
    match = find_match(temperature, right, mistakes, _NEAR_TEMPERATURE * right)
    if match:
        return "failed", match
    if match is None:
        side = "high" if number > right else "low"
        return "failed", (
            f"{number:.3g} is too {side}: the log loss of the validation "
            "pictures is not at its least there."
        )
    said = str(verdict).strip().lower()
    if said not in VERDICTS:
        return "partial", (
            "The temperature is right. The verdict should be "
            f"{' or '.join(map(repr, VERDICTS))}, not {brief(verdict)}."
        )
    if said != VERDICTS[right < 1]:
        return "partial", (
            "The temperature is right, the verdict that it gives is the other "
            "one: dividing by a number above 1 moves probabilities towards one "
            "half, by one below 1 away from it."
        )
    return "passed", f"{said.capitalize()}, says a temperature of {right:.2f}."


def judge_difference(
    interval: object,
    decision: object,
    scores: object,
    others: object,
    labels: object,
    patients: object,
) -> tuple[str, str]:
    """Judge the interval of a difference between two areas.

    Args:
        interval: The learner's two ends.
        decision: One of `DECISIONS`.
        scores: Of the first model, (pictures,).
        others: Of the second model, (pictures,).
        labels: Array of 0 and 1, (pictures,).
        patients: Their names, (pictures,).

    Returns:
        A status and a message.
    """
    from scipy.stats import rankdata

    from course_utils.evaluation.intervals import bootstrap_over_patients

    given = read_ends(interval)
    if given is None:
        return "failed", (
            f"The interval should be two numbers, not {brief(interval)}: its "
            "lower and its upper end."
        )
    low, high = given
    labels, patients = np.asarray(labels), np.asarray(patients)
    stacked = np.stack([scores, others], axis=1)

    def area(y, s):
        # The area is a sum of ranks (Hanley and McNeil 1982). scikit-learn's
        # checks its input at each call: too slow for thousands of draws.
        ones = np.count_nonzero(y == 1)
        ranks = rankdata(s)[y == 1].sum() - ones * (ones + 1) / 2
        return ranks / (ones * (len(y) - ones))

    def difference(y, s):
        return area(y, s[:, 0]) - area(y, s[:, 1])

    def ends(metric, values, groups=patients, draws=400):
        drawn = bootstrap_over_patients(metric, labels, values, groups, draws)
        return np.array(drawn[1:])

    right = ends(difference, stacked, draws=1000)

    def mistakes():
        first, second = (ends(area, s) for s in stacked.T)
        return [
            (-right[::-1], "The sign is reversed: `scores` less the other."),
            (first, "That is the interval of `scores` alone."),
            (second, "That is the interval of `free_scores` alone."),
            (
                first - second,
                "Ends of two intervals were subtracted: draw patients once, "
                "and measure the difference in each draw.",
            ),
            (
                np.array([first[0] - second[1], first[1] - second[0]]),
                "That treats the two models as if they had seen other "
                "patients: draw once, and measure the difference.",
            ),
            (
                ends(difference, stacked, np.arange(len(labels))),
                "That was drawn over pictures, and is too narrow: draw "
                "patients.",
            ),
            (
                ends(difference, stacked > 0),
                "That is the difference of areas of decisions, yes or no: the "
                "area is that of the scores.",
            ),
        ]

    match = find_interval(given, right, mistakes)
    if match != RIGHT:
        return "failed", match or (
            f"{low:.3f} to {high:.3f} is not it. Draw patients, measure both "
            "areas on them, subtract; the 95 % interval of these."
        )
    told = _decided(right)
    said = str(decision).strip().lower()
    # Where an end all but touches zero, another draw may decide otherwise:
    # then the decision has to follow from the learner's own interval.
    close = np.abs(right).min() <= 0.1 * np.ptp(right)
    if said != told and not (close and said == _decided(given)):
        return "partial", say_decision(decision, DECISIONS)
    return "passed", f"From {low:+.3f} to {high:+.3f}: {said}."


def _decided(ends):
    """Says what an interval of a difference decides."""
    if ends[0] > 0:
        return DECISIONS[0]
    return DECISIONS[1] if ends[1] < 0 else DECISIONS[2]


JUDGES = {
    "da-02": judge_threshold,
    "da-03": judge_temperature,
    "da-04": judge_difference,
}
