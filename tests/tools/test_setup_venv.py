"""The first command on a fresh machine: one sentence for each obstacle."""

import collections
import os
import shutil
import subprocess
import sys

import psutil
import pytest

from tests.conftest import TOP
from tools import setup_venv


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty folder that stands for the course, and no real pip."""
    monkeypatch.setattr(setup_venv, "TOP", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]")
    (tmp_path / "constraints.txt").write_text("numpy==2.0.0")
    calls = []

    def call(command, **_):
        calls.append([str(word) for word in command])
        if command[1:3] == ["-m", "venv"]:
            place = setup_venv.python_of(command[-1])
            os.makedirs(os.path.dirname(place), exist_ok=True)
            open(place, "w").close()
        elif not os.path.exists(command[0]):
            raise FileNotFoundError(command[0])
        return 0

    def install(command, log):
        calls.append([str(word) for word in command])
        return call.exit_code

    call.exit_code = 0
    call.installs = lambda: [c for c in calls if "install" in c]
    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(setup_venv, "install", install)
    return call


def sentence(*arguments):
    with pytest.raises(setup_venv.SetupError) as error:
        setup_venv.set_up(*arguments)
    return str(error.value)


def test_a_second_call_installs_nothing(course):
    for _ in range(2):
        setup_venv.set_up(".venv", "", "constraints.txt")
    (install,) = course.installs()
    assert install[install.index("--editable") + 1] == "."
    assert install[-2:] == ["--constraint", "constraints.txt"]


def test_what_the_tests_installed_serves_the_lessons(course):
    setup_venv.set_up(".venv", "real,test", "constraints.txt")
    setup_venv.set_up(".venv", "real", "constraints.txt")
    setup_venv.set_up(".venv", "", "constraints.txt")
    assert len(course.installs()) == 1
    assert ".[real,test]" in course.installs()[0]


def test_an_environment_whose_python_has_gone_is_made_anew(course):
    for _ in range(2):
        setup_venv.set_up(".venv", "", "constraints.txt")
        os.remove(setup_venv.python_of(".venv"))
    assert len(course.installs()) == 2


def test_what_was_left_out_is_installed_when_it_is_wanted(course):
    setup_venv.set_up(".venv", ",test", "constraints.txt")
    setup_venv.set_up(".venv", "real", "constraints.txt")
    assert [c[c.index("--editable") + 1] for c in course.installs()] == [
        ".[test]",
        ".[real]",
    ]


def test_new_constraints_are_installed(course, tmp_path):
    setup_venv.set_up(".venv", "", "constraints.txt")
    (tmp_path / "constraints.txt").write_text("numpy==2.1.0")
    setup_venv.set_up(".venv", "", "constraints.txt")
    assert len(course.installs()) == 2


def test_a_failed_installation_is_told_and_tried_again(course):
    course.exit_code = 1
    told = sentence(".venv", "", "constraints.txt")
    assert "could not be installed" in told and "run the same command" in told
    course.exit_code = 0
    setup_venv.set_up(".venv", "", "constraints.txt")
    assert len(course.installs()) == 2


def test_a_wrong_python_is_told(course, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    told = sentence(".venv", "", "constraints.txt")
    assert "needs Python 3.11 to 3.13" in told and "is Python 3.10.4" in told
    assert "make lab PYTHON=" in told


@pytest.mark.parametrize("old", ["3.6", "3.8", "3.10"])
def test_an_old_python_itself_says_so_in_one_sentence(old):
    finder = shutil.which("pyenv")
    if finder is None:
        pytest.skip("no pyenv, so no old Python to try")
    known = subprocess.run(
        [finder, "prefix", old], capture_output=True, text=True
    )
    if known.returncode:
        pytest.skip(f"pyenv has no Python {old}")
    python = f"{known.stdout.strip()}/bin/python"
    answer = subprocess.run(
        [python, str(TOP / "tools" / "setup_venv.py"), "unused"],
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    (line,) = answer.stderr.strip().splitlines()
    assert "This course needs Python 3.11 to 3.13" in line


def test_a_read_only_checkout_is_told(course, read_only_folder):
    told = sentence(str(read_only_folder / ".venv"), "", "constraints.txt")
    assert "cannot be written" in told and "folder of your own" in told


def test_a_full_disk_is_told_before_anything_is_downloaded(course, small_disk):
    told = sentence(str(small_disk / ".venv"), "", "constraints.txt")
    assert "MB are free at" in told and course.installs() == []


def test_a_python_without_venv_is_told_the_package(course, monkeypatch):
    def call(command, **_):
        if not os.path.exists(command[0]):
            raise FileNotFoundError(command[0])
        return int(command[1] == "-c")

    monkeypatch.setattr(subprocess, "call", call)
    told = sentence(".venv", "", "constraints.txt")
    version = "{}.{}".format(*sys.version_info[:2])
    assert f"sudo apt install python{version}-venv" in told


def test_pip_is_shown_in_short_and_kept_in_full(tmp_path, capsys):
    told = "for i in range(50): print('Collecting thing', i)"
    log = tmp_path / "log"
    assert setup_venv.install([sys.executable, "-c", told], str(log)) == 0
    assert capsys.readouterr().out == ""
    assert len(log.read_text().splitlines()) == 50


def test_an_installation_without_a_terminal_shows_that_it_lives(
    tmp_path, monkeypatch, capsys
):
    (tmp_path / "lib/python3.11/site-packages/a-1.dist-info").mkdir(
        parents=True
    )
    clock = iter(range(0, 600, 4))
    monkeypatch.setattr(setup_venv.time, "time", lambda: next(clock))
    progress = setup_venv.Progress(str(tmp_path))
    progress.show("Collecting keras")
    progress.show("Installing collected packages: a, b, c")
    for _ in range(6):
        progress.show()
    assert capsys.readouterr().out.splitlines() == [
        "  12 s  Installing: 1 of 3 packages",
        "  24 s  Installing: 1 of 3 packages",
    ]


def test_bytes_that_are_no_text_stop_nothing(tmp_path, capsys):
    code = "import sys; sys.stdout.buffer.write(b'J\\xfcrgen\\n')"
    log = tmp_path / "log"
    assert setup_venv.install([sys.executable, "-c", code], str(log)) == 0
    assert "J\\xfcrgen" in log.read_text()


def test_an_interrupt_ends_pip_too(tmp_path, monkeypatch):
    pids = []

    def interrupt(progress, line=None):
        if line is not None:
            pids.append(int(line))
            raise KeyboardInterrupt

    monkeypatch.setattr(setup_venv.Progress, "show", interrupt)
    told = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    with pytest.raises(KeyboardInterrupt):
        setup_venv.install([sys.executable, "-c", told], str(tmp_path / "log"))
    assert not psutil.pid_exists(pids[0])


def test_a_failing_pip_shows_its_last_lines(tmp_path, capsys):
    told = "print('early'); [print(i) for i in range(11)]; exit('No network')"
    command = [sys.executable, "-u", "-c", told]
    assert setup_venv.install(command, str(tmp_path / "log")) == 1
    out = capsys.readouterr().out
    assert "No network" in out and "early" not in out


@pytest.mark.parametrize(
    ("obstacle", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "the same command goes on"),
        (OSError(28, "No space left on device"), 1, "No space left"),
    ],
)
def test_an_installation_cut_short_is_one_sentence(
    course, monkeypatch, capsys, obstacle, code, told
):
    def install(command, log):
        raise obstacle

    working, arguments = setup_venv.install, ["setup_venv.py", ".venv"]
    monkeypatch.setattr(setup_venv, "install", install)
    monkeypatch.setattr(sys, "argv", arguments)
    assert setup_venv.main() == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert told in line
    # Nothing was marked as installed: the next call installs.
    monkeypatch.setattr(setup_venv, "install", working)
    assert setup_venv.main() == 0 and len(course.installs()) == 1


def test_the_problem_is_printed_without_a_traceback(
    course, monkeypatch, capsys
):
    usage = collections.namedtuple("Usage", "total used free")(10, 10, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(sys, "argv", ["setup_venv.py", ".venv"])
    assert setup_venv.main() == 1
    assert capsys.readouterr().err.strip().startswith("The course needs about")
