"""Lesson 05 on folders that nobody prepared: a result, or one sentence.

The cells of the solved lesson are run as they stand, on another folder, with
one step a training and a backbone that is traced in a moment.
(tests/pictures/test_folder_audit.py has what an audit makes of single files.)
"""

import ast
import re

import jupytext
import keras
import matplotlib
import numpy as np
import pytest
from PIL import Image

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from course_utils import backbones
from course_utils.answers import progress_log
from course_utils.machine import quick_runs
from course_utils.machine.errors import CourseError
from tests.conftest import TOP
from tests.pictures.test_folder_audit import fill, picture

LESSON = TOP / "lessons" / "05_your_own_images.py"
EXERCISES = {f"yo-{number:02}" for number in range(6, 10)}


def tiny_backbone(name, weights="imagenet", *, input_shape):
    """A network of one convolution, to a map of a few places."""
    x = inputs = keras.Input(input_shape)
    x = keras.layers.Rescaling(1 / 255)(x)
    convolution = keras.layers.Conv2D(
        8, 32, 32, activation="relu", name="block6"
    )
    x = keras.layers.BatchNormalization()(convolution(x))
    return keras.Model(inputs, x)


def show(value):
    """Shows a value in both ways that a notebook may."""
    repr(value)
    getattr(value, "_repr_html_", str)()


def run_lesson(folder):
    """Runs the lesson; returns its names, and the sentence that stopped it."""
    names = {}
    for cell in jupytext.read(LESSON).cells:
        if cell.cell_type != "code":
            continue
        source = cell.source.replace(
            "my_folder = None", f"my_folder = {folder!r}"
        )
        tree = ast.parse(source)
        shown = None
        if isinstance(tree.body[-1], ast.Expr):
            shown = ast.Expression(tree.body.pop().value)
        try:
            exec(compile(tree, str(LESSON), "exec"), names)
            if shown is not None:
                show(eval(compile(shown, str(LESSON), "eval"), names))
            for number in plt.get_fignums():
                plt.figure(number).canvas.draw()
        except CourseError as error:
            return names, str(error)
        finally:
            plt.close("all")
    return names, None


@pytest.fixture
def quick(work, monkeypatch):
    """Trains one step a fit, on a tiny backbone, in an empty work folder."""
    monkeypatch.setattr(backbones, "load_backbone", tiny_backbone)
    monkeypatch.setattr(keras.Model, "fit", keras.Model.fit)
    quick_runs.shorten_training()


def verdicts():
    return {
        event.name: event.status
        for event in progress_log.read_log().events
        if event.kind == "exercise"
    }


def check_result(folder):
    names, sentence = run_lesson(str(folder))
    assert sentence is None
    assert verdicts() == dict.fromkeys(EXERCISES, "passed")
    report = names["report"]
    assert report.path.is_file() and report.model_path.is_file()
    page = report.path.read_text("utf-8")
    assert page.count("Not stated by whoever made this model.") == 2
    return names


# What ends in a report.


def test_two_classes_as_cameras_and_people_leave_them(quick, tmp_path):
    folder = tmp_path / "my pictures"
    fill(folder, "Äpfel, rot", 12)
    fill(folder / "poires d'été", "2024/août", 9, 100, suffix="jpg")
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(3):
        photograph = picture(200 + number, (2000, 3000))
        photograph.save(folder / "Äpfel, rot" / f"{number}.jpg", exif=exif)
    frames = [picture(300 + number) for number in range(3)]
    frames[0].save(
        folder / "poires d'été" / "moving.gif",
        save_all=True,
        append_images=frames[1:],
    )
    names = check_result(folder)
    assert names["class_names"] == ["poires d'été", "Äpfel, rot"]
    assert names["audit"].rows["turned"].sum() == 3
    assert names["report"].path.parent.name == "my pictures"


def test_ten_classes_with_signs_in_their_names(quick, tmp_path):
    for number in range(10):
        fill(tmp_path / "ten", f"<b>{number}</b> $x_{number}", 6, 100 * number)
    names = check_result(tmp_path / "ten")
    assert len(names["class_names"]) == 10


def test_three_hundred_against_six(quick, tmp_path):
    fill(tmp_path / "parts", "good", 300, shape=(20, 20))
    fill(tmp_path / "parts", "bad", 6, 1000, shape=(20, 20))
    names = check_result(tmp_path / "parts")
    assert names["report"].table.set_index("class").pictures["bad"] == 1


