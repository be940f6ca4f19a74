"""What a teacher gets wrong, or does twice: releasing and collecting."""

import csv
import datetime
import io
import json
import os
import re
import sys

import pytest
from tqdm import tqdm

from course_utils import cli
from course_utils.answers import quizzes
from course_utils.classroom import (
    class_folder,
    collect,
    grading,
    nbgrader_gradebook,
    regrading,
    release,
    report,
    rosters,
)
from course_utils.classroom.notebook_cells import read_cells
from course_utils.machine import data_files
from course_utils.machine.errors import CourseError
from tests.classroom.test_teachers_side import (
    FILE,
    hand_in,
    mark,
    released,
    zipped,
)
from tests.classroom.test_teachers_side import room as room
from tests.conftest import TOP
from tools import draw_hidden


def course(capsys, *words):
    """What `course class` answers: its exit code and all that it says."""
    code = cli.main(["class", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out + said.err


def settings(room):
    return class_folder.read_class(room)["lessons"]["02"]


def test_a_second_release_changes_only_what_it_names(tmp_path, capsys):
    first = ["--due", "2999-03-01T18:00", "--hints", "--no-checks"]
    first += ["--points", "fe-03=4", "--points", "q2=0"]
    words = ["release", "02", "--out", tmp_path]
    assert course(capsys, *words, *first)[0] == 0
    before, notebook = settings(tmp_path), released(tmp_path)
    assert course(capsys, *words)[0] == 0
    assert settings(tmp_path) == before and released(tmp_path) == notebook
    code, said = course(capsys, *words, "--points", "fe-07=5", "--no-hints")
    assert code == 0 and "01 March 2999, 18:00" in said and "no hints" in said
    after = settings(tmp_path)
    assert "q2" not in after["points"] and not after["hints"]
    assert after["points"] == before["points"] | {"fe-07": 5}
    assert (after["due"], after["checks"]) == (before["due"], False)


def test_a_second_release_keeps_the_seeds_of_the_students(tmp_path, capsys):
    release(tmp_path, ["02"], students=["A", "B"])
    before = [released(tmp_path, one) for one in "AB"]
    written = release(tmp_path, ["02"], points={"q2": 9})
    assert [path.parent.name for path in written] == ["A", "B"]
    assert settings(tmp_path)["own_seeds"]
    assert all(b"9 points" in released(tmp_path, one) for one in "AB")
    release(tmp_path, ["02"], points={"q2": 2})
    assert [released(tmp_path, one) for one in "AB"] == before


@pytest.mark.parametrize(
    ("words", "due"),
    [
        ("2999-03-01", datetime.datetime(2999, 3, 1, 23, 59)),
        ("2999-03-01T18:00", datetime.datetime(2999, 3, 1, 18)),
    ],
)
def test_a_date_alone_is_the_end_of_that_day(tmp_path, capsys, words, due):
    _, said = course(capsys, "release", "02", "--out", tmp_path, "--due", words)
    assert settings(tmp_path)["due"] == due
    assert f"{due:%H:%M}" in said and "past" not in said
    path = tmp_path / "class.toml"
    path.write_text(path.read_text().replace(due.isoformat(), "2999-03-02"))
    assert settings(tmp_path)["due"] == datetime.datetime(2999, 3, 2, 23, 59)


def test_a_due_date_in_the_past_is_said(tmp_path, capsys):
    words = ["release", "02", "--out", tmp_path, "--due", "2020-03-01"]
    assert "(this is past)" in course(capsys, *words)[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--points fe-03", "'fe-03' gives no points: .* fe-03=4"),
        ("--points fe-03=four", "'fe-03=four' gives no points"),
        ("--due soon", "'soon' is no time: .* 2027-03-01T18:00"),
        ("--students none.txt", "none.txt does not exist"),
    ],
)
def test_what_cannot_be_read_is_answered_in_our_own_words(
    tmp_path, capsys, words, told
):
    words = ["release", "02", "--out", tmp_path / "new", *words.split()]
    code, said = course(capsys, *words)
    assert code == 1 and re.match(told, said)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("points", ['"four"', "-1", "true", "nan"])
def test_points_in_the_file_of_the_class_are_numbers(room, points):
    path = room / "class.toml"
    path.write_text(
        path.read_text().replace('"fe-03" = 2', f'"fe-03" = {points}')
    )
    with pytest.raises(CourseError, match="points are numbers"):
        class_folder.read_class(room)


def test_a_wrong_folder_is_not_made_a_class(room, capsys):
    for step in ("collect", "grade", "report"):
        code, said = course(capsys, step, room / "release")
        assert code == 1 and "no class.toml" in said
        assert "the folder that you gave to" in said


def test_a_source_without_notebooks_is_refused_and_nothing_changed(
    room, capsys
):
    hand_in(room, f"A/{FILE}")
    assert "1 submissions of 1 students." in course(capsys, "collect", room)[1]
    before = (room / "collected.csv").read_text()
    docs = room.parent / "docs"
    docs.mkdir()
    code, said = course(capsys, "collect", room, docs)
    assert code == 1 and "no notebook among its 0 files" in said
    (docs / "guide.md").write_text("Words.")
    code, said = course(capsys, "collect", room, docs)
    assert code == 1 and "docs holds no notebook among its 1 files" in said
    archive = room.parent / "all.zip"
    archive.write_bytes(zipped(("A/x.ipynb", "{}"))[:40])
    code, said = course(capsys, "collect", room, archive)
    assert code == 1 and "all.zip cannot be collected" in said
    assert (room / "collected.csv").read_text() == before


def test_whose_work_is_missing_or_unreadable_is_said(room, capsys):
    hand_in(room, f"A/{FILE}")
    hand_in(room, "Cleo/hw.pdf", b"%PDF")
    hand_in(room, f"Dan/{FILE}", b"My answers.")
    hand_in(room, "Fay.zip", b"cut off")
    _, said = course(capsys, "collect", room)
    assert "2 submissions of 2 students." in said
    assert "Without a submission that counts: Cleo, Fay\n" in said
    assert "With one that cannot be read: Dan\n" in said
    assert f"- Dan/{FILE}: It is no notebook" in said
    rows = {row["student"]: row for row in class_folder.read_collected(room)}
    assert set(rows) == {"A", "Cleo", "Dan", "Fay"}


def test_what_was_put_right_is_not_told_again(room, capsys):
    hand_in(room, "Fay.zip", b"cut off")
    hand_in(room, "Cleo/hw.pdf", b"%PDF")
    assert "Fay.zip: It is damaged" in course(capsys, "collect", room)[1]
    hand_in(room, "Fay.zip", zipped((FILE, released(room))))
    _, said = course(capsys, "collect", room)
    assert "damaged" not in said and "Cleo/hw.pdf" in said
    elsewhere = room.parent / "later" / "A"
    elsewhere.mkdir(parents=True)
    (elsewhere / FILE).write_bytes(released(room))
    _, said = course(capsys, "collect", room, elsewhere.parent)
    assert "2 submissions of 2 students." in said and "hw.pdf" not in said
    with (room / "collected.csv").open(newline="") as file:
        told = [row["source file"] for row in csv.DictReader(file)]
    assert sorted(told) == [
        f"A/{FILE}",
        "Cleo/hw.pdf",
        f"Fay.zip/{FILE}",
    ]


def test_a_broken_notebook_is_not_called_by_our_name_for_it(tmp_path):
    path = tmp_path / "02.ipynb"
    path.write_text("My answers.")
    with pytest.raises(CourseError, match="cut off") as caught:
        read_cells(path)
    assert "02.ipynb" not in str(caught.value)


def test_who_or_what_is_not_there_is_answered_with_what_is(room):
    hand_in(room, f"Anna/{FILE}")
    collect(room)
    release(room, ["03"])
    trust = {"trust_submissions": True, "dry_run": True}
    with pytest.raises(CourseError, match="lesson 03 was handed in by Anna:"):
        grading.grade(room, students=["Anna"], lessons=["03"], **trust)
    with pytest.raises(CourseError, match="workers is -1"):
        grading.grade(room, workers=-1, **trust)
    with pytest.raises(CourseError, match="'anna': choose 'Anna'"):
        grading.grade(room, students=["anna"], **trust)
    with pytest.raises(CourseError, match="lesson '2': choose '02' or '03'"):
        grading.grade(room, lessons=["2"], **trust)
    assert len(grading.grade(room, students=["Anna"], **trust)) == 1


def test_own_seeds_follow_the_names_in_the_list(tmp_path, capsys, monkeypatch):
    room, names = tmp_path / "class", ["Anna Meyer", "Ben Weiss"]
    release(room, ["02"], students=names)
    anna, ben = (released(room, name) for name in names)
    hand_in(room, "meyeranna_77_456_x.ipynb", anna)
    hand_in(room, "Ben Weiss/x.ipynb", anna)
    hand_in(room, "user99/x.ipynb", ben)
    _, said = course(capsys, "collect", room)
    assert "2 submissions of 2 students." in said
    assert "is that of Anna Meyer; it is graded with the seed of Ben" in said
    assert "released to user99, and its seed is that of Ben Weiss" in said
    rows = class_folder.read_collected(room)
    assert {r["student"] for r in rows if r["lesson"]} == set(names)
    # Whoever puts it there by hand is told, and the others are graded.
    made = []
    monkeypatch.setattr(
        grading.reference_solutions,
        "make",
        lambda folder, lesson, seed: made.append(seed) or tmp_path,
    )
    task = {
        "folder": str(room),
        "lesson": "02",
        "grader": "",
        "sandbox": "none",
    }
    path = room / "submissions" / "user99" / "02.ipynb"
    class_folder.write_bytes(path, ben)
    mark = grading.grade_one({**task, "student": "user99"})
    assert mark["status"] == "failed" and not made
    assert "No notebook was released to user99" in mark["message"]


def test_an_export_says_which_marks_are_old(room, capsys):
    hand_in(room, f"A/{FILE}")
    collect(room)
    class_folder.write_text(
        room / "marks" / "A" / "02.json",
        json.dumps(
            {"student": "A", "lesson": "02", "status": "graded", "items": []}
            | {"message": "", "grader": "old", "sha256": "", "seconds": 1}
        ),
    )
    code, said = course(capsys, "export", room, "--to", "canvas")
    assert code == 0 and "Graded before something changed: A." in said


def test_hidden_pictures_are_drawn_from_the_secret_of_the_class(tmp_path):
    drawn = []
    for name in ("one", "other"):
        release(tmp_path / name, ["03"])
        before = class_folder.hidden_sum(tmp_path / name, "03")
        top = draw_hidden.draw(tmp_path / name, 2)
        assert before != class_folder.hidden_sum(tmp_path / name, "03")
        drawn.append(
            {
                path.relative_to(top).as_posix(): path.read_bytes()
                for path in top.rglob("*.jpg")
            }
        )
    assert drawn[0].keys() == drawn[1].keys() and len(drawn[0]) == 12
    assert not set(drawn[0].values()) & set(drawn[1].values())
    with pytest.raises(CourseError, match="no folder of a class"):
        draw_hidden.draw(tmp_path)


def test_the_run_to_compare_with_is_announced_and_made_once(room, monkeypatch):
    for student in "AB":
        hand_in(room, f"{student}/{FILE}")
    collect(room)
    made, shown = [], io.StringIO()

    def make(folder, lesson, seed):
        made.append((lesson, seed, shown.getvalue()))
        raise CourseError("That will do.")

    monkeypatch.setattr(grading.reference_solutions, "make", make)
    monkeypatch.setattr(
        grading, "tqdm", lambda *a, **k: tqdm(*a, file=shown, **k)
    )
    with pytest.raises(CourseError, match="That will do"):
        grading.grade(room, trust_submissions=True)
    [(lesson, seed, before)] = made
    assert (lesson, seed) == ("02", None)
    assert "Solving the lesson" in before and "0/1" in before


def test_nbgrader_is_installed_as_the_guide_says(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbgrader.api", None)
    with pytest.raises(CourseError) as caught:
        nbgrader_gradebook.write(tmp_path / "gradebook.db", [], {})
    command = re.search("`(pip .+?)`", str(caught.value))[0]
    guide = (TOP / "docs" / "teachers_guide.md").read_text("utf-8")
    assert command in " ".join(guide.split())


@pytest.mark.parametrize("content", [b"student;lesson\nA;02\n", b"\xff\xfe\0"])
def test_a_list_that_a_spreadsheet_has_changed_is_named(room, capsys, content):
    hand_in(room, f"A/{FILE}")
    course(capsys, "collect", room)
    table = room / "collected.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert class_folder.read_collected(room)[0]["student"] == "A"
    table.write_bytes(content)
    code, said = course(capsys, "collect", room)
    assert code == 1 and "collected.csv cannot be read, as if a spread" in said
    table.unlink()
    assert course(capsys, "collect", room)[0] == 0


def test_a_notebook_of_nobody_waits_for_no_mark(room, capsys):
    hand_in(room, FILE)
    hand_in(room, f"A/{FILE}")
    assert "Nothing says whose this is" in course(capsys, "collect", room)[1]
    rows = {row["student"]: row for row in class_folder.read_collected(room)}
    assert (rows["A"]["lesson"], rows[""]["lesson"]) == ("02", "")


def test_names_that_are_one_folder_on_some_systems_are_refused(tmp_path):
    with pytest.raises(CourseError, match="names 'Anna' twice"):
        release(tmp_path / "x", ["02"], students=["Anna", "anna"])
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "wrong", [{"message": ...}, {"student": "../../B"}, {"lesson": "03"}]
)
def test_a_mark_of_somebody_else_or_half_of_one_is_named(tmp_path, wrong):
    mark = {"student": "A", "lesson": "02", "status": "graded", "message": ""}
    mark = {k: v for k, v in {**mark, **wrong}.items() if v is not ...}
    path = tmp_path / "marks" / "A" / "02.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**mark, "items": []}))
    with pytest.raises(CourseError, match="is no file of marks: delete it"):
        class_folder.read_marks(tmp_path)


def test_no_column_of_a_roster_is_lost(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("Full name,Grade,Grade,,\nA,5,6,,\n")
    with pytest.raises(CourseError, match="two columns 'Grade'"):
        rosters.read_roster(path)
    path.write_text("Full name,Grade,,\nA,5,,\n")
    assert rosters.read_roster(path).rows[0]["Grade"] == "5"


def test_points_that_were_changed_count_in_every_number(room, capsys):
    words = ["release", "02", "--out", room]
    mark(room, "A", 2.0, share=1.0)
    course(
        capsys,
        *words,
        *(
            f"--points={one}=0"
            for one in settings(room)["points"]
            if one != "fe-03"
        ),
    )
    for worth in ("4", "3"):
        course(capsys, *words, f"--points=fe-03={worth}")
        written = report(room)
        [row] = csv.DictReader(written[0].open(newline=""))
        assert float(row["earned"]) == float(row["points"]) == float(worth)
        page = (room / "report/feedback/A.md").read_text("utf-8")
        assert f"**{worth} of {worth} points (100 %).**" in page


def test_what_could_not_be_graded_is_no_zero_in_the_table_of_items(room):
    mark(room, "A", 0.0, status="failed")
    [row] = csv.DictReader(report(room)[1].open(newline=""))
    assert (row["earned"], row["verdict"]) == ("", "could not be graded")


def test_a_mistake_in_a_key_is_told_before_anything_runs(
    room, capsys, monkeypatch
):
    hand_in(room, f"A/{FILE}", released(room))
    mark(room, "A", 2.0)
    collect(room)
    keys = quizzes.load_keys("02")
    wrong = keys | {"q6": {**keys["q6"], "answer": "one-versoin"}}
    monkeypatch.setattr(quizzes, "load_keys", lambda lesson: wrong)
    for step in ("grade", "regrade"):
        code, said = course(capsys, step, room, "--dry-run")
        assert code == 1 and "'one-versoin' is no choice of q6" in said
    monkeypatch.undo()
    path = room / "broken.yml"
    path.write_text("a: [ten")
    with pytest.raises(CourseError, match="cannot be read as YAML"):
        data_files.read_yaml(path)


def test_what_cannot_be_graded_again_is_no_change_to_zero():
    item = {"id": "q6", "earned": 1.0}
    own = {"student": "A", "lesson": "02", "items": [item]}
    before = [{**own, "status": "graded"}]
    lost = [{**own, "status": "failed", "items": [{**item, "earned": 0.0}]}]
    assert regrading.compare(before, lost) == []
    worse = [{**lost[0], "status": "graded"}]
    assert len(regrading.compare(before, worse)) == 1


def test_the_courses_own_copy_is_told_from_the_released_one(room, capsys):
    hand_in(room, f"A/{FILE}", released(room))
    own = (TOP / "notebooks" / FILE).read_bytes()
    hand_in(room, f"B/{FILE}", own)
    _, said = course(capsys, "collect", room)
    assert "B/" in said and "the course's own copy" in said
    assert "A/" not in said


def test_another_class_is_not_collected(room, tmp_path, capsys):
    code, said = course(capsys, "collect", room, room)
    assert code == 1 and "is the folder of a class" in said
    code, said = course(capsys, "regrade", tmp_path / "nosuch")
    assert code == 1 and "is no folder of a class" in said


def test_a_due_date_that_moves_asks_for_another_collect(room, capsys):
    hand_in(room, f"A/{FILE}", released(room))
    collect(room)
    words = ["release", "02", "--out", room, "--due", "2999-01-01"]
    assert "`course class collect" in course(capsys, *words)[1]


def test_who_is_no_longer_in_the_list_is_named(tmp_path, capsys):
    names, words = tmp_path / "names.txt", ["release", "02", "--out"]
    words += [tmp_path / "class", "--students", names]
    names.write_text("Anna Meyer\nAnna Meier\n")
    assert "Released before" not in course(capsys, *words)[1]
    names.write_text("Anna Meyer\nMeyer, Max\n")
    said = course(capsys, *words)[1]
    assert "not in" in said and "Anna Meier. Delete" in said
    names.write_text("Name,Email\nAnna,a@example.org\n")
    code, said = course(capsys, *words)
    assert code == 1 and "looks like a table" in said


@pytest.mark.parametrize(
    "table",
    [
        "First name;Surname (Last name);ID number\nJ\u00f6rg;M\u00fcller;1\n",
        "sep=;\nVorname;Nachname;ID-Nummer\nJ\u00f6rg;M\u00fcller;1\n",
    ],
)
def test_moodles_headings_are_known(tmp_path, table):
    path = tmp_path / "roster.csv"
    path.write_text(table, "utf-8")
    roster = rosters.read_roster(path)
    assert roster.whose({"J\u00f6rg M\u00fcller": ""}) == [
        "J\u00f6rg M\u00fcller"
    ]
    assert roster.system == "moodle"


def test_an_empty_file_and_two_of_one_time_are_called_that(room):
    for number, content in (("1", b""), ("2", released(room))):
        hand_in(room, f"A/{number}_{FILE}", content)
    hand_in(room, f"A/3_{FILE}", released(room) + b" ")
    for path in (room / "incoming/A").glob("*"):
        os.utime(path, (10**9, 10**9))
    remarks = " ".join(" ".join(one.remarks) for one in collect(room))
    assert "It is empty." in remarks and "Newer than A/2" not in remarks
    assert "One of the same time: A/3" in remarks


def test_a_stopped_grading_says_how_to_go_on(room, capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(grading, "grade", stop)
    code, said = course(capsys, "grade", room)
    assert code == 130 and "the same command goes on" in said
