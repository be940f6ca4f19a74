"""Lesson 05's checks: solution, stub, misconceptions, right in another way."""

import json
import types
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression

from course_utils.answers.checks import lesson_05_script_checks
from course_utils.evaluation.classification_scores import compare
from course_utils.evaluation.intervals import wilson_interval
from tests.answers.checking import check

# yo-06: pictures without contrast.


def audit_of(pictures, left_out=()):
    rows = pd.DataFrame({"file": [f"a/{n}.jpg" for n in range(len(pictures))]})
    rows["left_out"] = ["x" if n in left_out else "" for n in rows.index]
    pictures.setflags(write=False)
    return types.SimpleNamespace(
        rows=rows, used=rows[rows["left_out"] == ""], pictures=pictures
    )


def some_pictures():
    """Ten with contrast, a black one, a white one, a dim one, an empty row."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(40, 216, (14, 8, 8, 3), "uint8")
    pictures[10] = rng.integers(0, 8, (8, 8, 3))
    pictures[11] = 255 - rng.integers(0, 8, (8, 8, 3))
    pictures[12] = 100 + pictures[12] // 2  # less contrast, and enough
    pictures[13] = 0
    return audit_of(pictures, left_out=[13])


AUDIT = some_pictures()
FLAT = ["a/10.jpg", "a/11.jpg"]


@pytest.mark.parametrize(
    "answer", [FLAT, FLAT[::-1], tuple(FLAT), np.array(FLAT), pd.Series(FLAT)]
)
def test_the_flat_pictures_pass_in_any_order(work, answer):
    status, message = check("yo-06", answer, AUDIT)
    assert status == "passed" and "2 of 13" in message


def test_paths_are_files_too(work):
    paths = [Path(file) for file in FLAT]
    assert check("yo-06", paths, AUDIT)[0] == "passed"


def test_a_folder_without_flat_pictures_passes_with_none(work):
    audit = audit_of(AUDIT.pictures[:10].copy())
    status, message = check("yo-06", [], audit)
    assert status == "passed" and "none in this folder" in message


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (["a/10.jpg"], "Those are dark"),
        ([*FLAT, "a/12.jpg"], "variance"),
        ([*FLAT, "a/13.jpg"], "left out already"),
        ([f"a/{n}.jpg" for n in [*range(10), 12]], "*with* contrast"),
        ([*FLAT, "a/3.jpg"], "0 of those without contrast are missing, and 1"),
        ([], "2 of those without contrast are missing"),
        (["b/10.jpg"], "none of the files"),
        ([10, 11], "should be a file"),
        (2, "list of files"),
        ("a/10.jpg", "not 'a/10.jpg'"),
        (None, "not None"),
    ],
)
def test_each_misconception_about_flat_pictures_is_named(work, answer, named):
    status, message = check("yo-06", answer, AUDIT)
    assert status == "failed" and named in message


# yo-07: the one-standard-error rule.

TRUTH = np.repeat([0, 1], [140, 60])


def said(first, second):
    """Answers with so many right of each class."""
    given = 1 - TRUTH
    given[:first], given[140 : 140 + second] = 0, 1
    given.setflags(write=False)
    return given


NAMED = {96: said(100, 45), 160: said(119, 48), 224: said(121, 49)}
COST = {96: 0.004, 160: 0.011, 224: 0.022}
R, N = np.array([121 / 140, 49 / 60]), np.array([140, 60])
ERROR = np.sqrt(np.sum(R * (1 - R) / N)) / 2


@pytest.mark.parametrize("error", [ERROR, round(ERROR, 3), np.float32(ERROR)])
def test_the_cheapest_within_an_error_passes(work, error):
    status, message = check("yo-07", error, 160, NAMED, TRUTH, COST)
    assert status == "passed" and "50% of its time" in message


def test_the_best_may_be_the_cheapest(work):
    cheap = {**COST, 224: 0.001}
    assert check("yo-07", ERROR, 224, NAMED, TRUTH, cheap)[0] == "passed"


SHARE = 170 / 200


@pytest.mark.parametrize(
    ("error", "size", "named"),
    [
        (ERROR, 224, "a cheaper size"),
        (ERROR, 96, "more than one standard error"),
        (ERROR, 128, "one of 96, 160, 224"),
        (ERROR, ..., "not attempted"),
        (2 * ERROR**2, 160, "root"),
        (2 * ERROR, 160, "number of classes"),
        (np.sqrt(R * (1 - R) / N).mean(), 160, "partly cancel"),
        (np.sqrt(SHARE * (1 - SHARE) / 200), 160, "of the accuracy"),
        (1.96 * ERROR, 160, "1.96"),
        (0.5, 160, "not 0.5"),
        ("small", 160, "not 'small'"),
    ],
)
def test_each_misconception_about_the_size_is_named(work, error, size, named):
    status, message = check("yo-07", error, size, NAMED, TRUTH, COST)
    assert status != "passed" and (named in message or named == status)


def test_near_enough_and_not_the_cheapest_is_named(work):
    named = {**NAMED, 300: said(122, 49)}
    cost = {**COST, 300: 0.04}
    r = np.array([122 / 140, 49 / 60])
    error = np.sqrt(np.sum(r * (1 - r) / N)) / 2
    status, message = check("yo-07", error, 224, named, TRUTH, cost)
    assert status == "failed" and "not the cheapest" in message


# yo-08: labels to have looked at. Twenty groups of ten; six labels are wrong.


@pytest.fixture(scope="module")
def doubtful():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200)
    features = rng.normal(size=(200, 20)) + 2.0 * truth[:, np.newaxis]
    labels = truth.copy()
    wrong = rng.choice(200, 6, replace=False)
    labels[wrong] = 1 - labels[wrong]
    files = [f"{label}/{n}.jpg" for n, label in enumerate(labels)]
    planted = {files[n]: "lies in the wrong folder" for n in wrong}
    groups = np.arange(200) // 10
    for array in (features, labels, groups):
        array.setflags(write=False)
    return files, features, labels, groups, planted


def by_one_split(files, features, labels, groups, reverse=False):
    """Even groups judge odd ones, and the other way round."""
    share = np.zeros(len(labels))
    for part in (0, 1):
        new = groups % 2 == part
        probe = LogisticRegression().fit(features[~new], labels[~new])
        says = probe.predict_proba(features[new])
        share[new] = says[np.arange(new.sum()), labels[new]]
    order = np.argsort(-share if reverse else share)
    return [files[n] for n in order[:10]]


def test_suspects_of_another_model_pass(work, doubtful):
    suspects = by_one_split(*doubtful[:4])
    status, message = check("yo-08", suspects, *doubtful)
    assert status == "passed" and "Of the 6 " in message
    assert " 6 are among" in message
    status, message = check("yo-08", suspects[::-1], *doubtful[:4], {})
    assert status == "passed" and "wrong folder" not in message


def test_the_surest_labels_are_no_suspects(work, doubtful):
    suspects = by_one_split(*doubtful[:4], reverse=True)
    status, message = check("yo-08", suspects, *doubtful)
    assert status == "failed" and "got the *least*" in message


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (lambda files: files[:10], "doubt only|got the *least*"),
        (lambda files: files[:3], "name 10"),
        (lambda files: files[:5] * 2, "5 different files"),
        (lambda files: list(range(10)), "should be a file"),
        (lambda files: ["nothing.jpg"] * 10, "none of the files"),
        (lambda files: 10, "list of files"),
    ],
)
def test_each_misconception_about_suspects_is_named(
    work, doubtful, answer, named
):
    status, message = check("yo-08", answer(doubtful[0]), *doubtful)
    assert status == "failed"
    assert any(part in message for part in named.split("|"))


# yo-09: a script for a machine without Keras. The model answers by the mean
# colour, and a script may do the same without any interpreter.

NAMES = ["ants & co", "bees", "moths"]
COLOUR = """
import json, sys
import numpy as np
from PIL import Image, ImageOps
names = json.load(open("class_names.json", encoding="utf-8"))
for path in sys.argv[1:]:
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    image = ImageOps.fit(image, (16, 16), Image.Resampling.BILINEAR)
    means = np.asarray(image, "float64")[:8].mean(axis=(0, 1)) / 60
    means *= [1, 1.2, 0.9]
    shares = np.exp(means) / np.exp(means).sum()
    print(f"{shares.max():.3f} {names[shares.argmax()]}")
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model of the upper half's mean colour, and eight pictures."""
    folder = tmp_path_factory.mktemp("saved")
    x = inputs = keras.Input((16, 16, 3))
    x = keras.layers.Cropping2D(((0, 8), (0, 0)))(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))
    model.set_weights([np.diag([1, 1.2, 0.9]) / 60, np.zeros(3)])
    model.save(folder / "model.keras")
    names = json.dumps(NAMES)
    (folder / "class_names.json").write_text(names, "utf-8")
    rng, files = np.random.default_rng(0), []
    for number in range(8):
        small = rng.integers(0, 256, (4, 4, 3), "uint8")
        image = Image.fromarray(small).resize((40, 40))
        files.append(folder / f"{number}.png")
        image.save(files[-1])
    return files, folder / "model.keras"


