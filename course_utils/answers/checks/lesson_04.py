"""Checks of lesson 04, Judging a medical model."""

import numpy as np
from scipy import stats

from course_utils.answers.checks import lesson_04_metrics
from course_utils.answers.learner_values import brief

LEAST_HELD_OUT, MOST_HELD_OUT = 0.2, 0.34  # share of the patients
NUMBER_OF_LABELS = 80
_NEVER = 1e-6  # so rarely is what chance drew taken for a pattern


def judge_split(
    train: object, held_out: object, labels: object, patients: object
) -> tuple[str, str]:
    """Judge a split by patient.

    Args:
        train: The learner's positions, or mask, of one part.
        held_out: The same of the other.
        labels: Array of 0 and 1, (pictures,).
        patients: Array of their names, (pictures,).

    Returns:
        A status and a message.
    """
    labels, patients = np.asarray(labels), np.asarray(patients)
    parts = {}
    for name, answer in (("my_train", train), ("my_held_out", held_out)):
        parts[name] = _positions(answer, len(labels))
        if isinstance(parts[name], str):
            return "failed", f"`{name}` {parts[name]}"
    first, second = parts.values()
    both = np.intersect1d(first, second)
    if len(both):
        return "failed", f"{len(both)} pictures are in both parts."
    shared = np.intersect1d(patients[first], patients[second])
    if len(shared):
        return "failed", (
            f"{len(shared)} patients have pictures in both parts, such as "
            f"{shared[0]}: deal out patients, and let pictures follow."
        )
    missing = len(labels) - len(first) - len(second)
    if missing:
        return "failed", f"{missing} pictures are in neither part."
    share = len(np.unique(patients[second])) / len(np.unique(patients))
    for name, rows in parts.items():
        if len(np.unique(labels[rows])) < 2:
            return "failed", (
                f"`{name}` has patients of one diagnosis only: mix them, for "
                "example with StratifiedGroupKFold."
            )
    if not LEAST_HELD_OUT <= share <= MOST_HELD_OUT:
        swapped = LEAST_HELD_OUT <= 1 - share <= MOST_HELD_OUT
        return "failed", (
            f"{share:.0%} of the patients are held out"
            + (
                ": the two parts are swapped."
                if swapped
                else ", and a fifth to a third were asked for."
            )
        )
    return "passed", (
        f"{len(np.unique(patients[first]))} patients to learn from, "
        f"{len(np.unique(patients[second]))} held out, and none in both."
    )


def judge_rows(
    rows: object, labels: object, patients: object
) -> tuple[str, str]:
    """Judge which pictures get a label.

    Args:
        rows: The learner's positions, or mask.
        labels: Array of 0 and 1, (pictures,).
        patients: Array of their names, (pictures,).

    Returns:
        A status and a message.
    """
    labels, patients = np.asarray(labels), np.asarray(patients)
    found = _positions(rows, len(labels))
    if isinstance(found, str):
        return "failed", f"`my_rows` {found}"
    if len(found) != NUMBER_OF_LABELS:
        return "failed", (
            f"There are {len(found)} pictures; {NUMBER_OF_LABELS} labels can "
            "be paid for."
        )
    names, counts = np.unique(patients[found], return_counts=True)
    everybody = np.unique(patients)
    if len(names) < len(everybody):
        return "failed", (
            f"They come from {len(names)} patients, and there are "
            f"{len(everybody)}: a label is worth more from a patient who has "
            "none."
        )
    if counts.max() - counts.min() > 1:
        return "failed", (
            f"One patient has {counts.max()} of them, another {counts.min()}: "
            f"{NUMBER_OF_LABELS // len(everybody)} of each are to be had."
        )
    if pattern := _find_pattern(found, patients):
        return "failed", (
            f"{pattern}: let chance choose, for the order may mean something."
        )
    return "passed", (
        f"{counts.min()} pictures of each of {len(names)} patients, "
        f"{np.mean(labels[found]):.0%} of them malignant."
    )


def _find_pattern(rows, patients):
    """Says how pictures were taken in turn; an empty text if by chance."""
    places, gaps, steps, before = [], [], [], 0
    for name in np.unique(patients):
        own = np.flatnonzero(patients == name)
        place = np.flatnonzero(np.isin(own, rows))
        places.append(tuple(place))
        # Past the last picture one goes on with the first.
        gap = np.diff(place)[:1].sum() % len(own)
        gaps.append(min(gap, len(own) - gap))
        steps.append((place[0] - before) % len(own))
        before = place[0]
    # How often, at most, two by chance of the fewest pictures are alike.
    fewest = max(2, np.unique(patients, return_counts=True)[1].min())
    for taken, chance, told in (
        (places, 2 / fewest / (fewest - 1), "at the same places in the table"),
        (gaps, min(1, 2 / (fewest - 1)), "equally far apart in the table"),
        (steps, 2 / fewest, "taken in turn from the table"),
    ):
        alike = max(map(taken.count, taken))
        if alike > stats.binom.isf(_NEVER, len(places), chance):
            return f"Of {alike} patients these are the pictures {told}"
    return ""


def _positions(answer, count):
    """Returns distinct positions, or what is wrong with them."""
    try:
        found = np.asarray(answer)
    except (TypeError, ValueError):
        found = np.asarray(None)
    if found.ndim == 1 and found.dtype.kind == "f":
        return (
            "should hold whole numbers, positions in the table, and these are "
            "floats: turn them into integers with `.astype(int)`."
        )
    if found.ndim != 1 or found.dtype.kind not in "biu" or not found.size:
        return (
            f"should be an array of positions, or a mask, not {brief(answer)}."
        )
    if found.dtype.kind == "b":
        if len(found) != count:
            return f"is a mask of {len(found)}, and there are {count} pictures."
        return np.flatnonzero(found)
    if found.min() < 0 or found.max() >= count:
        return f"has positions outside of 0 to {count - 1}."
    if len(np.unique(found)) < len(found):
        return "names some pictures twice."
    return found


JUDGES = {
    "da-01": judge_split,
    "da-05": judge_rows,
    **lesson_04_metrics.JUDGES,
}
