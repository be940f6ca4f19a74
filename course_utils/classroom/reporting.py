"""Tell a class how it did: a table, feedback a student, a dashboard."""

import collections
import re
import statistics
from pathlib import Path

import jinja2
from tqdm.auto import tqdm

from course_utils.answers.checks import load_sheets
from course_utils.classroom import (
    class_charts,
    class_folder,
    item_statistics,
    similar_submissions,
)

REPORT = "report"
_TABLE = (
    *("student", "lesson", "earned", "points", "share", "late"),
    *("status", "message"),
)
_ITEMS = (
    *("student", "lesson", "item", "kind", "points", "earned"),
    *("verdict", "answer", "seconds"),
)
_SIGNS = {
    "passed": "\N{CHECK MARK}",
    "partial": "\N{CIRCLE WITH LEFT HALF BLACK}",
    "failed": "\N{MULTIPLICATION SIGN}",
    "not attempted": "\N{HORIZONTAL ELLIPSIS}",
    "error": "!",
}


def report(folder: str | Path, *, dry_run: bool = False) -> list[Path]:
    """Write `report/`: tables, feedback a student, and a dashboard.

    Args:
        folder: The folder of the class, graded.
        dry_run: Write nothing.

    Returns:
        `marks.csv`, `items.csv`, `dashboard.html`, and for each student
        `feedback/NAME.html` and `feedback/NAME.md`.

    Raises:
        CourseError: If there are no marks yet.
    """
    folder = Path(folder)
    told = class_folder.read_class(folder)
    marks = class_folder.read_marks(folder)
    collected = class_folder.read_collected(folder)
    rows = summed(marks, told, collected)
    by_student = collections.defaultdict(list)
    for row in rows:
        by_student[row["student"]].append(row)
    target = folder / REPORT
    written = [target / n for n in ("marks.csv", "items.csv", "dashboard.html")]
    pages = {}
    for student in by_student:
        path = target / "feedback" / student
        pages[student] = [
            path.with_name(f"{student}.{e}") for e in ("html", "md")
        ]
        written += pages[student]
    if dry_run:
        return written
    table = [[row[name] for name in _TABLE] for row in rows]
    class_folder.write_csv(written[0], _TABLE, table)
    class_folder.write_csv(written[1], _ITEMS, _item_rows(marks))
    bar = tqdm(by_student.items(), "Feedback", unit="student", delay=2)
    for student, own in bar:
        for path in pages[student]:
            name = f"feedback{path.suffix}"
            class_folder.write_text(
                path, _fill(name, student=student, rows=own)
            )
    page = _dashboard(folder, marks, rows, collected)
    class_folder.write_text(written[2], page)
    return written


def summed(marks: list[dict], told: dict, collected: list[dict]) -> list[dict]:
    """Return a row for each submission, with its points added up.

    Args:
        marks: As `class_folder.read_marks` gives them.
        told: As `class_folder.read_class` gives it.
        collected: As `class_folder.read_collected` gives them.
    """
    late = {(row["student"], row["lesson"]): row["late"] for row in collected}
    rows = []
    for mark in marks:
        lesson = told["lessons"].get(mark["lesson"], {})
        points = sum(lesson.get("points", {}).values())
        earned = sum(item["earned"] for item in mark["items"])
        rows.append(
            {
                **mark,
                "earned": round(earned, 2),
                "points": points,
                "share": round(earned / points, 4) if points else 0.0,
                "late": late.get((mark["student"], mark["lesson"]), ""),
                "title": _title(mark["lesson"]),
            }
        )
    return rows


def _title(lesson):
    return load_sheets().get(lesson, {}).get("title", "")


def _item_rows(marks):
    for mark in marks:
        for item in mark["items"]:
            own = {**mark, **item, "item": item["id"]}
            yield [own.get(name) for name in _ITEMS]


def _dashboard(folder, marks, rows, collected):
    items = item_statistics.look_at_items(marks)
    lessons = []
    for lesson in sorted({row["lesson"] for row in rows}):
        own = [row for row in rows if row["lesson"] == lesson]
        judged = [row for row in own if row["status"] == "graded"]
        ran = [row["share"] for row in judged]
        about = [item for item in items if item.lesson == lesson]
        lessons.append(
            {
                "number": lesson,
                "title": _title(lesson),
                "items": about,
                "handed_in": len(own),
                "ran": len(ran),
                "late": sum(row["late"] == "yes" for row in own),
                "mean": statistics.mean(ran) if ran else None,
                "median": statistics.median(ran) if ran else None,
                "seconds": statistics.median(row["seconds"] for row in judged)
                if judged
                else None,
                "totals": class_charts.draw_totals(ran, lesson) if ran else "",
                "verdicts": class_charts.draw_verdicts(about, lesson)
                if about
                else "",
                "pairs": similar_submissions.find_pairs(
                    lesson, _contents(folder, own, lesson)
                ),
            }
        )
    graded = {(row["student"], row["lesson"]) for row in rows}
    return _fill(
        "dashboard.html",
        lessons=lessons,
        failed=[row for row in rows if row["status"] != "graded"],
        remarked=[row for row in collected if row["remarks"]],
        waiting=[
            row
            for row in collected
            if row["lesson"] and (row["student"], row["lesson"]) not in graded
        ],
        fewest=item_statistics.FEWEST,
        shortest=similar_submissions.SHORTEST,
        least=similar_submissions.LEAST_LIKE,
    )


def _contents(folder, rows, lesson):
    """Return the notebooks of those who handed in a lesson, by student."""
    places = {
        row["student"]: folder / "submissions" / row["student"] for row in rows
    }
    return {
        student: (place / f"{lesson}.ipynb").read_bytes()
        for student, place in places.items()
        if (place / f"{lesson}.ipynb").is_file()
    }


def _fill(template, **content):
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("course_utils.classroom"),
        autoescape=lambda name: name.endswith(".html"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain_markdown
    environment.globals["signs"] = _SIGNS
    return environment.get_template(template).render(**content)


def plain_markdown(text: object) -> str:
    """Return text in one line that Markdown shows as it is, HTML included."""
    text = " ".join(str(text).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]#|~!>])", r"\\\1", text)
