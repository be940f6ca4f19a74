"""Medical metrics, and how sure one can be of them.

The area under the curve, average precision and balanced accuracy are
scikit-learn's own. Here is what it leaves out: a threshold that keeps a
promised specificity, calibration, and intervals over patients. A label of 1
is the class to be found, such as malignant; a higher score means more of it.
"""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_curve

from course_utils.errors import CourseError


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


def calibration_error(labels, probabilities, bins=10):
    """Measures how far probabilities are from what comes true (ECE).

    Sorts the pictures into bins by probability; in each, compares the mean
    probability with the share that came true; and averages the distances,
    weighted by pictures. The bins hold equally many pictures (equal
    probabilities stay together): bins of equal width would be all but empty
    wherever a model seldom goes, and measure noise there.

    With few pictures a bin it is too large, even for a perfect model, and a
    useless model that always says the prevalence gets 0: read it beside a
    measure of ranking. Introduced in lesson 04 (``04_domain_adaptation``).

    Args:
        labels: Integers, shape `(pictures,)`.
        probabilities: Of shape `(pictures,)`, that of class 1: then it is
            that class's calibration. Or of shape `(pictures, classes)`: then
            it is that of the class which the model names, as in Guo et al.
        bins: Number of bins, 1 or more.

    Returns:
        A float, 0 (calibrated) to 1.

    Raises:
        CourseError: If the labels are no classes, if the probabilities do
            not fit them or are none, or if there are fewer pictures than
            bins.

    Reference:
        Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern
        Neural Networks", https://arxiv.org/abs/1706.04599. Bins of equal
        mass: Nixon et al. (2019), "Measuring Calibration in Deep Learning",
        https://arxiv.org/abs/1904.01685
    """
    labels, probabilities = _checked_classes(labels, probabilities)
    if not _are_probabilities(probabilities):
        raise CourseError(
            "Probabilities lie between 0 and 1, and those of all classes add "
            "up to 1: make them from logits with apply_temperature(logits, 1)."
        )
    if type(bins) is not int or not 1 <= bins <= len(labels):
        raise CourseError(
            f"Cannot sort {len(labels)} pictures into {bins!r} bins: give a "
            "whole number from 1 to that of the pictures, better a tenth of it."
        )
    if probabilities.ndim == 1:
        confidence, came_true = probabilities, labels
    else:
        confidence = probabilities.max(axis=1)
        came_true = probabilities.argmax(axis=1) == labels
    edges = np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1])
    bin_of = np.searchsorted(edges, confidence, side="right")
    gaps = np.bincount(bin_of, weights=came_true - confidence)
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(labels, logits):
    """Finds the temperature that calibrates logits best (least log loss).

    Dividing logits by a temperature above 1 makes a model less sure of
    itself, one below 1 surer. Fit it on validation data. It can repair too
    much or too little confidence and nothing else; at another hospital it may
    not hold. Introduced in lesson 04 (``04_domain_adaptation``).

    Args:
        labels: Integers, shape `(pictures,)`.
        logits: Of shape `(pictures,)`, before a sigmoid; or of shape
            `(pictures, classes)`, before a softmax, for which the logarithms
            of probabilities serve as well.

    Returns:
        The temperature, a float above 0.

    Raises:
        CourseError: If the labels are no classes or all the same, if the
            logits do not fit them, are not finite or look like probabilities,
            or if no temperature is best: the logits name each picture
            rightly, so that the lower the better; or they are no better than
            guessing, so that the higher the better.

    Reference:
        Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern
        Neural Networks", https://arxiv.org/abs/1706.04599
    """
    labels, logits = _checked_classes(labels, logits)
    _check_logits(logits)
    if (labels == labels[0]).all():
        raise CourseError(
            f"All {len(labels)} labels are {labels[0]}, and a temperature "
            "needs pictures of two classes: look at how the data were split."
        )
    # A sigmoid of z is the softmax of 0 and z.
    columns = (
        np.stack([0 * logits, logits], axis=1) if logits.ndim == 1 else logits
    )
    true = columns[np.arange(len(labels)), labels].mean()

    def slope(inverse):
        """Slope of the log loss over 1 / temperature; it never falls."""
        expected = (apply_temperature(columns, 1 / inverse) * columns).sum(1)
        return expected.mean() - true

    if columns.mean() >= true:
        raise CourseError(
            "These logits tell the classes no better than guessing, so no "
            "temperature makes them right: look whether labels and logits "
            "belong to the same pictures, in the same order."
        )
    if columns.max(axis=1).mean() <= true:
        raise CourseError(
            f"All {len(labels)} pictures are named rightly, so the lower the "
            "temperature the better, without end: fit it on more pictures, "
            "and not on those of the training."
        )
    low, high = 0.0, 1.0
    while slope(high) < 0:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 1 / high


