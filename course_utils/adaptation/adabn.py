"""Give batch normalization the statistics of other pictures (AdaBN)."""

import contextlib
import functools
import math

import keras
import numpy as np

from course_utils.adaptation.target_pictures import (
    as_target_pictures,
    in_batches,
)
from course_utils.machine.errors import CourseError
from course_utils.machine.quick_runs import without_graphs
from course_utils.transfer.freezing import batch_norms


def adapt_batch_norm(model, target_images, batch_size=256):
    """Gives batch normalization the statistics of the target (AdaBN).

    The moving means and variances of all layers are replaced by those that
    the target pictures have there; no weight that training learned is
    changed, and no flag. In inference each layer then sees the target as
    standardised as it saw the source in training.

    It can help where training left the source's statistics in the model.
    Where batch normalization worked in inference mode in training, as in a
    frozen backbone and in fine-tuning as this course does it, all that
    follows has learned to live with other statistics, those of the
    pretraining, and to replace them may do great harm. It also takes for
    granted that source and target have the same mixture of classes: where
    they do not, it removes the very difference between the classes.
    Introduced in lesson 04b (``04b_another_hospital``).

    Args:
        model: A `keras.Model` with batch normalization somewhere in it. It is
            changed; a new `compile` is not needed.
        target_images: Array of pictures, or a `tf.data.Dataset` of batches of
            pictures or of `(images, labels)`; labels are not looked at.
        batch_size: Pictures per batch. If all are in one, the statistics are
            exactly those that the layers will see. Otherwise the deeper
            layers' are near them, since each batch is standardised by its own
            statistics on the way; the batches are drawn at random. Lower it
            where memory is short.

    Raises:
        CourseError: If the model has no batch normalization, if there are
            fewer than two pictures, or if they do not fit the model or are
            not finite. The model is then as it was.

    Reference:
        Li, Wang, Shi, Hou and Liu (2018), "Adaptive Batch Normalization for
        practical domain adaptation"; Li et al. (2016), "Revisiting Batch
        Normalization For Practical Domain Adaptation",
        https://arxiv.org/abs/1603.04779
    """
    images = as_target_pictures(model, target_images)
    layers = normalising(model, images)
    with batch_statistics(layers) as seen:
        for batch in in_batches(images, batch_size, np.random.default_rng(0)):
            model(batch, training=False)
    # A model may hold a layer that it does not use.
    used = [pair for pair in zip(layers, seen, strict=True) if pair[1]]
    statistics = [(layer, *_pooled(parts)) for layer, parts in used]
    for layer, mean, variance in statistics:
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            raise CourseError(
                f"The input of {layer.name!r} is not finite for these "
                "pictures, so it has no statistics: look at the model's "
                "weights."
            )
    for layer, mean, variance in statistics:
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)


@contextlib.contextmanager
def batch_statistics(layers):
    """Lets these layers normalise by each batch, and all else be.

    `model(images, training=True)` would wake dropout and augmentation, too,
    and leaves a batch normalization alone that is not trainable.

    Yields a list for each layer, which fills with what the layer sees.
    """
    seen = [[] for _ in layers]
    try:
        for layer, parts in zip(layers, seen, strict=True):
            layer.call = functools.partial(_by_batch, layer, parts)
        with without_graphs():
            yield seen
    finally:
        for layer in layers:
            vars(layer).pop("call", None)


def normalising(model, images):
    """Returns the batch normalizations of a model, built."""
    model(images[:1], training=False)
    layers = batch_norms(model)
    if not layers:
        raise CourseError(
            f"{model.name!r} has no batch normalization, so there is nothing "
            "to adapt (a vision transformer normalises each picture by "
            "itself): try another method."
        )
    return layers


def _by_batch(layer, parts, inputs, training=None, mask=None):
    """Stands in for the `call` of a batch normalization."""
    values = keras.ops.cast(inputs, "float32")
    axis = layer.axis % len(values.shape)
    axes = [n for n in range(len(values.shape)) if n != axis]
    mean, variance = keras.ops.moments(values, axes)
    parts.append((math.prod(values.shape[n] for n in axes), mean, variance))
    outputs = keras.ops.batch_normalization(
        values,
        mean,
        variance,
        axis,
        offset=layer.beta if layer.center else None,
        scale=layer.gamma if layer.scale else None,
        epsilon=layer.epsilon,
    )
    return keras.ops.cast(outputs, layer.compute_dtype)


def _pooled(parts):
    """Returns mean and variance of all values, from those of the batches."""
    counts = np.array([count for count, _, _ in parts], "float64")
    means = np.array([mean for _, mean, _ in parts], "float64")
    variances = np.array([variance for _, _, variance in parts], "float64")
    mean = np.average(means, axis=0, weights=counts)
    spread = variances + (means - mean) ** 2
    return mean, np.average(spread, axis=0, weights=counts)
