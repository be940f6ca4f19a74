"""Trained on features computed once, a model becomes what `fit` makes it."""

import itertools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.machine.errors import CourseError
from course_utils.transfer import feature_rows
from course_utils.transfer.cached_training import cached_fit
from course_utils.transfer.freezing import freeze, unfreeze
from course_utils.transfer.two_phase_training import two_phase_fit
from tests.tiny_models import (
    IMAGES,
    LABELS,
    Subclassed,
    base,
    build,
    functional,
)

pytestmark = pytest.mark.usefixtures("work")
PICTURES = IMAGES.astype("float32")
WEIGHTS = np.linspace(0.5, 2, 16).astype("float32")


def model_with(last=None, optimizer="adam", dropout=0.3):
    keras.utils.set_random_seed(0)
    base_model = base()
    freeze(base_model)
    if last:
        unfreeze(base_model, last=last)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            base_model,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(2, kernel_regularizer="l2"),
        ]
    )
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        weighted_metrics=["accuracy"],
    )
    return model


def data(*more):
    return tf.data.Dataset.from_tensor_slices((PICTURES, LABELS, *more))


def in_fives(*more):
    return data(*more).batch(5)


@pytest.mark.parametrize("last", [None, 4])
@pytest.mark.parametrize("class_weight", [None, {0: 1.0, 1: 3.0}])
def test_it_ends_where_fit_ends(last, class_weight):
    found = []
    for cache in (False, True, True):  # Computed, and taken from the disk.
        model = model_with(last)
        history = cached_fit(
            model,
            in_fives() if class_weight else in_fives(WEIGHTS),
            in_fives(),
            epochs=3,
            cache=cache,
            class_weight=class_weight,
            verbose=0,
        )
        found.append((history.history, model.get_weights()))
        assert model.history is history and history.model is model
        assert int(model.optimizer.iterations) == 12
    (first, weights), *others = found
    for other, also in others:
        assert list(other) == list(first)
        for name, values in first.items():
            np.testing.assert_allclose(other[name], values, atol=1e-4)
        for one, two in zip(weights, also, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-4)


