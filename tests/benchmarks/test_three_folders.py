"""Lesson 05's path on a small folder made from a package."""

import pytest

from benchmarks import three_folders
from course_utils import backbones
from tests.lessons.test_own_folders import tiny_backbone


@pytest.mark.usefixtures("without_graphs")
def test_a_folder_of_scans_ends_in_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(backbones, "load_backbone", tiny_backbone)
    folder = three_folders.make(tmp_path, "digits", 8)
    found = three_folders.go_through(folder, 12, side=32, epochs=1)
    assert found["pictures"] == 80 and found["classes"] == 10
    assert 10 <= found["tested"] <= 30
    assert 0 <= found["mean recall"] <= 1
    assert (tmp_path / "digits_report" / "report.html").is_file()
    assert "80 files" in (tmp_path / "digits.txt").read_text("utf-8")


def test_tiles_of_one_row_stay_together(tmp_path):
    folder = three_folders.make(tmp_path, "tiles", 12)
    groups = {}
    for path in folder.glob("*/*"):
        groups.setdefault(three_folders.group_of(path), []).append(path)
    assert len(list(folder.iterdir())) == len(three_folders.PHOTOGRAPHS)
    assert {name.rpartition("-row-")[0] for name in groups} == set(
        three_folders.PHOTOGRAPHS
    )
    assert max(map(len, groups.values())) > 1
