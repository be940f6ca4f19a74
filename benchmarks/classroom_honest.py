"""Grade odd but honest notebooks, and notebooks with seeds of their own.

    nice python -m benchmarks.classroom_honest      writes docs/honest.md

Takes half an hour: lesson 02 runs twice for each of twenty odd notebooks, three
times for those with own seeds, and three times for what they are compared with.
A run that was stopped goes on in its folder, `build/honest/`; to begin anew,
delete that.
"""

import argparse
import hashlib
import io
import itertools
import json
import string
import zipfile
from pathlib import Path

from benchmarks.odd_notebooks import ODDITIES, odd
from course_utils.classroom import (
    class_folder,
    collect,
    grade,
    reference_solutions,
    release,
)
from course_utils.classroom.example_class import solve
from course_utils.classroom.submitted_answers import name_in

LESSON, COPIED = "02", "fe-07"
TOP = Path(__file__).resolve().parents[1]
DOCS = TOP / "docs" / "honest.md"


def _zipped(name, content):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, content)
    return archive.getvalue()


# How an odd notebook is handed in, the first in the first way: from student,
# file's name, content and what was released to the files that lie there.
WAYS = {
    "a renamed file": lambda who, name, new, old: {
        f"{who}/homework.ipynb": new
    },
    "late, renamed, in a zip, in Canvas's way": lambda who, name, new, old: {
        f"{_canvas(who)}_LATE_123_456_homework.zip": _zipped(
            "Übung/final FINAL (2).ipynb", new
        )
    },
    "in Moodle's way, above an older one": lambda who, name, new, old: {
        f"{who}_12_assignsubmission_file_/{name}.ipynb": old,
        f"{who}_12_assignsubmission_file_/{name} (1).ipynb": new,
    },
    "with a byte order mark": lambda who, name, new, old: {
        f"{who}/{name}.ipynb": b"\xef\xbb\xbf" + new
    },
    "in nbgrader's way": lambda who, name, new, old: {
        f"submitted/{who}/{LESSON}/{name}.ipynb": new
    },
    "the student's name in the file's": lambda who, name, new, old: {
        f"{name} - {who}.ipynb": new
    },
}


def _canvas(who):
    return who.replace(" ", "").lower()


def hand_in(folder: Path) -> dict[str, str]:
    """Release lesson 02, and write the odd notebooks into `incoming/`.

    Args:
        folder: The folder of the class, empty.

    Returns:
        By name of the odd notebook, what the student is to be called.
    """
    [released] = release(folder, [LESSON])
    solved = json.loads(solve(released))
    for cell in solved["cells"]:
        cell["source"] = "".join(cell["source"])
    students = {}
    for name, letter, way in _handed_in():
        student = f"Student {letter}"
        files = WAYS[way](
            student, released.stem, odd(solved, name), released.read_bytes()
        )
        for path, content in files.items():
            class_folder.write_bytes(folder / "incoming" / path, content)
        in_canvas = "Canvas" in way
        students[name] = _canvas(student) if in_canvas else student
    return students


def _handed_in():
    """By odd notebook, a letter for its student and the way."""
    return zip(ODDITIES, string.ascii_uppercase, itertools.cycle(WAYS))


def odd_lines(folder: Path, workers: int | None) -> list[str]:
    """Grade the odd notebooks twice, and return the lines of a table."""
    students = hand_in(folder)
    collect(folder)
    gradings = [graded(folder, name, workers) for name in ("first", "again")]
    worth = _worth(folder)
    lines = [
        f"| notebook | what is odd in it | earned of {worth:g} | again |",
        "| --- | --- | --: | --: |",
    ]
    for name, _, way in _handed_in():
        first, again = (one[students[name]] for one in gradings)
        told = f"{sum(again.values()):g}" if again == first else "**differs**"
        what = "; ".join([way, *ODDITIES[name]])
        lines.append(f"| {name} | {what} | {sum(first.values()):g} | {told} |")
    return lines


def seed_lines(folder: Path, workers: int | None) -> list[str]:
    """Grade two with own seeds, then one with the other's numbers."""
    names = ["Student 01", "Student 02"]
    released = release(folder, [LESSON], students=names)
    whole = {}
    for name, path in zip(names, released, strict=True):
        whole[name] = solve(path)
        target = folder / "incoming" / name / path.name
        class_folder.write_bytes(target, whole[name])
    collect(folder)
    honest = graded(folder, "honest", workers)
    seeds = [class_folder.student_seed(folder, name) for name in names]
    numbers = [
        reference_solutions.load(
            reference_solutions.make(folder, LESSON, seed)
        ).given[COPIED]
        for seed in seeds
    ]
    notebook = json.loads(whole[names[1]])
    for cell in notebook["cells"]:
        if name_in("".join(cell["source"])) == COPIED:
            threshold, cost = map(float, numbers[0][:2])
            cell["source"] = (
                f"# exercise: {COPIED}\ntrain_scores = None\n"
                f"my_threshold, my_cost = {threshold!r}, {cost!r}"
            )
    class_folder.write_bytes(target, json.dumps(notebook).encode())
    collect(folder)
    copied = graded(folder, "copied", workers)
    rows = {
        f"{names[0]}, solved with their own seed": honest[names[0]],
        f"{names[1]}, solved with their own seed": honest[names[1]],
        f"{names[1]}, with the numbers of {names[0]}": copied[names[1]],
    }
    return [
        f"| what is handed in | {COPIED} | in all, of {_worth(folder):g} |",
        "| --- | --: | --: |",
        *(
            f"| {what} | {one[COPIED]:g} | {sum(one.values()):g} |"
            for what, one in rows.items()
        ),
    ]


def graded(folder: Path, name: str, workers: int | None) -> dict:
    """Grade from nothing, and keep the marks under a name.

    Returns:
        By student, what each item has earned.
    """
    # What was handed in is part of the name: other work is graded anew.
    together = hashlib.sha256()
    for path in sorted((folder / "incoming").rglob("*.*")):
        if path.is_file():
            together.update(path.read_bytes())
    name = f"{name}-{together.hexdigest()[:8]}"
    if not (folder / name).is_dir():
        grade(folder, workers=workers)
        (folder / "marks").rename(folder / name)
    return {
        mark["student"]: {one["id"]: one["earned"] for one in mark["items"]}
        for mark in class_folder.read_marks(folder, name)
    }


def _worth(folder):
    told = class_folder.read_class(folder)["lessons"][LESSON]
    return sum(told["points"].values())


def main() -> None:
    """Grade all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int)
    parser.add_argument("--folder", type=Path, default=TOP / "build" / "honest")
    chosen = parser.parse_args()
    odd_ones = odd_lines(chosen.folder / "odd", chosen.workers)
    own_seeds = seed_lines(chosen.folder / "seeds", chosen.workers)
    lines = [
        "# Honest work, graded",
        "",
        "Made by `python -m benchmarks.classroom_honest`.",
        "",
        "## Odd notebooks",
        "",
        "Each notebook is lesson 02, solved, with the oddities in its row, "
        "none of which matters in JupyterLab. It is graded twice.",
        "",
        *odd_ones,
        "",
        "## Seeds of their own",
        "",
        "Two students get notebooks whose modules are drawn for each of them. "
        "Both solve theirs; then the second puts the first one's threshold and "
        "cost in place of their own.",
        "",
        *own_seeds,
    ]
    DOCS.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
