"""Checks of lesson 01, Pretrained models."""

from collections.abc import Mapping

import numpy as np

from course_utils.answers.learner_values import (
    as_numbers,
    brief,
)

NEIGHBOURS = 5
DEPTH = "stage3_block1_relu2"
_SCALE_TOLERANCE = 0.01  # grey levels
# Two standard errors of the difference of two accuracies on 300 pictures.
_CLOSE = 0.05


def judge_pictures(answer: object, original: object) -> tuple[str, str]:
    """Judge pictures that were to be brought back to the course's scale.

    Args:
        answer: The learner's pictures.
        original: The pictures as they were, RGB from 0 to 255, shape
            (pictures, height, width, 3).
    """
    original = np.asarray(original, dtype=float)
    if original.ndim != 4:
        raise ValueError(f"these are no pictures: shape {original.shape}")
    try:
        whole = np.asarray(answer).dtype.kind in "iu"
        answer = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return "failed", (
            f"The answer should be an array of pictures, not {brief(answer)}."
        )
    if answer.shape != original.shape:
        return "failed", (
            f"The pictures had shape {original.shape}, and yours have "
            f"{answer.shape}: turn the order of the last axis around, with "
            "`[..., ::-1]`, and leave the other axes as they are."
        )
    if not np.isfinite(answer).all():
        return "failed", "Some of your values are not finite."

    slack = 1.0 if whole else _SCALE_TOLERANCE  # of whole numbers one level

    def close(guess):
        return np.abs(answer - guess).max() <= slack

    if close(original):
        return "passed", (
            f"Red first, values from {answer.min():.0f} to "
            f"{answer.max():.0f}: as they were."
        )
    swapped = original[..., ::-1]
    misconceptions = [
        (swapped, "The scale is right; blue still comes first."),
        (
            original[:, :, ::-1],
            "You have turned the pictures around, left to right: the "
            "channels are the last axis.",
        ),
        (
            swapped[:, :, ::-1],
            "You have turned the pictures around, left to right: the "
            "channels are the last axis.",
        ),
        (
            255 * (original / 127.5 - 1),
            "The channels are right; but -1 is black: add before you multiply.",
        ),
        (
            255 * (swapped / 127.5 - 1),
            "-1 is black: add before you multiply. And blue comes first.",
        ),
    ]
    for guess, message in misconceptions:
        if close(guess):
            return "failed", message
    if answer.max() <= 1.5:
        return "failed", (
            f"Your values lie between {answer.min():.2f} and "
            f"{answer.max():.2f}: the backbones want 0 to 255."
        )
    return "failed", (
        f"Your values lie between {answer.min():.0f} and {answer.max():.0f}, "
        "and are not those of the pictures: -1 should become 0, 1 should "
        "become 255, in equal steps, and the last axis is to be turned around."
    )


def judge_extractor(model: object, images: object) -> tuple[str, str]:
    """Judge a model that gives the averages of the fourth depth.

    Args:
        model: The learner's model.
        images: Some pictures, RGB from 0 to 255.
    """
    # Late: questions and other checks must answer without TensorFlow.
    import keras

    from course_utils.backbones.preprocessing import RANGE_SENTENCE
    from course_utils.backbones.pretrained import load_backbone

    if not isinstance(model, keras.Model):
        return "failed", (
            f"Expected a Keras model, not {brief(model)}: "
            "`keras.Model(inputs, outputs)`."
        )
    images = np.asarray(images, dtype="float32")
    try:
        given = model(images, training=False)
    except Exception as error:
        if RANGE_SENTENCE in str(error):
            return "failed", (
                f"{RANGE_SENTENCE}, and scales them itself: leave out your "
                "own scaling."
            )
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return "failed", (
            f"Your model takes no pictures of shape {images.shape[1:]} with "
            f"values from 0 to 255: {reason}"
        )
    if isinstance(given, list | tuple | dict):
        return "failed", (
            f"Your model gives {len(given)} outputs: give one, the averages "
            f"of {DEPTH!r}."
        )
    given = np.asarray(given)
    base_model = load_backbone("residual")
    layer = base_model.get_layer(DEPTH)
    grid = np.asarray(
        keras.Model(base_model.input, layer.output)(images, training=False)
    )
    if problem := problem_of_averages(given, grid):
        return "failed", problem
    if model.trainable_weights:
        return "partial", (
            f"The values are right; but {len(model.trainable_weights)} arrays "
            "could still be trained: set `trainable = False`."
        )
    saved = 1 - model.count_params() / base_model.count_params()
    return "passed", (
        f"{given.shape[1]} averages per picture, from a network without "
        f"{saved:.0%} of the backbone's numbers."
    )


def problem_of_averages(given: np.ndarray, grid: np.ndarray) -> str:
    """Say why numbers are not a grid's averages; empty if they are.

    Args:
        given: What a model gives for some pictures.
        grid: What the fourth depth gives, (pictures, height, width, channels).
    """
    expected = grid.mean(axis=(1, 2))
    if given.shape == grid.shape:
        return (
            "That is the grid, with its rows and columns: average it, with "
            "`GlobalAveragePooling2D`."
        )
    if given.shape != expected.shape:
        return (
            f"Your model gives shape {given.shape[1:]} for a picture, and the "
            f"averages at {DEPTH!r} have {expected.shape[1:]}: take the "
            "output of that layer."
        )
    if np.allclose(given, grid.max(axis=(1, 2)), atol=1e-3):
        return "Those are the largest values, not the averages."
    if not np.allclose(given, expected, atol=1e-3):
        return (
            "The shape is right, the values are not those of the pretrained "
            "backbone: load it with its weights, and take the output of "
            f"{DEPTH!r}."
        )
    return ""


