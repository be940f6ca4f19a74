"""Checks of lesson 01, Pretrained models."""

import numpy as np

from course_utils.answers.learner_values import (
    as_number,
    as_numbers,
    brief,
    say_no_number,
)

INPUTS, OUTPUTS = 64, 128  # channels of the convolutions in pm-01
NEIGHBOURS = 5
DEPTH = "stage3_block1_relu2"
_SCALE_TOLERANCE = 1.0  # grey levels


def judge_counts(ordinary: object, separable: object) -> tuple[str, str]:
    """Judge how many weights two kinds of 3x3 convolution have.

    Args:
        ordinary: The learner's count for an ordinary convolution.
        separable: The one for a depthwise and a 1x1 convolution.

    Returns:
        A status and a message.
    """
    first, second = as_number(ordinary), as_number(separable)
    for name, number, answer in (
        ("my_ordinary", first, ordinary),
        ("my_separable", second, separable),
    ):
        if number is None:
            return "failed", say_no_number(
                answer,
                name,
                "multiply the sides of a filter, its input channels and the "
                "filters",
            )
    right = 9 * INPUTS * OUTPUTS, 9 * INPUTS + INPUTS * OUTPUTS
    if (first, second) == right:
        return "passed", (
            f"{right[0]:,} against {right[1]:,}: the pair has "
            f"{right[0] / right[1]:.1f} times fewer weights."
        )
    if (first, second) == right[::-1]:
        return "failed", "The two numbers are right, and change places."
    hints = {
        right[0] + OUTPUTS: "my_ordinary counts biases: here there are none.",
        9 * OUTPUTS: (
            "my_ordinary forgets that a filter looks at all 64 input channels."
        ),
        INPUTS * OUTPUTS: (
            "my_ordinary forgets the 3x3 places that each filter looks at."
        ),
    }
    if first != right[0]:
        message = hints.get(
            first,
            f"{first:,.0f} is not the ordinary one: each of the {OUTPUTS} "
            f"filters has 3 x 3 weights for each of {INPUTS} channels.",
        )
        if second == right[1]:
            return "partial", f"my_separable is right. {message}"
        return "failed", message
    hints = {
        9 * INPUTS: (
            "my_separable is the depthwise part: the 1x1 convolution has "
            "weights, too."
        ),
        INPUTS * OUTPUTS: (
            "my_separable is the 1x1 part: the depthwise convolution has "
            "weights, too."
        ),
        9 * INPUTS + 9 * INPUTS * OUTPUTS: (
            "In my_separable the second convolution is 1x1, not 3x3."
        ),
        9 * INPUTS * INPUTS * OUTPUTS: "The two parts are added.",
        9 * INPUTS + INPUTS * OUTPUTS + INPUTS + OUTPUTS: (
            "my_separable counts biases: here there are none."
        ),
        9 * INPUTS + INPUTS * OUTPUTS + OUTPUTS: (
            "my_separable counts the biases of the 1x1 part: here there are "
            "none."
        ),
        9 * OUTPUTS + INPUTS * OUTPUTS: (
            "The depthwise convolution comes first, and has one 3x3 filter "
            f"for each of the {INPUTS} channels that come in."
        ),
    }
    message = hints.get(
        second,
        f"{second:,.0f} is not the pair: one 3x3 filter for each of "
        f"{INPUTS} channels, and then {OUTPUTS} filters of 1x1 over all of "
        "them.",
    )
    return "partial", f"my_ordinary is right. {message}"


def judge_pictures(answer: object, original: object) -> tuple[str, str]:
    """Judge pictures that were to be brought back to the course's scale.

    Args:
        answer: The learner's pictures.
        original: The pictures as they were, RGB from 0 to 255, shape
            (pictures, height, width, 3).

    Returns:
        A status and a message.
    """
    original = np.asarray(original, dtype=float)
    if original.ndim != 4:
        raise ValueError(f"these are no pictures: shape {original.shape}")
    try:
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

    def close(guess):
        return np.abs(answer - guess).max() <= _SCALE_TOLERANCE

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

    Returns:
        A status and a message.
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
    expected = grid.mean(axis=(1, 2))
    if given.shape == grid.shape:
        return "failed", (
            "That is the grid, with its rows and columns: average it, with "
            "`GlobalAveragePooling2D`."
        )
    if given.shape != expected.shape:
        return "failed", (
            f"Your model gives shape {given.shape[1:]} for a picture, and the "
            f"averages at {DEPTH!r} have {expected.shape[1:]}: take the "
            "output of that layer."
        )
    if np.allclose(given, grid.max(axis=(1, 2)), atol=1e-3):
        return "failed", "Those are the largest values, not the averages."
    if not np.allclose(given, expected, atol=1e-3):
        return "failed", (
            "The shape is right, the values are not those of the pretrained "
            "backbone: load it with its weights, and take the output of "
            f"{DEPTH!r}."
        )
    if model.trainable_weights:
        return "partial", (
            f"The values are right; but {len(model.trainable_weights)} arrays "
            "could still be trained: set `trainable = False`."
        )
    saved = 1 - model.count_params() / base_model.count_params()
    return "passed", (
        f"{given.shape[1]} averages a picture, from a network without "
        f"{saved:.0%} of the backbone's numbers."
    )


def judge_neighbours(
    answer: object, gallery: object, query: object
) -> tuple[str, str]:
    """Judge which rows of a gallery are most similar to a query.

    Args:
        answer: The learner's positions.
        gallery: Features, shape (pictures, channels).
        query: Features of one picture, shape (channels,).

    Returns:
        A status and a message.
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

    Returns:
        A status and a message.
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


JUDGES = {
    "pm-01": judge_counts,
    "pm-02": judge_pictures,
    "pm-03": judge_extractor,
    "pm-04": judge_neighbours,
    "pm-05": judge_choice,
}
