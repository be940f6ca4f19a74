"""Checks of lesson 02, Feature extraction."""

import numpy as np

from course_utils.answers.checks import heads, lesson_02_pipelines
from course_utils.answers.checks.watching import Evidence
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_pair,
    brief,
    find_match,
    say_no_number,
)
from course_utils.machine import paths

BACKBONE = "residual"
NUM_CLASSES = 6
UNITS = 64  # of the larger head in fe-02
_TOLERANCE = 5e-4
MOST_PICTURES = 1000  # that fe-03 looks up


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
    number = as_number(answer)
    if number is None:
        return "failed", say_no_number(
            answer,
            meaning="count the weights and the biases of both dense layers",
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


def judge_features(
    answer: object, answer_labels: object, images: object, labels: object
) -> tuple[str, str]:
    """Judge the averaged features of shuffled pictures, and their labels.

    Args:
        answer: The learner's array of features, (pictures, channels).
        answer_labels: The learner's labels, (pictures,).
        images: The pictures in any order, (pictures, height, width, 3).
        labels: Their classes, (pictures,).

    Returns:
        A status and a message.
    """
    from course_utils.backbones.pretrained import load_backbone

    try:
        given = np.asarray(answer, dtype=float)
        given_labels = np.asarray(answer_labels, dtype=float)
    except (TypeError, ValueError):
        return "failed", (
            f"Features and labels should be arrays of numbers, not "
            f"{brief(answer)} and {brief(answer_labels)}: join those of the "
            "batches with `np.concatenate`."
        )
    base_model = load_backbone(BACKBONE)
    images = np.asarray(images)
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
            f"{channels}), and these have {given.shape}: use all batches of "
            "`near.train`, and average over axes 1 and 2."
        )
    if given_labels.shape != (count,):
        return "failed", (
            f"The labels should have shape ({count},), one for each row, and "
            f"these have {given_labels.shape}."
        )
    some = np.unique(np.linspace(0, count - 1, MOST_PICTURES).astype(int))
    grids = np.concatenate(
        [
            base_model(np.asarray(images[rows], np.float32), training=False)
            for rows in np.array_split(some, max(1, len(some) // 32))
        ]
    )
    rows = _find(given, grids.mean(axis=(1, 2)))
    if rows is None:
        for name, other in (("maximum", grids.max), ("sum", grids.sum)):
            if _find(given, other(axis=(1, 2))) is not None:
                return "failed", (
                    f"That is the {name} over the grid: take the mean."
                )
        return "failed", (
            "The shape is right, but some pictures of `near.train` have no row "
            f"with their features under the pretrained {BACKBONE!r} backbone: "
            "give `predict` each batch as it is, and use the frozen "
            "`base_model`."
        )
    wrong = np.sum(given_labels[rows] != np.asarray(labels)[some])
    if wrong:
        return "failed", (
            f"The features are right, but {wrong} of {len(some)} rows "
            "have another picture's label: each run through "
            "`near.train` has a new order, so take both from the same run."
        )
    return "passed", (
        f"{count} pictures became {channels} numbers each, beside their labels."
    )


def _find(rows, wanted):
    """Returns where each wanted row stands among others; None if not all do."""
    found = [np.abs(rows - one).max(axis=1) for one in wanted]
    if any(not distances.min() < 1e-2 for distances in found):
        return None
    return [int(distances.argmin()) for distances in found]


def judge_gain(answer: object) -> tuple[str, str]:
    """Judge the mean gain of frozen over scratch, on defects, 100 labels.

    Args:
        answer: The learner's pair: the mean of the differences, and half the
            width of its 95 % interval (Student's t, paired by seed).

    Returns:
        A status and a message.
    """
    import pandas as pd
    from scipy import stats

    pair = as_pair(
        answer,
        "the mean of the differences, and half the width of its interval",
    )
    if isinstance(pair, str):
        return "failed", pair
    mean, half = pair
    runs = pd.read_csv(paths.data_dir() / "experiments" / "transfer.csv")
    runs = runs[(runs["stage"] == "report") & (runs["backbone"] == "residual")]
    wide = runs.pivot(
        index=["target", "labels", "seed"], columns="method", values="value"
    )

    def differences(target, labels, better="frozen", worse="scratch"):
        own = wide.loc[target, labels]
        return own[better] - own[worse]

    own = wide.loc["defects", 100]
    true = differences("defects", 100)
    means = [
        (-true, "The sign is reversed: a gain of frozen is frozen - scratch."),
        (100 * true, "That is in percent: give it as a share."),
        (own["frozen"], "That is frozen alone: subtract scratch."),
        (own["scratch"], "That is scratch alone: subtract it from frozen."),
        (
            differences("defects", 100, "fine-tuned"),
            "That is the gain of fine-tuning over scratch: take frozen.",
        ),
        (
            differences("defects", 100, "fine-tuned", "frozen"),
            "That is the gain of fine-tuning over frozen: take frozen and "
            "scratch.",
        ),
        (differences("near", 100), "That is the gain on near: take defects."),
        (differences("defects", 30), "That is with 30 labels: take 100."),
        (differences("defects", 400), "That is with 400 labels: take 100."),
    ]
    first, second = np.ravel(answer)
    means = [(values.mean(), message) for values, message in means]
    match = find_match(first, true.mean(), means, _TOLERANCE, 3)
    if match != RIGHT:
        return "failed", match or (
            f"The mean is not {mean:.3g}. Keep the rows of defects with 100 "
            "labels, put the methods side by side for each seed, subtract, "
            "and average."
        )
    t = stats.t.ppf(0.975, len(true) - 1)
    halves = [
        (true.std(), "the spread of single draws"),
        (true.sem(), "the standard error"),
        (1.96 * true.sem(), "right for many seeds; for five it is too narrow"),
        (2 * t * true.sem(), "the whole width"),
        (
            t * np.hypot(own["frozen"].sem(), own["scratch"].sem()),
            "what the standard errors of both methods together give",
        ),
    ]
    halves = [
        (value, f"{half:.3g} is {meaning}: give `half_width` the differences.")
        for value, meaning in halves
    ]
    match = find_match(second, t * true.sem(), halves, _TOLERANCE, 3)
    if match == RIGHT:
        return "passed", (
            f"Frozen {own['frozen'].mean():.3f}, scratch "
            f"{own['scratch'].mean():.3f}: a gain of {mean:+.3f}, give or take "
            f"{half:.3f}, with as many labels."
        )
    if match is not None:
        return "partial", f"The mean is right. {match}"
    return "partial", (
        f"The mean is right, the half width is not {half:.3g}: give "
        "`half_width` the differences of the seeds."
    )


JUDGES = {
    "fe-01": judge_freeze,
    "fe-02": judge_parameters,
    "fe-03": judge_features,
    "fe-04": judge_gain,
    **lesson_02_pipelines.JUDGES,
}
