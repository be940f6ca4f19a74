"""Whether labels fit a model, before it is trained."""

import dataclasses

import keras
import numpy as np

from course_utils.machine.errors import CourseError
from course_utils.transfer.fit_data import (
    first_rows,
    not_taken,
    read_once,
)

# By name of a loss of probabilities: the kind of labels that it expects.
LABELS_OF_LOSS = {
    "sparsecategoricalcrossentropy": "sparse",
    "categoricalcrossentropy": "categorical",
    "categoricalfocalcrossentropy": "categorical",
    "binarycrossentropy": "binary",
    "binaryfocalcrossentropy": "binary",
}


@dataclasses.dataclass(frozen=True)
class CheckedData:
    """What is known of data that were read once.

    Attributes:
        batch: The first batch, as the data have it.
        labels: Index of the class of each picture that the loss looks at;
            None where the labels tell none, or a picture has several.
        classes: Number of classes that the model tells.
        ignored: Whether the loss ignores some pictures.
    """

    batch: tuple
    labels: np.ndarray | None = None
    classes: int = 0
    ignored: bool = False


def check_labels(model, data, training=True):
    """Refuses labels that do not fit the model's head and loss.

    Reads all labels once, and so the data; a `tf.data.Dataset` that shuffles
    goes on to its next order, as with any other pass. Looked at are the
    sparse, the categorical and the binary crossentropy of Keras; labels that
    are no numbers at all are refused for any loss.

    Args:
        model: A compiled `keras.Model`. It is called on the first pictures,
            which builds it if need be and names a wrong scale, as a step
            that XLA compiles cannot.
        data: As in `course_utils.transfer.fit_data.fit_arguments`.
        training: Whether it is trained on: then it needs two classes.

    Returns:
        A `CheckedData`.

    Raises:
        CourseError: If the data are empty, if the model does not take a
            picture of them, if the labels are of another kind than the loss
            expects, one is out of range or no number, or all are the same.
    """
    what = "training" if training else "validation"
    batch, labels = _first_batch_and_labels(data, what)
    outputs = _outputs(model, batch[0], what)
    if labels is None:
        return CheckedData(batch)
    loss = _only(model.loss)
    broken = np.isnan(labels).reshape(len(labels), -1).any(axis=1).sum()
    if broken and _is_of_keras(loss):
        raise CourseError(
            f"The {what} labels of {broken} of {len(labels)} pictures are NaN, "
            "and so would the loss be: leave these pictures out, or give them "
            "a label."
        )
    if len(getattr(outputs, "shape", ())) != 2:
        return CheckedData(batch)
    kind, count = _kind(loss), outputs.shape[-1]
    known = classes = labels
    if kind == "sparse":
        known = classes = _sparse(labels, count, loss, what)
    elif kind == "categorical":
        classes = _categorical(labels, count, loss, what)
    elif kind == "binary":
        _check_binary(labels, count, what)
    if kind and training and (classes == classes.flat[0]).all():
        raise CourseError(
            f"All {len(classes)} training labels are the same, "
            f"{classes.flat[0]:g}, so there is nothing to tell apart: look at "
            "how the data were split, and add pictures of another class."
        )
    return CheckedData(
        batch,
        _classes(known, count),
        max(count, 2),
        len(known) < len(labels),
    )


def _classes(labels, count):
    """Returns the class of each picture, None where none is told."""
    if labels.ndim == 2 and labels.shape[1] == count > 1:
        whole = np.isclose(labels.sum(axis=1), 1).all()
        return labels.argmax(axis=1) if whole else None
    labels = labels.reshape(-1) if labels.shape[1:] in ((), (1,)) else None
    if labels is None or not np.isin(labels, range(max(count, 2))).all():
        return None
    return labels


def _sparse(labels, count, loss, what):
    if labels.ndim > 1 and labels.shape[-1] > 1:
        raise CourseError(
            f"The {what} labels have {labels.shape[-1]} numbers per picture, "
            "and the sparse loss expects one, the index of the class: "
            "take labels.argmax(axis=-1), or the loss "
            f"CategoricalCrossentropy with {_from_logits(loss)}."
        )
    ignored = getattr(loss, "ignore_class", None)
    labels = labels if ignored is None else labels[labels != ignored]
    if not labels.size:
        raise CourseError(
            f"All {what} labels are {ignored}, the class that the loss "
            "ignores, so nothing is left: look at the labels, or compile "
            "without ignore_class."
        )
    wrong = labels[labels != np.round(labels)]
    if wrong.size:
        raise CourseError(
            f"A {what} label is {wrong.flat[0]:g}, and the sparse loss "
            "expects the index of a class, a whole number: look at how the "
            "labels were made; for numbers in between, give the head one "
            "output and take the loss 'mse'."
        )
    wrong = labels[(labels < 0) | (labels >= count)]
    if wrong.size:
        raise CourseError(
            f"A {what} label is {wrong.flat[0]:g}, and a head with "
            f"{count} outputs knows labels from 0 to {count - 1}: give "
            "the head one output a class, and count classes from 0."
        )
    return labels


