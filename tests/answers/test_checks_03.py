"""Lesson 03's checks: solution, stub, misconceptions, right in another way."""

import types

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy import stats

from course_utils import course
from course_utils.backbones.pretrained import load_backbone
from course_utils.transfer.compiling import recompile
from course_utils.transfer.freezing import unfreeze
from course_utils.transfer.learning_rates import LearningRates
from tests import tiny_models
from tests.conftest import TOP

pytestmark = pytest.mark.usefixtures("without_graphs")

IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 64, 64, 3))
LABELS = np.arange(8) % 6
# Read-only: a judge that changes what it is given fails every test here.
IMAGES.setflags(write=False)
LABELS.setflags(write=False)


def check(name, *given):
    result = course.exercise(name).check(*given)
    return result.status, result.message


@pytest.mark.parametrize(
    ("name", "asked"),
    [("ft-01", 3), ("ft-02", 2), ("ft-03", 2), ("ft-04", 2), ("ft-05", 2)],
)
def test_the_stub_is_not_attempted(work, name, asked):
    assert check(name, *[...] * asked)[0] == "not attempted"


# ft-01: a model that was unfrozen after a fit.


def stale(kind=tiny_models.functional):
    base = tiny_models.base()
    base.trainable = False
    model = tiny_models.build(kind, base)
    tiny_models.fit(model)
    base.trainable = True
    return base, model


def repaired(base, model, repair, fit=tiny_models.fit):
    repair(model)
    with course.watch(model) as evidence:
        fit(model)
    return check("ft-01", evidence, model, base)


@pytest.mark.graphs
@pytest.mark.parametrize("kind", tiny_models.KINDS)
@pytest.mark.parametrize("repair", [recompile, tiny_models.compiled])
def test_a_repaired_model_passes_however_built(work, kind, repair):
    status, message = repaired(*stale(kind), repair)
    assert status == "passed" and "knows the new flags" in message


@pytest.mark.graphs
def test_a_repair_inside_the_block_or_without_batch_norm_passes(work):
    base, model = stale()
    unfreeze(base)
    assert repaired(base, model, recompile)[0] == "passed"
    base, model = stale()
    with course.watch(model) as evidence:
        recompile(model)
        tiny_models.fit(model)
    assert check("ft-01", evidence, model, base)[0] == "passed"


def with_old_optimizer(model):
    model.compile(model.optimizer, model.loss)


def tried(model):
    with pytest.raises((ValueError, NotImplementedError)):
        tiny_models.fit(model)


def freeze_again(model):
    model.get_layer("base").trainable = False
    recompile(model)


@pytest.mark.graphs
@pytest.mark.parametrize(
    ("repair", "fit", "named"),
    [
        (lambda model: None, tiny_models.fit, "recompile after unfreezing"),
        (with_old_optimizer, tried, "Nothing has learned"),
        (recompile, lambda model: None, "Nothing has learned"),
        (freeze_again, tiny_models.fit, "leave its flag at True"),
    ],
)
def test_each_failed_repair_is_named(work, repair, fit, named):
    status, message = repaired(*stale(), repair, fit)
    assert status == "failed" and named in message


@pytest.mark.graphs
def test_a_repair_that_ends_in_an_error_is_named(work):
    base, model = stale()
    with_old_optimizer(model)
    with (
        pytest.raises((ValueError, NotImplementedError)),
        course.watch(model) as evidence,
    ):
        tiny_models.fit(model)
    status, message = check("ft-01", evidence, model, base)
    assert status == "failed" and "compile with a new one" in message


def test_evidence_that_is_none_is_named(work):
    base, model = stale()
    other_base, other = stale()
    recompile(other)
    with course.watch(other) as evidence:
        tiny_models.fit(other)
        message = check("ft-01", evidence, other, other_base)[1]
        assert "is not over" in message
    assert "another model" in check("ft-01", evidence, model, base)[1]
    assert "should be evidence" in check("ft-01", model, model, base)[1]


# ft-02: the last stage of the real backbone, batch norm as it was.


def last_stage(weights="embedded", base_model=None):
    base_model = base_model or load_backbone("residual", weights)
    for layer in base_model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = layer.name.startswith("stage4") and not norm
    return base_model


def functional(features_of):
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(features_of(inputs))
    return keras.Model(inputs, keras.layers.Dense(6)(x))


def flat(base_model):
    x = keras.layers.GlobalAveragePooling2D()(base_model.output)
    return keras.Model(base_model.input, keras.layers.Dense(6)(x))


def sequential(base_model):
    pool = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([base_model, pool, keras.layers.Dense(6)])


class Inference(keras.Model):
    def __init__(self, base_model):
        super().__init__()
        self.base_model = base_model
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(6)

    def call(self, x):
        return self.head(self.pool(self.base_model(x, training=False)))


def trained(model, before=None):
    model(IMAGES[:1])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    if before:
        before()
    with course.watch(model) as evidence:
        model.fit(IMAGES, LABELS, verbose=0)
    return model, evidence


