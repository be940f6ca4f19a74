"""`course doctor` says what is wrong, and what to do."""

import collections
import os
import shutil
import subprocess
import sys

import psutil
import pytest

from course_utils import cli, doctor
from course_utils.machine import paths
from tests.conftest import TOP


def findings(look):
    return {f.subject: f for f in look()}


def test_a_fit_machine_passes(work, capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    subjects = "Python TensorFlow Keras GPU Cores Memory Widgets Kernel"
    for subject in (*subjects.split(), "Work folder", "Data", "Weights"):
        assert f"  {subject} " in out
    assert "This machine can run the course." in out


def test_broken_weights_are_named_and_the_exit_code_is_one(
    tmp_path, monkeypatch, capsys, work
):
    shutil.copytree(TOP / "data", tmp_path / "data")
    (tmp_path / "data" / "backbones" / "residual.weights.h5").write_bytes(b"")
    monkeypatch.setattr(paths, "course_dir", lambda: tmp_path)
    monkeypatch.setattr(doctor, "_tensorflow", lambda: iter(()))
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "WRONG  Weights      data/backbones/residual.weights.h5" in out
    assert " checkout -- data" in out and "cannot run yet" in out


def test_old_heads_are_looked_at_too(tmp_path, monkeypatch):
    shutil.copytree(TOP / "data", tmp_path / "data")
    for path in (tmp_path / "data" / "backbones").glob("mobile.heads*"):
        path.unlink()
    monkeypatch.setattr(paths, "course_dir", lambda: tmp_path)
    found = [one for one in doctor._data() if one.state == "wrong"]
    assert len(found) == 1 and "mobile.heads" in found[0].text


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_a_wrong_python_is_named(monkeypatch, version):
    version = collections.namedtuple("Version", "major minor")(*version)
    monkeypatch.setattr(sys, "version_info", version)
    (finding,) = doctor._python()
    assert finding.state == "wrong" and "needs 3.11 to 3.13" in finding.text


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("import os; os.kill(os.getpid(), 4)", "without AVX"),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_a_tensorflow_that_cannot_be_imported_is_told(monkeypatch, code, named):
    monkeypatch.setattr(doctor, "_ASK_TENSORFLOW", code)
    (finding,) = doctor._tensorflow()
    assert finding.state == "wrong" and named in finding.text


def test_another_backend_is_told_with_its_own_remedy(work):
    # JAX is not installed: the import itself would fail, and mislead.
    answer = subprocess.run(
        [sys.executable, "-m", "course_utils.cli", "doctor"],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    assert answer.returncode == 1
    (line,) = [x for x in answer.stdout.splitlines() if x.startswith("WRONG")]
    assert "set to run on jax" in line and "unset" in line


@pytest.mark.parametrize(("total", "free"), [(2, 1.5), (16, 0.5), (2, 0.5)])
def test_little_memory_is_a_note(monkeypatch, total, free):
    memory = collections.namedtuple("Memory", "total available")
    little = memory(total=total * 1e9, available=free * 1e9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: little)
    finding = findings(doctor._machine)["Memory"]
    assert finding.state == "note" and "close other programs" in finding.text


def test_a_jupyterlab_without_the_widgets_is_a_note(monkeypatch, tmp_path):
    labextensions = tmp_path / "share" / "jupyter" / "labextensions"
    (labextensions / "anywidget").mkdir(parents=True)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (finding,) = doctor._widgets()
    assert finding.state == "note"
    assert "pip install jupyterlab_widgets`" in finding.text


def test_a_read_only_work_folder_is_told(read_only_folder, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(read_only_folder / "work"))
    (finding,) = doctor._work_folder()
    assert finding.state == "wrong" and "set COURSE_WORK" in finding.text


def test_a_cache_that_cannot_be_written_is_told(work, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    finding = findings(doctor._work_folder)["Cache"]
    assert finding.state == "wrong" and "set COURSE_CACHE" in finding.text


def test_what_a_learner_can_mend_is_not_to_be_reported(monkeypatch):
    monkeypatch.setenv("COURSE_WORK", "~nobody-here/work")
    monkeypatch.setattr(doctor, "_tensorflow", lambda: iter(()))
    told = [f for f in doctor.examine() if f.subject == "Work folder"]
    assert [f.state for f in told] == ["wrong"]
    assert told[0].text.startswith("COURSE_WORK is '~nobody-here/work', which")
    assert "report this" not in told[0].text


def test_little_disk_is_a_note(small_disk, monkeypatch):
    monkeypatch.setenv("COURSE_WORK", str(small_disk))
    finding = findings(doctor._work_folder)["Disk"]
    assert finding.state == "note" and "free some" in finding.text


def test_a_kernel_of_another_python_is_told(monkeypatch, tmp_path):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(
        '{"argv": ["/other/python"], "display_name": "Other"}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    (finding,) = doctor._kernel()
    assert finding.state == "wrong" and "/other/python" in finding.text


def test_an_unforeseen_failure_is_a_finding(monkeypatch):
    def fail():
        raise RuntimeError("the unforeseen")

    monkeypatch.setattr(doctor, "_tensorflow", fail)
    told = [f for f in doctor.examine() if f.subject == "TensorFlow"]
    assert [f.state for f in told] == ["wrong"]
    assert "the unforeseen" in told[0].text


def test_outside_the_course_the_command_says_so_in_one_line(tmp_path):
    shutil.copytree(TOP / "course_utils", tmp_path / "away" / "course_utils")
    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            "from course_utils import cli, doctor\n"
            "doctor._tensorflow = lambda: iter(())\n"
            "cli.main(['lab'])",
        ],
        cwd=tmp_path / "away",
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in answer.stderr
    assert "install the course again" in answer.stderr
