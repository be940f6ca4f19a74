"""Say which interval a learner gives, where chance has drawn its ends."""

from collections.abc import Callable

import numpy as np
from scipy import stats

from course_utils.answers import learner_values

_CENTRE = 0.08  # of the width: how far the middle may lie
_WIDTHS = 0.9, 1.14  # of 95 %; 90 % has 0.84, 99 % has 1.31
_NEAR = 0.25  # of the width: so near, a wrong interval is named
_COARSE = 0.05  # of the width: rounded so far, its ends tell nothing


def read_ends(answer: object) -> np.ndarray | None:
    """Return the two ends of an interval; ``None`` if it is none.

    Args:
        answer: Two numbers, or three, the first of them the value itself.
    """
    given = learner_values.as_numbers(answer).ravel()
    return given[-2:] if given.size in (2, 3) else None


def find_interval(
    given: np.ndarray,
    right: np.ndarray,
    mistakes: Callable[[], list[tuple[np.ndarray, str]]],
) -> str | None:
    """Say which interval this is, as `learner_values.find_match` does.

    Other draws move its ends a little. How much of them it holds is told by
    its width.

    Args:
        given: The learner's ends.
        right: Ends of the 95 % interval, from many draws.
        mistakes: Returns pairs of other ends and the sentence about them;
            called where the ends are not right.

    Returns:
        ``RIGHT``, a sentence, or ``None`` if it is none of these.
    """
    width = max(np.ptp(right), 1e-12)
    half = learner_values.half_unit(given, 1)
    slack = _CENTRE * width + half
    is_centred = abs(np.mean(given) - np.mean(right)) <= slack
    ratio = (given[1] - given[0]) / width
    narrowest, widest = _WIDTHS
    if half > _COARSE * width:
        if np.all(np.abs(given - right) <= half):
            return "It may be right, rounded: give more digits of both ends."
    elif is_centred and narrowest <= ratio <= widest:
        return learner_values.RIGHT
    near = [(_off(given, ends), text) for ends, text in mistakes()]
    off, text = min(near, default=(np.inf, None))
    if off <= min(_NEAR, _off(given, right)):
        return text
    if is_centred and half <= _COARSE * width and 0.3 < ratio < 2:
        z = stats.norm.ppf(0.975) * ratio
        return (
            f"It is as wide as an interval of {2 * stats.norm.cdf(z) - 1:.0%} "
            "would be, and one of 95 % is asked for: the quantiles 0.025 and "
            "0.975, of a thousand draws or more."
        )
    return text if off <= _NEAR else None


def say_decision(answer: object, choices: tuple[str, ...]) -> str:
    """Return what is wrong with a decision from an interval that is right.

    Args:
        answer: What was given, none that follows from the interval.
        choices: The decisions to choose from, in lower case.
    """
    hint = "look whether zero lies within it"
    if str(answer).strip().lower() not in choices:
        hint = (
            f"expected {' or '.join(map(repr, choices))}, not "
            f"{learner_values.brief(answer)}"
        )
    return f"The interval is right; the decision is not: {hint}."


def _off(given, ends):
    return np.abs(given - ends).max() / max(np.ptp(ends), 1e-12)
