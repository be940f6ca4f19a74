"""Turn pictures of any origin into what a backbone expects, or say why not.

A backbone of this course takes float32 arrays of shape (batch, height, width,
3) with values from 0 to 255, and does its own preprocessing. Pictures that
are not like that mostly run through without an error, and give a worse model.
So what cannot be put right for certain is refused, in one sentence.
"""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from course_utils.machine import arguments
from course_utils.machine.errors import CourseError

# A decoder takes 4 bytes a pixel, and what follows some copies of them: so many
# pixels cost less than 1 GB. Of a larger JPEG it decodes a half or less.
MOST_DECODED = 50_000_000
# Modes of Pillow with more than 8 bits a channel.
_DEEP_MODES = ("I", "F")
# What the brightest value may stand for: in floats, in 8 bits, in the 12 bits
# of many cameras, in 16 bits.
_FULL_SCALES = (1, 255, 4095, 65535)
# Rounding may leave a value this far outside of 0..255.
_TOLERANCE = 0.01


def read_picture(path, size=(64, 64)):
    """Reads a picture file as a backbone expects it.

    Introduced in lesson 05 (`05_your_own_images`).

    What is done to the picture, in this order:

    1. Of an animation, the first frame is taken.
    2. The orientation that a camera has noted in it (EXIF) is applied.
    3. Grey is repeated to three channels; palettes and CMYK become RGB;
       what is transparent is laid over white. Colour with 16 bits a channel
       is cut to its upper 8 bits, as Pillow does.
    4. The largest rectangle of the proportions of `size` is cut out of the
       middle, so that nothing is stretched.
    5. That is resized with bilinear interpolation and antialiasing.

    Args:
        path: Path of a picture file of any format that Pillow reads.
        size: Tuple `(height, width)` in pixels. Defaults to `(64, 64)`.

    Returns:
        A float32 array of shape `(height, width, 3)` with values from 0 to
        255.

    Raises:
        CourseError: If there is no such file, if it is no picture or a broken
            one, if it is a grey picture with more than 8 bits (nobody can
            know which value is white), if it has so many pixels that they
            would fill the memory (more than `MOST_DECODED`, where it is no
            JPEG), or if `size` is no pair of whole numbers from 1 on.
    """
    height, width = arguments.picture_size(size)
    path = arguments.path("path", path)
    _check_file(path)
    try:
        with Image.open(path) as image:
            load(image, max(height, width))
            if not image.mode.startswith(_DEEP_MODES):
                ImageOps.exif_transpose(image, in_place=True)
                rgb = as_rgb(image)
                bilinear = Image.Resampling.BILINEAR
                fitted = ImageOps.fit(rgb, (width, height), bilinear)
                return np.asarray(fitted, "float32")
            problem = _too_deep(path, image.mode, np.asarray(image))
    except Image.UnidentifiedImageError as error:
        raise CourseError(
            f"{path} is no picture that Pillow can read, whatever its name "
            "says: save it as PNG or JPEG, or leave it out."
        ) from error
    except Image.DecompressionBombError as error:
        raise CourseError(
            f"{path} is too large ({error}): make it smaller, with at most "
            f"{MOST_DECODED:,} pixels."
        ) from error
    except Exception as error:
        # Decoders meet broken files with nearly every kind of exception.
        raise CourseError(
            f"{path} is broken ({error}): copy it anew from where it came "
            "from, or leave it out."
        ) from error
    raise CourseError(problem)


def as_batch(images):
    """Turns an array of pictures into a batch as a backbone expects it.

    Introduced in lesson 05 (`05_your_own_images`).

    Args:
        images: Array, tensor, or list of arrays of one size, of integers or
            floats, with values from 0 to 255. Its shape is read like this,
            where a last axis of up to 4 counts as channels:

            | shape                     | read as                    |
            | ------------------------- | -------------------------- |
            | `(height, width)`         | one grey picture           |
            | `(height, width, 1 or 3)` | one grey or colour picture |
            | `(n, height, width)`      | `n` grey pictures          |
            | `(n, height, width, 1)`   | `n` grey pictures          |
            | `(n, height, width, 3)`   | `n` colour pictures        |

            `(3, height, width)` is refused: it could be three grey pictures,
            or one in colour with its channels first.

    Returns:
        A float32 array of shape `(batch, height, width, 3)`, a copy.

    Raises:
        CourseError: If there is no picture, if the shape, the type or the
            number of channels is another, or if the values are not 0..255:
            NaN, infinite or negative ones, more than 255, and floats of at
            most 1.5, which have been rescaled already. A range such as 0..16
            cannot be told from dark pictures: bring it to 0..255 first.
    """
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise CourseError(
            "The pictures differ in size, so that they make no batch: bring "
            "each to one size first, for example with `read_picture(path, "
            "size)`."
        ) from error
    if array.dtype.kind not in "buif":
        raise CourseError(
            f"Pictures are arrays of numbers, not of dtype {array.dtype}"
            f"{_hint_of_type(array)}."
        )
    array = _with_all_axes(array)
    _check_values(array)
    batch = np.clip(array.astype("float32"), 0, 255)
    return np.repeat(batch, 3, axis=-1) if batch.shape[-1] == 1 else batch


