"""Turn picture files of any kind into what a backbone expects, or say why not.

A backbone of this course takes float32 arrays of shape (batch, height, width,
3) with values from 0 to 255, and does its own preprocessing. Pictures that
are not like that mostly run through without an error, and give a worse model.
So what cannot be put right for certain is refused, in one sentence.
"""

import contextlib
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
DEEP_MODES = ("I", "F")
# What the brightest value may stand for: in floats, in 8 bits, in the 12 bits
# of many cameras, in 16 bits.
_FULL_SCALES = (1, 255, 4095, 65535)


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
            if not image.mode.startswith(DEEP_MODES):
                turn_upright(image)
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


def turn_upright(image):
    """Turns a Pillow image as a camera has noted, where the note is whole."""
    with contextlib.suppress(Exception):  # What is broken is no note.
        ImageOps.exif_transpose(image, in_place=True)


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
    full_scale = next((scale for scale in _FULL_SCALES if scale >= high), high)
    scaled = f"values / {full_scale:g}"
    if low < 0:
        scaled = f"(values + {-low:g}) / {high - low or 1:g}"
    return (
        f"{found}, expected are 8 bits a channel, 0 to 255: rescale it, and "
        "all of your pictures alike, with `values = numpy.asarray("
        f"PIL.Image.open({str(path)!r})); PIL.Image.fromarray(({scaled} * 255)"
        '.astype("uint8")).save("rescaled.png")`.'
    )
