"""The table of the field's claims names what exists."""

import re

import jupytext
import pytest

from course_utils.answers import checks, quizzes
from course_utils.evaluation import ledger
from tests.conftest import TOP

TEXT = (TOP / "docs" / "claims.md").read_text("utf-8")
ROWS = [
    re.split(r" *\| *", line)[1:-1]
    for line in TEXT.splitlines()
    if re.match(r"\| [0-9]{3}", line)
]
LESSON = r"([0-9]{2}[a-z]?)"


def headings(lesson):
    (path,) = (TOP / "lessons").glob(f"{lesson}_*.py")
    prose = (c for c in jupytext.read(path).cells if c.cell_type == "markdown")
    return {
        heading
        for cell in prose
        for heading in re.findall(r"^## (.+)$", cell.source, re.M)
    }


def test_the_three_texts_have_their_claims():
    assert {text for row in ROWS for text in row[0].split(", ")} == {
        "000",
        "001",
        "002",
    }
    assert len(ROWS) > 25 and {len(row) for row in ROWS} == {4}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:30])
def test_what_a_row_names_exists(row):
    _, _, ids, places = row
    named = re.findall(r"`([^`]+)`", ids)
    assert named or ids == "\N{EN DASH}"
    assert set(named) <= set(ledger.claims().index)
    exercises = re.findall(r"`([a-z]{2}-[0-9]{2})`", places)
    for exercise in exercises:
        checks.find_exercise(exercise)
    questions = re.findall(LESSON + r" (q[0-9]+)", places)
    for lesson, question in questions:
        assert question in quizzes.load_questions(lesson)
    sections = re.findall(LESSON + r" \*([^*]+)\*", places)
    for lesson, heading in sections:
        assert heading in headings(lesson)
    assert exercises or questions or sections


def test_every_claim_of_the_texts_in_the_ledger_is_listed():
    claims = ledger.claims()
    from_texts = claims.index[claims["whose"] != "course"]
    listed = {name for row in ROWS for name in re.findall(r"`([^`]+)`", row[2])}
    assert set(from_texts) <= listed
