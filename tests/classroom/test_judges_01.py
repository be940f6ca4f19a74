"""Lesson 01 is judged by arrays and predictions alone."""

import keras
import numpy as np
import pytest

from course_utils.answers.checks.lesson_01_checks import DEPTH
from course_utils.backbones import load_backbone
from course_utils.classroom import (
    submission_frames,
    submission_judging,
    submitted_values,
)
from course_utils.classroom.judges import Reference, lesson_01_judges

RNG = np.random.default_rng(0)
DRAWINGS = RNG.integers(0, 256, (12, 64, 64, 3)).astype("float32")
GALLERY = RNG.random((40, 20))
POINTS = {"pm-02": 1, "pm-03": 2, "pm-04": 2}


@pytest.fixture(scope="module")
def reference():
    names = {"new_drawings": DRAWINGS, "load_backbone": load_backbone}
    prepared = lesson_01_judges.prepare(names, np.random.default_rng(1))
    given = {"pm-02": [None, DRAWINGS], "pm-04": [None, GALLERY, GALLERY[7]]}
    return Reference(given, prepared)


def extractor(layer=DEPTH, pool=keras.layers.GlobalAveragePooling2D):
    base = load_backbone("residual")
    output = pool()(base.get_layer(layer).output)
    return keras.Model(base.input, output)


def earned(reference, name, answer, gallery=GALLERY):
    """Points of an answer that came through JSON and arrays."""
    writer = submitted_values.Writer(reference.prepared["asked"].get(name))
    given = [answer, gallery] if name == "pm-04" else [answer]
    head = {"kind": "exercise", "id": name}
    head["given"] = [writer.write(one) for one in given]
    records = submission_frames.unpack(
        submission_frames.pack(head, writer.arrays)
    )
    [item] = submission_judging.judge(
        "01", records, {name: POINTS[name]}, reference
    )
    return item["earned"], item["message"]


def nearest(measure):
    return np.argsort(measure)[:5]


COSINES = GALLERY @ GALLERY[7] / np.linalg.norm(GALLERY, axis=1)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("pm-02", lambda: DRAWINGS.astype("uint8")),
        ("pm-03", extractor),
        ("pm-04", lambda: nearest(-COSINES).tolist()),
    ],
)
def test_what_is_right_earns_all(reference, name, make):
    assert earned(reference, name, make())[0] == POINTS[name]


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("pm-02", lambda: DRAWINGS[..., ::-1], "blue still comes first"),
        ("pm-02", lambda: "pictures", "should be an array"),
        (
            "pm-03",
            lambda: extractor(pool=keras.layers.GlobalMaxPooling2D),
            "largest values",
        ),
        ("pm-03", lambda: extractor("stage4_block1_relu2"), "take the"),
        ("pm-03", lambda: np.ones((8, 20)), "Expected a Keras model"),
        ("pm-03", lambda: keras.Sequential(), "gives no array"),
        ("pm-04", lambda: nearest(COSINES), "least similar"),
        ("pm-04", lambda: np.full(5, 0.5), "no positions"),
    ],
)
def test_a_mistake_earns_nothing_and_is_named(reference, name, make, told):
    points, message = earned(reference, name, make())
    assert not points and told in message


def test_a_gallery_counts_in_any_order_and_with_our_rows_only(reference):
    order = RNG.permutation(len(GALLERY))
    answer = nearest(-COSINES[order])
    assert earned(reference, "pm-04", answer, GALLERY[order])[0] == 2
    forged = np.tile(GALLERY[7], (len(GALLERY), 1))
    points, message = earned(reference, "pm-04", np.arange(5), forged)
    assert not points and "leave its line" in message
    assert not earned(reference, "pm-04", answer, "rows")[0]


def test_each_exercise_is_judged_or_says_why_not():
    able = submission_judging.gradable("01")
    assert {k: able[k] for k in POINTS} == POINTS
    assert "machine" in able["pm-05"] and isinstance(able["pm-06"], str)