def test_two_phases_end_where_they_end_without():
    found = []
    for cache in (False, True):
        model = model_with()
        history = two_phase_fit(
            model, model.layers[0], in_fives(), in_fives(), 3, 3,
            cache=cache, last=4, verbose=0, patience=None,
        )  # fmt: skip
        found.append(
            [history.history[name] for name in ("loss", "val_loss")]
            + model.get_weights()
        )
    for one, two in zip(*found, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_the_frozen_part_sees_each_picture_once(counted):
    model = model_with()
    for _ in range(2):
        cached_fit(model, (PICTURES, LABELS), epochs=5, verbose=0)
        assert sum(counted) == 16


def seen_batches(model, train, epochs=3, **options):
    """The labels of each step, as a metric sees them."""
    seen = []

    class Look(keras.metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            seen.append(np.array(y_true).ravel())

        def result(self):
            return 0.0

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=[Look()], run_eagerly=True)
    cached_fit(model, train, epochs=epochs, cache=True, verbose=0, **options)
    return seen


def test_shuffled_data_stay_shuffled_and_others_keep_their_order():
    numbers = np.arange(16)
    ordered = tf.data.Dataset.from_tensor_slices((PICTURES, numbers)).batch(5)
    shuffled = ordered.unbatch().shuffle(16).batch(6)

    def model():
        made = functional(base())
        made.layers[1].trainable = False
        return keras.Sequential(
            [keras.Input((8, 8, 3)), *made.layers[1:-1], keras.layers.Dense(16)]
        )

    def epochs_of(train):
        steps = seen_batches(model(), train)[3:]  # Without those to build.
        each = len(steps) // 3
        return [steps[i : i + each] for i in range(0, len(steps), each)]

    for epoch in epochs_of(ordered):
        np.testing.assert_array_equal(np.concatenate(epoch), numbers)
        assert [len(step) for step in epoch] == [5, 5, 5, 1]
    for train, sizes in ((shuffled, [6, 6, 4]), ((PICTURES, numbers), [16])):
        epochs = [np.concatenate(epoch) for epoch in epochs_of(train)]
        for epoch in epochs:
            assert sorted(epoch) == list(numbers)
        assert len({tuple(epoch) for epoch in epochs}) == 3
        assert [len(step) for step in epochs_of(train)[0]] == sizes


def augmented():
    """Other pictures in each pass; a seeded `tf.random` would repeat itself."""
    random = np.random.default_rng(0)

    def draw():
        for picture, label in zip(PICTURES, LABELS, strict=True):
            yield picture + random.random(dtype="float32"), label

    specs = [tf.TensorSpec((8, 8, 3)), tf.TensorSpec((), tf.int64)]
    drawn = tf.data.Dataset.from_generator(draw, output_signature=tuple(specs))
    length = tf.data.experimental.assert_cardinality(4)
    return drawn.batch(5).apply(length)


def test_augmented_pictures_are_not_kept_and_it_says_why(capsys):
    train = augmented()
    model = model_with()
    cached_fit(model, train, epochs=1)
    assert (
        "Nothing is computed ahead: the pictures differ from pass to pass"
        in capsys.readouterr().out
    )
    assert int(model.optimizer.iterations) == 4
    with pytest.raises(CourseError, match='differ.*Give cache="auto"'):
        cached_fit(model, train, cache=True)
    assert int(model.optimizer.iterations) == 4


def test_several_views_take_their_turns(counted):
    train = augmented()
    model = model_with(dropout=0)
    cached_fit(model, train, epochs=6, cache=True, views=3, verbose=0)
    assert sum(counted) == 3 * 16
    views = [
        feature_rows.drawn_rows(base(), train, "some", 2**30) for _ in range(2)
    ]
    assert not np.allclose(views[0].features, views[1].features)


def test_each_epoch_takes_the_next_view():
    passes = itertools.count()

    def draw():  # The labels tell the pass.
        first = next(passes)
        for number, picture in enumerate(PICTURES):
            yield picture, (first + number) % 16

    specs = tf.TensorSpec((8, 8, 3)), tf.TensorSpec((), tf.int64)
    train = tf.data.Dataset.from_generator(draw, output_signature=specs)
    base_model = base()
    freeze(base_model)
    model = functional(base_model, classes=16)
    steps = seen_batches(model, train.batch(16), epochs=6, views=3)[-6:]
    taken = [int(labels[0]) for labels in steps]
    assert len(set(taken[:3])) == 3 and taken[3:] == taken[:3]


def test_a_model_that_cannot_be_cut_is_trained_as_it_is(capsys):
    model = build(Subclassed, base())
    before = model.get_weights()
    cached_fit(model, (PICTURES, LABELS))
    assert "neither functional nor sequential" in capsys.readouterr().out
    assert any(
        not np.array_equal(one, two)
        for one, two in zip(before, model.get_weights(), strict=True)
    )


def test_a_surprise_in_the_cut_is_a_reason_and_no_crash(monkeypatch, capsys):
    def surprise(model, images):
        raise KeyError(3)

    monkeypatch.setattr(
        "course_utils.transfer.cached_training.cut_at_freeze_boundary", surprise
    )
    model = model_with()
    cached_fit(model, in_fives())
    assert "could not be followed (KeyError: 3)" in capsys.readouterr().out
    assert int(model.optimizer.iterations) == 4


def test_callbacks_know_the_whole_model_and_may_end_the_training(tmp_path):
    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.seen = self.model

    model = model_with()
    look, path = Look(), tmp_path / "best.weights.h5"
    callbacks = [
        look,
        keras.callbacks.EarlyStopping("loss", mode="max", patience=1),
        keras.callbacks.ModelCheckpoint(str(path), save_weights_only=True),
        keras.callbacks.ReduceLROnPlateau("loss", mode="max", patience=1),
    ]
    history = cached_fit(
        model, in_fives(), epochs=20, callbacks=callbacks, cache=True, verbose=0
    )
    assert look.seen is model
    assert 2 <= len(history.epoch) < 20
    other = model_with()
    other.load_weights(path)
    for one, two in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_what_is_larger_than_the_budget_lies_on_the_disk(monkeypatch):
    found = []
    for budget in (2**30, 100):
        model = model_with(4)
        # Not taken from the disk, but computed.
        monkeypatch.setattr(feature_rows.feature_cache, "key", lambda *_: None)
        rows = []
        compute = feature_rows.feature_rows
        monkeypatch.setattr(
            "course_utils.transfer.cached_training.feature_rows",
            lambda *a, rows=rows, compute=compute, **k: (
                rows.append(compute(*a, **k)) or rows[-1]
            ),
        )
        cached_fit(
            model, in_fives(), epochs=2, cache=True, memory_bytes=budget,
            verbose=0,
        )  # fmt: skip
        assert isinstance(rows[0].features, np.memmap) == (budget == 100)
        found.append(model.get_weights())
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


def test_no_room_anywhere_is_a_reason(monkeypatch, capsys):
    monkeypatch.setattr(feature_rows, "SPARE_BYTES", 2**60)
    cached_fit(model_with(), in_fives(), memory_bytes=10)
    assert "more than fit into memory or onto the disk" in (
        capsys.readouterr().out
    )


def test_a_loss_by_the_name_of_its_output():
    histories = []
    for cache in (True, False):
        model = functional(base_model := base())
        freeze(base_model)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        name = model.output_names[0]
        model.compile("sgd", {name: loss}, metrics={name: ["accuracy"]})
        made = cached_fit(model, data().batch(4), cache=cache, verbose=0)
        histories.append(sorted(made.history))
    assert histories == [["accuracy", "loss"]] * 2


@pytest.mark.parametrize("loss", [None, "mse", "nope"])
def test_a_loss_that_is_none_or_does_not_fit(loss):
    model = functional(base())
    model.compile("sgd", loss)
    with pytest.raises(CourseError, match="without a loss|cannot be computed"):
        cached_fit(model, data().batch(4), verbose=0)


def test_whole_numbers_to_validate_on_are_taken_as_by_fit():
    whole = data().batch(4).map(lambda x, y: (tf.cast(x, "uint8"), y))
    made = cached_fit(model_with(), data().batch(4), whole, verbose=0)
    assert "val_loss" in made.history


def test_a_fit_is_resumed(tmp_path):
    for epochs in ([0, 1], [2]):
        model = model_with()
        backup = keras.callbacks.BackupAndRestore(
            tmp_path, delete_checkpoint=False
        )
        made = cached_fit(
            model,
            data().batch(4),
            epochs=epochs[-1] + 1,
            callbacks=[backup],
            verbose=0,
        )
        assert made.epoch == epochs


def test_data_of_unknown_rank():
    unknown = (
        data()
        .batch(4)
        .map(
            lambda *pair: tf.py_function(
                lambda *x: x, pair, ["float32", "int64"]
            )
        )
    )
    with pytest.raises(CourseError, match="how many dimensions") as refused:
        cached_fit(model_with(), unknown, cache=False, verbose=0)
    advice = re.search(r"\.map\((.*)\)`", str(refused.value)).group(1)
    known = unknown.map(eval(advice.replace("64, 64", "8, 8"), {"tf": tf}))
    cached_fit(model_with(), known, cache=False, verbose=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cache": "yes"}, "cache is 'yes', and 'auto' or True"),
        ({"cache": None}, "cache is None"),
        ({"views": 0}, "views"),
        ({"views": 1.5}, "views"),
        ({"views": 10**9}, "views is 1000000000"),
        ({"data": (PICTURES, {"head": LABELS})}, "cannot be computed for the"),
        ({"data": (PICTURES, LABELS, np.ones((16, 2)))}, "the training data"),
        (
            {"validation_data": (PICTURES, LABELS, np.full(16, "a"))},
            "cannot be computed for the validation data",
        ),
        ({"epochs": "3"}, "epochs is '3'"),
        ({"epochs": 2.5}, "epochs is 2.5"),
        ({"initial_epoch": -1}, "initial_epoch is -1"),
        ({"memory_bytes": "1 GB"}, "memory_bytes is '1 GB'"),
        ({"class_weight": {"a": 1.0, "b": 2.0}}, "class_weight has the key"),
        ({"class_weight": {0: 1.0}}, "class_weight has nothing for class 1"),
        ({"class_weight": [1, 2]}, "class_weight is of type list"),
        ({"callbacks": keras.callbacks.TerminateOnNaN()}, "in brackets"),
        ({"callbacks": [keras.callbacks.TerminateOnNaN]}, "an instance"),
        ({"validation_data": 0.2}, "Expected data with labels"),
        ({"validation_data": (PICTURES[:0], LABELS[:0])}, "validation data ar"),
        ({"data": (PICTURES, LABELS + 1)}, "A training label is 2"),
        ({"data": (PICTURES, LABELS * 0.5)}, "A training label is 0.5"),
        ({"data": (PICTURES, LABELS * np.nan)}, "are NaN"),
        ({"data": (PICTURES, LABELS.astype(str))}, "of dtype <U"),
        ({"data": (PICTURES, LABELS.astype(object))}, "of dtype object"),
        ({"data": (PICTURES, np.eye(2)[LABELS])}, "2 numbers per picture"),
        ({"data": (PICTURES[:0], LABELS[:0])}, "training data are empty"),
        ({"data": (PICTURES[..., :1], LABELS)}, "does not take the training"),
        ({"data": data()}, "batches"),
        ({"data": data().batch(4).batch(2)}, "once"),
    ],
)
@pytest.mark.parametrize("cache", ["auto", False])
def test_what_does_not_fit_is_named_and_nothing_was_trained(
    options, message, cache
):
    model = model_with()
    weights = model.get_weights()
    with pytest.raises(CourseError, match=message):
        cached_fit(
            model,
            **{"data": in_fives(), "epochs": 2, "cache": cache, **options},
        )
    assert not model.optimizer.built
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_known_already_is_looked_at_all_the_same():
    whole = tf.data.Dataset.from_tensor_slices((PICTURES, LABELS))
    cached_fit(model_with(), whole.batch(8), cache=True, verbose=0)
    drawn = whole.shuffle(16, seed=1).take(8).batch(4)
    with pytest.raises(CourseError, match="differ from pass to pass"):
        cached_fit(model_with(), drawn, cache=True, verbose=0)
    # Only the first batch has its place.
    parts = whole.skip(4).batch(4).shuffle(4, seed=1)
    parts = whole.take(4).batch(4).concatenate(parts)
    for _ in range(2):
        assert not feature_rows.feature_rows(base(), parts, "").in_order


