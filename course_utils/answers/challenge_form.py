"""Judge the form of predictions: one sentence for each fault."""

import numpy as np
import pandas as pd

from course_utils.answers.learner_values import brief
from course_utils.machine import array_arguments
from course_utils.machine.errors import CourseError

LONGEST_NOTE = 80
_WANTED = (
    "one number for each row of challenge.unlabelled, in its order: the "
    "probability, from 0 to 1, that the cell is defective"
)


def checked_predictions(predictions: object, count: int) -> np.ndarray:
    """Return predictions as an array of probabilities.

    Args:
        predictions: Numbers in an array, a tensor, a `pandas.Series` or a
            list, of shape `(count,)` or `(count, 1)`, as Keras predicts.
        count: How many are wanted.

    Returns:
        A float32 array of shape `(count,)`.

    Raises:
        CourseError: If there are more or fewer of them, if they are text,
            truth values, classes or logits, not finite, in several columns,
            or in another order than the table.
    """
    if isinstance(predictions, pd.Series | pd.DataFrame):
        given, wanted = list(predictions.index), list(range(count))
        if given != wanted and sorted(given, key=str) == sorted(
            wanted, key=str
        ):
            raise CourseError(
                "The rows of your table are in another order than "
                "challenge.unlabelled: submit predictions.sort_index()."
            )
    values = _numbers(predictions)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.shape[1] == 2:
        raise CourseError(
            "The predictions have two columns, as of a softmax over sound and "
            "defective: submit the second one, predictions[:, 1]."
        )
    if values.ndim != 1:
        raise CourseError(
            f"The predictions have the shape {values.shape}, not {(count,)}: "
            f"submit {_WANTED}."
        )
    if len(values) != count:
        raise CourseError(
            f"There are {len(values):,} predictions and {count:,} unlabelled "
            f"cells: submit {_WANTED}."
        )
    if wrong := int((~np.isfinite(values)).sum()):
        first = int(np.flatnonzero(~np.isfinite(values))[0])
        raise CourseError(
            f"{wrong:,} of the predictions are not finite, the first of them "
            f"in row {first} ({values[first]}): give each cell a probability "
            "from 0 to 1."
        )
    least, most = float(values.min()), float(values.max())
    if set(np.unique(values)) <= {0.0, 1.0}:
        raise CourseError(
            "All predictions are 0 or 1, so they look like classes, and "
            "classes cannot be ranked: submit the probabilities that they "
            "were made from."
        )
    if least < 0:
        raise CourseError(
            f"The predictions reach from {least:.3g} to {most:.3g}, as logits "
            "do; probabilities reach from 0 to 1: submit "
            "keras.ops.sigmoid(predictions)."
        )
    if most > 1:
        raise CourseError(
            f"The predictions reach from {least:.3g} to {most:.3g}; "
            "probabilities reach from 0 to 1: divide percentages by 100, and "
            "pass logits through keras.ops.sigmoid."
        )
    return values.astype("float32")


def checked_note(note: object) -> str:
    """Return a note as one line of text.

    Raises:
        CourseError: If it is no text, or too long for the board.
    """
    if not isinstance(note, str):
        raise CourseError(
            f"The note should be text, not {brief(note)}: say what was done, "
            'such as note="frozen, C=0.01".'
        )
    note = " ".join(note.split())
    if len(note) > LONGEST_NOTE:
        raise CourseError(
            f"The note has {len(note)} letters, and the board has room for "
            f"{LONGEST_NOTE}: shorten it, and keep the rest for your report."
        )
    return note


def _numbers(predictions):
    kinds = {type(one) for one in _plain(predictions)}
    if kinds & {str, bytes}:
        raise CourseError(
            f"The predictions hold text: submit {_WANTED}; for class names, "
            "the probabilities behind them."
        )
    if bool in kinds:
        raise CourseError(
            "The predictions are True or False, which are classes: submit "
            f"{_WANTED}."
        )
    return array_arguments.real_array("predictions", predictions)


def _plain(predictions):
    """Return the values as Python's own; none of what makes no array."""
    try:
        return np.asarray(predictions).ravel().tolist()
    except Exception:  # Told by whoever wants numbers.
        return []
