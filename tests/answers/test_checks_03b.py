"""Lesson 03b's checks: solution, misconceptions, right in another way."""

import types

import keras
import numpy as np
import pandas as pd
import pytest

from course_utils import course
from course_utils.backbones.pretrained import load_backbone
from course_utils.transfer.freezing import unfreeze

pytestmark = pytest.mark.usefixtures("without_graphs")

NAMES = [f"tr-{number:02}" for number in range(1, 6)]


@pytest.mark.parametrize("name", NAMES)
def test_the_stub_is_not_attempted(work, name):
    assert course.exercise(name).check(...).status == "not attempted"


# tr-01: the least patience that reaches the best epoch.

#                 best so far at 0, 1, 5 and 7
LOSSES = np.array([0.9, 0.7, 0.72, 0.71, 0.73, 0.6, 0.65, 0.4, 0.5, 0.45])
LOSSES.setflags(write=False)


def check_patience(answer):
    result = course.exercise("tr-01").check(answer, LOSSES)
    return result.status, result.message


def scripted_epochs(patience):
    losses = LOSSES.tolist()

    class Script(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = losses[epoch]

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    stopping = keras.callbacks.EarlyStopping(patience=patience)
    history = model.fit(
        np.ones((2, 1)),
        np.ones((2, 1)),
        epochs=len(losses),
        callbacks=[Script(), stopping],
        verbose=0,
    )
    return history.epoch


def test_keras_agrees_on_the_least_patience(work):
    assert 7 not in scripted_epochs(3) and 7 in scripted_epochs(4)
    for answer in (4, 4.0, np.int64(4), keras.ops.array(4)):
        assert check_patience(answer)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (3, "it must be more"),
        (7, "from the last new best"),
        (2, "how many epochs come after"),
        (5, "so does a smaller one"),
        (1, "ends before epoch 7"),
        ("4", "not '4'"),
        ([4], "one number"),
    ],
)
def test_each_misconception_about_patience_is_named(work, answer, named):
    status, message = check_patience(answer)
    assert status == "failed" and named in message


# tr-02: counting on.


def check_count(epochs, first=(0, 1, 2, 3)):
    history = types.SimpleNamespace(epoch=epochs)
    result = course.exercise("tr-02").check(history, list(first))
    return result.status, result.message


def test_counting_on_passes(work):
    assert check_count([4, 5, 6])[0] == "passed"
    assert check_count([1, 2, 3], [0])[0] == "passed"


@pytest.mark.parametrize(
    ("epochs", "named"),
    [
        ([], "is where to end"),
        ([0, 1, 2], "set `initial_epoch`"),
        ([3, 4, 5], "ran in both"),
        ([10, 11, 12], "count those that ran"),
        ([4, 5], "2 epochs ran, not 3"),
    ],
)
def test_each_misconception_about_counting_is_named(work, epochs, named):
    status, message = check_count(epochs)
    assert status == "failed" and named in message


def test_going_on_with_a_new_model_is_named(work):
    def small():
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    def counted_on(model):
        data = np.ones((2, 1)), np.ones((2, 1))
        return model.fit(*data, initial_epoch=4, epochs=7, verbose=0)

    model = small()
    model.fit(np.ones((2, 1)), np.ones((2, 1)), epochs=4, verbose=0)
    exercise, first = course.exercise("tr-02"), [0, 1, 2, 3]
    assert exercise.check(counted_on(model), first).status == "passed"
    result = exercise.check(counted_on(small()), first)
    assert result.status == "failed" and "go on with `small`" in result.message


def test_what_is_no_history_is_named(work):
    result = course.exercise("tr-02").check({"loss": [1]}, [0])
    assert result.status == "failed" and "not dict" in result.message


# tr-03: only the last stage, and listed.

IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 64, 64, 3))
CLASSES = np.arange(8) % 6


def functional(base_model):
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    return keras.Model(inputs, keras.layers.Dense(6)(x))


def sequential(base_model):
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([base_model, pool, keras.layers.Dense(6)])


class Subclassed(keras.Model):
    def __init__(self, base_model):
        super().__init__()
        self.base_model = base_model
        self.head = keras.layers.Dense(6)

    def call(self, x, training=None):
        x = self.base_model(x, training=training)
        return self.head(keras.ops.mean(x, axis=(1, 2)))


def trained(base_model, build=functional, optimizer="sgd"):
    model = build(base_model)
    model(IMAGES[:1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss)
    with course.watch(model) as evidence:
        model.fit(IMAGES, CLASSES, verbose=0)
    return model, base_model, evidence


def check_stage(*made):
    result = course.exercise("tr-03").check(*made)
    return result.status, result.message


def by_hand(wanted):
    base_model = load_backbone("residual")
    for layer in base_model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = wanted(layer.name) and not norm
    return base_model


def last_stage():
    return by_hand(lambda name: name.startswith("stage4"))


@pytest.mark.parametrize("build", [functional, sequential, Subclassed])
def test_the_last_stage_alone_passes_however_built(work, build):
    made = trained(last_stage(), build, "adam")
    assert check_stage(*made)[0] == "passed"
    before = made[0].get_weights()
    check_stage(*made)
    assert all(map(np.array_equal, before, made[0].get_weights()))


def test_by_helper_is_right_too(work):
    base_model = load_backbone("residual")
    unfreeze(base_model, from_layer="stage4")
    assert check_stage(*trained(base_model))[0] == "passed"


def loop_in_a_frozen_backbone():
    base_model = load_backbone("residual")
    base_model.trainable = False
    for layer in base_model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name.startswith("stage4") and not norm
    return base_model


def test_a_list_that_is_empty_is_half_of_it(work):
    result = course.exercise("tr-03").check(
        *trained(loop_in_a_frozen_backbone())
    )
    assert result.status == "partial" and result.score == 0.5
    assert "own flag says frozen" in result.message


def batch_norm_too():
    base_model = load_backbone("residual")
    unfreeze(base_model, from_layer="stage4", batch_norm=True)
    return base_model


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: load_backbone("residual"), "Batch normalization moved"),
        (batch_norm_too, "Batch normalization moved"),
        (lambda: by_hand(lambda name: True), "before the last stage moved"),
        (lambda: by_hand(lambda name: False), "stayed as they were"),
        (
            lambda: by_hand(lambda name: name == "stage4_block1_conv2"),
            "stayed as they were",
        ),
    ],
)
def test_each_misconception_about_the_stage_is_named(work, make, named):
    status, message = check_stage(*trained(make()))
    assert status == "failed" and named in message


