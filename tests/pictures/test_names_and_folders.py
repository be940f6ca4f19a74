"""Names and folders as people have them: none vanishes without a word."""

import os

import pytest

from course_utils.machine.errors import CourseError
from course_utils.pictures import read_picture
from course_utils.pictures.folder_audit import audit_folder
from tests.pictures.test_folder_audit import fill, picture, said


@pytest.fixture
def mine(tmp_path):
    """Two classes of three pictures."""
    fill(tmp_path / "mine", "ants", 3)
    fill(tmp_path / "mine", "bees", 3, 100)
    return tmp_path / "mine"


def link(path, target):
    try:
        path.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not allow links")


def test_linked_folders_are_read_and_told(mine):
    fill(mine.parent / "disk", "more ants", 4, 200)
    fill(mine.parent / "disk", "wasps", 3, 300)
    link(mine / "ants" / "more", mine.parent / "disk" / "more ants")
    link(mine / "wasps", mine.parent / "disk" / "wasps")
    audit = audit_folder(mine)
    assert audit.counts["used"].to_dict() == {"ants": 7, "bees": 3, "wasps": 3}
    assert "'wasps', 'ants/more' are linked folders. What they" in said(audit)


@pytest.mark.parametrize("target", [".", "..", "../..", "loop"])
def test_links_that_lead_back_end_and_are_told(mine, target):
    link(mine / "ants" / "loop", target)
    audit = audit_folder(mine)
    assert set(audit.class_names) == {"ants", "bees"}
    if target != "loop":  # a link to itself leads to no folder
        assert "'ants/loop' is a link. Passed over, for they lead" in said(
            audit
        )


def test_two_folders_that_link_to_each_other_end(mine):
    link(mine / "ants" / "bees", mine / "bees")
    link(mine / "bees" / "ants", mine / "ants")
    assert "lie in more than one class" in said(audit_folder(mine))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("café", "cafe\u0301"),
        ("rust", "rust "),
        ("rust", " rust"),
        ("rust", "rust\u200b"),
        ("deep rust", "deep\u00a0rust"),
        ("fine-rust", "fine\u2011rust"),
    ],
)
def test_classes_whose_names_look_the_same_are_refused(mine, one, other):
    for number, name in enumerate((one, other)):
        try:
            fill(mine, name, 1, 200 + number)
        except OSError:
            pytest.skip("this system does not allow such names")
    names = {path.name for path in mine.iterdir()}
    if len(names) < 4:
        pytest.skip("this system takes the two names for one")
    with pytest.raises(CourseError, match="look the same") as error:
        audit_folder(mine)
    assert ascii(one) in str(error.value) and ascii(other) in str(error.value)


def test_a_name_that_cannot_be_seen_is_refused(mine):
    fill(mine, "\u00a0\u200b", 1, 200)
    with pytest.raises(CourseError, match="no letter.*rename"):
        audit_folder(mine)


def test_names_that_differ_in_capitals_are_told(mine):
    fill(mine, "ANTS", 3, 200)
    if len(list(mine.iterdir())) < 3:
        pytest.skip("this system takes the two names for one")
    assert "'ANTS' and 'ants' differ in capitals only" in said(
        audit_folder(mine)
    )


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir",
        "__MACOSX",
        ".thumbnails",
        "$RECYCLE.BIN",
        "#recycle",
        "System Volume Information",
        ".ipynb_checkpoints",
    ],
)
def test_what_systems_leave_behind_is_no_class_and_is_told(mine, name):
    fill(mine, name, 3, 200)
    fill(mine / "ants", name, 3, 300)
    audit = audit_folder(mine)
    assert audit.class_names == ["ants", "bees"] and len(audit.rows) == 6
    assert f"{name!r}, 'ants/{name}' are hidden" in said(audit)


def test_a_hidden_picture_is_told_and_what_no_one_misses_is_not(mine):
    for name in (".DS_Store", "._0001.png", "Thumbs.db"):
        (mine / "ants" / name).write_text("")
    assert "hidden" not in said(audit_folder(mine))
    picture(5).save(mine / "ants" / ".secret.png")
    assert "'ants/.secret.png' is hidden." in said(audit_folder(mine))


def test_a_class_of_dots_stays(mine):
    if os.name == "nt":
        pytest.skip("Windows has no such names")
    fill(mine, "...", 3, 200)
    assert audit_folder(mine).class_names == ["...", "ants", "bees"]


def test_hidden_folders_only_are_named(tmp_path):
    fill(tmp_path, ".ants", 3)
    with pytest.raises(CourseError, match="no folders .*hidden '.ants'"):
        audit_folder(tmp_path)


@pytest.mark.parametrize("audit", [audit_folder, read_picture])
@pytest.mark.parametrize("path", ["", " ", None, 3, b"mine", "a\0b"])
def test_no_path_is_not_the_working_folder(mine, monkeypatch, audit, path):
    monkeypatch.chdir(mine)
    with pytest.raises(CourseError, match=r"path .*for (folder|path)"):
        audit(path)


def test_a_folder_that_is_a_class_gets_a_hint(mine):
    with pytest.raises(CourseError, match=f"give the folder around.*{mine}"):
        audit_folder(mine / "ants")
    fill(mine / "ants", "old", 2, 200)
    fill(mine / "ants", "new", 2, 300)
    found = said(audit_folder(mine / "ants"))
    assert "If 'ants' itself is a class, give the folder around it." in found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", (10**6, 10**6)),
        ("near_bits", 0.5),
        ("near_bits", -2),
        ("near_bits", None),
        ("budget_bytes", "1 GB"),
        ("budget_bytes", float("inf")),
        ("budget_bytes", 0),
    ],
)
def test_settings_that_make_no_sense(mine, name, value):
    with pytest.raises(CourseError, match=f"^{name} is "):
        audit_folder(mine, **{name: value})
