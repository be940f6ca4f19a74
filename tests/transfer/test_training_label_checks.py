"""Labels that do not fit are refused before anything is trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.machine.errors import CourseError
from course_utils.transfer.training_label_checks import check_labels

X = np.zeros((6, 4), "float32")
SPARSE = "sparse_categorical_crossentropy"
ONE_HOT = np.eye(6)


def ignoring(number):
    return keras.losses.SparseCategoricalCrossentropy(ignore_class=number)


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
        (6, [SPARSE], np.arange(6)),
        (6, SPARSE, np.arange(6.0)),
        (2, SPARSE, np.arange(6) % 2 == 0),
        (6, keras.losses.CategoricalFocalCrossentropy(), ONE_HOT),
        # Shares of several classes, as mixing pictures makes them.
        (6, "categorical_crossentropy", (ONE_HOT + ONE_HOT[::-1]) / 2),
        (1, "binary_crossentropy", np.arange(6) / 5),
        # Masked by the loss.
        (1, lambda y, p: p, np.full(6, np.nan)),
        (2, ignoring(-1), [0, 1, -1, -1, 0, 1]),
        (2, ignoring(255), [0, 1, 255, 1, 0, 1]),
    ],
)
@pytest.mark.parametrize("as_dataset", [False, True])
def test_labels_that_fit(outputs, loss, labels, as_dataset):
    data = (X, np.array(labels))
    if as_dataset:
        data = tf.data.Dataset.from_tensor_slices(data).batch(4)
    check_labels(model(outputs, loss), data)


@pytest.mark.parametrize(
    ("outputs", "loss", "labels", "said"),
    [
        (6, SPARSE, np.arange(1, 7), "is 6, and a head with 6 .* from 0 to 5"),
        (6, SPARSE, np.arange(-1, 5), "is -1"),
        (6, SPARSE, ONE_HOT, "6 numbers per picture, and the sparse loss"),
        (6, "categorical_crossentropy", np.arange(6), "have one number a"),
        (2, "categorical_crossentropy", ONE_HOT, "have 6 a picture, .* 2 out"),
        (6, "binary_crossentropy", np.arange(6), "binary loss expects 0 or 1"),
        (1, "binary_crossentropy", np.arange(6), "from 0 to 5"),
        (6, SPARSE, np.full(6, 3), "All 6 training labels are the same, 3"),
        (6, "categorical_crossentropy", ONE_HOT[[2] * 6], "are the same, 2"),
        (1, "binary_crossentropy", np.ones(6), "are the same"),
        (1, keras.losses.BinaryFocalCrossentropy(), np.arange(6), "to 5"),
        (6, {"dense": SPARSE}, ONE_HOT, "and the sparse loss expects one"),
        (
            6,
            SPARSE,
            list("abcdef"),
            "labels are of dtype .*such as 'a', .*np.uniq",
        ),
        (1, "mse", list("abcdef"), "labels are of dtype .*such as 'a'"),
        (6, SPARSE, np.arange(6) * 1j, "of dtype complex128, such as 0j"),
        (6, SPARSE, [0, 1, 2, 3, 4, np.nan], "labels of 1 of 6 pictures are N"),
        (6, "categorical_crossentropy", ONE_HOT * np.nan, "6 of 6 .* NaN"),
        (
            1,
            "binary_crossentropy",
            [0, 1, 0, 1, 0, np.nan],
            "1 of 6 .* are NaN",
        ),
        (1, "mse", [0, 1, 0, 1, 0, np.nan], "1 of 6 .* are NaN"),
        (6, SPARSE, [0, 1, 2, 3, 4, 0.5], "label is 0.5, .* a whole number"),
        (6, "categorical_crossentropy", np.ones((6, 6)), "add up to 6"),
        (6, "categorical_crossentropy", -ONE_HOT, "numbers down to -1"),
        (2, ignoring(-1), np.full(6, -1), "All training labels are -1, the"),
        (2, ignoring(-1), [0, 1, -1, -1, 0, -2], "label is -2"),
        (2, ignoring(-1), [0, 0, -1, -1, 0, 0], "All 4 .* are the same, 0"),
    ],
)
@pytest.mark.parametrize("as_dataset", [False, True])
def test_labels_that_do_not_fit(outputs, loss, labels, said, as_dataset):
    data = (X, np.array(labels))
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


@pytest.mark.parametrize("as_dataset", [False, True])
def test_pictures_that_the_model_does_not_take(as_dataset):
    small = np.zeros((6, 5), "float32")
    nested = np.zeros((3, 2, 4), "float32")
    for x, y, shape in [
        (small, np.arange(6), r"\(6, 5\)"),
        (nested, np.zeros((3, 2)), r"\(3, 2, 4\)"),
    ]:
        data = (x, y)
        if as_dataset:
            data = tf.data.Dataset.from_tensors(data)
        said = shape + r", and expected is \(None, 4\)"
        flat = keras.Sequential([model(6, SPARSE), keras.layers.Flatten()])
        flat.compile("sgd", SPARSE)
        with pytest.raises(CourseError, match=said):
            check_labels(flat, data)


def test_what_followed_advice_about_labels_leads_to():
    for labels in (np.array(list("abcaab")), np.array([3, 1, 2, 3, 1, 2], "O")):
        with pytest.raises(CourseError, match="return_inverse"):
            check_labels(model(3, SPARSE), (X, labels))
        index = np.unique(labels, return_inverse=True)[1]
        checked = check_labels(model(3, SPARSE), (X, index))
        assert checked.classes == 3 and not checked.ignored
        np.testing.assert_array_equal(checked.labels, index)
