"""Checks of lesson 00, Start here."""

import numpy as np


def judge_recall(
    answer: object, labels: object, predictions: object, class_index: int
) -> tuple[str, str]:
    """Judge a recall: of the pictures of one class, the share found.

    Args:
        answer: The learner's number, a share between 0 and 1.
        labels: True classes, shape (pictures,).
        predictions: Predicted classes, shape (pictures,).
        class_index: The class that is asked for.

    Returns:
        A status and a message.
    """
    answer = np.asarray(answer, dtype=float)
    if answer.shape != ():
        return "failed", (
            f"The answer should be one number, and this has shape "
            f"{answer.shape}: take the mean over the pictures of the class."
        )
    is_class = np.asarray(labels) == class_index
    is_named = np.asarray(predictions) == class_index
    recall = np.mean(is_named[is_class])
    if np.isclose(answer, recall, atol=5e-4):
        return "passed", (
            f"{np.sum(is_class & is_named)} of the {np.sum(is_class)} pictures "
            f"of this class were found: a recall of {recall:.1%}."
        )
    found = np.sum(is_class & is_named)
    precision = found / max(np.sum(is_named), 1)
    accuracy = np.mean(np.asarray(labels) == np.asarray(predictions))
    misconceptions = [
        (100 * recall, "That is the recall in percent: give it as a share."),
        (found, "That is how many were found: divide by how many there are."),
        (1 - recall, "That is the share that was missed, not found."),
        (
            precision,
            "That is the precision: of the pictures *given this name*, the "
            "share that is right. Start from the pictures that *are* of the "
            "class.",
        ),
        (
            accuracy,
            "That is the accuracy over all classes: keep only the pictures "
            "of one class, then take the mean.",
        ),
        (
            np.mean(is_class & is_named),
            "You divided by all pictures: divide by those of the class.",
        ),
    ]
    for value, message in misconceptions:
        if np.isclose(answer, value, atol=5e-4):
            return "failed", message
    return "failed", (
        f"{answer:.3g} is not the recall. Keep the pictures whose label is "
        f"{class_index}; which share of them was predicted as {class_index}?"
    )


CHECKS = {"sh-01": judge_recall}
