"""Checks of lesson 05, Your own images."""

import numpy as np
from scipy import stats

from course_utils.answers.checks import lesson_05_models
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_pair,
    find_match,
    say_no_number,
)

_TOLERANCE = 2e-3


def judge_torn(answer: object, groups: object, parts: object) -> tuple:
    """Judge how many groups of pictures a split by chance tears.

    Args:
        answer: The learner's number.
        groups: Number of the group of each picture, (pictures,).
        parts: Name of the part of each picture, (pictures,).

    Returns:
        A status and a message.
    """
    number = as_number(answer)
    if number is None:
        return "failed", say_no_number(answer, meaning="count the groups")
    groups, parts = np.asarray(groups), np.asarray(parts)
    names, sizes = np.unique(groups, return_counts=True)
    spread = np.array([len(set(parts[groups == name])) for name in names])
    torn, several = int((spread > 1).sum()), int((sizes > 1).sum())
    if number == torn and not several:
        return "passed", (
            "Right, but nothing was tested: no pictures go together here, so "
            "there is nothing to tear. The sample has groups."
        )
    if number == torn:
        return "passed", (
            f"{torn} of {several} groups of two or more are torn by this "
            "split, which does not look at groups."
        )
    wrong = [
        (
            int(sizes[spread > 1].sum()),
            "Those are the pictures in torn groups: count each group once.",
        ),
        (several - torn, "Those are the groups that stay whole."),
        (several, "Those are all groups of two or more, torn or not."),
        (len(names), "Those are all groups, and most are of one picture."),
        (
            len(names) - torn,
            "Those are the groups that lie in one part: count the others.",
        ),
        (int(sizes[sizes > 1].sum()), "Those are pictures: count groups."),
        (
            sum(
                {"train", "test"} <= set(parts[groups == name])
                for name in names[spread > 1]
            ),
            "Those lie in training and in test: a group is torn, too, if it "
            "lies in validation and another part.",
        ),
    ]
    for value, message in wrong:
        if number == value:
            return "failed", message
    return "failed", (
        f"It is not {number:g}. For each group, count in how many different "
        "parts it lies; then count the groups with more than one."
    )


def judge_interval(
    answer: object, labels: object, predictions: object, class_index: object
) -> tuple:
    """Judge Wilson's interval for the recall of a class.

    Args:
        answer: The learner's pair: lower and upper end, as shares.
        labels: Index of the true class of each picture, (pictures,).
        predictions: Index of the class that a model gave, (pictures,).
        class_index: Which class.

    Returns:
        A status and a message.
    """
    pair = as_pair(answer, "the lower and the upper end")
    if isinstance(pair, str):
        return "failed", pair
    low, high = pair
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    truly, named = labels == class_index, predictions == class_index
    right, count = int((truly & named).sum()), int(truly.sum())
    all_right = int((labels == predictions).sum())
    rest = int((~truly).sum())
    wilson = np.array(_wilson(right, count))
    wrong = [
        (wilson[::-1], "Those are the ends, swapped: the lower one first."),
        (100 * wilson, "Those are percentages: give shares, from 0 to 1."),
        (
            _plus_minus(right, count),
            "That is the share plus and minus its standard errors: for so few "
            "pictures take Wilson's formula.",
        ),
        (
            _wilson(all_right, len(labels)),
            "That is the interval of the accuracy, over all classes: keep the "
            "pictures that are truly of this one.",
        ),
        (
            _wilson(right, int(named.sum())),
            "That is the interval of the precision: divide by the pictures "
            "that truly are of the class, not by those named so.",
        ),
        (
            _wilson(right, len(labels)),
            "You have divided by all test pictures: divide by those of the "
            "class.",
        ),
        (
            _wilson(count - right, count),
            "That is the share of mistakes: count what is right.",
        ),
        (
            _wilson(int((~truly & ~named).sum()), rest),
            "That is for the pictures of the other classes.",
        ),
        (
            _clopper_pearson(right, count),
            "That is the exact interval of Clopper and Pearson, a good one, "
            "but somewhat wider: here give Wilson's.",
        ),
        (
            _wilson(right, count, 1.645),
            "That covers nine times in ten: take z = 1.96.",
        ),
        (
            _wilson(right, count, 1.0),
            "That covers about two times in three: take z = 1.96.",
        ),
    ]
    match = find_match(np.ravel(answer), wilson, wrong, _TOLERANCE, 3)
    if match == RIGHT:
        return "passed", (
            f"{right} of {count} right, and the true share lies anywhere from "
            f"{low:.0%} to {high:.0%}: so little is said by so few "
            "pictures."
        )
    return "failed", match or (
        f"It is not {low:.3g} to {high:.3g}. Keep the pictures whose label is "
        f"{class_index}, count them, count those of them that are named so, "
        "and give both numbers to the formula."
    )


def _wilson(right, count, z=1.96):
    if not count:
        return np.nan, np.nan
    share, added = right / count, z**2 / count
    middle = (share + added / 2) / (1 + added)
    spread = np.sqrt(share * (1 - share) / count + added / (4 * count))
    spread *= z / (1 + added)
    return middle - spread, middle + spread


def _plus_minus(right, count):
    share = right / count
    half = 1.96 * np.sqrt(share * (1 - share) / count)
    return share - half, share + half


def _clopper_pearson(right, count):
    if not count:
        return np.nan, np.nan
    return tuple(stats.binomtest(right, count).proportion_ci(method="exact"))


def judge_pairs(
    answer: object, labels: object, predictions: object, others: object
) -> tuple:
    """Judge the discordant pairs of two models.

    Args:
        answer: The learner's pair: right by the first model only, right by
            the second only.
        labels: Index of the true class of each picture, (pictures,).
        predictions: Index of the class that the first model gave.
        others: The same for the second.

    Returns:
        A status and a message.
    """
    pair = as_pair(answer, "right by the model only, right by the other only")
    if isinstance(pair, str):
        return "failed", pair
    first, second = pair
    labels = np.asarray(labels)
    right = np.asarray(predictions) == labels
    other = np.asarray(others) == labels
    only, only_other = int((right & ~other).sum()), int((other & ~right).sum())
    given = first, second
    if given == (only, only_other):
        return "passed", (
            f"{only} against {only_other}; the other "
            f"{len(labels) - only - only_other} pictures say nothing of which "
            "model is better."
        )
    both, none = int((right & other).sum()), int((~right & ~other).sum())
    wrong = [
        ((only_other, only), "The two are swapped: the model comes first."),
        (
            (int(right.sum()), int(other.sum())),
            "Those are all that each names rightly: leave out what both have "
            "right.",
        ),
        (
            (int((~right).sum()), int((~other).sum())),
            "Those are the mistakes of each: leave out what both have wrong.",
        ),
        ((both, none), "Those are the pictures on which they agree."),
        (
            (only / len(labels), only_other / len(labels)),
            "Those are shares: give counts.",
        ),
    ]
    if match := find_match(np.ravel(answer), (only, only_other), wrong):
        return "failed", match
    differing = int((np.asarray(predictions) != np.asarray(others)).sum())
    if differing in given:
        return "failed", (
            "You have counted where the answers differ: both may be wrong in "
            "different ways. Compare each with the label first."
        )
    return "failed", (
        f"It is not {first:g} and {second:g}. Make for each model an array of "
        "whether it is right; combine the two with `&` and `~`; sum."
    )


JUDGES = {
    "yo-01": judge_torn,
    "yo-02": judge_interval,
    "yo-03": judge_pairs,
    **lesson_05_models.JUDGES,
}
