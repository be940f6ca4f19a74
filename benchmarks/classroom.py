"""Time the grading of a class against nbgrader, and against the floor.

    python -m benchmarks.classroom --lesson 03 --submissions 6 --rounds 2
    python -m benchmarks.classroom --students 200   a class, questions only
    python -m benchmarks.classroom --students 200 --whole   all of lesson 02
    python -m benchmarks.classroom --report     writes from the committed rows

Every way grades the same solved notebooks of a lesson. The rounds are
interleaved, so that a busy machine slows all ways alike. Rows lie in
`data/experiments/classroom.csv`, where those of a lesson with as many
submissions a round are replaced, the tables in `docs/grading_time.md`.
ENVIRONMENT is a virtual environment with nbgrader, such as
`python -m tools.try_nbgrader` installs.
"""

import argparse
import csv
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from course_utils.classroom import (
    class_folder,
    collect,
    grade,
    reference_solutions,
    release,
)
from course_utils.classroom import report as class_report
from course_utils.classroom.example_class import solve
from tools.try_nbgrader import ENVIRONMENT

TOP = Path(__file__).resolve().parent.parent
ROWS = TOP / "data" / "experiments" / "classroom.csv"
REPORT = TOP / "docs" / "grading_time.md"
KERNEL = "course"
FIELDS = ("lesson", "class", "cores", "way", "round", "submissions", "seconds")
# What rows that are measured together have in common.
TOGETHER = ("lesson", "class")
REFERENCE = "solved lesson, once a class"
# What is run in a new kernel.
FLOOR = {
    "a kernel starts": "1",
    "a kernel starts and imports Keras": "import keras",
}
NBGRADER = "nbgrader autograde"
WORKERS = {"course class grade, one worker": 1}
WORKERS |= {"course class grade, two workers": 2}
# A class, by what its notebooks hold, and a teacher's steps.
CLASSES = {
    "02, questions": "Notebooks that hold the set-up of lesson 02 and the "
    "answers to its questions: what remains is what each submission costs "
    "beside the cells of its own.",
    "02, whole": "Notebooks that hold the whole of lesson 02, solved.",
}
QUESTIONS, WHOLE = CLASSES
CLASS_STEPS = {
    "course class collect": collect,
    "course class grade, two workers": lambda room: grade(room, workers=2),
    "course class grade, again": lambda room: grade(room, workers=2),
    "course class report": class_report,
}
_CONFIG = """\
c = get_config()
c.ExecutePreprocessor.timeout = 1800
"""
_KERNEL = """\
import sys, time
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1])
reply = client.execute_interactive(sys.argv[2], timeout=600)
assert reply["content"]["status"] == "ok", reply
manager.shutdown_kernel(now=True)
"""
_SCORES = """\
import sys
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    found = book.assignment_submissions(sys.argv[1])
    print(*(one.score == one.max_score for one in found))
"""


