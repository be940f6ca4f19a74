"""What every lesson keeps to: the limits and the style of the course."""

import ast
import importlib
import re
import statistics

import jupytext
import pytest

from course_utils.answers import quizzes
from tests.conftest import TOP

LESSONS = sorted((TOP / "lessons").glob("*.py"))
TAGS = {
    "exercise",
    "check",
    "solution",
    "hide-input",
    "raises-exception",
    "nbval-skip",
}
# Spelling of the field's words, and names that the course does not use.
NEVER_IN_PROSE = r"pre-train|finetun|fine tun|state-of-the-art|\bsimply\b"
# A lesson that was split has a letter: 03_fine_tuning, 03b_fine_tuning_traps.
NUMBER = r"[0-9]{2}[a-z]?"
NEVER_IN_CODE = {"lr", "acc", "net", "helpers", "utils2"}
# A share, a percentage or a decimal in prose would be a measured number.
MEASURED = r"\d\s?%|\d?\.\d|\bper ?cent\b|\bpercentage points?\b"


def cells(path):
    return jupytext.read(path).cells


def code(path):
    return [c.source for c in cells(path) if c.cell_type == "code"]


def prose(path):
    return [c.source for c in cells(path) if c.cell_type == "markdown"]


def number(path):
    return path.stem.partition("_")[0]


def lines(source):
    return [
        line
        for line in source.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


pytestmark = pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)


def test_it_is_small(path):
    sources = code(path)
    assert len(sources) <= 25
    assert sum(len(lines(s)) for s in sources) <= 250
    assert statistics.median(len(lines(s)) for s in sources) <= 7
    assert len(" ".join(prose(path)).split()) <= 2200
    for source in sources:
        # What a learner sees, and the solution: never both at once.
        stub, *solved = re.split(r"^ *### BEGIN SOLUTION\n", source, flags=re.M)
        for part in solved:
            solution, rest = re.split(
                r"^ *### END SOLUTION\n?", part, flags=re.M
            )
            assert len(solution.splitlines()) <= 20, source
            stub += rest
        assert len(stub.splitlines()) <= 20, source


def test_it_imports_the_course_in_six_lines(path):
    imports = [
        node
        for source in code(path)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        and node.module.split(".")[0] == "course_utils"
    ]
    assert sum(1 + node.end_lineno - node.lineno for node in imports) <= 6
    # From rooms, not from the modules in them, and what completion offers.
    for node in imports:
        assert node.module.count(".") < 2
        offered = importlib.import_module(node.module).__all__
        assert {alias.name for alias in node.names} <= set(offered)


def test_prose_stands_before_each_code_cell(path):
    before = "code"
    for cell in cells(path):
        if cell.cell_type == "code":
            assert before == "markdown", cell.source
        before = cell.cell_type


def test_it_is_numbered(path):
    assert re.fullmatch(NUMBER, number(path))


def test_it_opens_as_every_lesson_does(path):
    opening = prose(path)[0]
    assert re.match(r"# \S+", opening)
    assert sum(bool(re.match(r"# ", text)) for text in prose(path)) == 1
    for word in ("**Do:**", "**Learn:**", "**Need:**", "minutes"):
        assert word in opening
    assert f'course.begin("{number(path)}")' in code(path)[0]


def test_it_closes_with_what_to_take_away_and_what_comes_next(path):
    closing = prose(path)[-1]
    assert "## Take away" in closing and "**Next:**" in closing
    concluded = [s for s in code(path) if "Concluded: " in s]
    assert len(concluded) == 1


def test_a_sentence_follows_each_figure(path):
    all_cells = cells(path)
    for cell, after in zip(all_cells, [*all_cells[1:], None], strict=True):
        if cell.cell_type == "code" and "plt.subplots" in cell.source:
            assert after is not None and after.source.startswith("*The figure")


def test_tags_are_from_the_closed_set(path):
    for cell in cells(path):
        tags = set(cell.metadata.get("tags", []))
        assert tags <= TAGS
        if "nbval-skip" in tags:
            assert "# Skipped by the tests: " in cell.source


def test_exercises_are_named_and_checked(path):
    named = re.findall(r"^# exercise: (\S+)$", "\n".join(code(path)), re.M)
    checked = re.findall(r'course\.exercise\("(\S+)"\)\.check', str(code(path)))
    assert named and named == checked
    for cell in cells(path):
        marked = "### BEGIN SOLUTION" in cell.source
        assert marked == ("exercise" in cell.metadata.get("tags", []))


def test_checks_are_tagged(path):
    for cell in cells(path):
        calls = bool(re.search(r"exercise\(.*\)\.check\(", cell.source))
        assert calls == ("check" in cell.metadata.get("tags", []))


def test_it_shows_its_quiz_and_settles_each_prediction(path):
    lesson, source = number(path), "\n".join(code(path))
    if lesson in quizzes.lessons_with_quiz():
        assert re.search(r"^quiz$", source, re.M)
        for name, question in quizzes.load_questions(lesson).items():
            settled = f'quiz.outcome("{name}"' in source
            assert settled == (question["type"] == "predict"), name


def test_prose_states_no_measured_number(path):
    for text in prose(path):
        without_code = re.sub(r"`[^`]*`|95 %\s+interval", "", text)
        assert not re.search(MEASURED, without_code), text


def test_words_are_spelled_one_way(path):
    text = "\n".join(prose(path))
    assert not re.search(NEVER_IN_PROSE, text, re.IGNORECASE)
    names = {
        node.id
        for node in ast.walk(ast.parse("\n".join(code(path))))
        if isinstance(node, ast.Name)
    }
    assert not names & NEVER_IN_CODE
