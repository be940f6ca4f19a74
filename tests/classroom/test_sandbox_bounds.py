"""What a sandbox counts, and what it refuses, as root and as a plain user."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_utils.classroom import sandbox, sandbox_contents, system_calls
from course_utils.machine.errors import CourseError
from tests.classroom.test_grading_apart import needs_sandbox
from tests.conftest import TOP

LIMITS = sandbox.Limits(seconds=20, memory=2**28, disk=2**27)
# What does not depend on who judges, and hurts where nothing bounds it.
FOR_PLAIN_USERS = [
    "a fork bomb",
    "all of the memory",
    "memory that no process has",
    "a folder in memory, in a world of its own",
    "`/proc` and the parent's environment are read",
    "keys, quizzes, solutions are read",
    "another student's work is read",
    "a file is written outside",
    "a packet is sent",
    "root is asked for",
]
_TRIED = """\
import json, os, sys
from benchmarks import classroom_cheats
found = {n: classroom_cheats.try_cheat(n) for n in json.loads(sys.argv[1])}
print(json.dumps([os.getuid(), found]))
"""


def told(code, limits=LIMITS):
    found = sandbox.run("bubblewrap", ["-c", code], b"", limits)
    return found.output.decode(), found.killed


@needs_sandbox
def test_files_in_memory_are_memory():
    write = "import time\nfor place in {}:\n"
    write += "    open(place + '/x', 'wb').write(bytes(2**27 - 2**14))\n"
    write += "time.sleep({})\nprint('done')"
    one = told(write.format(["/tmp"], 1))
    assert one == ("done\n", "")
    output, killed = told(write.format(["/tmp", "/dev/shm"], 60))
    assert not output and "0.2 GB of memory" in killed


@needs_sandbox
@pytest.mark.parametrize(
    "call",
    [
        "os.memfd_create('x')",
        "libc('shmget', 0, 4096, 0o1600)",
        "libc('msgget', 0, 0o1600)",
        "libc('unshare', 0x10000000)",
        "libc('unshare', 0x20000)",
        # clone, by its number, with users of its own; then in the second way.
        "libc('syscall', {}, 0x10000000 | 17, 0, 0, 0, 0)".format(
            220 if os.uname().machine == "aarch64" else 56
        ),
        "libc('syscall', 0x40000000 | 319, b'x', 0)",
    ],
)
def test_calls_that_escape_the_count_are_refused(call):
    lines = [
        "import ctypes, os",
        "def libc(name, *given):",
        "    from ctypes import CDLL, get_errno",
        "    if getattr(CDLL(None, use_errno=True), name)(*given) < 0:",
        "        raise OSError(ctypes.get_errno(), name)",
        "try:",
        f"    {call}",
        "    print('done')",
        "except OSError as error:",
        "    print(error.errno)",
    ]
    assert told("\n".join(lines)) == (f"{errno.ENOSYS}\n", "")


@needs_sandbox
def test_threads_processes_and_sockets_are_there():
    code = (
        "import asyncio, multiprocessing, threading\n"
        "def told(word): print(word, flush=True)\n"
        "for kind in threading.Thread, multiprocessing.Process:\n"
        "    one = kind(target=told, args=(kind.__name__,))\n"
        "    one.start(), one.join()\n"
        "asyncio.run(asyncio.sleep(0.01))\nprint('end')"
    )
    assert told(code) == ("Thread\nProcess\nend\n", "")


def test_a_machine_whose_calls_are_not_known_is_told(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(CourseError, match="aarch64, and not for riscv64"):
        system_calls.refusing()


@needs_sandbox
@pytest.mark.skipif(
    not sandbox_contents.is_root(), reason="the other tests run as one"
)
def test_a_plain_users_sandbox_holds_as_well():
    # A user of no name, who may read this Python even where it is root's own.
    command = ["bwrap", "--dev-bind", "/", "/"]
    base = Path(sys.base_prefix).resolve()
    closed = [p for p in base.parents if not p.stat().st_mode & 0o001]
    if closed:
        between = [p for p in base.parents if p.is_relative_to(closed[-1])]
        for place in reversed(between):
            kind = "--tmpfs" if place == closed[-1] else "--dir"
            command += ["--perms", "755", kind, str(place)]
        command += ["--ro-bind", str(base), str(base)]
    command += "--setenv HOME /nowhere -- setpriv --clear-groups".split()
    command += ["--reuid=65534", "--regid=65534", sys.executable, "-c", _TRIED]
    answer = subprocess.run(
        [*command, json.dumps(FOR_PLAIN_USERS)],
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    assert not answer.returncode, answer.stderr[-2000:]
    user, found = json.loads(answer.stdout)
    assert user == 65534
    assert list(found) == FOR_PLAIN_USERS
    for name, one in found.items():
        assert one["earned"] == 1, name
        assert not one["written outside"] and not one["packets"], name
        assert not one["seen"], name