def test_labels_in_words_are_kept_with_the_features():
    names = np.array(["ant", "bee"])[LABELS]
    data = tf.data.Dataset.from_tensor_slices((PICTURES, names)).batch(8)
    for _ in range(2):
        found = feature_rows.feature_rows(base(), data, "")
        assert found.in_order and found.labels.tolist() == [
            name.encode() for name in names
        ]


def test_labels_that_are_drawn_anew_are_not_kept():
    rng = np.random.default_rng(0)

    def draw(x, y):
        drawn = tf.numpy_function(lambda: rng.integers(2), [], tf.int64)
        return x, tf.ensure_shape(drawn, ())

    data = tf.data.Dataset.from_tensor_slices((PICTURES, LABELS)).map(draw)
    with pytest.raises(CourseError, match="labels or weights of the same"):
        cached_fit(model_with(), data.batch(8), cache=True, verbose=0)


@pytest.mark.parametrize("cache", [True, False])
def test_two_phases_compute_features_ahead_only_where_they_may(counted, cache):
    model = model_with()
    two_phase_fit(
        model, model.layers[0], in_fives(), in_fives(), 3, 1,
        cache=cache, last=4, verbose=0, patience=None,
    )  # fmt: skip
    # Computed ahead, training and validation; or in each step.
    assert sum(counted) == (32 if cache else 0)
