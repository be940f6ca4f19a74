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
        CourseError: If one is missing, if they are of several types, or if
            there are more of them for one picture than for another.
    """
    try:
        array = np.asarray(values)
        # To sort them fails for text beside numbers.
        ones = sorted(array.ravel().tolist()) if array.dtype == object else []
        whole = all(one is not None and one == one for one in ones)
    except Exception:  # Whatever makes no array is refused below.
        whole = False
    if not whole:
        raise CourseError(
            f"Some {name} are missing or of another type than the rest, or "
            "there are more of them for one picture than for another: pass an "
            "array of one type, without gaps."
        )
    return array


def check_scale(images, far=64):
    """Refuses pictures whose values are not from 0 to 255.

    Args:
        images: Array of real numbers, one at the least.
        far: How far beyond they may lie, as after resizing or augmentation.

    Raises:
        CourseError: If they are beyond, not finite, or look as if they were
            scaled to 0..1 or -1..1, or standardised, already.
    """
    low, high = images.min(), images.max()
    # Zeros and ones may be a very dark picture; fractions are no pixels'.
    small = high <= 1.5 or (low < 0 and high <= 3)
    scaled = small and (images != np.round(images)).any()
    if low >= -far and high <= 255 + far and not scaled:
        return
    remedy = "leave out `/ 255` and any other preprocessing, which belongs "
    remedy += "into the model"
    if not np.isfinite(images).all():
        remedy = "leave out pictures with NaN or infinite values"
    elif high > 255 + far:
        remedy = "divide pictures of 16 bits by 257"
    raise CourseError(
        "Expected pictures with values from 0 to 255, and these are from "
        f"{low:.3g} to {high:.3g}: {remedy}."
    )


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
