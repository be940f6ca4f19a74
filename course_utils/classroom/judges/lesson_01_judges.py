"""Judges of lesson 01, Pretrained models."""

import numpy as np

from course_utils.answers.checks import lesson_01_checks
from course_utils.classroom import submitted_values
from course_utils.classroom.judges import Judge, Reference

PICTURES = 8  # that an extractor is tried on


def judge_pictures(answer: object, reference: Reference) -> tuple[str, str]:
    """Judge pm-02 by the photographs as they were."""
    return lesson_01_checks.judge_pictures(answer, reference.given["pm-02"][1])


def judge_extractor(model: object, reference: Reference) -> tuple[str, str]:
    """Judge pm-03 by what the model gives for pictures that we have drawn.

    Whether its weights could still be trained, a flag would have to say.
    """
    if not isinstance(model, submitted_values.Model):
        return "failed", (
            f"Expected a Keras model, not {type(model).__name__}: "
            "`keras.Model(inputs, outputs)`."
        )
    if not isinstance(model.predictions, np.ndarray):
        return "failed", (
            "Your model gives no array for pictures with values from 0 to 255: "
            f"{type(model.predictions).__name__}."
        )
    problem = lesson_01_checks.problem_of_averages(
        model.predictions, reference.prepared["grid"]
    )
    if problem:
        return "failed", problem
    return "passed", f"{model.predictions.shape[1]} averages a picture."


def judge_neighbours(
    answer: object, gallery: object, reference: Reference
) -> tuple[str, str]:
    """Judge pm-04 by features that we have computed, in the learner's order.

    Training cells come in an order that a seed of one's own changes.
    """
    _, ours, query = reference.given["pm-04"]
    if getattr(gallery, "shape", None) != ours.shape or not np.allclose(
        _sorted(gallery), _sorted(ours), atol=1e-3
    ):
        return "failed", (
            "`gallery` should hold the features of the lesson's cells, in any "
            "order: leave its line as it is, and set no seed of your own."
        )
    return lesson_01_checks.judge_neighbours(answer, gallery, query)


def _sorted(rows):
    return rows[rows.sum(axis=1).argsort()]


def prepare(names: dict, random: np.random.Generator, own: None = None) -> dict:
    """Return some drawings, in an order of their own, and their grids."""
    import keras

    drawings = names["new_drawings"]
    some = random.permutation(len(drawings))[:PICTURES]
    base = names["load_backbone"]("residual")
    layer = base.get_layer(lesson_01_checks.DEPTH)
    grid = keras.Model(base.input, layer.output).predict_on_batch(
        drawings[some]
    )
    return {"asked": {"pm-03": drawings[some]}, "grid": grid}


JUDGES = {
    "pm-04": Judge(2, judge_neighbours),
    "pm-02": Judge(1, judge_pictures),
    "pm-03": Judge(1, judge_extractor),
}
NOT_APART = {
    "pm-05": (
        "how long a network takes, each machine says for itself, and the "
        "choice depends on it"
    ),
    "pm-06": (
        "what was chosen before a cell ran can be changed once it has run"
    ),
}