def load(image, side=1):
    """Decodes an opened picture, unless it would fill the memory.

    A file of some kilobytes may hold a picture of a hundred megapixels.

    Args:
        image: A Pillow image, opened and not loaded.
        side: The larger side of what will be made of it: of a JPEG that is
            too large no more is decoded than that needs.

    Raises:
        PIL.Image.DecompressionBombError: If it is too large.
    """
    if image.width * image.height > MOST_DECODED:
        image.draft(None, (side, side))
    if image.width * image.height > MOST_DECODED:
        raise Image.DecompressionBombError(
            f"{image.width} x {image.height} pixels"
        )
    image.load()


def _check_file(path):
    if path.is_dir():
        problem = "is a folder: name one picture in it"
    elif not path.exists():
        problem = f"does not exist: check the path (seen from {Path.cwd()})"
    elif not path.is_file():
        problem = "is no plain file: name a picture file"
    elif not os.access(path, os.R_OK):
        problem = "may not be read: give yourself the permission to read it"
    elif path.stat().st_size == 0:
        problem = (
            "is empty (0 bytes): copy it anew from where it came from, or "
            "leave it out"
        )
    else:
        return
    raise CourseError(f"{path} {problem}.")


def as_rgb(image):
    """Returns a Pillow image in RGB, what is transparent over white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _too_deep(path, mode, values):
    low, high = float(np.min(values)), float(np.max(values))
    found = f"{path} holds values from {low:g} to {high:g} (mode {mode!r})"
    if not np.isfinite([low, high]).all():
        return (
            f"{found}, expected are 8 bits a channel, 0 to 255: replace what "
            "is NaN or infinite, and rescale the rest."
        )
    scaled = f"values / {_full_scale(high):g}"
    if low < 0:
        scaled = f"(values + {-low:g}) / {high - low:g}"
    return (
        f"{found}, expected are 8 bits a channel, 0 to 255: rescale it, and "
        "all of your pictures alike, with `values = numpy.asarray("
        f"PIL.Image.open({str(path)!r})); PIL.Image.fromarray(({scaled} * 255)"
        '.astype("uint8")).save("rescaled.png")`.'
    )


def _full_scale(high):
    """What white may stand for where the brightest value is `high`."""
    return next((scale for scale in _FULL_SCALES if scale >= high), high)


def _hint_of_type(array):
    if array.dtype.kind in "US":
        return ": read the files first, with `read_picture(path)`"
    if array.dtype == object:
        return ": give one array, with pictures of one size"
    return ": convert them to uint8 or float32"


def _with_all_axes(array):
    """The same values in the shape (n, height, width, channels)."""
    shape = array.shape
    if array.size == 0:
        raise CourseError(
            f"There is no picture in an array of shape {shape}: give at least "
            "one."
        )
    if array.ndim not in (2, 3, 4):
        raise CourseError(
            f"An array of shape {shape} is no batch of pictures: expected is "
            "(batch, height, width, 3); reshape it."
        )
    if array.ndim == 2:
        return array[np.newaxis, :, :, np.newaxis]
    channels = shape[-1]
    if array.ndim == 3:
        if channels > 4 and shape[0] == 3:
            raise CourseError(
                f"An array of shape {shape} could be three grey pictures, or "
                "one in colour with its channels first: give "
                "`images[..., numpy.newaxis]` or `numpy.moveaxis(images, 0, "
                "-1)`."
            )
        if channels > 4:
            return array[..., np.newaxis]
        array = array[np.newaxis]
    if channels in (1, 3):
        return array
    if array.shape[1] in (1, 3):
        remedy = "move them to the end with `numpy.moveaxis(images, 1, -1)`"
    elif channels == 4:
        remedy = "drop the fourth, transparency, with `images[..., :3]`"
    else:
        remedy = "give three of them, as in `images[..., :3]`"
    raise CourseError(
        f"Pictures of shape {shape} have {channels} channels, expected are 3 "
        f"(or 1) on the last axis: {remedy}."
    )


def _check_values(array):
    low, high = float(np.min(array)), float(np.max(array))
    floats = array.dtype.kind == "f"
    if floats and not np.isfinite([low, high]).all():
        wrong = np.count_nonzero(~np.isfinite(array))
        raise CourseError(
            f"{wrong} of {array.size} values are NaN or infinite (dtype "
            f"{array.dtype}), expected are 0 to 255: find the pictures with "
            "`numpy.isfinite(images)`, and leave them out."
        )
    if array.dtype == bool:
        remedy = "multiply by 255, as in `images * 255`"
    elif floats and high <= 1.5 and low >= -_TOLERANCE and high > 0:
        remedy = "multiply by 255, as in `images * 255`"
    elif floats and high <= 1.5 and low >= -1.5 and low < 0:
        remedy = "undo the rescaling with `(images + 1) * 127.5`"
    elif low < -_TOLERANCE:
        remedy = (
            "give the pictures as they were read, without preprocessing; "
            "the backbone has its own"
        )
    elif high > 255 + _TOLERANCE:
        full = _full_scale(high)
        remedy = f"if white is {full:g}, rescale with `images / {full:g} * 255`"
    else:
        return
    raise CourseError(
        f"The pictures have values from {low:g} to {high:g} (dtype "
        f"{array.dtype}, shape {array.shape}), expected are 0 to 255: "
        f"{remedy}."
    )