def apply_temperature(logits, temperature):
    """Turns logits into probabilities, at a temperature.

    With two classes the ranking of the pictures stays as it was, and so does
    the area under the curve (but where probabilities are so near to 1 that
    they are rounded to it). With more, the class that is named stays; the
    ranking of pictures by one class's probability may change. Introduced in
    lesson 04 (``04_domain_adaptation``).

    Args:
        logits: As in `fit_temperature`.
        temperature: Number above 0; 1 leaves the probabilities as they are.

    Returns:
        Probabilities, float64, of the shape of `logits`.

    Raises:
        CourseError: If the logits are not finite or look like probabilities,
            or if the temperature is no number above 0.
    """
    logits = _numbers(logits)
    _check_logits(logits)
    if not 0 < temperature < np.inf:
        raise CourseError(
            f"A temperature is a number above 0, not {temperature!r}: find "
            "one with fit_temperature on validation data."
        )
    if logits.ndim == 1:
        # 1 / (1 + exp(-z)), without a number that is too large.
        return np.exp(-np.logaddexp(0, -logits / temperature))
    scaled = (logits - logits.max(axis=1, keepdims=True)) / temperature
    return np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)


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
    _check_finite(_numbers(scores))
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
    scores = _numbers(scores)
    if scores.ndim == 2 and scores.shape[1] == 2:
        raise CourseError(
            "The scores have two columns, one a class, and one score a "
            "picture was expected: pass that of class 1, scores[:, 1]."
        )
    labels, scores = _checked_classes(labels, scores)
    if (labels == labels[0]).all():
        raise CourseError(
            f"All {len(labels)} labels are {labels[0]}, and both 0 and 1 are "
            "needed: look at how the data were split."
        )
    return labels, scores


def _checked_classes(labels, scores):
    """Returns labels as integers, and scores as float64, if they fit."""
    labels, scores = np.asarray(labels), _numbers(scores)
    if labels.shape != scores.shape[:1] or scores.ndim > 2 or not labels.size:
        raise CourseError(
            "Expected one label and one score (or one a class) for each of "
            f"some pictures, and the shapes are {labels.shape} and "
            f"{scores.shape}: take both from the same pictures, and flatten "
            "scores of shape (pictures, 1) with scores[:, 0]."
        )
    _check_finite(scores)
    classes = 2 if scores.ndim == 1 else scores.shape[1]
    if not np.isin(labels, np.arange(classes)).all():
        raise CourseError(
            f"The labels are {', '.join(map(str, np.unique(labels)[:5]))}, "
            f"and whole numbers from 0 to {classes - 1} were expected, such "
            'as (table["label"] == "malignant").astype(int).'
        )
    return labels.astype(int), scores


def _numbers(scores):
    try:
        return np.asarray(scores, "float64")
    except (TypeError, ValueError):
        raise CourseError(
            "Some scores are no numbers, or there are more of them for one "
            "picture than for another: pass what model.predict returns."
        ) from None


def _check_finite(scores):
    if not np.isfinite(scores).all():
        raise CourseError(
            "Some scores are not finite (NaN, or the logarithm of a "
            "probability of 0): look at what the model gives for these "
            "pictures."
        )


def _check_logits(logits):
    if logits.ndim not in (1, 2):
        raise CourseError(
            "Logits have the shape (pictures,) or (pictures, classes), and "
            f"these have {logits.shape}: flatten or stack them."
        )
    _check_finite(logits)
    if logits.size and _are_probabilities(logits):
        raise CourseError(
            "These look like probabilities, and logits were expected: pass "
            "np.log(p) of several classes, np.log(p / (1 - p)) of one, or "
            "the model's output without its last activation."
        )


def _are_probabilities(values):
    inside = values.min() >= 0 and values.max() <= 1
    if values.ndim == 1:
        return inside
    return inside and np.allclose(values.sum(axis=1), 1, atol=1e-3)
