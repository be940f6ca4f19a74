"""`make run`: executes, tells what each lesson concluded, fails if one does."""

import nbformat
import pytest

from tools import run_lessons


def notebook(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


@pytest.fixture
def run(tmp_path):
    solutions, output = tmp_path / "solutions", tmp_path / "output"
    solutions.mkdir()
    good = notebook(
        "1 + 1",
        "from course_utils import course\ncourse.quiz('00')",
        "print('Concluded: two is two.')",
    )
    nbformat.write(good, solutions / "00_good.ipynb")
    bad = notebook("raise ValueError('too bad')", "print('never reached')")
    nbformat.write(bad, solutions / "01_bad.ipynb")

    def call(*lessons):
        folders = [f"--solutions={solutions}", f"--output={output}"]
        return run_lessons.main([*lessons, *folders])

    call.output = output
    return call


def test_a_table_tells_what_each_lesson_concluded(run, capsys):
    assert run("00_good") == 0
    header, row, place = capsys.readouterr().out.splitlines()
    assert header.split() == ["lesson", "cells", "seconds", "concluded"]
    assert row.split()[:2] == ["00_good", "3"] and row.endswith("two is two.")
    assert str(run.output) in place
    page = (run.output / "00_good.html").read_text("utf-8")
    assert ">2<" in page
    # A page has no kernel: it shows the text of a quiz, and no empty card.
    assert "a) " in page and "quiz.hint(" in page
    assert "jupyter.widget" not in page


def test_a_failing_lesson_fails_the_run_and_the_others_still_run(run, capsys):
    assert run() == 1
    _, good, bad, _ = capsys.readouterr().out.splitlines()
    assert good.endswith("two is two.")
    assert "01_bad" in bad and bad.endswith("failed: ValueError: too bad")
    assert "too bad" in (run.output / "01_bad.html").read_text("utf-8")


def test_an_unknown_lesson_gets_the_nearest(run, capsys):
    assert run("00_godo") == 1
    assert "'00_good'" in capsys.readouterr().out


def test_a_kernel_that_dies_fails_its_lesson_alone(tmp_path, capsys):
    dead, alive = notebook("import os\nos._exit(1)"), notebook("1")
    nbformat.write(dead, tmp_path / "00_dead.ipynb")
    nbformat.write(alive, tmp_path / "01_alive.ipynb")
    folders = [f"--solutions={tmp_path}", f"--output={tmp_path / 'out'}"]
    assert run_lessons.main(folders) == 1
    _, dead, alive, _ = capsys.readouterr().out.splitlines()
    assert "failed: Kernel died" in dead and alive.endswith("nothing")
    (tmp_path / "empty").mkdir()
    assert run_lessons.main([f"--solutions={tmp_path / 'empty'}"]) == 1
    assert "There is no notebook in" in capsys.readouterr().out
