"""Write the command that gives a program a small world of its own.

Bubblewrap builds a root from a list: what is not on it is not there. As root,
the id is given up inside, since root's own could reach the whole machine.
"""

import dataclasses
import itertools
import os
import sys
from pathlib import Path

from course_utils.machine import paths

# Inside the course's folder, what no submission may read.
HIDDEN = ("data/keys", "data/quizzes", "lessons", "solutions")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32")
_SETTINGS = "alternatives fonts ld.so.cache ld.so.conf ld.so.conf.d localtime"
WORK = "/tmp"
PATIENCE = 5
# Ids that nobody has. One a run, since the kernel counts processes by owner.
_FIRST_ID, _IDS = 200_000, 1_000_000
_numbers = itertools.count()


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Seconds are the processor's, so that a busy machine costs nobody marks. By
    the clock, what sleeps has `PATIENCE` times as long.

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


def command(limits: Limits, readable: tuple[Path, ...] = ()) -> list[str]:
    """Return the command up to the program that is to run.

    Args:
        limits: What the program may use.
        readable: Folders that it may read, besides Python and the course.
    """
    root = is_root()
    words = ["bwrap", "--die-with-parent", "--new-session"]
    words += "--unshare-pid --unshare-net --unshare-ipc".split()
    words += "--unshare-uts --unshare-cgroup-try --hostname class".split()
    words += ["--cap-drop", "ALL"]
    if root:
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            words += ["--cap-add", f"CAP_{capability}"]
    else:
        words += ["--unshare-user", "--disable-userns"]
    for place in _SYSTEM:
        path = Path(place)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), place]
        elif path.is_dir():
            words += ["--ro-bind", place, place]
    words += ["--perms", "755", "--dir", "/etc"]
    for name in _SETTINGS.split():
        words += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    # A writable /proc/sys would reach the whole machine where root runs this.
    words += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    words += ["--dev", "/dev"]
    for place in (WORK, "/dev/shm"):
        words += ["--size", str(limits.disk), "--perms", "1777"]
        words += ["--tmpfs", place]
    made = {Path("/"), Path("/etc"), Path("/proc"), Path("/dev"), Path(WORK)}
    for path in _needed(readable):
        if path.is_relative_to("/usr"):
            continue
        for parent in reversed(path.parents):
            if parent not in made:
                made.add(parent)
                words += ["--perms", "755", "--dir", str(parent)]
        words += ["--ro-bind", str(path), str(path)]
        made.add(path)
    for path in _hidden():
        words += ["--perms", "000", "--tmpfs", str(path)]
        words += ["--remount-ro", str(path)]
    words += ["--remount-ro", "/", "--chdir", WORK, "--"]
    bounds = f"--fsize={limits.disk} --core=0 --cpu={int(limits.seconds) * 64}"
    bounds += f" --nofile=4096 --as={4 * limits.memory}"
    if root:
        # The count of processes binds nobody but the new owner.
        own = _FIRST_ID + os.getpid() * 64 % _IDS + next(_numbers) % 64
        words += f"setpriv --reuid={own} --regid={own} --clear-groups".split()
        words += "--no-new-privs --bounding-set=-all --inh-caps=-all".split()
    return [
        *words,
        "prlimit",
        *bounds.split(),
        f"--nproc={limits.processes}",
    ]


def _needed(readable):
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


def _hidden():
    """Return which of the folders that `_needed` has must not be read."""
    needed = _needed(())
    for name in HIDDEN:
        path = paths.course_dir() / name
        if path.is_dir() and any(path.is_relative_to(one) for one in needed):
            yield path


def is_root() -> bool:
    """Return whether this process is the system's administrator."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
