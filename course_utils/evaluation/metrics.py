"""Medical metrics: sensitivity, specificity, and thresholds.

The area under the curve, average precision and balanced accuracy are
scikit-learn's own. Here is what it leaves out: a threshold that keeps a
promised specificity. (Intervals and calibration have modules of their own.) A
label of 1 is the class to be found, such as malignant; a higher score means
more of it.
"""

import numpy as np
from sklearn.metrics import roc_curve

from course_utils.evaluation.metric_inputs import checked_classes
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError


def threshold_for_specificity(labels, scores, specificity=0.95):
    """Finds the lowest threshold that keeps a specificity on these data.

    A picture counts as positive if its score is at or above the threshold.
    Find it on validation data, and measure it on others with
    `sensitivity_and_specificity`: there the specificity will not be met
    exactly.

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
    specificity = arguments.share("specificity", specificity, 0.95)
    false_positive_rate, _, thresholds = roc_curve(
        labels, scores, drop_intermediate=False
    )
    # Thresholds fall; 1 - 0.9 is a little less than 0.1 on a computer.
    kept = false_positive_rate <= 1 - specificity + 1e-9
    return float(thresholds[kept][-1])


def sensitivity_and_specificity(labels, scores, threshold):
    """Measures both at a threshold that is fixed already.

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
    # threshold_for_specificity may find an infinite one.
    if not (isinstance(threshold, float) and np.isinf(threshold)):
        threshold = arguments.number("threshold", threshold, 0.5)
    positive = scores >= threshold
    return float(positive[labels == 1].mean()), float(
        1 - positive[labels == 0].mean()
    )


def sensitivity_at_specificity(labels, scores, specificity=0.95):
    """Measures the sensitivity at the threshold that these data would choose.

    A point of the ROC curve, to compare models by. It flatters: the threshold
    is chosen on the data that it is measured on. For what to expect in use,
    choose with `threshold_for_specificity` on validation data.

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


def _checked(labels, scores):
    """Returns labels of 0 and 1, and as many scores, as arrays."""
    scores = array_arguments.real_array("scores", scores)
    if scores.ndim == 2 and scores.shape[1] == 2:
        raise CourseError(
            "The scores have two columns, one per class, and one score per "
            "picture was expected: pass that of class 1, scores[:, 1]."
        )
    labels, scores = checked_classes(labels, scores)
    if (labels == labels[0]).all():
        raise CourseError(
            f"All {len(labels)} labels are {labels[0]}, and both 0 and 1 are "
            "needed: look at how the data were split."
        )
    return labels, scores
