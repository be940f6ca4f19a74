"""Checks of lesson 05, Your own images."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from course_utils.answers.checks import lesson_05_script_checks
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    brief,
    find_match,
    say_no_number,
)

FLAT = 1 / 3  # of the median contrast
ONE_IN = 20  # of the labels, an expert looks at one
# Half of the learner's suspects must be among the check's own, of which there
# are so many times more, or ten: models differ.
WIDER, LEAST_OWN = 3, 10


def judge_flat(answer: object, audit: object) -> tuple:
    """Judge the list of the pictures without contrast.

    Args:
        answer: The learner's list of files.
        audit: The audit of the folder.
    """
    files = _file_names(answer, list(audit.rows["file"]))
    if isinstance(files, str):
        return "failed", files
    used = audit.used

    def flat(measure):
        measured = [measure(audit.pictures[number]) for number in used.index]
        return set(used["file"][measured < FLAT * np.median(measured)])

    given, wanted = set(files), flat(np.std)
    if given == wanted:
        if not wanted:
            return "passed", (
                "There is none in this folder, and a list without files says "
                "so. The sample has some."
            )
        return "passed", (
            f"{len(wanted)} of {len(used)} used pictures show nothing "
            f"({_some(wanted)}): look, and take them out of the folder."
        )
    if unused := sorted(given - set(used["file"])):
        return "failed", (
            f"{_some(unused)} is left out already, and its row in "
            "`audit.pictures` may be empty: take the rows of `audit.used`."
        )
    wrong = [
        (
            flat(np.mean),
            "Those are dark. A white picture shows nothing either: take the "
            "standard deviation, not the mean.",
        ),
        (
            flat(np.var),
            "You took the variance: its root is the contrast.",
        ),
        (
            set(used["file"]) - wanted,
            "Those are the ones *with* contrast.",
        ),
    ]
    for value, message in wrong:
        if given == value != wanted:
            return "failed", message
    missed, more = len(wanted - given), len(given - wanted)
    return "failed", (
        f"{missed} of those without contrast are missing, and {more} are "
        "listed that have some. Of each used picture, take the standard "
        "deviation over height, width and channels, and compare it with a "
        "third of the median."
    )


def judge_size(
    error: object,
    size: object,
    named: dict,
    labels: object,
    cost: dict,
) -> tuple:
    """Judge a choice by the one-standard-error rule.

    Args:
        error: The learner's standard error of the best mean recall.
        size: The learner's choice, a key of `named`.
        named: For each size, the class that its model gave to each picture.
        labels: The true class of each picture.
        cost: For each size, the seconds that a picture takes.
    """
    if as_number(error) is None:
        return "failed", say_no_number(error, "my_error", "a standard error")
    labels = np.asarray(labels)
    recalls = {one: _recalls(labels, given) for one, given in named.items()}
    mean = {one: recall.mean() for one, recall in recalls.items()}
    best = max(mean, key=mean.get)
    counts = np.bincount(labels)
    spread = recalls[best] * (1 - recalls[best]) / counts
    right = np.sqrt(spread.sum()) / len(counts)
    share = np.mean(np.asarray(named[best]) == labels)
    wrong = [
        (spread.sum() / len(counts), "Take the root of the sum."),
        (np.sqrt(spread.sum()), "Divide by the number of classes at the end."),
        (
            np.sqrt(spread).mean(),
            "Those are the errors of the classes, averaged: independent errors "
            "partly cancel. Sum their squares.",
        ),
        (
            np.sqrt(share * (1 - share) / len(labels)),
            "That is the standard error of the accuracy, over all pictures: "
            "take each class by itself.",
        ),
        (1.96 * right, "That is half of a 95 % interval: leave out the 1.96."),
    ]
    if (match := find_match(error, right, wrong, 1e-4)) != RIGHT:
        return "failed", match or (
            f"`my_error` is not {as_number(error):.3g}. Of the size with the "
            "highest mean recall, take the recall of each class and the "
            "number of its pictures."
        )
    if as_number(size) not in mean:
        return "failed", (
            f"`my_size` should be one of {', '.join(map(str, mean))}, not "
            f"{brief(size)}."
        )
    near = [one for one in mean if mean[one] >= mean[best] - right - 1e-9]
    wanted = min(near, key=cost.get)
    if size == wanted:
        return "passed", (
            f"{wanted} pixels: {mean[wanted]:.3f}, within {right:.3f} of the "
            f"best, {mean[best]:.3f} with {best}, at "
            f"{cost[wanted] / cost[best]:.0%} of its time."
        )
    if size == best:
        return "failed", (
            f"{best} is the best, but a cheaper size lies within one standard "
            "error of it."
        )
    if size not in near:
        return "failed", (
            f"{size} gives {mean[size]:.3f}, which is more than one standard "
            f"error ({right:.3f}) below the best, {mean[best]:.3f}."
        )
    return "failed", (
        f"{size} is near enough to the best, but not the cheapest such size."
    )


def judge_suspects(
    answer: object,
    files: list,
    features: object,
    labels: object,
    groups: object,
    planted: dict,
) -> tuple:
    """Judge which labels a learner would have looked at.

    Args:
        answer: The learner's list of files.
        files: All used files.
        features: A row of features for each.
        labels: The class of each.
        groups: The group of each.
        planted: From files to what was done to them on purpose.
    """
    names = _file_names(answer, files)
    if isinstance(names, str):
        return "failed", names
    wanted = -(-len(files) // ONE_IN)
    if len(names) != wanted or len(set(names)) != wanted:
        return "failed", (
            f"The list has {len(set(names))} different files: name {wanted}."
        )
    own = _held_out_shares(
        np.asarray(features), np.asarray(labels), np.asarray(groups)
    )
    order = [files[number] for number in own.argsort(kind="stable")]
    more = max(WIDER * wanted, LEAST_OWN)
    shared = len(set(names) & set(order[:more]))
    if shared >= wanted / 2:
        wrong = [f for f, what in planted.items() if "wrong folder" in what]
        told = (
            f"The check's own models doubt {shared} of them, too. (Whether "
            "yours had seen these pictures, it cannot tell.)"
        )
        if wrong:
            hits = len(set(names) & set(wrong))
            told += (
                f" Of the {len(wrong)} that were put into the wrong folder, "
                f"{hits} are among your {wanted}. Look at the others, too: "
                "experts err."
            )
        return "passed", told
    if len(set(names) & set(order[-more:])) >= shared + 1:
        return "failed", (
            "Most of these are labels that models agree with: take the files "
            "whose own label got the *least*."
        )
    return "failed", (
        f"Models that have not seen their groups doubt only {shared} of them. "
        "Give each picture the probability of its own label by a model that "
        "was trained without its group, and sort."
    )


def _held_out_shares(features, labels, groups):
    """Returns what models that have not seen a row say of its label."""
    share = np.zeros(len(labels))
    turns = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    for seen, new in turns.split(features, labels, groups):
        mean = features[seen].mean(axis=0)
        scale = features[seen].std(axis=0) + 1e-6
        probe = LogisticRegression(
            C=1e-3, max_iter=1000, class_weight="balanced"
        )
        probe.fit((features[seen] - mean) / scale, labels[seen])
        says = probe.predict_proba((features[new] - mean) / scale)
        for row, number in enumerate(new):
            own = probe.classes_ == labels[number]
            share[number] = says[row, own].sum()
    return share


def _recalls(labels, given):
    right = np.asarray(given) == labels
    return np.array([right[labels == one].mean() for one in np.unique(labels)])


def _file_names(answer, known):
    """Returns a list of files, or the sentence on what is none."""
    if isinstance(answer, str | bytes) or not isinstance(answer, Iterable):
        return f"The answer should be a list of files, not {brief(answer)}."
    names = [one.as_posix() if isinstance(one, Path) else one for one in answer]
    if not all(isinstance(one, str) for one in names):
        return (
            "Each item should be a file, as the column `file` has it, such as "
            f"{known[0]!r}."
        )
    if unknown := sorted(set(names) - set(known)):
        return (
            f"{unknown[0][:60]!r} is none of the files: write them as the "
            f"column `file` has them, such as {known[0]!r}."
        )
    return [str(one) for one in names]


def _some(files):
    files = sorted(files)
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return ", ".join(files[:3]) + more


JUDGES = {
    "yo-06": judge_flat,
    "yo-07": judge_size,
    "yo-08": judge_suspects,
    **lesson_05_script_checks.JUDGES,
}
