"""Find other people's files: ImageNet's weights and the photographs.

They come in packages of their own, which the extra ``real`` installs, or lie
in the folder that the environment variable ``COURSE_REAL`` names. Each has a
card in ``data/real/``, and is compared with the card's sum before it is used.
"""

import functools
import hashlib
from importlib import metadata
from pathlib import Path

from course_utils.machine import data_files, paths
from course_utils.machine.errors import CourseError
from course_utils.machine.pip_command import pip_install


def verified_path(name: str) -> Path:
    """Return where a file, or a folder of files, of other people lies.

    Its sum is computed once a process, and again if it changes.

    Args:
        name: Name of a card in ``data/real/``, for example ``"solar_cells"``.

    Returns:
        The file that the card names; of a set of pictures, its table.

    Raises:
        CourseError: If the package is not installed, is of another version,
            lacks a file or has a changed one; if ``COURSE_REAL`` names a
            folder without the file.
    """
    facts = data_files.card("real", name)
    if chosen := paths.named_dir("COURSE_REAL"):
        path, remedy = _in_folder(facts, chosen)
    else:
        path, remedy = _in_package(facts)
    files = [path]
    if "pictures" in facts:
        # Systems leave files and folders of their own beside the pictures.
        files += sorted((path.parent / facts["pictures"]).glob("*.png"))
    try:
        times = tuple(file.stat().st_mtime_ns for file in files)
        found = _sum(path.parent, tuple(files), times)
    except OSError:
        found = ""
    if found != facts["file"]["sha256"]:
        raise CourseError(
            f"{facts['title']}: what lies in {path.parent} is not what the "
            "course knows, a file was changed, is missing or may not be read; "
            f"{remedy}"
        )
    return path


def _in_package(facts):
    package, version = facts["package"], facts["version"]
    install = f"`{pip_install(f'{package}=={version}')}`"
    again = pip_install(f"--force-reinstall {package}=={version}")
    remedy = f"`{again}`."
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError as error:
        raise CourseError(
            f"{facts['title']}: not installed; {install} brings it, or name a "
            "folder that has it in the environment variable COURSE_REAL."
        ) from error
    if found.version != version:
        raise CourseError(
            f"{facts['title']}: version {found.version} of {package} is "
            f"installed, and the course knows {version}; {install}."
        )
    path = Path(found.locate_file(facts["inside"])) / facts["file"]["name"]
    if not _whole(facts, path):
        raise CourseError(
            f"{facts['title']}: half an installation, {path} or what belongs "
            f"to it is missing; {remedy}"
        )
    return path, remedy


def _in_folder(facts, folder):
    remedy = f"copy it anew from {facts['home']}."
    for path in sorted(folder.rglob(facts["file"]["name"])):
        if _whole(facts, path):
            return path, remedy
    raise CourseError(
        f"{facts['title']}: not in {folder}, which COURSE_REAL names; {remedy}"
    )


def _whole(facts, path):
    pictures = path.parent / facts.get("pictures", ".")
    return path.is_file() and pictures.is_dir()


@functools.lru_cache(maxsize=8)
def _sum(folder, files, _times):
    """Return the sum of a file, or that over names and sums of several."""
    digests = [hashlib.sha256(file.read_bytes()) for file in files]
    if len(files) == 1:
        return digests[0].hexdigest()
    together = hashlib.sha256()
    for file, digest in zip(files, digests, strict=True):
        name = file.relative_to(folder).as_posix()
        together.update(name.encode() + b"\0" + digest.digest())
    return together.hexdigest()
