"""Which picture files TensorFlow decodes, and which it shows otherwise.

TensorFlow decodes fast, but leaves out what a camera noted, transparency and
some palettes. So each file is looked at first, and the odd ones go through
Pillow.
"""

import os

import numpy as np
from PIL import Image

from course_utils.machine.errors import CourseError
from course_utils.pictures import picture_arrays

_ORIENTATION = 0x0112  # of EXIF
_DECODED = ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP")  # by TensorFlow
# What a whole file ends with, unless something was appended to it.
_LAST = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82", "GIF": b";"}


def look_at(paths, needed):
    """Looks at each file before any is decoded.

    Args:
        paths: Paths of the pictures.
        needed: Whether all have to be of one size.

    Returns:
        The height and width that all pictures have, where needed; and for each
        whether TensorFlow would show another picture than Pillow.

    Raises:
        CourseError: If one cannot be decoded, or means nobody knows what; or
            if they differ in size, where that is needed.
    """
    sizes, odd = {}, []
    for path in paths:
        deep = False
        try:
            with Image.open(path) as picture:
                turned = _orientation(picture)
                size = picture.size if turned > 4 else picture.size[::-1]
                sizes.setdefault(size, path)
                decoded = picture.format in _DECODED
                decoded &= (picture.format, picture.mode) != ("BMP", "1")
                deep = picture.mode.startswith(picture_arrays.DEEP_MODES)
                moving = getattr(picture, "n_frames", 1) > 1
                odd.append(
                    turned > 1
                    or picture.has_transparency_data
                    or (picture.format, picture.mode) == ("BMP", "P")
                    or (picture.format == "WEBP" and moving)
                )
                if not _has_its_end(path, picture.format):
                    picture.load()
        except Exception:  # Broken files raise nearly every kind of exception.
            decoded = False
        if not decoded:
            raise CourseError(
                f"{path} is no picture that TensorFlow can decode, or only a "
                "part of one: save it anew as PNG or JPEG, or leave out its "
                "row."
            )
        if deep:
            raise CourseError(
                f"{path} is a grey picture with more than 8 bits a channel, "
                "and nobody can know which value is white: read_picture of it "
                "says how to rescale all of yours."
            )
        if needed and len(sizes) == 2:
            (first, one), (second, other) = sizes.items()
            raise CourseError(
                f"The pictures differ in size: {one} has {first[0]}x{first[1]} "
                f"pixels, {other} {second[0]}x{second[1]}. Say which they "
                "shall have, as in from_table(table, image_size=(160, 160))."
            )
    return next(iter(sizes)), odd


def upright_rgb(path):
    """Returns a picture as `read_picture` sees it, in its own size."""
    with Image.open(path) as picture:
        picture_arrays.turn_upright(picture)
        return np.asarray(picture_arrays.as_rgb(picture))


def _orientation(picture):
    """Returns how a camera was held, by its note; 1 is upright."""
    # A PNG may have its note at the end, and would be decoded for it.
    if picture.format == "PNG" and "exif" not in picture.info:
        return 1
    try:
        found = int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # What is broken is no note.
        return 1
    return found if 1 <= found <= 8 else 1


def _has_its_end(path, kind):
    """Says whether a file ends as its kind does: a glance, not a decoding."""
    with open(path, "rb") as file:
        file.seek(-8, os.SEEK_END)
        return kind in _LAST and file.read().endswith(_LAST[kind])
