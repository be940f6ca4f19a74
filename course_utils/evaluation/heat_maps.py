"""Show where in a picture a model found its answer: Grad-CAM.

A heat map is coarse: it has as many cells as the feature map that it is made
of, often 4 x 4. It shows what the model used, not whether that was right, and
a map that looks sensible proves nothing by itself: compare it with that of a
model with random weights (Adebayo et al. 2018, "Sanity Checks for Saliency
Maps", https://arxiv.org/abs/1810.03292), and score it against masks where
there are some.
"""

import reprlib

import matplotlib
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from course_utils.evaluation.heat_map_layers import (
    as_scores,
    check_nothing_goes_past,
    find_layers,
)
from course_utils.evaluation.heat_map_scores import check_pairs
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import check_is_layer
from course_utils.transfer.model_outputs import (
    watched,
)

# How much of the colour is seen where the heat is 1.
STRENGTH = 0.6


def grad_cam(model, images, class_index=None, layer=None, batch_size=32):
    """Computes where each picture speaks for a class, by Grad-CAM.

    The gradient of the score of the class, before softmax or sigmoid, is
    averaged over each channel of a feature map; the channels are summed with
    these averages as weights, and what is negative becomes 0. Under a head of
    global average pooling and one dense layer the weights are those of the
    dense layer, up to a factor (Zhou et al. 2016, "CAM").

    It works on functional, Sequential and subclassed models, with the backbone
    nested or not: the layers are watched while the model runs, for in a nested
    backbone they are not connected to the outer model's inputs
    (tensorflow#44462). For the course's vision transformer, the map shown is
    the one that its tokens are reassembled into at the end. There the heat
    tells which tokens have carried the answer into the average; through
    attention each token knows of the whole picture, so that the evidence may
    lie elsewhere.

    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        model: A `keras.Model` with one input and one output of shape
            `(batch, classes)`, probabilities or scores. It works in inference
            mode and is not changed. (Probabilities that its own `call` makes,
            and no layer, are taken as they are: where such a model has one
            output, give `class_index`.)
        images: Array `(pictures, height, width, channels)`, in the scale that
            the model takes.
        class_index: Which class to look for: an integer, or one for each
            picture. Defaults to the class that the model gives to each. Of
            a model with one output, class 1 is what it stands for, and 0 is
            the opposite.
        layer: Name of the layer whose output is taken. Defaults to the last
            feature map. An earlier one has more cells, and means less.
        batch_size: Pictures that are worked on at a time.

    Returns:
        A float32 array of shape `(pictures, height, width)`, resized
        bilinearly to the size of the pictures, each divided by its maximum:
        from 0 to 1, or 0 all over where nothing spoke for the class.

    Raises:
        CourseError: If the images or the class do not fit the model, if there
            is no such layer, if the model has no feature map, or if tokens
            attend to each other after the last one. Without `layer`, also if
            something goes past it, as where two maps are added by `+`.

    Reference:
        Selvaraju et al. (2017), "Grad-CAM: Visual Explanations from Deep
        Networks via Gradient-based Localization",
        https://arxiv.org/abs/1610.02391
    """
    check_is_layer(model)
    images = array_arguments.real_array(
        "pictures", images, "load_dataset(name) gives", "float32"
    )
    if images.ndim != 4 or not len(images):
        raise CourseError(
            "Expected pictures of shape (pictures, height, width, channels), "
            f"not {images.shape}: pass a batch, for example images[:1] for "
            "one."
        )
    batch_size = arguments.whole_number("batch_size", batch_size, 32)
    feature_layer, last, outputs = find_layers(model, images[:1], layer)
    if layer is None:
        check_nothing_goes_past(model, images[:1], feature_layer, last)
    classes = _check_classes(class_index, outputs, len(images))
    heat_maps = np.empty(images.shape[:3], "float32")
    starts = range(0, len(images), batch_size)
    for start in tqdm(starts, "Grad-CAM", unit="batch", delay=2):
        part = slice(start, start + batch_size)
        heat_maps[part] = _heat(
            model,
            images[part],
            None if classes is None else classes[part],
            feature_layer,
            last,
        )
    return heat_maps


def overlay(images, heat_maps):
    """Lays heat maps over pictures.

    Where there is no heat the picture stays as it is; the colours are those
    of matplotlib's "inferno", which gets lighter with the heat for all eyes.
    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        images: Array `(pictures, height, width, 1 or 3)` with values from 0
            to 255.
        heat_maps: Array `(pictures, height, width)` with values from 0 to 1.

    Returns:
        A uint8 array of shape `(pictures, height, width, 3)`.

    Raises:
        CourseError: If the two do not fit each other, or have another scale.
    """
    images = array_arguments.real_array(
        "pictures", images, "load_dataset(name) gives"
    )
    heat_maps = array_arguments.real_array(
        "heat maps", heat_maps, "grad_cam gives"
    )
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise CourseError(
            "Expected pictures of shape (pictures, height, width, 1 or 3), not "
            f"{images.shape}: pass a batch, for example images[:1] for one."
        )
    check_pairs(heat_maps, images[..., 0], "pictures", most=1)
    if images.size:
        array_arguments.check_scale(images)
    colours = 255 * matplotlib.colormaps["inferno"](heat_maps)[..., :3]
    share = STRENGTH * heat_maps[..., np.newaxis]
    mixed = (1 - share) * np.clip(images, 0, 255) + share * colours
    return np.rint(mixed).astype("uint8")


def _heat(model, images, classes, feature_layer, last):
    """Returns the heat maps of a batch."""
    seen = []
    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def watch(layer, outputs):
            tape.watch(outputs)
            seen.append(outputs)
            return outputs

        with watched({feature_layer: watch}), as_scores(last):
            scores = model(images, training=False)
        if scores.shape[1] == 1:
            scores = tf.concat([-scores, scores], axis=1)
        if classes is None:
            classes = tf.argmax(scores, axis=1)
        chosen = tf.gather(scores, classes, batch_dims=1)
    feature_map = seen[-1]
    gradients = tape.gradient(chosen, feature_map)
    if gradients is None:
        raise CourseError(
            f"What the model says does not depend on {feature_layer.name!r}: "
            "name another layer."
        )
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * feature_map, axis=-1))
    heat = tf.image.resize(
        tf.cast(heat, tf.float32)[..., tf.newaxis], images.shape[1:3]
    )[..., 0]
    highest = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
    if not np.isfinite(highest).all():
        raise CourseError(
            "Some heat is not finite (NaN): look at the pictures and at the "
            "model's weights."
        )
    return tf.math.divide_no_nan(heat, highest).numpy()


def _check_classes(class_index, outputs, count):
    """Returns an index for each picture, or None for those of the model."""
    if class_index is None:
        return None
    classes = array_arguments.any_array("class indices", class_index)
    known = max(outputs.shape[1], 2)
    if (
        classes.dtype.kind not in "iu"
        or classes.shape not in ((), (count,))
        or not ((classes >= 0) & (classes < known)).all()
    ):
        raise CourseError(
            f"The class index {reprlib.repr(class_index)} fits no class: give "
            f"a whole number from 0 to {known - 1}, or one for each of {count} "
            "pictures."
        )
    return np.broadcast_to(classes.astype("int64"), count)
