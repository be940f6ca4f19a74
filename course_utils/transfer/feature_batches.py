"""Read pictures batch by batch, and compute the features of a batch."""

import keras
import numpy as np

from course_utils.machine.errors import CourseError
from course_utils.transfer.fit_data import (
    fit_arguments,
    not_taken,
    read_once,
)

_NOT_TAKEN = "backbone does not take these data"


def read_batches(data, what, batch_size=32):
    """Yields the batches of data, in one pass; arrays are cut into them.

    Args:
        data: As in `fit_data.fit_arguments`.
        what: What these data are, such as `"training data"`.
        batch_size: Pictures a batch, for arrays.
    """
    arguments = fit_arguments(data)
    if "y" not in arguments:
        yield from read_once(data, what)
        return
    parts = tuple(arguments.values())
    for start in range(0, len(keras.tree.flatten(parts)[0]), batch_size):
        yield keras.tree.map_structure(
            lambda part, start=start: part[start : start + batch_size], parts
        )


def output_of(model, images):
    """Returns shape (without the batch) and dtype of a model's features.

    Raises:
        CourseError: If the model does not take such pictures.
    """
    try:
        given = keras.KerasTensor(
            (None, *images.shape[1:]),
            keras.backend.standardize_dtype(images.dtype),
        )
        output = model.compute_output_spec(given, training=False)
    except Exception as error:
        raise not_taken(model, _NOT_TAKEN, images, error) from error
    if not isinstance(output, keras.KerasTensor):
        raise CourseError(
            f"{model.name!r} gives several outputs, and features are one array "
            "a batch: make a model of one, keras.Model(base_model.input, "
            "base_model.output[0])."
        )
    return tuple(output.shape[1:]), np.dtype(output.dtype)


def features_of(model, images, first):
    """Returns the features of a batch.

    Args:
        model: A `keras.Model`.
        images: A batch of pictures.
        first: Whether these are the first: then a wrong scale is named, which
            a step that XLA compiles does not.

    Raises:
        CourseError: If the model does not take them.
    """
    try:
        if first:
            model(images[:8], training=False)
        return model.predict_on_batch(images)
    except Exception as error:
        raise not_taken(model, _NOT_TAKEN, images, error) from error
