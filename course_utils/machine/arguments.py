"""Check what a helper was given, in one way, before anything is done.

Each function returns the value in the type that the helper works with, or
raises a `CourseError` that names the argument, what it was, what was expected
and an example. Truth values, text and complex numbers are no numbers.
"""

import difflib
import math
import operator
import os
import reprlib
from pathlib import Path

import numpy as np

from course_utils.machine.errors import CourseError

# What fits into 32 bits, as counts and seeds have to in some libraries.
LARGEST = 2**31 - 1
# A picture of so many pixels takes 200 MB as float32 in three channels.
MOST_PIXELS = 2**24


def whole_number(name, value, example, least=1, most=LARGEST):
    """Returns a whole number as an int.

    Args:
        name: Name of the argument.
        value: What was given: an int, or an array or tensor of one.
        example: A value that makes sense, for the message.
        least: The least that is allowed.
        most: The most that is allowed.

    Raises:
        CourseError: If it is no whole number in this range.
    """
    try:
        truth = isinstance(value, bool | np.bool_)
        whole = None if truth else operator.index(value)
    except Exception:  # Arrays and tensors refuse in ways of their own.
        whole = None
    if whole is None or not least <= whole <= most:
        span = f"from {least} to {most}"
        if most >= LARGEST and (whole is None or whole < least):
            span = f"from {least} on"
        raise _expected(name, value, f"a whole number {span}", example)
    return whole


def number(
    name,
    value,
    example,
    *,
    least=-math.inf,
    above=-math.inf,
    most=math.inf,
    below=math.inf,
):
    """Returns a finite number as a float.

    Args:
        name: Name of the argument.
        value: What was given: a number, or an array or tensor of one.
        example: A value that makes sense, for the message.
        least: The least that is allowed.
        above: What it has to be larger than.
        most: The most that is allowed.
        below: What it has to be smaller than.

    Raises:
        CourseError: If it is no such number.
    """
    found = _one_number(value)
    inside = least <= found <= most and above < found < below
    if not (inside and math.isfinite(found)):
        limits = {"from": least, "above": above, "to": most, "and below": below}
        told = [f" {w} {n:g}" for w, n in limits.items() if math.isfinite(n)]
        span = f"a finite number{''.join(told)}"
        raise _expected(name, value, span, example)
    return found


def share(name, value, example):
    """Returns a share, a number from 0 to 1, as a float.

    Raises:
        CourseError: If it is none.
    """
    return number(name, value, example, least=0, most=1)


def seed(value):
    """Returns a seed as an int, or None where it is left to chance.

    Raises:
        CourseError: If it is neither None nor a whole number from 0 on.
    """
    return None if value is None else whole_number("seed", value, 0, least=0)


def picture_size(size):
    """Returns a size as two ints, height and width.

    Args:
        size: Pair `(height, width)` in pixels.

    Raises:
        CourseError: If it is no pair of whole numbers from 1 on, or of more
            pixels than a picture can sensibly have.
    """
    expected = "a pair (height, width) of whole numbers from 1 on"
    try:
        height, width = size
        sides = [operator.index(side) for side in (height, width)]
    except Exception:  # Whatever cannot be taken apart is no pair.
        raise _expected("size", size, expected, (64, 64)) from None
    if min(sides) < 1 or bool in (type(height), type(width)):
        raise _expected("size", size, expected, (64, 64))
    if sides[0] * sides[1] > MOST_PIXELS:
        expected += f" with at most {MOST_PIXELS:,} pixels together"
        raise _expected("size", size, expected, (64, 64))
    return tuple(sides)


