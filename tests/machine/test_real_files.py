"""Other people's files: found and whole, or a sentence that says what to do."""

import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

import pytest

from course_utils.machine import data_files, real_files
from course_utils.machine.errors import CourseError

NAMES = data_files.names("real")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Two packages as pip leaves them, small, with cards that know them."""
    monkeypatch.delenv("COURSE_REAL", raising=False)
    folder = tmp_path / "site"
    (folder / "inside" / "images").mkdir(parents=True)
    (folder / "inside" / "labels.csv").write_text("a 1.0 mono\n")
    for number in range(3):
        (folder / "inside" / "images" / f"{number}.png").write_bytes(b"x")
    package = folder / "cells-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: cells\nVersion: 1.0\n")
    card = {
        "title": "Some cells",
        "home": "https://example.org",
        "package": "cells",
        "version": "1.0",
        "inside": "inside",
        "pictures": "images",
        "file": {"name": "labels.csv", "sha256": ""},
    }
    monkeypatch.setattr(data_files, "card", lambda *_: card)
    monkeypatch.syspath_prepend(folder)
    files = [folder / "inside" / "labels.csv"]
    files += sorted((folder / "inside" / "images").iterdir())
    card["file"]["sha256"] = real_files._sum(
        folder / "inside", tuple(files), None
    )
    return card, folder / "inside"


def sentence():
    with pytest.raises(CourseError) as error:
        real_files.verified_path("cells")
    return str(error.value)


def test_a_whole_package_is_found(installed):
    _, inside = installed
    assert real_files.verified_path("cells") == inside / "labels.csv"


def test_a_missing_package_says_what_to_install(installed):
    card, _ = installed
    card["package"] = "no-such-cells"
    told = sentence()
    assert told.startswith(
        f"Some cells: not installed; `{sys.executable} -m pip"
    )
    assert "COURSE_REAL" in told


def test_another_version_names_both(installed):
    card, _ = installed
    card["version"] = "2.0"
    told = sentence()
    assert "version 1.0 of cells is installed" in told
    assert "-m pip install cells==2.0`" in told


def test_in_a_notebook_the_remedy_is_a_line_for_a_cell(installed):
    shells = pytest.importorskip("IPython.core.interactiveshell")
    installed[0]["version"] = "2.0"
    shells.InteractiveShell.instance()
    try:
        assert "`%pip install cells==2.0`" in sentence()
    finally:
        shells.InteractiveShell.clear_instance()


@pytest.mark.parametrize("lost", ["labels.csv", "images"])
def test_half_an_installation_is_named(installed, lost):
    path = installed[1] / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    told = sentence()
    assert "half an installation" in told
    assert "-m pip install --force-reinstall cells==1.0`" in told


@pytest.mark.parametrize("change", ["edited", "renamed", "removed", "added"])
def test_a_change_to_any_file_is_noticed(installed, change):
    assert real_files.verified_path("cells")
    picture = installed[1] / "images" / "1.png"
    if change == "edited":
        picture.write_bytes(b"y")
        os.utime(picture, ns=(1, 1))
    elif change == "renamed":
        picture.rename(picture.with_name("4.png"))
    elif change == "removed":
        picture.unlink()
    else:
        picture.with_name("4.png").write_bytes(b"x")
    assert "is not what the course knows" in sentence()


def test_what_systems_leave_beside_the_pictures_changes_nothing(installed):
    _, inside = installed
    (inside / "images" / ".DS_Store").write_bytes(b"x")
    (inside / "images" / "@eaDir").mkdir()
    assert real_files.verified_path("cells") == inside / "labels.csv"


def test_a_picture_that_cannot_be_read_is_a_sentence(installed):
    _, inside = installed
    (inside / "images" / "0.png").unlink()
    (inside / "images" / "0.png").mkdir()
    assert "may not be read" in sentence()


def test_a_folder_serves_as_well_wherever_the_files_lie_in_it(
    installed, tmp_path, monkeypatch
):
    card, inside = installed
    card["package"] = "no-such-cells"
    clone = tmp_path / "clone"
    shutil.copytree(inside, clone / "src" / "data")
    monkeypatch.setenv("COURSE_REAL", str(clone))
    found = real_files.verified_path("cells")
    assert found == clone / "src" / "data" / "labels.csv"
    (found.parent / "images" / "1.png").write_bytes(b"changed")
    assert "copy it anew from https://example.org" in sentence()
    monkeypatch.setenv("COURSE_REAL", str(tmp_path / "nowhere"))
    assert "nowhere, which COURSE_REAL names" in sentence()


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_where_from_under_which_licence_and_its_limits(name):
    facts = data_files.card("real", name)
    for field in ("title", "origin", "home", "licence", "citation", "not_for"):
        assert facts[field]
    assert facts["known_limits"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_installed_is_what_the_card_knows(name):
    facts = data_files.card("real", name)
    try:
        importlib.metadata.distribution(facts["package"])
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{facts['package']} is not installed")
    path = real_files.verified_path(name)
    files = [path, *(path.parent / facts.get("pictures", ".")).glob("*.png")]
    assert sum(Path(f).stat().st_size for f in files) == facts["file"]["bytes"]
