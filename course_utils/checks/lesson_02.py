"""Checks of lesson 02, Feature extraction."""

import numpy as np

from course_utils import paths
from course_utils.checks import heads
from course_utils.checks.watching import Evidence

BACKBONE = "residual"
NUM_CLASSES = 6
UNITS = 64  # of the larger head in fe-02
BATCH_SIZE = 32
_ROUNDING = 5e-4  # a gain may be rounded to three digits


def judge_freeze(model: object, evidence: Evidence) -> tuple:
    """Judge a head on a backbone that was badly frozen, and repaired.

    Args:
        model: The learner's model.
        evidence: From ``course.watch`` around the learner's ``fit``.

    Returns:
        A status, a message and, where there is some, the evidence for it.
    """
    problem, learned = heads.judge_head(model, evidence, BACKBONE, NUM_CLASSES)
    if problem:
        return "failed", problem
    message = "Only the head has learned; no statistic of the backbone moved."
    return "passed", message, heads.facts(learned, BACKBONE)


def judge_parameters(
    answer: object, base_model: object, num_classes: int
) -> tuple[str, str]:
    """Judge how many numbers a head of two dense layers trains.

    Args:
        answer: The learner's number.
        base_model: The backbone, whose output has rows, columns and channels.
        num_classes: Units of the second dense layer.

    Returns:
        A status and a message.
    """
    number = _number(answer)
    if number is None:
        return "failed", (
            f"The answer should be one number, not {_brief(answer)}: count the "
            "weights and the biases of both dense layers."
        )
    _, rows, columns, channels = base_model.output_shape
    first, second = (channels + 1) * UNITS, (UNITS + 1) * num_classes
    flat = (rows * columns * channels + 1) * UNITS + second
    if number == first + second:
        return "passed", (
            f"{first:,} in the first dense layer and {second:,} in the second; "
            "averaging has none."
        )
    misconceptions = [
        (
            channels * UNITS + UNITS * num_classes,
            "Those are the weights alone: each unit has a bias, too.",
        ),
        (
            flat,
            "That is for a head that flattens: the average leaves one number "
            "a channel, not one for each place.",
        ),
        (first, "That is the first dense layer: the second one learns, too."),
        (second, "That is the second dense layer: the first one learns, too."),
        (
            (channels + 1) * num_classes,
            "That is the small head: between the averages and the classes "
            f"stands a layer of {UNITS} units.",
        ),
        (
            (channels + 1) * UNITS + (channels + 1) * num_classes,
            f"The second dense layer's inputs are the {UNITS} units of the "
            "first, not the channels.",
        ),
        (
            first + second + base_model.count_params(),
            "You counted the backbone as well: it is frozen.",
        ),
    ]
    for value, message in misconceptions:
        if number == value:
            return "failed", message
    return "failed", (
        f"{number:,.0f} is not it. A dense layer trains (inputs + 1) times "
        f"units; the first one's inputs are the {channels} averages."
    )


def judge_features(answer: object, images: object) -> tuple[str, str]:
    """Judge the averaged features of some pictures.

    Args:
        answer: The learner's array, (pictures, channels).
        images: The pictures, (pictures, height, width, 3).

    Returns:
        A status and a message.
    """
    from course_utils.backbones import load_backbone

    try:
        given = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return "failed", (
            f"The answer should be an array of numbers, not {_brief(answer)}: "
            "call the backbone's `predict` on the pictures."
        )
    base_model = load_backbone(BACKBONE)
    count, channels = len(images), base_model.output_shape[-1]
    if given.ndim == 4:
        return "failed", (
            f"Shape {given.shape} is a grid of features for each picture: "
            "average it over rows and columns, axes 1 and 2."
        )
    if given.shape == (channels, count):
        return "failed", "Rows and columns are swapped: one row a picture."
    if given.ndim == 2 and given.shape[1] > channels:
        return "failed", (
            f"{given.shape[1]} numbers a picture: that is the grid, "
            f"flattened. Average it over rows and columns, and {channels} are "
            "left."
        )
    if given.shape != (count, channels):
        return "failed", (
            f"The features of {count} pictures should have shape ({count}, "
            f"{channels}), and these have {given.shape}: use all validation "
            "pictures, and average over axes 1 and 2."
        )
    some = np.unique(np.linspace(0, count - 1, 16).astype(int))
    grids = np.asarray(base_model(np.asarray(images)[some], training=False))
    true, given_some = grids.mean(axis=(1, 2)), given[some]
    if np.allclose(given_some, true, atol=1e-3):
        return "passed", f"{count} pictures became {channels} numbers each."
    if np.allclose(given_some, grids.max(axis=(1, 2)), atol=1e-3):
        return "failed", "That is the maximum over the grid: take the mean."
    if np.allclose(given_some, grids.sum(axis=(1, 2)), atol=1e-2):
        return "failed", "That is the sum over the grid: take the mean."
    distances = np.abs(given - true[0]).max(axis=1)
    if distances.min() < 1e-3:
        return "failed", (
            "These are the right features in another order: keep the order of "
            "the pictures."
        )
    return "failed", (
        "The shape is right, and the numbers are not those of these pictures "
        f"under the pretrained {BACKBONE!r} backbone: give `predict` the "
        "validation pictures as they are, and use the frozen `base_model`."
    )


