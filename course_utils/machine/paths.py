"""Find the course's folders from any working directory.

Three folders matter: ``data/`` (tracked, read-only), ``work/`` (the learner's
own notebooks) and the cache (unpacked pictures, inside ``work/`` unless told
otherwise). The environment variables ``COURSE_WORK`` and ``COURSE_CACHE``
move the latter two, for a checkout that cannot be written.
"""

import os
import shutil
from pathlib import Path

from course_utils.machine.errors import CourseError


def course_dir() -> Path:
    """Return the top folder of the course: the one that holds ``data/``.

    Raises:
        CourseError: If the package was installed away from the course.
    """
    package_parent = Path(__file__).resolve().parent.parent
    for folder in (package_parent, Path.cwd(), *Path.cwd().parents):
        if (folder / "data" / "backbones").is_dir():
            return folder
    raise CourseError(
        "The course's data/ folder was not found beside the package or above "
        f"{Path.cwd()}: install the package from a clone of the course with "
        "`pip install -e .`."
    )


def data_dir() -> Path:
    """Return the tracked ``data/`` folder."""
    return course_dir() / "data"


def work_dir() -> Path:
    """Return the learner's ``work/`` folder (it may not exist yet)."""
    chosen = os.environ.get("COURSE_WORK")
    return Path(chosen).expanduser() if chosen else course_dir() / "work"


def cache_dir() -> Path:
    """Return the folder for unpacked files (it may not exist yet)."""
    chosen = os.environ.get("COURSE_CACHE")
    return Path(chosen).expanduser() if chosen else work_dir() / ".cache"


def free_megabytes(folder: Path) -> float:
    """Return the free disk space at ``folder``, in MB.

    Args:
        folder: A folder; where it does not exist yet, its nearest existing
            parent is asked.
    """
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free / 1e6
