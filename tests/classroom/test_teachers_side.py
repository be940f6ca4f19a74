"""Release, collect, report, regrade, export: a teacher's steps but grading."""

import argparse
import csv
import datetime
import io
import json
import os
import re
import shlex
import stat
import zipfile

import nbformat
import pytest

from benchmarks import classroom_honest
from course_utils import cli
from course_utils.classroom import (
    class_commands,
    class_folder,
    collect,
    export,
    judges,
    regrade,
    release,
    release_notebooks,
    report,
    rosters,
    similar_submissions,
    submitted_answers,
    write_example,
)
from course_utils.classroom.example_class import solve
from course_utils.classroom.feedback_pages import code_in_html, plain_markdown
from course_utils.classroom.handed_in_names import known_as
from course_utils.classroom.item_statistics import look_at_items
from course_utils.classroom.releasing import with_seed
from course_utils.machine.errors import CourseError
from tests.conftest import TOP
from tools import try_nbgrader

FILE = "02_feature_extraction.ipynb"


@pytest.fixture
def room(tmp_path):
    """The folder of a class that lesson 02 was released to."""
    release(tmp_path / "class", ["02"], due=datetime.datetime(2026, 12, 1, 18))
    return tmp_path / "class"


def released(room, *place):
    return (room / "release").joinpath(*place, FILE).read_bytes()


def hand_in(room, path, content=None):
    path = room / "incoming" / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(released(room) if content is None else content)
    return path


def test_a_release_has_no_solution_and_says_points_and_time(room):
    text = released(room).decode()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert "SOLUTION" not in text
    assert "np.array_equal(new, old) for new, old in pairs)" not in text
    assert "01 December 2026, 18:00" in notebook.cells[1].source
    points = class_folder.read_class(room)["lessons"]["02"]["points"]
    assert f"for {sum(points.values()):g} points" in notebook.cells[1].source
    # What only the submission's own process can tell is worth nothing.
    left = set(submitted_answers.read_answers(text.encode()).cells) - set(
        points
    )
    assert left == {"fe-05", "q11"}


@pytest.mark.parametrize("lesson", judges.LESSONS)
def test_a_solved_release_answers_all_that_counts(tmp_path, lesson):
    [path] = release(tmp_path, [lesson])
    found = submitted_answers.read_answers(solve(path, lesson))
    assert found.lesson == lesson
    points = class_folder.read_class(tmp_path)["lessons"][lesson]["points"]
    for name in points:
        lines = found.cells[name].split("\n")
        assert not any(map(release_notebooks.STUB.fullmatch, lines)), name
    asked = submitted_answers.read_answers(path.read_bytes()).cells
    assert all(asked[name] != found.cells[name] for name in points)


def test_checks_and_hints_are_as_chosen(tmp_path):
    release(tmp_path, ["02"], checks=False, hints=True)
    text = (tmp_path / "release" / FILE).read_text("utf-8")
    assert ".check(" not in text and "<summary>Hints" in text


def test_seeds_are_each_students_own_and_stay(tmp_path):
    names = ["Student 01", "Student 02"]
    release(tmp_path, ["02"], students=names)
    texts = [released(tmp_path, name) for name in names]
    seeds = [submitted_answers.read_answers(text).seed for text in texts]
    assert seeds == [class_folder.student_seed(tmp_path, n) for n in names]
    assert seeds[0] != seeds[1]
    assert f"load_solar_cells(seed={seeds[0]})" in texts[0].decode()
    release(tmp_path, ["02"], students=names)
    assert [released(tmp_path, name) for name in names] == texts


def test_a_seed_is_given_to_the_calls_that_draw_and_to_no_others():
    source = (
        'course.begin("02")\nt = load_solar_cells(\n    split_by="cell",\n)'
    )
    seeded = with_seed(source, 7)
    compile(seeded, "cell", "exec")
    assert seeded.count("seed=7") == 2
    assert with_seed("flip(x)\n%matplotlib", 7) == "flip(x)\n%matplotlib"
    assert (
        with_seed("load_solar_cells(seed=1)", 7) == "load_solar_cells(seed=1)"
    )


