"""Ask a model for its answers, and find the worst ones."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from course_utils.machine.errors import CourseError


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Predictions:
    """What a model said of pictures; made by `ask_model`.

    Attributes:
        pictures: uint8 array `(pictures, height, width, 3)`.
        labels: Index of the true class of each.
        outputs: What the model gave, as it gave it.
        probabilities: Float array `(pictures, classes)`: the outputs, or what
            softmax or sigmoid make of them where they are scores.
    """

    pictures: np.ndarray
    labels: np.ndarray
    outputs: np.ndarray
    probabilities: np.ndarray

    @property
    def predictions(self) -> np.ndarray:
        """Index of the class that the model gave to each picture."""
        return self.probabilities.argmax(axis=1)

    def worst(self, count=12) -> np.ndarray:
        """Returns the places of the worst mistakes, the worst one first.

        Those are the pictures to whose true class the model gave the least
        probability: what it was surest of, and wrong labels.

        Args:
            count: How many at most.
        """
        places = np.arange(len(self.labels))
        given = self.probabilities[places, self.labels]
        wrong = np.flatnonzero(self.predictions != self.labels)
        return wrong[np.argsort(given[wrong], kind="stable")][:count]


def ask_model(model, dataset):
    """Lets a model name all pictures of a data set.

    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        model: A `keras.Model` from pictures to one number a class (or one
            number for two classes), probabilities or scores. Not changed.
        dataset: A `tf.data.Dataset` of batches `(images, labels)`, with one
            label a picture, that is not shuffled: such as
            `load_dataset(name).test`.

    Returns:
        The `Predictions`, in the order of the pictures.

    Raises:
        CourseError: If there are no pictures or no such labels, or if the
            model does not take the pictures.
    """
    if not isinstance(model, keras.Model):
        raise CourseError(
            f"Expected a Keras model, not {type(model).__name__}: pass the "
            "model that was trained."
        )
    spec = getattr(dataset, "element_spec", None)
    labels = spec[1] if isinstance(spec, tuple) and len(spec) > 1 else None
    if not isinstance(labels, tf.TensorSpec) or labels.shape.rank != 1:
        raise CourseError(
            "Expected a tf.data.Dataset of batches (images, labels) with one "
            "label a picture: pass for example load_dataset(name).test."
        )
    pictures, labels, outputs = [], [], []
    for images, batch_labels, *_ in tqdm(
        dataset, "Asking", unit="batch", delay=2
    ):
        try:
            if not outputs:  # XLA names no wrong scale.
                model(images[:8], training=False)
            outputs.append(model.predict_on_batch(images))
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise CourseError(
                f"The model does not take pictures of shape {images.shape} "
                f"({str(error).splitlines()[0]}): pass data like those that it "
                "was trained on."
            ) from error
        pictures.append(np.rint(images).astype("uint8"))
        labels.append(batch_labels)
    if not labels:
        raise CourseError(
            "There are no pictures in these data, so there is nothing to ask: "
            "look at how they were split."
        )
    outputs = np.concatenate(outputs)
    return Predictions(
        np.concatenate(pictures),
        np.concatenate(labels),
        outputs,
        _probabilities(outputs),
    )


def _probabilities(outputs):
    """Returns a row a picture, whether the model gave scores or not."""
    if outputs.ndim != 2:
        raise CourseError(
            f"The model gives outputs of shape {outputs.shape[1:]} a picture, "
            "expected is one number a class: put a head on it."
        )
    within = ((outputs >= 0) & (outputs <= 1)).all()
    if outputs.shape[1] == 1:
        second = outputs if within else 1 / (1 + np.exp(-outputs))
        return np.concatenate([1 - second, second], axis=1)
    if within and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
