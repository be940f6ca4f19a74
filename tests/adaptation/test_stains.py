"""Stains taken apart, put together, varied and exchanged."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage import color

from course_utils.adaptation.random_stains import RandomStains
from course_utils.adaptation.stains import (
    HAEMATOXYLIN_EOSIN,
    Stains,
    combine_stains,
    estimate_stains,
    normalise_stains,
    separate_stains,
)
from course_utils.machine.errors import CourseError

UNIT = HAEMATOXYLIN_EOSIN / np.linalg.norm(
    HAEMATOXYLIN_EOSIN, axis=1, keepdims=True
)
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(1, 256, (4, 8, 8, 3)).astype("float32")


def tissue(vectors=UNIT, strength=1.0):
    """Pictures of nothing but two stains, and their amounts."""
    rng = np.random.default_rng(0)
    amounts = rng.uniform(0.1, 0.6, (4, 32, 32, 2)) * strength
    # Here and there one stain is alone.
    amounts[:, :2, :, 0] = amounts[:, 2:4, :, 1] = 0
    return 255 * 10 ** -(amounts @ vectors), amounts


def test_amounts_by_hand():
    # Half a unit of haematoxylin, two tenths of eosin.
    pixel = 255 * 10 ** -(0.5 * UNIT[0] + 0.2 * UNIT[1])
    found = separate_stains(np.full((1, 2, 2, 3), pixel))
    np.testing.assert_allclose(found[0, 1, 1], [0.5, 0.2, 0], atol=1e-6)
    white = np.full((2, 2, 3), 255, "uint8")
    np.testing.assert_allclose(separate_stains(white), 0, atol=1e-6)


def test_what_is_taken_apart_can_be_put_together():
    back = combine_stains(separate_stains(PICTURES))
    np.testing.assert_allclose(back, PICTURES, atol=1e-2)
    black = combine_stains(separate_stains(0 * PICTURES))
    np.testing.assert_allclose(black, 1, atol=1e-4)
    others = np.array([[3.0, 1, 0], [0, 1, 2]])
    back = combine_stains(separate_stains(PICTURES, others), others)
    np.testing.assert_allclose(back, PICTURES, atol=1e-2)


def test_scikit_image_says_the_same_where_no_amount_is_negative():
    pictures, _ = tissue()
    rest = np.cross(*UNIT) / np.linalg.norm(np.cross(*UNIT))
    inverse = np.linalg.inv(np.stack([*UNIT, rest]))
    theirs = color.separate_stains(pictures / 255, inverse)
    # Its unit is an optical density of 6.
    np.testing.assert_allclose(separate_stains(pictures), 6 * theirs, atol=1e-5)


def test_augmentation_multiplies_and_adds_within_its_strength():
    # Stained well, so that nothing is cut off at white.
    before = RNG.uniform(0.4, 0.8, (64, 8, 8, 3)) * [1, 1, 0.1]
    augmented = RandomStains(0.05, seed=1)(combine_stains(before))
    after = np.asarray(separate_stains(augmented))
    assert np.asarray(augmented).max() < 255
    for picture in range(64):
        for stain in range(3):
            slope, shift = np.polyfit(
                before[picture, ..., stain].ravel(),
                after[picture, ..., stain].ravel(),
                1,
            )
            assert 0.95 - 1e-3 < slope < 1.05 + 1e-3
            assert -0.05 - 1e-3 < shift < 0.05 + 1e-3
            np.testing.assert_allclose(
                after[picture, ..., stain],
                slope * before[picture, ..., stain] + shift,
                atol=1e-3,
            )
    changes = (after - before).mean(axis=(1, 2))
    assert len(np.unique(changes.round(6))) == 64 * 3, "each has its own"


def test_augmentation_rests_in_inference_and_at_strength_zero():
    layer = RandomStains(0.2)
    np.testing.assert_array_equal(layer(PICTURES, training=False), PICTURES)
    np.testing.assert_array_equal(RandomStains(0)(PICTURES), PICTURES)
    model = keras.Sequential([keras.Input((8, 8, 3)), layer])
    np.testing.assert_array_equal(model.predict(PICTURES, verbose=0), PICTURES)
    changed = np.asarray(layer(PICTURES))
    assert abs(changed - PICTURES).max() > 1
    assert changed.min() >= 0 and changed.max() <= 255
    assert layer(PICTURES[0]).shape == (8, 8, 3)


def test_augmentation_in_a_pipeline_differs_from_epoch_to_epoch():
    layer = RandomStains(0.2, seed=0)
    data = tf.data.Dataset.from_tensor_slices(PICTURES).batch(2).cache()
    data = data.map(layer)
    first, second = (np.concatenate(list(data)) for _ in range(2))
    assert first.shape == PICTURES.shape
    assert abs(first - second).max() > 1


def test_augmentation_is_saved_with_a_model(tmp_path):
    layer = RandomStains(0.1, UNIT, seed=3)
    keras.Sequential([keras.Input((8, 8, 3)), layer]).save(tmp_path / "m.keras")
    (found,) = keras.models.load_model(tmp_path / "m.keras").layers
    assert found.get_config() == layer.get_config()


OTHER = np.array([[0.55, 0.75, 0.36], [0.15, 0.9, 0.40]])
OTHER /= np.linalg.norm(OTHER, axis=1, keepdims=True)


@pytest.mark.parametrize("vectors", [UNIT, OTHER])
def test_stains_are_found_again(vectors):
    pictures, amounts = tissue(vectors, 1.5)
    found = estimate_stains(pictures)
    np.testing.assert_allclose(found.vectors, vectors, atol=0.02)
    np.testing.assert_allclose(
        np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6
    )
    strengths = np.percentile(amounts.reshape(-1, 2), 99, axis=0)
    np.testing.assert_allclose(found.strengths, strengths, rtol=0.05)


def test_pictures_get_the_stains_of_others():
    # The same tissue, in other colours and stronger stains.
    ours, _ = tissue(UNIT)
    theirs, _ = tissue(OTHER, 1.5)
    exact = [
        Stains(vectors, np.array([0.6, 0.6]) * strength)
        for vectors, strength in [(OTHER, 1.5), (UNIT, 1)]
    ]
    np.testing.assert_allclose(normalise_stains(theirs, *exact), ours, atol=0.1)
    found = normalise_stains(
        theirs, estimate_stains(theirs), estimate_stains(ours)
    )
    assert abs(np.asarray(found) - ours).mean() < 4
    assert abs(theirs - ours).mean() > 20


def test_normalising_works_in_a_pipeline():
    pictures, _ = tissue()
    stains = estimate_stains(pictures)
    data = tf.data.Dataset.from_tensor_slices(pictures).batch(2)
    data = data.map(lambda x: normalise_stains(x, stains, stains))
    np.testing.assert_allclose(np.concatenate(list(data)), pictures, atol=0.5)


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (PICTURES[:0], "no pictures"),
        (PICTURES[..., :1], "colour pictures of shape"),
        (PICTURES[0, 0], "colour pictures of shape"),
        (PICTURES / 255, "leave out `/ 255`"),
        (PICTURES - 127, "from 0 to 255, and these are from"),
        ((PICTURES - 127) / 60, "leave out `/ 255`"),
        (np.where(PICTURES > 200, np.nan, PICTURES), "pictures with NaN"),
    ],
)
def test_what_has_no_stains(images, said):
    for function in (separate_stains, estimate_stains, RandomStains()):
        with pytest.raises(CourseError, match=said) as refused:
            function(images)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "images",
    [
        PICTURES.astype(str),
        tf.constant(PICTURES.astype(str)),
        tf.data.Dataset.from_tensors(PICTURES),
        None,
    ],
)
def test_what_are_no_pictures(images):
    for function in (separate_stains, estimate_stains):
        with pytest.raises(CourseError, match="are no numbers"):
            function(images)


def test_stains_that_cannot_be_told():
    white = np.full((2, 16, 16, 3), 250.0)
    with pytest.raises(CourseError, match="Only 0 pixels have tissue"):
        estimate_stains(white)
    grey = np.repeat(RNG.uniform(10, 100, (2, 16, 16, 1)), 3, axis=-1)
    with pytest.raises(CourseError, match="one colour only"):
        estimate_stains(grey)


@pytest.mark.parametrize(
    "vectors", [np.eye(3), UNIT[[0, 0]], np.full((2, 3), np.nan), 0 * UNIT]
)
def test_vectors_that_are_no_two_stains(vectors):
    for function in (
        lambda: separate_stains(PICTURES, vectors),
        lambda: combine_stains(PICTURES / 255, vectors),
        lambda: RandomStains(vectors=vectors),
    ):
        with pytest.raises(CourseError, match="two stains that differ"):
            function()


@pytest.mark.parametrize("strengths", [[0, 1], [1, -1], [1, np.nan], "ab", [1]])
def test_strengths_that_are_none(strengths):
    right, wrong = Stains(UNIT, np.ones(2)), Stains(UNIT, strengths)
    for source, target in ((right, wrong), (wrong, right)):
        with pytest.raises(CourseError, match="strengths"):
            normalise_stains(PICTURES, source, target)


@pytest.mark.parametrize("strength", [-0.1, 1, float("nan")])
def test_a_strength_that_is_none(strength):
    with pytest.raises(CourseError, match="from 0 and below 1"):
        RandomStains(strength)
