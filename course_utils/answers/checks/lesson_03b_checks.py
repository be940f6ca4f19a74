"""Checks of lesson 03b, traps of fine-tuning."""

import numpy as np

from course_utils.answers.checks import weight_evidence
from course_utils.answers.checks.lesson_03b_stage_checks import judge_last_stage
from course_utils.answers.checks.training_evidence import (
    optimizer_state,
)
from course_utils.answers.learner_values import as_numbers, brief

BACKBONE = "efficientnet_lite0"
HEAD_RATE = 1e-3
PLANNED_EPOCHS = 20
MOST_EPOCHS = 6  # of phase 2
LEAST_CELLS, LEAST_HELD = 300, 60
_TOLERANCE = 2e-3  # between a loss in batches and one of all pictures


def judge_second_phase(
    model: object,
    history: object,
    first: object,
    images: np.ndarray,
    labels: np.ndarray,
) -> tuple:
    """Judge a phase 2 that counts on, and keeps the best of both phases.

    Args:
        model: The learner's model.
        history: What its ``fit`` returned.
        first: The history of phase 1.
        images: What the model was validated on.
        labels: Of these.
    """
    if problem := _history_problem(model, history):
        return "failed", problem
    begin, found = len(first.epoch), list(history.epoch)
    if not found:
        return "failed", (
            "No epoch ran: `epochs` is the number at which to end, not how "
            "many to add."
        )
    if found[0] == PLANNED_EPOCHS != begin:
        return "failed", (
            f"It begins with epoch {found[0]}, as in the plan; phase 1 ran "
            f"{begin}: count those."
        )
    if found[0] != begin:
        return "failed", (
            f"It begins with epoch {found[0]}, and phase 1 ran epochs 0 to "
            f"{begin - 1}: the next is `len(first.epoch)`."
        )
    if len(found) > MOST_EPOCHS:
        return "failed", (
            f"It ran {len(found)} epochs, and up to {MOST_EPOCHS} were asked "
            f"for: `epochs` is `len(first.epoch) + {MOST_EPOCHS}`."
        )
    rate = optimizer_state(model).learning_rate
    if problem := _rate_problem(rate) or _norms_problem(_left_imagenet(model)):
        return "failed", problem
    if len(model.trainable_weights) < 3:
        return "failed", "Only the head was to train: unfreeze block 7 as well."
    loss, problem = _loss(model, images, labels)
    if problem:
        return "failed", problem
    before, after = (min(run.history["val_loss"]) for run in (first, history))
    if loss > min(before, after) + _TOLERANCE:
        if before < after:
            return "failed", (
                f"Phase 1 reached a validation loss of {before:.3f}, and your "
                f"model has {loss:.3f}: keep the weights that it starts from, "
                "and put them back if phase 2 gets no lower."
            )
        return "failed", (
            f"Phase 2 reached {after:.3f}, and your model has {loss:.3f}: let "
            "early stopping restore the best weights."
        )
    which = "2" if after < before else "1"
    return (
        "passed",
        f"Your model has the best weights of both phases, those of phase "
        f"{which}.",
        [
            f"phase 2 ran epochs {found[0]} to {found[-1]}, after {begin} of "
            "phase 1",
            f"validation loss {loss:.3f}; phase 1 reached {before:.3f}, phase "
            f"2 {after:.3f}",
            "no array of batch normalization has left ImageNet's",
        ],
    )


def judge_ninth(
    cells: object,
    held: object,
    model: object,
    evidence: object,
    table: object,
    grids: np.ndarray,
    labels: np.ndarray,
) -> tuple:
    """Judge a whole fine-tuning by the faults of the case file.

    Args:
        cells: Numbers of the cells that were trained on.
        held: Numbers of those that were validated on.
        model: The learner's model.
        evidence: From ``course.watch`` around the learner's ``fit``.
        table: Of the solar cells, with ``split`` and ``inferred_module``.
        grids: What the model takes, a row a cell.
        labels: The class of each cell.
    """
    chosen = []
    for some, least, name in (
        (cells, LEAST_CELLS, "my_cells"),
        (held, LEAST_HELD, "my_held"),
    ):
        numbers = _cell_numbers(some, len(table))
        if numbers is None:
            return "failed", (
                f"`{name}` should hold numbers of cells (rows of the table), "
                f"not {brief(some)}."
            )
        if len(numbers) < least:
            return "failed", (
                f"`{name}` names {len(numbers)} different cells: take at least "
                f"{least}, by their numbers, not by a mask."
            )
        chosen.append(numbers)
    if problem := _split_problem(*chosen, table, labels):
        return "failed", problem
    if problem := weight_evidence.evidence_problem(evidence, model, "evidence"):
        return "failed", problem
    if evidence.history and not any(c.moved for c in evidence.changes):
        return "failed", (
            "No weight differs after the block: if you put the first weights "
            "back, do it below the block; if not, look at rate and flags."
        )
    if problem := weight_evidence.learning_problem(evidence):
        return "failed", problem
    if not evidence.history.get("val_loss"):
        return "failed", "Watch it: give `fit` the cells of `my_held`."
    problem = (
        weight_evidence.stale_compile(evidence)
        or _norms_problem(
            weight_evidence.tail(c.path) for c in evidence.changes if c.moved
        )
        or _rate_problem(evidence.after.learning_rate)
    )
    if problem:
        return "failed", problem
    names = weight_evidence.pretrained_names(BACKBONE)
    moved = [
        c
        for c in weight_evidence.moved(evidence)
        if weight_evidence.tail(c.path) in names
    ]
    if not moved:
        return "failed", (
            "No array of ImageNet's network moved, only the head: put the "
            "head on a copy of `pretrained_top` that trains."
        )
    loss, problem = _loss(model, grids[chosen[1]], labels[chosen[1]])
    if problem:
        return "failed", problem
    loss += float(sum(model.losses))  # penalties, as in Keras's own loss
    best = min(evidence.history["val_loss"])
    if loss > best + _TOLERANCE:
        return "failed", (
            f"Its best epoch had a validation loss of {best:.3f}, and the "
            f"model now has {loss:.3f} on `my_held`: put the best weights "
            "back, and watch these cells."
        )
    # Better than each epoch only if the first weights were put back.
    if loss < best - _TOLERANCE and _left_imagenet(model):
        return "failed", (
            f"Its best epoch had a validation loss of {best:.3f}, and on "
            f"`my_held` the model has {loss:.3f}: `fit` watched other cells; "
            "give it those of `my_held`."
        )
    modules = table["inferred_module"].to_numpy()
    return (
        "passed",
        "None of the faults that a check can see is in this training. Whether "
        "the first weights were better, only your comparison tells.",
        [
            f"{len(set(modules[chosen[0]]))} modules to train on, "
            f"{len(set(modules[chosen[1]]))} others to validate on",
            f"{len(moved)} arrays of ImageNet's network moved, none of batch "
            "normalization",
            f"validation loss {loss:.3f}, in the best epoch {best:.3f}",
        ],
    )


