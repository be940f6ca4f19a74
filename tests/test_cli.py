"""The `course` command: what it opens, passes on, prints and refuses."""

import errno
import importlib.metadata
import os
import subprocess
import sys

import pytest

from course_utils import cli
from course_utils.machine import paths


@pytest.fixture
def started(monkeypatch, work):
    """What `course lab` would start in place of itself."""
    seen = []
    monkeypatch.setattr(cli, "_doctor", lambda: 0)
    monkeypatch.setattr(os, "execve", lambda program, *rest: seen.append(rest))
    return seen


def test_lab_opens_a_lesson_and_passes_on_what_jupyterlab_takes(started, work):
    cli.main(["lab", "--lesson", "03", "--port=8899", "--ip", "127.0.0.1"])
    ((command, environment),) = started
    assert "--LabApp.default_url=/lab/tree/03_fine_tuning.ipynb" in command
    start = command.index("--port=8899")
    assert command[start : start + 3] == ["--port=8899", "--ip", "127.0.0.1"]
    assert environment["COURSE_WORK"] == str(work)
    assert (work / "03_fine_tuning.ipynb").is_file()


def test_options_after_two_dashes_are_passed_on_as_before(started):
    cli.main(["lab", "--no-browser", "--", "--port=8899"])
    ((command, _),) = started
    assert "--port=8899" in command and "--" not in command
    assert "--LabApp.default_url=/lab/tree/00_start_here.ipynb" in command


def test_kernels_find_a_work_folder_that_was_named_in_short(
    started, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_WORK", "mine")
    cli.main(["lab"])
    assert started[0][1]["COURSE_WORK"] == str(tmp_path / "mine")
    monkeypatch.setenv("COURSE_CACHE", "kept")
    cli.main(["lab"])
    assert started[1][1]["COURSE_CACHE"] == str(tmp_path / "kept")


def test_an_unknown_lesson_is_one_sentence(started, capsys, work):
    assert cli.main(["lab", "--lesson", "99"]) == 1
    assert "no lesson '99': choose '00' or '01'" in capsys.readouterr().err
    assert not started and not work.exists()


def test_only_lab_takes_other_options(capsys):
    with pytest.raises(SystemExit):
        cli.main(["progress", "--port=8899"])
    assert "unrecognized arguments: --port" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    version = importlib.metadata.version("transfer-learning-course")
    assert capsys.readouterr().out.strip() == version


def test_where(capsys, work):
    assert cli.main(["where"]) == 0
    told = dict(
        line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()
    )
    assert told == {
        "course": str(paths.course_dir()),
        "work": str(work),
        "answers": str(work / "progress.jsonl"),
        "cache": str(work / ".cache"),
    }


def test_a_name_without_letters_in_the_terminal_ends_nothing(tmp_path):
    name = f"{tmp_path}/Łukasz"
    done = subprocess.run(
        [sys.executable, "-m", "course_utils.cli", "where"],
        env={**os.environ, "COURSE_WORK": name, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        text=True,
    )
    assert "\\u0141ukasz" in done.stdout and not done.stderr


@pytest.mark.parametrize("step", ["release 02 --out", "collect", "report"])
def test_a_file_in_place_of_a_folder_is_a_sentence(tmp_path, capsys, step):
    (tmp_path / "file").write_text("")
    told = ["class", *step.split(), str(tmp_path / "file")]
    assert cli.main(told) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "file") in said and said.count("\n") == 1


def test_a_home_folder_of_nobody_is_a_sentence(capsys):
    told = ["class", "release", "02", "--out=~nobody-here/x", "--dry-run"]
    assert cli.main(told) == 1
    assert "home folder of somebody" in capsys.readouterr().err


def test_what_the_system_refuses_is_a_sentence(monkeypatch, capsys):
    def refuse():
        raise PermissionError(errno.EACCES, "Permission denied", "a/b")

    monkeypatch.setattr(cli.progress_summary, "load_board", refuse)
    assert cli.main(["progress"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("a/b could not be used: permission denied; make")


def test_a_reader_that_has_seen_enough_is_told_nothing(work):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-u", "-m", "course_utils.cli", "where"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == 1 and not done.stderr
