"""A grading that was killed, in whole or in part, loses nothing."""

import contextlib
import json
import os
import subprocess
import sys
import time

import dask
import distributed
import psutil
import pytest

from course_utils.classroom import (
    class_folder,
    grading,
    reference_solutions,
    submission_frames,
)
from course_utils.classroom.sandbox import Outcome
from course_utils.machine.errors import CourseError
from tests.classroom.test_grading_apart import needs_sandbox
from tests.conftest import TOP

# An answer, and some time in which to kill whoever runs it.
CELLS = [
    "from course_utils import course",
    "# question: q6\n"
    "import time\ntime.sleep(2)\n"
    'course.quiz("02").answer("q6", "one-version")',
]
STUDENTS = ("A", "B", "C", "D")
WHOLE = {one: [("graded", "", "q6", 1.0)] for one in STUDENTS}


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A class with four short notebooks, and nothing to compare them with."""
    lesson = {"file": "02.ipynb", "own_seeds": False, "points": {"q6": 1}}
    class_folder.write_class(tmp_path, {"lessons": {"02": lesson}})
    sent = submission_frames.pack({"kind": "prepared", "given": [{"dict": []}]})
    sent += submission_frames.pack({"kind": "done"})
    with monkeypatch.context() as changed:
        changed.setattr(
            reference_solutions.sandbox,
            "run",
            lambda *_, **__: Outcome(sent, "", 0, 0),
        )
        reference_solutions.make(tmp_path, "02")
    cells = [{"cell_type": "code", "source": one} for one in CELLS]
    for student in STUDENTS:
        path = tmp_path / "submissions" / student / "02.ipynb"
        class_folder.write_text(path, json.dumps({"cells": cells}))
    return tmp_path


def command(room):
    words = "-m course_utils.cli class grade --workers 2".split()
    return subprocess.Popen(
        [sys.executable, *words, room],
        env={**os.environ, "PYTHONPATH": str(TOP)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def table(room):
    return {
        mark["student"]: [
            (mark["status"], mark["message"], item["id"], item["earned"])
            for item in mark["items"]
        ]
        for mark in class_folder.read_marks(room)
    }


def wait_for(find, seconds=300):
    end = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def running(process):
    """The innermost processes, which run the cells of a submission."""
    found = []
    for one in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            words = one.cmdline()
            if reference_solutions.RUNNER[1] in words and "python" in words[0]:
                found.append(one)
    return found


@needs_sandbox
def test_a_grading_that_was_killed_goes_on_where_it_was(room):
    first = command(room)
    files = room / "marks"
    done = wait_for(lambda: list(files.glob("*/*.json")))
    kept = {path: path.stat().st_mtime_ns for path in done}
    wait_for(lambda: running(first))
    family = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    first.wait()
    assert not psutil.wait_procs(family, timeout=120)[1], "something lives on"
    assert len(list(files.glob("*/*.json"))) < len(STUDENTS)
    assert command(room).wait() == 0
    assert table(room) == WHOLE
    for path, stamp in kept.items():
        assert path.stat().st_mtime_ns == stamp, "it was graded again"


@needs_sandbox
def test_whoever_is_killed_below_costs_nothing(room):
    process = command(room)
    main = psutil.Process(process.pid)
    [killed, *_] = wait_for(lambda: running(process))
    killed.kill()
    psutil.wait_procs([killed])
    [other, *_] = wait_for(lambda: running(process))
    # From within: the supervisors, a worker of Dask, the command.
    line = [one for one in other.parents() if main in one.parents()]
    line[-1].kill()
    assert process.wait() == 0
    assert table(room) == WHOLE


def test_a_cluster_that_is_there_is_used(room):
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=4,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
    ) as cluster:
        address = cluster.scheduler_address
        marks = grading.grade(room, scheduler=address, trust_submissions=True)
        done = cluster.workers[0].state.executed_count
    assert len(marks) == done == len(STUDENTS)
    assert table(room) == WHOLE


def test_a_cluster_that_is_not_there_is_one_sentence(room):
    soon = dask.config.set({"distributed.comm.timeouts.connect": "1s"})
    with soon, pytest.raises(CourseError, match="No Dask scheduler answers"):
        grading.grade(room, scheduler="127.0.0.1:9", trust_submissions=True)


def test_a_failure_of_ours_is_run_again_and_other_points_are_not(
    room, monkeypatch
):
    calls = []

    def run_apart(task, *_):
        calls.append(task["student"])
        if calls == ["A"]:
            raise MemoryError
        return [], "", 1.0

    monkeypatch.setattr(grading, "run_apart", run_apart)
    monkeypatch.setitem(sys.modules, "distributed", None)
    options = {"workers": 1, "students": ["A", "B"], "trust_submissions": True}
    marks = grading.grade(room, **options)
    assert [one["status"] for one in marks] == ["failed", "graded"]
    grading.grade(room, **options)
    assert calls == ["A", "B", "A"]
    told = class_folder.read_class(room)
    told["lessons"]["02"]["points"] = {"q6": 5}
    class_folder.write_class(room, told)
    marks = grading.grade(room, **options)
    assert calls[3:] == [] and marks[0]["items"][0]["points"] == 5
    assert class_folder.read_marks(room) == marks
