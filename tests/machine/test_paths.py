"""The learner's folder is found from wherever the course runs."""

from pathlib import Path

import pytest

from course_utils.machine import paths, work_folder
from course_utils.machine.errors import CourseError
from tests.conftest import TOP


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """An installed course, with no checkout, run in an empty folder."""
    package = tmp_path / "site-packages" / "course_utils"
    (package / "_course" / "data" / "backbones").mkdir(parents=True)
    (package / "_course" / "notebooks").mkdir()
    (package / "_course" / "notebooks" / "00_a.ipynb").write_text("{}")
    monkeypatch.setattr(paths, "__file__", str(package / "machine/paths.py"))
    monkeypatch.delenv("COURSE_WORK")
    monkeypatch.delenv("COURSE_CACHE", raising=False)
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def test_an_installed_course_works_where_it_is_called(installed):
    assert paths.data_dir().parent.name == "_course"
    assert paths.work_dir() == installed / "work"
    assert paths.cache_dir() == installed / "work" / ".cache"


@pytest.mark.parametrize("inside", [".", "deeper/still"])
def test_inside_of_work_it_is_the_same_work(installed, monkeypatch, inside):
    work_folder.copy_lessons()
    work = installed / "work"
    (work / inside).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(work / inside)
    assert paths.work_dir() == work
    work_folder.copy_lessons()
    assert not (Path.cwd() / "work").exists()


def test_a_checkout_keeps_its_work_wherever_it_is_called(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_WORK")
    monkeypatch.chdir(tmp_path)
    assert paths.course_dir() == TOP
    assert paths.work_dir() == TOP / "work"


def test_the_room_for_a_new_folder_is_that_of_the_disk_it_will_be_on(tmp_path):
    free = paths.free_megabytes(tmp_path / "not" / "there" / "yet")
    assert free == pytest.approx(paths.free_megabytes(tmp_path), rel=0.1)


def test_a_deleted_folder_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_WORK")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(CourseError, match="was deleted: change to another"):
        paths.work_dir()


@pytest.mark.parametrize("variable", ["COURSE_WORK", "COURSE_CACHE"])
def test_the_home_folder_of_nobody_is_one_sentence(monkeypatch, variable):
    monkeypatch.setenv(variable, "~nobody-here/course")
    with pytest.raises(CourseError, match=f"{variable} is '~nobody-here/"):
        paths.cache_dir() if variable == "COURSE_CACHE" else paths.work_dir()
