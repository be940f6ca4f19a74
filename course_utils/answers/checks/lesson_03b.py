"""Checks of lesson 03b, traps of fine-tuning."""

import numpy as np

from course_utils.answers.checks import heads, weights
from course_utils.answers.checks.watching import Evidence
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_numbers,
    brief,
    find_match,
    say_no_number,
)

BACKBONE = "residual"
NUM_CLASSES = 6
STAGE = "stage4"
MORE_EPOCHS = 3
_TOLERANCE = 5e-4


def judge_patience(answer: object, losses: object) -> tuple[str, str]:
    """Judge the least patience that reaches the best epoch.

    Args:
        answer: The learner's number.
        losses: Validation losses, one an epoch.

    Returns:
        A status and a message.
    """
    number = as_number(answer)
    if number is None:
        return "failed", say_no_number(answer)
    answer, losses = number, np.asarray(losses, float)
    new_best = np.flatnonzero(losses == np.minimum.accumulate(losses))
    best, waits = int(losses.argmin()), np.diff(new_best)
    least = int(waits.max())
    if answer == least:
        return "passed", (
            f"With {least} it waits long enough for epoch {best}; with "
            f"{least - 1} it would have stopped before."
        )
    if answer == least - 1:
        return "failed", (
            f"There are {least - 1} epochs without a new best in the longest "
            f"wait, and after {least - 1} of them training ends: it must be "
            "more."
        )
    if answer in (best, best + 1):
        return "failed", (
            "That tells where the best epoch is. Patience counts from the "
            "last new best, not from the start."
        )
    if answer == len(losses) - 1 - best:
        return "failed", (
            "That is how many epochs come after the best one. What counts is "
            "the longest wait before it."
        )
    if answer > least:
        return "failed", (
            f"{answer:g} reaches the best epoch, and so does a smaller one."
        )
    return "failed", (
        f"With {answer:g} training ends before epoch {best}. Find the longest "
        "way from one new best to the next."
    )


def judge_counted_on(answer: object, first: object) -> tuple[str, str]:
    """Judge whether a training counts on where an earlier one ended.

    Args:
        answer: The history that the learner's ``fit`` returned.
        first: The epochs of the earlier training.

    Returns:
        A status and a message.
    """
    if not hasattr(answer, "epoch"):
        return "failed", (
            f"Pass what `fit` returns, its history, not "
            f"{type(answer).__name__}."
        )
    steps = len(answer.epoch) * (
        getattr(answer, "params", {}).get("steps") or 0
    )
    optimizer = getattr(getattr(answer, "model", None), "optimizer", None)
    if steps and optimizer and int(optimizer.iterations) <= steps:
        return "failed", (
            "That is the history of a model whose optimizer had made no step "
            "before: go on with `small`, as it is."
        )
    found, begin = list(answer.epoch), list(first)[-1] + 1
    wanted = list(range(begin, begin + MORE_EPOCHS))
    if found == wanted:
        return "passed", f"Epochs {found} follow on {list(first)}."
    if not found:
        return "failed", (
            "No epoch ran: `epochs` is where to end, counted from 0 of the "
            "first training, not how many to add."
        )
    if found[0] == 0:
        return "failed", "It counts from 0 again: set `initial_epoch`."
    if found[0] == begin - 1:
        return "failed", (
            f"Epoch {begin - 1} ran in both. Epochs count from 0, so the "
            "number of those that ran is the number of the next."
        )
    if found[0] != begin:
        return "failed", (
            f"It begins with epoch {found[0]}, and the first training ended "
            f"with {begin - 1}: count those that ran, with `len`."
        )
    return "failed", (
        f"{len(found)} epochs ran, not {MORE_EPOCHS}: `epochs` is the number "
        "at which to end."
    )


def judge_last_stage(
    model: object, base_model: object, evidence: Evidence
) -> tuple:
    """Judge whether only the last stage trained, and is listed.

    Args:
        model: The learner's model.
        base_model: The backbone in it.
        evidence: From ``course.watch`` around the learner's ``fit``.

    Returns:
        A status, a message and, where there is some, the evidence for it.
    """
    import keras

    if not isinstance(base_model, keras.Model):
        return "failed", (
            "Pass the model, its backbone and the evidence: number 2 is of "
            f"type {type(base_model).__name__}."
        )
    problem = heads.find_problem(model, evidence, BACKBONE, NUM_CLASSES)
    if problem:
        return "failed", problem
    inside = {id(v) for v in model.weights}
    if not base_model.weights or any(
        id(v) not in inside for v in base_model.weights
    ):
        return "failed", (
            "This backbone is not in this model: pass the one that the head "
            "was put on."
        )
    if problem := weights.learning_problem(evidence):
        return "failed", problem
    if elsewhere := weights.began_elsewhere(evidence, BACKBONE):
        return "failed", (
            f"{len(elsewhere)} arrays of the backbone were not pretrained when "
            f"the training began ({elsewhere[0]} among them): load a fresh one "
            "with its weights."
        )
    if stale := weights.stale_compile(evidence):
        return "failed", stale
    changes = [
        *weights.moved(evidence, base_model),
        *weights.batch_norm_moved(evidence, base_model),
    ]
    moved = {weights.tail(change.path) for change in changes}
    norms = sorted(name for name in moved if "_bn" in name)
    if norms:
        return "failed", (
            f"Batch normalization moved ({norms[0]} among {len(norms)} "
            "arrays): set its layers to `trainable = False`, one by one."
        )
    stage = {
        name
        for name in map(weights.tail, (v.path for v in base_model.weights))
        if name.startswith(STAGE) and "_bn" not in name
    }
    if others := sorted(moved - stage):
        return "failed", (
            f"{len(others)} arrays before the last stage moved ({others[0]} "
            "among them): freeze what comes before, layer by layer."
        )
    if still := sorted(stage - moved):
        return "failed", (
            f"{len(still)} of the last stage's {len(stage)} arrays stayed as "
            f"they were ({still[0]} among them): unfreeze all its layers."
        )
    if problem := heads.find_head_problem(model, evidence, BACKBONE):
        return "failed", problem
    facts = [f"{len(stage)} arrays of {STAGE} moved, no other of the backbone"]
    listed = {weights.tail(v.path) for v in base_model.trainable_weights}
    if listed != stage:
        message = (
            f"The right arrays moved, but the backbone lists {len(listed)} "
            "as trainable: its own flag says frozen. Set `my_base.trainable "
            "= True` before you freeze layers."
        )
        return "partial", message, facts
    facts.append("`trainable_weights` of the backbone lists these, no others")
    return "passed", "The last stage trains, and the list says so.", facts


