"""Evidence from data and figures."""

import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest
from matplotlib import pyplot as plt

from course_utils.answers.checks import outcomes


def test_patients_in_both_parts_are_named():
    train, test = ["p1", "p1", "p2"], np.array(["p3", "p2"])
    assert outcomes.shared_groups(train, test) == ["p2"]
    assert outcomes.shared_groups([1, 2], [3]) == []


def test_a_gain_comes_with_an_interval():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=400)
    good = np.where(rng.random(400) < 0.9, labels, 1 - labels)
    poor = np.where(rng.random(400) < 0.6, labels, 1 - labels)
    gain, low, high = outcomes.accuracy_gain(labels, good, poor)
    assert gain == np.mean(good == labels) - np.mean(poor == labels)
    assert 0 < low < gain < high
    gain, low, high = outcomes.accuracy_gain(labels, good, good)
    assert gain == low == high == 0


def test_the_interval_covers_the_truth_as_often_as_it_says():
    # Two models of equal worth: the interval must hold zero 95 times of 100.
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(200):
        labels = rng.integers(2, size=150)
        one, two = (
            np.where(rng.random(150) < 0.7, labels, 1 - labels)
            for _ in range(2)
        )
        _, low, high = outcomes.accuracy_gain(labels, one, two, seed)
        covered += low <= 0 <= high
    assert 0.90 <= covered / 200 <= 0.99


@pytest.mark.parametrize(
    ("labels", "predictions"), [([0, 1], [0]), ([], []), ([[0]], [[0]])]
)
def test_wrong_shapes_are_a_sentence(labels, predictions):
    with pytest.raises(ValueError, match="give one class a sample"):
        outcomes.accuracy_gain(labels, predictions, predictions)


def test_axes_are_judged_by_what_they_show():
    figure, ax = plt.subplots()
    ax.plot([1, 2, 3], [0.5, 0.6, 0.7], "k--", label="Validation accuracy")
    ax.set(xlabel="Epoch", ylabel="accuracy")
    ax.legend()
    series = {"validation": [0.5, 0.6, 0.7]}
    missing = outcomes.missing_from_axes
    assert missing(ax, series, "epoch", "accuracy") == []
    assert missing(ax, {"training": [0.1, 0.2, 0.3]}, "step", "loss") == [
        "No line shows the values of 'training'.",
        "The legend does not name 'training'.",
        "The x axis is labelled 'Epoch', not 'step'.",
        "The y axis is labelled 'accuracy', not 'loss'.",
    ]
    plt.close(figure)


def test_axes_without_anything_show_nothing():
    figure, ax = plt.subplots()
    assert len(outcomes.missing_from_axes(ax, {"loss": [1.0]}, "epoch")) == 3
    plt.close(figure)
