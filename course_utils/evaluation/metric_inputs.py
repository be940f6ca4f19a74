"""What labels and scores must be, before anything is measured on them."""

import numpy as np

from course_utils.machine import array_arguments
from course_utils.machine.errors import CourseError


def checked_classes(labels, scores):
    """Returns labels as integers, and scores as float64, if they fit."""
    labels = array_arguments.any_array("labels", labels)
    scores = array_arguments.real_array("scores", scores)
    fit = labels.shape == scores.shape[:1] and scores.ndim < 3
    # One column is neither a row of scores nor a score for each class.
    if not fit or scores.shape[1:] in ((0,), (1,)) or not labels.size:
        raise CourseError(
            "Expected one label and one score (or one per class) for each of "
            f"some pictures, and the shapes are {labels.shape} and "
            f"{scores.shape}: take both from the same pictures, and flatten "
            "scores of shape (pictures, 1) with scores[:, 0]."
        )
    check_finite(scores)
    classes = 2 if scores.ndim == 1 else scores.shape[1]
    known = np.isin(labels, np.arange(classes)).all()
    if not known or labels.dtype.kind == "c":
        found = sorted(set(map(repr, labels.ravel().tolist())))
        raise CourseError(
            f"The labels are {', '.join(found[:5])}, "
            f"and whole numbers from 0 to {classes - 1} were expected, such "
            'as (table["label"] == "malignant").astype(int).'
        )
    return labels.astype(int), scores


def check_finite(scores):
    """Raises a CourseError unless all scores are finite."""
    if not np.isfinite(scores).all():
        raise CourseError(
            "Some scores are not finite (NaN, or the logarithm of a "
            "probability of 0): look at what the model gives for these "
            "pictures, and keep probabilities off 0 and 1, as by "
            "np.clip(probabilities, 1e-7, 1 - 1e-7), before a logarithm."
        )


def are_probabilities(values):
    """Says whether values look like probabilities, of one class or all."""
    inside = values.min() >= 0 and values.max() <= 1
    if values.ndim == 1:
        return inside
    # In half precision each of them is rounded.
    return inside and np.allclose(values.sum(axis=1), 1, atol=1e-2)
