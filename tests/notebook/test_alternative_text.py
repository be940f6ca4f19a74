"""Every figure says what it shows to those who do not see it."""

import base64
import html.parser
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest

from course_utils.evaluation import plotting
from course_utils.notebook import alternative_text


@pytest.fixture(autouse=True)
def no_figure_stays():
    yield
    plt.close("all")


def test_a_helpers_figure_says_its_sentence():
    ax = plotting.plot_confusion([0, 0, 1], [0, 1, 1], ["cat", "dog"])
    told = alternative_text.describe(ax.figure)
    assert told == ax.description
    assert "mistaken, 1 time, was cat for dog." in told


def test_curves_are_told_from_their_first_to_their_last_value():
    figure, (left, right) = plt.subplots(1, 2)
    figure.suptitle("Two rates")
    left.plot(np.linspace(2, 0.5, 20), label="training")
    left.axhline(1)  # it leads the eye, and says nothing
    left.set(xlabel="epoch", ylabel="loss", title="slow")
    right.errorbar([1, 2], [0.25, 0.75], [0.1, 0.1], label="frozen")
    right.plot(range(9), np.full(9, 0.5), "o", label="chance")
    right.set(xlabel="labels", ylabel="AUC")
    assert alternative_text.describe(figure) == (
        "Two rates. slow: loss over epoch; training from 2 to 0.5. "
        "AUC over labels; frozen: 0.25, 0.75; chance at 0.5."
    )


def test_bars_and_points_are_told_by_name():
    figure, axes = plt.subplots(1, 3)
    axes[0].barh(["scratch", "weld"], [0.25, 0.5])
    axes[0].plot([0.125, 0.5], ["scratch", "weld"], "o", label="before")
    axes[1].bar(["A", "B"], [3, 4], label="scanner")
    axes[2].scatter(range(9), range(9), label="test")
    axes[2].plot(range(9), range(9), ".", label="train")
    assert alternative_text.describe(figure) == (
        "A panel; before: 0.125, 0.5; bars: scratch 0.25, weld 0.5. "
        "A panel; bars, scanner: A 3, B 4. "
        "A panel; train, 9 points between 0 and 8; "
        "test, 9 points between 0 and 8."
    )


def test_histograms_tell_where_their_values_lie():
    figure, ax = plt.subplots()
    ax.hist(np.arange(10, 60), 50, label="sound")
    ax.hist(np.arange(50, 60), 10, histtype="step")
    ax.set(xlabel="score", ylabel="cells")
    assert alternative_text.describe(figure) == (
        "cells over score; sound, 50 in all from 10 to 59, half of them below "
        "34.5; a histogram, 10 in all from 50 to 59, half of them below 54.5."
    )


def test_a_picture_shows_what_lies_beyond_the_edge_of_its_figure():
    figure = plt.figure(figsize=(2, 2))
    drawn = []
    for place in (0.5, 1):
        figure.text(place, 0.5, "undecided, or refuted")
        png = base64.b64decode(alternative_text.as_png(figure))
        drawn.append(plt.imread(io.BytesIO(png), "png"))
    without, beyond = drawn
    assert beyond.shape[1] > without.shape[1]
    # White at its right edge: nothing is cut.
    assert beyond[:, -1, :3].min() == 1


def test_a_colour_bar_and_an_empty_panel_are_left_out():
    figure, (left, _) = plt.subplots(1, 2)
    figure.colorbar(left.imshow(np.eye(3)), ax=left)
    assert alternative_text.describe(figure) == "1 picture."


def test_pictures_are_counted_and_named():
    figure, axes = plt.subplots(2, 2)
    for ax, title in zip(axes.flat, ["weld", "weld", "rust", ""], strict=True):
        ax.imshow(np.zeros((4, 4, 3)))
        ax.set_title(title)
    ax.set(ylabel="query", xlabel="same")
    told = alternative_text.describe(figure)
    assert told == "4 pictures: weld, rust, query same."


