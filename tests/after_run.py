"""What the log says after all lessons ran; `make test` calls this.

Not collected by name: it follows a run of all notebooks, solved and unsolved,
each in its own work folder (conftest.py at the top), empty at its start.
"""

import html
import json
import re

import nbformat
import pytest

from course_utils.answers import checks, progress_log, quizzes
from tests.conftest import TOP, missing_for

EXPECTED = {"solved": "passed", "unsolved": "not attempted"}
SOLVED = TOP / "build" / "solved"
LESSONS = sorted(
    path.stem
    for path in (TOP / "lessons").glob("*.py")
    if not missing_for(path)
)
NUMBERS = [lesson.partition("_")[0] for lesson in LESSONS]
# A table in text that is wider than this breaks within its rows.
WIDE = re.compile(r"(?=.{101}).*\S {2,}\S")
# What pandas and NumPy write where a value is missing.
MISSING = re.compile(r"(?<![\w'\"])(?:<NA>|NaN|NaT|nan)(?![\w'\"])")
NO_NEWS = re.compile(
    r"<(matplotlib|keras|tensorflow|tf)\.|<\w+ .* at 0x|^\[?<\w+|^Text\("
)
EMPTY_TEXT = re.compile(r"a table of \d+ by \d+ values|(\d+ points; ){2}")
EXERCISES = [
    (lesson, name)
    for lesson, sheet in checks.load_sheets().items()
    for name in sheet["exercises"]
    if lesson in NUMBERS
]
# Cells answer what is to be predicted; the rest is for the learner alone.
# (That each key is right by its own judge: tests/answers/test_quizzes.py.)
QUESTIONS = [
    (lesson, name, question["type"] == "predict")
    for lesson in quizzes.lessons_with_quiz()
    if lesson in NUMBERS
    for name, question in quizzes.load_questions(lesson).items()
]


@pytest.fixture(params=EXPECTED)
def expected(request, monkeypatch):
    """What one of the two runs should have left everywhere."""
    monkeypatch.setenv("COURSE_WORK", str(TOP / "build" / request.param))
    return EXPECTED[request.param]


def verdicts(kinds, lesson, name):
    """Every verdict that the run has left."""
    return {
        event.status
        for event in progress_log.read_log().events
        if (event.lesson, event.name) == (lesson, name) and event.kind in kinds
    }


@pytest.mark.parametrize(("lesson", "name"), EXERCISES)
def test_every_exercise(lesson, name, expected):
    assert verdicts({"exercise"}, lesson, name) == {expected}, (
        f"the solution of {name} in lesson {lesson}, and its judge, disagree"
    )


@pytest.mark.parametrize(("lesson", "name", "in_cell"), QUESTIONS)
def test_every_question(lesson, name, in_cell, expected):
    found = verdicts({"question", "outcome"}, lesson, name)
    assert found == ({expected} if in_cell else set()), (
        f"what lesson {lesson} does with {name}"
    )


def shown_in(lesson):
    """What each cell of a solved lesson has shown, as (cell, output)."""
    kept = SOLVED / "shown" / f"{lesson}.jsonl"
    if kept.is_file():  # nbval ran it, see conftest.py at the top
        lines = map(json.loads, kept.read_text("utf-8").splitlines())
        cells = [(line["cell"], line["shown"]) for line in lines]
    else:  # a browser did, and saved it
        notebook = nbformat.read(SOLVED / f"{lesson}.ipynb", as_version=4)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        cells = [(f"Cell {n}", cell.outputs) for n, cell in enumerate(code)]
    return [(cell, output) for cell, shown in cells for output in shown]


@pytest.mark.parametrize("lesson", LESSONS)
def test_what_a_solved_lesson_shows_is_fit_to_be_read(lesson):
    found = []
    outputs = shown_in(lesson)
    assert len(outputs) > 10
    for cell, output in outputs:
        data = output.get("data", {})
        plain = output.get("text") or data.get("text/plain", "")
        if output.get("name") == "stderr":
            found.append((cell, "an error stream", plain[:200]))
        if "text/html" not in data and "image/png" not in data:
            lines = plain.splitlines()
            found += [(cell, "no news", x) for x in lines if NO_NEWS.search(x)]
            found += [(cell, "too wide", x) for x in lines if WIDE.match(x)]
            found += [(cell, "missing", x) for x in lines if MISSING.search(x)]
        for value in re.findall(r"<td>(.*?)</td>", data.get("text/html", "")):
            if MISSING.fullmatch(html.unescape(value)):
                found.append((cell, "missing", value))
        for text in re.findall(
            r'<img alt="([^"]*)"', data.get("text/html", "")
        ):
            if not text or EMPTY_TEXT.search(text):
                found.append((cell, "says nothing", html.unescape(text)))
    assert not found, "\n".join(map(str, found))