class Nbgrader:
    """A course of nbgrader's, with a lesson in it.

    Args:
        environment: A virtual environment that has nbgrader.
        folder: Where the course is made.
        cache: The course's cache, which our own grading reads, too.
    """

    def __init__(self, environment: Path, folder: Path, cache: Path) -> None:
        """Make the folder, and a kernel in which the course is installed."""
        self._bin, self._folder = environment / "bin", folder
        kernel = folder / "share" / "kernels" / KERNEL
        kernel.mkdir(parents=True)
        words = "-m ipykernel_launcher -f {connection_file}".split()
        told = {"argv": [sys.executable, *words], "display_name": KERNEL}
        (kernel / "kernel.json").write_text(
            json.dumps({**told, "language": "python"})
        )
        (folder / "nbgrader_config.py").write_text(_CONFIG)
        # As many threads as it likes, as it comes.
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TF_NUM_", "OMP_", "PYTEST"))
        }
        self._environment = {
            **kept,
            "JUPYTER_PATH": str(folder / "share"),
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(TOP),
            "COURSE_CACHE": str(cache),
            "COURSE_WORK": str(folder / "work"),
        }

    def run(self, program: str, *words: str) -> str:
        """Run a program of the environment; return what it printed.

        Raises:
            RuntimeError: If it fails.
        """
        answer = subprocess.run(
            [self._bin / program, *words],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
        )
        if answer.returncode:
            raise RuntimeError(answer.stderr[-2000:])
        return answer.stdout

    def hand_in(self, path: str, content: str) -> None:
        """Write a file of the course."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, "utf-8")


def gradable(released: Path) -> None:
    """Tell nbgrader which cells of a released notebook give marks."""
    notebook = json.loads(released.read_text("utf-8"))
    notebook["metadata"]["kernelspec"] = {"name": KERNEL, "display_name": ""}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code" and ").check(" in "".join(
            cell["source"]
        ):
            told = {"grade": True, "locked": True, "points": 1}
            told |= {"solution": False, "task": False, "schema_version": 3}
            told |= {"grade_id": f"check-{number}", "cell_type": "code"}
            cell["metadata"]["nbgrader"] = told
    released.write_text(json.dumps(notebook, indent=1), "utf-8")


def measure(
    lesson: str, environment: Path, submissions: int, rounds: int
) -> Iterator[list[dict]]:
    """Yield all rows after each round: one for each way in each of them."""
    rows, size = [], submissions // rounds
    with tempfile.TemporaryDirectory() as name:
        ours, theirs = Path(name, "class"), Path(name, "nbgrader")
        [released] = release(ours, [lesson])
        gradable(released)
        solved = solve(released, lesson).decode()
        nbgrader = Nbgrader(environment, theirs, ours / "cache")
        file = released.name
        nbgrader.hand_in(f"source/{lesson}/{file}", released.read_text("utf-8"))
        nbgrader.run("nbgrader", "generate_assignment", lesson)
        for number in range(submissions):
            student = f"{number % rounds}-{number // rounds}"
            text = f"{solved.rstrip()}\n{' ' * number}"  # No two are alike.
            nbgrader.hand_in(f"submitted/{student}/{lesson}/{file}", text)
        collect(ours, theirs / "submitted")

        def timed(way, turn, count, work, *given, **options):
            start = time.monotonic()
            found = work(*given, **options)
            seconds = round(time.monotonic() - start, 1)
            row = lesson, size, os.cpu_count(), way, turn, count, seconds
            rows.append(dict(zip(FIELDS, row, strict=True)))
            print(rows[-1], flush=True)
            return found

        timed(REFERENCE, 0, 1, reference_solutions.make, ours, lesson)
        for turn in range(rounds):
            names = [
                path.name for path in (theirs / "submitted").glob(f"{turn}-*")
            ]
            for way, code in FLOOR.items():
                words = ("python", "-c", _KERNEL, KERNEL, code)
                timed(way, turn, 1, nbgrader.run, *words)
            words = ("nbgrader", "autograde", lesson, f"--student={turn}-*")
            timed(NBGRADER, turn, len(names), nbgrader.run, *words)
            for way, workers in WORKERS.items():
                shutil.rmtree(ours / "marks", ignore_errors=True)
                options = {"students": names, "workers": workers}
                marks = timed(way, turn, len(names), grade, ours, **options)
                lost = [i for m in marks for i in m["items"] if not i["earned"]]
                if lost or len(marks) != len(names):
                    raise RuntimeError(f"We did not grade all in full: {lost}")
            yield rows
        told = nbgrader.run("python", "-c", _SCORES, lesson).split()
        if told != ["True"] * submissions:
            raise RuntimeError(f"nbgrader did not grade all in full: {told}")


def measure_class(students: int, held: str) -> list[dict]:
    """Return a row for each step with a class.

    Args:
        students: How many hand in a notebook.
        held: What it holds: a key of `CLASSES`.
    """
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "class")
        [released] = release(folder, ["02"])
        notebook = json.loads(solve(released))
        kept = r"course\.begin\(|# question:" if held == QUESTIONS else ""
        notebook["cells"] = [
            cell
            for cell in notebook["cells"]
            if re.search(kept, "".join(cell["source"]))
        ]
        text = json.dumps(notebook)
        for number in range(students):
            path = folder / "incoming" / f"Student {number}" / released.name
            path.parent.mkdir(parents=True)
            path.write_text(text + " " * number, "utf-8")  # No two are alike.
        reference_solutions.make(folder, "02")
        for way, work in CLASS_STEPS.items():
            start = time.monotonic()
            work(folder)
            seconds = round(time.monotonic() - start, 1)
            row = held, students, os.cpu_count(), way, 0, students, seconds
            rows.append(dict(zip(FIELDS, row, strict=True)))
            print(rows[-1], flush=True)
        marks = class_folder.read_marks(folder)
        if len(marks) != students:
            raise RuntimeError(f"{len(marks)} of {students} have marks.")
        if any(mark["status"] != "graded" for mark in marks):
            raise RuntimeError("Not all are graded.")
    return rows


def report(rows: list[dict]) -> str:
    """Return the page, from the rows."""
    whole = {}
    for row in rows:
        if row["lesson"] in CLASSES:
            whole.setdefault(_together(row), []).append(row)
    rows = [row for row in rows if row["lesson"] not in CLASSES]
    groups = {}
    for row in sorted(rows, key=lambda r: (r["lesson"], int(r["class"]))):
        groups.setdefault(_together(row), []).append(row)
    tables = {key: _table(some) for key, some in groups.items()}
    lesson, _ = next(iter(tables))
    *_, most = (key for key in tables if key[0] == lesson)
    one = tables[most][0]["course class grade, one worker"]
    lines = [
        "# How long grading takes",
        "",
        "Made by `python -m benchmarks.classroom` from "
        "`data/experiments/classroom.csv`. Each way grades the same solved "
        "notebooks, in interleaved rounds. Seconds per submission: median, "
        "least and most over the rounds. Other machines have other seconds, "
        "and a busy one has more; compare the ways.",
        "",
        *(line for _, lines in tables.values() for line in lines),
        *_size_lines({key: found for key, (found, _) in tables.items()}),
        "The two rows after the solved lesson are the floor: a kernel "
        "started, and one started that imports Keras, before any student's "
        "cell has run. nbgrader's kernels take as many threads as they like; "
        "our submissions get one thread each, so that several fit beside one "
        "another. Storing features helps both alike: they read them from one "
        "folder.",
        "",
        *(line for some in whole.values() for line in _class_lines(some)),
        "## Twenty thousand submissions",
        "",
        "On paper, not measured. No submission waits for another, so at the "
        f"median of lesson {lesson} twenty thousand take one worker "
        f"{20_000 * one / 3600:,.0f} hours, and a hundred workers "
        f"{200 * one / 3600:,.1f} hours. For that, "
        "start a Dask cluster whose machines have the sandbox, the same "
        "version of the course, and the folder of the class at the same "
        "place, and call `course class grade DIR --scheduler ADDRESS`. Each "
        "worker writes its marks as they are made, so a stopped run can be "
        "resumed. Three things would need a change first: the table of "
        "submissions is sent to the scheduler as one list, the report holds "
        "all marks in memory, and with own seeds the lesson is solved for one "
        "student after another.",
    ]
    return "\n".join(lines) + "\n"


def _together(row):
    return tuple(str(row[name]) for name in TOGETHER)


def _size_lines(found):
    """Say what the size of a class does to the time of a submission."""
    first = {}
    lines = []
    for (lesson, size), middle in found.items():
        first_size, medians = first.setdefault(lesson, (size, middle))
        if first_size == size:
            continue
        ratios = ", ".join(
            f"{middle[way] / medians[way]:.2f} with {way}"
            for way in (NBGRADER, *WORKERS)
        )
        lines += [
            f"In lesson {lesson}, with {size} at a time instead of "
            f"{first_size}, a submission took this fraction of the time: "
            f"{ratios}. Near 1, a class takes its number of submissions times "
            "the time of one.",
            "",
        ]
    return lines


def _class_lines(rows):
    return [
        f"## A class of {rows[0]['submissions']}",
        "",
        f"{CLASSES[rows[0]['lesson']]} On {rows[0]['cores']} cores.",
        "",
        "| step | seconds | a submission |",
        "| --- | --: | --: |",
        *(
            f"| {row['way']} | {float(row['seconds']):.1f} "
            f"| {float(row['seconds']) / int(row['submissions']):.2f} |"
            for row in rows
        ),
        "",
    ]


def _table(rows):
    """Return the median of each way for a lesson, and lines of Markdown."""
    each = {}
    for row in rows:
        a_submission = float(row["seconds"]) / int(row["submissions"])
        each.setdefault(row["way"], []).append(a_submission)
    middle = {way: statistics.median(found) for way, found in each.items()}
    one, two = (middle[way] for way in WORKERS)
    count = sum(int(r["submissions"]) for r in rows if r["way"] == NBGRADER)
    return middle, [
        f"## Lesson {rows[0]['lesson']}, {rows[0]['class']} at a time",
        "",
        f"{count} submissions in rounds of {rows[0]['class']}, on "
        f"{rows[0]['cores']} cores. Two workers took {two / one:.2f} of the "
        "time of one.",
        "",
        "| way | median | least | most | of nbgrader's |",
        "| --- | --: | --: | --: | --: |",
        *(
            f"| {way} | {middle[way]:.1f} | {min(found):.1f} "
            f"| {max(found):.1f} | {middle[way] / middle[NBGRADER]:.2f} |"
            for way, found in each.items()
        ),
        "",
    ]


def main() -> None:
    """Measure, or read the rows; write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--lesson", default="02")
    parser.add_argument("--students", type=int)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--nbgrader", type=Path, default=ENVIRONMENT)
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    counts = chosen.students, chosen.submissions, chosen.rounds
    if any(count is not None and count < 1 for count in counts):
        parser.error("--students, --submissions, --rounds must be 1 at least.")
    if chosen.submissions % chosen.rounds:
        parser.error("--submissions must be a multiple of --rounds.")
    with ROWS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if chosen.report:
        parts = []
    elif chosen.students:
        held = WHOLE if chosen.whole else QUESTIONS
        parts = [measure_class(chosen.students, held)]
    else:
        parts = measure(
            chosen.lesson, chosen.nbgrader, chosen.submissions, chosen.rounds
        )
    # After each round, so that a run that was stopped keeps what it has.
    for new in parts:
        rows = [r for r in rows if _together(r) != _together(new[0])] + new
        with ROWS.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    REPORT.write_text(report(rows), "utf-8")


if __name__ == "__main__":
    main()
