"""Features on disk: the same ones for the same question, and no others."""

import keras
import numpy as np
import pytest

from course_utils.transfer import feature_cache
from course_utils.transfer.feature_cache import (
    digests_of,
    fill,
    key,
    load,
    save,
)
from tests.tiny_models import IMAGES, base, functional

pytestmark = pytest.mark.usefixtures("work")
DIGESTS = digests_of(IMAGES)


def test_each_number_of_a_picture_counts_and_not_its_neighbours():
    whole = digests_of(IMAGES)
    assert len(set(whole)) == len(IMAGES)
    assert digests_of(IMAGES[:5]) + digests_of(IMAGES[5:]) == whole
    assert digests_of(IMAGES[::-1]) == whole[::-1]
    changed = IMAGES.copy()
    changed[7, 3, 3, 1] += 1e-9
    assert [
        number
        for number, pair in enumerate(
            zip(digests_of(changed), whole, strict=True)
        )
        if pair[0] != pair[1]
    ] == [7]
    turned = IMAGES.reshape(16, 4, 16, 3)
    for other in (IMAGES.astype("float32"), turned):
        assert not set(digests_of(other)) & set(whole)


def test_a_model_is_known_by_its_layers_and_weights_not_by_names():
    def model(activation="relu"):
        keras.utils.set_random_seed(0)
        dense = keras.layers.Dense(2, activation)
        pool = keras.layers.GlobalAveragePooling2D()
        inputs = keras.Input((8, 8, 3))
        return keras.Model(inputs, dense(pool(inputs)))

    pictures = digests_of(IMAGES)
    first = key(model(), pictures)
    assert key(model(), pictures) == first
    assert key(model("sigmoid"), pictures) != first
    frozen = model()
    frozen.trainable = False
    assert key(frozen, pictures) == first
    other = model()
    other.weights[0].assign(other.weights[0] + 1e-7)
    assert key(other, pictures) != first
    assert key(model(), pictures[:8]) != first


def test_a_smoke_run_keeps_its_features_apart(monkeypatch):
    model = base()
    first = key(model, DIGESTS)
    monkeypatch.setenv("COURSE_SMOKE", "1")
    assert key(model, DIGESTS).split("-")[0] != first.split("-")[0]


def test_a_layer_of_the_learners_own_is_not_kept():
    class Mine(keras.layers.Layer):
        def call(self, x):
            return x

    pictures = digests_of(IMAGES)
    for layer in (Mine(), keras.layers.Lambda(lambda x: x + 1)):
        assert key(keras.Sequential([base(), layer]), pictures) is None
    assert key(functional(base()), pictures)


def test_what_was_kept_comes_back_whole():
    features = np.arange(12, dtype="float32").reshape(3, 4)
    assert load("a", (3, 4), features.dtype) is None
    save("a", features, DIGESTS[: len(features)])
    np.testing.assert_array_equal(load("a", (3, 4), features.dtype), features)
    assert load("a", (4, 3), features.dtype) is None
    assert load("a", (3, 4), np.dtype("float16")) is None
    assert [p.name for p in feature_cache.folder().iterdir()] == ["a.npy"]


@pytest.mark.parametrize("length", [0, 5, 100])
def test_a_file_cut_off_is_as_none(length):
    features = np.ones((3, 4), "float32")
    save("a", features, DIGESTS[: len(features)])
    path = feature_cache.folder() / "a.npy"
    path.write_bytes(path.read_bytes()[:length])
    assert load("a", (3, 4), features.dtype) is None
    save("a", features, DIGESTS[: len(features)])
    assert load("a", (3, 4), features.dtype) is not None


def test_pictures_are_found_in_other_sets_of_the_same_model():
    kept = np.arange(12, dtype="float32").reshape(3, 4)
    save("model-first", kept, DIGESTS[:3])
    save("other-first", kept + 50, DIGESTS[3:6])
    features = np.full((4, 4), -1, "float32")
    wanted = [DIGESTS[n] for n in (4, 2, 0, 2)]  # one of them twice
    assert fill("model-second", features, wanted) == {DIGESTS[0], DIGESTS[2]}
    np.testing.assert_array_equal(features[[1, 2, 3]], kept[[2, 0, 2]])
    assert (features[0] == -1).all()
    for other in (np.ones((3, 5), "float32"), np.ones((3, 4), "float16")):
        assert not fill("model-second", other, DIGESTS[:3])
        assert (other == 1).all()


@pytest.mark.parametrize("length", [0, 5, 140, 200])
def test_what_was_cut_off_gives_no_picture(length):
    save("model-a", np.ones((3, 4), "float32"), DIGESTS[:3])
    path = feature_cache.folder() / "model-a.npy"
    content = path.read_bytes()
    assert len(content) > length
    path.write_bytes(content[:length])
    assert not fill("model-b", np.zeros((3, 4), "float32"), DIGESTS[:3])


def test_the_one_not_used_for_longest_makes_room(monkeypatch):
    features = np.ones((1000,), "float32")
    monkeypatch.setattr(feature_cache, "MOST_BYTES", 3 * 4200)
    for name in "abc":
        save(name, features, [])
    for number, name in enumerate("abc"):
        path = feature_cache.folder() / f"{name}.npy"
        feature_cache.os.utime(path, (number, number))
    assert load("a", (1000,), features.dtype) is not None  # used again
    save("d", features, [])
    kept = {path.stem for path in feature_cache.folder().iterdir()}
    assert kept == {"a", "c", "d"}
    save("huge", np.ones(10_000, "float32"), [])
    assert kept == {path.stem for path in feature_cache.folder().iterdir()}


def test_what_a_kill_left_behind_goes_after_a_day():
    features = np.ones(3, "float32")
    save("a", features, DIGESTS[: len(features)])
    fresh = feature_cache.folder() / "b.1.partial"
    old = feature_cache.folder() / "c.2.partial"
    for path in (fresh, old):
        path.write_bytes(b"half")
    feature_cache.os.utime(old, (0, 0))
    save("d", features, [])
    assert fresh.exists() and not old.exists()


def test_a_disk_without_room_keeps_nothing_and_says_nothing(
    small_disk, monkeypatch
):
    monkeypatch.setenv("COURSE_CACHE", str(small_disk))
    save("a", np.ones(2**20, "float32"), [])
    assert list(feature_cache.folder().iterdir()) == []


def test_a_layers_name_stands_for_nothing_but_that_layer():
    def model(kind, name, dtype=None):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(2, 3, dtype=dtype)(inputs)
        return keras.Model(inputs, keras.layers.Activation(kind, name=name)(x))

    first = key(model("relu", "relu"), DIGESTS)
    assert key(model("tanh", "tanh"), DIGESTS) != first
    assert key(model("relu", "another"), DIGESTS) == first
    assert key(model("relu", "relu", "mixed_float16"), DIGESTS) != first


def test_a_function_of_the_learners_own_is_not_kept():
    def act(x):
        return keras.ops.relu(x)

    def relu(x):
        return 2 * keras.ops.relu(x)

    for layer in (
        keras.layers.Activation(act),
        keras.layers.Activation(relu),
        keras.layers.Activation(lambda x: act(x)),
        keras.layers.Dense(2, act),
    ):
        assert key(keras.Sequential([base(), layer]), DIGESTS) is None
    own = keras.Sequential([base(), keras.layers.Dense(2, "relu")])
    assert key(own, DIGESTS)
