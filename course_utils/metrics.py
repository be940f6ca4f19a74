"""Medical metrics, and how sure one can be of them.

The area under the curve, average precision and balanced accuracy are
scikit-learn's own. Here is what it leaves out: a threshold that keeps a
promised specificity, and intervals over patients. (For calibration see
`course_utils.calibration`.) A label of 1 is the class to be found, such as
malignant; a higher score means more of it.
"""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_curve

from course_utils.errors import CourseError
from course_utils.score_checks import as_numbers, check_finite, checked_classes


def threshold_for_specificity(labels, scores, specificity=0.95):
    """Finds the lowest threshold that keeps a specificity on these data.

    A picture counts as positive if its score is at or above the threshold.
    Find it on validation data, and measure it on others with
    `sensitivity_and_specificity`: there the specificity will not be met
    exactly. Introduced in lesson 04 (``04_domain_adaptation``).

    Args:
        labels: Array of 0 and 1, shape `(pictures,)`.
        scores: Array of the same shape: probabilities, logits or any numbers
            that are higher for 1.
        specificity: Least share of the negatives to be left alone, 0 to 1.

    Returns:
        A float: one of the scores; or infinity where only calling nothing
        positive keeps the specificity.

    Raises:
        CourseError: If the labels are not 0 and 1, both at least once, if
            the scores do not fit them or are not finite, or if the
            specificity is not between 0 and 1.
    """
    labels, scores = _checked(labels, scores)
    if not 0 <= specificity <= 1:
        raise CourseError(
            f"A specificity is a share from 0 to 1, and this is "
            f"{specificity!r}: give for example 0.95."
        )
    false_positive_rate, _, thresholds = roc_curve(
        labels, scores, drop_intermediate=False
    )
    # Thresholds fall; 1 - 0.9 is a little less than 0.1 on a computer.
    kept = false_positive_rate <= 1 - specificity + 1e-9
    return float(thresholds[kept][-1])


def sensitivity_and_specificity(labels, scores, threshold):
    """Measures both at a threshold that is fixed already.

    Introduced in lesson 04 (``04_domain_adaptation``).

    Args:
        labels: As in `threshold_for_specificity`.
        scores: As in `threshold_for_specificity`.
        threshold: Scores at or above it count as positive.

    Returns:
        Two floats from 0 to 1: the share of the positives that are found,
        and the share of the negatives that are left alone.

    Raises:
        CourseError: If the labels are not 0 and 1, both at least once, if
            the scores do not fit them or are not finite, or if the threshold
            is no number.
    """
    labels, scores = _checked(labels, scores)
    if np.isnan(threshold):
        raise CourseError(
            "The threshold is not a number (NaN): find one with "
            "threshold_for_specificity on validation data."
        )
    positive = scores >= threshold
    return float(positive[labels == 1].mean()), float(
        1 - positive[labels == 0].mean()
    )


def sensitivity_at_specificity(labels, scores, specificity=0.95):
    """Measures the sensitivity at the threshold that these data would choose.

    A point of the ROC curve, to compare models by. It flatters: the threshold
    is chosen on the data that it is measured on. For what to expect in use,
    choose with `threshold_for_specificity` on validation data. Introduced in
    lesson 04 (``04_domain_adaptation``).

    Args:
        labels: As in `threshold_for_specificity`.
        scores: As in `threshold_for_specificity`.
        specificity: As in `threshold_for_specificity`.

    Returns:
        A float from 0 to 1.

    Raises:
        CourseError: As in `threshold_for_specificity`.
    """
    threshold = threshold_for_specificity(labels, scores, specificity)
    return sensitivity_and_specificity(labels, scores, threshold)[0]