@pytest.mark.parametrize("build", [functional, flat, sequential, Inference])
def test_the_last_stage_passes_however_built(work, build):
    status, message = check("ft-02", *trained(build(last_stage())))
    assert status == "passed", message


def test_the_last_stage_unfrozen_by_the_helper_passes(work):
    base_model = load_backbone("residual")
    unfreeze(base_model, from_layer="stage4")
    result = course.exercise("ft-02").check(*trained(functional(base_model)))
    assert result.status == "passed"
    assert "all of batch normalization included" in result.evidence[1]


def with_training_false():
    base_model = load_backbone("residual")
    for layer in base_model.layers:
        layer.trainable = layer.name.startswith("stage4")
    return functional(lambda x: base_model(x, training=False))


def with_scales():
    base_model = load_backbone("residual")
    for layer in base_model.layers:
        layer.trainable = layer.name.startswith("stage4")
    return Inference(base_model)


def everything():
    base_model = load_backbone("residual")
    unfreeze(base_model)
    return functional(base_model)


def head_only():
    base_model = load_backbone("residual")
    base_model.trainable = False
    return functional(base_model)


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (with_training_false, "6 statistics of batch normalization have moved"),
        (with_scales, "6 scales and shifts of batch normalization"),
        (everything, "kernels outside of the last stage have moved"),
        (head_only, "Only the head has learned"),
        (lambda: functional(last_stage(None)), "are not pretrained"),
    ],
)
def test_each_misconception_about_unfreezing_is_named(work, build, named):
    status, message = check("ft-02", *trained(build()))
    assert status == "failed" and named in message


def test_a_part_of_the_last_stage_is_half_of_it(work):
    base_model = load_backbone("residual")
    unfreeze(base_model, from_layer="stage4_block1_conv2")
    status, message = check("ft-02", *trained(functional(base_model)))
    assert status == "partial" and "belongs to it, too" in message


def test_a_last_stage_that_began_at_random_is_named(work):
    base_model, fresh = last_stage(), load_backbone("residual", weights=None)
    for layer in fresh.layers:
        if layer.name.startswith("stage4") and "conv" in layer.name:
            base_model.get_layer(layer.name).set_weights(layer.get_weights())
    status, message = check("ft-02", *trained(functional(base_model)))
    assert status == "failed" and "are not pretrained (stage4" in message


@pytest.mark.graphs
def test_unfreezing_after_a_fit_is_named(work):
    base_model = load_backbone("residual")
    base_model.trainable = False
    model = functional(base_model)

    def fit_and_unfreeze():
        model.fit(IMAGES, LABELS, verbose=0)
        last_stage(base_model=base_model)

    status, message = check("ft-02", *trained(model, fit_and_unfreeze))
    assert status == "failed" and "recompile after unfreezing" in message


def test_nothing_learned_and_wrong_evidence_are_named(work):
    model = functional(last_stage())
    model.compile("sgd", "mse")
    with course.watch(model) as evidence:
        pass
    assert "Nothing has learned" in check("ft-02", model, evidence)[1]
    assert "not about this model" in check("ft-02", model, model)[1]
    assert "of type str" in check("ft-02", "model", evidence)[1]


# ft-03: epochs, counted on. Only the numbers are looked at.


def history(*epochs):
    return types.SimpleNamespace(epoch=list(epochs))


FIRST = history(0, 1, 2, 3, 4, 5)


def test_epochs_counted_on_pass(work):
    assert check("ft-03", history(6, 7, 8, 9), FIRST)[0] == "passed"


def test_epochs_of_a_real_fit_pass(work):
    model = tiny_models.build(tiny_models.sequential, tiny_models.base())
    fit = tiny_models.IMAGES, tiny_models.LABELS
    first = model.fit(*fit, epochs=2, verbose=0)
    second = model.fit(*fit, initial_epoch=2, epochs=6, verbose=0)
    assert check("ft-03", second, first)[0] == "passed"
    assert "No epoch" in check("ft-03", model.fit(*fit, epochs=0), first)[1]
    other = tiny_models.build(tiny_models.functional, tiny_models.base())
    fresh = other.fit(*fit, initial_epoch=2, epochs=6, verbose=0)
    status, message = check("ft-03", fresh, first)
    assert status == "failed" and "of another model" in message


@pytest.mark.parametrize(
    ("second", "named"),
    [
        (history(), "not how many to make"),
        (history(0, 1, 2, 3), "counts from 0 again"),
        (history(5, 6, 7, 8), "Epoch 5 is there twice"),
        (history(20, 21, 22, 23), "never made"),
        (history(10, 11, 12, 13), "never made"),
        (history(4, 5, 6, 7), "some numbers are there twice"),
        (history(6, 7, 8), "makes 3 epochs"),
        (history(6, 7, 8, 9, 10), "makes 5 epochs"),
        (FIRST, "first phase again"),
        (4, "not int"),
        (None, "not None"),
    ],
)
def test_each_misconception_about_epochs_is_named(work, second, named):
    status, message = check("ft-03", second, FIRST)
    assert status == "failed" and named in message


