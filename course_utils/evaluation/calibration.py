"""Calibration: whether what a model calls probable comes true as often.

Probabilities can be wrong while the ranking of the pictures is right, and a
temperature can repair the one without touching the other.
"""

import numpy as np
from scipy import special

from course_utils.evaluation.metric_inputs import (
    are_probabilities,
    check_finite,
    checked_classes,
)
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError


def calibration_error(labels, probabilities, bins=10):
    """Measures how far probabilities are from what comes true (ECE).

    Sorts the pictures into bins by probability; in each, compares the mean
    probability with the share that came true; and averages the distances,
    weighted by pictures. The bins hold equally many pictures (equal
    probabilities stay together): bins of equal width would be all but empty
    wherever a model seldom goes, and measure noise there.

    With few pictures a bin it is too large, even for a perfect model, and a
    useless model that always says the prevalence gets 0: read it beside a
    measure of ranking.

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
    labels, probabilities = checked_classes(labels, probabilities)
    if not are_probabilities(probabilities):
        raise CourseError(
            "Probabilities lie between 0 and 1, and those of all classes add "
            "up to 1: make them from logits with apply_temperature(logits, 1)."
        )
    # Better ten pictures a bin.
    example = max(len(labels) // 10, 1)
    bins = arguments.whole_number("bins", bins, example, most=len(labels))
    if probabilities.ndim == 1:
        confidence, came_true = probabilities, labels
    else:
        confidence = probabilities.max(axis=1)
        came_true = probabilities.argmax(axis=1) == labels
    edges = np.quantile(confidence, np.linspace(0, 1, bins + 1)[1:-1])
    bin_of = np.searchsorted(edges, confidence, side="right")
    gaps = np.bincount(bin_of, weights=came_true - confidence)
    return float(np.abs(gaps).sum() / len(labels))


def fit_temperature(labels, logits, from_logits=None):
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
        from_logits: True says that they are logits, even if they look like
            probabilities. Defaults to None, which refuses them then.

    Returns:
        The temperature, a float above 0.

    Raises:
        CourseError: If the labels are no classes or all the same, if the
            logits do not fit them, are not finite or look like probabilities,
            or if no temperature is best: the logits name each picture
            rightly, so that the lower the better; or on the whole they are
            surer of a wrong class, so that the higher the better.

    Reference:
        Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern
        Neural Networks", https://arxiv.org/abs/1706.04599
    """
    labels, logits = checked_classes(labels, logits)
    _check_logits(logits, from_logits)
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
        probabilities = apply_temperature(columns, 1 / inverse, True)
        expected = (probabilities * columns).sum(1)
        return expected.mean() - true

    if columns.mean() >= true:
        raise CourseError(
            "On the whole these logits are surer of a wrong class than of the "
            "right one, which no temperature mends: look whether all lean to "
            "one class, and whether labels and logits belong to the same "
            "pictures, in the same order."
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


def apply_temperature(logits, temperature, from_logits=None):
    """Turns logits into probabilities, at a temperature.

    With two classes the ranking of the pictures stays as it was, and so does
    the area under the curve (but where probabilities are so near to 0 or 1
    that they are rounded to it). With more, the class that is named stays; the
    ranking of pictures by one class's probability may change.

    Args:
        logits: As in `fit_temperature`.
        temperature: Number above 0; 1 leaves the probabilities as they are.
        from_logits: As in `fit_temperature`.

    Returns:
        Probabilities, float64, of the shape of `logits`.

    Raises:
        CourseError: If the logits are not finite or look like probabilities,
            or if the temperature is no number above 0.
    """
    logits = array_arguments.real_array("logits", logits)
    _check_logits(logits, from_logits)
    temperature = arguments.number("temperature", temperature, 1, above=0)
    if logits.ndim == 1:
        return special.expit(logits / temperature)
    scaled = (logits - logits.max(axis=1, keepdims=True)) / temperature
    return np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)


def _check_logits(logits, from_logits):
    if logits.ndim not in (1, 2) or logits.shape[1:] in ((0,), (1,)):
        raise CourseError(
            "Logits have the shape (pictures,) or (pictures, classes), and "
            f"these have {logits.shape}: stack them, or take the one column, "
            "logits[:, 0]."
        )
    check_finite(logits)
    if from_logits is not True and logits.size and are_probabilities(logits):
        raise CourseError(
            "These look like probabilities, and logits were expected: pass "
            "np.log(p) of several classes, np.log(p / (1 - p)) of one, where "
            "p = np.clip(probabilities, 1e-7, 1 - 1e-7), or the model's "
            "output without its last activation; if they are logits, say so "
            "by from_logits=True."
        )
