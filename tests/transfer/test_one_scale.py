"""The best of two phases is told on one scale, and named by its metric."""

import keras
import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.transfer.monitored_metric import penalties
from course_utils.transfer.training_history import History
from course_utils.transfer.two_phase_training import two_phase_fit
from tests.tiny_models import ONE_BATCH, base, build, functional

pytestmark = pytest.mark.usefixtures("without_graphs")


@pytest.fixture(autouse=True)
def same_weights_each_time():
    keras.utils.set_random_seed(0)


def penalised_base():
    regularizer = keras.regularizers.L2(0.1)
    x = inputs = keras.Input((8, 8, 3))
    for number in range(2):
        x = keras.layers.Conv2D(
            8,
            3,
            activation="relu",
            kernel_regularizer=regularizer,
            name=f"stage{number}_conv",
        )(x)
    return keras.Model(inputs, x)


def train(model, base_model, rate, **options):
    return two_phase_fit(
        model,
        base_model,
        ONE_BATCH,
        ONE_BATCH,
        head_epochs=2,
        fine_tune_epochs=2,
        fine_tune_learning_rate=rate,
        verbose=0,
        **options,
    )


@pytest.mark.parametrize(
    ("rate", "phase", "monitor", "unfrozen"),
    [
        (0.01, "fine-tuning", "val_loss", {}),
        (0.01, "fine-tuning", "val_loss", {"from_layer": "stage1"}),
        (0.01, "fine-tuning", "loss", {}),
        (20, "head", "val_loss", {}),
        (20, "head", "val_loss", {"from_layer": "stage1"}),
    ],
)
def test_penalties_of_frozen_weights(rate, phase, monitor, unfrozen):
    model = build(functional, base_model := penalised_base())
    history = train(model, base_model, rate, monitor=monitor, **unfrozen)
    logged = history.history[monitor]
    assert min(logged[:2]) < min(logged[2:]), "Keras compares two scales"
    at = history.epoch.index(history.best_epoch)
    assert history.phases[at] == phase
    assert penalties(model) > 0.1
    if monitor == "val_loss":
        found = model.evaluate(ONE_BATCH, verbose=0, return_dict=True)["loss"]
        assert history.best_value == pytest.approx(found, rel=1e-4)
    if phase == "head":
        assert f", or {logged[at]:.4g} without" in history.summary()
        difference = history.best_value - logged[at]
        assert difference == pytest.approx(penalties(model), rel=1e-3)
    else:
        assert history.best_value == logged[at]
        assert "without" not in history.summary()


def test_what_is_no_loss_stays_as_it_is():
    model = build(functional, base_model := penalised_base())
    model.compile("sgd", model.loss, metrics=["accuracy"])
    history = train(model, base_model, 1e-30, monitor="val_accuracy")
    assert history.best_value in history.history["val_accuracy"]
    found = model.evaluate(ONE_BATCH, verbose=0, return_dict=True)
    assert history.best_value == pytest.approx(found["accuracy"])


def averaging(wrapped=False):
    optimizer = keras.optimizers.Adam(0.01, use_ema=True)
    if wrapped:
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


@pytest.mark.parametrize("wrapped", [False, True])
def test_averaged_weights_are_refused(wrapped):
    model = build(functional, base_model := base())
    model.compile(averaging(wrapped), model.loss)
    optimizer, before = model.optimizer, model.get_weights()
    with pytest.raises(CourseError, match="Adam averages .* without use_ema"):
        train(model, base_model, 0.01)
    assert model.optimizer is optimizer
    assert all(map(np.array_equal, before, model.get_weights()))


def made():
    return History(
        history={
            "val_loss": [3.0, 2.0],
            "val_accuracy": [0.5, 0.25],
            "val_f1_score": [np.array([0.5, 1.0]), np.array([0.25, 0.125])],
        },
        epoch=[0, 1],
        phases=["head", "fine-tuning"],
        best_epoch=0,
        monitor="val_accuracy",
        best_value=0.5,
    )


def test_the_summary_speaks_of_what_was_monitored():
    history = made()
    assert "the best: val_accuracy 0.5." in history.summary()
    assert history.summary() in repr(history)


def test_the_report_speaks_of_what_was_monitored():
    from course_utils.evaluation.model_report_page import _training

    assert "the best: val_accuracy 0.5." in _training(made())
