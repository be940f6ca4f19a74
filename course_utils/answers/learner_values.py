"""Read what a learner gave as an answer, and say which value it is.

Checks and quizzes read numbers here, so that one sentence says what is wrong
with them, and one rule says how closely they have to agree.
"""

import contextlib
import decimal
from collections.abc import Iterable

import numpy as np

# What `find_match` returns for an answer that is right.
RIGHT = ""
_EQUAL, _ZERO = 1e-6, 1e-12  # as equal as float32 can be, and float64 at zero


def as_number(answer: object) -> float | None:
    """Return an answer as a float; ``None`` if it is no single finite number.

    Args:
        answer: A Python number, an array or a tensor without dimensions. Text
            and truth values count as no numbers.
    """
    if isinstance(answer, str | bytes | bool | np.bool_):
        return None
    value = as_numbers(answer)
    return float(value) if value.shape == () else None


def as_numbers(answer: object) -> np.ndarray:
    """Return an answer as an array of finite floats.

    Args:
        answer: A number, or numbers in an array, a tensor or a sequence.

    Returns:
        An array of the answer's shape; an empty one if something in it is no
        finite number.
    """
    nothing = np.empty(0)
    if answer is None:
        return nothing
    try:
        if hasattr(answer, "detach"):  # A tensor of PyTorch with a gradient.
            answer = answer.detach().cpu()
        elif hasattr(answer, "numpy"):  # One in bfloat16 makes no array else.
            answer = answer.numpy()
        value = np.asarray(answer)
        # Text that looks like numbers is no number, and neither is 1j.
        if value.dtype.kind in "cSUmM":
            return nothing
        value = value.astype(float)
    except Exception:  # Whatever makes no array holds no numbers.
        return nothing
    return value if np.isfinite(value).all() else nothing


def as_pair(answer: object, meaning: str) -> tuple[float, float] | str:
    """Return an answer as two floats; a sentence if it is no such pair.

    Args:
        answer: Anything with two numbers in it.
        meaning: What the two are, for the sentence.
    """
    pair = as_numbers(answer)
    if pair.shape == (2,):
        return float(pair[0]), float(pair[1])
    return (
        f"The answer should be a pair of numbers, not {brief(answer)}: "
        f"{meaning}."
    )


def say_no_number(
    answer: object, what: str = "The answer", meaning: str = ""
) -> str:
    """Return the sentence about an answer that is no single number.

    Args:
        answer: What was given.
        what: What it was given for.
        meaning: What the number should be or how to get it.
    """
    about = f": {meaning}" if meaning else ""
    return f"{what} should be one number, not {brief(answer)}{about}."


def brief(answer: object) -> str:
    """Return a few words that name an answer in a message."""
    if isinstance(answer, str | bytes):
        return repr(answer[:40])
    if getattr(answer, "shape", None) == () and hasattr(answer, "dtype"):
        with contextlib.suppress(
            Exception
        ):  # Whatever has no value of its own.
            answer = np.asarray(answer).item()
    if isinstance(answer, bool | int | float) or answer is None:
        return repr(answer)[:40]
    shape = getattr(answer, "shape", None)
    kind = type(answer).__name__
    return kind if shape is None else f"{kind} of shape {tuple(shape)}"


def find_match(
    answer: object,
    right: object,
    mistakes: Iterable[tuple[object, str]] = (),
    tolerance: float = 0.0,
    digits: int = 2,
) -> str | None:
    """Say which value an answer is: the right one, or that of a mistake.

    An answer may be rounded: it is what rounding to the digits that it shows
    explains, if these are enough. It is asked for more digits where they
    cannot tell the right value from another.

    Args:
        answer: One number or an array of them, finite.
        right: The right value, of the same shape.
        mistakes: Pairs of a wrong value, of the same shape, and the sentence
            about it.
        tolerance: How far off a right answer may be that was computed in
            another way; the nearest value counts.
        digits: How many a rounded answer has at least: two, or as many as
            the exercise asks for.

    Returns:
        ``RIGHT``, the sentence of a mistake, a request for more digits, or
        ``None`` if the answer is none of these.
    """
    given = np.asarray(answer, dtype=float)
    known = [(np.asarray(right, dtype=float), RIGHT)]
    known += [
        (np.asarray(value, dtype=float), text) for value, text in mistakes
    ]
    known = [(v, text) for v, text in known if np.isfinite(v).all()]
    known = [(v, text) for v, text in known if v.shape == given.shape]

    def explained(allowed):
        return [
            (float(np.max(np.abs(given - v), initial=0)), v, text)
            for v, text in known
            if np.all(np.abs(given - v) <= allowed + _EQUAL * np.abs(v) + _ZERO)
        ]

    if any(text == RIGHT for *_, text in explained(0.0)):
        return RIGHT
    if found := explained(_half_unit(answer, given, digits)):
        _, first, text = found[0]
        same = [np.allclose(v, first, rtol=1e-5) for _, v, _ in found[1:]]
        # Among mistakes it is wrong in any case.
        return text if text or all(same) else _more_digits(answer)
    if near := explained(tolerance):
        return min(near, key=lambda one: one[0])[2]
    coarse = _half_unit(answer, given, 1)
    if np.any(coarse) and any(text == RIGHT for *_, text in explained(coarse)):
        return _more_digits(answer)
    return None


def half_unit(answer: object, least_digits: int = 2) -> float:
    """Return half a unit of the last digit that numbers show.

    Args:
        answer: One number or several; of several, the finest counts.
        least_digits: How many are taken for shown, though they be zeros.
    """
    given = np.asarray(answer, dtype=float)
    return float(np.min(_half_unit(answer, given, least_digits)))


def _half_unit(answer, given, least_digits):
    """Returns what rounding can have changed, for each number."""
    shown = np.asarray(answer)
    if shown.dtype.kind in "bO":
        shown = given
    # Numbers of each precision know how many digits they show.
    shown = [_digits(str(number)) for number in shown.ravel()]
    places = max((place for place, _ in shown), default=0)
    digits = max((digit for _, digit in shown), default=0)
    if not places and digits < 3:
        return np.zeros(given.shape)  # Whole numbers are not rounded ones.
    places += max(0, least_digits - digits)
    digits = max(digits, least_digits)
    # Rounded to as many places all, or to as many digits.
    size = np.where(given == 0, 10.0**-places, np.abs(given))
    by_digits = 0.5 * 10.0 ** (np.floor(np.log10(size)) + 1 - digits)
    return np.maximum(by_digits, 0.5 * 10.0**-places)


def _digits(text):
    """Returns how many decimal places a number shows, and how many digits."""
    number = decimal.Decimal(text).normalize()
    if not number:
        return 0, 0
    places = max(0, -number.as_tuple().exponent)
    return places, max(1, number.adjusted() + 1 + places)


def _more_digits(answer):
    return (
        f"{np.asarray(answer).tolist()} may be right, rounded: give three "
        "digits or more, so that it can be told from other values."
    )
