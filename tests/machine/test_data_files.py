"""Files of data/ are whole, or one sentence says what to do."""

import hashlib
import io
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

from course_utils.machine import data_files, paths
from course_utils.machine.errors import CourseError
from tests.conftest import TOP

DEFECTS = ("datasets", "defects")


@pytest.fixture
def own_data(tmp_path, monkeypatch):
    """A copy of data/ that a test may break."""
    shutil.copytree(TOP / "data", tmp_path / "course" / "data")
    monkeypatch.setattr(paths, "course_dir", lambda: tmp_path / "course")
    return tmp_path / "course" / "data"


def parts(kind, name):
    return data_files.tables_of_files(data_files.card(kind, name))


@pytest.mark.parametrize("kind", ["datasets", "backbones"])
def test_every_committed_file_agrees_with_its_card(kind):
    assert data_files.names(kind)
    for name in data_files.names(kind):
        facts = data_files.card(kind, name)
        assert "file" in parts(kind, name)
        for part in parts(kind, name):
            path = data_files.verified_file(kind, name, part)
            assert path.stat().st_size == facts[part]["bytes"]
        wanted = {"title", "origin", "licence", "made_by", "known_limits"}
        assert wanted | {"tuned"} <= set(facts)


def test_every_file_of_data_has_a_card():
    for kind in ("datasets", "backbones"):
        files = {p.name for p in (TOP / "data" / kind).iterdir()}
        cards = {f"{name}.toml" for name in data_files.names(kind)}
        named = {
            data_files.card(kind, name)[part]["name"]
            for name in data_files.names(kind)
            for part in parts(kind, name)
        }
        assert files == cards | named


@pytest.mark.parametrize("kind", ["quizzes", "keys", "exercises"])
def test_the_fast_loader_reads_what_the_plain_one_reads(kind):
    files = sorted((TOP / "data" / kind).glob("*.yml"))
    assert files
    for path in files:
        plain = yaml.safe_load(path.read_text("utf-8"))
        assert data_files.read_yaml(path) == plain


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(CourseError, match="did you mean 'defects'"):
        data_files.unpacked("defect")


def test_a_missing_file_is_named_with_its_remedy(own_data):
    (own_data / "datasets" / "defects.zip").unlink()
    with pytest.raises(
        CourseError, match=r"defects\.zip is missing.*git -C .* che"
    ):
        data_files.verified_file(*DEFECTS)


def test_a_truncated_file_is_named_with_its_remedy(own_data):
    path = own_data / "datasets" / "defects.zip"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(
        CourseError, match=r"defects\.zip is broken.*git -C .* che"
    ):
        data_files.verified_file(*DEFECTS)


def test_one_flipped_byte_is_noticed_even_after_a_first_use(own_data):
    path = own_data / "backbones" / "residual.weights.h5"
    data_files.verified_file("backbones", "residual")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CourseError, match=r"residual\.weights\.h5 is broken"):
        data_files.verified_file("backbones", "residual")


def test_a_broken_card_is_named(own_data):
    path = own_data / "datasets" / "defects.toml"
    for content in (b"title = ", b"\xff", b"file = 3", b"[file]\nsha256 = 1"):
        path.write_bytes(content)
        with pytest.raises(CourseError, match=r"defects\.toml is broken"):
            data_files.verified_file(*DEFECTS)


def add_dataset(folder, content):
    """A data set `own`: an archive, whatever it holds, and a right card."""
    digest = hashlib.sha256(content).hexdigest()
    (folder / "datasets" / "own.zip").write_bytes(content)
    (folder / "datasets" / "own.toml").write_text(
        f'[file]\nname = "own.zip"\nbytes = {len(content)}\n'
        f'sha256 = "{digest}"\n'
    )


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_card_may_describe_a_second_file(own_data):
    content = b"the heads"
    (own_data / "backbones" / "heads.h5").write_bytes(content)
    with (own_data / "backbones" / "residual.toml").open("a") as file:
        digest = hashlib.sha256(content).hexdigest()
        file.write(f'\n[second]\nname = "heads.h5"\nsha256 = "{digest}"\n')
        file.write(f"bytes = {len(content)}\n")
    assert parts("backbones", "residual")[-1] == "second"
    path = data_files.verified_file("backbones", "residual", "second")
    assert path.read_bytes() == content
    assert data_files.verified_file("backbones", "residual") != path
    path.write_bytes(b"the tails")
    with pytest.raises(CourseError, match=r"heads\.h5 is broken .9 bytes"):
        data_files.verified_file("backbones", "residual", "second")
    path.unlink()
    with pytest.raises(CourseError, match=r"heads\.h5 is missing"):
        data_files.verified_file("backbones", "residual", "second")


