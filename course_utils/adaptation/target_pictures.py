"""Pictures of a target without labels: what they must be, and in batches."""

import math

import numpy as np
import tensorflow as tf

from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import check_is_layer


def as_target_pictures(model, target_images):
    """Returns the pictures as one array, if the model can take them."""
    check_is_layer(model)
    data = target_images
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise CourseError(
                "These pictures never end: leave out `.repeat()`, or add "
                "`.take(number_of_batches)`."
            )
        batches = [x[0] if isinstance(x, tuple) else x for x in data]
        data = np.concatenate(batches) if batches else np.empty(0)
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
    return images


def in_batches(images, batch_size, rng):
    """Cuts pictures, in random order, into batches of nearly equal size."""
    batch_size = arguments.whole_number("batch_size", batch_size, 64)
    count = math.ceil(len(images) / batch_size)
    return [
        images[rows]
        for rows in np.array_split(rng.permutation(len(images)), count)
    ]
