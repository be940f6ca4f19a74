"""Backbones that learned from drawings, and one that learned from photographs.

Four small backbones were pretrained on this project's drawings of 64 by 64
pixels, EfficientNet-Lite0 on ImageNet's photographs. Each stays frozen and sees
pictures of the size that this course uses it with (64 pixels, and 160), made
larger or smaller where needed. Targets are *near* and *defects*, which are
drawn and have six classes each, and the photographed solar cells. *near* comes
from the program that drew the scenes of the small backbones.

A head (logistic regression) learns from the averaged, standardised features of
upright pictures. Its strength is chosen by the score on the validation pictures
of each draw. The score is the accuracy where there are six classes, which are
balanced, and the AUC for the cells. Nothing else is chosen.

Solar cells are drawn as in the other experiments, seed by seed, and drawn
targets as in the laboratory: seed 0 here is its seed 100. Judged are the
laboratory's residual backbone and Lite0; the rows have the others as well.
Backbones differ in size and in pixels, too, so this compares what a learner can
choose from, not sources alone.
"""

import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from benchmarks import targets
from benchmarks.real_ground import cells, methods, training
from benchmarks.real_ground.runner import Claim, Experiment
from course_utils.backbones import load_backbone

KEYS = ("stage", "target", "backbone", "labels", "seed")
IMAGENET, DRAWN = "efficientnet_lite0", "residual"
SIDES = {
    DRAWN: 64,
    "residual_narrow": 64,
    "mobile": 64,
    "vision_transformer": 64,
    IMAGENET: cells.SIDE,
}
CELLS = "solar_cells"
TARGETS = ("near", "defects", CELLS)
LABELS = (30, 100, 400)
STRENGTHS = (*methods.STRENGTHS, 1.0)
FIRST_DRAWN_SEED = 100
PARTS = ("train", "validation", "test")


def plan(rows, seeds):
    """Lists the runs."""
    for seed in seeds:
        for target in TARGETS:
            for backbone in SIDES:
                for labels in LABELS:
                    values = "report", target, backbone, labels, seed
                    yield dict(zip(KEYS, values, strict=True))


def run(stage, target, backbone, labels, seed):
    """Makes one run."""
    start = time.perf_counter()
    parts = _parts(target, labels, seed)
    features, y = _features(target, backbone), _labels(target)
    train, validation, test = (features[part] for part in parts)
    mean, spread = train.mean(axis=0), train.std(axis=0) + 1e-3

    def judged(model, some, part):
        x = (some - mean) / spread
        accuracy = model.score(x, y[part])
        if target != CELLS:
            return {"score": accuracy, "accuracy": accuracy}
        found = training.judged(model.decision_function(x), y[part])
        return {"score": found["auc"], "accuracy": found["accuracy"]}

    def fit(strength):
        model = LogisticRegression(C=strength, max_iter=2000)
        return model.fit((train - mean) / spread, y[parts[0]])

    models = {strength: fit(strength) for strength in STRENGTHS}
    best = max(
        STRENGTHS,
        key=lambda one: judged(models[one], validation, parts[1])["score"],
    )
    return {
        **judged(models[best], test, parts[2]),
        "strength": best,
        "features": features.shape[1],
        "test": len(test),
        "seconds": time.perf_counter() - start,
    }


def _parts(target, labels, seed):
    """Returns numbers of pictures to train, to validate and to test."""
    if target == CELLS:
        draw = cells.draw(labels, seed)
        return draw.train, draw.validation, draw.test
    drawn = _drawn(target)
    sizes = [len(drawn.parts[part][1]) for part in PARTS]
    train, *others = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    labels = min(labels, len(train)) if cells.FEW else labels
    return train[drawn.numbers(labels, FIRST_DRAWN_SEED + seed)], *others


def _drawn(target):
    found = targets.load(target)
    if cells.FEW:
        parts = {
            name: (images[::12], classes[::12])
            for name, (images, classes) in found.parts.items()
        }
        found = dataclasses.replace(found, parts=parts)
    return found


def _labels(target):
    if target == CELLS:
        return cells.labels()
    drawn = _drawn(target)
    return np.concatenate([drawn.parts[part][1] for part in PARTS])


def _features(target, backbone):
    """Returns the averaged features of all pictures of a target."""
    side = SIDES[backbone]

    def make():
        base_model = load_backbone(backbone, input_shape=(side, side, 3))
        pool = keras.layers.GlobalAveragePooling2D()
        model = keras.Sequential([base_model, pool])
        numbers = np.arange(len(_labels(target)))
        found = [
            model.predict_on_batch(
                tf.image.resize(
                    _pictures(target, some), (side, side), antialias=True
                )
            )
            for some in np.array_split(numbers, 1 + len(numbers) // 64)
        ]
        return np.concatenate(found)

    return cells.stored(f"{target}-{backbone}-{side}", make)


def _pictures(target, numbers):
    if target == CELLS:
        return cells.pictures(numbers)
    drawn = _drawn(target)
    images = np.concatenate([drawn.parts[part][0] for part in PARTS])
    return images[numbers].astype("float32")


def _less(better, worse, *chosen):
    """Returns a comparison a target and a number of labels."""

    def compare(**where):
        return lambda get: (
            get("score", backbone=better, **where)
            - get("score", backbone=worse, **where)
        )

    return {
        f"{target}, {labels} labels": compare(target=target, labels=labels)
        for target in chosen
        for labels in LABELS
    }


EXPERIMENT = Experiment(
    name="sources",
    keys=KEYS,
    plan=plan,
    run=run,
    results=("score", "accuracy", "strength", "features", "test", "seconds"),
    claims=(
        Claim(
            id="drawings-for-drawings",
            sentence="For drawn targets, features that were learned from "
            "drawings beat ImageNet's.",
            source="002",
            metric="accuracy on drawn targets, the residual backbone less "
            "Lite0",
            margin=0.01,
            comparisons=_less(DRAWN, IMAGENET, "near", "defects"),
        ),
        Claim(
            id="photographs-for-photographs",
            sentence="For photographs, ImageNet's features beat those that "
            "were learned from drawings.",
            source="002",
            metric="AUC, Lite0 less the residual backbone",
            margin=0.01,
            comparisons=_less(IMAGENET, DRAWN, CELLS),
        ),
    ),
)
