"""Ask a model for its answers, and find the worst ones."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from scipy import special

from course_utils.machine import array_arguments
from course_utils.machine.endless_data import bounded
from course_utils.machine.errors import CourseError
from course_utils.transfer.fit_data import not_taken
from course_utils.transfer.freezing import check_is_layer
from course_utils.transfer.model_outputs import gives_logits


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Predictions:
    """What a model said of pictures; made by `ask_model`.

    Attributes:
        pictures: uint8 array `(pictures, height, width, channels)`.
        labels: Index of the true class of each, shape `(pictures,)`.
        outputs: What the model gave, as it gave it.
        probabilities: Float array `(pictures, classes)`: the outputs, or what
            softmax or sigmoid make of them where they are logits. Those of
            several sigmoids do not add up to 1.
        from_logits: Whether the outputs are logits.
    """

    pictures: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray
    probabilities: np.ndarray
    from_logits: bool

    @property
    def predictions(self) -> np.ndarray:
        """Index of the class that the model gave to each picture."""
        return self.probabilities.argmax(axis=1)

    def worst(self) -> np.ndarray:
        """Returns the places of the 12 worst mistakes, the worst one first.

        Those are the pictures to whose true class the model gave the least
        probability: what it was surest of, and wrong labels.
        """
        places = np.arange(len(self.labels))
        given = self.probabilities[places, self.labels]
        wrong = np.flatnonzero(self.predictions != self.labels)
        return wrong[np.argsort(given[wrong], kind="stable")][:12]


def ask_model(model, dataset, from_logits=None):
    """Lets a model name all pictures of a data set.

    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        model: A `keras.Model` from pictures to one number per class (or one
            number for two classes), probabilities or logits. Not changed.
        dataset: A `tf.data.Dataset` of batches `(images, labels)`, values from
            0 to 255, with one label per picture, that is not shuffled: such as
            `load_dataset(name).test`. Sample weights may come third, and
            are not looked at.
        from_logits: Whether the model ends in logits. Defaults to what the
            activation of its last layer says, or else its loss.

    Returns:
        The `Predictions`, in the order of the pictures.

    Raises:
        CourseError: If there are no pictures, no such labels or no end of
            them, if the model does not take the pictures, if it has several
            outputs or some that are not finite, or if nothing says what its
            outputs are.
    """
    check_is_layer(model, keras.Model)
    _check_labels(dataset)
    pictures, labels, outputs = [], [], []
    for images, batch_labels, *_ in bounded(dataset, "pictures", "Asking"):
        try:
            if not outputs:  # XLA names no wrong scale.
                model(images[:8], training=False)
            given = model.predict_on_batch(images)
        except Exception as error:
            told = "model does not take these data"
            raise not_taken(model, told, images, error) from error
        if not isinstance(given, np.ndarray):
            raise CourseError(
                f"The model gives a {type(given).__name__} of outputs "
                f"({len(given)}), and one was expected: make a model of the "
                "one that names the classes, such as keras.Model(x, model(x)"
                f"[{next(iter(given)) if isinstance(given, dict) else 0!r}]) "
                f"with x = keras.Input({tuple(images.shape[1:])})."
            )
        array_arguments.same_length(pictures=images, labels=batch_labels)
        outputs.append(given)
        pictures.append(np.rint(np.clip(images, 0, 255)).astype("uint8"))
        labels.append(batch_labels)
    if not labels:
        raise CourseError(
            "There are no pictures in these data, so there is nothing to ask: "
            "look at how they were split."
        )
    if len({some.shape[1:] for some in pictures}) > 1:
        raise CourseError(
            "The pictures differ in size from batch to batch, and expected is "
            "one size: add `.map(function)` with one that resizes them."
        )
    outputs = np.concatenate(outputs)
    labels = array_arguments.class_indices("labels", np.concatenate(labels))
    classes = _check_outputs(outputs)
    if labels.max() >= classes:
        raise CourseError(
            f"The model tells {classes} classes apart, and there are labels "
            f"up to {labels.max()}: give the head one output per class, and "
            "pass the data that it was trained on."
        )
    logits = gives_logits(model, images, outputs, from_logits)
    return Predictions(
        np.concatenate(pictures),
        labels,
        outputs,
        _probabilities(np.asarray(outputs, "float64"), logits),
        logits,
    )


def _check_labels(dataset):
    """Refuses what is no data set of batches with one label per picture."""
    spec = getattr(dataset, "element_spec", None)
    pair = isinstance(spec, tuple) and len(spec) > 1
    images, labels = spec[:2] if pair else (None, None)
    rank = labels.shape.rank if isinstance(labels, tf.TensorSpec) else None
    kind = getattr(images, "dtype", tf.string)
    if rank == 1 and (kind.is_floating or kind.is_integer):
        return
    if isinstance(labels, dict):
        remedy = "these have several, so choose one, as by "
        remedy += f"`.map(lambda x, y: (x, y[{next(iter(labels))!r}]))`"
    elif rank == 0:
        remedy = "these are single pictures, so add `.batch(32)`"
    elif rank == 2:
        remedy = "these have one row per picture; where it is one-hot, add "
        remedy += "`.map(lambda x, y: (x, tf.argmax(y, axis=1)))`"
    else:
        remedy = 'pass for example load_dataset("near").test, or arrays as '
        remedy += "tf.data.Dataset.from_tensor_slices((images, labels))"
        remedy += ".batch(32)"
    raise CourseError(
        "Expected a tf.data.Dataset of batches (images, labels) with one "
        f"label per picture: {remedy}."
    )


def _check_outputs(outputs):
    """Returns how many classes outputs tell apart."""
    if outputs.ndim != 2:
        raise CourseError(
            f"The model gives outputs of shape {outputs.shape[1:]} per "
            "picture, expected is one number per class: put a head on it."
        )
    if not np.isfinite(np.asarray(outputs, "float32")).all():
        raise CourseError(
            "Some outputs of the model are not finite (NaN): look at the "
            "pictures and at its weights."
        )
    return max(outputs.shape[1], 2)


def _probabilities(outputs, logits):
    """Returns one column per class."""
    if outputs.shape[1] == 1:
        second = special.expit(outputs) if logits else outputs
        return np.concatenate([1 - second, second], axis=1)
    return special.softmax(outputs, axis=1) if logits else outputs
