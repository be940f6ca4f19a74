"""Run a program in a container of podman's or docker's, for who chooses that.

The container's image is empty: the system, Python and the course are those of
this machine, read-only, as bubblewrap shows them. So no image is fetched, and
the container service has to run on this machine.
"""

import contextlib
import hashlib
import io
import os
import subprocess
import tarfile
import uuid
from pathlib import Path

from course_utils.classroom import sandbox_contents
from course_utils.classroom.sandbox_contents import WORK, Limits
from course_utils.machine.errors import CourseError

PROGRAMS = ("podman", "docker")
_IMAGE = "course-sandbox"
_PATIENCE = 60  # seconds, for what takes the service a moment


class Container:
    """One container, from its command to its end.

    Attributes:
        command: The command up to the program that is to run.
    """

    def __init__(
        self,
        program: str,
        limits: Limits,
        readable: tuple[Path, ...] = (),
        environment: dict[str, str] | None = None,
    ):
        """Write the command; nothing runs yet.

        Args:
            program: One of `PROGRAMS`.
            limits: What the container may use.
            readable: Folders that it may read, besides Python and the course.
            environment: All of its variables.

        Raises:
            CourseError: If the service cannot take the empty image.
        """
        self._program, self._pid = program, 0
        self._name = f"course-{uuid.uuid4().hex}"
        words = [program, "run", "--rm", "--interactive", "--pull", "never"]
        words += ["--name", self._name, "--hostname", "class"]
        # What it writes goes to us alone, and not into a log on the disk.
        words += ["--log-driver", "none", "--network", "none", "--read-only"]
        words += ["--cap-drop", "ALL", "--workdir", WORK]
        for option in ("no-new-privileges", "label=disable"):
            words += ["--security-opt", option]
        words += _user(program)
        words += ["--memory", str(limits.memory)]
        words += ["--memory-swap", str(limits.memory)]
        words += ["--pids-limit", str(limits.processes)]
        bounds = {
            "core": 0,
            "cpu": int(limits.seconds) * 64,
            "fsize": limits.disk,
            "nofile": 4096,
        }
        # Of who calls, this would count all processes of the machine.
        if sandbox_contents.is_root():
            bounds["nproc"] = limits.processes
        for name, most in bounds.items():
            words += ["--ulimit", f"{name}={most}:{most}"]
        empty = ""
        if program == "podman":
            # By itself it fills folders with what lies underneath, and adds
            # some to write into.
            empty = ",notmpcopyup"
            words.append("--read-only-tmpfs=false")
        words += ["--shm-size", str(limits.disk), "--tmpfs"]
        words += [f"{WORK}:rw,exec,size={limits.disk},mode=1777{empty}"]
        for place in _shown(readable):
            both = f"source={place},target={place}"
            words += ["--mount", f"type=bind,{both},readonly"]
        for place in sandbox_contents.hidden():
            words += ["--tmpfs", f"{place}:ro,size=4k,mode=000{empty}"]
        for name, value in (environment or {}).items():
            words += ["--env", f"{name}={value}"]
        self.command = [*words, _image(program)]

    def pid(self) -> int:
        """Return the number of its first process here; 0 if there is none."""
        if not self._pid:
            answer = _ask(
                self._program, "inspect", "--format={{.State.Pid}}", self._name
            )
            with contextlib.suppress(ValueError):
                self._pid = int(answer.stdout)
        return self._pid

    def end(self) -> None:
        """Kill and remove it, if it is still there."""
        for words in (["kill", self._name], ["rm", "--force", self._name]):
            _ask(self._program, *words)


def _ask(program, *words, content=None):
    """Ask the service something; its answer, whatever it is."""
    return subprocess.run(
        [program, *words],
        input=content,
        capture_output=True,
        timeout=_PATIENCE,
    )


def _user(program):
    """Return the options by which it runs as nobody, or as who calls."""
    if sandbox_contents.is_root():
        own = sandbox_contents.new_id()
        return ["--user", f"{own}:{own}"]
    words = ["--user", f"{os.getuid()}:{os.getgid()}"]
    return [*words, "--userns", "keep-id"] if program == "podman" else words


def _shown(readable):
    """Return the files and folders of this machine that it sees."""
    for path in map(Path, sandbox_contents.SYSTEM):
        if path.is_dir() and not path.is_symlink():
            yield path
    for path in map(Path, sandbox_contents.SETTINGS):
        if path.exists():
            yield path
    for path in sandbox_contents.needed(readable):
        if not path.is_relative_to("/usr"):
            yield path


def _image(program):
    """Return the name of the empty image; make it where there is none."""
    content = _empty_system()
    name = f"{_IMAGE}:{hashlib.sha256(content).hexdigest()[:12]}"
    if _ask(program, "image", "inspect", name).returncode:
        answer = _ask(program, "import", "-", name, content=content)
        if answer.returncode:
            told = answer.stderr.decode(errors="replace").strip()
            raise CourseError(
                f"{program} does not take the empty image that submissions "
                f"run in ({told.splitlines()[-1] if told else 'no reason'})."
            )
    return name


def _empty_system():
    """Return a tar file of the folders on which everything is mounted."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name in ("/etc", "/proc", "/dev", WORK, *sandbox_contents.SYSTEM):
            path = Path(name)
            entry = tarfile.TarInfo(name[1:])
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            if name == WORK:
                entry.mode = 0o1777
            elif path.is_symlink():
                entry.type = tarfile.SYMTYPE
                entry.linkname = os.readlink(path)
            elif not path.is_dir():
                continue
            tar.addfile(entry)
    return file.getvalue()
