"""What is measured on the networks of the experiments on fine-tuning."""

import dataclasses
import functools

import keras
import numpy as np
from scipy.special import log_softmax

from benchmarks import targets
from benchmarks.transfer_methods import judge
from course_utils.backbones import source_task_heads
from course_utils.pictures import datasets, picture_tables

SOURCE_PICTURES = 400  # every second one of the source's test pictures
# Both networks of the valley are trained until they are as good as this.
VALLEY_LOSS = 0.05
VALLEY_SCALES = (0.0, 0.05, 0.1, 0.2, 0.4)
VALLEY_DIRECTIONS = 5
SHIFTED = "histology C"  # its network has learned on scanner A


@functools.cache
def load_target(name):
    """Loads a target, or the labelled pictures of histology's scanner C."""
    if name != SHIFTED:
        return targets.load(name)
    home = targets.load("histology")
    parts = {
        "train": scanner("adaptation", "C"),
        "test": scanner("test", "C"),
    }
    return dataclasses.replace(home, name=name, parts=parts)


@functools.cache
def scanner(split, name):
    """Returns the pictures and labels of one of histology's scanners."""
    table = picture_tables.load_table("histology")
    table = table[(table["split"] == split) & (table["scanner"] == name)]
    return _arrays(picture_tables.from_table(table, 100))


@functools.cache
def _source():
    images, labels = _arrays(datasets.load_dataset("source").test)
    count = len(images) // 2
    assert count == SOURCE_PICTURES
    return [
        (
            images[i : i + 100 : 2],
            {k: v[i : i + 100 : 2] for k, v in labels.items()},
        )
        for i in range(0, 2 * count, 100)
    ]


def _arrays(batches):
    images, labels = zip(*batches, strict=True)
    images = np.rint(np.concatenate(images)).astype(np.uint8)
    join = lambda *parts: np.concatenate(parts)  # noqa: E731
    return images, keras.tree.map_structure(join, *labels)


@functools.cache
def _old_heads(base_model):
    return source_task_heads.with_old_heads(base_model)


def logits_of(model, images):
    """Returns the logits of a model in inference mode, (count, classes)."""
    parts = range(0, len(images), 100)
    return np.concatenate(
        [np.asarray(model(images[i : i + 100], training=False)) for i in parts]
    )


def loss_of(logits, labels):
    """Returns the mean cross-entropy."""
    return float(
        -log_softmax(logits, axis=1)[range(len(labels)), labels].mean()
    )


def source_accuracy(base_model):
    """Returns the mean accuracy of the five old heads."""
    found = source_task_heads.source_accuracy(_old_heads(base_model), _source())
    return float(np.mean(list(found.values())))


def perturbed(model, target, drawn, seed):
    """Measures the loss after random steps, filter by filter (Li 2018).

    A random direction is scaled so that each filter moves by the same share
    of its own length. Batch normalization and biases stay.
    """
    rng = np.random.default_rng([55, seed])
    trained, rows = model.get_weights(), []
    new, labels = target.parts["test"]
    for scale in VALLEY_SCALES:
        for direction in range(VALLEY_DIRECTIONS if scale else 1):
            moved = []
            for weight in trained:
                noise = rng.normal(size=weight.shape)
                if weight.ndim > 1:
                    axes = tuple(range(weight.ndim - 1))
                    length = np.sqrt((weight**2).sum(axes))
                    noise *= length / np.sqrt((noise**2).sum(axes))
                    weight = weight + scale * noise
                moved.append(weight)
            model.set_weights(moved)
            logits = logits_of(model, new[:300])
            row = {
                "scale": scale,
                "direction": direction,
                "train_loss": loss_of(logits_of(model, drawn[0]), drawn[1]),
                "test_loss": loss_of(logits, labels[:300]),
                "test_accuracy": judge(logits, labels[:300], "accuracy")[0],
            }
            rows.append(row)
    model.set_weights(trained)
    return rows