def judge_gain(answer: object) -> tuple[str, str]:
    """Judge the mean gain of frozen over scratch, on defects, 100 labels.

    Args:
        answer: The learner's number.

    Returns:
        A status and a message.
    """
    import pandas as pd

    number = _number(answer)
    if number is None:
        return "failed", (
            f"The answer should be one number, not {_brief(answer)}: take the "
            "mean of the differences over the seeds."
        )
    runs = pd.read_csv(paths.data_dir() / "experiments" / "transfer.csv")
    runs = runs[(runs["stage"] == "report") & (runs["backbone"] == "residual")]
    means = runs.groupby(["target", "labels", "method"])["value"].mean()

    def gain(target, labels, better="frozen", worse="scratch"):
        own = means[target, labels]
        return own[better] - own[worse]

    own = means["defects", 100]
    true = gain("defects", 100)
    if np.isclose(number, true, rtol=0, atol=_ROUNDING):
        return "passed", (
            f"Frozen {own['frozen']:.3f}, scratch {own['scratch']:.3f}: a gain "
            f"of {true:+.3f} with the same labels."
        )
    misconceptions = [
        (-true, "The sign is reversed: a gain of frozen is frozen - scratch."),
        (100 * true, "That is in percent: give it as a share."),
        (own["frozen"], "That is frozen alone: subtract scratch."),
        (own["scratch"], "That is scratch alone: subtract it from frozen."),
        (
            gain("defects", 100, "fine-tuned"),
            "That is the gain of fine-tuning over scratch: take frozen.",
        ),
        (
            gain("defects", 100, "fine-tuned", "frozen"),
            "That is the gain of fine-tuning over frozen: take frozen and "
            "scratch.",
        ),
        (gain("near", 100), "That is the gain on near: take defects."),
        (gain("defects", 30), "That is with 30 labels: take 100."),
        (gain("defects", 400), "That is with 400 labels: take 100."),
    ]
    for value, message in misconceptions:
        if np.isclose(number, value, rtol=0, atol=_ROUNDING):
            return "failed", message
    return "failed", (
        f"{number:.3g} is not it. Keep the rows of defects with 100 labels, "
        "put the methods side by side for each seed, subtract, and average."
    )


def judge_pipeline(
    answer: object, reads: list, images: object
) -> tuple[str, str]:
    """Judge a pipeline: fetched once, augmented anew in each epoch.

    Args:
        answer: The learner's `tf.data.Dataset` of (images, labels).
        reads: Grows by one entry whenever the source is asked for a picture.
        images: The source's pictures, in order.

    Returns:
        A status and a message.
    """
    import tensorflow as tf

    if not isinstance(answer, tf.data.Dataset):
        return "failed", (
            f"Expected a tf.data.Dataset, not {type(answer).__name__}: chain "
            "`batch`, `cache` and `map` onto `slow_pictures`."
        )
    element = answer.element_spec
    if not isinstance(element, tuple) or len(element) != 2:
        return (
            "failed",
            "Each element should be a pair: pictures, labels.",
        )
    if element[0].shape.rank != 4:
        return "failed", (
            f"An element's pictures have shape {element[0].shape}: put them "
            f"into batches of {BATCH_SIZE}."
        )
    images = np.asarray(images, np.float32)
    if answer.cardinality() == tf.data.INFINITE_CARDINALITY:
        return "failed", "The pipeline never ends: leave out `repeat`."
    epochs, counts = [], []
    for _ in range(3):
        before = len(reads)
        batches = [np.asarray(b, np.float32) for b, _ in answer]
        epochs.append(np.concatenate(batches) if batches else images[:0])
        counts.append(len(reads) - before)
    sizes = {len(batch) for batch in batches[:-1]} or {BATCH_SIZE}
    if len(epochs[0]) != len(images):
        return "failed", (
            f"An epoch has {len(epochs[0])} pictures, and the source has "
            f"{len(images)}: use each picture once."
        )
    if sizes != {BATCH_SIZE}:
        return "failed", f"Make batches of {BATCH_SIZE}, not of {max(sizes)}."
    if epochs[0].max() < 2 < images.max():
        return "failed", (
            "The values were scaled: leave them from 0 to 255, the backbone "
            "does its own scaling."
        )
    if any(counts[1:]):
        return "failed", (
            f"{counts[1]} pictures were fetched again in a later epoch: put a "
            "`cache` between the source and whatever changes."
        )
    # Sorted: the order may be shuffled, by whatever step.
    first, *later = [sorted(p.tobytes() for p in epoch) for epoch in epochs]
    if first == sorted(p.tobytes() for p in images):
        return "failed", (
            "No picture is flipped: add `map(augment)` after the cache."
        )
    if first in later:
        return "failed", (
            "The flips were cached: each epoch brings the same pictures. Cache "
            "first, then augment."
        )
    return "passed", (
        "The source was read in the first epoch only, and each epoch brought "
        "other flips."
    )


def _number(answer):
    """Returns the answer as a float, or None if it is no single number."""
    if answer is None or isinstance(answer, str | bool):
        return None
    try:
        value = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return None
    return float(value) if value.shape == () else None


def _brief(answer):
    if isinstance(answer, str | bool) or answer is None:
        return repr(answer)[:40]
    shape = getattr(answer, "shape", None)
    kind = type(answer).__name__
    return kind if shape is None else f"{kind} of shape {tuple(shape)}"


JUDGES = {
    "fe-01": judge_freeze,
    "fe-02": judge_parameters,
    "fe-03": judge_features,
    "fe-04": judge_gain,
    "fe-05": judge_pipeline,
}
