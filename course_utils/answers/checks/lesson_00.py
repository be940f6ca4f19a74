"""Checks of lesson 00, Start here."""

import numpy as np

from course_utils.answers.checks import heads
from course_utils.answers.checks.watching import Evidence

BACKBONE = "residual"
NUM_CLASSES = 6
_ROUNDING = 5e-4  # an answer may be rounded to three digits


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
    if answer is None or isinstance(answer, str | bool):
        return "failed", (
            f"The answer should be a number, not {answer!r}: the mean of an "
            "array of True and False is a share."
        )
    answer = np.asarray(answer, dtype=float)
    if answer.shape != ():
        return "failed", (
            f"The answer should be one number, and this has shape "
            f"{answer.shape}: take the mean over the pictures of the class."
        )
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    is_class, is_named = labels == class_index, predictions == class_index
    if not is_class.any():
        raise ValueError(f"no picture has the label {class_index}")
    recall = np.mean(is_named[is_class])
    found = np.sum(is_class & is_named)
    if np.isclose(answer, recall, rtol=0, atol=_ROUNDING):
        return "passed", (
            f"{found} of the {np.sum(is_class)} pictures of class "
            f"{class_index} were found: a recall of {recall:.1%}."
        )
    misconceptions = [
        (100 * recall, "That is the recall in percent: give it as a share."),
        (found, "That is how many were found: divide by how many there are."),
        (1 - recall, "That is the share that was missed, not found."),
        (
            found / max(np.sum(is_named), 1),
            "That is the precision: of the pictures given this name, the "
            "share that is right. Start from the pictures that are truly of "
            "the class.",
        ),
        (
            np.mean(labels == predictions),
            "That is the accuracy over all classes: keep only the pictures "
            "of one class, then take the mean.",
        ),
        (
            np.mean(is_class & is_named),
            "You divided by all pictures: divide by those of the class.",
        ),
        (
            np.mean(is_named),
            "That is the share of all pictures that were given this name, "
            "right or wrong: first keep the pictures of the class.",
        ),
    ]
    for value, message in misconceptions:
        if np.isclose(answer, value, rtol=0, atol=_ROUNDING):
            return "failed", message
    if answer > 1:
        return "failed", f"A share is at most 1, and this is {answer:.3g}."
    return "failed", (
        f"{answer:.3g} is not the recall. Keep the pictures whose label is "
        f"{class_index}; which share of them was predicted as {class_index}?"
    )


def judge_new_head(model: object, evidence: Evidence) -> tuple:
    """Judge a new head on the frozen backbone, by what the weights did.

    Args:
        model: The learner's model: the pretrained backbone, nested or flat,
            under a head of any kind.
        evidence: From ``course.watch`` around the learner's ``fit``.

    Returns:
        A status, a message and, where there is some, the evidence for it.
    """
    problem, learned = heads.judge_head(model, evidence, BACKBONE, NUM_CLASSES)
    if problem:
        return "failed", problem
    facts = heads.facts(learned, BACKBONE)
    # A dense layer has a kernel with two axes, whatever else it has.
    kernels = [c for c in learned if len(c.shape) == 2]
    if len(kernels) < 2:
        message = (
            "Only your head has learned, and the backbone is as it came. But "
            "the head is to have two dense layers: add the first one."
        )
        return "partial", message, facts
    message = "Only your head has learned; the backbone is as it came."
    return "passed", message, facts


JUDGES = {"sh-01": judge_recall, "sh-02": judge_new_head}
