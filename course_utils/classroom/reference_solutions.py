"""Run the solved lesson ourselves: what submissions are compared with.

It runs once, with the teacher's own code in a plain process, and its frames
are kept in the secret folder of the class.
"""

import functools
import hashlib
import json
from pathlib import Path

from course_utils.classroom import (
    class_folder,
    judges,
    releasing,
    sandbox,
    submission_frames,
    submitted_values,
)
from course_utils.classroom.notebook_cells import read_cells
from course_utils.machine import paths
from course_utils.machine.errors import CourseError

RUNNER = ["-m", "course_utils.classroom.submission_runner"]
_LIMITS = sandbox.Limits(seconds=3_600, memory=2**40, output=2**30)


def make(folder: Path, lesson: str, seed: int | None = None) -> Path:
    """Return the file of a lesson's reference, running the lesson if needed.

    Args:
        folder: The folder of the class.
        lesson: Number of the lesson.
        seed: Of a student's own draws; None for those of the lesson.

    Raises:
        CourseError: If our own lesson does not run here.
    """
    module = judges.load(lesson)
    [notebook] = (paths.course_dir() / "solutions").glob(f"{lesson}_*.ipynb")
    secret = class_folder.secret_seed(folder).decode()
    cells = read_cells(notebook)
    if seed is not None:
        cells = [releasing.with_seed(cell, seed) for cell in cells]
    job = {
        "cells": cells,
        "cell_seconds": 1_800,
        "prepare": module.__name__,
        "secret": secret,
        "pictures": None,
        "cache": str(cache_of(folder)),
        "keep_cache": True,
    }
    hidden = class_folder.hidden_sum(folder, lesson)
    if hidden:
        _check_classes(class_folder.hidden_pictures(folder, lesson), module)
        job["pictures"] = str(
            class_folder.hidden_pictures(folder, lesson).absolute()
        )
    own = json.dumps(job) + hidden + Path(module.__file__).read_text("utf-8")
    name = hashlib.sha256(own.encode()).hexdigest()[:16]
    path = Path(folder) / "secret" / "references" / f"{lesson}-{name}.frames"
    if path.is_file():
        return path
    found = sandbox.run(
        "none", RUNNER, submission_frames.pack(job), _LIMITS, threads=2
    )
    heads = [head for head, _ in submission_frames.unpack(found.output)]
    stops = [head["message"] for head in heads if head["kind"] == "stopped"]
    if (
        not heads
        or heads[-1]["kind"] != "done"
        or "prepared" not in {head["kind"] for head in heads}
    ):
        why = found.killed or (stops or [f"exit code {found.code}"])[-1]
        raise CourseError(
            f"Our own solved lesson {lesson} does not run to its end here "
            f"({why}): run it in JupyterLab, and mend what it says."
        )
    class_folder.write_bytes(path, found.output)
    return path


def _check_classes(folder, module):
    """Refuse pictures of the teacher's that are of other classes."""
    found = {path.name for path in folder.iterdir() if path.is_dir()}
    classes = getattr(module, "CLASSES", None)
    if classes is None:
        raise CourseError(
            f"{folder} has pictures, and no exercise of that lesson is judged "
            "by pictures of yours: delete that folder."
        )
    if found != set(classes):
        raise CourseError(
            f"{folder} should have a folder for each of "
            f"{', '.join(classes)}, and has "
            f"{', '.join(sorted(found)) or 'none'}: rename them, or draw "
            "others with `python -m tools.draw_hidden`."
        )


def cache_of(folder: Path) -> Path:
    """Return where features are kept that every submission would compute."""
    return Path(folder).absolute() / "cache"


@functools.lru_cache(maxsize=4)
def load(path: Path) -> judges.Reference:
    """Read a reference that `make` has made."""
    given, prepared = {}, {}
    for head, arrays in submission_frames.unpack(path.read_bytes(), most=2**30):
        read = [
            submitted_values.read(one, arrays) for one in head.get("given", ())
        ]
        if head["kind"] == "exercise":
            given[head["id"]] = read
        elif head["kind"] == "prepared":
            [prepared] = read
    return judges.Reference(given, prepared)
