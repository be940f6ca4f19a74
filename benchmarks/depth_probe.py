"""What can a linear probe read at each depth of a backbone?

    python -m benchmarks.depth_probe

makes every probe that `data/experiments/depth.csv` does not hold yet, and adds
it there. Lesson 01 (``01_pretrained_models``) draws the result.

At each depth a picture's activations are averaged over its positions, and a
logistic regression on standardised averages learns a task from 400 labelled
pictures (Alain and Bengio 2016, "Understanding intermediate layers using linear
classifier probes"). It answers for test pictures. The strength of its
regularisation is chosen by cross-validation within the 400, so no choice sees
anything else. Deeper layers have more channels; the same network with random
weights, new ones for each seed, tells what that alone is worth.

Two tasks belong to the source of the backbones: the shape and the texture in
drawn scenes. As there are only its 800 test pictures, half of them, drawn by
the seed, train the probe. Then *near*, *defects* and *histology*, and the two
tasks of real pictures, see `benchmarks/targets.py`.

Nothing was tuned: tasks, depths, number of labels and strengths were written
down before the first run, and the seeds are reported as they came.
"""

import csv
import dataclasses
import functools
import os
import pathlib
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks import targets
from benchmarks.transfer_methods import judge
from course_utils.backbones import pretrained
from course_utils.pictures import datasets

ROWS = pathlib.Path(__file__).parents[1] / "data" / "experiments" / "depth.csv"
COLUMNS = "backbone weights task seed depth layer channels metric value".split()

SEEDS = (100, 101, 102, 103, 104)
LABELS = 400
SOURCE_TASKS = ("shape", "texture")
TASKS = (*SOURCE_TASKS, *targets.NAMES)
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)  # inverse; what cross-validation tries

_STAGES = [
    "stem_relu",
    "stage1_block1_relu2",
    "stage2_block2_relu2",
    "stage3_block1_relu2",
    "stage4_block1_relu2",
]
# From the first layers to the last.
DEPTHS = {
    "residual": _STAGES,
    "residual_narrow": _STAGES,
    "mobile": [
        "stem_relu",
        "group1_block1_conv2",
        "group2_block2_add",
        "group3_block3_add",
        "group4_block2_add",
        "last_relu",
    ],
    "vision_transformer": [
        "positions",
        *(f"block{number}_add2" for number in range(1, 6)),
    ],
}
NETWORKS = (*((name, "embedded") for name in DEPTHS), ("residual", "random"))


@functools.cache
def pictures(task):
    """Returns all pictures of a task, labels, and where its parts begin."""
    if task in SOURCE_TASKS:
        images, labels = zip(*datasets.load_dataset("source").test, strict=True)
        labels = [batch[task] for batch in labels]
        return np.concatenate(images), np.concatenate(labels)
    parts = targets.load(task).parts
    return tuple(
        np.concatenate([parts[part][i] for part in ("train", "test")])
        for i in (0, 1)
    )


def split(task, seed):
    """Returns the rows for the probe to learn from, and those to answer for."""
    labels = pictures(task)[1]
    if task in SOURCE_TASKS:
        return np.split(np.random.default_rng(seed).permutation(800), [LABELS])
    target = targets.load(task)
    count = len(target.parts["train"][0])
    # The number of a picture travels as its picture, to use the same draw.
    numbered = dataclasses.replace(
        target, parts={"train": (np.arange(count), labels[:count])}
    )
    return numbered.draw(LABELS, seed)[0], np.arange(count, len(labels))


def features_by_depth(model, images):
    """Returns an array of averages `(pictures, channels)` for each depth."""
    found = []
    for i in range(0, len(images), 100):
        outputs = model(images[i : i + 100], training=False)
        found.append(
            [
                np.asarray(x).mean(axis=tuple(range(1, x.ndim - 1)))
                for x in outputs
            ]
        )
    return [np.concatenate(depth) for depth in zip(*found, strict=True)]


def probe(features, labels, train, test, metric):
    """Fits a probe on the rows `train`; returns what it reaches on `test`."""
    model = make_pipeline(
        StandardScaler(),
        LogisticRegressionCV(Cs=STRENGTHS, cv=3, max_iter=1000),
    )
    model.fit(features[train], labels[train])
    scores = model.decision_function(features[test])
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], axis=1)
    return judge(scores, labels[test], metric)[0]


def network(backbone, weights, seed):
    """Returns a model from pictures to the activations of each depth."""
    keras.utils.set_random_seed(seed)
    weights = None if weights == "random" else weights
    base_model = pretrained.load_backbone(backbone, weights)
    outputs = [base_model.get_layer(name).output for name in DEPTHS[backbone]]
    return keras.Model(base_model.input, outputs)


def rows_of(backbone, weights, task):
    """Yields a row for each seed and depth."""
    images, labels = pictures(task)
    metric = "accuracy"
    if task not in SOURCE_TASKS:
        metric = targets.load(task).metric
    features = None
    for seed in SEEDS:
        if features is None or weights == "random":
            model = network(backbone, weights, seed)
            features = features_by_depth(model, images)
        train, test = split(task, seed)
        for depth, layer in enumerate(DEPTHS[backbone], start=1):
            own = features[depth - 1]
            value = probe(own, labels, train, test, metric)
            row = backbone, weights, task, seed, depth, layer, own.shape[1]
            yield (*row, metric, round(value, 4))


def read_rows():
    """Returns the finished rows, as a list of dicts of strings."""
    if not ROWS.exists():
        return []
    with ROWS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main():
    """Makes what is missing, a network and a task at a time."""
    # scikit-learn 1.9 announces other defaults, at each fit.
    warnings.filterwarnings("ignore", category=FutureWarning, module="sklearn")
    done = {(r["backbone"], r["weights"], r["task"]) for r in read_rows()}
    new = not done
    with ROWS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        for backbone, weights in NETWORKS:
            for task in TASKS:
                if (backbone, weights, task) not in done:
                    writer.writerows(list(rows_of(backbone, weights, task)))
                    file.flush()
                    print(backbone, weights, task, flush=True)


if __name__ == "__main__":
    main()
