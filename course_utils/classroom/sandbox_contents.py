"""What a sandbox holds, and what it may use, whichever program builds it."""

import dataclasses
import itertools
import os
import sys
from pathlib import Path

from course_utils.machine import paths

# Inside the course's folder, what no submission may read.
HIDDEN = ("data/keys", "data/quizzes", "lessons", "solutions")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
_SETTINGS = "alternatives fonts ld.so.cache ld.so.conf ld.so.conf.d localtime"
SETTINGS = tuple(f"/etc/{name}" for name in _SETTINGS.split())
WORK = "/tmp"
# Folders to write into; their files lie in memory.
IN_MEMORY = (WORK, "/dev/shm")
PATIENCE = 5
# Ids that nobody has. One a run, since the kernel counts processes by owner.
_FIRST_ID, _IDS = 200_000, 1_000_000
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Seconds are the processor's, so that a busy machine costs hardly any marks.
    By the clock, a cell or a run has `PATIENCE` times as long.

    Attributes:
        seconds: From start to end; then it is killed, with all it started.
        cell_seconds: A cell; then it is interrupted, and the next one runs.
        memory: Bytes in all processes together, files in memory included.
        disk: Bytes of files.
        processes: Processes and threads.
        output: Bytes that it may send.
    """

    seconds: float = 1_200.0
    cell_seconds: float = 300.0
    memory: int = 4 * 2**30
    disk: int = 2**30
    processes: int = 400
    output: int = 192 * 2**20


def needed(readable: tuple[Path, ...] = ()) -> list[Path]:
    """Return what a submission has to read, outer folders first."""
    course = paths.course_dir()
    folders = {
        *map(Path, (sys.prefix, sys.base_prefix)),
        *(Path(p) for p in sys.path if p.endswith("-packages")),
        Path(__file__).resolve().parents[1],
        course / "data",
        *readable,
    }
    if real := os.environ.get("COURSE_REAL"):
        folders.add(Path(real).expanduser())
    found = sorted({folder.resolve() for folder in folders if folder.exists()})
    return [
        one
        for one in found
        if not any(
            one != other and one.is_relative_to(other) for other in found
        )
    ]


def hidden() -> list[Path]:
    """Return the folders within those of `needed` that must not be read."""
    whole = needed()
    places = [paths.course_dir() / name for name in HIDDEN]
    return [
        place
        for place in places
        if place.is_dir() and any(place.is_relative_to(one) for one in whole)
    ]


def is_root() -> bool:
    """Return whether this process is the system's administrator."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def new_id() -> int:
    """Return the number of a user that nobody is."""
    return _FIRST_ID + os.getpid() * 64 % _IDS + next(_numbers) % 64
