"""Compute the features of a frozen backbone once."""

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine.errors import CourseError
from course_utils.transfer.training_data import fit_arguments


def extract_features(base_model, data, budget_bytes=2**30, batch_size=32):
    """Computes the features of all pictures, once.

    A frozen backbone gives the same features in each epoch, so a head can be
    trained on an array of them in a fraction of the time, and becomes the
    same head as through the backbone. Not so with augmentation, which would
    be frozen in the array. Introduced in lesson 02
    (``02_feature_extraction``), which does it by hand.

    Args:
        base_model: A `keras.Model` without a head. It works in inference
            mode and is not changed.
        data: A `tf.data.Dataset` of batches `(images, labels)`, or a tuple
            of two arrays.
        budget_bytes: Most bytes that the features may take. Defaults to
            1 GiB.
        batch_size: Pictures a batch, for arrays only.

    Returns:
        Two arrays, in the order of the data: features of shape `(pictures,)
        + base_model.output_shape[1:]`, and labels (a dict of arrays, where
        the data have that).

    Raises:
        CourseError: If the features would not fit into the budget (nothing
            was computed then), or if the data have no labels or no pictures.
    """
    arguments = fit_arguments(data)
    if "y" in arguments:
        data = tf.data.Dataset.from_tensor_slices(tuple(arguments.values()))
        data = data.batch(batch_size)
    if not isinstance(base_model, keras.Model):
        raise CourseError(
            f"Expected a Keras model, not {type(base_model).__name__}: pass "
            "the backbone, for example the one from load_backbone."
        )
    count, shape, dtype = _measure(base_model, data)
    needed = count * int(np.prod(shape)) * dtype.itemsize
    if needed > budget_bytes:
        raise CourseError(
            f"The features of {count:,} pictures, {shape} each, need "
            f"{needed:,} bytes, and the budget is {budget_bytes:,}: take fewer "
            "pictures, put keras.layers.GlobalAveragePooling2D on the "
            "backbone first, or raise budget_bytes."
        )
    features, labels, filled = np.empty((count, *shape), dtype), [], 0
    for images, batch_labels, *_ in data:
        if not filled:  # A step that XLA compiles names no wrong scale.
            base_model(images[:8], training=False)
        end = filled + len(images)
        features[filled:end] = base_model.predict_on_batch(images)
        labels.append(keras.tree.map_structure(np.asarray, batch_labels))
        filled = end
    return features, keras.tree.map_structure(
        lambda *parts: np.concatenate(parts), *labels
    )


def _measure(base_model, data):
    """Counts the pictures, in one pass, and asks what features will be like.

    Returns number, shape (without the batch) and dtype.
    """
    count = 0
    for images, *_ in data:
        count += len(images)
    if not count:
        raise CourseError(
            "There are no pictures in these data, so there are no features: "
            "look at how they were split."
        )
    given = keras.KerasTensor((None, *images.shape[1:]), images.dtype.name)
    output = base_model.compute_output_spec(given, training=False)
    return count, tuple(output.shape[1:]), np.dtype(output.dtype)
