"""The data that the training helpers take, and how they are read."""

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine.endless_data import bounded, check_ends
from course_utils.machine.errors import CourseError, reason


def fit_arguments(data):
    """Turns data into the arguments of `keras.Model.fit`.

    Args:
        data: A `tf.data.Dataset` of batches `(images, labels)`, or a tuple
            of two arrays; in both, sample weights may come third.

    Raises:
        CourseError: If it is neither, never ends, or is not in batches, or
            if there are not as many labels as pictures.
    """
    if isinstance(data, tf.data.Dataset):
        check_ends(data)
        spec = data.element_spec
        if isinstance(spec, tuple) and len(spec) in (2, 3):
            ranks = [
                part.shape.rank
                for part in keras.tree.flatten(spec)
                if isinstance(part, tf.TensorSpec)
            ]
            if 0 in ranks:
                raise _not_in_batches()
            for part in keras.tree.flatten(spec[1]):
                if not isinstance(part, tf.TensorSpec):
                    raise CourseError(
                        f"The labels are described by {part!r}, and expected "
                        "is a plain tensor: make them one, as "
                        "labels.to_tensor() or tf.sparse.to_dense(labels) do."
                    )
            return {"x": data}
    elif isinstance(data, tuple) and len(data) in (2, 3):
        names = ("x", "y", "sample_weight")
        arguments = dict(zip(names, data, strict=False))
        if arguments.get("sample_weight", ...) is None:
            del arguments["sample_weight"]
        _check_arrays(arguments)
        return arguments
    raise CourseError(
        "Expected data with labels, as a tf.data.Dataset of batches (images, "
        f"labels) or a tuple of two arrays, not {type(data).__name__}: pass "
        "for example load_dataset(name).train."
    )


def read_once(data, what):
    """Yields the batches of a data set, in one pass.

    Args:
        data: As in `fit_arguments`; arrays are one batch.
        what: What these data are, such as `"training data"`.

    Yields:
        Tuples `(images, labels)` or `(images, labels, weights)`.

    Raises:
        CourseError: As `fit_arguments`; or if a batch has not as many labels
            as pictures, or if the data do not end.
    """
    arguments = fit_arguments(data)
    if "y" in arguments:
        yield tuple(arguments.values())
        return
    for batch in bounded(data, what):
        _check_lengths(batch)
        yield batch


def first_rows(batch, count):
    """Returns the first pictures of a batch, with labels and weights.

    Arrays get the precision that `fit` would give them.
    """
    return keras.tree.map_structure(
        lambda part: (
            part[:count]
            if tf.is_tensor(part)
            else _as_in_fit(np.asarray(part[:count]))
        ),
        tuple(batch),
    )


def shapes(part):
    """Returns the shape of an array, or those in a structure of arrays."""
    found = [tuple(np.shape(leaf)) for leaf in keras.tree.flatten(part)]
    return found[0] if len(found) == 1 else found


def not_taken(model, what, images, error):
    """Returns the error for pictures that a model does not take.

    Args:
        model: The model.
        what: What it is, and of which data, such as `"model does not take the
            training data"`.
        images: A batch of these data.
        error: What the model raised.
    """
    if isinstance(error, CourseError):
        return error
    return CourseError(
        f"The {what}, whose batches have the shape {shapes(images)}, and "
        f"expected is {getattr(model, 'input_shape', 'what it was made for')} "
        f"({reason(error)}): call .batch(32) once, and give pictures the size "
        "that it was made for."
    )


def _as_in_fit(array):
    if array.dtype.kind == "f":
        return array.astype(keras.config.floatx())
    return array


def _check_arrays(arguments):
    names = {"x": "pictures", "y": "labels", "sample_weight": "weights"}
    counts = {
        np.shape(leaf)[0]
        for leaf in keras.tree.flatten(list(arguments.values()))
        if np.ndim(leaf)
    }
    for name, part in arguments.items():
        leaves = keras.tree.flatten(part) or [None]
        rows = isinstance(part, list | tuple) and len(part) in counts
        if rows or not all(np.ndim(x) and hasattr(x, "shape") for x in leaves):
            raise CourseError(
                f"The {names[name]} are of type {type(part).__name__}, and "
                f"expected is one array: pass np.array({names[name]})."
            )
    if getattr(arguments["x"], "dtype", None) in (object, str, bytes):
        raise CourseError(
            "The pictures are an array of objects or text, as it comes about "
            "where pictures differ in size, and expected are numbers: bring "
            "them to one size, and pass np.stack(pictures)."
        )
    _check_lengths(tuple(arguments.values()))


def _check_lengths(batch):
    """Refuses pictures without label, labels without picture."""
    ranks = [np.ndim(leaf) for leaf in keras.tree.flatten(batch)]
    if 0 in ranks:
        raise _not_in_batches()
    first, *others = (
        [len(leaf) for leaf in keras.tree.flatten(part)] for part in batch
    )
    for name, counts in zip(("labels", "sample weights"), others, strict=False):
        for count in counts:
            if count != first[0]:
                raise CourseError(
                    f"There are {first[0]} pictures and {count} {name}, and "
                    "each picture needs one: look at how the two were put "
                    "together; single pictures need `.batch(32)`."
                )


def check_ranks(data):
    """Refuses data of which nobody knows how many dimensions they have.

    Keras cannot trace a step for them.
    """
    if isinstance(data, tf.data.Dataset):
        parts = keras.tree.flatten(data.element_spec)
        if None in [
            getattr(part, "shape", tf.TensorShape([])).rank for part in parts
        ]:
            raise CourseError(
                "Nothing says how many dimensions these data have, as after "
                "tf.py_function: add `.map(lambda x, y: (tf.ensure_shape(x, "
                "(None, 64, 64, 3)), tf.ensure_shape(y, (None,))))`, with the "
                "size of your pictures."
            )


def _not_in_batches():
    return CourseError(
        "These data are single pictures, and expected are batches of them: "
        "add `.batch(32)` to the data set."
    )
