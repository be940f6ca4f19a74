"""Checks of lesson 02, Feature extraction: freezes, and features by hand."""

from collections.abc import Iterable

import numpy as np

from course_utils.answers.checks import (
    lesson_02_head_checks,
    lesson_02_pipeline_checks,
)
from course_utils.answers.learner_values import as_pair, brief


def judge_freezes(
    counts: object, frozen: object, suspects: dict
) -> tuple[str, str]:
    """Judge which of several backbones were found to be frozen.

    Args:
        counts: The learner's dict: by name, how many arrays move when the
            backbone is called in training mode, and how many would be trained.
        frozen: The learner's names of the backbones that are frozen.
        suspects: The backbones, by name.
    """
    right = {name: _counted(model) for name, model in suspects.items()}
    return judge_counts(counts, frozen, right)


def judge_counts(
    counts: object, frozen: object, right: dict
) -> tuple[str, str]:
    """Judge what was counted in backbones, and which were found frozen.

    Args:
        counts: The learner's dict, as in `judge_freezes`.
        frozen: The learner's names, as there.
        right: By name, how many arrays move, and how many would be trained.
    """
    named = isinstance(counts, dict) and set(counts) == set(right)
    if not named or not counts:
        return "failed", (
            f"`my_counts` should be a dict with the names "
            f"{', '.join(map(repr, right))}, not {brief(counts)}."
        )
    for name, (moved, trained) in right.items():
        pair = as_pair(counts[name], "arrays that move, arrays to be trained")
        if isinstance(pair, str):
            return "failed", f"{name}: {pair}"
        if pair == (moved, trained):
            continue
        if pair == (trained, moved):
            return "failed", (
                f"{name}: the two numbers are swapped: first the arrays that "
                "move, then those that an optimizer would train."
            )
        if pair[0] == 0 < moved:
            return "failed", (
                f"{name}: nothing moved, you say. Call it with "
                "`training=True`, and copy the weights before, with "
                "`get_weights()`."
            )
        if pair[0] != moved:
            return "failed", (
                f"{name}: {pair[0]:g} arrays are not those that move. Count "
                "whole arrays that differ before and after one call, not "
                "numbers in them, and no batch twice."
            )
        return "failed", (
            f"{name}: an optimizer would not train {pair[1]:g} arrays: count "
            "those in `trainable_weights`."
        )
    names = {name for name, found in right.items() if not any(found)}
    if isinstance(frozen, str) or not isinstance(frozen, Iterable):
        return "partial", (
            "The counts are right. `my_frozen` should be a list of names, not "
            f"{brief(frozen)}."
        )
    given = set()
    for name in frozen:
        if name not in right:
            return "partial", f"The counts are right; who is {brief(name)}?"
        if right[name][1]:
            return "partial", (
                f"The counts are right. But `fit` would train "
                f"{right[name][1]} arrays of {name!r}: a frozen one has 0 in "
                "both places."
            )
        given.add(name)
    if given != names:
        return "partial", (
            "The counts are right. Of those with 0 in both places you have "
            f"{len(given)}, and there should be {len(names)}."
        )
    return "passed", (
        "Evidence of both kinds: what moves without an optimizer, and what an "
        "optimizer would move. Only what does neither is frozen."
    )


def _counted(model):
    """Returns how many arrays a call moves, and how many would be trained."""
    import keras

    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    moved = sum(2 for layer in norms if layer.trainable)
    return moved, len(model.trainable_weights)


def judge_features(
    answer: object, answer_labels: object, features: object, labels: object
) -> tuple[str, str]:
    """Judge the averaged features of shuffled pictures, and their labels.

    Args:
        answer: The learner's array of features, (pictures, channels).
        answer_labels: The learner's labels, (pictures,).
        features: The right features in any order, (pictures, channels).
        labels: Their classes, (pictures,).
    """
    try:
        given = np.asarray(answer, dtype=float)
        given_labels = np.asarray(answer_labels, dtype=float)
    except (TypeError, ValueError):
        return "failed", (
            f"Features and labels should be arrays of numbers, not "
            f"{brief(answer)} and {brief(answer_labels)}: join those of the "
            "batches with `np.concatenate`."
        )
    features = np.asarray(features)
    count, channels = features.shape
    if given.ndim == 4:
        return "failed", (
            f"Shape {given.shape} is a grid of features for each picture: "
            "average it over rows and columns, axes 1 and 2."
        )
    if given.shape == (channels, count):
        return "failed", "Rows and columns are swapped: one row per picture."
    if given.ndim == 2 and given.shape[1] > channels:
        return "failed", (
            f"{given.shape[1]} numbers per picture: that is the grid, "
            f"flattened. Average it over rows and columns, and {channels} are "
            "left."
        )
    if given.shape != (count, channels):
        return "failed", (
            f"The features of {count} pictures should have shape ({count}, "
            f"{channels}), and these have {given.shape}: use all batches, and "
            "average over axes 1 and 2."
        )
    if given_labels.shape != (count,):
        return "failed", (
            f"The labels should have shape ({count},), one for each row, and "
            f"these have {given_labels.shape}."
        )
    rows = _find(given, features)
    if rows is None:
        scale = np.linalg.norm(given) / max(np.linalg.norm(features), 1e-9)
        if scale > 1 and _find(given / scale, features) is not None:
            return "failed", "That is the sum over the grid: take the mean."
        return "failed", (
            "The shape is right, but some pictures have no row with their "
            "features: give the frozen `base_model` each batch as it is, and "
            "take the mean over rows and columns."
        )
    wrong = np.sum(given_labels[rows] != np.asarray(labels))
    if wrong:
        return "failed", (
            f"The features are right, but {wrong} of {count} rows have another "
            "picture's label: each run through the pictures has a new order, "
            "so take both from the same run."
        )
    return "passed", (
        f"{count} pictures became {channels} numbers each, beside their labels."
    )


def _find(rows, wanted):
    """Returns where each wanted row stands among others; None if not all do."""
    found = [np.abs(rows - one).max(axis=1) for one in wanted]
    if any(not distances.min() < 1e-2 for distances in found):
        return None
    return [int(distances.argmin()) for distances in found]


JUDGES = {
    "fe-03": judge_features,
    "fe-06": judge_freezes,
    **lesson_02_head_checks.JUDGES,
    **lesson_02_pipeline_checks.JUDGES,
}
