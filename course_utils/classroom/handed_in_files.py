"""Read what was handed in: a folder or an archive, and archives in it.

Nothing is unpacked onto the disk: the content of a file is bytes in memory,
and its path in an archive is a text that is only read. So a path cannot lead
outside, a link cannot be followed, and an archive cannot fill the disk.
"""

import dataclasses
import datetime
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from course_utils.machine.errors import CourseError

LARGEST_NOTEBOOK = 50_000_000  # bytes
LARGEST_ARCHIVE = 1_000_000_000  # bytes, unpacked
MOST_FILES = 20_000  # in one archive
DEEPEST = 3  # archives in archives
# What systems and front ends leave behind, and nobody hands in.
_LEFT_BEHIND = {"__MACOSX", ".ipynb_checkpoints", ".git", "__pycache__"}
_LEFT_BEHIND |= {".DS_Store", "Thumbs.db", "desktop.ini"}


@dataclasses.dataclass(frozen=True)
class HandedIn:
    """One file that was handed in.

    Attributes:
        path: Where it lay, below the folder; an archive counts as a folder.
        content: What it holds; `None` if it was refused.
        stamp: When it was changed last, in seconds since 1970.
        remark: Why it was refused, in one sentence.
    """

    path: PurePosixPath
    content: bytes | None
    stamp: float
    remark: str = ""


def read_all(source: str | Path) -> Iterator[HandedIn]:
    """Go through all files in a folder or an archive, sorted by their paths.

    Args:
        source: The folder, a zip archive or a single notebook.

    Raises:
        CourseError: If there is no such file or folder, or it is an archive
            that cannot be read.
    """
    source = Path(source)
    if source.is_file() and source.suffix.lower() == ".zip":
        for one in _unzip(source, PurePosixPath(), DEEPEST, [LARGEST_ARCHIVE]):
            if not one.path.parts:
                raise CourseError(
                    f"{source} cannot be collected. {one.remark} Download it "
                    "again, or unpack it and name the folder."
                )
            yield one
        return
    if source.is_file():
        yield from _read(source, PurePosixPath(_readable(source.name)))
        return
    if not source.is_dir():
        raise CourseError(
            f"{source} does not exist: name the folder or the zip file that "
            "holds what was handed in."
        )
    for folder, inner, names in os.walk(source):
        inner[:] = sorted(set(inner) - _LEFT_BEHIND)
        for name in sorted(set(inner + names) - _LEFT_BEHIND):
            path = Path(folder, name)
            if name in names or path.is_symlink():
                inside = _readable(path.relative_to(source).as_posix())
                yield from _read(path, PurePosixPath(inside))


def _readable(name):
    """Return a name as text, also one that an older system has written."""
    content = os.fsencode(name)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _read(path, inside):
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            remark = "This is a link to somewhere else, which is not followed."
        elif not stat.S_ISREG(status.st_mode):
            remark = "This is no file that can be read."
        elif path.suffix.lower() == ".zip":
            yield from _unzip(path, inside, DEEPEST, [LARGEST_ARCHIVE])
            return
        elif status.st_size > LARGEST_NOTEBOOK:
            remark = _too_large(status.st_size)
        else:
            content = path.read_bytes()
            yield HandedIn(inside, content, status.st_mtime)
            return
    except OSError as error:
        remark = f"It cannot be read: {(error.strerror or 'error').lower()}."
        status = None
    stamp = status.st_mtime if status else 0.0
    yield HandedIn(inside, None, stamp, remark)


def _too_large(size):
    return (
        f"It is too large ({size / 1e6:,.0f} MB; at most "
        f"{LARGEST_NOTEBOOK / 1e6:.0f} MB): ask for it without its outputs."
    )


def _unzip(file, inside, deepest, left):
    """Go through an archive; `file` is a path, or bytes in a stream.

    `left` holds the bytes that may still be unpacked, archives in it included.
    """
    if not deepest:
        yield _refused(inside, "It is an archive in an archive in an archive.")
        return
    try:
        with zipfile.ZipFile(file) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            if len(members) > MOST_FILES:
                yield _refused(inside, f"It holds {len(members):,} files.")
                return
            for member in sorted(members, key=lambda one: one.filename):
                yield from _member(archive, member, inside, left, deepest)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        yield _refused(inside, "It is damaged, or no zip archive.")


def _member(archive, member, inside, left, deepest):
    name = member.filename.replace("\\", "/")
    parts = PurePosixPath(name).parts
    if set(parts) & _LEFT_BEHIND or not parts:
        return
    path = inside / "/".join(part for part in parts if part not in "/..")
    outside = name.startswith("/") or ".." in parts or ":" in parts[0]
    if outside:
        yield _refused(path, "Its path in the archive leads outside of it.")
        return
    if stat.S_ISLNK(member.external_attr >> 16):
        yield _refused(path, "It is a link, which is not followed.")
        return
    if member.flag_bits & 1:
        yield _refused(path, "It is encrypted: ask for it without a password.")
        return
    # What the archive says of the size may be a lie, so reading is bounded.
    most = min(LARGEST_NOTEBOOK, left[0])
    try:
        with archive.open(member) as stream:
            content = stream.read(most + 1)
    except Exception:  # Whatever a broken archive makes its reader raise.
        yield _refused(path, "It is damaged in its archive.")
        return
    left[0] = max(0, left[0] - len(content))
    if len(content) > most:
        yield _refused(path, _too_large(max(member.file_size, len(content))))
    elif path.suffix.lower() == ".zip":
        yield from _unzip(io.BytesIO(content), path, deepest - 1, left)
    else:
        yield HandedIn(path, content, _stamp(member))


def _stamp(member):
    try:
        return datetime.datetime(*member.date_time).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _refused(path, remark):
    return HandedIn(path, None, 0.0, remark)
