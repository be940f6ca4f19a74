"""Make the notebooks that a class is given, from `lessons/` alone."""

import ast
import datetime
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from tqdm.auto import tqdm

from course_utils.answers import quizzes
from course_utils.answers.checks import load_sheets
from course_utils.classroom import (
    class_folder,
    release_notebooks,
    release_settings,
)

# The calls that draw: the photographs into parts, and first weights.
DRAWS = ("course.begin", "load_solar_cells")
EXERCISE = re.compile(r"^# exercise: ([a-z]{2}-\d{2})$", re.M)
QUESTION = re.compile(r"^# question: (q\d+)$", re.M)
_PREDICTION = re.compile(r'\bquiz\.answer\("(q\d+)"')
_CARDS = re.compile(r'^(quiz|course\.quiz\("\w+"\))$', re.M)
_WANTED = {
    "single": 'one of the words above, such as "{0}"',
    "several": 'a list of those that are right, such as ["{0}", "{1}"]',
    "number": "a number",
    "text": "a word, in quotes",
}


def release(
    folder: str | Path,
    lessons: Iterable[str],
    *,
    due: datetime.datetime | None = None,
    points: Mapping[str, float] | None = None,
    checks: bool | None = None,
    hints: bool | None = None,
    students: Iterable[str] | None = None,
    dry_run: bool = False,
) -> list[Path]:
    """Write the notebooks that a class is given: no solution is in them.

    What is None stays as it was when the lesson was released before.

    Args:
        folder: The folder of the class, made where it is not there yet.
        lessons: Numbers of lessons, such as ``["02", "03"]``.
        due: When answers are due; shown in the notebook.
        points: Points by exercise or question, where they shall differ from
            the course's: ``{"fe-03": 4}``, and 0 to leave one out of the mark.
        checks: Keep the cells that judge at once. At first they are kept.
        hints: Show the hints of each exercise below its task. At first they
            are not shown.
        students: Names. Where given, each gets a notebook of their own, with a
            seed of their own for the split of the photographs and the first
            weights.
        dry_run: Write nothing.

    Returns:
        The notebooks that are written, or would be.

    Raises:
        CourseError: If a lesson, an item or a name is unknown or makes no
            sense; nothing was written then.
    """
    folder = Path(folder)
    told, names = release_settings.settle(
        folder,
        lessons,
        due=due,
        points=points,
        checks=checks,
        hints=hints,
        students=students,
    )
    written = {}
    for lesson, owners in names.items():
        source = class_folder.lesson_source(lesson)
        settings = told["lessons"][lesson]
        cells = _cells(lesson, source, settings)
        for name in owners or [None]:
            place = folder / "release" / (name or "") / settings["file"]
            written[place] = (cells, name)
    if not dry_run:
        class_folder.secret_seed(folder)
        _write(folder, written)
        class_folder.write_class(folder, told)
    return list(written)


def with_seed(source: str, seed: int) -> str:
    """Give a seed to each call in a cell that draws data or first weights.

    Args:
        source: Code of a cell.
        seed: The seed; a call that names one already keeps its own.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:  # A cell with a magic command draws nothing here.
        return source
    places = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in DRAWS:
            given = [*node.args, *(word.value for word in node.keywords)]
            if not any(word.arg == "seed" for word in node.keywords):
                last = max(map(_end, given), default=None)
                row, column = last or (node.end_lineno, node.end_col_offset - 1)
                places.append((row - 1, column, ", " if last else ""))
    lines = source.split("\n")
    for row, column, comma in sorted(places, reverse=True):
        line = lines[row].encode()
        before, after = line[:column].decode(), line[column:].decode()
        lines[row] = f"{before}{comma}seed={seed}{after}"
    return "\n".join(lines)


def _end(node):
    return node.end_lineno, node.end_col_offset


def draws_data(source: str) -> bool:
    """Whether a lesson has a draw of data that a student's seed changes."""
    return "load_solar_cells(" in source


def _cells(lesson, source, told):
    script, origin = source.read_text("utf-8"), f"lessons/{source.name}"
    made = []
    for cell in release_notebooks.build_cells(script, False, origin):
        made += _changed(cell, lesson, told)
    made.insert(1, _markdown("hand-in", _hand_in(told)))
    return made


