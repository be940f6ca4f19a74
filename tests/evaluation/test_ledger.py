"""The ledger as a table that can be queried, and drawn."""

import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils.evaluation import ledger
from course_utils.machine import paths
from course_utils.machine.errors import CourseError
from tests.conftest import TOP

PAGE = (TOP / "docs" / "ledger.md").read_text("utf-8")
CLAIMS = ledger.claims()


def test_it_has_the_claims_and_verdicts_of_the_page():
    row = (
        r"^\| \[`(.+?)`\].*? \| (.+?) \| (.+?) \| (\w+) \| \w* \| ([\w ]+) \|$"
    )
    found = re.findall(row, PAGE, re.M)
    columns = ["sentence", "whose", *ledger.GROUNDS]
    told = [(name, *row) for name, *row in CLAIMS[columns].itertuples()]
    assert told == found and len(found) > 20


def test_its_comparisons_are_those_of_the_page():
    rows = ledger.table()
    number = r"([+-]\d\.\d+)"
    line = rf"^\| (.+?) \| {number} \| {number} to {number} \|"
    told = re.findall(line, PAGE, re.M)
    # To the last digit but one: versions of pandas round it either way.
    for row in rows.to_dict("records"):
        wanted = [row[name] for name in ("mean", "low", "high")]
        assert any(
            compared == row["compared"]
            and np.allclose([*map(float, numbers)], wanted, rtol=0, atol=2e-3)
            for compared, *numbers in told
        )
    assert len(rows) == PAGE.count(" to +") + PAGE.count(" to -")
    assert len(ledger.table("lower-rate")) == 6


def test_differences_are_a_column_a_comparison_and_a_row_a_seed():
    some = ledger.differences("fine-tuning-gains")
    assert some.shape == (5, 4) and next(iter(some)) == "30 labels"
    assert ledger.differences("lower-rate", "laboratory").shape == (3, 4)
    assert ledger.differences("shift-hurts", "laboratory").empty


@pytest.mark.parametrize("claim", CLAIMS.index)
def test_a_figure_tells_its_numbers_and_the_command(claim):
    figure = ledger.show(claim)
    left, right = figure.axes
    told = CLAIMS.loc[claim]
    assert figure.get_suptitle() == told["sentence"]
    assert told["command"] in left.description
    for row in ledger.table(claim).to_dict("records"):
        ax = left if row["ground"] == ledger.GROUNDS[0] else right
        text = "{compared}: {mean:+.3f} ({low:+.3f} to {high:+.3f}, {seeds} "
        assert text.format(**row) in ax.description
    tried = told["laboratory"] != "not tried"
    assert ("was not tried" in right.description) != tried
    assert (told["laboratory_command"] in right.description) or not tried


def test_three_verdicts_have_room_in_half_a_figure():
    figure, (_, ax) = plt.subplots(1, 2, figsize=(11, 3.2), layout="tight")
    # Names as long as those of lesson 03c.
    found = {
        "gradual less all at once": [0.1, 0.11, 0.12],
        "early stopping less plain": [-0.1, -0.11, -0.12],
        "head first less random head": [-0.1, 0, 0.1],
    }
    ledger.draw(found, 0.01, ax)
    figure.canvas.draw()
    panel, legend = ax.get_window_extent(), ax.get_legend().get_window_extent()
    assert len(ax.get_legend().get_texts()) == 3
    assert panel.x0 <= legend.x0 and legend.x1 <= panel.x1


def test_own_differences_are_drawn_and_judged():
    ax = ledger.draw({"good": [0.1, 0.11, 0.12], "none": np.zeros(4)}, 0.05)
    assert "good: +0.110 (+0.085 to +0.135, 3 seeds), supported" in (
        ax.description
    )
    assert "4 seeds), refuted" in ax.description
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == ["good", "none"]
    assert len(ax.get_legend().get_texts()) == 2


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ledger.show("lower-rates"), "did you mean 'lower-rate'"),
        (lambda: ledger.table(3), "no claim 3"),
        (lambda: ledger.differences("lower-rate", "moon"), "'real ground' or"),
    ],
)
def test_what_is_not_there_is_told(call, said):
    with pytest.raises(CourseError, match=said):
        call()
    assert not plt.get_fignums()


def test_a_missing_ledger_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    ledger._read.cache_clear()
    with pytest.raises(CourseError, match="download the course again"):
        ledger.claims()


def test_what_lesson_03c_says_of_all_claims():
    real, lab = (CLAIMS[ground] for ground in ledger.GROUNDS)
    assert {"supported", "depends", "undecided"} <= set(real)
    assert np.mean(real == "supported") < 0.5
    both = lab != "not tried"
    assert np.mean(real[both] == lab[both]) <= 0.5
    pairs = set(zip(real, lab, strict=True))
    assert not pairs & {("supported", "refuted"), ("refuted", "supported")}