def judge_neighbours(
    answer: object, gallery: object, query: object
) -> tuple[str, str]:
    """Judge which rows of a gallery are most similar to a query.

    Args:
        answer: The learner's positions.
        gallery: Features, shape (pictures, channels).
        query: Features of one picture, shape (channels,).
    """
    gallery, query = np.asarray(gallery, float), np.asarray(query, float)
    answer = as_numbers(answer).ravel()
    if answer.shape != (NEIGHBOURS,):
        return "failed", (
            f"The answer should be {NEIGHBOURS} positions, and has "
            f"{answer.size} numbers: sort, and keep the first "
            f"{NEIGHBOURS}."
        )
    whole = (answer == np.rint(answer)).all()
    if not whole or answer.min() < 0 or answer.max() >= len(gallery):
        return "failed", (
            "Those are no positions of rows (whole numbers from 0 to "
            f"{len(gallery) - 1}): `argsort` gives positions, `sort` values."
        )
    products = gallery @ query
    similar = products / (
        np.linalg.norm(gallery, axis=1) * np.linalg.norm(query)
    )
    answer = answer.astype(int)
    best = np.argsort(-similar, kind="stable")
    if np.allclose(similar[answer], similar[best[:NEIGHBOURS]], atol=1e-6):
        return "passed", (
            f"Cosines from {similar[answer[0]]:.3f} to "
            f"{similar[answer[-1]]:.3f}, of {len(gallery)} pictures."
        )
    others = [
        (-similar, "Those are the five least similar: sort downwards."),
        (
            products,
            "That is the order of the products: divide by both lengths, or "
            "long rows win.",
        ),
        (
            -np.linalg.norm(gallery - query, axis=1),
            "That is the order of the distances, as in the lesson: this time "
            "take the cosine.",
        ),
    ]
    wanted = set(best[:NEIGHBOURS].tolist())
    if set(answer.tolist()) == wanted:
        return "partial", (
            "Those are the right five, in another order: the most similar "
            "comes first."
        )
    for score, message in others:
        if answer.tolist() == np.argsort(-score)[:NEIGHBOURS].tolist():
            return "failed", message
    return "failed", (
        f"{len(wanted & set(answer.tolist()))} of your five are among the "
        "most similar: for each row the sum of its products with the query, "
        "divided by both lengths; then the five largest."
    )


def judge_choice(
    answer: object, families: object, budget_ms: float
) -> tuple[str, str]:
    """Judge which model was chosen for a budget of time.

    Args:
        answer: The learner's choice, a name.
        families: Table with a row a model, and the columns ``ms`` (NaN where
            nothing was timed) and ``top1_percent``.
        budget_ms: Most milliseconds a picture.
    """
    if not isinstance(answer, str) or answer not in families.index:
        return "failed", (
            f"{brief(answer)} is no model of the table: give one of "
            f"{', '.join(families.index)}."
        )
    row = families.loc[answer]
    if np.isnan(row["ms"]):
        return "failed", (
            f"{answer} was not timed here: nobody knows whether it keeps to "
            "the budget."
        )
    if row["ms"] > budget_ms:
        return "failed", (
            f"{answer} takes {row['ms']:.1f} ms, and the budget is "
            f"{budget_ms:.1f}."
        )
    best = families[families["ms"] <= budget_ms]["top1_percent"].idxmax()
    if row["top1_percent"] < families.loc[best, "top1_percent"]:
        return "failed", (
            f"{answer} keeps to the budget; so does another one, with a "
            "higher published accuracy."
        )
    return "passed", (
        f"{answer}: {row['ms']:.1f} of {budget_ms:.1f} ms, and the highest "
        "published accuracy among those."
    )


def judge_sources(answer: object, scores: object) -> tuple[str, str]:
    """Judge which backbone was chosen for each target.

    Args:
        answer: The learner's choices, a dict from target to backbone.
        scores: Table with a row a target and a column a backbone: what a
            probe on its frozen features reached.
    """
    targets, backbones = list(scores.index), list(scores.columns)
    if not isinstance(answer, Mapping) or set(answer) != set(targets):
        return "failed", (
            "Give a dict with a backbone for each of the tasks "
            f"{', '.join(targets)}."
        )
    if any(choice is ... for choice in answer.values()):
        return "not attempted", "Put a backbone in each place of the dict."
    for target, choice in answer.items():
        if not isinstance(choice, str) or choice not in backbones:
            return "failed", (
                f"{brief(choice)}, for {target}, is no backbone of the table: "
                f"give one of {', '.join(backbones)}."
            )
    lost = {
        target: float(scores.loc[target].max() - scores.loc[target, choice])
        for target, choice in answer.items()
    }
    worst = max(lost, key=lost.get)
    if lost[worst] <= _CLOSE:
        return "passed", (
            "Each choice is the better backbone for its task, or as good as "
            "the other."
        )
    other = scores.loc[worst].astype(float).idxmax()
    right = sum(loss <= _CLOSE for loss in lost.values())
    return ("partial" if right >= len(lost) - 1 else "failed"), (
        f"{right} of {len(lost)} are well chosen. For {worst}, {other} reaches "
        f"{scores.loc[worst, other]:.2f} and {answer[worst]} "
        f"{scores.loc[worst, answer[worst]]:.2f}: what did the source of each "
        "ask it to see?"
    )


JUDGES = {
    "pm-02": judge_pictures,
    "pm-03": judge_extractor,
    "pm-04": judge_neighbours,
    "pm-05": judge_choice,
    "pm-06": judge_sources,
}