@pytest.mark.parametrize(
    ("points", "students", "told"),
    [
        ({"xx-01": 1}, None, "'xx-01' cannot be worth"),
        ({"fe-03": -1}, None, "cannot be worth -1"),
        (None, ["A", "A"], "names 'A' twice"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(
    tmp_path, points, students, told
):
    with pytest.raises(CourseError, match=told):
        release(tmp_path / "new", ["02"], points=points, students=students)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("path", "student", "late"),
    [
        ("Anna Meyer_123_assignsubmission_file_/x.ipynb", "Anna Meyer", ""),
        ("Anna Meyer_123_assignsubmission_file_x.ipynb", "Anna Meyer", ""),
        ("meyeranna_LATE_123_456_x-1.ipynb", "meyeranna", "yes"),
        ("meyeranna_123_456_x.ipynb", "meyeranna", "no"),
        ("submitted/anna/02/x.ipynb", "anna", ""),
        ("Anna Meyer/anything at all (3).ipynb", "Anna Meyer", ""),
        ("02_feature_extraction_Anna Meyer.ipynb", "Anna Meyer", ""),
    ],
)
def test_each_system_tells_whose_a_file_is(room, path, student, late):
    hand_in(room, path)
    (one,) = collect(room)
    assert (one.student, one.lesson, one.late) == (student, "02", late)
    kept = room / "submissions" / student / "02.ipynb"
    assert kept.read_bytes() == released(room)


@pytest.mark.parametrize(
    ("paths", "students"),
    [
        (("class 7/Anna/{}", "class 7/Ben/{}"), {"Anna", "Ben"}),
        (("a/b/Anna/02/{}", "a/b/Ben/02/{}"), {"Anna", "Ben"}),
        # One student's own folders.
        (("Anna/first/{}", "Anna/second/other.ipynb"), {"Anna"}),
        (("Anna/{}", "Anna/old.ipynb"), {"Anna"}),
        (("Carl/first/{}", "Carl/second/{}"), {"Carl"}),
    ],
)
def test_a_folder_of_all_is_nobodys_name(room, paths, students):
    (room / "submissions" / "Carl").mkdir(parents=True)
    (room / "submissions" / "Carl" / "01.ipynb").write_bytes(b"{}")
    for path in paths:
        hand_in(room, path.format(FILE))
    assert {one.student for one in collect(room)} == students


def test_a_file_may_be_called_what_its_student_likes(room):
    for student in ("anna", "bob"):
        hand_in(room, f"submitted/{student}/02/{FILE}")
    other = released(room).replace(b"my_head = ...", b"my_head = 1")
    path = hand_in(room, "submitted/anna/02/bob_7_1_x.ipynb", other)
    os.utime(path, (4e9, 4e9))
    placed = {one.student: one for one in collect(room) if one.placed}
    assert placed["bob"].source == f"submitted/bob/02/{FILE}"
    assert placed["anna"].source.endswith("bob_7_1_x.ipynb")
    collected = class_folder.read_collected(room)
    assert set(rosters.numbers_of(collected).values()) == {""}


def test_downloads_of_a_system_lie_in_any_folder(room):
    for name in ("meyeranna_77_1_x.ipynb", "weissben_LATE_8_2_x.ipynb"):
        hand_in(room, f"class 7/{name}")
    found = {one.student: one.late for one in collect(room)}
    assert found == {"meyeranna": "no", "weissben": "yes"}
    numbers = rosters.numbers_of(class_folder.read_collected(room))
    assert numbers == {"meyeranna": "77", "weissben": "8"}


@pytest.mark.parametrize(
    ("student", "name"),
    [
        ("meyeranna", "Anna Meyer"),
        ("annameyer", "Anna Meyer"),
        ("Anna_Meyer", "Anna Meyer"),
        ("Meyer, Anna", "Anna Meyer"),
        # The same letters are not the same name.
        ("student12", "student12"),
        ("nana meyer", "nana meyer"),
    ],
)
def test_a_name_is_known_by_its_words(student, name):
    names = ["Anna Meyer", "Student 21", "Ben Weiss"]
    assert known_as(student, names) == name


def test_names_in_an_older_encoding_are_read(room):
    folder = os.fsencode(room / "incoming") + b"/M\xfcller"
    os.makedirs(folder)
    with open(folder + b"/x.ipynb", "wb") as file:
        file.write(released(room))
    (one,) = collect(room)
    assert one.student == "Müller"


def test_repositories_of_github_classroom(room):
    for name in ("anna", "ben-b"):
        hand_in(room, f"feature-02-{name}/notebooks/{FILE}")
        (room / "incoming" / f"feature-02-{name}" / ".git").mkdir()
    assert {one.student for one in collect(room)} == {"anna", "ben-b"}


def test_nbgraders_time_stamp_says_what_is_late(room):
    for name, time in (("a", "2026-12-05"), ("b", "2026-11-05")):
        hand_in(room, f"submitted/{name}/02/{FILE}")
        stamp = f"{time} 10:00:00.123 UTC\n".encode()
        hand_in(room, f"submitted/{name}/02/timestamp.txt", stamp)
    assert {o.student: o.late for o in collect(room)} == {"a": "yes", "b": "no"}


def test_nothing_is_lost_and_each_reason_is_said(room):
    hand_in(room, FILE)
    hand_in(room, "A/photo.png", b"x")
    hand_in(room, "B/x.ipynb", b'{"cells": [')
    hand_in(room, "C/x.ipynb", b"[" * 100_000)
    hand_in(room, "D/x.ipynb", b'{"nbformat": "\\ud800", "cells": "none"}')
    (room / "incoming" / "E").mkdir()
    (room / "incoming" / "E" / "x.ipynb").symlink_to("/etc/hostname")
    found = {one.source: " ".join(one.remarks) for one in collect(room)}
    assert len(found) == 6 and all(found.values())
    assert "whose" in found[FILE] and "no notebook" in found["A/photo.png"]
    assert "cut off" in found["B/x.ipynb"] and "link" in found["E/x.ipynb"]
    with (room / "collected.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 6
    assert not (room / "submissions").exists()


def test_a_cell_of_empty_lines_holds_nobody_up():
    # Looked at again from each line, it would take hours.
    cell = {"cell_type": "code", "source": "\n" * 1_000_000}
    content = json.dumps({"nbformat": 4, "cells": [cell]}).encode()
    assert not submitted_answers.read_answers(content).cells


def zipped(*members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def test_an_archive_cannot_lead_outside_link_or_fill_the_memory(
    room, monkeypatch
):
    from course_utils.classroom import handed_in_files

    monkeypatch.setattr(handed_in_files, "LARGEST_NOTEBOOK", 1_000_000)
    link = zipfile.ZipInfo("A/link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    members = [
        ("../outside.ipynb", "x"),
        ("A/x.ipynb", released(room)),
        (link, "/etc/passwd"),
        ("A/bomb.ipynb", bytes(5_000_000)),
        ("A/inner.zip", zipped(("y.txt", "y"))),
        ("B/inner.zip", zipped(("z.ipynb", bytes(800_000)))),
        ("B/last.ipynb", bytes(800_000)),
    ]
    # More than the notebook above, less than all.
    monkeypatch.setattr(handed_in_files, "LARGEST_ARCHIVE", 2_600_000)
    archive = room.parent / "all.zip"
    archive.write_bytes(zipped(*members))
    told = {o.source: " ".join(o.remarks) for o in collect(room, archive)}
    assert told["A/x.ipynb"] == ""
    assert "leads outside" in told["outside.ipynb"]
    assert "is a link" in told["A/link.ipynb"]
    assert "too large" in told["A/bomb.ipynb"]
    assert "no notebook" in told["A/inner.zip/y.txt"]
    assert "too large" in told["B/last.ipynb"]
    assert not (room.parent / "outside.ipynb").exists()


def test_the_newer_of_two_counts_also_when_collected_again(room):
    old, new = hand_in(room, f"A/{FILE}"), hand_in(room, "A/new.ipynb")
    new.write_bytes(new.read_bytes().replace(b"my_head = ...", b"my_head = 1"))
    os.utime(old, (1e9, 1e9))
    rows = collect(room)
    assert [one.source for one in rows if one.placed] == ["A/new.ipynb"]
    kept = room / "submissions" / "A" / "02.ipynb"
    assert kept.read_bytes() == new.read_bytes()
    before = (room / "collected.csv").read_text()
    collect(room)
    assert (room / "collected.csv").read_text() == before
    elsewhere = room.parent / "later" / "A"
    elsewhere.mkdir(parents=True)
    (elsewhere / FILE).write_bytes(released(room))
    os.utime(elsewhere / FILE, (5e8, 5e8))
    collect(room, elsewhere.parent)
    assert kept.read_bytes() == new.read_bytes(), "older, so it does not count"


def test_odd_notebooks_are_told_apart_and_their_answers_found(tmp_path):
    students = classroom_honest.hand_in(tmp_path)
    placed = {one.student: one for one in collect(tmp_path) if one.placed}
    assert set(placed) == set(students.values())
    assert placed["studentb"].late == "yes"
    for name, student in students.items():
        answers = submitted_answers.read_answers(placed[student].content)
        assert {"fe-06"} <= set(answers.cells)
        assert name == "in one cell" or {"fe-03", "q15"} <= set(answers.cells)


def test_a_broken_one_never_takes_the_place_of_a_readable_one(room):
    os.utime(hand_in(room, f"A/{FILE}"), (1e9, 1e9))
    hand_in(room, "A/02_feature_extraction (1).ipynb", b"{")
    (placed,) = [one for one in collect(room) if one.placed]
    assert placed.source == f"A/{FILE}"


def test_two_of_one_name_are_two(room):
    for number in (1, 2):
        hand_in(room, f"Ann Li_{number}_assignsubmission_file_/x.ipynb")
    names = {one.student for one in collect(room)}
    assert names == {"Ann Li (1)", "Ann Li (2)"}


def mark(room, student, earned, status="graded", **more):
    verdict = "passed" if earned == 2 else "failed"
    item = {"id": "fe-03", "kind": "exercise", "points": 2, "earned": earned}
    item |= {"verdict": verdict, "message": "Said.", "seconds": 1.0, **more}
    content = {"student": student, "lesson": "02", "sha256": "", "seconds": 1}
    content |= {"grader": "1", "status": status, "message": ""}
    path = room / "marks" / student / "02.json"
    class_folder.write_text(path, json.dumps({**content, "items": [item]}))


def test_a_report_tells_the_class_and_each_student(room):
    mark(room, "A", 2.0)
    mark(
        room, "B", 0.0, answer="<script>x</script>", misconception="Two orders."
    )
    mark(room, "C", 0.0, answer="other", misconception="Two orders.")
    written = report(room)
    page = (room / "report" / "dashboard.html").read_text("utf-8")
    assert "Two orders." in page and "(2 of 3)" in page
    assert "<script" not in page and page.count('role="img"') == 2
    feedback = (room / "report" / "feedback" / "B.html").read_text("utf-8")
    assert "Said." in feedback and "&lt;script" in feedback
    text = (room / "report" / "feedback" / "B.md").read_text("utf-8")
    assert "<script" not in text and "**0 of 2 points (0 %).**" in text
    with written[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["earned"] for row in rows] == ["2.0", "0.0", "0.0"]


def test_pairs_are_told_by_what_is_their_own(room):
    def answered(*lines):
        notebook = json.loads(released(room))
        cell = "\n".join(["# exercise: fe-03", *lines])
        notebook["cells"].append({"cell_type": "code", "source": cell})
        return json.dumps(notebook).encode()

    odd = [f"strange_name_{n} = sorted(my_rows)[{n}:] + [9]" for n in range(5)]
    own = [f"batch{n} = features.mean((1, 2)) * {n}" for n in range(5)]
    found = similar_submissions.find_pairs(
        "02",
        {
            "A": answered(*odd),
            "B": answered(*odd[:4], "y = 2"),
            "C": answered(*own),
            # What everybody was given is nobody's own.
            "D": released(room),
            "E": released(room),
        },
    )
    assert [(pair.first, pair.second) for pair in found] == [("A", "B")]
    assert found[0].likeness > 0.8 and found[0].lines == tuple(odd[:4])


def test_discrimination_is_the_correlation_with_the_other_items():
    def one(number):
        good = number > 5
        items = [("q2", 1.0 * good), ("q3", 1.0 * (not good)), ("q6", number)]
        return {
            "status": "graded",
            "lesson": "02",
            "items": [
                {"id": n, "kind": "question", "points": 12, "earned": e}
                | {"verdict": "partial"}
                for n, e in items
            ],
        }

    marks = [one(number) for number in range(12)]
    q2, q3, _ = look_at_items(marks)
    assert q2.discrimination[0] > 0.5 > 0 > q3.discrimination[0]
    assert look_at_items(marks[:9])[0].discrimination is None


def test_plain_markdown_holds_no_markup():
    assert plain_markdown("<b>*a*_b_\n# c") == "&lt;b\\>\\*a\\*\\_b\\_ \\# c"


def test_regrading_says_who_changes_and_goes_on_after_a_kill(room):
    mark(room, "A", 2.0)
    mark(room, "B", 0.0)

    def killed(folder):
        mark(room, "B", 2.0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        regrade(room, killed)
    (change,) = regrade(room, lambda folder: None)
    assert (change.student, change.before, change.after) == ("B", 0.0, 2.0)
    assert regrade(room, lambda folder: None) == []


def test_a_roster_is_filled_in_and_who_is_missing_is_said(room):
    hand_in(room, "meyeranna_77_456_x.ipynb")
    collect(room)
    mark(room, "meyeranna", 2.0)
    mark(room, "Ben Weiss", 0.0)
    mark(room, "Nobody", 0.0)
    roster = room / "canvas.csv"
    roster.write_text(
        "Student,ID,Section\n    Points Possible,,\n"
        '"Meyer, Anna",77,1\n"Weiss, Ben",8,1\n"Student, Test",9,1\n'
    )
    path, left_out = export(room, "canvas", roster=roster)
    assert path.read_text().splitlines() == [
        "Student,ID,Section,Lesson 02",
        "    Points Possible,,,2",
        '"Meyer, Anna",77,1,2.0',
        '"Weiss, Ben",8,1,0.0',
        # With this row a Canvas tries a course out: nobody is missing.
        '"Student, Test",9,1,',
    ]
    assert len(left_out) == 1 and "Nobody" in left_out[0]


def test_what_has_no_mark_is_exported_empty_and_said(room):
    hand_in(room, f"Late/{FILE}")
    collect(room)
    mark(room, "A", 2.0)
    mark(room, "Broken", 0.0, status="failed")
    roster = room / "moodle.csv"
    roster.write_text("Full name;ID number\nA;1\nBroken;2\nLate;3\nNone;4\n")
    path, remarks = export(room, "moodle", roster=roster)
    assert path.read_text().splitlines() == [
        "Full name;ID number;Lesson 02",
        *("A;1;2.0", "Broken;2;", "Late;3;", "None;4;"),
    ]
    told = " ".join(remarks)
    assert "Broken, lesson 02: it could not be graded" in told
    assert "Late, lesson 02: it is not graded yet" in told
    assert told.endswith("from these of moodle.csv: None.")
    with report(room)[0].open(newline="") as file:
        shares = {r["student"]: r["share"] for r in csv.DictReader(file)}
    assert shares["Broken"] == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "roster.csv does not exist"),
        ("Student,ID\nA,1\n", "a table of Canvas's: .* --to canvas"),
        ("Who\tNumber\nA\t1\n", "Its columns are Who, Number"),
        ("", "Its columns are none"),
    ],
)
def test_a_roster_that_is_none_is_refused(room, text, told):
    mark(room, "A", 2.0)
    if text is not None:
        (room / "roster.csv").write_text(text)
    with pytest.raises(CourseError, match=told):
        export(room, "moodle", roster=room / "roster.csv")
    assert not (room / "export").exists()


def test_exporting_again_fills_in_the_same_column(room):
    mark(room, "A", 2.0)
    mark(room, "Broken", 0.0, status="failed")
    roster = room / "canvas.csv"
    roster.write_text("Student,Lesson 02 (88),ID\nA,0,1\nBroken,7,2\n")
    path, _ = export(room, "canvas", roster=roster)
    assert path.read_text().splitlines() == [
        "Student,Lesson 02 (88),ID",
        *("A,2.0,1", "Broken,7,2"),
    ]
    # As Moodle writes it, with a dash where there is no mark.
    header = "Full name,Assignment: Lesson 02 (Real)"
    roster.write_text(f"{header}\nA,-\nBroken,-\n")
    path, _ = export(room, "moodle", roster=roster)
    assert path.read_text().splitlines() == [header, "A,2.0", "Broken,-"]


def test_nobody_gets_the_mark_of_another_with_that_name_or_number(room):
    hand_in(room, "Ann Li_7_assignsubmission_file_/x.ipynb")
    hand_in(room, "Ben Ok_9_assignsubmission_file_/x.ipynb")
    collect(room)
    mark(room, "Ann Li", 2.0)
    mark(room, "Ben Ok", 0.0)
    roster = room / "moodle.csv"
    roster.write_text("Full name,ID number\nAnn Li,1\nAnn Li,2\nBen Ok,7\n")
    path, remarks = export(room, "moodle", roster=roster)
    rows = path.read_text().splitlines()[1:]
    assert rows == ["Ann Li,1,", "Ann Li,2,", "Ben Ok,7,0.0"]
    assert [one.split(" is ")[0] for one in remarks] == ["Ann Li"]
    roster.write_text("Full name,Identifier\nAnn Li,Participant 8\n")
    roster.write_text(roster.read_text() + "Ann Li,Participant 7\n")
    rows = export(room, "moodle", roster=roster)[0].read_text().splitlines()
    assert rows[1:] == ["Ann Li,Participant 8,", "Ann Li,Participant 7,2.0"]


def test_without_a_roster_what_an_import_needs_is_said(room):
    hand_in(room, "meyeranna_77_456_x.ipynb")
    collect(room)
    mark(room, "meyeranna", 2.0)
    path, remarks = export(room, "canvas")
    assert path.read_text().splitlines()[1:] == [
        "Points Possible,,2",
        "meyeranna,77,2.0",
    ]
    assert remarks == []
    assert "--roster" in export(room, "moodle")[1][0]


def test_the_dashboard_lists_who_is_late_and_who_handed_in_nothing(room):
    hand_in(room, "meyeranna_LATE_77_456_x.ipynb")
    collect(room)
    mark(room, "meyeranna", 2.0)
    mark(room, "Broken #1", 0.0, status="failed")
    page = report(room)[2]
    assert "--roster FILE" in page.read_text("utf-8")
    roster = room / "canvas.csv"
    roster.write_text('Student,ID\n"Meyer, Anna",77\n"Weiss, Ben",8\n')
    report(room, roster=roster)
    rows = {
        re.sub("<.*?>", "", row[0]): row
        for row in (
            re.findall("<t[hd].*?>(.*?)</t[hd]>", line)
            for line in page.read_text("utf-8").splitlines()
        )
        if len(row) == 5
    }
    assert rows["meyeranna"] == [
        '<a href="feedback/meyeranna.html">meyeranna</a>',
        *("2 of 2", "100 %", "late", "graded"),
    ]
    assert rows["Ben Weiss"][1:] == ["", "", "", "not handed in"]
    assert rows["Broken #1"][1:] == ["", "", "", "could not be graded"]
    assert 'href="feedback/Broken%20%231.html"' in rows["Broken #1"][0]


def test_with_own_seeds_the_class_is_known_without_a_roster(tmp_path):
    release(tmp_path, ["02"], students=["A", "B"])
    mark(tmp_path, "A", 2.0)
    page = report(tmp_path)[2].read_text("utf-8")
    assert "not handed in" in page and "--roster" not in page


def test_feedback_has_the_words_of_questions_answers_and_due_date(room):
    mark(room, "A", 0.0, id="q8", answer="random-frozen")
    mark(room, "B", 2.0, id="q2", answer="scale, statistics")
    mark(room, "C", 0.0, status="failed")
    report(room)
    for ending in ("html", "md"):
        one, two, three = (
            (room / "report" / "feedback" / f"{s}.{ending}").read_text("utf-8")
            for s in "ABC"
        )
        assert "Which opponent tells you?" in one
        assert "a head on the same network with random weights" in one
        assert "random-frozen" not in one
        assert "(0 %)" in one and "due Tuesday, 01 December 2026, 18:00" in one
        assert "normalization; the scales" in two, "in the question's order"
        assert "could not be graded" in three and "fe-03" not in three
    page = (room / "report" / "dashboard.html").read_text("utf-8")
    assert "Which opponent tells you?" in page
    assert "random weights, which stays frozen" in page


def test_code_in_a_page_is_code_and_nothing_else():
    assert code_in_html("`a<b` <b>") == "<code>a&lt;b</code> &lt;b&gt;"


def test_no_cell_of_a_table_is_a_formula(room):
    mark(room, "A", 0.0, answer="=HYPERLINK(1)")
    report(room)
    assert ",'=HYPERLINK(1)," in (room / "report" / "items.csv").read_text()


def test_nbgrader_opens_a_release_and_keeps_marks(tmp_path):
    # A minute and a half, since it opens what learners open; CI installs it.
    python = try_nbgrader.python()
    if not python.is_file() and not os.environ.get("CI"):
        pytest.skip("nbgrader: `python -m tools.try_nbgrader` installs it")
    try_nbgrader.install()
    assert try_nbgrader.try_both(python, tmp_path)


def test_the_example_is_collected_as_it_was_meant(tmp_path, capsys):
    room = tmp_path / "class"
    assert cli.main(["class", "example", str(room), "--dry-run"]) == 0
    assert not room.exists()
    write_example(room)
    assert cli.main(["class", "collect", str(room)]) == 0
    assert "12 submissions of 12 students" in capsys.readouterr().out
    rows = class_folder.read_collected(room)
    told = {row["student"]: row for row in rows if row["lesson"]}
    assert set(told) == {f"Student {n:02}" for n in range(1, 13)}
    assert told["Student 05"]["late"] == "yes"
    assert "cut off" in told["Student 07"]["remarks"]
    assert "(1)" in told["Student 09"]["source file"]
    for student in told:
        mark(room, student, 2.0)
    for system in ("moodle", "canvas"):
        roster = room / f"roster_{system}.csv"
        path, remarks = export(room, system, roster=roster)
        assert len(remarks) == 1 and remarks[0].endswith(": Student 13.")
        assert path.read_text().count(",2.0\n") == len(told)


def test_a_step_before_its_turn_is_one_sentence(tmp_path, capsys):
    assert cli.main(["class", "report", str(tmp_path)]) == 1
    assert "course class release" in capsys.readouterr().err


def test_each_term_of_the_glossary_is_in_the_lesson_that_it_names():
    text = (TOP / "docs" / "glossary.md").read_text("utf-8")
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| .+ \| (\w+) \|$", text, re.M)
    assert len(rows) > 40
    assert rows == sorted(rows, key=lambda row: row[0].casefold())
    missing = []
    for term, lesson in rows:
        source = class_folder.lesson_source(lesson).read_text("utf-8")
        prose = re.sub(r"\s+", " ", source.replace("\n#", " ")).casefold()
        names = re.split(r" \(|\)|, ", term.casefold())
        if not any(name and name in prose for name in names):
            missing.append((term, lesson))
    assert not missing


def test_the_guide_names_files_and_commands_that_exist():
    text = (TOP / "docs" / "teachers_guide.md").read_text("utf-8")
    linked = re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text)
    assert linked and all((TOP / "docs" / one).exists() for one in linked)
    for line in re.findall(r"^course class (.+)$", text, re.M):
        words = shlex.split(line, comments=True)
        parser = argparse.ArgumentParser()
        class_commands.add_commands(parser.add_subparsers())
        parser.parse_args(["class", *words])
