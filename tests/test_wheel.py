"""The course from its wheel alone: it runs in an empty folder."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import TOP, missing_for

ANSWER = 'print(course.quiz("00").ask({"q2": "a"}))'


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Returns a folder with the wheel's content, made from a clean copy."""
    copy = tmp_path_factory.mktemp("copy")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("what belongs to the course is known in a git clone only")
    for name in filter(None, listed.stdout.split("\0")):
        if (TOP / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TOP / name, copy / name)
    wheels, site = copy / "dist", tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    build = ["wheel", *offline, "--no-build-isolation", "-w", wheels, copy]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = wheels.iterdir()
    install = ["install", *offline, "--target", site, wheel]
    subprocess.run([*pip, *install], check=True)
    return site


@pytest.fixture
def environment(installed):
    """Environment variables under which the wheel's course is found."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("COURSE_")}
    kept["COURSE_CACHE"] = os.environ["COURSE_CACHE"]  # features, too
    return {**kept, "PYTHONPATH": str(installed)}


def run(environment, folder, *arguments):
    answer = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def folders_in_use(environment, folder):
    told = run(environment, folder, "-m", "course_utils.cli", "where")
    return dict(line.split(maxsplit=1) for line in told.splitlines())


def test_it_works_in_the_folder_where_it_was_called(
    environment, installed, tmp_path
):
    used = folders_in_use(environment, tmp_path)
    assert used["course"] == str(installed / "course_utils" / "_course")
    assert used["work"] == str(tmp_path / "work")
    assert not list(tmp_path.iterdir())
    told = run(environment, tmp_path, "-m", "course_utils.cli", "doctor")
    assert "WRONG" not in told
    assert "This machine can run the course." in told


def test_a_lesson_and_a_quiz_run_from_an_empty_folder(
    environment, installed, tmp_path
):
    copy = "from course_utils.machine import work_folder as w; w.copy_lessons()"
    run(environment, tmp_path, "-c", copy)
    work = tmp_path / "work"
    lessons = sorted(p.name for p in (TOP / "notebooks").glob("*.ipynb"))
    assert sorted(p.name for p in work.glob("*.ipynb")) == lessons
    # A kernel that starts inside of work/ finds that same folder.
    assert folders_in_use(environment, work)["work"] == str(work)
    first = next(x for x in lessons if not missing_for(work / x))
    notebook = nbformat.read(work / first, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ANSWER))
    inside = {"metadata": {"path": str(work)}}
    NotebookClient(notebook, resources=inside).execute(
        env={**environment, "COURSE_SMOKE": "1"}
    )
    assert "q2" in notebook.cells[-1].outputs[0].text
    assert (work / "progress.jsonl").is_file()
    assert not (work / "work").exists()
    board = run(environment, tmp_path, "-m", "course_utils.cli", "progress")
    assert "Start here" in board
