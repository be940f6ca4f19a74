"""Files of data/ are whole, or one sentence says what to do."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from course_utils import embedded, paths
from course_utils.errors import CourseError
from tests.conftest import TOP

DEFECTS = ("datasets", "defects")


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """A copy of data/ that a test may break."""
    shutil.copytree(TOP / "data", tmp_path / "course" / "data")
    monkeypatch.setattr(paths, "course_dir", lambda: tmp_path / "course")
    return tmp_path / "course" / "data"


@pytest.mark.parametrize("kind", ["datasets", "backbones"])
def test_every_committed_file_agrees_with_its_card(kind):
    assert embedded.names(kind)
    for name in embedded.names(kind):
        path = embedded.verified_file(kind, name)
        facts = embedded.card(kind, name)
        assert path.stat().st_size == facts["file"]["bytes"]
        wanted = {"title", "origin", "licence", "made_by", "known_limits"}
        assert wanted | {"tuned"} <= set(facts)


def test_every_file_of_data_has_a_card():
    for kind in ("datasets", "backbones"):
        files = {p.name for p in (TOP / "data" / kind).iterdir()}
        cards = {f"{name}.toml" for name in embedded.names(kind)}
        named = {
            embedded.card(kind, name)["file"]["name"]
            for name in embedded.names(kind)
        }
        assert files == cards | named


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(CourseError, match="did you mean 'defects'"):
        embedded.unpacked("defect")


def test_a_missing_file_is_named_with_its_remedy(own_data):
    (own_data / "datasets" / "defects.zip").unlink()
    with pytest.raises(CourseError, match=r"defects\.zip is missing.*git che"):
        embedded.verified_file(*DEFECTS)


def test_a_truncated_file_is_named_with_its_remedy(own_data):
    path = own_data / "datasets" / "defects.zip"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(CourseError, match=r"defects\.zip is broken.*git che"):
        embedded.verified_file(*DEFECTS)


def test_one_flipped_byte_is_noticed_even_after_a_first_use(own_data):
    path = own_data / "backbones" / "residual.weights.h5"
    embedded.verified_file("backbones", "residual")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CourseError, match=r"residual\.weights\.h5 is broken"):
        embedded.verified_file("backbones", "residual")


def test_a_broken_card_is_named(own_data):
    (own_data / "datasets" / "defects.toml").write_text("title = ")
    with pytest.raises(CourseError, match=r"defects\.toml is broken"):
        embedded.verified_file(*DEFECTS)


def test_unpacking_gives_every_picture(work):
    folder = embedded.unpacked("defects")
    with zipfile.ZipFile(embedded.verified_file(*DEFECTS)) as archive:
        for member in archive.namelist():
            assert (folder / member).read_bytes() == archive.read(member)
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_second_use_unpacks_nothing(work, monkeypatch):
    folder = embedded.unpacked("defects")
    monkeypatch.setattr(embedded, "_unpack", None)
    assert embedded.unpacked("defects") == folder


def test_lost_pictures_come_back(work):
    folder = embedded.unpacked("defects")
    shutil.rmtree(folder / "train" / "scratches")
    assert embedded.unpacked("defects") == folder
    assert len(list((folder / "train" / "scratches").iterdir())) == 100


def test_a_picture_cut_short_comes_back(work):
    folder = embedded.unpacked("defects")
    path = folder / "test" / "patches" / "patches_0001.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    embedded.unpacked("defects")
    assert path.read_bytes() == whole


@pytest.mark.parametrize("lost", [False, True])
def test_processes_at_once_all_get_every_picture(work, lost):
    if lost:
        shutil.rmtree(embedded.unpacked("defects") / "train")
    code = (
        "from course_utils import embedded;"
        "folder = embedded.unpacked('defects');"
        "print(sum(p.is_file() for p in folder.rglob('*')))"
    )
    command = [sys.executable, "-c", code]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    members = embedded.card(*DEFECTS)["file"]["members"]
    counts = [int(process.communicate()[0]) for process in started]
    assert counts == [members] * 4
    assert len(list((work / ".cache").iterdir())) == 1


def test_a_full_disk_gets_one_sentence_and_leaves_nothing(
    small_disk, monkeypatch
):
    monkeypatch.setenv("COURSE_CACHE", str(small_disk))
    with pytest.raises(CourseError, match="disk is full; free .* COURSE_CACHE"):
        embedded.unpacked("defects")
    assert list(small_disk.iterdir()) == []


def test_a_read_only_cache_gets_one_sentence(read_only_folder, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(read_only_folder))
    with pytest.raises(CourseError, match="could not be unpacked.*COURSE_CACH"):
        embedded.unpacked("defects")


def test_a_package_away_from_the_course_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "a" / "paths.py"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CourseError, match="install the package from a clone"):
        paths.data_dir()


def test_in_a_notebook_the_error_is_one_line():
    error = CourseError("What, why and how.")
    assert error._render_traceback_() == ["CourseError: What, why and how."]
