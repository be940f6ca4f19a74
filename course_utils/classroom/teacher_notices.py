"""Say what a teacher has to do next: what is out of date, and what mends it."""

from pathlib import Path

from course_utils.classroom import class_folder, judges, pending_submissions


def old_marks(folder: str | Path) -> list[str]:
    """Return a sentence if marks are older than a key, a check or points.

    Args:
        folder: The folder of the class.
    """
    folder = Path(folder)
    able = set(class_folder.read_class(folder)["lessons"]) & set(judges.LESSONS)
    if not able or not any((folder / "submissions").glob("*/*.ipynb")):
        return []
    tasks, kept = pending_submissions.look(folder, sorted(able))
    today = {(one["student"], one["lesson"]): one for one in [*tasks, *kept]}
    old = [
        mark
        for mark in class_folder.read_marks(folder)
        if mark["status"] == "graded"
        and today.get((mark["student"], mark["lesson"]), mark) != mark
    ]
    if not old:
        return []
    names = sorted({mark["student"] for mark in old})
    return [
        f"Graded before something changed: {', '.join(names)}. `course class "
        f"regrade {folder}` grades them like all others."
    ]


def old_files(folder: str | Path) -> list[str]:
    """Return a sentence if a report or an export is older than the marks.

    Args:
        folder: The folder of the class.
    """
    folder = Path(folder)
    marks = [one.stat().st_mtime_ns for one in folder.glob("marks/*/*.json")]
    old = [
        place.relative_to(folder).as_posix()
        for place in [folder / "report/marks.csv", *folder.glob("export/*")]
        if place.is_file() and place.stat().st_mtime_ns < max(marks, default=0)
    ]
    if not old:
        return []
    steps = sorted({one.split("/")[0] for one in old}, reverse=True)
    again = " and ".join(f"`course class {step} {folder}`" for step in steps)
    return [f"Older than the marks: {', '.join(old)}. Run {again} again."]
