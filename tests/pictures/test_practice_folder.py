"""The sample folder: made offline, once, with the faults that it names."""

import collections

import numpy as np
import pytest
from PIL import Image

from course_utils.machine.errors import CourseError
from course_utils.pictures import practice_folder
from course_utils.pictures.folder_audit import audit_folder, split_folder
from tests.conftest import needs_package
from tests.pictures.test_folder_audit import contents, said

pytestmark = needs_package("elpv-dataset")

NEAR_BITS = 12  # of the lesson


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder, made in a work folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_WORK", str(tmp_path_factory.mktemp("work")))
        yield practice_folder.sample_folder()


@pytest.fixture(scope="module")
def audit(folder):
    """The audit of the folder."""
    return audit_folder(folder, near_bits=NEAR_BITS)


@pytest.fixture(scope="module")
def planted(folder, audit):
    """The rows of the files with faults, by what was done."""
    faults = practice_folder.planted_faults(folder)
    assert set(faults) <= set(audit.rows["file"])
    rows = audit.rows.assign(planted=audit.rows["file"].map(faults))
    return dict(list(rows.dropna(subset="planted").groupby("planted")))


def test_it_has_hundreds_of_photographs_in_two_classes(folder, audit):
    inside = sorted(p.name for p in folder.iterdir() if p.is_dir())
    assert inside == ["defective", "sound"]
    assert 900 <= len(audit.used) <= 1000
    assert "1 file beside the folders" in said(audit)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("was cut off in the middle", "is broken"),
        ("is no picture", "is no picture"),
        ("has 16 bits a pixel", "mode 'I;16'"),
        ("is a copy", "is a copy of another file"),
        ("is a copy of a picture in the other folder", "in two classes"),
    ],
)
def test_what_must_go_is_left_out(planted, what, reason):
    assert planted[what]["left_out"].str.contains(reason).all()


def test_what_can_be_put_right_is_told(planted, audit):
    row = planted["lies on its side, with a camera's note of that"]
    assert row["turned"].all() and audit.rows["turned"].sum() == 1
    row = planted["has a palette, and is twice as large as the others"]
    assert list(row["mode"]) == ["P"] and list(row["width"]) == [600]
    assert list(planted["is a thumbnail"]["width"]) == [32]


def test_most_brightened_copies_are_with_their_originals(planted, audit):
    by_file = audit.rows.set_index("file")["group"]
    edited = planted["is another picture, brightened and saved again"]
    found = [
        by_file[file] == by_file[file.replace("_edited", "")]
        for file in edited["file"]
    ]
    assert len(found) == practice_folder.EDITED
    assert sum(found) >= practice_folder.EDITED - 1
    assert "across classes" in said(audit)


def test_some_faults_pass_unseen(planted):
    # The exercises are about these.
    wrong = planted[practice_folder.WRONG]
    assert collections.Counter(wrong["label"]) == {"sound": 5, "defective": 3}
    for what in (
        practice_folder.WRONG,
        "was taken with the shutter closed",
        "was exposed for too long",
    ):
        assert (planted[what]["left_out"] == "").all()


def test_only_the_planted_pictures_show_nothing(planted, audit):
    used = audit.used
    contrast = audit.pictures[used.index].std(axis=(1, 2, 3))
    flat = set(used["file"][contrast < np.median(contrast) / 3])
    blind = ("was taken with the shutter closed", "was exposed for too long")
    assert flat == {planted[what]["file"].item() for what in blind}


def test_a_module_was_photographed_twice(audit):
    # Nobody has planted it: it lies twice in the data set.
    used = audit.used
    module = used["file"].str.split("/").str[-1].str[:7]
    both = module.groupby(used["group"]).agg(set)
    assert sum({"poly-14", "poly-22"} == modules for modules in both) >= 6


def test_it_can_be_split_by_modules(folder):
    audit = audit_folder(
        folder, (64, 64), lambda path: path.name[:7], NEAR_BITS
    )
    table = split_folder(audit).table
    counts = table.value_counts(["label", "split"]).unstack()
    assert counts.min(axis=None) >= 30
    module = table["file"].str.split("/").str[-1].str[:7]
    assert (table["split"].groupby(module).nunique() == 1).all()


def test_a_folder_of_ones_own_has_nothing_planted(tmp_path):
    assert practice_folder.planted_faults(tmp_path) == {}


def test_a_list_that_was_opened_in_an_editor_can_be_read(tmp_path):
    text = "What was done:\n\nsound/a.jpg: is a copy\n\nMy own n\xf6te\n"
    (tmp_path / practice_folder.ABOUT).write_bytes(text.encode("latin-1"))
    planted = practice_folder.planted_faults(tmp_path)
    assert planted == {"sound/a.jpg": "is a copy"}


def test_what_is_there_is_left_as_it_is(work):
    folder = work / "sample_cells"
    (folder / "sound").mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / "sound" / "mine.png")
    before = contents(folder)
    assert practice_folder.sample_folder() == folder
    assert contents(folder) == before


def test_it_is_the_same_each_time(work, folder):
    again = practice_folder.sample_folder()
    assert again == work / "sample_cells"
    made = {p.relative_to(again): c for p, c in contents(again).items()}
    first = {p.relative_to(folder): c for p, c in contents(folder).items()}
    assert made == first
    assert [p.name for p in work.iterdir() if "making" in p.name] == []


def test_a_work_folder_that_cannot_be_written_is_a_sentence(
    read_only_folder, monkeypatch
):
    monkeypatch.setenv("COURSE_CACHE", str(practice_folder.paths.cache_dir()))
    monkeypatch.setenv("COURSE_WORK", str(read_only_folder / "work"))
    with pytest.raises(CourseError, match="could not be written.*COURSE_WORK"):
        practice_folder.sample_folder()
    monkeypatch.setenv("COURSE_WORK", "w" * 300)
    with pytest.raises(CourseError, match="written.*file name too long"):
        practice_folder.sample_folder()


def test_a_faster_process_wins(work, monkeypatch):
    def overtaken(folder, table):
        folder.mkdir(parents=True)
        (work / "sample_cells" / "of another process").mkdir(parents=True)

    monkeypatch.setattr(practice_folder, "_fill", overtaken)
    assert [p.name for p in practice_folder.sample_folder().iterdir()] == [
        "of another process"
    ]
