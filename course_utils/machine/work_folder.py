"""Give the learner copies of the lessons, and never touch them again."""

import hashlib
import json
from pathlib import Path

from course_utils.machine import errors, paths
from course_utils.machine.errors import CourseError


def copy_lessons() -> list[str]:
    """Copy the lessons that ``work/`` does not have yet.

    A copy is the learner's: it is never overwritten. ``work/.copied.json``
    remembers which version each copy was made from, so that an update of the
    course can be told.

    Returns:
        Names of the lessons that the course has in a newer version than the
        learner's copy.

    Raises:
        CourseError: If ``work/`` cannot be written.
    """
    sources = sorted((paths.course_dir() / "notebooks").glob("*.ipynb"))
    work = paths.work_dir()
    try:
        work.mkdir(parents=True, exist_ok=True)
        record = _read_record(work / paths.WORK_RECORD)
        for source in sources:
            if not (work / source.name).exists():
                paths.write_whole(work / source.name, source.read_bytes())
                record[source.name] = _version(source)
        text = json.dumps(record, indent=1) + "\n"
        paths.write_whole(work / paths.WORK_RECORD, text.encode())
    except OSError as error:
        raise CourseError(
            f"Your lessons could not be copied into {work}: "
            f"{errors.os_reason(error)}; make that folder writable and free "
            "some disk, or set COURSE_WORK to another folder."
        ) from error
    return [
        source.stem
        for source in sources
        if record.get(source.name, _version(source)) != _version(source)
    ]


def _version(notebook: Path) -> str:
    return hashlib.sha256(notebook.read_bytes()).hexdigest()


def _read_record(path: Path) -> dict[str, str]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        # Nothing is lost with the record but the news of newer versions.
        return {}
    return record if isinstance(record, dict) else {}
