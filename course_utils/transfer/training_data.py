"""The data that the training helpers take, and whether it fits the model."""

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine.errors import CourseError


def fit_arguments(data):
    """Turns data into the arguments of `keras.Model.fit`.

    Args:
        data: A `tf.data.Dataset` of batches `(images, labels)`, or a tuple
            of two arrays; in both, sample weights may come third.

    Raises:
        CourseError: If it is neither, or never ends.
    """
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise CourseError(
                "These data never end, so neither would an epoch: leave out "
                "`.repeat()`, or add `.take(number_of_batches)`."
            )
        if isinstance(data.element_spec, tuple) and len(data.element_spec) > 1:
            return {"x": data}
    elif isinstance(data, tuple) and len(data) in (2, 3):
        return dict(zip(("x", "y", "sample_weight"), data, strict=False))
    raise CourseError(
        "Expected data with labels, as a tf.data.Dataset of batches (images, "
        f"labels) or a tuple of two arrays, not {type(data).__name__}: pass "
        "for example load_dataset(name).train."
    )


def check_labels(model, data, training=True):
    """Refuses labels that do not fit the model's head and loss.

    Reads all labels once, and so the data; a `tf.data.Dataset` that shuffles
    goes on to its next order, as with any other pass. Looked at are the
    sparse, the categorical and the binary crossentropy of Keras.

    Args:
        model: A compiled `keras.Model`. It is called on the first pictures,
            which builds it if need be and names a wrong scale, as a step
            that XLA compiles cannot.
        data: As in `fit_arguments`.
        training: Whether it is trained on: then it needs two classes.

    Raises:
        CourseError: If the data are empty, the labels are of another kind
            than the loss expects, one is out of range, or all are the same.
    """
    what = "training" if training else "validation"
    image, labels = _first_image_and_labels(data, what)
    outputs = model(image, training=False)
    kind = _kind(model.loss)
    if (
        kind is None
        or labels is None
        or len(getattr(outputs, "shape", ())) != 2
    ):
        return
    count = outputs.shape[-1]
    one_hot = labels.ndim > 1 and labels.shape[-1] > 1
    if kind == "sparse":
        if one_hot:
            raise CourseError(
                f"The {what} labels have {labels.shape[-1]} numbers a picture, "
                "and the sparse loss expects one, the index of the class: "
                "take labels.argmax(axis=-1), or the loss "
                f"CategoricalCrossentropy with {_from_logits(model.loss)}."
            )
        wrong = labels[(labels < 0) | (labels >= count)]
        if wrong.size:
            raise CourseError(
                f"A {what} label is {wrong.flat[0]:g}, and a head with "
                f"{count} outputs knows labels from 0 to {count - 1}: give "
                "the head one output a class, and count classes from 0."
            )
    elif kind == "categorical":
        if not one_hot or labels.shape[-1] != count:
            shape = "one number" if not one_hot else f"{labels.shape[-1]}"
            raise CourseError(
                f"The {what} labels have {shape} a picture, and the loss "
                f"expects one for each of {count} outputs: give the head one "
                "output a class, and take one-hot labels with this loss, or "
                "the index of the class with SparseCategoricalCrossentropy "
                f"and {_from_logits(model.loss)}."
            )
        labels = labels.argmax(axis=-1)
    else:
        width = labels.shape[-1] if one_hot else 1
        if width != count or labels.min() < 0 or labels.max() > 1:
            raise CourseError(
                f"The {what} labels have {width} number(s) a picture, from "
                f"{labels.min():g} to {labels.max():g}, and the binary loss "
                f"expects 0 or 1 for each of {count} output(s): give the head "
                "one output a class, and take the index of the class with "
                "the loss keras.losses.SparseCategoricalCrossentropy."
            )
    if training and (labels == labels.flat[0]).all():
        raise CourseError(
            f"All {len(labels)} training labels are the same, "
            f"{labels.flat[0]!s}, so there is nothing to tell apart: look at "
            "how the data were split, and add pictures of another class."
        )


def _first_image_and_labels(data, what):
    """Returns up to eight images, and all labels in one array."""
    if "y" in (arguments := fit_arguments(data)):
        batches = [(arguments["x"], arguments["y"])]
    else:
        batches = data
    image, labels = None, []
    for x, y, *_ in batches:
        if image is None:
            image = keras.tree.map_structure(lambda part: part[:8], x)
        labels.append(y)
    if not labels or not all(len(part) for part in keras.tree.flatten(image)):
        raise CourseError(
            f"The {what} data are empty, and at least one batch is needed: "
            "look at how they were split."
        )
    if isinstance(labels[0], dict | list | tuple):
        return image, None
    return image, np.concatenate([np.asarray(part) for part in labels])


def _from_logits(loss):
    """Returns the argument of a loss that goes with the model's outputs."""
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    return f"from_logits={config.get('from_logits', False)}"


def _kind(loss):
    """Returns the kind of labels that a loss expects, None if not known."""
    if not isinstance(loss, str):
        loss = getattr(loss, "__name__", type(loss).__name__)
    kinds = {
        "sparsecategoricalcrossentropy": "sparse",
        "categoricalcrossentropy": "categorical",
        "binarycrossentropy": "binary",
    }
    return kinds.get(loss.replace("_", "").lower())