def test_a_file_that_the_card_does_not_have_is_named_with_those_it_has():
    with pytest.raises(
        CourseError, match="no 'third': it has 'heads' and 'file'"
    ):
        data_files.verified_file("backbones", "residual", "third")


@pytest.mark.parametrize("cut", [1, 200, 3000, 10**6])
def test_an_archive_cut_short_before_its_card_was_made(own_data, work, cut):
    content = zipped({"a.jpg": bytes(range(256)) * 20})
    add_dataset(own_data, content[:-cut])
    with pytest.raises(CourseError, match=r"own\.zip .*no whole archive"):
        data_files.unpacked("own")


def test_a_member_broken_before_its_card_was_made(own_data, work):
    content = bytearray(zipped({"a.jpg": bytes(range(256)) * 20}))
    content[60] ^= 255
    add_dataset(own_data, bytes(content))
    with pytest.raises(CourseError, match=r"own\.zip .*no whole archive"):
        data_files.unpacked("own")
    assert list((work / ".cache").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", r"..\evil.txt"]
)
def test_no_member_leaves_the_folder(own_data, work, name):
    add_dataset(own_data, zipped({"a.jpg": b"good", name: b"evil"}))
    with pytest.raises(CourseError, match="evil.txt' lies outside"):
        data_files.unpacked("own")
    assert not work.exists()


def test_folders_among_the_members_do_no_harm(own_data, work, monkeypatch):
    add_dataset(own_data, zipped({"a/": b"", "a/b.jpg": b"picture"}))
    folder = data_files.unpacked("own")
    assert (folder / "a" / "b.jpg").read_bytes() == b"picture"
    monkeypatch.setattr(data_files, "_unpack", None)
    assert data_files.unpacked("own") == folder


def test_unpacking_gives_every_picture(work):
    folder = data_files.unpacked("defects")
    with zipfile.ZipFile(data_files.verified_file(*DEFECTS)) as archive:
        for member in archive.namelist():
            assert (folder / member).read_bytes() == archive.read(member)
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_second_use_unpacks_nothing(work, monkeypatch):
    folder = data_files.unpacked("defects")
    monkeypatch.setattr(data_files, "_unpack", None)
    assert data_files.unpacked("defects") == folder


def test_lost_pictures_come_back(work):
    folder = data_files.unpacked("defects")
    shutil.rmtree(folder / "train" / "scratches")
    assert data_files.unpacked("defects") == folder
    assert len(list((folder / "train" / "scratches").iterdir())) == 100


def test_a_picture_cut_short_comes_back(work):
    folder = data_files.unpacked("defects")
    path = folder / "test" / "patches" / "patches_0001.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    data_files.unpacked("defects")
    assert path.read_bytes() == whole


@pytest.mark.parametrize("lost", [False, True])
def test_processes_at_once_all_get_every_picture(work, lost):
    if lost:
        shutil.rmtree(data_files.unpacked("defects") / "train")
    code = (
        "from course_utils.machine import data_files;"
        "folder = data_files.unpacked('defects');"
        "print(sum(p.is_file() for p in folder.rglob('*')))"
    )
    command = [sys.executable, "-c", code]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    members = data_files.card(*DEFECTS)["file"]["members"]
    counts = [int(process.communicate()[0]) for process in started]
    assert counts == [members] * 4
    assert len(list((work / ".cache").iterdir())) == 1


def test_a_full_disk_gets_one_sentence_and_leaves_nothing(
    small_disk, monkeypatch
):
    monkeypatch.setenv("COURSE_CACHE", str(small_disk))
    with pytest.raises(CourseError, match="disk is full; free .* COURSE_CACHE"):
        data_files.unpacked("defects")
    assert list(small_disk.iterdir()) == []


def test_a_read_only_cache_gets_one_sentence(read_only_folder, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(read_only_folder))
    with pytest.raises(CourseError, match="could not be unpacked.*COURSE_CACH"):
        data_files.unpacked("defects")


def test_a_package_away_from_the_course_says_so(tmp_path, monkeypatch):
    lost = tmp_path / "course_utils" / "machine" / "paths.py"
    monkeypatch.setattr(paths, "__file__", str(lost))
    with pytest.raises(CourseError, match="install the course again"):
        paths.data_dir()


def test_in_a_notebook_the_error_is_one_line():
    error = CourseError("What, why and how.")
    assert error._render_traceback_() == ["CourseError: What, why and how."]
