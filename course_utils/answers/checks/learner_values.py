"""Read what a learner gave as an answer, whatever it is."""

import numpy as np


def as_number(answer: object) -> float | None:
    """Return an answer as a float; ``None`` if it is no single finite number.

    Args:
        answer: A Python number, an array or a tensor without dimensions. Text
            and truth values count as no numbers.
    """
    if answer is None or isinstance(answer, str | bool):
        return None
    try:
        value = np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        return None
    finite = value.shape == () and np.isfinite(value)
    return float(value) if finite else None


def as_pair(answer: object, meaning: str) -> tuple[float, float] | str:
    """Return an answer as two floats; a sentence if it is no such pair.

    Args:
        answer: Anything with two numbers in it.
        meaning: What the two are, for the sentence.
    """
    try:
        first, second = (float(number) for number in answer)
    except (TypeError, ValueError):
        return (
            f"The answer should be a pair of numbers, not {brief(answer)}: "
            f"{meaning}."
        )
    return first, second


def brief(answer: object) -> str:
    """Return a few words that name an answer in a message."""
    if isinstance(answer, str | bool | float) or answer is None:
        return repr(answer)[:40]
    shape = getattr(answer, "shape", None)
    kind = type(answer).__name__
    return kind if shape is None else f"{kind} of shape {tuple(shape)}"
