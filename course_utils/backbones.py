"""Backbones: pretrained networks that turn pictures into feature maps.

A backbone takes pictures with values from 0 to 255 and does its own
preprocessing in its first layer, so that it cannot be fed with wrongly scaled
pictures by accident. What it gives back is a feature map, as with
``keras.applications`` models under ``include_top=False``; a head comes on
top. Lesson 00 (``00_start_here``) introduces both.
"""

import difflib

import keras
from keras import layers

from course_utils import embedded
from course_utils.errors import CourseError

# The default of 0.99 is made for long trainings: in a short one the moving
# averages stay behind the batches, and inference then works with statistics
# of a network that no longer exists.
BATCH_NORM_MOMENTUM = 0.9

# Filters and residual blocks of each stage. Each stage after the first
# halves width and height.
RESIDUAL_STAGES = ((24, 1), (48, 2), (96, 1), (144, 1))


def build_residual(input_shape=(64, 64, 3)):
    """Builds the course's residual network, with random weights.

    A small relative of ResNet: a convolution with stride 2, then four stages
    of residual blocks of two 3x3 convolutions each, with batch
    normalization. It has about 540,000 parameters. Introduced in lesson 00
    (``00_start_here``).

    Args:
        input_shape: Tuple `(height, width, 3)` in pixels; height and width
            should be multiples of 16. Defaults to `(64, 64, 3)`.

    Returns:
        A functional `keras.Model` named `"residual"`. Input: pictures of
        shape `(batch, height, width, 3)` with values from 0 to 255 (uint8 or
        float). Output: a feature map of shape
        `(batch, height / 16, width / 16, 144)`, not negative.

    Reference:
        He, Zhang, Ren and Sun (2016), "Deep Residual Learning for Image
        Recognition", https://arxiv.org/abs/1512.03385
    """
    inputs = keras.Input(shape=input_shape, name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="preprocessing")(inputs)
    x = _convolution(x, RESIDUAL_STAGES[0][0], 3, "stem_conv", strides=2)
    x = layers.ReLU(name="stem_relu")(x)
    for stage, (filters, blocks) in enumerate(RESIDUAL_STAGES, start=1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            name = f"stage{stage}_block{block}"
            x = _residual_block(x, filters, strides, name)
    return keras.Model(inputs, x, name="residual")


def _convolution(x, filters, kernel_size, name, strides=1):
    """Convolution without bias, then batch normalization."""
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,  # Batch normalization has one.
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, name=name.replace("conv", "bn")
    )(x)


def _residual_block(x, filters, strides, name):
    """Two 3x3 convolutions whose result is added to their input."""
    shortcut = x
    if strides != 1 or x.shape[-1] != filters:
        shortcut = _convolution(x, filters, 1, f"{name}_conv0", strides)
    x = _convolution(x, filters, 3, f"{name}_conv1", strides)
    x = layers.ReLU(name=f"{name}_relu1")(x)
    x = _convolution(x, filters, 3, f"{name}_conv2")
    x = layers.Add(name=f"{name}_add")([shortcut, x])
    return layers.ReLU(name=f"{name}_relu2")(x)


_BUILDERS = {"residual": build_residual}


def load_backbone(name, weights="embedded"):
    """Loads a backbone by name.

    Introduced in lesson 00 (``00_start_here``).

    Args:
        name: String, the backbone's name. There is one: `"residual"`, see
            `build_residual`.
        weights: `"embedded"` (the default) for the weights that come with the
            course, pretrained on generated pictures; `None` for random
            weights.

    Returns:
        A `keras.Model` from pictures `(batch, 64, 64, 3)` with values from 0
        to 255 to a feature map `(batch, 4, 4, channels)`. All of its layers
        are trainable; freeze it with `base_model.trainable = False`.

    Raises:
        CourseError: If `name` or `weights` is unknown, or if the weights'
            file is missing or damaged.
    """
    if name not in _BUILDERS:
        raise CourseError(_unknown("backbone", name, list(_BUILDERS)))
    if weights is not None and weights != "embedded":
        raise CourseError(_unknown("weights", weights, ["embedded", None]))
    base_model = _BUILDERS[name]()
    if weights == "embedded":
        base_model.load_weights(embedded.verified_file("backbones", name))
    return base_model


def _unknown(what, given, expected):
    """One sentence: what was given, what is expected, the nearest match."""
    choices = " or ".join(repr(choice) for choice in expected)
    names = [choice for choice in expected if isinstance(choice, str)]
    nearest = difflib.get_close_matches(str(given).lower(), names, n=1)
    ending = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return f"Unknown {what} {given!r}: expected {choices}{ending}"
