"""What a model's outputs are, probabilities or logits: read, not guessed."""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine import arguments, quick_runs
from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import layers_within
from course_utils.transfer.training_label_checks import LABELS_OF_LOSS

ROUNDING = 1e-3  # how far a probability in half precision may be off
_TO_PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid", "sparsemax")


def gives_logits(model, images, outputs, from_logits=None):
    """Says whether a model ends in logits, or else in probabilities.

    The activation of the layer that gives the outputs tells it; where that is
    none, as in a `call` of one's own, what the loss was told by
    `from_logits`; and numbers outside of 0 to 1 are no probabilities. Numbers
    within may be either.

    Args:
        model: A `keras.Model` that takes `images`. It is not changed.
        images: A batch of pictures; the model is called on the first.
        outputs: What the model gave for pictures, shape
            `(pictures, classes)`, or `(pictures, 1)` for two classes.
        from_logits: Whether they are logits, if the learner says so.

    Raises:
        CourseError: If nothing tells it, or if two things contradict.
    """
    from_logits = arguments.choice(
        "from_logits", from_logits, (None, False, True)
    )
    outputs = np.asarray(outputs, "float32")
    inside = (np.abs(outputs - 0.5) <= 0.5 + ROUNDING).all()
    ending = None if from_logits is False else _ending(model, images[:1])
    if ending == "probabilities":
        if from_logits:
            raise CourseError(
                f"The outputs of {model.name!r} were said to be logits, and "
                "its last layer makes probabilities of them: leave out "
                "from_logits=True here, and in the loss."
            )
        return False
    said = _loss_says(model) if from_logits is None else from_logits
    if said is False and not inside:
        raise CourseError(
            f"The outputs of {model.name!r} were said to be probabilities, "
            f"and are from {outputs.min():.3g} to {outputs.max():.3g}: give "
            "the last layer an activation, or pass from_logits=True here and "
            "to the loss."
        )
    if said is not None and not (said is False and ending == "numbers"):
        return said
    if (said is None and ending == "numbers") or not inside:
        return True
    raise CourseError(
        f"Nothing says whether the outputs of {model.name!r} are "
        "probabilities or logits: its last layer has no activation that "
        "tells, and its loss was not told from_logits=True. Compile it with a "
        "loss that was told, or pass from_logits if this is the only model."
    )


@contextlib.contextmanager
def watched(handlers):
    """Within it, what a layer gives goes through its handler.

    Args:
        handlers: Dict from layers to functions of the layer and its outputs,
            which return the outputs.
    """

    def watching(layer, handler, call):
        return lambda *args, **kwargs: handler(layer, call(*args, **kwargs))

    calls = {layer: vars(layer).get("call") for layer in handlers}
    try:
        for layer, handler in handlers.items():
            vars(layer)["call"] = watching(layer, handler, layer.call)
        with quick_runs.without_graphs():
            yield
    finally:
        for layer, call in calls.items():
            if call is None:
                vars(layer).pop("call", None)
            else:
                vars(layer)["call"] = call


def makes_probabilities(layer):
    """Says whether a layer's activation is a softmax or a sigmoid."""
    kind = getattr(layer, "activation", None)
    return (
        isinstance(layer, keras.layers.Softmax)
        or getattr(kind, "__name__", "") in _TO_PROBABILITIES
    )


def deciding_layer(ran, outputs):
    """Returns the layer whose activation says what a model's outputs are.

    Layers that give the outputs as they are may follow it, such as one that
    casts them to single precision, and layers of other outputs, too.

    Args:
        ran: Pairs of a layer and what it gave, in the order of the call.
        outputs: What the model gave; None comes back for several.
    """
    given = _flat(outputs)
    for layer, found in reversed(ran):
        activates = isinstance(layer, keras.layers.Activation)
        if makes_probabilities(layer) or (
            hasattr(layer, "activation") and not activates
        ):
            if given is not None and np.array_equal(_flat(found), given):
                return layer
    return None


def call_watched(model, images):
    """Returns pairs of a layer and what it gave, and what the model gave."""
    ran = []

    def note(layer, outputs):
        ran.append((layer, outputs))
        return outputs

    with watched(dict.fromkeys(layers_within(model), note)):
        return ran, model(images, training=False)


def _ending(model, image):
    """Returns "probabilities" or "numbers" by the last layer, else None."""
    layer = deciding_layer(*call_watched(model, image))
    if layer is None:
        return None
    return "probabilities" if makes_probabilities(layer) else "numbers"


def _flat(outputs):
    """Returns outputs as a row of numbers; None for several, or in a graph."""
    if not (tf.is_tensor(outputs) and hasattr(outputs, "numpy")):
        return None
    return tf.cast(tf.reshape(outputs, [-1]), tf.float32).numpy()


def _loss_says(model):
    """Returns what the loss takes the outputs for; None if not known."""
    loss = getattr(model, "loss", None)
    if isinstance(getattr(loss, "from_logits", None), bool):
        return loss.from_logits
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    known = name.replace("_", "").lower() in LABELS_OF_LOSS
    return False if known else None
