"""Find the layer whose feature map Grad-CAM looks at, and check that it may."""

import contextlib
import difflib

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine.errors import CourseError, reason
from course_utils.transfer.model_outputs import (
    call_watched,
    deciding_layer,
    makes_probabilities,
    watched,
)

_ATTENTION = (
    keras.layers.Attention,
    keras.layers.GroupQueryAttention,
    keras.layers.MultiHeadAttention,
)


def find_layers(model, image, name):
    """Returns the layer with the feature map, the last, and the outputs.

    The model runs on one picture, and each layer is asked what it gave.
    """
    try:
        ran, outputs = call_watched(model, image)
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(
            f"The model does not take pictures of shape {image.shape} with "
            f"values from {image.min():g} to {image.max():g} "
            f"({reason(error)}): give them as for model.predict."
        ) from error
    if len(getattr(outputs, "shape", ())) != 2:
        raise CourseError(
            "Expected a model with a head, that gives one number per class: "
            f"this one gives {getattr(outputs, 'shape', 'several outputs')}."
        )
    shapes = [getattr(given, "shape", ()) for _, given in ran]
    maps = [
        (number, ran[number][0])
        for number, shape in enumerate(shapes)
        if len(shape) == 4 and shape[1] * shape[2] > 1
    ]
    last = deciding_layer(ran, outputs)
    if name is not None:
        return _named(name, maps), last, outputs
    # What comes before the first weights is the picture itself.
    learned = [number for number, (layer, _) in enumerate(ran) if layer.weights]
    maps = [pair for pair in maps if learned and pair[0] >= learned[0]]
    if not maps:
        raise CourseError(
            "This model has no feature map, (batch, rows, columns, channels) "
            "with more than one cell, so there are no places to show: put the "
            "head on a backbone without pooling."
        )
    number, feature_layer = maps[-1]
    if any(isinstance(layer, _ATTENTION) for layer, _ in ran[number:]):
        raise CourseError(
            "After its last feature map, of the layer "
            f"{feature_layer.name!r}, this model works on tokens that attend "
            "to each other: reshape them to a map (batch, rows, columns, "
            "channels) before the head, as the course's vision_transformer "
            "does, or name that layer if you want the map before."
        )
    return feature_layer, last, outputs


def check_nothing_goes_past(model, image, layer, last):
    """Refuses a map beside which something else of the picture decides."""
    image = tf.convert_to_tensor(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        cut = {layer: lambda _, outputs: tf.stop_gradient(outputs)}
        with watched(cut), as_scores(last):
            scores = model(image, training=False)
    past = tape.gradient(scores, image)
    if past is not None and np.any(np.nan_to_num(past)):
        raise CourseError(
            f"Part of what decides goes past {layer.name!r}, the last layer "
            "with a feature map, as where a model adds two maps by `+`: let "
            "keras.layers.Add do that, or name the layer that you mean."
        )


@contextlib.contextmanager
def as_scores(last):
    """Within it, the last layer makes no probabilities of its scores.

    None stands for a model of which no layer decides that.
    """
    if not makes_probabilities(last):
        yield
        return
    name, given = "activation", keras.activations.linear
    if isinstance(last, keras.layers.Softmax):
        name, given = "call", lambda scores, *args, **kwargs: scores
    before = dict(vars(last))
    try:
        vars(last)[name] = given
        yield
    finally:
        if name in before:
            vars(last)[name] = before[name]
        else:
            vars(last).pop(name)


def _named(name, maps):
    found = [layer for _, layer in maps if layer.name == str(name)]
    if found:
        return found[-1]
    names = [layer.name for _, layer in maps]
    nearest = difflib.get_close_matches(str(name), names, n=1) or names[-1:]
    raise CourseError(
        f"There is no layer {name!r} with a feature map"
        + (f": did you mean {nearest[0]!r}?" if nearest else " in this model.")
    )
