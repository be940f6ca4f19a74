"""When a claim is supported, refuted or undecided: fixed beforehand.

A comparison gives one difference per seed; a seed is a draw of modules and of
labelled cells, the same for both sides. The mean difference has a 95 % interval
over the seeds (Student's t). With the margin that the definition names, a
comparison is

* supported, if the interval lies above 0 and the mean is the margin or more;
* refuted, if the whole interval lies below the margin: were there an effect of
  that size, it would have been seen;
* undecided otherwise.

A claim has the verdict that all of its comparisons share. It *depends*, if
some support it and others do not; it is undecided otherwise.

Seeds share cells, so they are not quite independent, and an interval is a
little too narrow.
"""

import dataclasses

import numpy as np

from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
DEPENDS = "depends"


@dataclasses.dataclass(frozen=True)
class Judged:
    """One comparison: its mean difference, interval, p value and verdict."""

    name: str
    mean: float
    low: float
    high: float
    p: float
    seeds: int
    verdict: str


def judge(name, differences, margin):
    """Judges one comparison.

    Args:
        name: What is compared, in words.
        differences: One a seed.
        margin: The smallest difference that counts.

    Returns:
        A `Judged`.

    Raises:
        CourseError: If these are not two differences or more.
    """
    from scipy import stats

    margin = arguments.number("margin", margin, 0.01)
    differences = array_arguments.real_array(
        "differences", differences, "ledger.differences(claim) has in a column"
    )
    whole = differences.ndim == 1 and np.isfinite(differences).all()
    if not whole or len(differences) < 2:
        raise CourseError(
            "Expected two differences or more, one per seed, all of them "
            f"finite, and got an array of shape {differences.shape}: no "
            "spread can be told from these."
        )
    mean, count = float(differences.mean()), len(differences)
    error = stats.sem(differences)
    if error > 0:
        low, high = stats.t.interval(0.95, count - 1, mean, error)
        p = 2 * stats.t.sf(abs(mean) / error, count - 1)
    else:
        low, high, p = mean, mean, float(mean == 0)
    verdict = UNDECIDED
    if low > 0 and mean >= margin:
        verdict = SUPPORTED
    elif high < margin:
        verdict = REFUTED
    return Judged(name, mean, float(low), float(high), float(p), count, verdict)


def judge_all(differences, margin):
    """Judges a claim by all of its comparisons.

    Args:
        differences: Dict from what is compared, in words, to differences.
        margin: The smallest difference that counts.

    Returns:
        The verdict and a list of `Judged`; None and an empty list where
        nothing was compared.

    Raises:
        CourseError: If this is no such dict.
    """
    if not hasattr(differences, "items"):
        raise CourseError(
            "Expected a dict from what is compared to differences, not "
            f"{type(differences).__name__}: such as {{'a less b': a - b}}."
        )
    judged = [judge(name, some, margin) for name, some in differences.items()]
    found = {one.verdict for one in judged}
    if len(found) < 2:
        return (found.pop() if found else None), judged
    return (DEPENDS if SUPPORTED in found else UNDECIDED), judged


def holm(p_values):
    """Returns which of many p values stay below 0.05, after Holm (1979).

    Args:
        p_values: One a comparison.

    Raises:
        CourseError: If these are no p values.
    """
    p_values = array_arguments.real_array(
        "p values", p_values, "ledger.table() has in a column"
    )
    if p_values.ndim != 1 or not np.all((p_values >= 0) & (p_values <= 1)):
        raise CourseError(
            "Expected p values in a row, each from 0 to 1, such as [0.01, 0.2]."
        )
    order = np.argsort(p_values, kind="stable")
    kept = np.zeros(len(order), bool)
    for place, number in enumerate(order):
        if p_values[number] > 0.05 / (len(order) - place):
            break
        kept[number] = True
    return kept.tolist()
