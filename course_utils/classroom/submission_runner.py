"""Run a submission's cells, and send what it answers. Inside the sandbox.

    python -m course_utils.classroom.submission_runner < JOB > FRAMES

The job comes as one frame: the cells, the checks to call where a submission
has lost them, the inputs that the judge asks about. Cells share one process,
so TensorFlow starts once; a cell that fails costs what it holds. Frames leave
on what was standard output; what the submission prints goes nowhere.
"""

import contextlib
import importlib
import os
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from course_utils.classroom import (
    submission_frames,
    submitted_answers,
    submitted_values,
)
from course_utils.classroom.sandbox_contents import PATIENCE
from course_utils.classroom.submission_recorder import Recorder, install

LONGEST_MESSAGE = 180
LONGEST_LINE = 80


def main() -> None:
    """Read a job, run it, send frames."""
    job, arrays = next(submission_frames.unpack(sys.stdin.buffer.read()))
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    _silence()
    if job.get("keep_cache"):  # our own lesson fills it
        os.environ["COURSE_CACHE"] = job["cache"]
    else:
        _warm_cache(job.get("cache"))

    def emit(head, arrays=None):
        content = memoryview(submission_frames.pack(head, arrays))
        while content:
            content = content[out.write(content) :]

    recorder = Recorder(arrays, job.get("wanted"), job.get("lesson"))
    install(recorder)
    shell = _start_shell()
    skipped, answered = set(job.get("skip", ())), {}
    for number, source in enumerate(job["cells"]):
        if number in skipped:
            continue
        emit({"kind": "begin", "cell": number})
        recorder.cell = number
        ran = run_cell(shell, recorder, emit, source, job["cell_seconds"])
        if ran:
            answered[submitted_answers.name_in(source)] = number
    # An answer whose check was deleted, or stands above it, is still an answer.
    for name, source in job.get("checks", {}).items():
        last = recorder.checked.get(name, -1)
        if last < 0 or answered.get(name, -1) > last:
            run_cell(shell, recorder, emit, source, job["cell_seconds"])
    if module := job.get("prepare"):
        _prepare(module, shell.user_ns, job, emit)
    emit({"kind": "done"})
    # Threads and handlers that a submission has left would hold it up.
    os._exit(0)


def run_cell(shell, recorder, emit, source: str, seconds: float) -> bool:
    """Run one cell, then send what it answered and how it failed.

    Args:
        shell: The IPython shell.
        recorder: Where answers are written down.
        emit: Sends a frame.
        source: The cell's text.
        seconds: Of the processor; after so many it is interrupted.

    Returns:
        Whether it ran to its end.
    """
    start = time.monotonic()
    problem = ""
    try:
        with _alarm(seconds):
            result = shell.run_cell(source)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            told = error.msg if isinstance(error, SyntaxError) else error
            problem = f"{type(error).__name__}: {told}"[:LONGEST_MESSAGE]
            problem += _place(error)
    except BaseException as error:  # Nothing that a cell does ends the run.
        problem = f"{type(error).__name__}"
    name = submitted_answers.name_in(source)
    before = recorder.seconds.get(name, 0.0)
    recorder.seconds[name] = before + time.monotonic() - start
    recorder.send(emit)
    if problem:
        emit({"kind": "stopped", "id": name, "message": problem})
    return not problem


def _place(error):
    """Return which line of the cell an error comes from, if that is known."""
    number, line = getattr(error, "lineno", None), getattr(error, "text", "")
    if not isinstance(error, SyntaxError):
        for frame in traceback.extract_tb(error.__traceback__):
            # The first one: what it calls may stand anywhere.
            if frame.filename.startswith("<ipython-input-"):
                number, line = frame.lineno, frame.line
                break
    if not number:
        return ""
    return f" (line {number}: `{(line or '').strip()[:LONGEST_LINE]}`)"


def _prepare(module, names, job, emit):
    """Make what a lesson's judges ask for, after our own solved lesson."""
    judges = importlib.import_module(module)
    writer = submitted_values.Writer()
    random = np.random.default_rng(list(job["secret"].encode()))
    made = writer.write(judges.prepare(names, random, job["pictures"]))
    emit({"kind": "prepared", "given": [made]}, writer.arrays)


@contextlib.contextmanager
def _alarm(seconds):
    def ring(*_):
        raise TimeoutError(f"it took longer than {seconds:g} seconds")

    timers = {
        signal.ITIMER_PROF: (signal.SIGPROF, seconds),
        signal.ITIMER_REAL: (signal.SIGALRM, PATIENCE * seconds),
    }
    for timer, (number, after) in timers.items():
        signal.signal(number, ring)
        signal.setitimer(timer, after)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)


def _silence():
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)


def _warm_cache(folder):
    """Copy what the teacher's run has left: the course notes each use."""
    target = os.environ.get("COURSE_CACHE")
    if folder and target and Path(folder).is_dir():
        shutil.copytree(folder, target, dirs_exist_ok=True)


def _start_shell():
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """Show no windows: `%matplotlib` asks for them first."""

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "NoColor"
    shell = Shell.instance(config=settings)
    shell.display_formatter.active_types = ["text/plain"]
    return shell


if __name__ == "__main__":
    main()
