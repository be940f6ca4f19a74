"""A lesson starts calmly, and an interrupt is one sentence."""

import os
import sys

import pytest

from course_utils import startup


@pytest.fixture
def shell():
    interactiveshell = pytest.importorskip("IPython.core.interactiveshell")
    yield interactiveshell.InteractiveShell.instance()
    interactiveshell.InteractiveShell.clear_instance()


def test_an_interrupted_cell_says_one_sentence(shell, capsys):
    startup.explain_interrupts()
    result = shell.run_cell("raise KeyboardInterrupt")
    assert not result.success, "the cells after it must not run"
    out, err = capsys.readouterr()
    assert out.startswith("Interrupted.") and out.count("\n") == 1
    assert err == ""


def test_other_errors_keep_their_traceback(shell, capsys):
    startup.explain_interrupts()
    shell.run_cell("1 / 0")
    assert "ZeroDivisionError" in "".join(capsys.readouterr())


def test_a_failing_import_is_not_hidden_and_noise_is(monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ImportError):
        startup.import_keras_quietly()
    with startup._stderr_held_back():
        os.write(2, b"noise\n")
    assert "noise" not in capfd.readouterr().err


def test_what_was_held_back_is_shown_on_an_error(capfd):
    with pytest.raises(RuntimeError), startup._stderr_held_back():
        os.write(2, b"the reason\n")
        raise RuntimeError
    assert "the reason" in capfd.readouterr().err
