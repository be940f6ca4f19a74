"""Put what was handed in into one order, whatever system it comes from.

A file that cannot be placed is listed with the reason, so nothing is lost.
"""

import collections
import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from course_utils.classroom import (
    class_folder,
    handed_in_names,
    submission_placing,
    submitted_answers,
)


def collect(
    folder: str | Path,
    source: str | Path | None = None,
    *,
    dry_run: bool = False,
) -> list[submission_placing.Submission]:
    """Collect what was handed in into `submissions/` and `collected.csv`.

    Collecting again adds what is new: of two files of one student and lesson
    the newer stays, and the remark says so.

    Args:
        folder: The folder of the class.
        source: A folder or a zip archive of notebooks as Moodle, Canvas,
            nbgrader, GitHub Classroom or e-mail leave them. Defaults to
            `incoming/` in the folder of the class.
        dry_run: Write nothing.

    Returns:
        All files, those that could not be placed included.

    Raises:
        CourseError: If the folder is not that of a class, or the source is
            not there or holds no notebook.
    """
    folder = Path(folder)
    told = class_folder.read_class(folder)
    source = folder / "incoming" if source is None else Path(source)
    found = submission_placing.read(folder, source, told)
    _name_twins_apart(found)
    everything = _newest_first(found, _earlier(folder))
    chosen, rows = {}, []
    for one in everything:
        place = (one.student, one.lesson)
        if not one.placed:
            rows.append(one)
        elif place not in chosen:
            chosen[place] = one
            rows.append(one)
        else:
            _set_aside(one, chosen[place], rows)
    rows.sort(key=lambda one: (not one.placed, one.student, one.lesson))
    if not dry_run:
        _write(folder, chosen, rows)
    return rows


def _name_twins_apart(found: Iterable[submission_placing.Submission]):
    """Give two students of one name two folders, by their numbers."""
    numbers = collections.defaultdict(set)
    for one in found:
        if number := handed_in_names.number_of(one.source, one.student):
            numbers[one.student, one.lesson].add(number)
    for one in found:
        known = numbers[one.student, one.lesson]
        if one.placed and len(known) > 1:
            number = handed_in_names.number_of(one.source, one.student)
            one.remarks.append(
                f"{len(known)} students are called {one.student}: this is the "
                f"one with the number {number or 'unknown'}."
            )
            one.student += f" ({number or 'unknown'})"


def _earlier(folder):
    """Return what was collected before, as it lies in the folder."""
    for row in class_folder.read_collected(folder):
        one = submission_placing.Submission(
            row["source file"],
            row["student"],
            row["lesson"],
            row["sha256"],
            row["late"],
            [text for text in row["remarks"].split(" | ") if text],
            earlier=True,
        )
        path = _place(folder, one)
        if one.student and one.lesson and path.is_file():
            one.content = path.read_bytes()
            readable = submitted_answers.read_answers(one.content).readable
            one.readable = readable
            one.order = (int(readable), path.stat().st_mtime, 0, "")
        else:
            one.lesson = ""
        yield one


def _newest_first(found, earlier):
    known = {(one.source, one.sha256, one.student) for one in found}
    # What could not be read then counts as it is now. An archive is above
    # what lies in it.
    again = {one.source for one in found}
    again |= {str(p) for one in again for p in PurePosixPath(one).parents}
    kept = [
        one
        for one in earlier
        if (one.source, one.sha256, one.student) not in known
        and (one.sha256 or one.source not in again)
    ]
    return sorted([*found, *kept], key=lambda one: one.order, reverse=True)


def _set_aside(one, newer, rows):
    """Say of an older file that it does not count, and keep it in the list."""
    if one.sha256 == newer.sha256:
        text = f"It is the same as {newer.source}."
    elif one.order[0] < newer.order[0]:
        text = f"It cannot be read; {newer.source} counts instead."
    else:
        alike = one.order[1] == newer.order[1]
        what = "One of the same time" if alike else "An older one"
        text = f"{what}: {newer.source} counts instead."
        what = "As old as" if alike else "Newer than"
        newer.remarks.append(f"{what} {one.source}; this one counts.")
    one.remarks.append(text)
    rows.append(dataclasses.replace(one, content=None, lesson=""))


def _place(folder, one):
    return folder / "submissions" / one.student / f"{one.lesson}.ipynb"


def _write(folder, chosen, rows):
    for one in chosen.values():
        path = _place(folder, one)
        if not path.is_file() or path.read_bytes() != one.content:
            class_folder.write_bytes(path, one.content)
        if len(one.order) > 1 and one.order[1]:
            os.utime(path, (one.order[1], one.order[1]))
    table = [
        (
            one.student,
            # Of nobody's: nothing that could be graded or exported.
            one.lesson if one.student else "",
            one.source,
            one.sha256,
            one.late,
            " | ".join(dict.fromkeys(one.remarks)),
        )
        for one in rows
    ]
    class_folder.write_csv(
        folder / class_folder.COLLECTED, class_folder.COLLECTED_COLUMNS, table
    )