def random_weights():
    base_model = load_backbone("residual", weights=None)
    unfreeze(base_model, from_layer="stage4")
    return base_model


def other_weights():
    base_model = last_stage()
    for weight in base_model.weights:
        if "stage4" in weight.path and "kernel" in weight.path:
            weight.assign(1.1 * weight)
    return base_model


@pytest.mark.parametrize("make", [random_weights, other_weights])
def test_other_weights_than_the_pretrained_are_named(work, make):
    status, message = check_stage(*trained(make()))
    assert status == "failed" and "were not pretrained when" in message


def two_units(base_model):
    model = functional(base_model)
    outputs = keras.layers.Dense(2)(model.layers[-2].output)
    return keras.Model(model.input, outputs)


def test_a_head_for_other_classes_is_named(work, monkeypatch):
    monkeypatch.setitem(globals(), "CLASSES", CLASSES % 2)
    status, message = check_stage(*trained(last_stage(), two_units))
    assert status == "failed" and "(None, 2)" in message


@pytest.mark.graphs
def test_a_stale_compile_is_named(work):
    base_model = load_backbone("residual")
    base_model.trainable = False
    model, _, _ = trained(base_model)
    unfreeze(base_model, from_layer="stage4")
    with course.watch(model) as evidence:
        model.fit(IMAGES, CLASSES, verbose=0)
    status, message = check_stage(model, base_model, evidence)
    assert status == "failed" and "recompile after unfreezing" in message


def test_what_does_not_belong_together_is_named(work):
    made = trained(last_stage())
    with course.watch(made[0]) as nothing:
        assert "is not over" in check_stage(*made[:2], nothing)[1]
    assert "Nothing has learned" in check_stage(*made[:2], nothing)[1]
    assert "not about this model" in check_stage(made[1], made[1], made[2])[1]
    other = load_backbone("residual")
    assert "is not in this model" in check_stage(made[0], other, made[2])[1]
    assert "of type str" in check_stage(made[0], "base", made[2])[1]


# tr-04: what was forgotten at each rate.

CURVES = pd.DataFrame(
    {
        "learning_rate": [0.1, 0.1, 0.1, 0.01, 0.01, 0.01],
        "step": [0, 25, 50] * 2,
        "source_accuracy": [0.9, 0.3, 0.4, 0.9, 0.7, 0.8],
    }
)
LOST = np.array([0.1, 0.5])


def check_forgotten(answer):
    result = course.exercise("tr-04").check(answer, CURVES)
    return result.status, result.message


def test_what_was_forgotten_passes(work):
    series = pd.Series(LOST[::-1], index=[0.1, 0.01])
    answers = [LOST, LOST.tolist(), series, {0.1: 0.5, 0.01: 0.1}]
    for answer in answers:
        assert check_forgotten(answer)[0] == "passed"
    assert check_forgotten(LOST + 0.0003)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (-LOST, "Turn it round"),
        (0.9 - LOST, "what is left"),
        (LOST / 0.9, "shares of what was there"),
        (100 * LOST, "not in percent"),
        ([0.3, 0.3], "group by the rate"),
        ([0.2, 0.6], "are not the differences"),
        (0.5, "one number for each"),
    ],
)
def test_each_misconception_about_forgetting_is_named(work, answer, named):
    status, message = check_forgotten(answer)
    assert status == "failed" and named in message


# tr-05: the penalty of L2-SP.

NOW = [np.array([[1.0, 2.0]]), np.array([3.0])]
ORIGINS = [np.array([[0.0, 4.0]]), np.array([3.5])]  # squares: 1, 4, 0.25


def check_penalty(answer):
    result = course.exercise("tr-05").check(answer, NOW, ORIGINS, 0.1)
    return result.status, result.message


def test_the_penalty_passes(work):
    right = (0.2625, np.float32(0.2625), keras.ops.array(0.2625))
    for answer in (*right, 0.262, 0.263, 0.26, np.float16(0.2625)):
        assert check_penalty(answer)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (0.525, "half of the strength"),
        (5.25, "weigh it with the strength"),
        (2.625, "the strength as well"),
        (0.0875, "a mean"),
        (0.05 * 5.25**0.5, "square it"),
        (0.05 * 14, "towards zero"),
        (0.05 * 3.5, "absolute"),
        (1.0, "it is not"),
        (True, "not True"),
    ],
)
def test_each_misconception_about_the_penalty_is_named(work, answer, named):
    status, message = check_penalty(answer)
    assert status == "failed" and named in message
