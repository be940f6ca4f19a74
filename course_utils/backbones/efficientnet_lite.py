"""EfficientNet-Lite0 with the weights that it learned on ImageNet."""

import functools

import keras
import numpy as np
from keras import layers

from course_utils.backbones.preprocessing import PictureScaling
from course_utils.backbones.torch_weights_file import read_state_dict
from course_utils.machine import (
    arguments,
    array_arguments,
    paths,
    real_files,
)
from course_utils.machine.errors import CourseError

# Of each group: blocks, kernel size, stride, expansion, filters.
GROUPS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_FILTERS, TOP_FILTERS, CLASSES = 32, 1280, 1000


def build_efficientnet_lite0(
    input_shape=(224, 224, 3), name="efficientnet_lite0", include_top=False
):
    """Builds EfficientNet-Lite0, with random weights.

    Layers are named as those of `keras.applications.EfficientNetB0`:
    `stem_conv`, `block1a_dwconv` to `block7a_project_bn`, `top_conv`. It has
    3.4 million parameters, with its 1000 classes 4.7. Introduced in lesson 00
    (``00_start_here``).

    Args:
        input_shape: Tuple `(height, width, 3)` in pixels.
        name: String, the name of the model.
        include_top: Whether the 1000 classes of ImageNet are on top.

    Returns:
        A functional `keras.Model`. Input: pictures of shape `(batch, height,
        width, 3)` with values from 0 to 255. Output: a feature map of shape
        `(batch, ceil(height / 32), ceil(width / 32), 1280)` from 0 to 6, or
        probabilities of shape `(batch, 1000)`.

    Reference:
        Tan and Le (2019), "EfficientNet: Rethinking Model Scaling for
        Convolutional Neural Networks", https://arxiv.org/abs/1905.11946; the
        lite variants: Liu (2020), "Higher accuracy on vision models with
        EfficientNet-Lite", TensorFlow's blog.
    """
    inputs = keras.Input(shape=input_shape, name="image")
    x = PictureScaling(1 / 128, -127 / 128, name="preprocessing")(inputs)
    x = _convolution(x, STEM_FILTERS, 3, "stem_", strides=2)
    for group, (blocks, kernel, stride, expansion, filters) in enumerate(
        GROUPS, start=1
    ):
        for block in range(blocks):
            x = _block(
                x,
                filters,
                kernel,
                stride if block == 0 else 1,
                expansion,
                f"block{group}{'abcd'[block]}_",
            )
    x = _convolution(x, TOP_FILTERS, 1, "top_")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(CLASSES, name="logits")(x)
        x = layers.Softmax(name="predictions")(x)
    return keras.Model(inputs, x, name=name)


def _convolution(x, filters, kernel_size, name, strides=1):
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}bn")(x)
    return layers.ReLU(6, name=f"{name}activation")(x)


def _block(inputs, filters, kernel_size, strides, expansion, name):
    """An inverted residual block."""
    x = inputs
    if expansion > 1:
        x = _convolution(x, expansion * x.shape[-1], 1, f"{name}expand_")
    x = layers.DepthwiseConv2D(
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}dwconv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}bn")(x)
    x = layers.ReLU(6, name=f"{name}activation")(x)
    x = layers.Conv2D(
        filters,
        1,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}project_conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}project_bn")(x)
    if strides == 1 and inputs.shape[-1] == filters:
        x = layers.Add(name=f"{name}add")([inputs, x])
    return x


def load_imagenet_weights(model):
    """Gives the network its weights from ImageNet.

    Args:
        model: What `build_efficientnet_lite0` has returned.

    Raises:
        CourseError: If the weights are not installed, changed or broken.
    """
    tensors = read_state_dict(real_files.verified_path("efficientnet_lite0"))
    for layer, prefix in _names(model).items():
        layer = model.get_layer(layer)
        if isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
        else:
            parts = (
                ("weight", "bias") if layer.name == "logits" else ("weight",)
            )
        layer.set_weights(
            [_as_keras(layer, tensors[f"{prefix}.{part}"]) for part in parts]
        )


def _as_keras(layer, tensor):
    """Orders the axes of a kernel as Keras does."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return tensor.transpose(2, 3, 0, 1)
    if isinstance(layer, layers.Conv2D):
        return tensor.transpose(2, 3, 1, 0)
    return tensor.T


def _names(model):
    """Returns the file's name for each layer with weights."""
    names = {"stem_conv": "_conv_stem", "stem_bn": "_bn0"}
    number = 0
    for group, (blocks, _, _, expansion, _) in enumerate(GROUPS, start=1):
        for letter in "abcd"[:blocks]:
            ours, theirs = f"block{group}{letter}_", f"_blocks.{number}."
            if expansion > 1:
                names[f"{ours}expand_conv"] = f"{theirs}_expand_conv"
                names[f"{ours}expand_bn"] = f"{theirs}_bn0"
            names[f"{ours}dwconv"] = f"{theirs}_depthwise_conv"
            names[f"{ours}bn"] = f"{theirs}_bn1"
            names[f"{ours}project_conv"] = f"{theirs}_project_conv"
            names[f"{ours}project_bn"] = f"{theirs}_bn2"
            number += 1
    names |= {"top_conv": "_conv_head", "top_bn": "_bn1"}
    if model.layers[-1].name == "predictions":
        names["logits"] = "_fc"
    return names


@functools.cache
def imagenet_classes():
    """Returns the names of ImageNet's 1000 classes, a tuple, in their order.

    Introduced in lesson 00 (``00_start_here``).
    """
    path = paths.data_dir() / "real" / "imagenet_classes.txt"
    return tuple(path.read_text("utf-8").splitlines())


def top_classes(probabilities, count=5):
    """Says in words what a network with ImageNet's classes sees.

    Introduced in lesson 00 (``00_start_here``).

    Args:
        probabilities: Array of shape `(1000,)` or `(pictures, 1000)`, such as
            from a backbone with `include_top=True`.
        count: How many classes to name.

    Returns:
        A line of text a picture, such as `"daisy 0.93, bee 0.02"`: a string
        for one picture, a list for several.

    Raises:
        CourseError: If there are not 1000 numbers a picture, or if `count` is
            no number of classes.
    """
    count = arguments.whole_number("count", count, 5, most=CLASSES)
    probabilities = array_arguments.real_array("probabilities", probabilities)
    if probabilities.ndim not in (1, 2) or probabilities.shape[-1] != CLASSES:
        raise CourseError(
            f"Expected {CLASSES} probabilities a picture, not an array of "
            f"shape {probabilities.shape}: take what a backbone with "
            "include_top=True returns."
        )
    if not ((probabilities >= 0) & (probabilities <= 1.01)).all():
        raise CourseError(
            "Some of these numbers are no probabilities, which lie from 0 to "
            "1: of logits take keras.ops.softmax(logits) first."
        )
    if probabilities.ndim == 2:
        return [top_classes(row, count) for row in probabilities]
    best = np.argsort(probabilities)[::-1][:count]
    names = imagenet_classes()
    return ", ".join(f"{names[i]} {probabilities[i]:.2f}" for i in best)
