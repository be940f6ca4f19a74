"""What data may be, and how often and how far they are read."""

import numpy as np
import pytest
import tensorflow as tf

from course_utils.machine import endless_data
from course_utils.machine.errors import CourseError
from course_utils.transfer.feature_extraction import extract_features
from course_utils.transfer.fit_data import fit_arguments, read_once
from course_utils.transfer.learning_rates import find_learning_rate
from course_utils.transfer.training_label_checks import check_labels
from course_utils.transfer.two_phase_training import two_phase_fit
from tests.tiny_models import IMAGES, LABELS, base, build, functional

pytestmark = pytest.mark.usefixtures("without_graphs")

X = np.zeros((6, 4), "float32")
PICTURES = IMAGES.astype("float32")
SINGLE = tf.data.Dataset.from_tensor_slices((PICTURES, LABELS))


def test_data_of_another_kind():
    endless = tf.data.Dataset.from_tensor_slices((X, X)).batch(2).repeat()
    with pytest.raises(CourseError, match="never end"):
        fit_arguments(endless)
    for data in (X, None, [X, X], tf.data.Dataset.from_tensor_slices(X)):
        with pytest.raises(CourseError, match="Expected data with labels"):
            fit_arguments(data)
    model = build(functional, base())
    for empty in ((PICTURES[:0], LABELS[:0]), SINGLE.batch(2).take(0)):
        with pytest.raises(CourseError, match="training data are empty"):
            check_labels(model, empty)
    assert list(fit_arguments((X, X, X))) == ["x", "y", "sample_weight"]
    assert list(fit_arguments((X, X, None))) == ["x", "y"]


RAGGED = SINGLE.batch(4).map(
    lambda x, y: (x, tf.RaggedTensor.from_tensor(y[:, None]))
)


def generated(batches):
    """A data set of a generator, whose length nobody knows."""
    spec = (
        tf.TensorSpec((None, 8, 8, 3), "float32"),
        tf.TensorSpec((None,), "int64"),
    )
    return tf.data.Dataset.from_generator(batches, output_signature=spec)


def endless():
    while True:
        yield PICTURES, LABELS


def readers(data):
    """Calls each helper that reads such data."""
    model = build(functional, base_model := base())
    known = (PICTURES, LABELS)
    options = {"head_epochs": 1, "fine_tune_epochs": 1, "verbose": 0}
    yield lambda: two_phase_fit(model, base_model, data, known, **options)
    yield lambda: two_phase_fit(model, base_model, known, data, **options)
    yield lambda: find_learning_rate(model, data, steps=3)
    yield lambda: extract_features(base_model, data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (SINGLE, "single pictures, .*`.batch"),
        (
            SINGLE.batch(4).batch(2),
            r"shape \(2, 4, 8, 8, 3\).*batch\(32\) once",
        ),
        (SINGLE.repeat().filter(lambda x, y: True).batch(4), "never end"),
        (SINGLE.repeat().filter(lambda x, y: False).batch(4), "never end"),
        (SINGLE.batch(4).repeat().unbatch().batch(3), "never end"),
        (generated(endless), "did not end within 20 batches: add `.take"),
        (generated(lambda: iter([(PICTURES, LABELS[1:])])), "16 .* 15 labels"),
        ((PICTURES, LABELS[1:]), "16 pictures and 15 labels"),
        ((PICTURES, LABELS, LABELS[1:]), "16 pictures and 15 sample weights"),
        ((PICTURES, LABELS.tolist()), r"type list, .*np.array\(labels\)"),
        ((PICTURES, list(np.eye(2)[LABELS])), r"type list, .*np.array\(labels"),
        ((list(PICTURES), LABELS), r"type list, .*np.array\(pictures\)"),
        ((PICTURES, None), "labels are of type NoneType"),
        ((PICTURES, 1), "labels are of type int"),
        ((PICTURES.astype(object), LABELS), "array of objects"),
        ((PICTURES[:, :5], LABELS), r"shape \(.*5, 8, 3\)"),
        ((PICTURES[..., :1], LABELS), r"shape \(.*8, 8, 1\)"),
        (SINGLE.map(lambda x, y: ({"a": x}, y)).batch(4), "does not take"),
        (RAGGED, r"labels are described by RaggedTensorSpec.*to_tensor\(\)"),
        (((PICTURES, LABELS) for _ in range(2)), "not generator"),
    ],
)
def test_a_sentence_from_each_helper(monkeypatch, data, said):
    monkeypatch.setattr(endless_data, "MOST_BATCHES", 20)
    for read in readers(data):
        with pytest.raises(CourseError, match=said):
            read()


def test_weights_that_are_none():
    data = (PICTURES, LABELS, np.ones((16, 3)))
    train, _, find, _ = readers(data)
    with pytest.raises(CourseError, match="cannot be computed for the train"):
        train()
    with pytest.raises(CourseError, match="No step can be made with these"):
        find()


def test_features_come_with_labels_of_any_kind():
    for labels in (LABELS.astype(object), LABELS.astype("datetime64[s]")):
        _, found = extract_features(base(), (PICTURES, labels))
        assert found.dtype == labels.dtype
        np.testing.assert_array_equal(found, labels)


def test_unknown_length_that_ends():
    few = SINGLE.filter(lambda x, y: True).batch(6)
    for data in (
        few,
        few.repeat(2),
        SINGLE.repeat().filter(lambda x, y: True).batch(4).take(2),
        generated(lambda: iter([(PICTURES, LABELS)] * 2)),
    ):
        assert data.cardinality() == tf.data.UNKNOWN_CARDINALITY
        assert len(list(read_once(data, "data"))) in (2, 3, 6)


def test_the_advice_on_endless_data(monkeypatch):
    monkeypatch.setattr(endless_data, "MOST_BATCHES", 20)
    data = generated(endless)
    told = tf.data.experimental.assert_cardinality(30)
    assert len(list(read_once(data.take(30).apply(told), "data"))) == 30
    assert len(list(read_once(data.take(2), "data"))) == 2


def test_a_long_reading_says_so(monkeypatch, capsys):
    monkeypatch.setattr(endless_data, "SECONDS_IN_SILENCE", 0)
    list(read_once(generated(lambda: iter([(PICTURES, LABELS)])), "data"))
    assert "Reading the data" in capsys.readouterr().err


def once():
    pairs = iter([(PICTURES, LABELS)])
    return generated(lambda: pairs)


def test_data_that_can_be_read_only_once():
    said = ["in epoch 1, as a gen", "in epoch 1, as a gen", "when they were re"]
    for number, words in enumerate([*said, "gave 16 pictures .* and 0"]):
        with pytest.raises(CourseError, match=words):
            [*readers(once())][number]()
        # The advice.
        [*readers(once().cache())][number]()


def growing(*lengths):
    left = iter(lengths)
    return generated(lambda: iter([(PICTURES, LABELS)] * next(left)))


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ((2, 1), "32 pictures when they were counted and 16 when"),
        ((1, 2), "16 pictures when they were counted and more than 16 when"),
        ((1, 30), "more than 16"),
    ],
)
def test_features_of_data_that_change_are_refused(lengths, said):
    with pytest.raises(CourseError, match=said):
        extract_features(base(), growing(*lengths))
    cached = growing(*lengths).cache()
    features, labels = extract_features(base(), cached)
    assert len(features) == len(labels) == 16 * lengths[0]
