"""The commands `course class ...`: from words to the functions of the room."""

import argparse
from pathlib import Path

from course_utils.machine import arguments


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Add `class` to the commands of `course`."""
    parser = commands.add_parser("class", help="teach a class: for teachers")
    steps = parser.add_subparsers(dest="step", required=True)

    def add(name, help_text):
        step = steps.add_parser(name, help=help_text, description=help_text)
        step.add_argument(
            "--dry-run", action="store_true", help="say what, change nothing"
        )
        return step

    step = add("release", "write the notebooks that a class is given")
    step.add_argument("lessons", nargs="+", metavar="LESSON", help="such as 02")
    step.add_argument("--out", required=True, metavar="DIR")
    step.add_argument(
        "--due",
        metavar="TIME",
        help="such as 2026-12-01T18:00; a date alone is the end of that day",
    )
    step.add_argument(
        "--points",
        action="append",
        default=[],
        metavar="ITEM=NUMBER",
        help="such as fe-03=4; 0 leaves it out of the mark",
    )
    step.add_argument(
        "--checks",
        action=argparse.BooleanOptionalAction,
        help="keep the cells that judge at once, or take them out",
    )
    step.add_argument(
        "--hints",
        action=argparse.BooleanOptionalAction,
        help="show hints in the notebook, or hide them",
    )
    step.add_argument(
        "--students",
        metavar="FILE",
        help="one name per line: each gets a notebook with a seed of their own",
    )
    step = add("collect", "put into one order what was handed in")
    step.add_argument("folder", metavar="DIR")
    step.add_argument(
        "source",
        nargs="?",
        help="a folder or a zip file; by default DIR/incoming",
    )
    for name, help_text in (
        ("grade", "run and judge what was collected"),
        ("regrade", "grade again after a key or a check was mended"),
    ):
        step = add(name, help_text)
        step.add_argument("folder", metavar="DIR")
        step.add_argument("--lesson", action="append", metavar="LESSON")
        step.add_argument("--student", action="append", metavar="NAME")
        step.add_argument(
            "--sandbox",
            default="auto",
            help="bubblewrap, which is the default, podman or docker",
        )
        step.add_argument("--workers", type=int)
        step.add_argument("--scheduler", metavar="ADDRESS")
        step.add_argument(
            "--trust-submissions",
            action="store_true",
            help="run them without a sandbox: they can do whatever you can",
        )
    step = add("report", "tables, feedback for each student, a dashboard")
    step.add_argument("folder", metavar="DIR")
    step.add_argument(
        "--roster",
        metavar="FILE",
        help="the table of Moodle or Canvas: says who handed in nothing",
    )
    step = add("export", "marks for Moodle, Canvas or nbgrader")
    step.add_argument("folder", metavar="DIR")
    step.add_argument(
        "--to", required=True, choices=("moodle", "canvas", "nbgrader")
    )
    step.add_argument(
        "--roster", metavar="FILE", help="the table that the system gives out"
    )
    step = add("example", "a class of twelve made-up students, to try this on")
    step.add_argument("folder", metavar="DIR")
    step.add_argument("--own-seeds", action="store_true")


def run(chosen: argparse.Namespace) -> int:
    """Run one step; returns the exit code."""
    for name in ("folder", "source", "out", "roster"):
        if getattr(chosen, name, None) is not None:
            setattr(chosen, name, arguments.path(name, getattr(chosen, name)))
    return {
        "release": _release,
        "collect": _collect,
        "grade": _grade,
        "regrade": _regrade,
        "report": _report,
        "export": _export,
        "example": _example,
    }[chosen.step](chosen)


def _release(chosen):
    from course_utils.classroom import class_folder, judges, release_settings
    from course_utils.classroom.releasing import draws_data, release

    names = chosen.students
    options = {
        "due": chosen.due and release_settings.read_due(chosen.due),
        "points": release_settings.read_points(chosen.points),
        "checks": chosen.checks,
        "hints": chosen.hints,
        "students": names and release_settings.read_names(names),
    }
    paths = release(
        chosen.out, chosen.lessons, dry_run=chosen.dry_run, **options
    )
    _say(paths, chosen)
    folder = Path(chosen.out)
    told, listed = release_settings.settle(folder, chosen.lessons, **options)
    if chosen.due and (folder / class_folder.COLLECTED).is_file():
        print(
            f"Who is late was told by the old date: `course class collect "
            f"{folder}` tells it anew."
        )
    if names:
        known = {name for some in listed.values() for name in some or ()}
        others = {p.name for p in folder.glob("release/*/")} - known
        if others:
            print(
                f"Released before, and not in {names}: "
                f"{', '.join(sorted(others))}. Delete the folder in "
                f"{folder / 'release'} of who is not in the class."
            )
    for lesson in dict.fromkeys(chosen.lessons):
        settings = told["lessons"][lesson]
        print(release_settings.describe(lesson, settings))
        if lesson not in judges.LESSONS:
            print(f"Lesson {lesson} cannot be graded by `course class` yet.")
        source = class_folder.lesson_source(lesson).read_text("utf-8")
        if settings["own_seeds"] and not draws_data(source):
            print(
                f"Lesson {lesson} has no draw of photographs: its seeds change "
                "first weights and order only."
            )
    return 0


def _collect(chosen):
    from course_utils.classroom.collecting import collect

    found = collect(chosen.folder, chosen.source, dry_run=chosen.dry_run)
    placed = [one for one in found if one.placed]
    students = {one.student for one in placed}
    print(f"{len(placed)} submissions of {len(students)} students.")
    for one in found:
        fine = one.placed and one.readable and not one.doubtful
        if not (fine or one.earlier):
            print(f"- {one.source}: {' '.join(one.remarks)}")
    if without := {one.student for one in found if one.student} - students:
        print(f"Without a submission that counts: {', '.join(sorted(without))}")
    if unread := sorted(one.student for one in placed if not one.readable):
        print(f"With one that cannot be read: {', '.join(unread)}")
    return 0


def _grade(chosen):
    grade, options = _grader(chosen)
    try:
        marks = grade(chosen.folder, dry_run=chosen.dry_run, **options)
    except KeyboardInterrupt:
        return _stopped()
    if chosen.dry_run:
        for task in marks:
            print(f"would grade {task['student']}, lesson {task['lesson']}")
        print(f"{len(marks)} submissions would be graded.")
        return 0
    graded = [one for one in marks if one["status"] == "graded"]
    print(f"{len(graded)} submissions are graded.")
    for one in marks:
        if one["message"]:
            words = f"{one['student']}, lesson {one['lesson']}"
            print(f"- {words}: {one['message']}")
    _say_what_is_old(chosen)
    return 0


def _regrade(chosen):
    from course_utils.classroom import class_folder
    from course_utils.classroom.regrading import regrade

    grade, options = _grader(chosen)
    try:
        changes = regrade(
            chosen.folder, grade, dry_run=chosen.dry_run, **options
        )
    except KeyboardInterrupt:
        return _stopped()
    for one in changes:
        print(
            f"{one.student}, lesson {one.lesson}, {one.item}: "
            f"{one.before:g} -> {one.after:g}"
        )
    students = {one.student for one in changes}
    known = " are known already" if chosen.dry_run else ""
    print(f"{len(changes)} changes{known}, for {len(students)} students.")
    if not chosen.dry_run:
        for mark in class_folder.read_marks(Path(chosen.folder)):
            if mark["status"] == "failed":
                print(
                    f"- {mark['student']}, lesson {mark['lesson']}, has no "
                    f"points now: {mark['message']}"
                )
        _say_what_is_old(chosen)
    elif tasks := grade(chosen.folder, dry_run=True, **options):
        names = ", ".join(dict.fromkeys(one["student"] for one in tasks))
        print(
            f"{len(tasks)} submissions would be run again, and only then is "
            f"known what changes: {names}."
        )
    return 0


def _stopped():
    print("\nStopped. Marks that were made are kept: the same command goes on.")
    return 130


def _say_what_is_old(chosen):
    from course_utils.classroom import teacher_notices

    for sentence in [
        *teacher_notices.old_marks(chosen.folder),
        *teacher_notices.old_files(chosen.folder),
    ]:
        print(sentence)


def _grader(chosen):
    from course_utils.classroom.grading import grade

    return grade, {
        "lessons": chosen.lesson,
        "students": chosen.student,
        "sandbox": chosen.sandbox,
        "workers": chosen.workers,
        "scheduler": chosen.scheduler,
        "trust_submissions": chosen.trust_submissions,
    }


def _report(chosen):
    from course_utils.classroom import class_folder, teacher_notices
    from course_utils.classroom.class_report import report

    written = report(
        chosen.folder, roster=chosen.roster, dry_run=chosen.dry_run
    )
    _say(written[:3], chosen)
    print(f"Feedback for {(len(written) - 3) // 2} students, beside them.")
    for sentence in teacher_notices.old_marks(chosen.folder):
        print(sentence)
    folder = Path(chosen.folder)
    placed = {
        (row["student"], row["lesson"])
        for row in class_folder.read_collected(folder)
        if row["lesson"]
    }
    marked = {
        (mark["student"], mark["lesson"])
        for mark in class_folder.read_marks(folder)
    }
    if missing := len(placed - marked):
        print(
            f"{missing} submissions have no mark: `course class grade "
            f"{folder}` gives one to those that can be graded."
        )
    return 0


def _export(chosen):
    from course_utils.classroom import teacher_notices
    from course_utils.classroom.marks_export import export

    path, remarks = export(
        chosen.folder, chosen.to, roster=chosen.roster, dry_run=chosen.dry_run
    )
    _say([path], chosen)
    for sentence in remarks:
        print(f"- {sentence}")
    for sentence in teacher_notices.old_marks(chosen.folder):
        print(sentence)
    return 0


def _example(chosen):
    from course_utils.classroom.example_class import write_example

    written = write_example(
        chosen.folder, own_seeds=chosen.own_seeds, dry_run=chosen.dry_run
    )
    _say(written, chosen)
    if not chosen.dry_run:
        print(
            "Lesson 02 is released there: `course class collect "
            f"{chosen.folder}` is next."
        )
    return 0


def _say(paths, chosen):
    for path in paths:
        print(f"{'would write' if chosen.dry_run else 'wrote'} {path}")
