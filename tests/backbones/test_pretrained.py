"""Tests of the backbones and of their embedded weights."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import preprocessing, pretrained
from course_utils.machine import data_files
from course_utils.machine.errors import CourseError
from course_utils.pictures import datasets

OWN = ("residual", "mobile", "vision_transformer", "residual_narrow")


@pytest.fixture(scope="module")
def base_model():
    return pretrained.load_backbone("residual")


@pytest.fixture(scope="module")
def pictures():
    """Training and validation pictures of the defects, as arrays."""
    parts = datasets.load_dataset("defects")
    return [
        tuple(np.concatenate(column) for column in zip(*part, strict=True))
        for part in (parts.train, parts.validation)
    ]


@pytest.mark.parametrize("name", OWN)
def test_shapes_are_those_of_the_card(name):
    base_model = pretrained.load_backbone(name)
    card = data_files.card("backbones", name)
    assert list(base_model.input_shape[1:]) == card["input_shape"]
    assert list(base_model.output_shape[1:]) == card["feature_shape"]
    assert base_model.name == name
    images = np.zeros((2, *card["input_shape"]), dtype="uint8")
    assert base_model(images).shape == (2, *card["feature_shape"])


def test_they_stay_small():
    assert set(data_files.names("backbones")) == set(OWN)
    for name in OWN:
        size = sum(
            data_files.verified_file("backbones", name, part).stat().st_size
            for part in ("file", "heads")
        )
        assert size <= 3_000_000
    data = data_files.verified_file("backbones", "residual").parents[1]
    files = [path for path in data.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 20_000_000


@pytest.mark.parametrize("name", OWN)
def test_preprocessing_is_inside(name):
    # From 0 and 255, the network itself makes -1 and 1.
    base_model = pretrained.load_backbone(name, weights=None)
    scaling = base_model.get_layer("preprocessing")
    values = np.array([0.0, 127.5, 255.0])
    np.testing.assert_allclose(scaling(values), [-1, 0, 1], atol=1e-6)
    assert base_model.layers[1] is scaling


WRONG = {
    "scaled to 0..1": (lambda x: x / 255, "from 0 to 1: leave out"),
    "scaled to -1..1": (lambda x: x / 127.5 - 1, "from -1 to 1: leave out"),
    "16 bits": (lambda x: x * 257, "divide pictures of 16 bits by 257"),
    "far below": (lambda x: x - 200, "from -200 to 55"),
    "far above": (lambda x: 2 * x, "from 0 to 510"),
    "NaN": (lambda x: np.where(x > 250, np.nan, x), "not finite: find"),
    "infinite": (lambda x: np.where(x > 250, np.inf, x), "not finite: find"),
    "standardised": (lambda x: (x / 255 - 0.45) / 0.225, "2.44: leave out"),
}


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def scaling_alone():
    inputs = keras.Input((64, 64, 3))
    return keras.Model(inputs, preprocessing.PictureScaling()(inputs))


def with_head(base_model):
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([base_model, pool, keras.layers.Dense(2)])


@pytest.fixture(scope="module")
def random_pictures():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 64, 64, 3)).astype("float32")
    images[0, 0, 0], images[0, 0, 1] = 0, 255
    return images


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_scale_is_named(base_model, random_pictures, wrong):
    spoil, sentence = WRONG[wrong]
    with pytest.raises(CourseError) as caught:
        base_model(spoil(random_pictures))
    assert str(caught.value).startswith(preprocessing.RANGE_SENTENCE)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(tf.errors.InvalidArgumentError) as in_graph:
        base_model.predict(spoil(random_pictures), verbose=0)
    assert str(caught.value) in str(in_graph.value)


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_wrong_scale_is_named_in_training(random_pictures, eagerly):
    model = with_head(scaling_alone())
    model.compile("sgd", LOSS, run_eagerly=eagerly)
    kind = CourseError if eagerly else tf.errors.InvalidArgumentError
    with pytest.raises(kind, match="leave out"):
        model.fit(random_pictures / 255, np.arange(4) % 2, verbose=0)
    model.fit(random_pictures, np.arange(4) % 2, verbose=0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_judges_what_was_given(random_pictures, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = with_head(scaling_alone())
    finally:
        keras.config.set_dtype_policy("float32")
    assert model(random_pictures).dtype == policy.removeprefix("mixed_")
    # 65535 is beyond what half precision can hold.
    for wrong in ("scaled to 0..1", "scaled to -1..1", "16 bits", "NaN"):
        spoil, sentence = WRONG[wrong]
        with pytest.raises(CourseError, match=sentence):
            model(spoil(random_pictures))


def test_dark_and_overshooting_pictures_are_welcome(base_model):
    dark = np.zeros((2, 64, 64, 3), "uint8")
    base_model(dark)
    dark[0, 0, 0] = 1
    base_model(dark)
    base_model(np.linspace(-20, 280, dark.size).reshape(dark.shape))


def test_a_saved_backbone_loads_again(base_model, random_pictures, tmp_path):
    base_model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(random_pictures, verbose=0),
        base_model.predict(random_pictures, verbose=0),
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="leave out"):
        loaded.predict(random_pictures / 255, verbose=0)


def test_positions_matter_to_the_vision_transformer(random_pictures):
    base_model = pretrained.load_backbone("vision_transformer")
    # Without positions, tokens that change places only change places.
    left = np.array(base_model(random_pictures))
    turned = np.roll(random_pictures, 32, axis=2)
    right = np.roll(np.array(base_model(turned)), -4, axis=2)
    assert np.abs(left - right).max() > 0.01


@pytest.mark.parametrize("name", OWN)
def test_embedded_weights_are_those_of_the_file(name):
    loaded = pretrained.load_backbone(name)
    other = pretrained.load_backbone(name, weights=None)
    pairs = zip(other.get_weights(), loaded.get_weights(), strict=True)
    assert any(not np.array_equal(a, b) for a, b in pairs)
    other.load_weights(data_files.verified_file("backbones", name))
    for a, b in zip(other.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == np.float32  # stored in 16 bits


def test_other_shapes_than_64_pixels(base_model):
    wide = pretrained.load_backbone("residual", input_shape=(96, 128, 3))
    assert wide.output_shape == (None, 6, 8, 144)
    for a, b in zip(wide.get_weights(), base_model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    for shape in (64, (64, 64), (64, 64, 1), (65, 64, 3), (16, 16, 3)):
        with pytest.raises(CourseError, match="32 on in multiples of 16"):
            pretrained.load_backbone("residual", input_shape=shape)
    with pytest.raises(CourseError, match=r"\(64, 64, 3\) only"):
        pretrained.load_backbone("vision_transformer", input_shape=(96, 96, 3))


@pytest.mark.parametrize("name", ["residual", "mobile", "residual_narrow"])
def test_batch_normalization_has_seen_pictures(name):
    # Fresh statistics (mean 0, variance 1) would mean a broken export.
    statistics = [
        layer.moving_variance
        for layer in pretrained.load_backbone(name).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert statistics
    assert all(np.any(np.abs(v - 1) > 1e-3) for v in statistics)


def test_each_load_is_a_model_of_its_own(base_model):
    other = pretrained.load_backbone("residual")
    other.trainable = False
    assert base_model.trainable
    assert other is not base_model


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(CourseError, match=r"'residul'.*'residual'\?"):
        pretrained.load_backbone("residul")
    with pytest.raises(CourseError, match=r"'mobilenet_v3'.*'mobilenet_v2'\?"):
        pretrained.load_backbone("mobilenet_v3")
    with pytest.raises(CourseError, match="no backbone 50: choose 'efficient"):
        pretrained.load_backbone(50)


def test_unknown_weights_name_those_that_there_are():
    with pytest.raises(CourseError, match="'embeded'.*'embedded'"):
        pretrained.load_backbone("residual", weights="embeded")
    with pytest.raises(CourseError, match="None or 'embedded'"):
        pretrained.load_backbone("residual", weights="imagenet")
    with pytest.raises(CourseError, match="'default' or 'imagenet' was"):
        pretrained.load_backbone("mobilenet_v2", "embedded")


def test_frozen_features_tell_defects_apart(base_model, pictures):
    (images, labels), (new_images, new_labels) = pictures
    pool = keras.layers.GlobalAveragePooling2D()

    def features(images):
        return np.array(pool(base_model.predict(images, verbose=0)))

    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.layers.Dense(6)])
    head.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    head.fit(features(images), labels, epochs=10, verbose=0)
    _, accuracy = head.evaluate(features(new_images), new_labels, verbose=0)
    # Chance is 0.17; an untrained backbone must not pass.
    assert accuracy > 0.5
