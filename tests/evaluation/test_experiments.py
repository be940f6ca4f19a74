"""Committed results: drawn, listed, told in a sentence."""

import csv

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from course_utils.evaluation import experiments
from course_utils.machine.errors import CourseError
from tests.conftest import TOP

FOLDER = TOP / "data" / "experiments"
NAMES = experiments.names()


def rows(name):
    with (FOLDER / f"real_{name}.csv").open(encoding="utf-8") as file:
        return [r for r in csv.DictReader(file) if r["stage"] == "report"]


def test_every_file_of_rows_can_be_shown():
    files = {path.stem for path in FOLDER.glob("real_*.csv")}
    assert files == {f"real_{name}" for name in NAMES}


@pytest.mark.parametrize("gain", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_description_holds_the_numbers_of_the_table(name, gain):
    if gain and name == "protocol":
        pytest.skip("its two sides share no cells")
    points = experiments.table(name, gain)
    ax = experiments.show(name, gain=gain)
    assert "nan" not in ax.description
    assert len(points) > 1
    for point in points.to_dict("records"):
        assert point["low"] <= point["mean"] <= point["high"]
        text = "{mean:.3f} ({low:.3f} to {high:.3f})".format(**point)
        assert text in ax.description
        assert point["line"] in ax.description
    assert "95 % interval over" in ax.get_title()
    assert len(ax.get_legend().get_texts()) == points["line"].nunique()


def test_an_interval_is_that_of_students_t_over_the_seeds():
    values = [
        float(row["auc"])
        for row in rows("shift")
        if (row["source"], row["repair"]) == ("mono", "AdaBN")
    ]
    points = experiments.table("shift")
    chosen = points["line"].eq("trained on mono") & points["repair"].eq("AdaBN")
    (point,) = points[chosen].to_dict("records")
    low, high = stats.t.interval(
        0.95, len(values) - 1, np.mean(values), stats.sem(values)
    )
    expected = np.mean(values), low, high, len(values)
    found = [point[name] for name in ("mean", "low", "high", "seeds")]
    assert found == pytest.approx(expected)


def test_a_gain_is_taken_seed_by_seed():
    value = {
        (row["repair"], row["seed"]): float(row["auc"])
        for row in rows("shift")
        if row["source"] == "poly"
    }
    gains = [value["CORAL", str(n)] - value["none", str(n)] for n in range(10)]
    points = experiments.table("shift", gain=True)
    chosen = points["line"].eq("trained on poly") & points["repair"].eq("CORAL")
    (point,) = points[chosen].to_dict("records")
    assert point["mean"] == pytest.approx(np.mean(gains))
    half = stats.t.ppf(0.975, 9) * stats.sem(gains)
    assert point["high"] - point["mean"] == pytest.approx(half)
    assert "none" not in set(points["repair"])


def test_what_has_no_baseline_has_no_gain():
    with pytest.raises(CourseError, match="has no baseline"):
        experiments.show("protocol", gain=True)


def test_an_own_result_is_dropped_on_the_figure():
    ax = experiments.show("shift", live={"repair": "AdaBN", "auc": 0.625})
    assert ax.description.endswith("; yours: 0.625 at AdaBN.")
    ticks = [tick.get_text() for tick in ax.get_xticklabels()]
    (star,) = [line for line in ax.lines if line.get_marker() == "*"]
    assert star.get_xydata().tolist() == [[ticks.index("AdaBN"), 0.625]]


def test_an_own_result_has_a_place_on_an_axis_of_numbers():
    live = {"rate": 2e-4, "auc": 0.5}
    ax = experiments.show("learning_rate", live=live)
    (star,) = [line for line in ax.lines if line.get_marker() == "*"]
    assert star.get_xydata().tolist() == [[2e-4, 0.5]]


def test_axes_that_are_given_are_drawn_on():
    _, ax = plt.subplots()
    assert experiments.show("protocol", ax=ax) is ax


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("learning_rates", "did you mean 'learning_rate'?"),
        (3, "There is no experiment 3: choose "),
    ],
)
@pytest.mark.parametrize("asked", [experiments.show, experiments.table])
def test_an_unknown_name_is_told_in_a_sentence(asked, name, sentence):
    with pytest.raises(CourseError) as raised:
        asked(name)
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    "live",
    [
        0.9,
        {"repair": "AdaBN"},
        {"repair": "AdaBN", "accuracy": 0.9},
        {"repair": "prayer", "auc": 0.9},
        {"repair": "AdaBN", "auc": "good"},
    ],
)
def test_an_own_result_of_another_kind_is_told_in_a_sentence(live):
    with pytest.raises(CourseError):
        experiments.show("shift", live=live)
    assert not plt.get_fignums()
