"""Training in two phases."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils import course
from course_utils.answers.checks import weight_evidence
from course_utils.machine import quick_runs
from course_utils.machine.errors import CourseError
from course_utils.transfer.training_history import History
from course_utils.transfer.two_phase_training import two_phase_fit
from tests.tiny_models import (
    IMAGES,
    KINDS,
    LABELS,
    ONE_BATCH,
    TWO_BATCHES,
    Subclassed,
    base,
    build,
    functional,
    sequential,
)

pytestmark = pytest.mark.usefixtures("without_graphs")


def train(model, base_model, **options):
    options = {
        "data": ONE_BATCH,
        "validation_data": ONE_BATCH,
        "head_epochs": 2,
        "fine_tune_epochs": 2,
        "verbose": 0,
        **options,
    }
    return two_phase_fit(model, base_model, **options)


@pytest.mark.graphs
@pytest.mark.parametrize("kind", KINDS)
def test_two_phases(kind):
    base_model = base()
    model = build(kind, base_model)
    seen = []

    def note(epoch, logs):
        arrays = [v.path.split("/")[-2] for v in base_model.trainable_weights]
        seen.append((set(arrays), float(model.optimizer.learning_rate)))

    with course.watch(model) as evidence:
        history = train(
            model,
            base_model,
            patience=None,
            from_layer="stage2",
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)],
        )
    assert history.epoch == [0, 1, 2, 3]
    assert history.phases == ["head"] * 2 + ["fine-tuning"] * 2
    assert {len(v) for v in history.history.values()} == {4}
    assert [flags for flags, _ in seen] == [set()] * 2 + [
        {"stage2_block1_conv"}
    ] * 2
    assert [rate for _, rate in seen] == pytest.approx([0.01] * 2 + [0.001] * 2)
    assert weight_evidence.batch_norm_moved(evidence, base_model) == []
    assert not history.interrupted


@pytest.mark.graphs
def test_a_step_is_traced_once_a_phase():
    traced = []

    class Traced(Subclassed):
        def train_step(self, data):
            traced.append(data)
            return super().train_step(data)

    base_model = base()
    model = build(Traced, base_model)
    model.compile("adam", model.loss, metrics=["accuracy"])
    train(model, base_model)
    assert len(traced) == 2


class Scripted(keras.callbacks.Callback):
    """Replaces the validation loss, and keeps the weights of each epoch."""

    def __init__(self, losses, stop_in=None):
        super().__init__()
        self.losses, self.kept, self.stop_in = iter(losses), [], stop_in

    def on_train_batch_end(self, batch, logs=None):
        if self.stop_in == len(self.kept):
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = next(self.losses)
        self.kept.append(self.model.get_weights())


def same(model, kept):
    return all(map(np.array_equal, model.get_weights(), kept))


@pytest.mark.parametrize(
    ("losses", "epochs", "best"),
    [
        # Head stops after two epochs without a new best, fine-tuning too.
        ([3, 2, 4, 4, 5, 3, 4, 4], [0, 1, 2, 3, 4, 5, 6, 7], 1),
        ([3, 2, 4, 4, 5, 1, 4, 4], [0, 1, 2, 3, 4, 5, 6, 7], 5),
        # What still improves on itself is not stopped.
        ([1, 2, 2, 9, 8, 7, 6, 5], [0, 1, 2, 3, 4, 5, 6, 7], 0),
        ([np.nan, 2, 3, 3, np.nan, np.nan], [0, 1, 2, 3, 4, 5], 1),
    ],
)
def test_it_ends_with_the_best_of_both_phases(losses, epochs, best):
    base_model = base()
    model = build(functional, base_model)
    script = Scripted(losses)
    history = train(
        model,
        base_model,
        head_epochs=8,
        fine_tune_epochs=5,
        patience=2,
        callbacks=[script],
    )
    assert history.epoch == epochs and history.best_epoch == best
    assert same(model, script.kept[best])
    np.testing.assert_array_equal(history.history["val_loss"], losses)


@pytest.mark.parametrize(
    ("monitor", "mode", "best"),
    [("val_accuracy", None, 1), ("accuracy", "min", 0), ("my_auc", None, 1)],
)
def test_more_may_be_better(monitor, mode, best):
    def script(epoch, logs):
        logs[monitor] = [0.4, 0.6, 0.5][epoch]

    model = build(functional, base_model := base())
    history = train(
        model,
        base_model,
        fine_tune_epochs=1,
        monitor=monitor,
        mode=mode,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=script)],
    )
    assert history.best_epoch == best


@pytest.mark.parametrize(
    ("stop_in", "phases", "best"),
    [
        (0, [], None),
        (1, ["head"], 0),
        (2, ["head"] * 2, 1),
        (3, ["head"] * 2 + ["fine-tuning"], 1),
    ],
)
def test_an_interrupt_keeps_history_and_best_weights(
    capsys, stop_in, phases, best
):
    model = build(functional, base_model := base())
    script = Scripted([3, 2, 4, 1], stop_in)
    history = train(model, base_model, callbacks=[script], verbose=2)
    assert history.interrupted and history.phases == phases
    assert history.best_epoch == best
    assert len(history.history.get("loss", [])) == len(phases)
    if best is not None:
        assert same(model, script.kept[best])
    assert "ended before the interrupt." in capsys.readouterr().out
    if stop_in == 3:  # Nothing is left in the way of going on.
        assert train(model, base_model).epoch == [0, 1, 2, 3]


@pytest.mark.parametrize(("head_rate", "epochs"), [(1e30, 0), (0.01, 2)])
def test_a_loss_that_is_no_number_stops_and_names_the_rate(head_rate, epochs):
    model = build(sequential, base_model := base())
    model.compile("sgd", lambda _, outputs: keras.ops.exp(outputs**2))
    before = model.get_weights()
    script = Scripted([2, 1, 0, 0])
    with pytest.raises(CourseError, match=r"rate of 1e\+30: the") as caught:
        train(
            model,
            base_model,
            # Of two batches an epoch, the second shows what the first did.
            data=TWO_BATCHES,
            head_learning_rate=head_rate,
            fine_tune_learning_rate=1e30,
            callbacks=[script],
        )
    assert caught.value.history.epoch == list(range(epochs))
    assert same(model, script.kept[-1] if epochs else before)


def test_it_shows_what_it_does(capsys):
    model = build(functional, base_model := base())
    history = train(model, base_model, verbose=2)
    out = capsys.readouterr().out
    assert "Phase head: 10 of 466 parameters will train" in out
    assert "Phase fine-tuning: 418 of 466 parameters will train" in out
    assert "Epoch 3/4" in out and "val_loss" in out
    assert history.summary() in out
    train(model, base_model)
    assert capsys.readouterr().out == ""


def test_arrays_and_a_left_out_phase():
    data = (IMAGES, LABELS)
    model = build(functional, base_model := base())
    history = train(
        model, base_model, data=data, validation_data=data, head_epochs=0
    )
    assert history.phases == ["fine-tuning"] * 2
    history = train(model, base_model, fine_tune_epochs=0)
    assert history.phases == ["head"] * 2
    assert base_model.trainable_weights == []
    with pytest.raises(CourseError, match="are both 0, so nothing would be"):
        train(model, base_model, head_epochs=0, fine_tune_epochs=0)
    assert base_model.trainable_weights == []


@pytest.mark.graphs
def test_a_smoke_run_takes_one_step_a_phase(monkeypatch):
    monkeypatch.setattr(keras.Model, "fit", keras.Model.fit)
    quick_runs.shorten_training()
    quick_runs.shorten_training()  # A lesson may begin twice.
    model = build(functional, base_model := base())
    data = ONE_BATCH.unbatch().batch(4)
    history = train(
        model, base_model, data=data, head_epochs=5, fine_tune_epochs=5
    )
    assert history.epoch == [0, 1] and int(model.optimizer.iterations) == 1
    assert history.phases == ["head", "fine-tuning"]
    # Without a graph inside of `fit` only, however it ends.
    assert not tf.config.functions_run_eagerly()
    with pytest.raises(ValueError):
        model.fit(IMAGES, LABELS[:3])
    assert not tf.config.functions_run_eagerly()


@pytest.mark.graphs
def test_a_smoke_run_predicts_for_one_batch_in_the_shape_of_all(monkeypatch):
    for name in ("evaluate", "predict", "predict_on_batch"):
        monkeypatch.setattr(keras.Model, name, getattr(keras.Model, name))
    model = build(functional, base())
    many = np.concatenate([IMAGES] * 5)
    whole = model.predict(many, verbose=0)
    quick_runs.shorten_prediction()
    quick_runs.shorten_prediction()
    called = []
    model.test_step = lambda data: called.append(data) or {"loss": 0.0}
    model.evaluate(many, np.arange(80) % 2, batch_size=8, verbose=0)
    assert len(called) == 1 and len(called[0][0]) == 8
    quick = model.predict(many, verbose=0)
    assert quick.shape == whole.shape
    np.testing.assert_allclose(quick[:32], whole[:32], rtol=1e-5)
    np.testing.assert_array_equal(quick[32:64], quick[:32])
    data = tf.data.Dataset.from_tensor_slices((many, many[:, 0, 0])).batch(30)
    found = model.predict(data, verbose=0)
    assert found.shape == whole.shape
    np.testing.assert_array_equal(found[30:60], found[:30])
    features = model.predict_on_batch(many)
    assert features.shape == whole.shape
    np.testing.assert_array_equal(features[2:4], features[:2])
    assert not tf.config.functions_run_eagerly()


def test_bad_input_is_a_sentence_and_trains_nothing():
    model = build(functional, base_model := base())
    before = model.get_weights()
    for options, said in [
        ({"validation_data": None}, "validation data are missing"),
        ({"data": (IMAGES, LABELS * 0)}, "All 16 training labels are the same"),
        ({"data": IMAGES}, "not ndarray"),
        ({"last": 99}, "number from 1 to 10"),
        ({"head_epochs": 1.5}, "head_epochs is 1.5"),
        ({"patience": 0}, "patience is 0"),
        ({"monitor": "val_f1"}, "no metric 'val_f1' to tell"),
        (
            {"fine_tune_learning_rate": 0},
            "learning_rate is 0, ",
        ),
        ({"base_model": base()}, "no part of this model"),
        ({"base_model": "residual"}, "no part of this model"),
        ({"base_model": model}, "no head to train"),
        ({"model": keras.Sequential([keras.layers.Dense(1)])}, "compile"),
    ]:
        given = {"model": model, "base_model": base_model, **options}
        with pytest.raises(CourseError, match=said):
            train(**given)
    assert same(model, before)
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    with pytest.raises(CourseError, match="schedule of learning rates"):
        train(model, base_model, head_learning_rate=schedule)
    with pytest.raises(CourseError, match="expected one of loss, val_loss"):
        train(model, base_model, monitor="val_accuracy")


def test_a_summary_counts_phases_and_epochs_from_one():
    losses = {"val_loss": [0.5, 0.25, 0.4]}
    phases = ["head", "head", "fine-tuning"]
    assert History(losses, [0, 1, 2], phases, 1).summary() == (
        "2 epochs of the head and 1 of fine-tuning ran. The model has the "
        "weights of epoch 2 (head), the best: val_loss 0.25."
    )


def test_a_summary_of_nothing():
    assert "weights are as they were left." in repr(History())
    nan = History({"val_loss": [float("nan")]}, [0], ["head"])
    assert "as they were left, since val_loss was never a number." in repr(nan)