def test_three_pictures_of_each_class(quick, tmp_path):
    fill(tmp_path / "few", "a", 3)
    fill(tmp_path / "few", "b", 3, 100)
    assert len(check_result(tmp_path / "few")["asked"].labels) == 2


def test_broken_mislabelled_and_doubled_files(quick, tmp_path):
    folder = tmp_path / "mixed"
    fill(folder, "ants", 20)
    fill(folder, "bees", 20, 100)
    fill(folder, "one picture only", 1, 200)
    for seed in range(4):
        picture(seed).save(folder / "bees" / f"wrong{seed}.png")
        picture(10 + seed).save(folder / "bees" / f"near{seed}.jpg", quality=80)
        picture(5 + seed).save(folder / "ants" / f"near{seed}.jpg", quality=80)
    whole = (folder / "ants" / "0019.png").read_bytes()
    (folder / "ants" / "0019.png").write_bytes(whole[:300])
    (folder / "bees" / "table.xlsx").write_bytes(b"PK")
    names = check_result(folder)
    rows = names["audit"].rows
    assert (rows["left_out"].str.contains("broken|no picture")).sum() == 2
    assert (rows["left_out"] == "is the same picture in two classes.").any()
    assert names["class_names"] == ["ants", "bees"]


def test_pictures_that_any_network_tells_apart(quick, tmp_path, monkeypatch):
    # Then there is no mistake to show.
    for label, value in (("dark", 20), ("light", 220)):
        (tmp_path / "easy" / label).mkdir(parents=True)
        for seed in range(10):
            some = np.asarray(picture(seed + value), int) // 12 + value
            path = tmp_path / "easy" / label / f"{seed}.png"
            Image.fromarray(np.clip(some, 0, 255).astype("uint8")).save(path)

    def ideal(name, weights=None, *, input_shape):
        inputs = keras.Input(input_shape)
        x = keras.layers.Rescaling(1 / 25, -5)(inputs)
        convolution = keras.layers.Conv2D(2, 16, 16, name="block6")
        base = keras.Model(inputs, convolution(x))
        kernel = np.zeros((16, 16, 3, 2), "float32")
        kernel[..., 0], kernel[..., 1] = -1 / 768, 1 / 768
        convolution.set_weights([kernel, np.zeros(2)])
        return base

    build = keras.layers.Dense.build

    def knowing(layer, input_shape):
        build(layer, input_shape)
        layer.kernel.assign(4 * np.eye(2))

    monkeypatch.setattr(backbones, "load_backbone", ideal)
    monkeypatch.setattr(keras.layers.Dense, "build", knowing)
    names = check_result(tmp_path / "easy")
    assert names["report"].accuracy == 1 and len(names["asked"].labels) == 4


def test_a_dot_is_a_folder_with_a_name(quick, tmp_path, monkeypatch):
    fill(tmp_path / "here", "a", 5)
    fill(tmp_path / "here", "b", 5, 100)
    monkeypatch.chdir(tmp_path / "here")
    assert check_result(".")["report"].path.parent.name == "here"


# What ends in a sentence.


def missing(folder):
    pass


def one_class(folder):
    fill(folder, "ants", 12)


def all_twice(folder):
    fill(folder, "ants", 5)
    fill(folder, "bees", 5)


def no_picture(folder):
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        (folder / name / "list.txt").write_text("no")


def no_folders(folder):
    fill(folder, ".", 3)


def plain(folder):
    for name, colour in (("a", "red"), ("b", "blue")):
        (folder / name).mkdir(parents=True)
        for number in range(5):
            path = folder / name / f"{number}.png"
            Image.new("RGB", (64, 64), colour).save(path)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (missing, "does not exist: give the path"),
        (lambda folder: folder.write_text("x"), "is a file: give the path"),
        (one_class, "1 class .*tells at least two apart"),
        (all_twice, "0 classes"),
        (no_picture, "None of the 2 files"),
        (no_folders, "holds no folders"),
        (plain, "0 classes"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(quick, tmp_path, make, problem):
    make(tmp_path / "mine")
    _, sentence = run_lesson(str(tmp_path / "mine"))
    assert re.search(problem, sentence)
    assert len(sentence) < 500