def _categorical(labels, count, loss, what):
    one_hot = labels.ndim > 1 and labels.shape[-1] > 1
    if not one_hot or labels.shape[-1] != count:
        shape = "one number" if not one_hot else f"{labels.shape[-1]}"
        raise CourseError(
            f"The {what} labels have {shape} a picture, and the loss "
            f"expects one for each of {count} outputs: give the head one "
            "output a class, and take one-hot labels with this loss, or "
            "the index of the class with SparseCategoricalCrossentropy and "
            f"{_from_logits(loss)}."
        )
    sums = labels.sum(axis=-1)
    if labels.min() < 0 or sums.max() > 1.01:
        raise CourseError(
            f"The {what} labels have numbers down to {labels.min():g} that "
            f"add up to {sums.max():g} a picture, and the categorical loss "
            "expects shares of one class or more that add up to 1: take "
            "one-hot labels; where a picture is of several classes, take a "
            "sigmoid and the loss 'binary_crossentropy'."
        )
    return labels.argmax(axis=-1)


def _check_binary(labels, count, what):
    one_hot = labels.ndim > 1 and labels.shape[-1] > 1
    width = labels.shape[-1] if one_hot else 1
    if width != count or labels.min() < 0 or labels.max() > 1:
        raise CourseError(
            f"The {what} labels have {width} number(s) a picture, from "
            f"{labels.min():g} to {labels.max():g}, and the binary loss "
            f"expects 0 or 1 for each of {count} output(s): give the "
            "head one output a class, and take the index of the class with "
            "the loss keras.losses.SparseCategoricalCrossentropy."
        )


def _from_logits(loss):
    """Returns the argument of a loss that goes with the model's outputs."""
    config = loss.get_config() if hasattr(loss, "get_config") else {}
    return f"from_logits={config.get('from_logits', False)}"


def _first_batch_and_labels(data, what):
    """Returns the first batch, and all labels in one array of floats."""
    first, labels = None, []
    for batch in read_once(data, f"{what} data"):
        first = batch if first is None else first
        for part in keras.tree.flatten(batch[1]):
            _check_numbers(np.asarray(part), what)
        labels.append(batch[1])
    if first is None or not all(map(len, keras.tree.flatten(first[0]))):
        raise CourseError(
            f"The {what} data are empty, and at least one batch is needed: "
            "look at how they were split."
        )
    if isinstance(labels[0], dict | list | tuple):
        return first, None
    labels = [np.asarray(part).astype("float64") for part in labels]
    if len({part.shape[1:] for part in labels}) > 1:
        return first, None  # Maps of sizes that differ: left to Keras.
    return first, np.concatenate(labels)


def _check_numbers(labels, what):
    if labels.size and labels.dtype.kind in "OUSMmc":
        first = labels.ravel()[:1].tolist()[0]
        first = first.decode() if isinstance(first, bytes) else first
        raise CourseError(
            f"The {what} labels are of dtype {labels.dtype}, such as "
            f"{first!r}, and expected are numbers: for the index of each class "
            "take np.unique(labels, return_inverse=True)[1]; numbers become an "
            'array of numbers by np.array(labels, "float32").'
        )


def _outputs(model, images, what):
    """Returns what the model makes of the first pictures."""
    try:
        return model(*first_rows((images,), 8), training=False)
    except Exception as error:
        told = f"model does not take the {what} data"
        raise not_taken(model, told, images, error) from error


def _only(loss):
    """Returns the loss of a model with one output, however it was given."""
    if isinstance(loss, dict | list | tuple) and len(loss) == 1:
        return next(iter(loss.values() if isinstance(loss, dict) else loss))
    return loss


def _is_of_keras(loss):
    module = getattr(loss, "__module__", type(loss).__module__)
    return isinstance(loss, str) or module.startswith("keras.")


def _kind(loss):
    """Returns the kind of labels that a loss expects, None if not known."""
    if not isinstance(loss, str):
        loss = getattr(loss, "__name__", type(loss).__name__)
    return LABELS_OF_LOSS.get(loss.replace("_", "").lower())
