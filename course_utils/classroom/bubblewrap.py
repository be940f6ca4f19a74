"""Write the command that gives a program a small world of its own.

Bubblewrap builds a root from a list: what is not on it is not there. As root,
the id is given up inside, since root's own could reach the whole machine.
"""

import os
from pathlib import Path

from course_utils.classroom import sandbox_contents
from course_utils.classroom.sandbox_contents import WORK, Limits


def command(
    limits: Limits, refused: int, readable: tuple[Path, ...] = ()
) -> list[str]:
    """Return the command up to the program that is to run.

    Args:
        limits: What the program may use.
        refused: An open file with the filter of `system_calls`.
        readable: Folders that it may read, besides Python and the course.
    """
    root = sandbox_contents.is_root()
    words = ["bwrap", "--die-with-parent", "--new-session"]
    words += ["--seccomp", str(refused)]
    words += "--unshare-pid --unshare-net --unshare-ipc".split()
    words += "--unshare-uts --unshare-cgroup-try --hostname class".split()
    words += ["--cap-drop", "ALL"]
    if root:
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            words += ["--cap-add", f"CAP_{capability}"]
    else:
        words += ["--unshare-user", "--disable-userns"]
    for place in sandbox_contents.SYSTEM:
        path = Path(place)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), place]
        elif path.is_dir():
            words += ["--ro-bind", place, place]
    words += ["--perms", "755", "--dir", "/etc"]
    for place in sandbox_contents.SETTINGS:
        words += ["--ro-bind-try", place, place]
    # A writable /proc/sys would reach the whole machine where root runs this.
    words += ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    words += ["--dev", "/dev"]
    for place in sandbox_contents.IN_MEMORY:
        words += ["--size", str(limits.disk), "--perms", "1777"]
        words += ["--tmpfs", place]
    # Beside those two, nothing in it holds files.
    words += ["--remount-ro", "/dev"]
    made = {Path("/"), Path("/etc"), Path("/proc"), Path("/dev"), Path(WORK)}
    for path in sandbox_contents.needed(readable):
        if path.is_relative_to("/usr"):
            continue
        for parent in reversed(path.parents):
            if parent not in made:
                made.add(parent)
                words += ["--perms", "755", "--dir", str(parent)]
        words += ["--ro-bind", str(path), str(path)]
        made.add(path)
    for path in sandbox_contents.hidden():
        words += ["--perms", "000", "--tmpfs", str(path)]
        words += ["--remount-ro", str(path)]
    words += ["--remount-ro", "/", "--chdir", WORK, "--"]
    bounds = f"--fsize={limits.disk} --core=0 --cpu={int(limits.seconds) * 64}"
    bounds += f" --nofile=1024 --as={4 * limits.memory}"
    if root:
        # The count of processes binds nobody but the new owner.
        own = sandbox_contents.new_id()
        words += f"setpriv --reuid={own} --regid={own} --clear-groups".split()
        words += "--no-new-privs --bounding-set=-all --inh-caps=-all".split()
    return [
        *words,
        "prlimit",
        *bounds.split(),
        f"--nproc={limits.processes}",
    ]
