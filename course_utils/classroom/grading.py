"""Grade a class: each submission apart, several at a time, marks as they come.

What needs no run is kept, see `pending`.
"""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from tqdm.auto import tqdm

from course_utils.classroom import (
    class_folder,
    dask_workers,
    judges,
    pending_submissions,
    reference_solutions,
    sandbox,
    sandbox_contents,
    submission_frames,
    submission_judging,
    submitted_answers,
)
from course_utils.classroom.notebook_cells import read_cells
from course_utils.classroom.sandbox import choose
from course_utils.machine import arguments, paths
from course_utils.machine.errors import CourseError

LIMITS = sandbox.Limits()
MOST_RESTARTS = 3  # after cells that have ended their process
_KILLED = (-9, 128 + 9)  # exit codes, without and with a sandbox
ENDED = "its process ended in this cell, or memory ran out"


def grade(
    folder: str | Path,
    *,
    lessons: Iterable[str] | None = None,
    students: Iterable[str] | None = None,
    trust_submissions: bool = False,
    sandbox: str = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
    dry_run: bool = False,
) -> list[dict]:
    """Grade what was collected; write a file of marks for each submission.

    Args:
        folder: The folder of the class.
        lessons: Numbers of lessons; None for all that were released and can
            be graded.
        students: Names; None for all.
        trust_submissions: Run notebooks as if they were your own, in a plain
            process that can read and delete what you can.
        sandbox: ``"auto"``, which is bubblewrap, or ``"bubblewrap"``,
            ``"podman"`` or ``"docker"``.
        workers: Submissions at a time; None for as many as cores and memory
            allow.
        scheduler: Address of a Dask cluster that sees the same folder.
        dry_run: Run nothing, and return what would be run.

    Returns:
        The marks, those of earlier runs included; in a dry run one dict for
        each submission that would be run.

    Raises:
        CourseError: If there is no sandbox, or nothing to grade.
    """
    if workers is not None:
        workers = arguments.whole_number("workers", workers, 2)
    kind = choose(sandbox, trust_submissions)
    tasks, kept = pending_submissions.look(
        folder, lessons, students, sandbox=kind
    )
    if dry_run:
        return tasks
    for mark in kept:
        _write(Path(folder), mark)
    if tasks:
        _solve_lessons(tasks)
    found = dask_workers.spread(grade_one, tasks, workers, scheduler)
    return kept + [
        _failed(task, "Its grading ended a worker several times.")
        if mark is None
        else mark
        for task, mark in found
    ]


def grade_one(task: dict) -> dict:
    """Grade one submission, write its mark and return it.

    Whatever is handed in, it raises only where a mark cannot be written.

    Args:
        task: ``folder``, ``student``, ``lesson``, ``grader``, ``sandbox``.
    """
    if (mark := pending_submissions.kept_mark(task)) is not None:
        return mark
    try:
        cells = read_cells(pending_submissions.submission_of(task))
        path = _reference_of(task)
        reference = reference_solutions.load(path)
        records, problem, seconds = run_apart(task, cells, reference)
        points = pending_submissions.settings_of(task)["points"]
        items = submission_judging.judge(
            task["lesson"], records, points, reference
        )
    except CourseError as error:
        return _failed(task, str(error))
    except Exception as error:
        return _failed(task, f"It broke our grading ({type(error).__name__}).")
    told = f"It was stopped, since {problem}." if problem else ""
    ended = [item["id"] for item in items if ENDED in item["message"]]
    if ended:
        told += f" The cell of {', '.join(ended)} ended its process."
    told = told.strip()
    return _mark(task, "graded", told, items, seconds)