def _changed(cell, lesson, told):
    """Return what a cell of the lesson becomes, and the cells that follow."""
    points, tags = told["points"], cell.metadata.get("tags", [])
    if cell.cell_type != "code":
        return [cell]
    after = []
    if "check" in tags and not told["checks"]:
        cell.source = "# This is judged after you have handed it in."
        cell.metadata = {}
    elif match := EXERCISE.search(cell.source):
        name = match[1]
        worth = _counted(points[name]) if name in points else "For yourself"
        line = f"\n# {worth}"
        end = match.end()
        cell.source = cell.source[:end] + line + cell.source[end:]
        if told["hints"]:
            words = load_sheets()[lesson]["exercises"][name]["hints"]
            after = [_markdown(f"hints-{name}", _hints(words))]
    elif match := _PREDICTION.search(cell.source):
        cell.source = f"# question: {match[1]}\n{cell.source}"
    elif _CARDS.search(cell.source):
        # A card's answer is kept beside the notebook, not in it.
        cell.source = _CARDS.sub("", cell.source).strip()
        after = _question_cells(lesson, told)
    return [*([cell] if cell.source else []), *after]


def _question_cells(lesson, told):
    cells = []
    for name, question in quizzes.load_questions(lesson).items():
        kind, choices = question["type"], question.get("choices", [])
        if kind == "predict":
            continue
        ids = sorted(choice["id"] for choice in choices)
        wanted = _WANTED[kind].format(*ids) + _unit(question)
        worth = told["points"].get(name)
        text = f"**Question {name}.** {question['prompt'].strip()}\n\n"
        texts = {c["id"]: c["text"].strip() for c in choices}
        text += "".join(f"- `{one}`: {texts[one]}\n" for one in ids)
        worth = f" {_counted(worth).capitalize()}." if worth else ""
        text += f"\nPut in place of the dots {wanted}.{worth}"
        code = f"# question: {name}\nanswer_{name} = ..."
        if told["checks"]:
            code += f'\ncourse.quiz("{lesson}").answer("{name}", answer_{name})'
        cells += [
            _markdown(f"words-{name}", text),
            _code(f"answer-{name}", code),
        ]
    return cells


def _unit(question):
    return f" in {question['unit']}" if "unit" in question else ""


def _hand_in(told):
    points = told["points"]
    lines = ["## What to hand in", ""]
    if due := told.get("due"):
        lines += [f"Due **{release_settings.due_in_words(due)}**.", ""]
    lines += [
        f"This notebook, saved, for {_counted(sum(points.values()))} in all. "
        "You may add and move cells. In each exercise leave the line that "
        "begins with `# exercise:` or `# question:`, since it says what "
        "your answer belongs to, and the names on the left of `= ...`. If an "
        "exercise is there twice, the last answer counts. "
        "Your answers are run again from the first "
        "cell on, elsewhere and without a network: what you have not written "
        "into this notebook is not seen. What is not in the table is for "
        "yourself, and not graded.",
        "",
        "| | points |",
        "| --- | --: |",
    ]
    lines += [f"| {name} | {value:g} |" for name, value in points.items()]
    return "\n".join(lines)


def _hints(words):
    steps = [f"{i}. {word.strip()}" for i, word in enumerate(words, 1)]
    head = "<details><summary>Hints</summary>\n\n"
    return head + "\n".join(steps) + "\n\n</details>"


def _counted(points):
    return f"{points:g} point{'' if points == 1 else 's'}"


def _markdown(name, source):
    import nbformat

    return nbformat.v4.new_markdown_cell(source, id=name)


def _code(name, source):
    import nbformat

    return nbformat.v4.new_code_cell(
        source, id=name, metadata={"tags": ["exercise"]}
    )


def _write(folder, written):
    import nbformat

    bar = tqdm(written.items(), "Writing", unit="notebook", delay=2)
    for path, (cells, student) in bar:
        if student is not None:
            seed = class_folder.student_seed(folder, student)
            cells = [nbformat.from_dict(dict(cell)) for cell in cells]
            for cell in cells:
                if cell.cell_type == "code":
                    cell.source = with_seed(cell.source, seed)
        text = release_notebooks.write(cells)
        class_folder.write_text(path, text)
