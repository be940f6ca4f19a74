"""Compute the features of a frozen backbone once."""

import keras
import numpy as np

from course_utils.machine.arguments import choice, number, whole_number
from course_utils.machine.errors import CourseError
from course_utils.transfer.feature_rows import (
    NoPicturesError,
    PicturesDifferError,
    feature_rows,
    features_of,
    output_of,
    read_batches,
)
from course_utils.transfer.freezing import check_is_layer


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
            them for the same pictures, in whatever set. `course where`
            prints the folder; at most 2 GiB are kept. Layers of your own are
            computed anew.

    Returns:
        Two arrays, in the order of the data: features of shape `(pictures,)
        + base_model.output_shape[1:]`, and labels (a dict of arrays, where
        the data have that).

    Raises:
        CourseError: If the features would not fit into the budget (nothing
            was computed then), if the data have no labels or no pictures, if
            the backbone does not take them, or if two passes over them do
            not give as many pictures, and with `cache` the same ones.
    """
    check_is_layer(base_model, keras.Model)
    batch_size = whole_number("batch_size", batch_size, 32)
    budget = number("budget_bytes", budget_bytes, 2**30, least=0)
    cache = choice("cache", cache, (True, False))

    def check(shape, dtype):
        needed = int(np.prod(shape)) * dtype.itemsize
        if needed > budget:
            raise CourseError(
                f"The features of {shape[0]:,} pictures, {shape[1:]} each, "
                f"need {needed:,} bytes, and the budget is {budget:,.0f}: "
                "take fewer pictures, put keras.layers.GlobalAveragePooling2D "
                "on the backbone first, or raise budget_bytes."
            )

    if cache:
        try:
            found = feature_rows(
                base_model, data, "", batch_size=batch_size, check=check
            )
        except NoPicturesError as error:
            raise _no_pictures() from error
        except PicturesDifferError as error:
            raise CourseError(
                f"Features cannot be kept where {error}: compute those of the "
                "pictures as they are, or leave out cache=True."
            ) from error
        return found.features[found.rows], found.labels
    count = 0
    for images, *_ in read_batches(data, "data", batch_size):
        count += len(images)
    if not count:
        raise _no_pictures()
    shape, dtype = output_of(base_model, images)
    check((count, *shape), dtype)
    features, labels, filled = np.empty((count, *shape), dtype), [], 0
    for images, batch_labels, *_ in read_batches(data, "data", batch_size):
        end = filled + len(images)
        if end <= count:
            features[filled:end] = features_of(base_model, images, not filled)
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
    labels = keras.tree.map_structure(lambda *x: np.concatenate(x), *labels)
    return features, labels


def _no_pictures():
    return CourseError(
        "There are no pictures in these data, so there are no features: look "
        "at how they were split."
    )
