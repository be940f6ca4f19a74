"""Pictures of a target without labels: what they must be, and in batches."""

import math

import numpy as np
import tensorflow as tf

from course_utils.machine import arguments, array_arguments
from course_utils.machine.endless_data import bounded
from course_utils.machine.errors import CourseError
from course_utils.transfer.fit_data import not_taken
from course_utils.transfer.freezing import check_is_layer

# As float32. What is read is kept in memory, so endless data would fill it.
MOST_BYTES = 2**31


def as_target_pictures(model, target_images):
    """Returns the pictures as one array, if the model can take them.

    Args:
        model: A `keras.Model` or layer; it is called on one picture.
        target_images: Array of pictures, or a `tf.data.Dataset` of batches of
            pictures or of `(images, labels)`.

    Returns:
        A float32 array of shape `(pictures, height, width, channels)`.

    Raises:
        CourseError: If they are something else, never end, need more than
            `MOST_BYTES`, are fewer than two, are not finite, or if the model
            does not take them.
    """
    check_is_layer(model)
    data = target_images
    if isinstance(data, tf.data.Dataset):
        data = _read(data, getattr(model, "input_shape", None))
    images = np.atleast_1d(
        array_arguments.real_array(
            "target pictures", data, "from_table(rows) gives", "float32"
        )
    )
    if len(images) < 2:
        raise CourseError(
            f"There are {len(images)} target pictures, and statistics need "
            "two at the least, better hundreds: look at what was selected."
        )
    expected = getattr(model, "input_shape", None)
    if isinstance(expected, tuple) and (
        len(expected) != images.ndim
        or any(
            size not in (None, given)
            for size, given in zip(expected, images.shape, strict=True)
        )
    ):
        raise CourseError(
            f"The target pictures have the shape {images.shape}, and the model "
            f"expects {expected}: give pictures of the size it was made for."
        )
    if not np.isfinite(images).all():
        raise CourseError(
            "Some target pictures have values that are not finite (NaN): find "
            "them and leave them out."
        )
    try:
        model(images[:1], training=False)
    except Exception as error:
        told = "model does not take the target pictures"
        raise not_taken(model, told, images, error) from error
    return images


def _read(data, expected):
    """Returns the pictures of a data set in one array, from one pass."""
    spec = data.element_spec
    spec = spec[0] if isinstance(spec, tuple) else spec
    rank = spec.shape.rank if isinstance(spec, tf.TensorSpec) else None
    if rank == 0 or (isinstance(expected, tuple) and rank == len(expected) - 1):
        raise CourseError(
            f"One element of these data has the shape {spec.shape}, and "
            "expected is a batch of them: add `.batch(32)` to the data set."
        )
    batches, size = [], 0
    for batch in bounded(data, "target pictures"):
        batch = batch[0] if isinstance(batch, tuple) else batch
        if not isinstance(batch, tf.Tensor):
            raise CourseError(
                f"One element of these data is of type {type(batch).__name__}, "
                "and expected is a batch of pictures: add "
                "`.map(function)` with one that returns them."
            )
        batches.append(np.asarray(batch))
        size += 4 * batches[-1].size
        if size > MOST_BYTES:
            raise CourseError(
                f"These target pictures need more than {MOST_BYTES:,} bytes, "
                "and some hundreds of pictures are enough: add "
                "`.take(number_of_batches)`."
            )
    if len({batch.shape[1:] for batch in batches}) > 1:
        raise CourseError(
            "The target pictures differ in size, and expected is one: add "
            "`.map(function)` with one that resizes them."
        )
    return np.concatenate(batches) if batches else np.empty(0)


def in_batches(images, batch_size, rng):
    """Cuts pictures, in random order, into batches of nearly equal size."""
    batch_size = arguments.whole_number("batch_size", batch_size, 64)
    count = math.ceil(len(images) / batch_size)
    return [
        images[rows]
        for rows in np.array_split(rng.permutation(len(images)), count)
    ]
