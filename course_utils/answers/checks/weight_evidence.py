"""Evidence from weights: what moved, what is stale, what is still pretrained.

Small functions for checks to build on. None trains, none changes a model.
"""

import functools
import math

import numpy as np

from course_utils.answers.checks.training_evidence import (
    Evidence,
    WeightChange,
    named_variables,
    to_array,
)


def evidence_problem(evidence: object, model: object, name: str) -> str:
    """Say why what was passed is no evidence on a finished training.

    Args:
        evidence: What was passed, from ``course.watch``.
        model: The model that it is to be about.
        name: What the lesson calls the evidence.

    Returns:
        One sentence, or an empty text.
    """
    if not isinstance(evidence, Evidence) or evidence.model is not model:
        return (
            "The evidence is not about this model: train it inside `with "
            f"course.watch(...) as {name}:`, with the same model."
        )
    if not evidence.finished:
        return "The `with` block is not over: check below it."
    return ""


def moved(evidence: Evidence, part: object = None) -> list[WeightChange]:
    """Return the trained weights that moved (batch norm statistics apart).

    Args:
        evidence: What was watched.
        part: A layer, model or module inside it; ``None`` for all of it.
    """
    return [c for c in _of(evidence, part) if c.moved and not c.is_statistic]


def batch_norm_moved(
    evidence: Evidence, part: object = None
) -> list[WeightChange]:
    """Return the moving statistics of batch normalization that moved.

    Args:
        evidence: What was watched.
        part: A layer, model or module inside it; ``None`` for all of it.
    """
    return [c for c in _of(evidence, part) if c.moved and c.is_statistic]


def learning_problem(evidence: Evidence) -> str:
    """Say why weights cannot have learned, whoever moved them.

    Judged by the weights: `fit`, a ``train_step`` of one's own and a loop
    with `GradientTape` are alike.

    Args:
        evidence: What was watched.

    Returns:
        One sentence, or an empty text if some have learned.
    """
    broken = [c for c in evidence.changes if not math.isfinite(c.largest)]
    if broken:
        return (
            f"{len(broken)} arrays hold numbers that are not finite "
            f"({broken[0].path} among them), so nothing was learned: build "
            "the model anew, and train it with a lower learning rate."
        )
    learned = moved(evidence)
    if not learned and (evidence.history or evidence.steps):
        return (
            "Nothing has learned: the training ran, and no weight moved. Look "
            "at the learning rate and at what is frozen; in float16, steps "
            "whose gradients overflow are skipped, so take more of them."
        )
    if not learned:
        return (
            "Nothing has learned: no weight moved inside the `with` block. "
            "Train the model there, with `model.fit` or a loop of your own."
        )
    kernels = [c for c in learned if len(c.shape) > 1]
    if kernels and all(c.is_even for c in kernels):
        return (
            "Nothing has learned: all numbers of an array have changed by the "
            "same amount, as if set by hand. Train the model inside the "
            "`with` block."
        )
    return ""


def stale_compile(evidence: Evidence) -> str:
    """Say whether training went by older flags than the model shows.

    Keras 3 binds trainability when the train function is first traced. What
    is changed after that takes no effect until the model is compiled again,
    silently; the weights tell. A loop or a ``train_step`` of one's own takes
    what it wants: there, only what is flagged frozen and moved is told.

    Args:
        evidence: What was watched.

    Returns:
        One sentence, or an empty text if flags and weights agree, or if
        nothing was trained.
    """
    weights = [c for c in evidence.changes if not c.is_statistic]
    if not any(c.moved for c in weights):
        return ""
    by_keras = bool(evidence.history) and not evidence.own_step
    frozen = [c for c in weights if c.moved and not c.flagged_trainable]
    if frozen:
        remedy = "recompile after freezing"
        if not by_keras:
            remedy += (
                ", or, in a loop of your own, train "
                "`model.trainable_variables` only"
            )
        return (
            f"The flag says frozen, but {len(frozen)} arrays moved "
            f"({frozen[0].path} among them): {remedy}."
        )
    # One array of a layer may have no gradient; a whole layer rarely has.
    still = {_layer(c) for c in weights if c.flagged_trainable}
    still -= {_layer(c) for c in weights if c.moved}
    if still and by_keras and evidence.steps:
        return (
            f"The flag says trainable, but nothing moved in {len(still)} "
            f"layers ({sorted(still)[0]} among them): recompile after "
            "unfreezing."
        )
    return ""


def began_elsewhere(evidence: Evidence, name: str) -> list[str]:
    """Return the arrays of a backbone that did not begin as pretrained.

    They are as far from the file as training has moved them, if they did.

    Args:
        evidence: What was watched, of a model that contains the backbone.
        name: Name of the embedded backbone, for example ``"residual"``.
    """
    now = {tail(v.path): v for v in evidence.model.weights}
    way = {tail(c.path): c.largest for c in evidence.changes}
    found = []
    for path, pretrained in _pretrained(name).items():
        if path in now and now[path].shape == pretrained.shape:
            distance = np.max(np.abs(to_array(now[path]) - pretrained))
            # A hair of slack, for what float32 rounds; random weights are far.
            # No distance: what training moved was put back.
            slack = 1e-5 * (1 + distance)
            if not distance or abs(distance - way.get(path, 0.0)) <= slack:
                continue
        found.append(path)
    return found


def differs_from_pretrained(model: object, name: str) -> list[str]:
    """Compare a model with the pretrained arrays on disk.

    Args:
        model: A model that contains the backbone, nested or flat.
        name: Name of the embedded backbone, for example ``"residual"``.

    Returns:
        Names of the backbone's arrays (``"stem_conv/kernel"``) that are
        missing from the model or differ from the file.
    """
    found = {tail(v.path): v for v in model.weights}
    return [
        path
        for path, pretrained in _pretrained(name).items()
        if path not in found
        or not np.array_equal(to_array(found[path]), pretrained)
    ]


def reaches_output(model: object, name: str, image_shape: tuple) -> bool:
    """Return whether a backbone's first weights have a say in the output.

    Asked of the gradient, which exists only where there is a connection; the
    model is called once, in inference mode, and not changed.

    Args:
        model: A model that contains the backbone.
        name: Name of the embedded backbone.
        image_shape: Height, width and channels of a picture.
    """
    import tensorflow as tf

    first = next(iter(_pretrained(name)))
    weight = next(v for v in model.weights if tail(v.path) == first)
    with tf.GradientTape() as tape:
        tape.watch(weight.value)
        output = model(tf.zeros((1, *image_shape)), training=False)
    return tape.gradient(output, weight.value) is not None


def pretrained_names(name: str) -> list[str]:
    """Return the names of a backbone's arrays, as in the functions above."""
    return list(_pretrained(name))


def tail(path: str) -> str:
    """Return a variable's own layer and name: ``"stem_conv/kernel"``.

    The same for a backbone alone, nested in a model, or flat.
    """
    return "/".join(path.split("/")[-2:])


def _of(evidence: Evidence, part: object) -> list[WeightChange]:
    if part is None:
        return list(evidence.changes)
    members = {id(variable) for _, variable, _ in named_variables(part)}
    return [c for c in evidence.changes if c.identity in members]


def _layer(change: WeightChange) -> str:
    return change.path.rpartition("/")[0]


@functools.cache
def _pretrained(name: str) -> dict[str, np.ndarray]:
    from course_utils.backbones.pretrained import load_backbone

    backbone = load_backbone(name)
    return {tail(v.path): to_array(v) for v in backbone.weights}