class Interval(NamedTuple):
    """A value and its interval; made by `bootstrap_over_patients`.

    Attributes:
        value: What was measured on all pictures.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Shows it as in a paper."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def bootstrap_over_patients(
    metric,
    labels,
    scores,
    patients,
    repetitions=1000,
    confidence=0.95,
    seed=0,
):
    """Measures with an interval that says how far other patients may differ.

    Draws as many patients as there are, with replacement, each with all of
    its pictures, and measures again; the interval holds the middle of these
    values. Drawing single pictures would take those of one patient for
    independent, and the interval would be too narrow.

    It is about the choice of the test patients: not about another training,
    nor another hospital. With few patients it is too narrow as well. A draw
    without any picture of one class is drawn again. Introduced in lesson 04
    (``04_domain_adaptation``).

    To compare two models, measure the difference on the same patients: pass
    both scores, `np.stack([first, second], axis=1)`, and a metric such as
    `lambda y, s: roc_auc_score(y, s[:, 0]) - roc_auc_score(y, s[:, 1])`.

    Args:
        metric: Function of labels and scores that returns a number, such as
            `sklearn.metrics.roc_auc_score`.
        labels: Classes, shape `(pictures,)`.
        scores: Array with a row a picture, of whatever shape the metric
            takes.
        patients: Their names or numbers, shape `(pictures,)`.
        repetitions: Number of draws.
        confidence: Share of the draws within the interval, between 0 and 1.
        seed: Seed of the draws.

    Returns:
        An `Interval`.

    Raises:
        CourseError: If labels, scores and patients do not belong together,
            if a score is not finite or a patient unknown, if a class has
            fewer than two patients, or if the metric fails.

    Reference:
        Davison and Hinkley (1997), "Bootstrap Methods and their
        Application", section 3.8 (resampling of whole groups); the
        percentile interval of section 5.3.
    """
    labels, scores, patients = map(np.asarray, (labels, scores, patients))
    _check_patients(labels, scores, patients)
    if type(repetitions) is not int or repetitions < 1:
        raise CourseError(
            f"Cannot draw {repetitions!r} times: give a whole number of "
            "repetitions, such as 1000."
        )
    if not 0 < confidence < 1:
        raise CourseError(
            f"A confidence lies between 0 and 1, and this is {confidence!r}: "
            "give for example 0.95."
        )
    value = _measure(metric, labels, scores)
    classes = len(np.unique(labels))
    names, patient_of = np.unique(patients, return_inverse=True)
    pictures = [np.flatnonzero(patient_of == n) for n in range(len(names))]
    rng, values = np.random.default_rng(seed), []
    for _ in range(100 * repetitions):
        drawn = rng.integers(len(names), size=len(names))
        chosen = np.concatenate([pictures[number] for number in drawn])
        if len(np.unique(labels[chosen])) == classes:
            values.append(_measure(metric, labels[chosen], scores[chosen]))
        if len(values) == repetitions:
            break
    else:
        raise CourseError(
            f"Hardly any draw of {len(names)} patients has pictures of all "
            f"{classes} classes: take more patients, or fewer classes."
        )
    ends = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(value, *map(float, ends))


def _measure(metric, labels, scores):
    try:
        value = float(metric(labels, scores))
    except ValueError as error:
        raise CourseError(
            f"The metric cannot be measured on these pictures "
            f"({str(error).splitlines()[0]}): look at labels and scores."
        ) from error
    if not np.isfinite(value):
        raise CourseError(
            f"The metric gives {value} on these pictures, and a finite number "
            "was expected: look whether each class is there."
        )
    return value


def _check_patients(labels, scores, patients):
    shapes = [np.shape(part)[:1] for part in (labels, scores, patients)]
    if labels.ndim != 1 or patients.ndim != 1 or len(set(shapes)) > 1:
        raise CourseError(
            "Each picture needs one label, one row of scores and one patient, "
            f"and the shapes are {labels.shape}, {scores.shape} and "
            f"{patients.shape}: take all three from the same pictures."
        )
    check_finite(as_numbers(scores))
    if any(name is None or name != name or name == "" for name in patients):
        raise CourseError(
            "Some pictures have no patient: leave them out, since nobody "
            "knows which of them belong together."
        )
    for label in np.unique(labels):
        count = len(np.unique(patients[labels == label]))
        if count < 2:
            raise CourseError(
                f"Class {label} has pictures of {count} patient only, and "
                "how patients differ is told by two at the least, better by "
                "twenty: add patients."
            )


def _checked(labels, scores):
    """Returns labels of 0 and 1, and as many scores, as arrays."""
    scores = as_numbers(scores)
    if scores.ndim == 2 and scores.shape[1] == 2:
        raise CourseError(
            "The scores have two columns, one a class, and one score a "
            "picture was expected: pass that of class 1, scores[:, 1]."
        )
    labels, scores = checked_classes(labels, scores)
    if (labels == labels[0]).all():
        raise CourseError(
            f"All {len(labels)} labels are {labels[0]}, and both 0 and 1 are "
            "needed: look at how the data were split."
        )
    return labels, scores
