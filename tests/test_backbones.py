"""Tests of the backbones and of their embedded weights."""

import keras
import numpy as np
import pytest

from course_utils import backbones, datasets, embedded
from course_utils.errors import CourseError


@pytest.fixture(scope="module")
def base_model():
    return backbones.load_backbone("residual")


@pytest.fixture(scope="module")
def pictures():
    """Training and validation pictures of the defects, as arrays."""
    parts = datasets.load_dataset("defects")
    return [
        tuple(np.concatenate(column) for column in zip(*part, strict=True))
        for part in (parts.train, parts.validation)
    ]


def test_shapes_are_those_of_the_card(base_model):
    card = embedded.card("backbones", "residual")
    assert list(base_model.input_shape[1:]) == card["input_shape"]
    assert list(base_model.output_shape[1:]) == card["feature_shape"]
    assert base_model.name == "residual"
    images = np.zeros((2, *card["input_shape"]), dtype="uint8")
    assert base_model(images).shape == (2, *card["feature_shape"])


def test_it_stays_small(base_model):
    assert base_model.count_params() <= 700_000
    path = embedded.verified_file("backbones", "residual")
    assert path.stat().st_size <= 3_000_000


def test_preprocessing_is_inside(base_model):
    # From 0 and 255, the network itself makes -1 and 1.
    rescaling = base_model.get_layer("preprocessing")
    values = np.array([0.0, 127.5, 255.0])
    np.testing.assert_allclose(rescaling(values), [-1, 0, 1], atol=1e-6)
    assert base_model.layers[1] is rescaling


def test_embedded_weights_are_those_of_the_file(base_model):
    other = backbones.load_backbone("residual", weights=None)
    before = [np.array(w) for w in other.get_weights()]
    loaded = base_model.get_weights()
    assert any(
        not np.array_equal(a, b) for a, b in zip(before, loaded, strict=True)
    )
    other.load_weights(embedded.verified_file("backbones", "residual"))
    for a, b in zip(other.get_weights(), loaded, strict=True):
        np.testing.assert_array_equal(a, b)


def test_batch_normalization_has_seen_pictures(base_model):
    # Fresh statistics (mean 0, variance 1) would mean a broken export.
    statistics = [
        layer.moving_variance
        for layer in base_model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert statistics
    assert all(np.any(np.abs(v - 1) > 1e-3) for v in statistics)


def test_each_load_is_a_model_of_its_own(base_model):
    other = backbones.load_backbone("residual")
    other.trainable = False
    assert base_model.trainable
    assert other is not base_model


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(CourseError, match=r"'residul'.*'residual'\?"):
        backbones.load_backbone("residul")
    with pytest.raises(CourseError, match="expected 'residual'"):
        backbones.load_backbone(50)


def test_unknown_weights_name_the_nearest():
    with pytest.raises(CourseError, match=r"'embeded'.*'embedded'\?"):
        backbones.load_backbone("residual", weights="embeded")
    with pytest.raises(CourseError, match="'embedded' or None"):
        backbones.load_backbone("residual", weights="imagenet")


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
