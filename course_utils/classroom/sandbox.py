"""Run a program apart: no network, no keys, bounds on all that it uses.

Bubblewrap, podman or docker builds a root of its own from a list of what is
needed to run a notebook; what is not on the list is not there: no home folder,
no other submission, no key. The program gets bytes, and gives bytes.
"""

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from course_utils.classroom import (
    bubblewrap,
    containers,
    sandbox_contents,
    system_calls,
)
from course_utils.classroom.sandbox_contents import Limits
from course_utils.machine import arguments
from course_utils.machine.errors import CourseError

KINDS = ("bubblewrap", *containers.PROGRAMS)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came out of a run.

    Attributes:
        output: The bytes that it sent.
        killed: Why it was killed; empty if it ended by itself.
        code: Its exit code.
        seconds: How long it ran.
    """

    output: bytes
    killed: str
    code: int
    seconds: float


def choose(name: str = "auto", trust_submissions: bool = False) -> str:
    """Return the kind of sandbox to use: one of `KINDS`, or ``"none"``.

    Args:
        name: ``"auto"``, which is bubblewrap, or the kind that is wanted.
        trust_submissions: Run in a plain process; then ``name`` counts
            nothing.

    Raises:
        CourseError: If there is no such sandbox here.
    """
    if trust_submissions:
        return "none"
    kind = arguments.choice("sandbox", name, ("auto", *KINDS))
    kind = "bubblewrap" if kind == "auto" else kind
    if problem := problem_of(kind):
        package = "docker.io" if kind == "docker" else kind
        others = " or ".join(k for k in KINDS if k != kind)
        raise CourseError(
            f"Submissions are not run without a sandbox, and {problem}: on "
            f"Linux, install it (`apt-get install {package}`) or choose "
            f"another with `--sandbox` ({others}); or, if you would run each "
            "of these notebooks by hand without a look, pass "
            "`--trust-submissions`."
        )
    return kind


def problem_of(kind: str) -> str:
    """Say why a kind of sandbox cannot be used here; empty if it can."""
    needed = [kind]
    if kind == "bubblewrap":
        needed = ["bwrap", "prlimit"]
        needed += ["setpriv"] if sandbox_contents.is_root() else []
    for program in needed:
        if not shutil.which(program):
            return f"the program {program} was not found"
    environment, passed = dict(os.environ), ()
    try:
        with contextlib.ExitStack() as stack:
            if kind == "bubblewrap":
                passed = (stack.enter_context(_filter()),)
                command = bubblewrap.command(Limits(), *passed)
                environment = {"PATH": os.defpath}
            else:
                command = containers.Container(kind, Limits()).command
            answer = subprocess.run(
                [*command, "true"],
                capture_output=True,
                timeout=60,
                env=environment,
                pass_fds=passed,
            )
    except CourseError as error:
        return str(error).rstrip(".")
    except (OSError, subprocess.TimeoutExpired):
        return f"{kind} does not start here"
    if answer.returncode:
        told = answer.stderr.decode(errors="replace").strip().splitlines()
        return f"{kind} does not work here ({(told or ['no reason'])[-1]})"
    return ""


def run(
    kind: str,
    arguments: list[str],
    content: bytes,
    limits: Limits,
    readable: tuple[Path, ...] = (),
    threads: int = 1,
) -> Outcome:
    """Run Python apart, and return what it sent.

    Args:
        kind: As from `choose`.
        arguments: Of Python, for example ``["-m", "a_module"]``.
        content: What it reads from its standard input.
        limits: What it may use.
        readable: More folders that it may read.
        threads: How many TensorFlow should use.
    """
    python = [sys.executable, "-s", "-B", *arguments]
    container, passed = None, ()
    with contextlib.ExitStack() as stack:
        folder = sandbox_contents.WORK
        if kind == "none":
            folder = stack.enter_context(tempfile.TemporaryDirectory())
        # Bubblewrap's own environment can be read inside, in /proc/1.
        environment = _environment(folder, threads)
        if kind == "none":
            command = python
        elif kind == "bubblewrap":
            passed = (stack.enter_context(_filter()),)
            command = [*bubblewrap.command(limits, *passed, readable), *python]
        else:
            container = containers.Container(
                kind, limits, readable, environment
            )
            command = [*container.command, *python]
            environment = dict(os.environ)
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=folder if kind == "none" else "/",
            start_new_session=True,
            pass_fds=passed,
        )
        return _attend(process, content, limits, container)


@contextlib.contextmanager
def _filter():
    """Open the filter of system calls, to be read once; give its number."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as file:
            file.write(system_calls.refusing())
        yield reader
    finally:
        os.close(reader)


