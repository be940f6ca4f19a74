"""Checks of lesson 03, Fine-tuning."""

import numpy as np

from course_utils.answers.checks import heads, weights
from course_utils.answers.checks.watching import Evidence
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    brief,
    find_match,
    say_no_number,
)

BACKBONE = "residual"
NUM_CLASSES = 6
STAGE = "stage4"
MORE_EPOCHS = 4
LAST_LAYERS = 8
# Rates to begin with, as shares of the one with the lowest smoothed loss.
LOWEST_SHARE, HIGHEST_SHARE = 1 / 30, 1 / 3
_TOLERANCE = 5e-4


def judge_repair(evidence: object, model: object, base: object) -> tuple:
    """Judge whether a stale model was repaired, by what its training moved.

    Args:
        evidence: From ``course.watch`` around the learner's ``fit``.
        model: The model that was to be repaired.
        base: The base inside it, unfrozen after a ``fit``.

    Returns:
        A status, a message and, where there is some, the evidence for it.
    """
    if not isinstance(evidence, Evidence):
        return "failed", (
            "The answer should be evidence: train inside `with "
            "course.watch(their_model) as my_evidence:`."
        )
    if evidence.model is not model:
        return "failed", (
            "The evidence is about another model: repair this one, it has "
            "learned something already."
        )
    if not evidence.finished:
        return "failed", "The `with` block is not over: check below it."
    if evidence.stopped_by:
        return "failed", (
            f"Your training ended with {evidence.stopped_by}. An optimizer "
            "that has worked before knows the weights of then only: compile "
            "with a new one."
        )
    if problem := weights.learning_problem(evidence):
        return "failed", problem
    trained = [
        c for c in weights.moved(evidence, base) if c.path.endswith("kernel")
    ]
    if stale := weights.stale_compile(evidence):
        return "failed", stale
    if not trained:
        return "failed", (
            "No kernel of the base has moved: leave its flag at True, and "
            "compile again."
        )
    count = len(weights.moved(evidence, base))
    return (
        "passed",
        "The base learns: the training step knows the new flags.",
        [f"{count} arrays of the base moved"],
    )


def judge_last_stage(model: object, evidence: object) -> tuple:
    """Judge a backbone of which only the last stage was to train.

    Args:
        model: The learner's model: the pretrained backbone, nested or flat,
            under a head of any kind.
        evidence: From ``course.watch`` around the learner's ``fit``.

    Returns:
        A status, a message and, where there is some, the evidence for it.
    """
    problem = heads.find_problem(model, evidence, BACKBONE, NUM_CLASSES)
    if problem:
        return "failed", problem
    names = weights.pretrained_names(BACKBONE)
    wanted = {
        name
        for name in names
        if name.startswith(STAGE) and name.endswith("/kernel")
    }
    if problem := weights.learning_problem(evidence):
        return "failed", problem
    if elsewhere := weights.began_elsewhere(evidence, BACKBONE):
        return "failed", (
            f"{len(elsewhere)} of the backbone's {len(names)} arrays "
            f"are not pretrained ({min(elsewhere)} among them): "
            "begin with a fresh backbone, and train it once."
        )
    if stale := weights.stale_compile(evidence):
        return "failed", stale
    differing = set(weights.differs_from_pretrained(model, BACKBONE))
    outside = sorted(n for n in differing if not n.startswith(STAGE))
    kernels = [name for name in outside if name.endswith("kernel")]
    if kernels:
        return "failed", (
            f"{len(kernels)} kernels outside of the last stage have moved "
            f"({kernels[0]} among them): freeze all that comes before it."
        )
    statistics = sorted(n for n in differing if "/moving_" in n)
    if statistics:
        return "failed", (
            f"{len(statistics)} statistics of batch normalization have moved "
            f"({statistics[0]} among them): set the flag of each of these "
            "layers to False. Under `fit` nothing else holds them here."
        )
    scales = sorted(differing - wanted)
    if scales:
        return "failed", (
            f"{len(scales)} scales and shifts of batch normalization have "
            f"moved ({scales[0]} among them): these layers should stay as "
            "they were, trained weights included."
        )
    if not differing:
        return "failed", (
            "Only the head has learned: unfreeze the layers whose names begin "
            f"with {STAGE!r}, and see that the backbone's own flag does not "
            "freeze them again."
        )
    if wanted - differing:
        return "partial", (
            f"Only {len(differing)} of the {len(wanted)} kernels of the last "
            f"stage have learned: {min(wanted - differing)} belongs to it, "
            "too."
        )
    if problem := heads.find_head_problem(model, evidence, BACKBONE):
        return "failed", problem
    return (
        "passed",
        "The last stage has learned, and all else is as it was pretrained.",
        [
            f"{len(wanted)} kernels of {STAGE!r} moved",
            f"the other {len(names) - len(wanted)} arrays of the backbone, "
            "all of batch normalization included, equal the pretrained file",
        ],
    )


