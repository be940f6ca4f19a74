"""Find and read the picture files below a folder, and change nothing."""

import contextlib
import hashlib
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from course_utils.machine.errors import CourseError
from course_utils.pictures.audit_findings import Finding, counted, some
from course_utils.pictures.picture_arrays import as_rgb, read_picture

_TRAINING = ("train", "training")
_PART_NAMES = {*_TRAINING, *"val valid validation dev test testing".split()}
_ORIENTATION = 0x0112  # the EXIF tag of how the camera was held


def find_files(folder):
    """Returns the paths of all files of classes within a folder, and notes."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise CourseError(
            f"{folder} {what}: give the path of a folder with a folder a "
            f"class in it (seen from {Path.cwd()})."
        )
    inside = [path for path in _entries(folder) if path.is_dir()]
    loose = [path.name for path in _entries(folder) if not path.is_dir()]
    if not inside:
        raise CourseError(
            f"{folder} holds no folders ({len(loose)} files): make a folder "
            "in it for each class, and put the pictures of the class there."
        )
    odd = [path.name for path in inside if not _is_text(path.name)]
    if odd:
        raise CourseError(
            f"The name of the folder {odd[0]!r} has bytes in it that stand for "
            "no letter, and cannot be shown: rename the folder."
        )
    _check_levels(folder, inside)
    files = [
        file.relative_to(folder)
        for path in inside
        for file in _files_below(path)
    ]
    notes = []
    if loose:
        notes.append(
            Finding(
                f"{counted(len(loose), 'file')} beside the folders of the "
                f"classes ({some(loose)}).",
                "Passed over, for nothing says what class they are of.",
            )
        )
    empty = sorted(
        {path.name for path in inside} - {file.parts[0] for file in files}
    )
    if empty:
        notes.append(
            Finding(f"No file in {some(empty)}.", "This makes no class.")
        )
    return files, notes


def read_file(path, size):
    """Returns what is known of a file, and its picture or None."""
    facts = dict(width=0, height=0, mode="", format="", frames=0, turned=False)
    with warnings.catch_warnings():
        # Pillow warns of large pictures and of broken EXIF, and reads both.
        warnings.simplefilter("ignore")
        try:
            picture = read_picture(path, size)
        except CourseError as error:
            problem = str(error).removeprefix(f"{path} ")
            return {**facts, "left_out": problem}, None
        # What comes after the first frame may be broken, and is not used.
        with contextlib.suppress(Exception), Image.open(path) as image:
            facts["mode"], facts["format"] = image.mode, image.format
            orientation = image.getexif().get(_ORIENTATION, 1)
            facts["turned"] = 2 <= orientation <= 8
            lying = orientation >= 5
            facts["width"], facts["height"] = image.size[:: -1 if lying else 1]
            facts["frames"] = getattr(image, "n_frames", 1)
    return {**facts, "left_out": ""}, np.rint(picture).astype("uint8")


def hash_pixels(path):
    """Returns a hash of a picture's pixels and its size, as stored.

    The picture is upright and in RGB, but neither cut nor resized; so it is
    the same for equal pictures in files of other kinds.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(path) as image:
            image.load()
            rgb = as_rgb(ImageOps.exif_transpose(image))
    return hashlib.sha256(repr(rgb.size).encode() + rgb.tobytes()).digest()


def _check_levels(folder, inside):
    """Refuses a folder of parts, and one around the right one."""
    deeper = [[sub for sub in _entries(p) if sub.is_dir()] for p in inside]
    if any(deeper) and {path.name.lower() for path in inside} <= _PART_NAMES:
        largest = max(inside, key=lambda path: path.name.lower() in _TRAINING)
        raise CourseError(
            f"The folders in {folder} are named like parts, not like classes "
            f"({some([path.name for path in inside])}): give one of them, "
            f"such as {largest}, which will be split anew."
        )
    if len(inside) == 1 and len(deeper[0]) > 1:
        raise CourseError(
            f"{folder} holds a single folder, {inside[0].name!r}, so there is "
            f"one class only; it holds {len(deeper[0])} folders: if these are "
            f"the classes, give {inside[0]}."
        )


def _entries(folder):
    """Returns what is in a folder and not hidden, in order of the names."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(error) from error
    return [path for path in entries if not _is_hidden(path.name)]


def _files_below(folder):
    def refuse(error):
        raise _unreadable(error) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(names):
            if not _is_hidden(name):
                yield Path(parent, name)


def _is_hidden(name):
    """What systems leave behind in folders without being asked."""
    return name.startswith((".", "__MACOSX")) or name.lower() in (
        "thumbs.db",
        "desktop.ini",
    )


def _is_text(name):
    """Says whether a name can be shown; other systems may have made it."""
    return name.encode("utf-8", "replace").decode() == name


def _unreadable(error):
    return CourseError(
        f"{error.filename} may not be read ({error.strerror}): give yourself "
        "the permission to read it, or move it out of the folder."
    )
