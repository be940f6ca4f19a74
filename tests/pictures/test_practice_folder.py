"""The sample folder: made offline, once, with the faults that it names."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from course_utils import course
from course_utils.machine.errors import CourseError
from course_utils.pictures import practice_folder
from course_utils.pictures.folder_audit import audit_folder, split_folder
from tests.conftest import TOP
from tests.pictures.test_folder_audit import contents, said


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder, made in a work folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_WORK", str(tmp_path_factory.mktemp("work")))
        yield practice_folder.sample_folder()


@pytest.fixture(scope="module")
def audit(folder):
    """The audit of the folder."""
    return audit_folder(folder)


def test_it_has_a_few_hundred_pictures_in_four_classes(folder, audit):
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == sorted(
        practice_folder.COUNTS
    )
    assert 300 <= len(audit.used) <= 450
    assert set(practice_folder.PLANTED) <= set(audit.rows["file"])
    named = (folder / practice_folder.ABOUT).read_text("utf-8")
    assert all(file in named for file in practice_folder.PLANTED)


def test_each_planted_fault_is_found(audit):
    rows = audit.rows.set_index("file")
    cut = rows.loc["crazing/crazing_0020.jpg", "left_out"]
    assert cut.startswith("is broken")
    assert "no picture" in rows.loc["crazing/notes.txt", "left_out"]
    assert rows.loc["inclusion/inclusion_0030.jpg", "turned"]
    for label in ("inclusion", "scratches"):
        twice = rows.loc[f"{label}/scratches_0007.jpg", "left_out"]
        assert "in two classes" in twice
    # Of two equal files the one whose name comes first is kept.
    assert "copy" in rows.loc["scratches/scratches_0003_copy.jpg", "left_out"]
    assert rows.loc["scratches/scratches_0003.jpg", "left_out"] == ""
    assert rows["mode"].value_counts().to_dict()["P"] == 1
    assert rows.loc["scratches/scratches_0040.png", "width"] == 128
    assert "1 group across classes" in said(audit)
    assert "3.1 times as many" in said(audit)
    assert "1 file beside the folders" in said(audit)


def test_near_duplicates_are_the_planted_ones_and_no_others(audit):
    used = audit.used
    several = used[used["group"].duplicated(keep=False)]
    edited = several["file"].str.contains("edited")
    assert edited.sum() == (~edited).sum() == practice_folder.EDITED + 1
    for _, group in several.groupby("group"):
        names = {file.rpartition("/")[2][:-4] for file in group["file"]}
        assert {name.removesuffix("_edited") for name in names} == {
            min(names, key=len)
        }


def test_each_misconception_about_torn_groups_differs_from_what_is_right(
    audit, work
):
    # With the parts of the lesson, none of them passes for the right answer.
    lesson = (TOP / "lessons" / "05_your_own_images.py").read_text("utf-8")
    seed = int(re.search(r"chance = .*default_rng\((\d+)\)", lesson)[1])
    names = ["train", "validation", "test"]
    groups = audit.used["group"]
    parts = np.random.default_rng(seed).choice(
        names, len(groups), p=[0.6, 0.2, 0.2]
    )
    table = pd.DataFrame({"group": groups.to_numpy(), "part": parts})
    inside = table.groupby("group")["part"].agg(set)
    sizes = table["group"].value_counts().sort_index()
    torn = inside.map(len) > 1
    leaking = inside.map({"train", "test"}.issubset)
    several = sizes > 1
    answers = [
        torn.sum(),
        leaking.sum(),
        several.sum(),
        (several & ~torn).sum(),
        sizes[torn].sum(),
        sizes[several].sum(),
        (~torn).sum(),
        len(sizes),
    ]
    assert len(set(answers)) == len(answers)
    for number, answer in enumerate(answers):
        check = course.exercise("yo-01").check
        status = check(int(answer), groups, parts).status
        assert status == ("failed" if number else "passed")


def test_the_turned_picture_is_what_it_was(folder, audit):
    with Image.open(folder / "inclusion" / "inclusion_0030.jpg") as image:
        assert image.getexif()[0x0112] == 6
    rows = list(audit.rows["file"])
    shown = audit.pictures[rows.index("inclusion/inclusion_0030.jpg")]
    source = (
        practice_folder.datasets.dataset_folder("defects")
        / "train"
        / "inclusion"
    )
    with Image.open(source / "inclusion_0030.jpg") as image:
        # (It was compressed anew.)
        difference = abs(shown[..., 0].astype(int) - image).mean()
    assert difference < 4


def test_it_can_be_split(audit):
    table = split_folder(audit).table
    counts = table.value_counts(["label", "split"]).unstack()
    assert counts.min(axis=None) >= 5


def test_what_is_there_is_left_as_it_is(work):
    folder = practice_folder.sample_folder()
    (folder / "crazing" / "notes.txt").unlink()
    shutil.rmtree(folder / "scratches")
    before = contents(folder)
    assert practice_folder.sample_folder() == folder
    assert contents(folder) == before
    assert [p.name for p in work.iterdir() if "making" in p.name] == []


def test_it_is_the_same_each_time(work, folder):
    assert {
        p.relative_to(work): content
        for p, content in contents(work / "sample_pictures").items()
    } == {} and practice_folder.sample_folder().is_dir()
    made = contents(work / "sample_pictures")
    assert {p.relative_to(work): c for p, c in made.items()} == {
        p.relative_to(folder.parent): c for p, c in contents(folder).items()
    }


def test_a_work_folder_that_cannot_be_written_is_a_sentence(
    read_only_folder, monkeypatch
):
    practice_folder.datasets.dataset_folder("defects")
    monkeypatch.setenv("COURSE_CACHE", str(practice_folder.paths.cache_dir()))
    monkeypatch.setenv("COURSE_WORK", str(read_only_folder / "work"))
    with pytest.raises(CourseError, match="could not be written.*COURSE_WORK"):
        practice_folder.sample_folder()


def test_a_faster_process_wins(work, monkeypatch):
    fill = practice_folder._fill

    def overtaken(folder, source):
        fill(folder, source)
        (work / "sample_pictures" / "of another process").mkdir(parents=True)

    monkeypatch.setattr(practice_folder, "_fill", overtaken)
    assert [p.name for p in practice_folder.sample_folder().iterdir()] == [
        "of another process"
    ]
