"""Check of lesson 04b: another hospital, with thirty labels."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_numbers,
    as_pair,
    brief,
    find_match,
    say_no_number,
)

MOST_LABELS = 30
LEAST = 0.7  # of sensitivity and specificity, for use
STRENGTH = 1e-3  # of the head that the ranking is held against
_TOLERANCE = 2e-3


def judge_thirty(
    labelled: object,
    scores: object,
    threshold: object,
    card: object,
    use: object,
    features: np.ndarray,
    labels: np.ndarray,
    table: object,
) -> tuple:
    """Judge a model of poly cells that was taken to mono with thirty labels.

    Args:
        labelled: The learner's numbers of mono cells.
        scores: The learner's scores of the mono test cells.
        threshold: The learner's threshold.
        card: The learner's sensitivity and specificity at it.
        use: The learner's decision.
        features: Those of the frozen network, a row a cell.
        labels: 1 for a defective cell.
        table: Of the solar cells, with `type` and `split`.
    """
    target = (table["type"] == "mono").to_numpy()
    split = table["split"].to_numpy()
    if problem := _labels_problem(labelled, target & (split == "train")):
        return "failed", problem
    test = np.flatnonzero(target & (split == "test"))
    found = as_numbers(scores)
    if found.shape != test.shape:
        return "failed", (
            f"`my_scores` should hold a finite number for each of the "
            f"{len(test)} cells of `tests['mono']`, not {brief(scores)}."
        )
    truth = np.asarray(labels)[test] == 1
    area = roc_auc_score(truth, found)
    free = _own_statistics(features, labels, target, split)
    unlabelled = roc_auc_score(truth, free)
    facts = [
        f"AUC {area:.3f}; own statistics, without a label, {unlabelled:.3f}"
    ]
    if area < 0.5:
        return (
            "failed",
            "The ranking is reversed: a higher score is more suspect.",
            facts,
        )
    number = as_number(threshold)
    if number is None:
        return "failed", say_no_number(threshold, "The threshold")
    called = found >= number
    if called.all() or not called.any():
        return "failed", (
            f"With this threshold {'every' if called.all() else 'no'} cell is "
            "called defective: choose one among the scores of mono cells of "
            "`train`."
        )
    right = np.array([called[truth].mean(), 1 - called[~truth].mean()])
    if problem := _card_problem(card, right, called, truth):
        return "failed", problem, facts
    allowed = bool(right.min() >= LEAST)
    if not isinstance(use, bool | np.bool_):
        return "partial", f"`my_use` is True or False, not {brief(use)}.", facts
    if bool(use) != allowed:
        return (
            "partial",
            f"The card is right; the decision does not follow from it: are "
            f"both of its numbers {LEAST} or more?",
            facts,
        )
    return (
        "passed",
        f"Sensitivity {right[0]:.2f}, specificity {right[1]:.2f}: "
        f"by the customer's rule it {'may' if allowed else 'may not'} be used.",
        facts,
    )


def _labels_problem(labelled, allowed):
    """Says what is wrong with the cells whose labels were used."""
    numbers = as_numbers(labelled)
    if getattr(labelled, "dtype", None) in (bool, np.bool_):
        return "`my_labelled` should hold numbers of cells, not a mask."
    whole = numbers.ndim == 1 and numbers.size and not (numbers % 1).any()
    if not whole or ((numbers < 0) | (numbers >= len(allowed))).any():
        return (
            "`my_labelled` should hold numbers of cells, rows of the table, "
            f"not {brief(labelled)}."
        )
    numbers = np.unique(numbers.astype(int))
    if len(numbers) > MOST_LABELS:
        return (
            f"`my_labelled` names {len(numbers)} cells, and you may ask for "
            f"{MOST_LABELS}."
        )
    if not allowed[numbers].all():
        return (
            f"{(~allowed[numbers]).sum()} of your labelled cells are no mono "
            "cells of `train`: draw from `parts['mono', 'train']`."
        )
    return ""


def _own_statistics(features, labels, target, split):
    """Returns scores of the test cells: the repair that costs no label."""

    def standardized(own):
        like = features[own & (split == "train")]
        return (features[own] - like.mean(axis=0)) / (like.std(axis=0) + 1e-3)

    source = split[~target] == "train"
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    model.fit(standardized(~target)[source], labels[~target][source])
    return model.decision_function(
        standardized(target)[split[target] == "test"]
    )


def _card_problem(card, right, called, truth):
    given = as_pair(card, "sensitivity and specificity")
    if isinstance(given, str):
        return given
    right_of_all = np.mean(called == truth)
    precision = truth[called].mean()
    mistakes = [
        (right[::-1], "Sensitivity comes first, specificity second."),
        (1 - right, "These are the shares that the model gets wrong."),
        ([right[0], 1 - right[1]], "The second is the share of false alarms."),
        ([right_of_all] * 2, "That is the share of all that are right."),
        ([precision, right[1]], "The first is the precision: of which cells?"),
        (100 * right, "That is in percent: give shares."),
    ]
    match = find_match(card, right, mistakes, _TOLERANCE)
    if match == RIGHT:
        return ""
    return match or (
        f"The card says {given[0]:.3g} and {given[1]:.3g}, and on the test "
        "cells they are others: count among the defective, then the sound."
    )
