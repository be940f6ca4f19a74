"""Other points, another key: what is counted anew, run anew, and said."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from course_utils import cli
from course_utils.classroom import (
    class_folder,
    grading,
    pending_submissions,
    report,
    submission_judging,
)
from course_utils.classroom.regrading import CHANGES
from course_utils.machine import paths

SHARES = {"Anna": 1.0, "Ben": 0.5, "Cleo": 0.0}


@pytest.fixture
def room(tmp_path):
    """A class with a mark for each of three students; nothing was run."""
    lesson = {"file": "02.ipynb", "own_seeds": False}
    lesson["points"] = {"fe-03": 2, "q6": 1}
    class_folder.write_class(tmp_path, {"lessons": {"02": lesson}})
    for student in SHARES:
        path = tmp_path / "submissions" / student / "02.ipynb"
        class_folder.write_text(path, json.dumps({"cells": []}))
    for student, share in SHARES.items():
        mark_as(tmp_path, student, share)
    return tmp_path


def mark_as(room, student, share):
    """Write a mark as today's judges might have made it."""
    settings = class_folder.read_class(room)["lessons"]["02"]
    items = submission_judging.judge("02", [], settings["points"], None)
    items[0]["share"] = share
    items = submission_judging.with_points("02", items, settings["points"])
    path = room / "submissions" / student / "02.ipynb"
    mark = {"student": student, "lesson": "02", "items": items}
    mark |= {"sha256": pending_submissions.checksum(path), "seconds": 1.0}
    mark |= {
        "grader": submission_judging.version("02", settings),
        "message": "",
    }
    text = json.dumps({**mark, "status": "graded"}, indent=1) + "\n"
    class_folder.write_text(class_folder.mark_path(room, mark), text)


@pytest.fixture
def runs(monkeypatch):
    """Whose notebooks would be run: all become right without it."""
    found = []

    def spread(work, tasks, *_):
        for task in tasks:
            found.append(task["student"])
            mark_as(Path(task["folder"]), task["student"], 1.0)
        return [(task, pending_submissions.kept_mark(task)) for task in tasks]

    monkeypatch.setattr(grading.dask_workers, "spread", spread)
    monkeypatch.setattr(grading.reference_solutions, "make", lambda *_: None)
    monkeypatch.setattr(grading, "choose", lambda *_: "none")
    return found


def course(capsys, *words):
    """What `course class` says when all goes well."""
    assert cli.main(["class", *map(str, words)]) == 0
    return capsys.readouterr().out


def give(room, **points):
    told = class_folder.read_class(room)
    for item, worth in points.items():
        told["lessons"]["02"]["points"][item.replace("_", "-")] = worth
    class_folder.write_class(room, told)


def change_a_key(monkeypatch):
    """The judges' version is another one now."""
    monkeypatch.setattr(submission_judging, "version", lambda *_: "another")


def earned(room):
    return {
        mark["student"]: mark["items"][0]["earned"]
        for mark in class_folder.read_marks(room)
    }


def test_other_points_are_told_before_and_counted_without_a_run(
    room, runs, capsys
):
    give(room, fe_03=4)
    before = earned(room)
    said = course(capsys, "regrade", room, "--dry-run")
    assert "Anna, lesson 02, fe-03: 2 -> 4" in said
    assert "2 changes are known already, for 2 students." in said
    assert "would be run" not in said and earned(room) == before
    assert "0 submissions would be graded" in course(
        capsys, "grade", room, "--dry-run"
    )
    said = course(capsys, "regrade", room)
    assert "Ben, lesson 02, fe-03: 1 -> 2" in said and not runs
    assert earned(room) == {"Anna": 4.0, "Ben": 2.0, "Cleo": 0.0}
    assert "0 changes, for 0 students." in course(capsys, "regrade", room)


def test_an_item_that_did_not_count_has_to_run(room, runs, capsys):
    give(room, q8=1)
    said = course(capsys, "regrade", room, "--dry-run")
    assert "3 submissions would be run again" in said
    assert "Anna, Ben, Cleo." in said


def test_a_dry_run_after_a_change_of_a_key_says_what_it_cannot_know(
    room, runs, capsys, monkeypatch
):
    change_a_key(monkeypatch)
    said = course(capsys, "regrade", room, "--dry-run")
    assert "3 submissions would be run again" in said
    assert "only then" in said and not runs
    said = course(capsys, "regrade", room, "--dry-run", "--student", "Ben")
    assert "1 submissions would be run again" in said and "Anna" not in said


def test_who_is_left_on_the_old_key_is_said(room, runs, capsys, monkeypatch):
    change_a_key(monkeypatch)
    said = course(capsys, "regrade", room, "--student", "Ben")
    assert runs == ["Ben"] and "Ben, lesson 02, fe-03: 1 -> 2" in said
    assert "Graded before something changed: Anna, Cleo." in said
    assert f"`course class regrade {room}`" in said
    assert "Anna, Cleo" in course(capsys, "report", room)
    assert "before something changed" not in course(capsys, "regrade", room)
    assert runs == ["Ben", "Anna", "Cleo"]


def test_changes_of_earlier_regradings_stay_in_the_table(room, runs, capsys):
    for worth in (4, 6):
        give(room, fe_03=worth)
        course(capsys, "regrade", room)
    with (room / CHANGES).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["student"], r["before"], r["after"]) for r in rows] == [
        ("Anna", "2.0", "4.0"),
        ("Ben", "1.0", "2.0"),
        ("Anna", "4.0", "6.0"),
        ("Ben", "2.0", "3.0"),
    ]
    assert all(row["when"] for row in rows)


def test_a_report_that_is_older_than_the_marks_is_said(room, runs, capsys):
    report(room)
    assert "Older" not in course(capsys, "regrade", room)
    export = room / "export" / "moodle.csv"
    class_folder.write_text(export, "")
    for path in (export, room / "report" / "marks.csv"):
        os.utime(path, (1e9, 1e9))
    give(room, fe_03=4)
    said = course(capsys, "regrade", room)
    assert "Older than the marks: report/marks.csv, export/moodle.csv." in said
    assert f"`course class report {room}` and `course class export" in said


def test_another_notebook_key_or_picture_costs_a_run(
    room, monkeypatch, tmp_path
):
    def to_run():
        tasks, _ = pending_submissions.look(room)
        return [task["student"] for task in tasks]

    assert to_run() == []
    path = room / "submissions" / "Ben" / "02.ipynb"
    before = path.read_text()
    path.write_text(json.dumps({"cells": [], "metadata": {}}))
    assert to_run() == ["Ben"]
    path.write_text(before)
    hidden = class_folder.hidden_pictures(room, "02") / "a" / "1.jpg"
    class_folder.write_bytes(hidden, b"picture")
    assert to_run() == sorted(SHARES)
    hidden.unlink()
    assert to_run() == []
    data = tmp_path / "data"
    shutil.copytree(paths.data_dir() / "keys", data / "keys")
    shutil.copytree(paths.data_dir() / "quizzes", data / "quizzes")
    shutil.copytree(paths.data_dir() / "exercises", data / "exercises")
    monkeypatch.setattr(paths, "data_dir", lambda: data)
    assert to_run() == []
    key = data / "keys" / "02.yml"
    key.write_text(key.read_text() + "# mended\n")
    assert to_run() == sorted(SHARES)