def run_apart(
    task: dict,
    cells: list[str],
    reference: judges.Reference,
    limits: sandbox.Limits = LIMITS,
) -> tuple[list, str, float]:
    """Run the cells, again without one that has ended its process.

    A process that was killed may have been killed from outside, where memory
    ran out for example, so its cell gets a second try.

    Args:
        task: As in `grade_one`.
        cells: Sources of the submission's cells.
        reference: Our own run, for what submissions are asked to predict.
        limits: What it may use.

    Returns:
        Frames, why it was stopped, and the seconds that it took.
    """
    lesson = task["lesson"]
    module, asked = judges.load(lesson), reference.prepared.get("asked", {})
    job = {
        "cells": cells,
        "lesson": lesson,
        "cell_seconds": limits.cell_seconds,
        "checks": _checks(lesson),
        "wanted": {name: how.answers for name, how in module.JUDGES.items()},
        "cache": str(reference_solutions.cache_of(Path(task["folder"]))),
    }
    records, skipped, killed, seconds = [], [], set(), 0.0
    for _ in range(1 + MOST_RESTARTS):
        content = submission_frames.pack({**job, "skip": skipped}, asked)
        readable = reference_solutions.cache_of(Path(task["folder"]))
        # What earlier runs took is gone; by the clock there is more.
        left = limits.seconds - seconds / sandbox_contents.PATIENCE
        found = sandbox.run(
            task["sandbox"],
            reference_solutions.RUNNER,
            content,
            dataclasses.replace(limits, seconds=max(left, 1.0)),
            (readable,),
        )
        seconds += found.seconds
        new = list(submission_frames.unpack(found.output))
        records += new
        kinds = [head.get("kind") for head, _ in new]
        begun = [h.get("cell") for h, _ in new if h.get("kind") == "begin"]
        if found.killed or "done" in kinds:
            break
        cell = begun[-1] if begun else -1
        if type(cell) is not int or cell in skipped:
            break
        if found.code in _KILLED and cell not in killed:
            killed.add(cell)
        elif begun:
            skipped.append(cell)
            name = submitted_answers.name_in(cells[cell])
            head = {"kind": "stopped", "id": name, "message": ENDED}
            records.append((head, {}))
        else:  # None of its cells has run, so this is not its fault.
            raise CourseError(
                f"Its process did not start here (exit code {found.code}): "
                "free some memory, and grade again."
            )
    return records, found.killed, seconds


def _checks(lesson):
    """Return the line that checks each answer, by id of what it answers."""
    folder = paths.course_dir() / "notebooks"
    [notebook] = folder.glob(f"{lesson}_*.ipynb")
    found = {}
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        if "check" in cell["metadata"].get("tags", []):
            source = "".join(cell["source"])
            found[source.split('"')[1]] = source
    for name, worth in submission_judging.gradable(lesson).items():
        if "-" not in name and not isinstance(worth, str):
            quiz = f'course.quiz("{lesson}").answer("{name}", answer_{name})'
            found[name] = quiz
    return found


def _reference_of(task):
    folder, seed = Path(task["folder"]), None
    if not _is_known(task):
        raise CourseError(
            f"No notebook was released to {task['student']}, so what it draws "
            "is not known: hand it in under the name in the list of students."
        )
    if pending_submissions.settings_of(task)["own_seeds"]:
        seed = class_folder.student_seed(folder, task["student"])
    return reference_solutions.make(folder, task["lesson"], seed)


def _is_known(task):
    own_seeds = pending_submissions.settings_of(task)["own_seeds"]
    folder = Path(task["folder"], "release", task["student"])
    return not own_seeds or folder.is_dir()


def _solve_lessons(tasks):
    """Run each solved lesson that is needed, once a lesson or a seed."""
    needed = {}
    for task in filter(_is_known, tasks):
        own_seeds = pending_submissions.settings_of(task)["own_seeds"]
        needed[task["lesson"], own_seeds and task["student"]] = task
    name = "Solving the lesson, to compare with"
    for task in tqdm(needed.values(), name, unit="run", leave=False):
        _reference_of(task)


def _failed(task, message):
    points = pending_submissions.settings_of(task)["points"]
    items = submission_judging.judge(task["lesson"], [], points, None)
    return _mark(task, "failed", message, items, 0.0)


def _mark(task, status, message, items, seconds):
    mark = {
        "student": task["student"],
        "lesson": task["lesson"],
        "sha256": pending_submissions.checksum(
            pending_submissions.submission_of(task)
        ),
        "grader": task["grader"],
        "status": status,
        "message": message,
        "seconds": round(seconds, 1),
        "items": items,
    }
    _write(Path(task["folder"]), mark)
    return mark


def _write(folder, mark):
    text = json.dumps(mark, indent=1, ensure_ascii=False) + "\n"
    path = class_folder.mark_path(folder, mark)
    if not path.is_file() or path.read_text("utf-8") != text:
        class_folder.write_text(path, text)
