"""Write marks into nbgrader's gradebook, by nbgrader's own API."""

from pathlib import Path

from course_utils.machine.errors import CourseError


def write(path: Path, rows: list[dict], told: dict) -> None:
    """Write marks into a gradebook; what is in it already is kept.

    Args:
        path: The gradebook, a file of SQLite, made where it is not there.
        rows: Submissions as `reporting.summed` gives them.
        told: As `class_folder.read_class` gives it.

    Raises:
        CourseError: If nbgrader is not installed.
    """
    try:
        from nbgrader.api import Gradebook
    except ImportError as error:
        raise CourseError(
            "nbgrader is not installed here: export from an environment that "
            "has it (`pip install nbgrader==0.9.6 -c constraints.txt`)."
        ) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    with Gradebook(f"sqlite:///{path.absolute()}") as book:
        for lesson, content in told["lessons"].items():
            notebook = Path(content["file"]).stem
            book.update_or_create_assignment(lesson, duedate=content.get("due"))
            book.update_or_create_notebook(notebook, lesson)
            for item, points in content["points"].items():
                book.update_or_create_grade_cell(
                    item, notebook, lesson, max_score=points, cell_type="code"
                )
        for row in rows:
            book.update_or_create_student(row["student"])
            book.update_or_create_submission(row["lesson"], row["student"])
            content = told["lessons"][row["lesson"]]
            notebook = Path(content["file"]).stem
            # What counts for nothing by now has no cell there.
            counted = [x for x in row["items"] if x["id"] in content["points"]]
            for item in counted:
                grade = book.find_grade(
                    item["id"], notebook, row["lesson"], row["student"]
                )
                by_hand = row["status"] != "graded"
                grade.auto_score = None if by_hand else item["earned"]
                grade.needs_manual_grade = by_hand
        book.db.commit()
