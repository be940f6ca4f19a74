"""Labels that do not fit are refused before anything is trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.machine.errors import CourseError
from course_utils.transfer.label_checks import check_labels
from course_utils.transfer.training_data import fit_arguments

X = np.zeros((6, 4), "float32")
SPARSE = "sparse_categorical_crossentropy"
ONE_HOT = np.eye(6)


def model(outputs, loss):
    layers = [keras.Input((4,)), keras.layers.Dense(outputs)]
    made = keras.Sequential(layers)
    made.compile("sgd", loss)
    return made


@pytest.mark.parametrize(
    ("outputs", "loss", "labels"),
    [
        (6, SPARSE, np.arange(6)),
        (6, keras.losses.SparseCategoricalCrossentropy(), np.arange(6)),
        (6, keras.losses.sparse_categorical_crossentropy, np.arange(6)),
        (6, SPARSE, np.arange(6)[:, None]),
        (6, "categorical_crossentropy", ONE_HOT),
        (1, "binary_crossentropy", np.arange(6) % 2),
        (6, keras.losses.BinaryCrossentropy(), ONE_HOT),
        (1, "mse", np.arange(6) * 0.5),
        (6, lambda y, p: p, np.zeros(6)),
    ],
)
@pytest.mark.parametrize("as_dataset", [False, True])
def test_labels_that_fit(outputs, loss, labels, as_dataset):
    data = (X, labels)
    if as_dataset:
        data = tf.data.Dataset.from_tensor_slices(data).batch(4)
    check_labels(model(outputs, loss), data)


@pytest.mark.parametrize(
    ("outputs", "loss", "labels", "said"),
    [
        (6, SPARSE, np.arange(1, 7), "is 6, and a head with 6 .* from 0 to 5"),
        (6, SPARSE, np.arange(-1, 5), "is -1"),
        (6, SPARSE, ONE_HOT, "6 numbers a picture, and the sparse loss"),
        (6, "categorical_crossentropy", np.arange(6), "have one number a"),
        (2, "categorical_crossentropy", ONE_HOT, "have 6 a picture, .* 2 out"),
        (6, "binary_crossentropy", np.arange(6), "binary loss expects 0 or 1"),
        (1, "binary_crossentropy", np.arange(6), "from 0 to 5"),
        (6, SPARSE, np.full(6, 3), "All 6 training labels are the same, 3"),
        (6, "categorical_crossentropy", ONE_HOT[[2] * 6], "are the same, 2"),
        (1, "binary_crossentropy", np.ones(6), "are the same"),
    ],
)
@pytest.mark.parametrize("as_dataset", [False, True])
def test_labels_that_do_not_fit(outputs, loss, labels, said, as_dataset):
    data = (X, labels)
    if as_dataset:
        data = tf.data.Dataset.from_tensor_slices(data).batch(4)
    with pytest.raises(CourseError, match=said) as caught:
        check_labels(model(outputs, loss), data)
    assert str(caught.value).count(". ") == 0, "one sentence"


def test_validation_may_have_one_class_only():
    check_labels(model(6, SPARSE), (X, np.zeros(6)), training=False)
    with pytest.raises(CourseError, match="A validation label is 6"):
        check_labels(model(6, SPARSE), (X, np.full(6, 6)), training=False)


def test_labels_of_several_outputs_and_of_maps_are_left_to_keras():
    inputs = keras.Input((4,))
    heads = {name: keras.layers.Dense(2, name=name)(inputs) for name in "ab"}
    several = keras.Model(inputs, heads)
    several.compile("sgd", {"a": SPARSE, "b": SPARSE})
    labels = {"a": np.zeros(6), "b": np.zeros(6)}
    check_labels(several, (X, labels))
    maps = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 1)])
    maps.compile("sgd", SPARSE)
    check_labels(maps, (np.zeros((6, 4, 4, 1)), np.zeros((6, 4, 4))))


def test_data_of_another_kind():
    endless = tf.data.Dataset.from_tensor_slices((X, X)).batch(2).repeat()
    with pytest.raises(CourseError, match="never end"):
        fit_arguments(endless)
    for data in (X, None, [X, X], tf.data.Dataset.from_tensor_slices(X)):
        with pytest.raises(CourseError, match="Expected data with labels"):
            fit_arguments(data)
    with pytest.raises(CourseError, match="training data are empty"):
        check_labels(model(6, SPARSE), (X[:0], X[:0, 0]))
    with pytest.raises(CourseError, match="training data are empty"):
        check_labels(model(6, SPARSE), endless.take(0))
    assert list(fit_arguments((X, X, X))) == ["x", "y", "sample_weight"]