def test_a_script_without_keras_passes(work, saved, tmp_path):
    status, message = check("yo-09", COLOUR, *saved)
    assert status == "passed", message
    assert "All 8" in message
    path = tmp_path / "script.py"
    path.write_text(COLOUR)
    assert check("yo-09", path, *saved)[0] == "passed"


TURNED = "ImageOps.exif_transpose(Image.open(path))"
CUT = "ImageOps.fit(image, (16, 16), Image.Resampling.BILINEAR)"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (TURNED, "Image.open(path)", "on their side"),
        (CUT, "image.resize((16, 16), 2)", "stretches"),
        ("[:8]", "[:8, :, ::-1]", "takes RGB"),
        ("import json", "import keras, json", "needs keras"),
        ("import json", "import course_utils, json", "needs course_utils"),
        ("/ 60", "/ 255 / 60", "another probability"),
        ("print(f\"{shares.max():.3f} ", "print(f\"", "first the probability"),
        ("{names[shares.argmax()]}", "{shares.argmax()}", "no class"),
        ("for path", "print(names)\nfor path", "printed 9 lines"),
        ("for path", "1 / 0\nfor path", "ZeroDivisionError"),
        ("sys.argv[1:]", "sys.argv[2:]", "printed 7 lines"),
    ],
)  # fmt: skip
def test_each_misconception_about_the_script_is_named(
    work, saved, old, new, named
):
    assert old in COLOUR
    status, message = check("yo-09", COLOUR.replace(old, new), *saved)
    assert status == "failed" and named in message