def _attend(process, content, limits, container):
    """Feed a process, listen to it, and kill it where it passes a limit."""
    parts, size, problem = [], 0, ""

    def feed():
        with contextlib.suppress(OSError):
            process.stdin.write(content)
            process.stdin.close()

    def listen():
        nonlocal size
        # After the limit no more is read, and the writer has to wait.
        while size <= limits.output:
            part = os.read(process.stdout.fileno(), 2**20)
            if not part:
                return
            parts.append(part)
            size += len(part)

    workers = [threading.Thread(target=w, daemon=True) for w in (feed, listen)]
    for worker in workers:
        worker.start()
    start = time.monotonic()
    longest = sandbox_contents.PATIENCE * limits.seconds
    try:
        while process.poll() is None and not problem:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.25)
            # A container's processes are not below the command that asked for
            # them.
            pid = container.pid() if container else process.pid
            memory, seconds = _used_by(pid)
            if seconds > limits.seconds:
                problem = (
                    f"it computed for more than {limits.seconds:g} seconds"
                )
            elif time.monotonic() - start > longest:
                problem = f"it did not end in {longest:g} seconds"
            elif size > limits.output:
                problem = "it sent more than any answer is long"
            elif memory > limits.memory:
                problem = (
                    f"it took more than {limits.memory / 2**30:.1f} GB of "
                    "memory"
                )
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if container and process.wait() < 0:
            container.end()
        process.wait()
        workers[1].join(5)
        process.stdout.close()
    output = b"".join(parts)[: limits.output]
    seconds = time.monotonic() - start
    return Outcome(output, problem, process.returncode, seconds)


def _used_by(pid):
    """Return the bytes and processor seconds of a process and all below it.

    The files count that lie in memory of their own.
    """
    memory, seconds, folders = 0, 0.0, {}
    with contextlib.suppress(psutil.Error):
        family = [psutil.Process(pid)]
        family += family[0].children(recursive=True)
        for member in family:
            with contextlib.suppress(psutil.Error):
                memory += member.memory_info().rss
                # Children that have ended are counted by who waited for them.
                seconds += sum(member.cpu_times()[:4])
            folders |= _in_memory(member.pid)
    return memory + sum(folders.values()), seconds


def _in_memory(pid):
    """Return the bytes in each folder in memory that is a process's own."""
    found = {}
    for folder in sandbox_contents.IN_MEMORY:
        with contextlib.suppress(OSError):
            path = f"/proc/{pid}/root{folder}"
            device, held = os.stat(path).st_dev, os.statvfs(path)
            if device != os.stat(folder).st_dev:
                blocks = held.f_blocks - held.f_bfree
                found[device] = blocks * held.f_frsize
    return found


def _environment(folder, threads):
    """Return the whole environment of a submission."""
    course = Path(__file__).resolve().parents[2]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(course),
        "MPLBACKEND": "Agg",
        "COURSE_WORK": f"{folder}/work",
        "COURSE_CACHE": f"{folder}/cache",
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    if real := os.environ.get("COURSE_REAL"):
        environment["COURSE_REAL"] = real
    return environment