# ft-04: a rate from a range test. The smoothed loss is lowest at 0.1.

RATES = np.geomspace(1e-5, 1, 51)
SMOOTHED = 0.3 + (np.arange(51) - 40.0) ** 2 / 1000
FOUND = LearningRates(RATES, SMOOTHED - 0.01, SMOOTHED, 0.01)


@pytest.mark.parametrize(
    "answer", [0.01, 0.02, RATES[40] / 5, np.float32(0.03), tf.constant(0.005)]
)
def test_a_rate_somewhat_below_the_turn_passes(work, answer):
    assert check("ft-04", answer, FOUND)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (40, "the place in the array"),
        (0.3, "the lowest loss"),
        (RATES[40], "begins to rise"),
        (0.09, "all but the rate"),
        (0.5, "rising already"),
        (1e-5, "very many steps"),
        (0, "above 0"),
        (-0.01, "above 0"),
        ("0.01", "not '0.01'"),
        (None, "not None"),
        (RATES, "not ndarray"),
        (float("nan"), "not nan"),
    ],
)
def test_each_misconception_about_the_rate_is_named(work, answer, named):
    status, message = check("ft-04", answer, FOUND)
    assert status == "failed" and named in message


# ft-05: what the last layers hold.


@pytest.fixture(scope="module")
def backbone():
    base_model = load_backbone("residual", None)
    unfreeze(base_model)
    return base_model


def held(layers):
    return sum(layer.count_params() for layer in layers)


def test_the_share_passes(work, backbone):
    share = held(backbone.layers[-8:]) / backbone.count_params()
    for answer in (share, round(share, 3), tf.constant(share)):
        assert check("ft-05", answer, backbone)[0] == "passed"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda last, all_, model: 100 * last / all_, "in percent"),
        (lambda last, all_, model: last, "divide by"),
        (lambda last, all_, model: 1 - last / all_, "all the other layers"),
        (lambda last, all_, model: 8 / len(model.layers), "of the layers"),
        (
            lambda last, all_, model: held(model.layers[:8]) / all_,
            "at the beginning",
        ),
        (
            lambda last, all_, model: (
                sum(
                    int(np.prod(w.shape))
                    for layer in model.layers[-8:]
                    for w in layer.trainable_weights
                )
                / all_
            ),
            "left out what is frozen",
        ),
        (lambda last, all_, model: 0.5, "0.5 is not it"),
        (lambda last, all_, model: "a third", "not 'a third'"),
        (lambda last, all_, model: [0.3, 0.4], "not list"),
    ],
)
def test_each_misconception_about_the_share_is_named(
    work, backbone, wrong, named
):
    last = held(backbone.layers[-8:])
    answer = wrong(last, backbone.count_params(), backbone)
    status, message = check("ft-05", answer, backbone)
    assert status == "failed" and named in message


# What the lesson and its quiz say of the experiment is what its rows say.


@pytest.fixture(scope="module")
def tried():
    return pd.read_csv(TOP / "data" / "experiments" / "fine_tuning.csv")


def half_width(values):
    return stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)


@pytest.mark.parametrize("target", ["near", "defects"])
def test_the_sweep_found_what_the_lesson_says(tried, target):
    own = tried[tried.experiment == "learning_rate"]
    own = own[own.target == target]
    means = own.groupby("learning_rate").mean(numeric_only=True)
    source, value = means["source_accuracy"], means["value"]
    assert means["validation_value"].idxmax() == 1e-3
    # The lowest rate is told to be worse; the head's rate loses everything.
    test = own.pivot(index="seed", columns="learning_rate", values="value")
    gap = test[1e-5] - test[1e-3]
    assert gap.mean() < -half_width(gap)
    guessing = (3 * 1 / 6 + 2 * 1 / 3) / 5
    assert source[1e-2] == pytest.approx(guessing, abs=0.03)
    assert value[1e-2] < 0.3
    # The source falls with each rate, the target rises up to the best.
    assert source.is_monotonic_decreasing
    assert value[:1e-3].is_monotonic_increasing
    assert source[3e-3] < source[1e-5] - 0.3


def test_depth_gained_and_cost_what_the_lesson_says(tried):
    depth = tried[tried.experiment == "depth"]
    assert (depth["train_accuracy"] == 1).all()
    parts = depth.groupby("variant")["parameters"].first().sort_values().index
    gains = {}
    for column in ("value", "source_accuracy"):
        wide = depth.set_index(["labels", "seed", "variant"])[column].unstack()
        gains[column] = wide.sub(wide["head only"], axis=0)[parts[1:]]
    for count in (40, 100):
        own = gains["value"].loc[count]
        half = own.agg(half_width)
        assert (own.mean() > -half).all()
        told = list(parts[3:]) if count == 100 else []
        assert list(parts[1:][own.mean() > half]) == told
        assert (
            gains["source_accuracy"].loc[count].mean().is_monotonic_decreasing
        )
    assert gains["value"].loc[100].mean().is_monotonic_increasing
