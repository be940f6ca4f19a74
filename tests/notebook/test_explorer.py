"""The explorer of committed results, and the training behind its button."""

import base64
import io
import itertools
import re
import types

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from benchmarks import explorer_grid
from course_utils.evaluation.plotting import VERMILLION
from course_utils.machine import paths
from course_utils.machine.errors import CourseError
from course_utils.notebook import (
    explorer,
    explorer_progress,
    explorer_training,
    frontend,
)
from tests.conftest import TOP


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Results of which each can be told: its labels, depth and rate."""
    rows = []
    for labels, (depth, unfrozen), rate, seed in itertools.product(
        explorer_training.LABELS,
        enumerate(explorer_training.UNFROZEN),
        explorer_training.LEARNING_RATES,
        (100, 101),
    ):
        if depth == 0 and rate > 1e-5:
            continue
        value = labels / 1000 + depth / 10 + rate + (seed - 100) / 100
        rows.append(("near", labels, unfrozen, rate, seed, value, value - 0.05))
    (tmp_path / "experiments").mkdir()
    table = pd.DataFrame(rows, columns=explorer_grid.COLUMNS)
    table.to_csv(tmp_path / "experiments" / "explorer.csv", index=False)
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    for name in frontend._SIGNS:
        monkeypatch.delenv(name, raising=False)


def test_the_sentence_tells_the_chosen_point(results):
    shown = explorer.Explorer("near")
    # 0.1 for 100 labels, 0.2 for all layers, the rate, half of 0.01 for seeds.
    assert "100 labels" in shown.describe()
    assert "rate 0.001: 0.306, source 0.256." in shown.describe()
    shown.choose(learning_rate=1e-2, labels=400, unfrozen="the last stage")
    assert "rate 0.01: 0.515, source 0.465." in shown.describe()
    shown.choose(unfrozen="nothing")
    assert ": 0.405, source 0.355." in shown.describe()


def test_without_widgets_there_is_a_picture_and_a_sentence(results):
    bundle = explorer.Explorer("near")._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/png", "text/plain"}
    assert "rate 0.001: 0.306" in bundle["text/html"]
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "choose(learning_rate=1e-4)" in bundle["text/plain"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 1e-3}, "no option 'rate'.*learning_rate"),
        ({"learning_rate": 0.5}, "learning_rate is 0.5.*0.01"),
        ({"labels": 50}, "labels is 50.*400"),
        ({"unfrozen": "some"}, "unfrozen is 'some'.*the last stage"),
    ],
)
def test_what_cannot_be_chosen_is_named(results, options, said):
    shown = explorer.Explorer("near")
    with pytest.raises(CourseError, match=said):
        shown.choose(**options)
    assert shown.trial.labels == 100


def test_missing_results_and_unknown_data_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    with pytest.raises(CourseError, match="download the course again"):
        explorer.Explorer("near")
    with pytest.raises(
        CourseError, match="'far': choose 'near' or 'histology'"
    ):
        explorer.Explorer("far")


@pytest.fixture
def trained(monkeypatch):
    asked = []

    def run(trial, callbacks=()):
        asked.append(trial)
        return 0.75, 0.5

    monkeypatch.setattr(explorer_training, "run", run)
    return asked


def test_a_trained_point_is_told_and_gets_a_seed_of_its_own(results, trained):
    shown = explorer.Explorer("near").train().train()
    assert [trial.seed for trial in trained] == [0, 1]
    assert "trained here: all layers, 100 labels, rate 0.001: 0.750" in str(
        shown.describe()
    )


def stars(shown):
    """Where the pixels of stars are, in shares of the picture from above."""
    png = base64.b64decode(shown._repr_mimebundle_()["image/png"])
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    colour = np.rint(np.multiply(to_rgb(VERMILLION), 255))
    places = np.argwhere((pixels == colour).all(axis=-1))
    return places / pixels.shape[:2]


def test_a_star_stands_at_the_labels_that_it_was_trained_with(results, trained):
    shown = explorer.Explorer("near").train()
    assert len(stars(shown)) > 0
    assert len(stars(shown.choose(labels=400))) == 0


def test_a_star_has_the_height_of_what_each_panel_shows(results, trained):
    places = stars(explorer.Explorer("near").train())
    left, right = (
        places[(places[:, 1] < 0.5) == side, 0].min() for side in (True, False)
    )
    # Here 0.75 and 0.5: the star of the source task stands lower.
    assert left < right - 0.1


@pytest.fixture
def view(results, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "03_fine_tuning.ipynb")
    shown = explorer.Explorer("near")
    bundle = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    return shown, shown._view


def test_a_slider_answers_at_once(view):
    shown, widget = view
    before = widget.picture
    widget.chosen = {**widget.chosen, "labels": 2}
    assert shown.trial.labels == 400 and "400 labels" in widget.description
    assert widget.picture != before
    shown.choose(labels=30)
    assert widget.chosen["labels"] == 0


def press(shown, widget):
    """Presses the button, as the page that the view has made would."""
    shown._on_message(widget, {"train": widget.trainings}, [])


def test_the_button_trains_and_draws(view, trained):
    shown, widget = view
    before = widget.picture
    press(shown, widget)
    assert widget.told == "Trained in 0 s: accuracy 0.750, source task 0.500."
    assert not widget.running and widget.picture != before
    assert len(shown.trained) == 1


def test_a_second_press_trains_nothing(view, trained, monkeypatch):
    shown, widget = view
    run = explorer_training.run

    def pressed_meanwhile(trial, callbacks=()):
        assert widget.running
        press(shown, widget)
        with pytest.raises(CourseError, match="being trained already"):
            shown.train()
        return run(trial)

    monkeypatch.setattr(explorer_training, "run", pressed_meanwhile)
    # Both were pressed before the page knew that the first had begun.
    for _ in range(2):
        shown._on_message(widget, {"train": 0}, [])
    assert len(trained) == len(shown.trained) == 1
    press(shown, widget)
    assert len(trained) == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CourseError("the disk is full"), "not be trained: the disk is full"),
        (KeyboardInterrupt(), "It was interrupted, and no point was added."),
    ],
)
def test_a_training_that_ends_early_is_told_and_leaves_all_usable(
    view, trained, monkeypatch, error, said
):
    shown, widget = view

    def run(trial, callbacks=()):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(explorer_training, "run", run)
        press(shown, widget)
        assert said in widget.told
        widget.told = ""
        with pytest.raises(type(error)):
            shown.train()
        assert said in widget.told
    assert not widget.running and not shown.trained
    press(shown, widget)
    assert len(shown.trained) == 1 and widget.told.startswith("Trained in")


def test_the_status_tells_the_steps_and_does_not_flood(view, monkeypatch):
    shown, widget = view
    told, clock = [], iter(range(1000))
    widget.observe(lambda change: told.append(change["new"]), "told")

    def run(trial, callbacks=()):
        monkeypatch.setattr(
            explorer_progress,
            "time",
            types.SimpleNamespace(monotonic=lambda: next(clock) / 10),
        )
        (progress,) = callbacks
        progress._began = progress._moved = progress._spoken = 0.0
        for batch in range(explorer_training.STEPS):
            progress.on_train_batch_end(batch)
            if batch == 74:
                assert widget.now.startswith("step 7") and widget.done > 0.45
        progress.on_train_end()
        assert widget.done == 1 and widget.now == "measuring"
        return 0.75, 0.5

    monkeypatch.setattr(explorer_training, "run", run)
    press(shown, widget)
    assert told[0] == "Training the head, then 150 steps with all layers."
    assert re.fullmatch(r"Training: step \d+ of 150, 10 s\.", told[1])
    assert told[-1].startswith("Trained in ")
    assert len(told) <= 2 + float(told[-1].split()[2]) / 10


@pytest.mark.usefixtures("without_graphs")
def test_a_trial_trains_what_it_says(monkeypatch):
    monkeypatch.setattr(explorer_training, "STEPS", 2)
    monkeypatch.setattr(explorer_training, "HEAD_EPOCHS", 5)
    head = explorer_training.run(
        explorer_training.Trial("near", 30, "nothing", 1e-5)
    )
    same = explorer_training.run(
        explorer_training.Trial("near", 30, "all layers", 1e-9)
    )
    states = []
    progress = explorer_progress.Progress(lambda **state: states.append(state))
    far = explorer_training.run(
        explorer_training.Trial("near", 30, "all layers", 1e-2), [progress]
    )
    assert states[-1]["done"] == 1 and "measuring" in states[-1]["now"]
    # The first phase is the same; a tiny rate changes nothing, a large does.
    assert head[0] > 1 / 6 and head == pytest.approx(same, abs=0.01)
    assert far[1] < head[1] - 0.1


@pytest.mark.parametrize(
    ("name", "value"),
    [("dataset", "far"), ("labels", 50), ("unfrozen", "some")],
)
def test_a_trial_that_cannot_be_is_named(name, value):
    given = {"dataset": "near", "labels": 30, "unfrozen": "nothing"} | {
        name: value
    }
    with pytest.raises(CourseError, match=name):
        explorer_training.Trial(**given, learning_rate=1e-3)
    with pytest.raises(CourseError, match="learning rate is 2"):
        explorer_training.Trial("near", 30, "nothing", 2)


def test_every_planned_result_is_there():
    rows = pd.read_csv(TOP / "data" / "experiments" / "explorer.csv", dtype=str)
    found = set(map(tuple, rows[explorer_grid.COLUMNS[:5]].to_numpy()))
    planned = [explorer_grid.key(trial) for trial in explorer_grid.planned()]
    assert found == {tuple(map(str, key)) for key in planned}
    assert len(rows) == len(planned)
