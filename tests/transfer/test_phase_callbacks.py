"""Callbacks that remember: they work over two phases, or are refused."""

import csv

import keras
import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.notebook.live_training import LiveTraining
from course_utils.transfer.two_phase_training import two_phase_fit
from tests.tiny_models import ONE_BATCH, base, build, functional
from tests.transfer.test_one_scale import penalised_base

pytestmark = pytest.mark.usefixtures("without_graphs")


def train(callbacks, base_model=None, **options):
    base_model = base_model or base()
    model = build(functional, base_model)
    model.compile("sgd", model.loss, metrics=["accuracy"])
    options = {"head_epochs": 2, "fine_tune_epochs": 2, **options}
    history = two_phase_fit(
        model,
        base_model,
        ONE_BATCH,
        ONE_BATCH,
        verbose=0,
        callbacks=callbacks,
        **options,
    )
    return model, history


def test_what_works(tmp_path):
    kinds = keras.callbacks
    callbacks = [
        kinds.EarlyStopping(patience=5, restore_best_weights=True),
        kinds.ReduceLROnPlateau(patience=5),
        kinds.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        kinds.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        kinds.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
        kinds.TerminateOnNaN(),
        LiveTraining(),
    ]
    model, history = train(callbacks)
    assert history.epoch == [0, 1, 2, 3]
    found = model.evaluate(ONE_BATCH, verbose=0, return_dict=True)["loss"]
    assert history.best_value == pytest.approx(found, rel=1e-4)
    saved = keras.models.load_model(tmp_path / "best.keras")
    pairs = zip(saved.get_weights(), model.get_weights(), strict=True)
    assert all(np.allclose(one, other) for one, other in pairs)
    assert len(list(tmp_path.glob("[0-9].keras"))) == 4
    rates = history.history["learning_rate"]
    assert rates == pytest.approx([5e-3, 2.5e-3, 5e-4, 2.5e-4])


def rows(path):
    with open(path, newline="") as file:
        return [row["epoch"] for row in csv.DictReader(file)]


def test_a_csv_file_has_both_phases(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("of another training\n")
    logger = keras.callbacks.CSVLogger(path)
    train([logger], head_epochs=1, fine_tune_epochs=2)
    assert rows(path) == ["0", "1", "2"]
    # It is as before, and begins a new file again.
    assert not logger.append and logger.append_header
    appending = keras.callbacks.CSVLogger(path, append=True)
    train([appending], head_epochs=1, fine_tune_epochs=1)
    assert rows(path) == ["0", "1", "2", "0", "1"]


def test_early_stopping_of_ones_own_ends_a_phase():
    stop = keras.callbacks.EarlyStopping(
        "accuracy", patience=1, baseline=2.0, mode="max"
    )
    _, history = train([stop], head_epochs=5, fine_tune_epochs=5)
    for phase in ("head", "fine-tuning"):
        assert 0 < history.phases.count(phase) < 5


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            "SwapEMAWeights does not .* without use_ema",
        ),
        (
            lambda: keras.callbacks.BackupAndRestore("backup"),
            "BackupAndRestore does not .* fit when",
        ),
        (
            lambda: keras.callbacks.EarlyStopping(start_from_epoch=2),
            "EarlyStopping does not .* leave start_from_epoch out",
        ),
        (keras.callbacks.History, "History does not .* that is returned"),
        (
            lambda: keras.callbacks.TensorBoard("logs", update_freq=5),
            "TensorBoard does not .* update_freq='epoch'",
        ),
        (
            lambda: keras.callbacks.TensorBoard("logs", update_freq="batch"),
            "TensorBoard does not",
        ),
        (
            lambda: type("Mine", (keras.callbacks.BackupAndRestore,), {})("b"),
            "The callback Mine does not",
        ),
        (lambda: keras.callbacks.EarlyStopping, "expected is an instance"),
        (lambda: "EarlyStopping", "expected is an instance"),
        (
            lambda: keras.callbacks.EarlyStopping("val_acc"),
            "no metric 'val_acc' for EarlyStopping to watch: expected one of",
        ),
        (
            lambda: keras.callbacks.ReduceLROnPlateau("acc"),
            "no metric 'acc' for ReduceLROnPlateau",
        ),
    ],
)
def test_what_is_refused_by_name(make, said):
    with pytest.raises(CourseError, match=said) as caught:
        train([make()])
    assert str(caught.value).count(". ") == 0, "one sentence"


def test_callbacks_are_a_list():
    with pytest.raises(CourseError, match=r"callbacks=\[\.\.\.\]"):
        train(keras.callbacks.TerminateOnNaN())
    assert train(None, fine_tune_epochs=0)[1].epoch == [0, 1]


def test_a_checkpoint_of_the_best_on_two_scales(tmp_path):
    path = tmp_path / "best.keras"
    best = keras.callbacks.ModelCheckpoint(path, save_best_only=True)
    with pytest.raises(CourseError, match="compare val_loss of both"):
        train([best], penalised_base())
    more = keras.callbacks.ModelCheckpoint(
        path, "val_accuracy", save_best_only=True
    )
    train([more, best], penalised_base(), fine_tune_epochs=0)
    assert path.exists()
