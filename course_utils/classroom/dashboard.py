"""Draw the dashboard of a class: for the teacher alone."""

import statistics
from pathlib import Path
from urllib.parse import quote

from course_utils.classroom import (
    dashboard_charts,
    feedback_pages,
    item_statistics,
    rosters,
    similar_submissions,
)

_ABSENT = "not handed in"


def draw(
    folder: Path,
    told: dict,
    marks: list[dict],
    rows: list[dict],
    collected: list[dict],
    roster: rosters.Roster | None,
) -> str:
    """Return the page.

    Args:
        folder: The folder of the class.
        told: As `class_folder.read_class` gives it.
        marks: As `class_folder.read_marks` gives them.
        rows: The marks, as `reporting.summed` adds them up.
        collected: As `class_folder.read_collected` gives them.
        roster: The table of the class, if there is one.
    """
    items = item_statistics.look_at_items(marks)
    marked = {(row["student"], row["lesson"]) for row in rows}
    students = _students(folder, told, rows, collected, roster)
    lessons = []
    for lesson in sorted({row["lesson"] for row in rows}):
        own = [row for row in rows if row["lesson"] == lesson]
        judged = [row for row in own if row["status"] == "graded"]
        shares = [row["share"] for row in judged if row["share"] is not None]
        about = [item for item in items if item.lesson == lesson]
        everybody = [one for one in students if one["lesson"] == lesson]
        there = [x for x in everybody if x["state"] != _ABSENT]
        lessons.append(
            {
                "number": lesson,
                "title": own[0]["title"],
                "items": about,
                "students": everybody,
                "handed_in": len(there),
                "ran": len(judged),
                "late": sum(one["late"] == "yes" for one in there),
                "mean": statistics.mean(shares) if shares else None,
                "median": statistics.median(shares) if shares else None,
                "seconds": statistics.median(row["seconds"] for row in judged)
                if judged
                else None,
                "totals": dashboard_charts.draw_totals(shares, lesson)
                if shares
                else "",
                "verdicts": dashboard_charts.draw_verdicts(about, lesson)
                if about
                else "",
                "pairs": similar_submissions.find_pairs(
                    lesson, _contents(folder, own, lesson)
                ),
            }
        )
    return feedback_pages.fill(
        "dashboard.html",
        lessons=lessons,
        failed=[row for row in rows if row["status"] != "graded"],
        waiting=[
            row
            for row in collected
            if row["lesson"] and (row["student"], row["lesson"]) not in marked
        ],
        remarked=[row for row in collected if row["remarks"]],
        enrolled=bool(roster or _own_seeds(folder, told)),
        fewest=item_statistics.FEWEST,
        shortest=similar_submissions.SHORTEST,
        least=similar_submissions.LEAST_LIKE,
    )


def _students(folder, told, rows, collected, roster):
    """Return a row for each student and lesson, whether handed in or not."""
    marked = {(row["student"], row["lesson"]): row for row in rows}
    late = {
        (row["student"], row["lesson"]): row["late"]
        for row in collected
        if row["lesson"]
    }
    known = [row["student"] for row in rows] + _own_seeds(folder, told)
    numbers = rosters.numbers_of(collected, known)
    names = {*numbers, *(roster.absent(numbers) if roster else ())}
    found = []
    for lesson in {row["lesson"] for row in rows}:
        for name in sorted(names):
            place = name, lesson
            mark = marked.get(place)
            state = _ABSENT
            if mark is not None:
                failed = mark["status"] != "graded"
                state = "could not be graded" if failed else "graded"
            elif place in late:
                state = "not graded yet"
            found.append(
                {
                    "student": name,
                    "lesson": lesson,
                    "mark": mark,
                    "state": state,
                    "late": late.get(place, ""),
                    "page": f"feedback/{quote(name)}.html" if mark else "",
                }
            )
    return found


def _own_seeds(folder, told):
    """Return the students whom a notebook of their own was released to."""
    return [
        path.parent.name
        for lesson in told["lessons"].values()
        if lesson["own_seeds"]
        for path in (folder / "release").glob(f"*/{lesson['file']}")
    ]


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
