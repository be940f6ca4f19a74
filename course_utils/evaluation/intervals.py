"""How sure one can be of a number: intervals over patients, and for counts."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from course_utils.evaluation.metric_inputs import check_finite
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError, reason


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
    values. Drawing single pictures would treat those of one patient as
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
        scores: Array with one row per picture, of whatever shape the metric
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
    labels = array_arguments.any_array("labels", labels)
    scores = array_arguments.real_array("scores", scores)
    patients = array_arguments.any_array("patients", patients)
    _check_patients(labels, scores, patients)
    repetitions = arguments.whole_number("repetitions", repetitions, 1000)
    confidence = arguments.number(
        "confidence", confidence, 0.95, above=0, below=1
    )
    seed = arguments.seed(seed)
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
    except Exception as error:  # The metric is the learner's own.
        raise CourseError(
            f"The metric cannot be measured on these pictures "
            f"({reason(error)}): look at labels and scores."
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
    check_finite(scores)
    if any(name != name or name == "" for name in patients):
        raise CourseError(
            "Some pictures have no patient: leave them out, since nobody "
            "knows which of them belong together."
        )
    for label in np.unique(labels):
        count = len(np.unique(patients[labels == label]))
        if count < 2:
            raise CourseError(
                f"Class {label} has pictures of {count} patient only, and it "
                "takes at least two, better twenty, to see how patients "
                "differ: add patients."
            )


def wilson_interval(right, count):
    """Computes a 95 % interval for a share, from a count of right answers.

    Unlike the usual plus and minus it stays within 0 and 1, and means
    something for few answers too. It takes answers as independent, and knows
    nothing of how another training would have ended. Introduced in lesson 04
    (``04_domain_adaptation``).

    Args:
        right: How many were right.
        count: How many there were.

    Returns:
        Tuple `(low, high)` of floats from 0 to 1; NaN if there were none.

    Raises:
        CourseError: If the two are no whole numbers, or if `right` is not
            from 0 to `count`.

    Reference:
        Wilson (1927), "Probable Inference, the Law of Succession, and
        Statistical Inference", https://doi.org/10.1080/01621459.1927.10502953
    """
    count = arguments.whole_number("count", count, 100, least=0)
    right = arguments.whole_number("right", right, 0, least=0, most=count)
    if not count:
        return np.nan, np.nan
    test = stats.binomtest(right, count)
    low, high = test.proportion_ci(method="wilson")
    return float(low), float(high)
