"""Judges of lesson 02, Feature extraction."""

import numpy as np

from course_utils.answers.checks import lesson_02_checks, lesson_02_head_checks
from course_utils.classroom import submitted_values
from course_utils.classroom.judges import Judge, Reference


def judge_freezes(
    counts: object, frozen: object, reference: Reference
) -> tuple[str, str]:
    """Judge fe-06 by what our own suspects did."""
    right = {
        name: tuple(pair) for name, pair in reference.given["fe-06"][0].items()
    }
    return lesson_02_checks.judge_counts(counts, frozen, right)


def judge_features(
    answer: object, labels: object, reference: Reference
) -> tuple[str, str]:
    """Judge fe-03 by features that we have computed."""
    return lesson_02_checks.judge_features(
        answer, labels, *reference.given["fe-03"][2:]
    )


def judge_threshold(
    threshold: object, cost: object, reference: Reference
) -> tuple[str, str]:
    """Judge fe-07 on our own scores of the same cells."""
    return lesson_02_head_checks.judge_threshold(
        threshold, cost, *reference.given["fe-07"][2:]
    )


def judge_other_head(head: object, reference: Reference) -> tuple[str, str]:
    """Judge fe-09 by what the head predicts for cells in an unknown order."""
    if not isinstance(head, submitted_values.Model):
        return "failed", (
            "Pass the trained head, which has a `predict`, not "
            f"{type(head).__name__}."
        )
    if isinstance(head.predictions, submitted_values.Other):
        return "failed", (
            "`predict` gave nothing for the features of new cells: "
            f"{type(head.predictions).__name__}."
        )
    return lesson_02_head_checks.judge_classes(
        np.asarray(head.predictions), reference.prepared["cells"]
    )


def prepare(names: dict, random: np.random.Generator, own: None = None) -> dict:
    """Return the test cells in an order of their own, mirrored, as features.

    Solar cells are public, and so are their labels; but no file says which of
    them a row shows.
    """
    import keras

    from course_utils.pictures import from_table

    table = names["table"]
    order = random.permutation(np.flatnonzero(table["split"] == "test"))
    cells = from_table(table.iloc[order], image_size=(160, 160))
    average = keras.layers.GlobalAveragePooling2D()
    extractor = keras.Sequential([names["base_model"], average])
    features = [
        extractor.predict_on_batch(pictures[:, :, ::-1])
        for pictures, _ in cells.as_numpy_iterator()
    ]
    columns = ["type", "probability", "label"]
    return {
        "asked": {"fe-09": np.concatenate(features)},
        "cells": table.iloc[order][columns].reset_index(drop=True),
    }


JUDGES = {
    "fe-06": Judge(2, judge_freezes),
    "fe-03": Judge(2, judge_features),
    "fe-07": Judge(2, judge_threshold),
    "fe-09": Judge(1, judge_other_head),
}
NOT_APART = {
    "fe-05": (
        "whether a picture was fetched twice, only the process that fetches "
        "can tell, and that is the submission's own"
    ),
}
