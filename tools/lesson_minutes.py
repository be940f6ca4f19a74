"""Compute how long a lesson takes, and hold its stated minutes to that.

    python -m tools.lesson_minutes                a table of all lessons
    python -m tools.lesson_minutes --measure 00   runs it solved, notes seconds

Prose is read at 150 words a minute and code at 30 lines a minute; an exercise
takes three minutes if its solution has up to five lines, else five; a question
takes half a minute; and the machine takes what was measured, in seconds, in
`data/experiments/lesson_seconds.csv`.
"""

import argparse
import csv
import re
import sys
import tempfile
from pathlib import Path

import jupytext

from course_utils.answers import quizzes
from tools import run_lessons

TOP = Path(__file__).resolve().parent.parent
SECONDS = TOP / "data" / "experiments" / "lesson_seconds.csv"
WORDS_A_MINUTE, LINES_A_MINUTE = 150, 30
SHORT_SOLUTION, SHORT, LONG, QUESTION = 5, 3, 5, 0.5
STATED = re.compile(r"About\s+(\d+)\s+minutes")


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return 1 where a lesson states other minutes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", metavar="LESSON", nargs="*", default=[])
    chosen = parser.parse_args(arguments)
    paths = {number(p): p for p in sorted((TOP / "lessons").glob("*.py"))}
    for lesson in chosen.measure:
        if lesson not in paths:
            parser.error(f"no lesson {lesson!r}: take of {', '.join(paths)}.")
    for lesson in chosen.measure:
        _measure(paths[lesson])
    print("lesson  prose  code  exercises  questions  machine  sum  stated")
    differs = False
    for lesson, path in paths.items():
        parts = parts_of(path)
        told = stated(path)
        print(
            f"{lesson:<6}  {parts['prose']:5.1f}  {parts['code']:4.1f}  "
            f"{parts['exercises']:9}  {parts['questions']:9.1f}  "
            f"{parts['machine']:7.1f}  {minutes(path):3}  {told:6}"
        )
        differs |= told != minutes(path)
    return int(differs)


def number(path: Path) -> str:
    """Return the number of a lesson, such as "03b"."""
    return path.stem.partition("_")[0]


def minutes(path: Path) -> int:
    """Return the minutes that a lesson takes, to the nearest five."""
    return max(5, 5 * round(sum(parts_of(path).values()) / 5))


def stated(path: Path) -> int:
    """Return the minutes that a lesson states in its opening."""
    prose = re.sub(r"\s+", " ", jupytext.read(path).cells[0].source)
    found = STATED.search(prose)
    return int(found[1]) if found else 0


def parts_of(path: Path) -> dict[str, float]:
    """Return the minutes for each part of the work with a lesson."""
    cells = jupytext.read(path).cells
    words, lines, exercises = 0, 0, 0
    for cell in cells:
        if cell.cell_type == "markdown":
            words += len(re.findall(r"\w[\w'-]*", cell.source))
            continue
        stub, *solved = re.split(r"### BEGIN SOLUTION\n", cell.source)
        for part in solved:
            solution, rest = re.split(r"### END SOLUTION\n?", part)
            stub += rest
            if "# exercise:" in cell.source:
                long = len(solution.splitlines()) > SHORT_SOLUTION
                exercises += LONG if long else SHORT
        lines += sum(bool(line.strip()) for line in stub.splitlines())
    questions = len(quizzes.load_questions(number(path)))
    return {
        "prose": words / WORDS_A_MINUTE,
        "code": lines / LINES_A_MINUTE,
        "exercises": exercises,
        "questions": QUESTION * questions,
        "machine": _seconds().get(number(path), 0) / 60,
    }


def _seconds() -> dict[str, float]:
    if not SECONDS.exists():
        return {}
    with SECONDS.open(newline="") as file:
        rows = csv.DictReader(file)
        return {row["lesson"]: float(row["seconds"]) for row in rows}


def _measure(path: Path) -> None:
    notebook = TOP / "solutions" / f"{path.stem}.ipynb"
    with tempfile.TemporaryDirectory() as folder:
        run = run_lessons.run(notebook, Path(folder))
    if not run.passed:
        raise SystemExit(run.concluded)
    known = _seconds() | {number(path): round(run.seconds)}
    with SECONDS.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["lesson", "seconds"])
        writer.writerows(sorted(known.items()))


if __name__ == "__main__":
    sys.exit(main())
