"""Checks of lesson 00, Start here."""

import itertools

import numpy as np

from course_utils.answers.checks import head_checks
from course_utils.answers.checks.training_evidence import Evidence
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    find_match,
    say_no_number,
)

BACKBONE = "efficientnet_lite0"
NUM_CLASSES = 2
UNITS = 64  # of the first dense layer in sh-02
_TOLERANCE = 5e-4


def judge_recall(
    answer: object, labels: object, predictions: object, class_index: int
) -> tuple[str, str]:
    """Judge a recall: of the pictures of one class, the share found.

    Args:
        answer: The learner's number, a share between 0 and 1.
        labels: True classes, shape (pictures,).
        predictions: Predicted classes, shape (pictures,).
        class_index: The class that is asked for.
    """
    number = as_number(answer)
    if number is None:
        return "failed", say_no_number(
            answer,
            meaning="the mean over the pictures of the class of True and False",
        )
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    is_class, is_named = labels == class_index, predictions == class_index
    if not is_class.any():
        raise ValueError(f"no picture has the label {class_index}")
    recall = np.mean(is_named[is_class])
    found = np.sum(is_class & is_named)
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
    match = find_match(answer, recall, misconceptions, _TOLERANCE)
    if match == RIGHT:
        return "passed", (
            f"{found} of the {np.sum(is_class)} pictures of class "
            f"{class_index} were found: a recall of {recall:.1%}."
        )
    if match is not None:
        return "failed", match
    if number > 1:
        return "failed", f"A share is at most 1, and this is {number:.3g}."
    return "failed", (
        f"{number:.3g} is not the recall. Keep the pictures whose label is "
        f"{class_index}; which share of them was predicted as {class_index}?"
    )


def judge_new_head(model: object, evidence: Evidence) -> tuple:
    """Judge a new head on the frozen backbone, by what the weights did.

    Args:
        model: The learner's model: the pretrained backbone, nested or flat,
            under a head of any kind.
        evidence: From ``course.watch`` around the learner's ``fit``.
    """
    problem, learned = head_checks.judge_head(
        model, evidence, BACKBONE, NUM_CLASSES
    )
    if problem:
        return "failed", problem
    facts = head_checks.facts(learned, BACKBONE)
    message = "Only your head has learned, and the backbone is as it came."
    # A dense layer has a kernel with two axes, whatever else it has.
    widths = [c.shape[1] for c in learned if len(c.shape) == 2]
    if widths == [UNITS, NUM_CLASSES]:
        if _is_linear(model):
            return (
                "partial",
                f"{message} But its first dense layer has no activation, and "
                "two linear layers are one.",
                facts,
            )
        return "passed", message, facts
    problem = "the head is to have two dense layers: add the first one."
    if len(widths) > 1:
        problem = (
            f"its dense layers have {', '.join(map(str, widths))} units: make "
            f"two, the first with {UNITS}, the last with {NUM_CLASSES}."
        )
    return "partial", f"{message} But {problem}", facts


def _is_linear(model):
    """Says whether nothing bends between the two dense layers of a head.

    Of a head in a model of its own, or of a subclassed model, it is not known.
    """
    import keras

    steps = getattr(model, "operations", None)
    if isinstance(model, keras.Sequential):
        steps = model.layers
    dropout, dense = keras.layers.Dropout, keras.layers.Dense
    steps = [one for one in steps or () if not isinstance(one, dropout)]
    return any(
        isinstance(one, dense)
        and isinstance(following, dense)
        and one.activation is keras.activations.linear
        for one, following in itertools.pairwise(steps)
    )


JUDGES = {"sh-01": judge_recall, "sh-02": judge_new_head}
