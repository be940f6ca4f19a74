"""Evidence from weights: what moved, what is stale, what is still pretrained.

Small functions for checks to build on. None trains, none changes a model.
"""

import functools

import numpy as np

from course_utils.answers.checks.watching import (
    Evidence,
    WeightChange,
    to_array,
)


def moved(evidence: Evidence, part: object = None) -> list[WeightChange]:
    """Return the trained weights that moved (batch norm statistics apart).

    Args:
        evidence: What was watched.
        part: A layer or model inside it; ``None`` for all of it.
    """
    return [c for c in _of(evidence, part) if c.moved and not c.is_statistic]


def batch_norm_moved(
    evidence: Evidence, part: object = None
) -> list[WeightChange]:
    """Return the moving statistics of batch normalization that moved.

    Args:
        evidence: What was watched.
        part: A layer or model inside it; ``None`` for all of it.
    """
    return [c for c in _of(evidence, part) if c.moved and c.is_statistic]


def stale_compile(evidence: Evidence) -> str:
    """Say whether training went by older flags than the model shows.

    Keras 3 binds trainability when the train function is first traced. What
    is changed after that takes no effect until the model is compiled again,
    silently; the weights tell.

    Args:
        evidence: What was watched.

    Returns:
        One sentence, or an empty text if flags and weights agree, or if
        nothing was trained.
    """
    weights = [c for c in evidence.changes if not c.is_statistic]
    if not evidence.steps or not any(c.moved for c in weights):
        return ""
    frozen = [c for c in weights if c.moved and not c.flagged_trainable]
    if frozen:
        return (
            f"The flag says frozen, but {len(frozen)} arrays moved "
            f"({frozen[0].path} among them): recompile after freezing."
        )
    # One array of a layer may have no gradient; a whole layer rarely has.
    still = {_layer(c) for c in weights if c.flagged_trainable}
    still -= {_layer(c) for c in weights if c.moved}
    if still:
        return (
            f"The flag says trainable, but nothing moved in {len(still)} "
            f"layers ({sorted(still)[0]} among them): recompile after "
            "unfreezing."
        )
    return ""


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


def learning_rate(evidence: Evidence) -> float:
    """Return the learning rate in force after what was watched."""
    return evidence.after.learning_rate


def has_fresh_optimizer(evidence: Evidence) -> bool:
    """Return whether the model got a new optimizer inside the block.

    ``recompile`` with the *old* optimizer object keeps its old list of
    variables; only a new object trains what is now trainable.
    """
    after = evidence.after.identity
    return after is not None and after != evidence.before.identity


def _of(evidence: Evidence, part: object) -> list[WeightChange]:
    if part is None:
        return list(evidence.changes)
    members = {id(variable) for variable in part.weights}
    return [c for c in evidence.changes if c.identity in members]


def _layer(change: WeightChange) -> str:
    return change.path.rpartition("/")[0]


@functools.cache
def _pretrained(name: str) -> dict[str, np.ndarray]:
    from course_utils.backbones.pretrained import load_backbone

    backbone = load_backbone(name)
    return {tail(v.path): to_array(v) for v in backbone.weights}
