"""The learner's copies are made once, and are then the learner's."""

import json

import pytest

from course_utils.machine import paths, work_folder
from course_utils.machine.errors import CourseError


@pytest.fixture
def course(tmp_path, monkeypatch, work):
    top = tmp_path / "course"
    (top / "notebooks").mkdir(parents=True)
    (top / "notebooks" / "00_a.ipynb").write_text("first")
    monkeypatch.setattr(paths, "course_dir", lambda: top)
    return top


def test_missing_lessons_are_copied(course, work):
    assert work_folder.copy_lessons() == []
    assert (work / "00_a.ipynb").read_text() == "first"


def test_a_learners_copy_is_never_overwritten(course, work):
    work_folder.copy_lessons()
    (work / "00_a.ipynb").write_text("my answers")
    (course / "notebooks" / "00_a.ipynb").write_text("second")
    (course / "notebooks" / "01_b.ipynb").write_text("new lesson")
    assert work_folder.copy_lessons() == ["00_a"]
    assert (work / "00_a.ipynb").read_text() == "my answers"
    assert (work / "01_b.ipynb").read_text() == "new lesson"


def test_renaming_a_copy_brings_the_newer_version(course, work):
    work_folder.copy_lessons()
    (course / "notebooks" / "00_a.ipynb").write_text("second")
    (work / "00_a.ipynb").rename(work / "00_a_mine.ipynb")
    assert work_folder.copy_lessons() == []
    assert (work / "00_a.ipynb").read_text() == "second"
    assert (work / "00_a_mine.ipynb").read_text() == "first"


@pytest.mark.parametrize("record", ["{ broken", "[]"])
def test_a_broken_record_loses_nothing(course, work, record):
    work_folder.copy_lessons()
    (work / ".copied.json").write_text(record)
    assert work_folder.copy_lessons() == []
    assert (work / "00_a.ipynb").read_text() == "first"
    assert isinstance(json.loads((work / ".copied.json").read_text()), dict)


def test_a_read_only_work_folder_gets_one_sentence(
    course, read_only_folder, monkeypatch
):
    monkeypatch.setenv("COURSE_WORK", str(read_only_folder))
    with pytest.raises(CourseError, match="could not be copied.*COURSE_WORK"):
        work_folder.copy_lessons()


def test_a_full_disk_leaves_no_half_lesson(course, small_disk, monkeypatch):
    (course / "notebooks" / "01_b.ipynb").write_bytes(b"x" * 2_000_000)
    monkeypatch.setenv("COURSE_WORK", str(small_disk))
    with pytest.raises(CourseError, match="disk is full.*COURSE_WORK"):
        work_folder.copy_lessons()
    assert [p.name for p in small_disk.iterdir()] == ["00_a.ipynb"]