def input_shape(shape, example, least=32, most=None, multiple=1):
    """Returns the shape of a model's pictures, `(height, width, 3)`, as ints.

    Args:
        shape: What was given.
        example: A shape that makes sense, for the message.
        least: The shortest side that is allowed.
        most: The longest side that is allowed. Defaults to any.
        multiple: What each side has to be a multiple of.

    Raises:
        CourseError: If it is no such shape.
    """
    expected = f"(height, width, 3) with sides from {least} "
    expected += "on" if most is None else f"to {most}"
    expected += f" in multiples of {multiple}" if multiple > 1 else ""
    try:
        sides = picture_size(shape[:2])
        fits = least <= min(sides) and max(sides) <= (most or LARGEST)
        fits = fits and not any(side % multiple for side in sides)
        fits = fits and len(shape) == 3 and shape[2] == 3
    except Exception:  # Whatever cannot be taken apart is no shape.
        fits = False
    if not fits:
        raise _expected("input_shape", shape, expected, example)
    return (*sides, 3)


def path(name, value):
    """Returns a path, with the home folder in place of `~`.

    Raises:
        CourseError: If it is no text and no `Path`, or empty, which would be
            the working folder; or if the system cannot or may not look there.
    """
    given = value
    if isinstance(value, os.PathLike):
        given = os.fspath(value)
    if not isinstance(given, str):
        raise CourseError(
            f"Expected a path as text for {name}, not {reprlib.repr(value)}: "
            f'write it in quotes, such as "my_pictures".'
        )
    if not given.strip() or "\0" in given:
        raise CourseError(
            f"The path {given!r} for {name} names nothing: write one such as "
            '"my_pictures", or "." for the folder that you are in.'
        )
    try:
        found = Path(given).expanduser()
        found.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # Whoever reads it says so, and whoever writes it may make it.
    except RuntimeError:
        raise CourseError(
            f"The path {given!r} for {name} begins with the home folder of "
            "somebody who is not known here: write the whole path."
        ) from None
    except OSError as error:
        raise CourseError(
            f"Nothing can be looked up at {reprlib.repr(given)}, the path for "
            f"{name} ({error.strerror}): write a path that you may read."
        ) from None
    return found


def class_names(names):
    """Returns the names of classes as a list.

    Args:
        names: Text or whole numbers, in the order of the classes.

    Raises:
        CourseError: If they are no names, or if there are none.
    """
    try:
        # A set has no order, and a dict may be the wrong way round.
        unordered = isinstance(names, str | bytes | dict | set | frozenset)
        found = [] if unordered else list(names)
    except Exception:  # Whatever cannot be gone through holds no names.
        found = []
    if not found or not all(
        isinstance(one, str | int | np.integer) and not isinstance(one, bool)
        for one in found
    ):
        raise _expected(
            "class_names",
            names,
            "a list of the names of all classes",
            ["benign", "malignant"],
        )
    return found


def choice(name, value, choices):
    """Returns one of several texts or truth values, or None.

    Args:
        name: Name of the argument.
        value: What was given.
        choices: What can be chosen.

    Raises:
        CourseError: If it is none of them.
    """
    plain = isinstance(value, str | bool | np.bool_)
    for one in choices:
        if value is one or (plain and one is not None and value == one):
            return one
    told = " or ".join(map(repr, choices))
    raise _expected(name, value, told, choices[-1])


def one_of(what, value, known, where=""):
    """Returns a name, if it is known.

    Args:
        what: What is named, such as "experiment".
        value: What was given.
        known: All names.
        where: Where these are listed, in place of the list.

    Raises:
        CourseError: If it is none of them; the nearest one is told.
    """
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value).lower(), known, n=1)
    raise CourseError(
        f"There is no {what} {reprlib.repr(value)}: choose "
        f"{where or ' or '.join(map(repr, known))}"
        + (f"; did you mean {near[0]!r}?" if near else ".")
    )


def _one_number(value):
    """Returns a float; NaN for what is no single real number."""
    try:
        array = np.asarray(value)
        kind = array.dtype.kind
        if array.shape == () and (kind in "iuf" or "float" in array.dtype.name):
            return float(array.astype("float64"))
    except Exception:  # Whatever makes no array is no number.
        pass
    return math.nan


def _expected(name, value, expected, example):
    return CourseError(
        f"{name} is {reprlib.repr(value)}, and {expected} was expected: give, "
        f"for example, {name}={example!r}."
    )
