"""Lesson 01's checks: solution, stub, misconceptions, right in another way."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from course_utils.backbones.pretrained import load_backbone
from tests.answers.checking import check
from tests.conftest import TOP

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 64, 64, 3)).astype("float32")
IMAGES.setflags(write=False)
THEIRS = (IMAGES / 127.5 - 1)[..., ::-1]
STAGE3 = "stage3_block1_relu2"


# pm-02: scale and order of channels.


@pytest.mark.parametrize(
    "answer",
    [
        (THEIRS[..., ::-1] + 1) * 127.5,
        tf.reverse((tf.constant(THEIRS) + 1) * 127.5, axis=[-1]),
        np.rint((THEIRS[..., ::-1] + 1) * 127.5).astype("uint8"),
    ],
    ids=["numpy", "tensor", "uint8"],
)
def test_repaired_pictures_pass(work, answer):
    assert check("pm-02", answer, IMAGES)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((THEIRS + 1) * 127.5, "blue still comes first"),
        ((THEIRS[:, :, ::-1, ::-1] + 1) * 127.5, "left to right"),
        ((THEIRS[:, :, ::-1] + 1) * 127.5, "left to right"),
        (THEIRS[..., ::-1] * 255, "add before you multiply"),
        (THEIRS * 255, "And blue comes first"),
        ((THEIRS[..., ::-1] + 1) / 2, "want 0 to 255"),
        (THEIRS[..., ::-1] * 127.5, "not those of the pictures"),
        (THEIRS[..., ::-1] * 128 + 127, "not those of the pictures"),
        (THEIRS[:2], "had shape"),
        (np.full_like(THEIRS, np.nan), "not finite"),
        ("pictures", "array of pictures"),
    ],
)
def test_unrepaired_pictures_are_named(work, answer, said):
    status, message = check("pm-02", answer, IMAGES)
    assert status == "failed" and said in message


# pm-03: features from the middle.


def extractor(layer=STAGE3, weights="embedded", pool=True, trainable=False):
    base_model = load_backbone("residual", weights)
    x = base_model.get_layer(layer).output
    if pool:
        x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(base_model.input, x)
    model.trainable = trainable
    return model


def by_hand():
    base_model = load_backbone("residual")
    grid = keras.Model(base_model.input, base_model.get_layer(STAGE3).output)

    class Extractor(keras.Model):
        def __init__(self):
            super().__init__(trainable=False)
            self.grid = grid

        def call(self, images):
            return keras.ops.mean(self.grid(images), axis=(1, 2))

    return Extractor()


@pytest.mark.parametrize("build", [extractor, by_hand])
def test_features_of_the_middle_pass(work, build):
    assert check("pm-03", build(), IMAGES)[0] == "passed"


def largest():
    base_model = load_backbone("residual")
    x = base_model.get_layer(STAGE3).output
    return keras.Model(base_model.input, keras.layers.GlobalMaxPooling2D()(x))


def several():
    base_model = load_backbone("residual")
    outputs = [base_model.get_layer(STAGE3).output, base_model.output]
    return keras.Model(base_model.input, outputs)


@pytest.mark.parametrize(
    ("build", "status", "said"),
    [
        (lambda: extractor(pool=False), "failed", "average it"),
        (lambda: extractor("stage4_block1_relu2"), "failed", "take the output"),
        (lambda: extractor(weights=None), "failed", "pretrained"),
        (lambda: extractor("stage3_block1_relu1"), "failed", "not those"),
        (largest, "failed", "largest values"),
        (lambda: extractor(trainable=True), "partial", "still be trained"),
        (lambda: np.zeros((4, 96)), "failed", "Keras model"),
        (several, "failed", "2 outputs"),
        (
            lambda: keras.Sequential(
                [keras.layers.Rescaling(1 / 255), extractor()]
            ),
            "failed",
            "leave out your own scaling",
        ),
        (
            lambda: keras.Sequential([keras.Input((5,)), keras.layers.ReLU()]),
            "failed",
            "takes no pictures",
        ),
    ],
)
def test_other_features_are_named(work, build, status, said):
    found, message = check("pm-03", build(), IMAGES)
    assert found == status and said in message


# pm-04: cosine similarity.

# Lengths differ a lot, so that products, distances and cosines disagree.
GALLERY = RNG.uniform(0, 1, (60, 12)) * RNG.uniform(0.2, 5, (60, 1))
QUERY = RNG.uniform(0, 1, 12)
COSINES = GALLERY @ QUERY / np.linalg.norm(GALLERY, axis=1)
BEST = np.argsort(-COSINES)[:5]


@pytest.mark.parametrize("answer", [BEST, BEST.tolist(), tf.constant(BEST)])
def test_the_most_similar_pass(work, answer):
    assert check("pm-04", answer, GALLERY, QUERY)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (BEST[::-1], "partial", "another order"),
        (np.argsort(COSINES)[:5], "failed", "least similar"),
        (np.argsort(-(GALLERY @ QUERY))[:5], "failed", "divide by both"),
        (
            np.argsort(np.linalg.norm(GALLERY - QUERY, axis=1))[:5],
            "failed",
            "distances",
        ),
        (BEST[:4], "failed", "5 positions"),
        (np.sort(COSINES)[:5], "failed", "`argsort` gives positions"),
        ([0, 1, 2, 3, 60], "failed", "from 0 to 59"),
        ("near", "failed", "5 positions"),
        (np.setdiff1d(np.arange(60), BEST)[:5], "failed", "0 of your five"),
    ],
)
def test_other_neighbours_are_named(work, answer, status, said):
    found, message = check("pm-04", answer, GALLERY, QUERY)
    assert found == status and said in message


# pm-05: a choice under a budget.

FAMILIES = pd.DataFrame(
    {"top1_percent": [76.0, 75.6, 78.7, 81.3, 81.1]},
    index=["A", "B", "C", "D", "E"],
)
FAMILIES["ms"] = [90.0, 25.0, 40.0, 500.0, np.nan]


def test_the_best_within_the_budget_passes(work):
    assert check("pm-05", "C", FAMILIES, 50.0)[0] == "passed"
    assert check("pm-05", "D", FAMILIES, 501.0)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("D", "the budget is 50.0"),
        ("B", "another one"),
        ("E", "not timed"),
        ("F", "no model of the table"),
        (2, "no model of the table"),
    ],
)
def test_other_choices_are_named(work, answer, said):
    status, message = check("pm-05", answer, FAMILIES, 50.0)
    assert status == "failed" and said in message


# pm-06: which source for which target.

SCORES = pd.DataFrame(
    {"large": [0.6, 0.8, 0.7, 0.9], "small": [0.8, 0.79, 0.5, 0.6]},
    index=["near", "defects", "histology", "cells"],
)


def choices(**changed):
    best = {"near": "small", "defects": "large"}
    return best | {"histology": "large", "cells": "large"} | changed


@pytest.mark.parametrize("defects", ["large", "small"])  # As good as the other.
def test_good_choices_pass(work, defects):
    assert check("pm-06", choices(defects=defects), SCORES)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (choices(near="large"), "partial", "For near, small reaches 0.80"),
        (dict.fromkeys(SCORES.index, "small"), "failed", "2 of 4 are well"),
        (choices(cells="huge"), "failed", "'huge', for cells, is no backbone"),
        (choices(cells=3), "failed", "for cells, is no backbone"),
        ({"near": "small"}, "failed", "a dict with a backbone for each"),
        ("small", "failed", "a dict with a backbone for each"),
        (choices(near=...), "not attempted", "Put a backbone in each place"),
    ],
)
def test_poor_choices_are_named(work, answer, status, said):
    found, message = check("pm-06", answer, SCORES)
    assert found == status and said in message


def test_the_table_of_families_names_its_sources():
    table = pd.read_csv(TOP / "data" / "model_families.csv")
    assert table["source"].str.len().min() > 10
    assert table["top1_percent"].between(60, 95).all()