def judge_epochs(second: object, first: object) -> tuple[str, str]:
    """Judge whether a second phase counts on from where the first ended.

    Args:
        second: What the learner's ``fit`` returned.
        first: What the ``fit`` of the first phase returned.

    Returns:
        A status and a message.
    """
    if second is first:
        return "failed", (
            "That is the first phase again: call `fit` once more, and keep "
            "what it returns."
        )
    if not hasattr(second, "epoch"):
        return "failed", (
            f"Expected what `fit` returns, a History, not {brief(second)}."
        )
    if getattr(second, "model", None) is not getattr(first, "model", None):
        return "failed", (
            "That is the history of another model: go on with the one that "
            "phase 1 trained."
        )
    done, epochs = len(first.epoch), list(second.epoch)
    wanted = list(range(done, done + MORE_EPOCHS))
    if epochs == wanted:
        return "passed", (
            f"Phase 1 made {done} epochs, numbers 0 to {done - 1}; phase 2 "
            f"goes on with {wanted[0]} to {wanted[-1]}."
        )
    if not epochs:
        return "failed", (
            "No epoch was made. `epochs` is the number to end at, not how many "
            f"to make: it must lie {MORE_EPOCHS} above `initial_epoch`."
        )
    if epochs[0] == 0:
        return "failed", (
            "Phase 2 counts from 0 again: give `initial_epoch`, which is how "
            "many epochs have ended."
        )
    if epochs[0] == done - 1:
        return "failed", (
            f"Epoch {done - 1} is there twice. Epochs are numbered from 0, so "
            "`first.epoch[-1]` is the last one made; the next is one higher, "
            "`len(first.epoch)`."
        )
    if epochs[0] > done:
        return "failed", (
            f"Phase 2 begins with number {epochs[0]}, but phase 1 ended early, "
            f"after {done} epochs: the numbers between were never made. Ask "
            "`first.epoch` how many there are."
        )
    if epochs[0] < done:
        return "failed", (
            f"Phase 2 begins with number {epochs[0]}, and phase 1 had made "
            f"{done} epochs: some numbers are there twice."
        )
    return "failed", (
        f"It begins rightly, and makes {len(epochs)} epochs: make "
        f"{MORE_EPOCHS}, so end at `initial_epoch + {MORE_EPOCHS}`."
    )


def judge_rate(answer: object, found: object) -> tuple[str, str]:
    """Judge a learning rate that was chosen from a range test.

    Args:
        answer: The learner's rate.
        found: The `LearningRates` of the range test.

    Returns:
        A status and a message.
    """
    rate = as_number(answer)
    if rate is None:
        return "failed", say_no_number(answer, meaning="a learning rate")
    at = int(np.argmin(found.smoothed))
    lowest = float(found.rates[at])
    if LOWEST_SHARE * lowest <= rate <= HIGHEST_SHARE * lowest:
        return "passed", (
            f"The smoothed loss is lowest at {lowest:.2g}; you begin "
            f"{lowest / rate:.3g} times below that."
        )
    if rate == at:
        return "failed", (
            "That is the place in the array: look up the rate there, "
            "`found.rates[...]`."
        )
    if np.isclose(rate, found.smoothed[at]) or np.isclose(
        rate, np.min(found.losses)
    ):
        return "failed", "That is the lowest loss: at which rate is it?"
    if np.isclose(rate, lowest):
        return "failed", (
            "That is where the loss is lowest, which is where it begins to "
            "rise: a training of many steps needs some distance from there, "
            "such as a tenth."
        )
    if rate <= 0:
        return "failed", "A learning rate is above 0."
    if rate < LOWEST_SHARE * lowest:
        return "failed", (
            f"{rate:.2g} would take very many steps: the loss turns only at "
            f"{lowest:.2g}, so begin nearer to that."
        )
    if rate < lowest:
        return "failed", (
            f"{rate:.2g} is all but the rate where the loss turns, "
            f"{lowest:.2g}: keep more distance."
        )
    return "failed", (
        f"At {rate:.2g} the loss is rising already: it is lowest at "
        f"{lowest:.2g}. Begin below that."
    )


def judge_share(answer: object, base_model: object) -> tuple[str, str]:
    """Judge the share of all numbers that the last layers hold.

    Args:
        answer: The learner's share.
        base_model: The backbone.

    Returns:
        A status and a message.
    """
    share = as_number(answer)
    if share is None:
        return "failed", say_no_number(answer, meaning="a share")
    counts = [layer.count_params() for layer in base_model.layers]
    whole, last = sum(counts), sum(counts[-LAST_LAYERS:])
    trainable = sum(
        int(np.prod(w.shape))
        for layer in base_model.layers[-LAST_LAYERS:]
        for w in layer.trainable_weights
    )
    misconceptions = [
        (100 * last / whole, "That is in percent: give it as a share."),
        (last, "That is how many: divide by how many there are in all."),
        (
            1 - last / whole,
            "That is the share of all the other layers: a slice from -8 on "
            "begins eight layers before the end.",
        ),
        (
            LAST_LAYERS / len(counts),
            "That is the share of the layers: count the numbers in them.",
        ),
        (
            sum(counts[:LAST_LAYERS]) / whole,
            "Those are the layers at the beginning: `base_model.layers[-8:]`.",
        ),
        (
            trainable / whole,
            "You left out what is frozen in them, batch normalization: count "
            "all their numbers.",
        ),
    ]
    match = find_match(answer, last / whole, misconceptions, _TOLERANCE, 3)
    if match == RIGHT:
        return "passed", (
            f"{last:,} of {whole:,} numbers, {last / whole:.0%}, lie in "
            f"{LAST_LAYERS} of {len(counts)} layers, which are "
            f"{LAST_LAYERS / len(counts):.0%} of the layers."
        )
    return "failed", match or (
        f"{share:.3g} is not it. Add up `layer.count_params()` over "
        "`base_model.layers[-8:]`, and divide by `base_model.count_params()`."
    )


JUDGES = {
    "ft-01": judge_repair,
    "ft-02": judge_last_stage,
    "ft-03": judge_epochs,
    "ft-04": judge_rate,
    "ft-05": judge_share,
}
