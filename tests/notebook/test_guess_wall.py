"""A wall of pictures: what was guessed is what is counted."""

import base64
import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from course_utils.evaluation.plotting import BLUE, VERMILLION
from course_utils.machine.errors import CourseError
from course_utils.notebook.guess_wall import GuessWall

LABELS = [0, 1, 1, 0, 0, 1]


@pytest.fixture
def wall():
    pictures = np.random.default_rng(0).uniform(0, 255, (6, 8, 8, 3))
    return GuessWall(pictures, LABELS, ("sound", "broken"), columns=4)


def bundle(wall):
    return wall._repr_mimebundle_()


def test_before_a_guess_nothing_of_the_truth_is_told(wall):
    shown = bundle(wall)
    assert wall.guess(...) is None
    assert wall.right is None and wall.guesses is None
    assert "6 pictures, 3 of them broken: which?" in shown["text/html"]
    assert "guess([2, 5])" in shown["text/plain"]
    assert "found" not in shown["text/html"]


def test_what_was_guessed_is_counted(wall):
    assert wall.guess([2, 4]) is wall
    assert wall.right == pytest.approx(3 / 6)
    assert repr(wall) == (
        "You: right about 3 of 6; 1 of 3 broken found, 1 of 3 sound called "
        "broken."
    )
    assert repr(wall) in bundle(wall)["text/html"]
    wall.guess(np.array([2, 3, 6]))
    assert wall.right == 1
    assert wall.guess([]).right == 0.5
    assert wall.describe("The model").startswith("The model: right about 3")


def has(picture, colour):
    """Whether some pixel of a picture in base64 has a colour."""
    pixels = Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB")
    colour = np.rint(np.multiply(to_rgb(colour), 255))
    return (np.asarray(pixels) == colour).all(axis=-1).any()


def test_in_the_picture_right_and_wrong_have_colours_of_their_own():
    # Pictures in black: only the titles have a colour.
    wall = GuessWall(np.zeros((6, 8, 8, 3)), LABELS, ("sound", "broken"))
    for guess, colours in (
        ([2, 3, 6], (True, False)),
        ([1, 4, 5], (False, True)),
    ):
        picture = bundle(wall.guess(guess))["image/png"]
        assert (has(picture, BLUE), has(picture, VERMILLION)) == colours


@pytest.mark.parametrize("numbers", [[0], [7], "ab", 3, None, [1.5, None]])
def test_odd_numbers_are_named(wall, numbers):
    with pytest.raises(CourseError, match="numbers from 1 to 6"):
        wall.guess(numbers)
    assert wall.guesses is None


def test_the_boxes_and_the_list_are_one(wall, monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    pytest.importorskip("anywidget")
    bundle(wall)
    assert wall._view.shown["texts"][:2] == ["1: broken?", "2: broken?"]
    assert wall._view.shown["picked"] is None and not wall._view.told
    wall._on_message(wall._view, {"guess": [2, 4]}, [])
    assert wall.guesses.tolist() == [0, 1, 0, 1, 0, 0]
    assert "You: right about 3 of 6" in wall._view.told
    assert wall._view.shown["texts"][:4] == [
        "1: sound", "2: broken", "3: missed", "4: false alarm",
    ]  # fmt: skip
    assert wall._view.shown["wrong"] == [False, False, True, True, False, True]
    wall.guess([1])
    assert wall._view.shown["picked"] == [1]
    heard = []
    wall._view.observe(heard.append, "shown")
    wall._on_message(wall._view, {"guess": [1]}, [])
    assert heard, "the page waits for an answer to an equal guess, too"


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": np.zeros((8, 8, 3))},
        {"pictures": None},
        {"pictures": np.zeros((5, 8, 8, 3))},
        {"pictures": np.full((6, 8, 8, 3), 0.5)},
        {"labels": ["sound"] * 6},
        {"labels": [0, 1, 2, 0, 1, 2]},
        {"class_names": ["sound"]},
        {"class_names": {"sound", "broken"}},
        {"columns": 0},
        {"columns": None},
    ],
)
def test_what_makes_no_wall_is_a_sentence(change):
    right = {"pictures": np.zeros((6, 8, 8, 3)), "labels": LABELS}
    with pytest.raises(CourseError):
        GuessWall(**{**right, "class_names": ("sound", "broken"), **change})


def test_names_are_shown_as_they_are():
    pictures = np.zeros((6, 8, 8, 3))
    wall = GuessWall(pictures, LABELS, ("<b>sound</b>", "<script>"))
    assert "&lt;script&gt;" in bundle(wall)["text/html"]
    assert "<script>" not in bundle(wall)["text/html"]
