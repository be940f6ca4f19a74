"""A lesson starts calmly, and an interrupt is one sentence."""

import os
import subprocess
import sys

import pytest

from course_utils.machine import muted_stderr
from course_utils.notebook import lesson_start
from tests.conftest import TOP, needs_package


@pytest.fixture
def shell():
    interactiveshell = pytest.importorskip("IPython.core.interactiveshell")
    yield interactiveshell.InteractiveShell.instance()
    interactiveshell.InteractiveShell.clear_instance()


def test_an_interrupted_cell_says_one_sentence(shell, capsys):
    lesson_start.explain_stops()
    result = shell.run_cell("raise KeyboardInterrupt")
    assert not result.success, "the cells after it must not run"
    out, err = capsys.readouterr()
    assert out.startswith("Interrupted.") and out.count("\n") == 1
    assert err == ""


def test_other_errors_keep_their_traceback(shell, capsys):
    lesson_start.explain_stops()
    shell.run_cell("1 / 0")
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


@pytest.mark.parametrize("call", ["base_model", "base_model.predict"])
def test_a_wrong_scale_is_one_sentence(shell, capsys, call):
    lesson_start.explain_stops()
    shell.run_cell(
        "import numpy as np\n"
        "from course_utils import backbones\n"
        "base_model = backbones.load_backbone('residual', weights=None)\n"
        "images = np.linspace(0, 1, 64 * 64 * 3).reshape(1, 64, 64, 3)"
    )
    capsys.readouterr()
    assert not shell.run_cell(f"{call}(images)").success
    shown = "".join(capsys.readouterr()).strip()
    assert shown == (
        "CourseError: A backbone expects pictures with values from 0 to 255, "
        "and this batch has values from 0 to 1: leave out `/ 255` and any "
        "other preprocessing."
    )


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("from course_utils.datasets import load_dataset", "datasets"),
        ("from course_utils import paths, tables", "paths"),
        ("from course_utils import answers\nanswers.ask_model", "ask_model"),
        ("from course_utils.transfer import unfreze", "transfer.unfreze"),
        ("import course_utils.smoke as smoke", "course_utils.smoke"),
    ],
)
def test_an_older_copy_of_a_lesson_says_what_to_do(shell, capsys, line, name):
    lesson_start.explain_stops()
    assert not shell.run_cell(line).success
    shown = "".join(capsys.readouterr()).strip()
    assert shown.startswith("CourseError: course_utils.") and name in shown
    assert "rename it and run `make lab`" in shown
    assert shown.count("\n") == 0 and "Traceback" not in shown


@pytest.mark.parametrize("name", ["torch", "efficientnet_lite_pytorch"])
def test_a_missing_pytorch_is_one_sentence(shell, capsys, name, monkeypatch):
    lesson_start.explain_stops()
    monkeypatch.setitem(sys.modules, name, None)
    assert not shell.run_cell(f"import {name}").success
    shown = "".join(capsys.readouterr()).strip()
    assert shown.startswith(f"CourseError: {name} is not installed")
    assert "pip install torch" in shown and shown.count("\n") == 0


@pytest.mark.parametrize("line", ["import nothing_at_all", "(1).nothing"])
def test_what_others_do_not_have_keeps_its_traceback(shell, capsys, line):
    lesson_start.explain_stops()
    shell.run_cell(line)
    shown = "".join(capsys.readouterr())
    assert "Traceback" in shown and "older copy" not in shown


def test_other_errors_of_tensorflow_keep_their_traceback(shell, capsys):
    lesson_start.explain_stops()
    shell.run_cell("import tensorflow as tf; tf.debugging.Assert(False, ['x'])")
    assert "InvalidArgumentError" in "".join(capsys.readouterr())


def test_a_failing_import_is_not_hidden_and_noise_is(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError):
        lesson_start.import_keras_quietly()
    with muted_stderr.stderr_held_back():
        os.write(2, b"noise\n")
    assert "noise" not in capfd.readouterr().err


def test_what_was_held_back_is_shown_on_an_error(capfd):
    with pytest.raises(RuntimeError), muted_stderr.stderr_held_back():
        os.write(2, b"the reason\n")
        raise RuntimeError
    assert "the reason" in capfd.readouterr().err


def test_triton_is_loaded_before_tensorflow(tmp_path):
    # The other way round, PyTorch's first optimizer would end Python.
    (tmp_path / "triton.py").write_text(
        "import sys\nassert 'tensorflow' not in sys.modules\nprint('first')"
    )
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from course_utils import course as c\nc.begin('00')",
        ],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{TOP}"},
        capture_output=True,
        text=True,
    )
    assert found.stdout.startswith("first"), found.stderr


@needs_package("torch")
def test_an_optimizer_of_pytorch_can_be_made_in_a_lesson():
    code = (
        "from course_utils import course\ncourse.begin('00')\nimport torch\n"
        "torch.optim.Adam(torch.nn.Linear(1, 1).parameters())\nprint('made')"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert found.stdout.rstrip().endswith("made"), found.stderr
