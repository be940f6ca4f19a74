"""Compute the features of a frozen backbone once."""

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine.errors import CourseError
from course_utils.transfer import feature_cache
from course_utils.transfer.fit_data import (
    bounded,
    fit_arguments,
    read_once,
    reason,
    shapes,
)


def extract_features(
    base_model, data, budget_bytes=2**30, batch_size=32, cache=False
):
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
        cache: Whether to keep the features on disk, and to take them from
            there where the same backbone with the same weights has computed
            them for the same pictures in the same order. `course where`
            prints the folder; at most 2 GiB are kept. Layers of your own,
            and data that come in another order each time, are computed
            anew.

    Returns:
        Two arrays, in the order of the data: features of shape `(pictures,)
        + base_model.output_shape[1:]`, and labels (a dict of arrays, where
        the data have that).

    Raises:
        CourseError: If the features would not fit into the budget (nothing
            was computed then), if the data have no labels or no pictures, if
            the backbone does not take them, or if two passes over them do
            not give as many pictures.
    """
    arguments = fit_arguments(data)
    if "y" in arguments:
        try:
            data = tf.data.Dataset.from_tensor_slices(tuple(arguments.values()))
        except (TypeError, ValueError) as error:
            raise CourseError(
                f"These arrays cannot be cut into batches ({reason(error)}): "
                "give pictures and labels as arrays of numbers."
            ) from error
        data = data.batch(batch_size)
    if not isinstance(base_model, keras.Model):
        raise CourseError(
            f"Expected a Keras model, not {type(base_model).__name__}: pass "
            "the backbone, for example the one from load_backbone."
        )
    first_pass = _FirstPass() if cache else None
    count, shape, dtype = _measure(base_model, data, first_pass)
    needed = count * int(np.prod(shape)) * dtype.itemsize
    if needed > budget_bytes:
        raise CourseError(
            f"The features of {count:,} pictures, {shape} each, need "
            f"{needed:,} bytes, and the budget is {budget_bytes:,}: take fewer "
            "pictures, put keras.layers.GlobalAveragePooling2D on the "
            "backbone first, or raise budget_bytes."
        )
    if cache:
        name = feature_cache.key(base_model, first_pass.pictures)
        kept = name and feature_cache.load(name, (count, *shape), dtype)
        if kept is not None:
            return kept, _together(first_pass.labels)
    features, labels, filled = np.empty((count, *shape), dtype), [], 0
    pictures = feature_cache.PictureSum()
    for images, batch_labels, *_ in bounded(data, "data"):
        end = filled + len(images)
        if end <= count:
            try:
                if not filled:  # A step that XLA compiles names no wrong scale.
                    base_model(images[:8], training=False)
                found = base_model.predict_on_batch(images)
            except Exception as error:
                raise _not_taken(base_model, images, error) from error
            features[filled:end] = found
            if cache:
                pictures.add(np.asarray(images))
            labels.append(keras.tree.map_structure(np.asarray, batch_labels))
        filled = end
        if filled > count:
            break
    if filled != count:
        told = f"{filled:,}" if filled < count else f"more than {count:,}"
        raise CourseError(
            f"The data gave {count:,} pictures when they were counted and "
            f"{told} when they were read, and features need the same ones "
            "each time: add `.cache()` after the step that draws at random, "
            "or make them from a function that starts anew each time."
        )
    if cache and name and pictures.text() == first_pass.pictures.text():
        feature_cache.save(name, features)
    return features, _together(labels)


class _FirstPass:
    """What the pass that counts the pictures has seen."""

    def __init__(self):
        self.pictures, self.labels = feature_cache.PictureSum(), []

    def add(self, images, labels):
        self.pictures.add(np.asarray(images))
        self.labels.append(keras.tree.map_structure(np.asarray, labels))


def _together(labels):
    return keras.tree.map_structure(
        lambda *parts: np.concatenate(parts), *labels
    )


def _measure(base_model, data, first_pass):
    """Counts the pictures, in one pass, and asks what features will be like.

    Returns number, shape (without the batch) and dtype.
    """
    count = 0
    for images, labels, *_ in read_once(data, "data"):
        count += len(images)
        if first_pass is not None:
            first_pass.add(images, labels)
    if not count:
        raise CourseError(
            "There are no pictures in these data, so there are no features: "
            "look at how they were split."
        )
    try:
        given = keras.KerasTensor((None, *images.shape[1:]), images.dtype.name)
        output = base_model.compute_output_spec(given, training=False)
    except Exception as error:
        raise _not_taken(base_model, images, error) from error
    return count, tuple(output.shape[1:]), np.dtype(output.dtype)


def _not_taken(base_model, images, error):
    if isinstance(error, CourseError):
        return error
    return CourseError(
        f"The backbone does not take these data, whose batches have the shape "
        f"{shapes(images)}, and expected is "
        f"{getattr(base_model, 'input_shape', 'what it was made for')} "
        f"({reason(error)}): call .batch(32) once, and give pictures the size "
        "that the backbone was made for."
    )
