"""Data sets load as the lessons expect them."""

import numpy as np
import pytest

from course_utils.datasets import load_dataset
from course_utils.embedded import card
from course_utils.errors import CourseError


@pytest.fixture(scope="module")
def defects():
    return load_dataset("defects", batch_size=50)


def test_images_are_batches_in_0_to_255(defects):
    images, labels = next(iter(defects.train))
    assert images.shape == (50, 64, 64, 3) and images.dtype == "float32"
    assert labels.shape == (50,) and labels.dtype == "int32"
    assert 0 <= np.min(images) < 64 and 128 < np.max(images) <= 255


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_every_class_has_as_many_pictures_as_the_card_says(defects, part):
    batches = [labels for _, labels in getattr(defects, part)]
    counts = np.bincount(np.concatenate(batches))
    facts = card("datasets", "defects")
    assert defects.class_names == facts["classes"]
    assert counts.tolist() == [facts["counts_per_class"][part]] * 6


def test_validation_and_test_keep_their_order_and_train_does_not(defects):
    def order(part):
        return np.concatenate([labels for _, labels in part]).tolist()

    assert (
        order(defects.test)
        == order(defects.test)
        == sorted(order(defects.test))
    )
    assert order(defects.train) != order(defects.train)


def test_no_picture_stands_in_two_parts(defects):
    def pictures(part):
        return {i.numpy().tobytes() for batch, _ in part for i in batch}

    train, validation, test = map(
        pictures, (defects.train, defects.validation, defects.test)
    )
    assert not train & validation and not (train | validation) & test


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(CourseError, match="did you mean 'defects'"):
        load_dataset("deffects")
