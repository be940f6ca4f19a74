"""Is this machine fit for the course? One line a finding, in seconds."""

import dataclasses
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from course_utils.machine import data_files, errors, paths, real_files
from course_utils.machine.errors import CourseError
from course_utils.machine.pip_command import pip_install, this_python

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
_MEMORY_GB = 4
_FREE_MB = 500

# Asked in a process of its own: where TensorFlow does not fit the processor,
# importing it ends the process with no exception to catch.
_ASK_TENSORFLOW = """
import json, keras, tensorflow
print(json.dumps({
    "TensorFlow": tensorflow.__version__,
    "Keras": keras.__version__,
    "gpus": len(tensorflow.config.list_physical_devices("GPU")),
}))
"""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        subject: What was looked at.
        state: ``"ok"``, ``"note"`` (the course runs, but read this) or
            ``"wrong"`` (the course cannot run).
        text: What was found, and what to do if it is not well.
    """

    subject: str
    state: str
    text: str


def examine() -> Iterator[Finding]:
    """Look at everything the course needs, one finding at a time.

    Yields:
        Findings in a fixed order, each as soon as it is known. A look that
        fails in an unforeseen way is a finding too.
    """
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("Python", _python),
        ("TensorFlow", _tensorflow),
        ("Machine", _machine),
        ("Widgets", _widgets),
        ("Kernel", _kernel),
        ("Work folder", _work_folder),
        ("Data", _data),
        ("Real files", _real),
    ]
    for subject, look in looks:
        try:
            yield from look()
        except CourseError as error:
            yield Finding(subject, "wrong", str(error))
        except Exception as error:
            yield Finding(
                subject,
                "wrong",
                f"could not be looked at ({type(error).__name__}: {error}); "
                "please report this line.",
            )


def _python() -> Iterator[Finding]:
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        text, state = f"{platform.python_version()} at {sys.executable}", "ok"
    else:
        state = "wrong"
        text = (
            f"{platform.python_version()}, and the course needs "
            f"{_dotted(OLDEST_PYTHON)} to {_dotted(NEWEST_PYTHON)}: install "
            "one of those, "
            f"{_renew()}"
        )
    yield Finding("Python", state, text)


def _renew() -> str:
    if paths.is_clone():
        return "delete .venv, and run `make lab`."
    return "make a new environment, and install the course's wheel there."


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _tensorflow() -> Iterator[Finding]:
    # Importing the package has set this, unless the user had chosen.
    backend = os.environ["KERAS_BACKEND"]
    if backend != "tensorflow":
        yield Finding(
            "Keras",
            "wrong",
            f"is set to run on {backend}, and the course needs TensorFlow: "
            "unset the environment variable KERAS_BACKEND.",
        )
        return
    answer = subprocess.run(
        [sys.executable, "-c", _ASK_TENSORFLOW],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or ["no message"])[-1]
        if answer.returncode < 0:
            last = (
                f"it ended with signal {-answer.returncode}; a processor "
                "without AVX cannot run it"
            )
        yield Finding(
            "TensorFlow",
            "wrong",
            f"cannot be imported ({last}): {_renew()}",
        )
        return
    found = json.loads(answer.stdout.strip().splitlines()[-1])
    yield Finding("TensorFlow", "ok", found["TensorFlow"])
    yield Finding("Keras", "ok", found["Keras"])
    gpus = found["gpus"]
    text = f"{gpus} found" if gpus else "none, and none is needed"
    yield Finding("GPU", "ok", text)


def _machine() -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    enough = cores > 1
    text = f"{cores}" if enough else "1: lessons take about twice as long."
    yield Finding("Cores", "ok" if enough else "note", text)
    memory = psutil.virtual_memory()
    total, free = memory.total / 1e9, memory.available / 1e9
    text = f"{total:.0f} GB, {free:.0f} GB free"
    if total < _MEMORY_GB or free < _MEMORY_GB / 4:
        yield Finding(
            "Memory",
            "note",
            f"{text}: a lesson takes about 1 GB; close other programs.",
        )
    else:
        yield Finding("Memory", "ok", text)


def _widgets() -> Iterator[Finding]:
    extensions = Path(sys.prefix) / "share/jupyter/labextensions"
    missing = [
        package
        for package, folder in (
            ("jupyterlab_widgets", "@jupyter-widgets/jupyterlab-manager"),
            ("anywidget", "anywidget"),
        )
        if not (extensions / folder).is_dir()
    ]
    if not missing:
        names = ("ipywidgets", "anywidget")
        versions = [f"{n} {importlib.metadata.version(n)}" for n in names]
        yield Finding("Widgets", "ok", ", ".join(versions))
    else:
        yield Finding(
            "Widgets",
            "note",
            "JupyterLab lacks a part in this environment, so quizzes and "
            f"progress may show as text: `{pip_install(' '.join(missing))}`.",
        )


def _kernel() -> Iterator[Finding]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    remedy = f"run `{this_python()} -m ipykernel install --sys-prefix`."
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        yield Finding("Kernel", "wrong", f"no kernel 'python3': {remedy}")
        return
    program = spec.argv[0]
    # Jupyter replaces a bare "python" by the Python that runs it.
    if program in ("python", "python3") or _same(program, sys.executable):
        yield Finding("Kernel", "ok", f"{spec.display_name}, this Python")
    else:
        yield Finding(
            "Kernel",
            "wrong",
            f"notebooks would run on {program}, not on this Python: {remedy}",
        )


def _same(program: str, other: str) -> bool:
    """Say whether both are of one environment, as python and python3 are."""

    def folder(path):
        return os.path.normcase(os.path.realpath(os.path.dirname(path)))

    return folder(program) == folder(other)


def _work_folder() -> Iterator[Finding]:
    work = paths.work_dir()
    if not (yield from _writable("Work folder", work, "COURSE_WORK")):
        return
    if cache := paths.named_dir("COURSE_CACHE"):
        yield from _writable("Cache", cache, "COURSE_CACHE")
    free = paths.free_megabytes(work)
    if free < _FREE_MB:
        yield Finding(
            "Disk",
            "note",
            f"{free:.0f} MB free, a lesson may need {_FREE_MB}: free some.",
        )
    else:
        yield Finding("Disk", "ok", f"{free / 1000:.0f} GB free")


def _writable(subject: str, folder: Path, variable: str):
    """Yield what was found, and return whether the folder can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        remedy = f"set {variable} to a folder that can be written."
        told = f"{folder}: {errors.os_reason(error)}; {remedy}"
        yield Finding(subject, "wrong", told)
        return False
    yield Finding(subject, "ok", f"{folder} can be written")
    return True


def _data() -> Iterator[Finding]:
    for kind, subject in (("datasets", "Data"), ("backbones", "Weights")):
        whole = []
        for name in data_files.names(kind):
            try:
                for part in data_files.tables_of_files(
                    data_files.card(kind, name)
                ):
                    data_files.verified_file(kind, name, part)
                whole.append(name)
            except CourseError as error:
                yield Finding(subject, "wrong", str(error))
        if whole:
            text = f"{', '.join(whole)}: checksums right"
            yield Finding(subject, "ok", text)


def _real() -> Iterator[Finding]:
    for name in data_files.names("real"):
        try:
            real_files.verified_path(name)
            yield Finding("Real files", "ok", f"{name}: checksum right")
        except CourseError as error:
            yield Finding("Real files", "note", str(error))