def judge_forgotten(answer: object, curves: object) -> tuple[str, str]:
    """Judge how much source accuracy each run lost.

    Args:
        answer: The learner's numbers, one a learning rate, in their order.
        curves: A table with ``learning_rate``, ``step`` and
            ``source_accuracy``, a row a look.

    Returns:
        A status and a message.
    """
    ordered = curves.sort_values(["learning_rate", "step"])
    source = ordered.groupby("learning_rate")["source_accuracy"]
    first, last = source.first().to_numpy(), source.last().to_numpy()
    if hasattr(answer, "sort_index"):
        answer = answer.sort_index()
    if isinstance(answer, dict):
        answer = [answer[rate] for rate in sorted(answer)]
    numbers = as_numbers(answer)
    if not numbers.size:
        return "failed", (
            f"The answer should be {len(first)} numbers, not {brief(answer)}: "
            "one for each rate."
        )
    if numbers.shape != first.shape:
        return "failed", (
            f"There are {len(first)} rates, and this has shape "
            f"{numbers.shape}: give one number for each of them."
        )
    lost = first - last
    mistakes = [
        (-lost, "Turn it round: what was there first, less what is left."),
        (last, "That is what is left: take it from what was there."),
        (
            lost / first,
            "These are shares of what was there: give the differences.",
        ),
        (100 * lost, "Give the differences themselves, not in percent."),
        (
            np.full_like(lost, lost.mean()),
            "That is the mean over the rates: group by the rate first.",
        ),
    ]
    match = find_match(answer, lost, mistakes, _TOLERANCE)
    if match == RIGHT:
        return "passed", (
            f"From {lost.min():.3f} at the rate that forgot the least to "
            f"{lost.max():.3f} at the one that forgot the most."
        )
    return "failed", match or (
        "These are not the differences: group the curves by the rate, and "
        "take the first source accuracy less the last."
    )


def judge_penalty(
    answer: object, now: object, origins: object, strength: float
) -> tuple[str, str]:
    """Judge the penalty of L2-SP.

    Args:
        answer: The learner's number.
        now: Arrays, the weights as they are.
        origins: Arrays of the same shapes, the weights as they began.
        strength: Of the penalty.

    Returns:
        A status and a message.
    """
    number = as_number(answer)
    if number is None:
        return "failed", say_no_number(answer)
    ways = [np.asarray(a) - b for a, b in zip(now, origins, strict=True)]
    squares = float(sum(np.sum(way**2) for way in ways))
    penalty = strength / 2 * squares
    count = sum(way.size for way in ways)
    mistakes = [
        (2 * penalty, "Take half of the strength."),
        (squares, "That is the sum of squares: weigh it with the strength."),
        (squares / 2, "Weigh it with the strength as well."),
        (penalty / count, "That is a mean over all weights: take the sum."),
        (
            strength / 2 * squares**0.5,
            "That is the distance: square it, as the sum of squares is.",
        ),
        (
            strength / 2 * sum(np.sum(np.square(a)) for a in now),
            "That pulls towards zero, as plain weight decay does: take the "
            "distance from `origins` first.",
        ),
        (
            strength / 2 * sum(np.sum(np.abs(way)) for way in ways),
            "These are absolute distances: square them.",
        ),
    ]
    match = find_match(answer, penalty, mistakes, 1e-3 * abs(penalty))
    if match == RIGHT:
        return "passed", f"The weights have left at a cost of {penalty:.4g}."
    return "failed", match or (
        f"{number:.4g} it is not: half of the strength, times the sum "
        "over all arrays of `np.sum((a - b) ** 2)`."
    )


JUDGES = {
    "tr-01": judge_patience,
    "tr-02": judge_counted_on,
    "tr-03": judge_last_stage,
    "tr-04": judge_forgotten,
    "tr-05": judge_penalty,
}