def _history_problem(model, history):
    import keras

    if not isinstance(model, keras.Model):
        return f"Pass your model first, not {type(model).__name__}."
    if not hasattr(history, "epoch"):
        return (
            f"Pass what `fit` returns, its history, not "
            f"{type(history).__name__}."
        )
    if getattr(history, "model", model) is not model:
        return "This is the history of another model."
    if history.epoch and "val_loss" not in history.history:
        return "Watch it on the validation cells: pass `**on_grids` to `fit`."
    return ""


def _rate_problem(rate):
    if rate >= HEAD_RATE:
        return (
            f"The rate is {rate:g}, as high as the head's or higher: case 1. "
            "Take a tenth."
        )
    return ""


def _left_imagenet(model):
    """Returns the arrays of the model that differ from ImageNet's."""
    own = {weight_evidence.tail(variable.path) for variable in model.weights}
    differing = weight_evidence.differs_from_pretrained(model, BACKBONE)
    return [name for name in differing if name in own]


def _norms_problem(names):
    """Says which of some arrays that moved are of batch normalization."""
    norms = [name for name in names if "bn/" in name]
    if norms:
        return (
            f"Batch normalization moved ({norms[0]} among {len(norms)} "
            "arrays): case 2. Freeze its layers, one by one."
        )
    return ""


def _cell_numbers(answer, count):
    """Returns numbers of cells; None if these are none."""
    numbers = as_numbers(answer)
    if numbers.ndim != 1 or (numbers % 1 != 0).any():
        return None
    if (numbers < 0).any() or (numbers >= count).any():
        return None
    return np.unique(numbers.astype(int))


def _split_problem(cells, held, table, labels):
    """Says what is on both sides, or should be on none."""
    both = np.intersect1d(cells, held)
    if len(both):
        return f"{len(both)} cells are on both sides: case 7."
    used = np.concatenate([cells, held])
    split = table["split"].to_numpy()[used]
    if (split != "train").any():
        return (
            f"{(split != 'train').sum()} of your cells have another split "
            "than `train`: leave those for the end."
        )
    modules = table["inferred_module"].to_numpy()
    shared = np.intersect1d(modules[cells], modules[held])
    if len(shared):
        return (
            f"{len(shared)} modules are on both sides ({shared[0]} among "
            "them): case 7. Draw modules, not cells."
        )
    if len(set(labels[held].tolist())) < 2:
        return "`my_held` has cells of one class only: draw other modules."
    return ""


def _loss(model, images, labels):
    """Returns the mean cross-entropy, and what is wrong with the output."""
    found = np.asarray(model(images, training=False)).astype(float)
    if found.ndim != 2 or found.shape[1] not in (1, 2):
        return 0.0, (
            f"The output has shape {found.shape}: end in one unit with "
            "`sigmoid`, or in two with `softmax`."
        )
    if not np.isfinite(found).all():
        return 0.0, "The model gives numbers that are not finite: case 1."
    sums = found.sum(axis=1)
    if found.min() < 0 or found.max() > 1 + 1e-3:
        return 0.0, "The output is no probability: end in `softmax`."
    if found.shape[1] == 1:
        found = np.concatenate([1 - found, found], axis=1)
    elif not np.allclose(sums, 1, atol=1e-2):
        return 0.0, "The output is no probability: end in `softmax`."
    of_truth = found[np.arange(len(found)), np.asarray(labels, int)]
    return float(-np.log(of_truth.clip(1e-7)).mean()), ""


JUDGES = {
    "tr-03": judge_last_stage,
    "tr-06": judge_second_phase,
    "tr-09": judge_ninth,
}
