"""Find and read the picture files below a folder, and change nothing."""

import contextlib
import hashlib
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.machine.errors import CourseError
from course_utils.machine.text_arguments import as_typed
from course_utils.pictures.audit_findings import Finding, counted, some
from course_utils.pictures.picture_arrays import (
    as_rgb,
    load,
    read_picture,
    turn_upright,
)

_TRAINING = ("train", "training")
_PART_NAMES = {*_TRAINING, *"val valid validation dev test testing".split()}
_ORIENTATION = 0x0112  # the EXIF tag of how the camera was held
# What systems leave behind, besides what begins with a dot, with "@" (servers)
# or with "$" (Windows).
_LEFT_BEHIND = {
    "#recycle",
    "#snapshot",
    "__macosx",
    "__pycache__",
    "_vti_cnf",
    "desktop.ini",
    "ehthumbs.db",
    "icon\r",
    "lost+found",
    "network trash folder",
    "recycler",
    "system volume information",
    "temporary items",
    "thumbs.db",
    "~snapshot",
}


def find_files(folder):
    """Returns the paths of all files of classes within a folder, and notes."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise CourseError(
            f"{folder} {what}: give the path of a folder with a folder a "
            f"class in it (seen from {Path.cwd()})."
        )
    walk = _Walk(folder)
    inside, loose = walk.entries(folder)
    if not inside:
        raise CourseError(_no_folders(folder, loose, walk.hidden))
    _check_names([path.name for path in inside])
    _check_levels(folder, inside)
    files = [
        file.relative_to(folder)
        for path in inside
        for file in walk.files_below(path)
    ]
    notes = walk.notes() + _judge_capitals([path.name for path in inside])
    if loose:
        done = "Passed over, since nothing names their class."
        if any(_is_named_like_a_picture(path) for path in loose):
            done += f" If {folder.name!r} itself is a class, give the folder "
            done += "around it."
        notes.append(
            Finding(
                f"{counted(len(loose), 'file')} beside the folders of the "
                f"classes ({some([path.name for path in loose])}).",
                done,
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
            orientation = 1
            with contextlib.suppress(Exception):  # What is broken is no note.
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
            load(image)
            turn_upright(image)
            rgb = as_rgb(image)
    return hashlib.sha256(repr(rgb.size).encode() + rgb.tobytes()).digest()


class _Walk:
    """A walk through a folder, and what was met on the way.

    Linked folders are walked through like others, unless they lead back to a
    folder that they lie in.
    """

    def __init__(self, folder):
        self.folder = folder
        self.hidden, self.linked, self.looping = [], [], []

    def entries(self, folder):
        """Returns the folders and the files in a folder, sorted by name."""
        try:
            entries = sorted(folder.iterdir())
            folders = [path for path in entries if path.is_dir()]
        except OSError as error:
            raise CourseError(
                f"{error.filename} may not be read ({error.strerror}): give "
                "yourself the permission to read it, or move it out of the "
                "folder."
            ) from error
        self.hidden += [p for p in entries if _is_hidden(p) and _counts(p)]
        links = [
            path
            for path in folders
            if path.is_symlink() and not _is_hidden(path)
        ]
        looping = [path for path in links if _leads_back(path)]
        self.looping += looping
        self.linked += [path for path in links if path not in looping]
        shown = [path for path in entries if not _is_hidden(path)]
        return (
            [p for p in shown if p in folders and p not in looping],
            [p for p in shown if p not in folders],
        )

    def files_below(self, folder):
        """Yields the files in a folder, and in those within."""
        folders, files = self.entries(folder)
        yield from files
        for path in folders:
            yield from self.files_below(path)

    def notes(self):
        """Returns findings on what was met."""
        told = [
            (
                self.linked,
                ("is a linked folder", "are linked folders"),
                "What they lead to is read as if it lay there.",
            ),
            (
                self.looping,
                ("is a link", "are links"),
                "Passed over, for they lead back to a folder that they lie in.",
            ),
            (
                self.hidden,
                ("is hidden", "are hidden"),
                "Passed over, as what systems leave behind; rename what you "
                "want to be read.",
            ),
        ]
        return [
            Finding(f"{some(self._names(paths))} {what[len(paths) > 1]}.", done)
            for paths, what, done in told
            if paths
        ]

    def _names(self, paths):
        return [path.relative_to(self.folder).as_posix() for path in paths]


def _no_folders(folder, loose, hidden):
    """Says why a folder without folders cannot be audited."""
    problem = f"{folder} holds no folders ({counted(len(loose), 'file')}"
    if hidden:
        problem += f", and hidden {some([path.name for path in hidden])}"
    problem += ")"
    if loose and len(_Walk(folder).entries(folder.parent)[0]) > 1:
        return (
            f"{problem}: if it is a class, and the folders beside it are "
            f"others, give the folder around them, {folder.parent}; if not, "
            "make a folder in it for each class, and put the pictures there."
        )
    return (
        f"{problem}: make a folder in it for each class, and put the pictures "
        "of the class there."
    )


def _check_names(names):
    """Refuses names that cannot be shown, and two that look the same."""
    alike = {}
    for name in names:
        look = as_typed(name)
        if name.encode("utf-8", "replace").decode() != name or not look:
            raise CourseError(
                f"The name of the folder {name!r} has bytes in it that stand "
                "for no letter, and cannot be shown: rename the folder."
            )
        other = alike.setdefault(look, name)
        if other != name:
            raise CourseError(
                f"The folders {other!a} and {name!a} have names "
                "that look the same, and would be two classes: put the "
                "pictures of both into one of them, or rename one."
            )


def _judge_capitals(names):
    """Tells of names that differ in capitals only."""
    alike = {}
    for name in names:
        alike.setdefault(as_typed(name).casefold(), []).append(name)
    return [
        Finding(
            f"{' and '.join(map(repr, same))} differ in capitals only.",
            "They are taken for different classes: if they are one, put the "
            "pictures into one folder.",
        )
        for same in alike.values()
        if len(same) > 1
    ]


def _check_levels(folder, inside):
    """Refuses a folder of parts, and one around the right one."""
    deeper = [_Walk(folder).entries(path)[0] for path in inside]
    if any(deeper) and {path.name.lower() for path in inside} <= _PART_NAMES:
        split = [path for path, own in zip(inside, deeper, strict=True) if own]
        largest = max(split, key=lambda path: path.name.lower() in _TRAINING)
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


def _is_hidden(path):
    """Says whether systems hide it, or leave it behind without being asked."""
    name = path.name.lower()
    # A name of dots only is somebody's own.
    hidden = name.startswith(".") and name.strip(".")
    return bool(hidden) or name[0] in "@$" or name in _LEFT_BEHIND


def _counts(path):
    """Says whether what is hidden may be missed: folders and pictures."""
    if path.is_dir():
        return True
    return _is_named_like_a_picture(path) and not path.name.startswith("._")


def _is_named_like_a_picture(path):
    return path.suffix.lower() in Image.registered_extensions()


def _leads_back(link):
    """Says whether a linked folder leads to one that it lies in."""
    target = link.resolve()
    return any(p.resolve().is_relative_to(target) for p in link.parents)
