"""Lesson 02 is judged by numbers, arrays and predictions alone."""

import keras
import numpy as np
import pandas as pd
import pytest

from course_utils.classroom import (
    submission_frames,
    submission_judging,
    submitted_values,
)
from course_utils.classroom.judges import Reference

RNG = np.random.default_rng(0)
COUNTS = {"one": (0, 0), "two": (3, 10), "three": (2, 0)}
FEATURES, LABELS = RNG.random((30, 5)), np.arange(30) % 2
# Scores above the threshold .6 are of defective cells, to choose on as to test.
TRUTH = np.array([0, 0, 0, 1, 1, 1])
SCORES = np.array([0.1, 0.2, 0.6, 0.7, 0.8, 0.9])
CELLS = pd.DataFrame(
    {
        "type": np.where(np.arange(200) % 2, "mono", "poly"),
        "probability": 0.0,
        "label": np.where(np.arange(200) % 3, "sound", "defective"),
    }
)
ASKED = (np.arange(200) % 2)[:, None].astype("float32")
POINTS = {"fe-06": 2, "fe-03": 2, "fe-07": 2, "fe-09": 3}
REFERENCE = Reference(
    {
        "fe-06": [COUNTS],
        "fe-03": [None, None, FEATURES, LABELS],
        "fe-07": [None, None, TRUTH, SCORES, TRUTH, SCORES],
    },
    {"asked": {"fe-09": ASKED}, "cells": CELLS},
)


def earned(name, *answers):
    """Points of answers that came through JSON and arrays."""
    writer = submitted_values.Writer(REFERENCE.prepared["asked"].get(name))
    head = {"kind": "exercise", "id": name}
    head["given"] = [writer.write(one) for one in answers]
    records = submission_frames.unpack(
        submission_frames.pack(head, writer.arrays)
    )
    [item] = submission_judging.judge(
        "02", records, {name: POINTS[name]}, REFERENCE
    )
    return item["earned"], item["message"]


def head_for(weight):
    """A head that tells the types apart, or calls all cells alike."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    kernel, bias = np.array([[-weight, weight]]), np.array([0.5, 0.0])
    model.layers[0].set_weights([kernel, bias])
    return model


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("fe-06", lambda: (COUNTS, ["one"])),
        ("fe-03", lambda: (FEATURES[::-1], LABELS[::-1])),
        ("fe-07", lambda: (0.65, 0)),
        ("fe-09", lambda: (head_for(1.0),)),
    ],
)
def test_what_is_right_earns_all(name, make):
    points, message = earned(name, *make())
    assert points == POINTS[name], message


@pytest.mark.parametrize(
    ("name", "make", "share", "told"),
    [
        ("fe-06", lambda: (COUNTS | {"two": (10, 3)}, ["one"]), 0, "swapped"),
        ("fe-06", lambda: (COUNTS, "one"), 0.5, ""),
        ("fe-03", lambda: (FEATURES, LABELS[::-1]), 0, "picture's label"),
        ("fe-03", lambda: (FEATURES.T, LABELS), 0, "swapped"),
        ("fe-07", lambda: (0.65, 100), 0.5, "The threshold is right"),
        ("fe-07", lambda: (0.05, 0), 0, ""),
        ("fe-09", lambda: (head_for(0.0),), 0, "calls every cell"),
        ("fe-09", lambda: ("a head",), 0, "Pass the trained head"),
    ],
)
def test_a_mistake_is_named_and_half_of_it_earns_half(name, make, share, told):
    points, message = earned(name, *make())
    assert points == share * POINTS[name] and told in message, message


def test_all_exercises_that_count_are_tried_here():
    worth = submission_judging.gradable("02")
    able = {n for n, points in worth.items() if not isinstance(points, str)}
    assert {name for name in able if "-" in name} == set(POINTS)
