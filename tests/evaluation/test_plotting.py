"""Figures: axes given back, nothing shown, a sentence that is true."""

import types

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from course_utils.evaluation import experiments, ledger
from course_utils.evaluation.plotting import plot_confusion, plot_images
from course_utils.evaluation.training_plots import (
    plot_history,
    plot_learning_rates,
)
from course_utils.machine.errors import CourseError


def history(phases=None, **curves):
    length = len(next(iter(curves.values()), []))
    made = types.SimpleNamespace(history=curves, epoch=list(range(length)))
    if phases:
        made.phases = phases
    return made


TWO_PHASES = history(
    ["head", "head", "fine-tuning"],
    loss=[1.0, 0.5, 0.25],
    val_loss=[1.5, 0.75, 0.875],
    accuracy=[0.1, 0.2, 0.3],
)
FOUND = types.SimpleNamespace(
    rates=np.array([1e-3, 1e-2, 1e-1]),
    losses=np.array([2.0, 0.9, 1.5]),
    smoothed=np.array([2.0, 1.0, 1.25]),
    suggestion=1e-3,
)
PICTURES = np.random.default_rng(0).uniform(0, 255, (3, 4, 6, 3))
NAMES = ["pit", "rust"]

FIGURES = [
    (
        plot_history,
        (TWO_PHASES,),
        "The figure shows the loss over 3 epochs: training from 1 to 0.25, "
        "validation from 1.5 to 0.875 (lowest, 0.75, in epoch 2); fine-tuning "
        "begins with epoch 3.",
    ),
    (
        plot_history,
        (TWO_PHASES, "accuracy"),
        "The figure shows the accuracy over 3 epochs: training from 0.1 to "
        "0.3; fine-tuning begins with epoch 3.",
    ),
    (
        plot_history,
        (history(accuracy=[0.5], val_accuracy=[0.25]), "accuracy"),
        "The figure shows the accuracy over 1 epoch: training from 0.5 to "
        "0.5, validation from 0.25 to 0.25 (highest, 0.25, in epoch 1).",
    ),
    (
        plot_images,
        (PICTURES, [0, 1, 1], NAMES, [0, 1, 0]),
        "The figure shows 3 pictures: 1 of pit, 2 of rust; 2 named rightly, 1 "
        "wrongly.",
    ),
    (plot_images, (PICTURES[..., 0],), "The figure shows 3 pictures."),
    (
        plot_learning_rates,
        (FOUND,),
        "The figure shows the loss at 3 learning rates from 0.001 to 0.1: its "
        "running average is lowest, 1, at 0.01, and a tenth of that, 0.001, "
        "is suggested.",
    ),
    (
        plot_confusion,
        ([0, 0, 1, 1], [0, 1, 1, 1], NAMES),
        "The figure shows how 4 pictures of 2 classes were named: 3 rightly "
        "(75.0%); most often mistaken, 1 time, was pit for rust.",
    ),
    (
        plot_confusion,
        (np.array([0, 2]), np.array([0, 2])),
        "The figure shows how 2 pictures of 3 classes were named: 2 rightly "
        "(100.0%).",
    ),
]


@pytest.fixture(autouse=True)
def nothing_is_shown(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))


@pytest.mark.parametrize(("plot", "arguments", "description"), FIGURES)
def test_axes_and_description(plot, arguments, description):
    ax = plot(*arguments)
    assert isinstance(ax, matplotlib.axes.Axes)
    assert ax.description == description
    _, (given, other) = plt.subplots(1, 2)
    before = len(plt.get_fignums())
    assert plot(*arguments, ax=given) is given
    given.figure.canvas.draw()
    assert len(plt.get_fignums()) == before, "no figure besides the given one"
    assert not other.has_data()


def test_what_is_drawn_is_the_data():
    ax = plot_history(TWO_PHASES)
    curves = {line.get_label(): line for line in ax.get_lines()}
    assert list(curves["training"].get_ydata()) == [1.0, 0.5, 0.25]
    assert list(curves["validation"].get_xdata()) == [1, 2, 3]
    assert list(curves["fine-tuning"].get_xdata()) == [2.5, 2.5]
    looks = [curves[n].get_linestyle() for n in ("training", "validation")]
    assert looks == ["-", "--"], "told apart without colour"
    ax = plot_confusion([0, 0, 1], [0, 1, 1], NAMES)
    assert [t.get_text() for t in ax.texts] == ["1", "1", "0", "1"]
    ax = plot_images(PICTURES, [0, 1, 1], NAMES, [0, 1, 0])
    assert [t.get_text()[-6:] for t in ax.texts] == [
        f"{chr(10)}\N{CHECK MARK} pit",
        "\N{CHECK MARK} rust",
        f"{chr(10)}\N{MULTIPLICATION SIGN} pit",
    ]


