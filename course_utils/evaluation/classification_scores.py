"""Count right answers, and say how sure the counts are."""

import dataclasses

import numpy as np
import pandas as pd
from scipy import stats

from course_utils.evaluation.intervals import wilson_interval
from course_utils.machine import arguments, array_arguments

# By convention: below it, chance is no longer a likely explanation.
SIGNIFICANT = 0.05


def class_table(labels, predictions, class_names):
    """Counts right answers by class, with intervals.

    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        labels: Index of the true class of each picture, shape `(pictures,)`.
        predictions: Index of the class that a model gave, the same shape.
        class_names: Names of all classes.

    Returns:
        `pandas.DataFrame` with one row per class: `class`; `pictures`, those
        truly of the class; `right`, those of them that were named so;
        `recall`, their share, with `recall_low` and `recall_high`; `named`,
        all that were named so; `precision`, the share of them that truly are,
        with `precision_low` and `precision_high`. The intervals are Wilson's,
        at 95 %; a share of no pictures is NaN.

    Raises:
        CourseError: If the shapes differ, if the two are no indices of
            classes (but probabilities, for example), or if a class has no
            name or is negative.
    """
    class_names = arguments.class_names(class_names)
    labels, predictions = checked_pair(labels, predictions, len(class_names))
    rows = []
    for number, name in enumerate(class_names):
        truly, named = labels == number, predictions == number
        right = int((truly & named).sum())
        row = {"class": name, "pictures": int(truly.sum()), "right": right}
        row |= _share("recall", right, row["pictures"])
        row |= {"named": int(named.sum())}
        row |= _share("precision", right, row["named"])
        rows.append(row)
    return pd.DataFrame(rows)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two models on the same test pictures; made by `compare`.

    Attributes:
        count: Number of pictures.
        right: How many the first model named rightly.
        other_right: How many the other did.
        only_first: How many the first named rightly and the other did not.
        only_other: The reverse.
        p_value: Probability of so uneven a pair of the last two, or a more
            uneven one, if both were equally likely (McNemar's test, exact).
    """

    count: int
    right: int
    other_right: int
    only_first: int
    only_other: int
    p_value: float

    @property
    def verdict(self) -> str:
        """`"better"`, `"worse"` or `"undecided"`: what the first model is."""
        if self.p_value >= SIGNIFICANT:
            return "undecided"
        return "better" if self.only_first > self.only_other else "worse"

    def sentence(self, other="the other model") -> str:
        """Says what the comparison shows, of these two models only.

        Another training of either might do better or worse.

        Args:
            other: What the other model is called.
        """
        told = {
            "better": f"Here this trained model did better than {other}",
            "worse": f"Here this trained model did worse than {other}",
            "undecided": (
                "Here this trained model is not shown to be better than "
                f"{other}"
            ),
        }[self.verdict]
        p_value = f"= {self.p_value:.2g}"
        if self.p_value < 0.001:
            p_value = "< 0.001"
        return (
            f"{told}: {self.right} against {self.other_right} right of "
            f"{self.count} test pictures. Only this one is right: "
            f"{self.only_first}; only the other: {self.only_other} "
            f"(p {p_value}, McNemar)."
        )


def compare(labels, predictions, other_predictions):
    """Compares two models by their answers to the same test pictures.

    Counted are the pictures that one of them names rightly and the other does
    not. It says nothing of how other trainings of the two would compare; for
    that, repeat both with several seeds. Introduced in lesson 05
    (``05_your_own_images``).

    Args:
        labels: Index of the true class of each picture, shape `(pictures,)`.
        predictions: Index of the class that the first model gave.
        other_predictions: The same for the other.

    Returns:
        A `Comparison`.

    Raises:
        CourseError: If the shapes differ, or if they are no indices of
            classes.

    Reference:
        McNemar (1947), "Note on the Sampling Error of the Difference Between
        Correlated Proportions or Percentages",
        https://doi.org/10.1007/BF02295996
    """
    labels, predictions = checked_pair(labels, predictions)
    labels, other_predictions = checked_pair(labels, other_predictions)
    right, other = labels == predictions, labels == other_predictions
    only_first = int((right & ~other).sum())
    only_other = int((other & ~right).sum())
    differing = only_first + only_other
    p_value = 1.0
    if differing:
        p_value = float(stats.binomtest(only_first, differing).pvalue)
    return Comparison(
        len(labels),
        int(right.sum()),
        int(other.sum()),
        only_first,
        only_other,
        p_value,
    )


def checked_pair(labels, predictions, classes=None):
    """Returns labels and predictions as indices of classes, if they fit."""
    labels = array_arguments.class_indices("labels", labels, classes)
    predictions = array_arguments.class_indices(
        "predictions", predictions, classes
    )
    array_arguments.same_length(labels=labels, predictions=predictions)
    return labels, predictions


def _share(name, right, count):
    low, high = wilson_interval(right, count)
    share = right / count if count else np.nan
    return {name: share, f"{name}_low": low, f"{name}_high": high}
