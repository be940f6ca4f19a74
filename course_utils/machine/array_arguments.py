"""Check arrays that a helper was given, as `arguments` checks one value."""

import numbers

import numpy as np

from course_utils.machine.arguments import LARGEST
from course_utils.machine.errors import CourseError


def real_array(name, values, like="model.predict returns", dtype="float64"):
    """Returns numbers as an array of floats.

    Args:
        name: What they are, in the plural, such as "scores".
        values: Anything that becomes an array of real numbers.
        like: What gives such numbers, for the message.
        dtype: Type of the array.

    Raises:
        CourseError: If they are text, complex or nothing, or if there are
            more of them for one picture than for another.
    """
    try:
        array = np.asarray(values)
        # Of an array of objects each may be a number. Half precision of other
        # makers has a kind of its own.
        plain = array.dtype.kind in "biuf" or "float" in array.dtype.name
        if array.dtype == object:
            plain = all(
                isinstance(one, numbers.Real) for one in array.ravel().tolist()
            )
        if plain:
            return array.astype(dtype)
    except Exception:  # Whatever makes no array is refused below.
        pass
    raise CourseError(
        f"Some {name} are no numbers, or there are more of them for one "
        "picture than for another: pass an array of real numbers, such as "
        f"{like}."
    )


def any_array(name, values):
    """Returns values of any one type as an array.

    Args:
        name: What they are, in the plural, such as "labels".
        values: Anything that becomes an array.

    Raises:
        CourseError: If one is None, or if there are more of them for one
            picture than for another.
    """
    try:
        array = np.asarray(values)
        whole = array.dtype != object or None not in array.ravel().tolist()
    except Exception:  # Whatever makes no array is refused below.
        whole = False
    if not whole:
        raise CourseError(
            f"Some {name} are missing, or there are more of them for one "
            "picture than for another: pass an array, such as model.predict "
            "returns."
        )
    return array


def class_indices(name, values, classes=None):
    """Returns the index of a class for each picture, as an int64 array.

    Args:
        name: What they are, in the plural: "labels" or "predictions".
        values: One whole number a picture, shape `(pictures,)`.
        classes: How many classes there are, if that is known.

    Raises:
        CourseError: If there are none, or another shape, or fractions such
            as probabilities, or if one is negative or has no class.
    """
    array = real_array(name, values)
    if array.ndim != 1 or not array.size:
        raise CourseError(
            f"Expected the {name} as one class for each picture, not of shape "
            f"{array.shape}: take probabilities.argmax(axis=-1) where there "
            "is a number for each class."
        )
    wrong = array[~np.isfinite(array) | (array != np.rint(array))]
    if wrong.size:
        raise CourseError(
            f"The {name} hold {wrong[0]:.4g}, and the index of a class was "
            "expected for each picture: of probabilities take argmax(axis=-1), "
            "or (probabilities > 0.5).astype(int) where there is one each."
        )
    wrong = array[(array < 0) | (array >= (classes or LARGEST))]
    if wrong.size:
        known = "from 0" + (f" to {classes - 1}" if classes else " on")
        raise CourseError(
            f"The {name} hold {wrong[0]:.15g}, and classes are counted "
            f"{known}: leave out what has no class, and name all classes."
        )
    return array.astype("int64")


def same_length(**arrays):
    """Raises a `CourseError` unless there is one of each for each picture."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        told = " and ".join(f"{n} {name}" for name, n in lengths.items())
        raise CourseError(
            f"There are {told}: pass one for each picture, in one order."
        )
