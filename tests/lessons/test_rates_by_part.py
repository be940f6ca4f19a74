"""Lesson 03's lines for a rate for each part do what the lesson says."""

import re

import keras
import numpy as np
import pytest

from tests.conftest import TOP

pytestmark = pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"),
    reason="this Keras has no MultiOptimizer",
)


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize(
    ("key", "rates"),
    [("(.*/)?head/.*", [1e-4, 1e-3]), ("head", [1e-4, 1e-4])],
    ids=["the lesson's key", "a key that matches no whole path"],
)
def test_each_part_moves_by_its_own_rate(key, rates, functional):
    lesson = (TOP / "lessons" / "03_fine_tuning.py").read_text("utf-8")
    [block] = re.findall(r"# ```python\n(# rates = .*?)# ```", lesson, re.S)
    assert '"(.*/)?head/.*"' in block
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="tanh", name="backbone"),
            keras.layers.Dense(3, activation="softmax", name="head"),
        ]
    )
    if functional:  # where paths begin with the layer's own name
        model = keras.Model(model.inputs, model.outputs)
        model = keras.models.clone_model(model)
        assert model.layers[-1].kernel.path == "head/kernel"
    before = [layer.kernel.numpy() for layer in model.layers[-2:]]
    names = {**vars(keras.optimizers), "model": model}
    names["loss"] = "categorical_crossentropy"
    exec(
        re.sub("^# ", "", block, flags=re.M).replace("(.*/)?head/.*", key),
        names,
    )
    x = np.random.default_rng(0).normal(size=(32, 4))
    model.train_on_batch(x, np.eye(3)[np.arange(32) % 3])
    steps = [
        np.abs(layer.kernel.numpy() - old).max()
        for layer, old in zip(model.layers[-2:], before, strict=True)
    ]
    assert steps == pytest.approx(rates, rel=0.05)