def test_a_dollar_sign_in_a_name_is_no_formula():
    names = [r"5$ \frac", r"$\nothing$"]
    for ax in (
        plot_confusion([0, 1], [0, 1], names),
        plot_images(PICTURES, [0, 1, 1], names),
    ):
        ax.figure.canvas.draw()


def test_long_names_are_shortened_and_their_ends_stay():
    names = ["class of metal number 17 of all", "class of metal number 18"]
    ax = plot_images(PICTURES, [0, 1, 1], names, [0, 1, 0])
    shown = [text.get_text().splitlines()[0] for text in ax.texts]
    assert shown == ["class of… of all", *["class of…mber 18"] * 2]
    assert names[0] in ax.description
    ax = plot_confusion([0, 1], [0, 1], names)
    ticks = [tick.get_text() for tick in ax.get_yticklabels()]
    assert ticks == ["class of met…r 17 of all", names[1]]


def test_names_are_taken_as_people_have_them():
    by_index = dict.fromkeys(NAMES).keys()
    for names in (by_index, pd.Series(NAMES, [7, 8]), np.array(NAMES)):
        ax = plot_images(PICTURES, [0, 1, 1], names, [0, 1, 0])
        assert "1 of pit, 2 of rust" in ax.description
        ax = plot_confusion([0, 1], [0, 0], names)
        assert "rust for pit" in ax.description
    ax = plot_confusion([0, 1], [0, 1], (name for name in NAMES))
    assert "2 classes" in ax.description
    plot_confusion([0], [1], ["pit\udce9", "rust"]).figure.canvas.draw()


@pytest.mark.parametrize("ax", [plt.subplots(1, 2)[1], plt.figure(), 0, "ax"])
def test_axes_are_one_axes(ax):
    for draw in (
        lambda: plot_images(PICTURES, ax=ax),
        lambda: plot_confusion([0], [1], ax=ax),
        lambda: plot_history(TWO_PHASES, ax=ax),
        lambda: plot_learning_rates(FOUND, ax),
        lambda: ledger.draw({"one": [1.0, 2.0]}, 0.1, ax),
        lambda: experiments.show("shift", ax=ax),
    ):
        with pytest.raises(CourseError, match=r"take one, as axes\[0\]"):
            draw()
    with pytest.raises(CourseError, match="a matplotlib Figure was expected"):
        ledger.show("lower-rate", figure="ax")


def test_curves_may_be_arrays():
    curves = {name: np.array(one) for name, one in TWO_PHASES.history.items()}
    assert "1 to 0.25" in plot_history(history(**curves)).description


def test_a_curve_of_no_numbers_has_no_best():
    ax = plot_history(history(loss=[1.0, 0.5], val_loss=[np.nan, np.nan]))
    assert "lowest" not in ax.description


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (lambda: plot_history(history()), "no 'loss' to draw"),
        (lambda: plot_history(TWO_PHASES, "auc"), "one of loss, accuracy"),
        (lambda: plot_images(PICTURES[0]), "pass a batch"),
        (lambda: plot_images(PICTURES[:, :, :, :2]), r"not \(3, 4, 6, 2\)"),
        (
            lambda: plot_images(PICTURES, [1]),
            r"3 pictures and labels of shape \(1,\)",
        ),
        (lambda: plot_confusion([0], [0, 1]), "1 labels and 2 predictions"),
        (lambda: plot_confusion([], []), "for each picture"),
        (lambda: plot_confusion([0], [2], NAMES), "predictions hold 2"),
        (lambda: plot_images(PICTURES / 255), "leave out `/ 255`"),
        (lambda: plot_images(PICTURES / 127.5 - 1), "leave out `/ 255`"),
        (lambda: plot_images((PICTURES - 120) / 60), "leave out `/ 255`"),
        (lambda: plot_images(PICTURES * 257), "of 16 bits by 257"),
        (lambda: plot_images(PICTURES * np.nan), "with NaN"),
        (lambda: plot_images(PICTURES[:, :0]), "pass a batch"),
        (lambda: plot_images(PICTURES, None, NAMES, [0, 1, 0]), "without lab"),
        (
            lambda: plot_images(PICTURES, [0, 1, 0], None, [0.2, 0.9, 0.1]),
            "predictions hold 0.2",
        ),
        (
            lambda: plot_images(PICTURES, np.array([0, "a", 1], object)),
            "of another type",
        ),
        (lambda: plot_confusion([0], [1], set(NAMES)), "a list of the names"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(draw, said):
    with pytest.raises(CourseError, match=said):
        draw()
