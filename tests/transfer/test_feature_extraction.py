"""Features computed once serve as well as a frozen backbone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.machine.errors import CourseError
from course_utils.transfer import feature_cache
from course_utils.transfer.feature_extraction import extract_features
from course_utils.transfer.freezing import freeze
from tests.tiny_models import IMAGES, LABELS, base

pytestmark = pytest.mark.usefixtures("without_graphs")

DATA = (IMAGES.astype("float32"), LABELS)


def head():
    return keras.Sequential(
        [
            keras.Input((2, 2, 4)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )


def compile_and_fit(model, data):
    loss = "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model.fit(data, epochs=5, verbose=0).history["loss"]


def batches(*data):
    return tf.data.Dataset.from_tensor_slices(data).batch(6)


def test_a_head_on_features_becomes_the_head_of_a_frozen_fit():
    base_model = base()
    # Statistics as after a pretraining, not 0 and 1.
    base_model.compile("sgd", "mse")
    base_model.fit(IMAGES, np.ones((16, 2, 2, 4)), epochs=3, verbose=0)
    freeze(base_model)
    first, second = head(), head()
    second.set_weights(first.get_weights())
    whole = keras.Sequential([keras.Input((8, 8, 3)), base_model, first])
    data = batches(*DATA)
    losses = compile_and_fit(whole, data)

    features, labels = extract_features(base_model, data)
    assert features.shape == (16, 2, 2, 4) and features.dtype == "float32"
    np.testing.assert_array_equal(labels, LABELS)
    cached = compile_and_fit(second, batches(features, labels))
    np.testing.assert_allclose(cached, losses, atol=1e-4)
    for one, other in zip(
        first.get_weights(), second.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_arrays_and_several_labels():
    base_model = base()
    labels = {"a": LABELS, "b": LABELS + 1}
    features, found = extract_features(
        base_model, (IMAGES, labels), batch_size=5
    )
    np.testing.assert_allclose(
        features, base_model.predict(IMAGES, verbose=0), atol=1e-5
    )
    np.testing.assert_array_equal(found["b"], labels["b"])


def test_the_budget_is_kept_before_anything_is_computed(monkeypatch):
    base_model = base()
    size = 16 * 2 * 2 * 4 * 4
    extract_features(base_model, DATA, budget_bytes=size)
    monkeypatch.setattr(base_model, "predict_on_batch", None)
    for data in (DATA, batches(*DATA)):
        for cache in (False, True):
            with pytest.raises(CourseError, match=f"need {size:,} bytes, and"):
                extract_features(base_model, data, size - 1, cache=cache)


def test_what_has_no_features():
    for cache in (False, True):
        with pytest.raises(CourseError, match="There are no pictures"):
            extract_features(base(), (IMAGES[:0], LABELS[:0]), cache=cache)
    with pytest.raises(CourseError, match="not str"):
        extract_features("residual", DATA)
    for wrong in ({"cache": "auto"}, {"budget_bytes": "1 GB"}):
        with pytest.raises(CourseError, match=f"{next(iter(wrong))} is '"):
            extract_features(base(), DATA, **wrong)
    several = batches(*DATA).map(lambda x, y: ({"image": x}, y))
    with pytest.raises(CourseError, match="several arrays of pictures"):
        extract_features(base(), several, cache=True)
    with pytest.raises(CourseError, match="data with labels"):
        extract_features(base(), IMAGES)


def test_features_on_disk_are_computed_once(work, counted):
    base_model = base()
    data = (IMAGES.astype("float32"), LABELS)
    features, labels = extract_features(base_model, data, cache=True)
    assert len(counted) == 1
    again, same = extract_features(base_model, data, cache=True)
    assert len(counted) == 1
    np.testing.assert_array_equal(features, again)
    np.testing.assert_array_equal(labels, same)
    # In other batches they are the same pictures, with labels of their own.
    other = tf.data.Dataset.from_tensor_slices((data[0], 1 - LABELS)).batch(5)
    again, other_labels = extract_features(base_model, other, cache=True)
    assert len(counted) == 1
    np.testing.assert_array_equal(features, again)
    np.testing.assert_array_equal(other_labels, 1 - LABELS)
    # Another weight, other pictures, and no cache: computed.
    extract_features(base_model, data)
    base_model.weights[0].assign(base_model.weights[0] * 2)
    doubled, _ = extract_features(base_model, data, cache=True)
    assert len(counted) == 3 and not np.array_equal(features, doubled)


def test_pictures_of_other_sets_are_not_computed_again(work, counted):
    images, labels = DATA
    base_model = base()
    extract_features(base_model, (images[:8], labels[:8]), cache=True)
    before = len(counted)
    whole, _ = extract_features(base_model, DATA, batch_size=4, cache=True)
    assert len(counted) == before + 2  # of four batches
    mixed = np.concatenate([images[::2], images[1::2] + 1])[::-1]
    new, _ = extract_features(base_model, (mixed, labels), 2**30, 4, cache=True)
    assert len(counted) == before + 4  # of new pictures, full batches
    np.testing.assert_array_equal(new[8:], whole[::2][::-1])
    some = images[4:12][::-1], labels[4:12]
    part, _ = extract_features(base_model, some, cache=True)
    assert len(counted) == before + 4
    np.testing.assert_array_equal(part, whole[4:12][::-1])
    computed, _ = extract_features(base_model, DATA)
    np.testing.assert_allclose(whole, computed, atol=1e-6)


def drawn_pictures():
    """Sixteen pictures, each of which shows its own label."""
    pictures = np.arange(16, dtype="float32")[:, None, None, None]
    pictures = np.tile(pictures, (1, 2, 2, 3))
    return tf.data.Dataset.from_tensor_slices((pictures, range(16)))


def test_shuffled_pictures_keep_their_labels_and_are_computed_once(
    work, counted
):
    keras.utils.set_random_seed(0)
    data = drawn_pictures().shuffle(16).batch(4)
    model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.ReLU()])
    orders = []
    for _ in range(2):
        features, labels = extract_features(model, data, cache=True)
        np.testing.assert_array_equal(features[:, 0, 0, 0], labels)
        orders.append(labels)
    assert len(counted) == 4
    assert not np.array_equal(*orders)


def test_pictures_that_differ_from_pass_to_pass_are_not_kept(work, counted):
    model = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.ReLU()])
    passes = iter(range(100))

    def other(x, y):
        return x + tf.numpy_function(
            lambda: np.float32(next(passes)), [], "float32"
        ), y

    drawn = drawn_pictures().map(other)
    partly = drawn_pictures().shuffle(16).batch(5, drop_remainder=True)
    keras.utils.set_random_seed(0)
    for data in (drawn.batch(4), partly):
        with pytest.raises(CourseError, match="leave out cache=True"):
            extract_features(model, data, cache=True)
        assert len(extract_features(model, data)[0]) in (15, 16)
    assert not feature_cache.folder().exists()


@pytest.mark.parametrize("cache", [False, True])
def test_a_backbone_of_several_outputs_is_told(work, cache):
    base_model = base()
    early = base_model.layers[3].output
    model = keras.Model(base_model.input, [early, base_model.output])
    with pytest.raises(CourseError, match="gives several outputs"):
        extract_features(model, DATA, cache=cache)