def test_values_that_stand_in_a_picture_are_told_row_by_row():
    figure, ax = plt.subplots()
    ax.imshow(np.eye(2))
    ax.set_xticks([0, 1], ["rust", "weld"])
    ax.set_yticks([0, 1], ["is rust", "is weld"])
    for row, column in np.ndindex(2, 2):
        ax.text(column, row, f"{3 * row + column}")
    told = alternative_text.describe(figure)
    assert "columns rust, weld; is rust: 0, 1; is weld: 3, 4" in told


def test_lines_without_names_are_told_once_by_what_they_span():
    figure, ax = plt.subplots()
    for number in range(3):
        ax.plot(range(number, number + 9), "o-", color="grey")
    ax.plot(range(9), label="mean")
    told = alternative_text.describe(figure)
    assert "mean from 0 to 8; 3 lines without names between 0 and 10" in told


def test_many_things_are_cut_short_and_an_empty_figure_says_so():
    figure, ax = plt.subplots()
    for number in range(20):
        ax.plot([0, 1], [0, number], label=f"run {number}")
    assert "and 8 more." in alternative_text.describe(figure)
    assert alternative_text.describe(plt.figure()) == "An empty figure."


class Tags(html.parser.HTMLParser):
    """Collects the attributes of images."""

    def __init__(self, text):
        super().__init__()
        self.images = []
        self.feed(text)
        assert not self.rawdata

    def handle_starttag(self, tag, attributes):
        assert tag == "img", "nothing else gets in"
        self.images.append(dict(attributes))


@pytest.fixture
def formatters():
    interactiveshell = pytest.importorskip("IPython.core.interactiveshell")
    shell = interactiveshell.InteractiveShell.instance()
    shell.kernel = object()
    alternative_text.tell_figures()
    pylabtools = pytest.importorskip("IPython.core.pylabtools")
    pylabtools.select_figure_formats(shell, {"png"})
    yield shell.display_formatter
    interactiveshell.InteractiveShell.clear_instance()


def test_a_notebook_shows_a_figure_with_its_text(formatters):
    figure, ax = plt.subplots()
    ax.set_title('<script>alert("5 < 6")</script>')
    bundle, _ = formatters.format(figure)
    (image,) = Tags(bundle["text/html"]).images
    assert image["alt"] == '<script>alert("5 < 6")</script>.'
    data = image["src"].removeprefix("data:image/png;base64,")
    assert base64.b64decode(data).startswith(b"\x89PNG")
    assert bundle["image/png"].strip() == data  # for whoever shows no HTML


def test_a_figure_that_was_changed_is_drawn_anew_and_once(formatters):
    figure, ax = plt.subplots()
    drawn = []
    figure.canvas.mpl_connect("draw_event", drawn.append)
    formatters.format(figure, include={"text/html"})
    before, _ = formatters.format(figure)
    at = len(drawn)
    ax.plot([1, 2])
    after, _ = formatters.format(figure)
    assert before["image/png"] != after["image/png"]
    assert after["image/png"].strip() in after["text/html"]
    count = len(drawn) - at
    formatters.formatters["image/png"](figure)
    assert len(drawn) - at == 2 * count


def test_a_learners_other_format_is_left_alone(formatters):
    pylabtools = pytest.importorskip("IPython.core.pylabtools")
    figure, _ = plt.subplots()
    pylabtools.select_figure_formats(formatters.parent, {"retina"})
    (image,) = Tags(formatters.format(figure)[0]["text/html"]).images
    assert int(image["width"]) > 300
    pylabtools.select_figure_formats(formatters.parent, {"svg"})
    bundle, _ = formatters.format(figure)
    assert "image/svg+xml" in bundle and "text/html" not in bundle


def test_a_figure_that_cannot_be_described_is_shown(formatters, monkeypatch):
    figure, ax = plt.subplots()
    ax.plot([1, 2])
    ax.get_title = None
    (image,) = Tags(formatters.format(figure)[0]["text/html"]).images
    assert "cannot put in words" in image["alt"]
    monkeypatch.setenv("COURSE_SMOKE", "1")
    with pytest.raises(TypeError):
        formatters.mimebundle_formatter.lookup(figure)(figure)


def test_outside_of_a_notebook_nothing_is_changed():
    alternative_text.tell_figures()
