"""Read a notebook that anybody may have made: what it answers, and where.

Nothing is run. What an answer belongs to is said by a comment in its cell,
`# exercise: fe-03` or `# question: q2`, in whatever case and with whatever
blanks; metadata and order of cells, which front ends change, say nothing.
"""

import collections
import dataclasses
import json
import re
import textwrap
import warnings

from course_utils.answers.checks import load_sheets

_NAMED = re.compile(
    r"^[ \t]*#+[ \t]*(?:exercise|question)[ \t]*:?[ \t]*([a-z]+-?\d+)\b",
    re.M | re.I,
)
_BEGIN = re.compile(r"^[ \t]*course\.begin\(\s*[\"'](\w+)[\"']", re.M)
_SEED = re.compile(r"^[ \t]*course\.begin\([^)\n]*\bseed\s*=\s*(\d+)", re.M)


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a notebook answers.

    Attributes:
        lesson: Number of its lesson; empty if it cannot be told.
        cells: By id of exercise or question, the source of its cell; of
            several with one id, the last.
        seed: The seed in its set-up cell, if there is one.
        remarks: What is odd about it, a sentence each.
        readable: Whether it can be run at all.
    """

    lesson: str = ""
    cells: dict[str, str] = dataclasses.field(default_factory=dict)
    seed: int | None = None
    remarks: tuple[str, ...] = ()
    readable: bool = True


def name_in(source: str) -> str:
    """Return which exercise or question a cell answers; empty if none.

    Args:
        source: Code of the cell.
    """
    match = _NAMED.search(source)
    return match[1].lower() if match else ""


def read_answers(content: bytes) -> Answers:
    """Return what a notebook answers; never raises.

    Args:
        content: The bytes of the file.
    """
    if not content.strip():
        return Answers(remarks=("It is empty.",), readable=False)
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        remark = "It is no notebook: its JSON is broken, or it is cut off."
        return Answers(remarks=(remark,), readable=False)
    try:
        sources = list(code_of(notebook))
        return _read(notebook, sources)
    except RecursionError:
        remark = "It is no notebook: it is nested too deeply."
        return Answers(remarks=(remark,), readable=False)


def _read(notebook, sources):
    cells, owners, twice = {}, collections.Counter(), []
    by_exercise = {
        name: lesson
        for lesson, sheet in load_sheets().items()
        for name in sheet["exercises"]
    }
    seed = None
    for source in sources:
        if name := name_in(source):
            twice += [name] if name in cells else []
            cells[name] = source
            owners[by_exercise.get(name, "")] += 1
        if match := _BEGIN.search(source):
            owners[match[1] if match[1] in load_sheets() else ""] += 1
        if match := _SEED.search(source):
            seed = int(match[1][:18])
    del owners[""]
    remarks = []
    if twice:
        names = ", ".join(sorted(set(twice)))
        remarks.append(
            f"More than once: {names}; the last one that answers counts."
        )
    lesson = owners.most_common(1)[0][0] if owners else ""
    if len(owners) > 1:
        others = ", ".join(sorted(set(owners) - {lesson}))
        remarks.append(f"It also holds exercises of lesson {others}.")
    if problem := _problem(notebook):
        remarks.append(problem)
    return Answers(lesson, cells, seed, tuple(remarks), bool(sources))


def _problem(notebook):
    """Return what is wrong with the form of a notebook, in a sentence."""
    if not isinstance(notebook, dict):
        return "It is no notebook: a list or a word stands where it begins."
    if notebook.get("nbformat") != 4:
        shown = repr(notebook.get("nbformat"))[:20]
        return f"Its notebook format is {shown}, not 4."
    import nbformat

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What it mends, it only mentions.
            nbformat.validate(notebook)
    except Exception as error:  # Any error, of any notebook.
        words = str(getattr(error, "message", error))
        words = textwrap.shorten(words, 120, placeholder=" ...")
        words = words.encode("utf-8", "replace").decode()
        return f"Its form is not that of a notebook: {words}."
    return ""


def code_of(notebook):
    """Go through the sources of all code cells, of any format.

    Args:
        notebook: What a file's JSON holds.

    Yields:
        The text of each code cell, in order.
    """
    if isinstance(notebook, dict):
        if notebook.get("cell_type") == "code":
            source = notebook.get("source", notebook.get("input", ""))
            if isinstance(source, list):
                source = "".join(x for x in source if isinstance(x, str))
            if isinstance(source, str):
                yield source
            return
        lists = [notebook.get(key) for key in ("cells", "worksheets")]
    else:
        lists = [notebook]
    for cells in lists:
        for cell in cells if isinstance(cells, list) else ():
            if isinstance(cell, dict):
                yield from code_of(cell)
