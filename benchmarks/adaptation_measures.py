"""What is measured of a network on the pictures of one scanner."""

import functools

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score

from course_utils.evaluation.calibration import (
    apply_temperature,
    calibration_error,
    fit_temperature,
)
from course_utils.evaluation.intervals import bootstrap_over_patients
from course_utils.evaluation.metrics import (
    sensitivity_and_specificity,
    sensitivity_at_specificity,
    threshold_for_specificity,
)
from course_utils.machine.errors import CourseError
from course_utils.pictures import picture_tables

REPETITIONS = 500  # of the bootstrap over patients
SPECIFICITY = 0.95


@functools.cache
def pictures(split, scanner):
    """Returns pictures, labels and patients of one scanner, as arrays."""
    table = picture_tables.load_table("histology")
    table = table[(table["split"] == split) & (table["scanner"] == scanner)]
    batches = list(picture_tables.from_table(table, 100))
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    return np.rint(images).astype(np.uint8), labels, np.array(table["patient"])


def auc(labels, scores):
    """Returns the area under the ROC curve; faster than scikit-learn's."""
    positives = np.count_nonzero(labels)
    negatives = len(labels) - positives
    ranks = rankdata(scores)[np.asarray(labels) == 1].sum()
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def logits_of(model, images):
    """Returns the logit of class 1 of two, shape (pictures,)."""
    parts = range(0, len(images), 100)
    logits = np.concatenate(
        [np.asarray(model(images[i : i + 100], training=False)) for i in parts]
    )
    return logits[:, 1] - logits[:, 0]


def carried(labels, logits):
    """Returns what a model brings along from its own validation pictures.

    Args:
        labels: Of the validation pictures of scanner A.
        logits: The model's, of the same.

    Returns:
        The threshold that keeps the specificity there, and the temperature
        that calibrates best there; 1 where none does.
    """
    threshold = threshold_for_specificity(labels, logits, SPECIFICITY)
    try:
        temperature = fit_temperature(labels, logits)
    except CourseError:  # It is no better than guessing there.
        temperature = 1.0
    return threshold, temperature


def measure(labels, logits, patients, threshold, temperature):
    """Measures one model on the pictures of one scanner.

    Returns:
        Dict of numbers: the area under the curve with its interval over
        patients, average precision, accuracy, sensitivity at the specificity
        (by a threshold from these very pictures), sensitivity and specificity
        at the threshold that was carried along, calibration error before and
        after the temperature that was.
    """
    interval = bootstrap_over_patients(
        auc, labels, logits, patients, REPETITIONS
    )
    found, spared = sensitivity_and_specificity(labels, logits, threshold)
    before = apply_temperature(logits, 1.0)
    after = apply_temperature(logits, temperature)
    return {
        "auc": interval.value,
        "auc_low": interval.low,
        "auc_high": interval.high,
        "average_precision": float(average_precision_score(labels, logits)),
        "accuracy": float(np.mean((logits > 0) == labels)),
        "sensitivity_at": sensitivity_at_specificity(
            labels, logits, SPECIFICITY
        ),
        "sensitivity": found,
        "specificity": spared,
        "calibration_error": calibration_error(labels, before),
        "temperature": float(temperature),
        "calibration_error_scaled": calibration_error(labels, after),
    }