def test_a_reversed_order_of_classes_is_named(work, saved):
    script = COLOUR.replace("names[sh", "names[::-1][sh")
    status, message = check("yo-09", script, *saved)
    assert status == "failed" and "reversed" in message


@pytest.mark.parametrize("answer", ["", 3, None, "model.tflite"])
def test_what_is_no_script_is_named(work, saved, answer):
    status, message = check("yo-09", answer, *saved)
    assert status == "failed" and "Python program" in message


def test_a_script_without_end_is_stopped(work, saved, monkeypatch):
    monkeypatch.setattr(lesson_05_script_checks, "LONGEST_RUN", 0.5)
    status, message = check("yo-09", "import sys\nwhile True: pass", *saved)
    assert status == "failed" and "had not ended" in message


def test_a_copy_shows_what_the_picture_shows(saved, tmp_path):
    (file, *_), _ = saved
    original = np.asarray(Image.open(file), int)
    for number in (1, 2):  # on its side, wide
        path = lesson_05_script_checks._copy(file, tmp_path / "x.jpg", number)
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            shown = np.asarray(ImageOps.fit(upright, (40, 40)), int)
        assert abs(shown - original).mean() < 12


def test_copies_are_grey_or_tinted_as_well(saved, tmp_path):
    (file, *_), _ = saved
    original = np.asarray(Image.open(file), float).mean(axis=(0, 1))
    grey = lesson_05_script_checks._copy(file, tmp_path / "x.jpg", 3)
    assert Image.open(grey).mode == "L"
    tinted = lesson_05_script_checks._copy(file, tmp_path / "x.jpg", 6)
    shares = np.asarray(Image.open(tinted), float).mean(axis=(0, 1)) / original
    np.testing.assert_allclose(shares, (1, 0.75, 0.5), atol=0.1)


def test_the_quiz_says_of_intervals_what_they_are():
    low, high = wilson_interval(3, 3)
    assert 0.4 < low < 0.5 and high == 1
    assert 0.5**3 == 1 / 8
    assert wilson_interval(17, 20)[1] > low
    labels, first, other = np.zeros(60, int), np.ones(60, int), np.ones(60, int)
    first[:48] = 0  # 7 right here only, 4 there only: 41 in both
    other[7:52] = 0
    found = compare(labels, first, other)
    assert (found.right, found.other_right) == (48, 45)
    assert (found.only_first, found.only_other) == (7, 4)
    assert found.verdict == "undecided" and found.p_value > 0.5
