"""Find the course's folders from any working directory.

Three folders matter: ``data/`` (read-only), ``work/`` (the learner's own
notebooks) and the cache (unpacked pictures, inside ``work/`` unless told
otherwise). The environment variables ``COURSE_WORK`` and ``COURSE_CACHE``
move the latter two.
"""

import os
import shutil
import threading
from pathlib import Path

from course_utils.machine.errors import CourseError

# Lies in each work folder: which version each copy was made from.
WORK_RECORD = ".copied.json"


def course_dir() -> Path:
    """Return the folder that holds ``data/``, ``notebooks/``, ``lessons/``.

    A checkout has them beside the package; an installed course, inside.

    Raises:
        CourseError: If they are in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_course", package.parent):
        if (folder / "data" / "backbones").is_dir():
            return folder
    raise CourseError(
        f"The course's data/ folder was not found at {package}: install the "
        "course again, with `pip install -e .` in a clone or from its wheel."
    )


def is_clone() -> bool:
    """Return whether the course runs in a clone, not from its wheel."""
    return course_dir().name != "_course"


def data_dir() -> Path:
    """Return the tracked ``data/`` folder."""
    return course_dir() / "data"


def work_dir() -> Path:
    """Return the learner's ``work/`` folder (it may not exist yet).

    ``COURSE_WORK``, if that is set; else the work folder that this process
    runs in, at whatever depth; else ``work/`` in the checkout, or, where the
    course is installed without one, in the current folder.
    """
    if chosen := named_dir("COURSE_WORK"):
        return chosen
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise CourseError(
            "The current folder was deleted: change to another one, and start "
            "again."
        ) from error
    for folder in (here, *here.parents):
        if (folder / WORK_RECORD).is_file():
            return folder
    return (course_dir() if is_clone() else here) / "work"


def cache_dir() -> Path:
    """Return the folder for unpacked files (it may not exist yet)."""
    return named_dir("COURSE_CACHE") or work_dir() / ".cache"


def named_dir(variable: str) -> Path | None:
    """Return the folder that an environment variable names, if it is set.

    Raises:
        CourseError: If it begins with `~`, and that home is not known.
    """
    chosen = os.environ.get(variable)
    try:
        return Path(chosen).expanduser() if chosen else None
    except RuntimeError:
        raise CourseError(
            f"{variable} is {chosen!r}, which begins with the home folder of "
            "somebody who is not known here: write the whole path."
        ) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all: a full disk leaves no half one.

    Args:
        path: The file; its folder is there.
        content: What it holds.
    """
    # Of this writer alone: another may write the same file.
    own = f"{os.getpid()}-{threading.get_ident()}"
    partial = path.with_name(f".{path.name}.{own}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def free_megabytes(folder: Path) -> float:
    """Return the free disk space at ``folder``, in MB.

    Args:
        folder: A folder; where it does not exist yet, its nearest existing
            parent is asked.
    """
    folder = folder.absolute()
    while not os.path.exists(folder):
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e6
