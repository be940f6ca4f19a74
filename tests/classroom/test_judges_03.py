"""The trained network of lesson 03 is judged by what its arrays do."""

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from course_utils import backbones
from course_utils.answers.checks.training_evidence import Evidence
from course_utils.classroom import (
    release,
    submission_frames,
    submission_judging,
    submitted_values,
)
from course_utils.classroom.judges import Reference, lesson_03_judges
from course_utils.pictures import load_dataset
from tools import draw_hidden


@pytest.fixture(scope="module")
def metal():
    """Pictures and labels to train on, and a reference."""
    parts = load_dataset("defects")
    (x, y), (test_x, test_y) = (
        map(np.concatenate, zip(*some, strict=True))
        for some in (
            parts.train.take(4).as_numpy_iterator(),
            parts.test.shuffle(100, seed=0).take(6).as_numpy_iterator(),
        )
    )
    prepared = {"pictures": test_x, "labels": test_y, "accuracy": 0.55}
    prepared["moved"] = 1e-3
    return x, y, Reference({}, prepared)


def tuned(metal, hidden=(), kernels=1.0001, norms=1.0, shift=0, bias=True):
    """A network whose kernels and statistics have moved by a factor.

    With `shift` its head has learned other classes' names.
    """
    x, y, _ = metal
    base = backbones.load_backbone("residual")
    for weight in base.weights:
        name = weight.path
        if "_bn" in name:
            weight.assign(weight.numpy() * norms)
        elif name.endswith("kernel"):
            weight.assign(weight.numpy() * kernels)
    pool = keras.layers.GlobalAveragePooling2D()
    body = keras.Sequential([base, pool, *hidden])
    features = body.predict(x, verbose=0)
    head = keras.layers.Dense(6, activation="softmax", use_bias=bias)
    model = keras.Sequential([body, head])
    fit = LogisticRegression(C=0.03, max_iter=2000, fit_intercept=bias)
    fit.fit(np.nan_to_num(features), (y + shift) % 6)
    head.set_weights([fit.coef_.T, fit.intercept_][: len(head.weights)])
    return model


def judged(model, reference):
    """What the judge says of evidence, once it has travelled as data."""
    evidence = Evidence(model, finished=True)
    writer = submitted_values.Writer()
    trees = [writer.write(evidence), writer.write(evidence)]
    head = {"kind": "exercise", "id": "ft-08", "given": trees}
    records = submission_frames.unpack(
        submission_frames.pack(head, writer.arrays)
    )
    [item] = submission_judging.judge("03", records, {"ft-08": 3}, reference)
    return item["earned"], item["message"]


@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_what_is_good_on_new_pictures_passes(metal, activation):
    hidden = [keras.layers.Dense(64, activation)] if activation else []
    earned, message = judged(tuned(metal, hidden), metal[-1])
    assert (earned, "rightly" in message) == (3, True), message


@pytest.mark.parametrize("kind", ["no bias", "convolution"])
def test_a_head_may_lack_a_bias_or_be_a_convolution(metal, kind):
    bias = kind != "no bias"
    full = tuned(metal, bias=bias)
    if not bias:
        assert len(full.layers[-1].weights) == 1
        assert judged(full, metal[-1])[0] == 3
        return
    kernel, bias = full.layers[-1].get_weights()
    head = keras.layers.Conv2D(6, 1)
    pool = keras.layers.GlobalAveragePooling2D()
    model = keras.Sequential([full.layers[0].layers[0], head, pool])
    head.set_weights([kernel[None, None], bias])
    assert judged(model, metal[-1])[0] == 3


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"shift": 1}, "asked for"),
        ({"kernels": 1.0}, "unfreeze"),
        ({"kernels": 1.000001}, "raise the rate"),
        ({"norms": 1.001}, "batch normalization"),
        ({"kernels": np.nan}, "not finite"),
    ],
)
def test_what_is_not_is_told(metal, how, words):
    earned, message = judged(tuned(metal, **how), metal[-1])
    assert (earned, words in message) == (0, True), message


def test_a_teachers_own_pictures_are_taken(tmp_path):
    release(tmp_path, ["03"])
    own = draw_hidden.draw(tmp_path, 2)
    names = {"load_dataset": load_dataset, "my_model": Blind()}
    chance = np.random.default_rng(0)
    found = lesson_03_judges.prepare(names, chance, str(own))
    assert sorted(found["labels"]) == sorted(list(range(6)) * 2)
    first = next(iter(sorted(own.glob("crazing/*.jpg"))))
    with Image.open(first) as picture:
        shown = np.asarray(picture.convert("RGB"))
    # TensorFlow decodes a JPEG a little otherwise than Pillow.
    apart = abs(found["pictures"] - shown).max(axis=(1, 2, 3))
    assert sorted(apart)[0] <= 8 < 50 < sorted(apart)[1]
    assert found["accuracy"] == pytest.approx(1 / 6)
    assert found["moved"] == 0


class Blind:
    """A network that calls everything crazing."""

    weights = backbones.load_backbone("residual").weights

    def predict(self, pictures, verbose):
        """The scores of six classes."""
        return np.eye(6)[np.zeros(len(pictures), int)]


def test_another_network_or_head_is_told(metal):
    reference = metal[-1]
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6)])
    assert "not in this model" in judged(other, reference)[1]
    odd = tuned(metal, [keras.layers.BatchNormalization()])
    assert "Dense" in judged(odd, reference)[1]
    wide = np.zeros((64, 10**7), bool)
    assert lesson_03_judges._dense([wide, wide.T], [64, 6]) == []
    nothing = np.zeros((64, 0)), np.zeros((0, 6))
    assert lesson_03_judges._dense(nothing, [64, 6]) == []


def test_forged_shapes_are_told(metal):
    model = submitted_values.Model(
        [np.zeros(3)] * 2, ["a/kernel", "a/bias"], None
    )
    found = lesson_03_judges.judge_recipe(model, model, metal[-1])
    assert found[0] == "failed"
    found = lesson_03_judges.judge_recipe(1, model, metal[-1])
    assert "evidence" in found[1]
