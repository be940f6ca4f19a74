"""A training that shows itself, with a front end and without one."""

import base64

import keras
import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_utils.machine.errors import CourseError
from course_utils.notebook import frontend, live_training
from course_utils.transfer.two_phase_training import two_phase_fit
from tests import tiny_models
from tests.tiny_models import IMAGES, LABELS

pytestmark = pytest.mark.usefixtures("without_graphs")


def tiny_model():
    base_model = tiny_models.base()
    model = tiny_models.build(tiny_models.functional, base_model)
    model.compile(model.optimizer, model.loss, metrics=["accuracy"])
    return model, base_model


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, as (whether anew, the bundle)."""
    bundles = []

    class Handle:
        def update(self, bundle, raw):
            bundles.append(("update", bundle))

    def display(bundle, raw, display_id):
        bundles.append(("new", bundle))
        return Handle()

    shell = InteractiveShell()
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", display)
    for name in frontend._SIGNS:
        monkeypatch.delenv(name, raising=False)
    return bundles


def test_without_a_front_end_one_plot_appears_in_one_place(shown, capsys):
    model, base_model = tiny_model()
    live = live_training.LiveTraining("accuracy")
    two_phase_fit(
        model,
        base_model,
        (IMAGES, LABELS),
        (IMAGES, LABELS),
        head_epochs=2,
        fine_tune_epochs=1,
        callbacks=[live],
        verbose=0,
    )
    assert [kind for kind, _ in shown] == ["new", "update"]
    bundle = shown[-1][1]
    picture = base64.b64decode(bundle["image/png"])
    assert picture.startswith(b"\x89PNG")
    assert "accuracy over 3 epochs" in bundle["text/plain"]
    assert 'alt="The figure shows the accuracy' in bundle["text/html"]
    assert live.epoch == [0, 1, 2] and len(live.history["val_loss"]) == 3
    assert capsys.readouterr().out == ""


def test_outside_of_a_notebook_it_is_silent(capsys):
    model, _ = tiny_model()
    live = live_training.LiveTraining()
    model.fit(IMAGES, LABELS, callbacks=[live], verbose=0)
    assert live.epoch == [0]
    assert capsys.readouterr().out == ""


@pytest.fixture
def front_end(shown, monkeypatch):
    pytest.importorskip("anywidget")
    monkeypatch.setenv("JPY_SESSION_NAME", "03_fine_tuning.ipynb")
    return shown


def test_with_a_front_end_the_widget_follows(front_end):
    model, _ = tiny_model()
    live = live_training.LiveTraining()
    model.fit(
        IMAGES, LABELS, batch_size=8, epochs=2, callbacks=[live], verbose=0
    )
    view = live._view
    assert (view.running, view.done) == (False, 1.0)
    assert "loss over 2 epochs" in view.description
    assert base64.b64decode(view.picture).startswith(b"\x89PNG")
    assert view.told == "Ended after 2 epochs in all."
    kind = "application/vnd.jupyter.widget-view+json"
    first, last = (bundle for _, bundle in front_end)
    # The widget at first; at the end, a picture for whoever shows no widgets.
    assert kind in first and "image/png" not in first
    assert kind in last and "image/png" in last


class Failing(keras.callbacks.Callback):
    """Whatever ends a training in the second epoch."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise self.error


def test_a_training_that_was_interrupted_is_over(front_end):
    model, _ = tiny_model()
    live, shell = live_training.LiveTraining(), live_training._shell()
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            *(IMAGES, LABELS),
            epochs=3,
            callbacks=[live, Failing(KeyboardInterrupt())],
            verbose=0,
        )
    assert live._view.running
    shell.events.trigger("post_run_cell", None)
    assert not live._view.running
    assert live._view.told == "Stopped after 1 epoch."
    assert "image/png" in front_end[-1][1]
    live._view.told = ""
    shell.events.trigger("post_run_cell", None)  # That of another cell.
    assert live._view.told == ""


def test_in_another_cell_it_is_shown_anew(front_end):
    model, _ = tiny_model()
    live, shell = live_training.LiveTraining(), live_training._shell()
    for count in (1, 1, 2):
        shell.execution_count = count
        model.fit(IMAGES, LABELS, callbacks=[live], verbose=0)
    kinds = [kind for kind, _ in front_end]
    assert kinds == ["new", "update", "update", "new", "update"]


def test_the_button_ends_the_phase_and_keeps_the_best_weights(front_end):
    model, base_model = tiny_model()
    live = live_training.LiveTraining()

    ended_at = []

    class Click(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                live._on_message(live._view, {"end_phase": True}, [])

        def on_train_end(self, logs=None):
            ended_at.append(live._view.done)

    history = two_phase_fit(
        model,
        base_model,
        (IMAGES, LABELS),
        (IMAGES, LABELS),
        head_epochs=50,
        fine_tune_epochs=2,
        patience=None,
        callbacks=[live, Click()],
        verbose=0,
    )
    assert "fine-tuning begins with epoch 4" in live._view.description
    # The bar is full, though fifty epochs were planned.
    assert ended_at == [1.0, 1.0]
    # One batch more, and then the next phase.
    assert history.phases.count("head") == 3
    assert history.phases.count("fine-tuning") == 2
    assert not history.interrupted
    best = history.history["val_loss"][history.best_epoch]
    assert model.evaluate(IMAGES, LABELS, verbose=0)[0] == pytest.approx(best)


def test_a_click_is_for_one_phase_only(front_end):
    model, _ = tiny_model()
    live = live_training.LiveTraining()
    live._on_message(None, {"end_phase": True}, [])
    model.fit(IMAGES, LABELS, epochs=3, callbacks=[live], verbose=0)
    assert live.epoch == [0, 1, 2]


def test_an_unknown_metric_is_named():
    model, _ = tiny_model()
    live = live_training.LiveTraining("auc")
    with pytest.raises(CourseError, match="no 'auc' to draw.*accuracy"):
        model.fit(IMAGES, LABELS, callbacks=[live], verbose=0)


def test_a_metric_with_a_number_a_class_and_epochs_without_validation(shown):
    inputs = keras.Input(IMAGES.shape[1:])
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    labels = keras.ops.one_hot(LABELS, 3)
    model.compile(
        loss="categorical_crossentropy", metrics=[keras.metrics.F1Score()]
    )
    live = live_training.LiveTraining("f1_score")
    model.fit(
        IMAGES,
        labels,
        epochs=4,
        validation_data=(IMAGES, labels),
        validation_freq=2,
        callbacks=[live],
        verbose=0,
    )
    assert [len(one) for one in live.history["f1_score"]] == [3] * 4
    validated = [one is not None for one in live.history["val_f1_score"]]
    assert validated == [False, True, False, True]
    assert "the mean of its 3 numbers" in shown[-1][1]["text/plain"]
