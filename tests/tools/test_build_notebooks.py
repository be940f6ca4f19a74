"""Lessons become notebooks, and drift is noticed."""

import json
import shutil

import nbformat
import pytest

from course_utils.machine.errors import CourseError
from tests.conftest import TOP
from tools import build_notebooks

LESSON = """\
# %% [markdown]
# # Learn a thing

# %%
print("same")

# %% [markdown]
# Do it.

# %% tags=["exercise"]
answer = ...
### BEGIN SOLUTION
answer = 42
### END SOLUTION
print(answer)

# %% [markdown]
# And again.

# %%
print("same")

# %% tags=["solution"]
print("only solved")
"""


def cells(script=LESSON, solved=False):
    text = build_notebooks.build(script, solved, "lessons/00.py")
    return nbformat.reads(text, as_version=4).cells


def test_a_stub_replaces_the_solution():
    assert cells()[3].source == "answer = ...\nprint(answer)"


def test_a_solution_replaces_the_stub():
    assert cells(solved=True)[3].source == "answer = 42\nprint(answer)"


def test_a_whole_cell_may_be_a_solution():
    assert len(cells(solved=True)) == len(cells()) + 1
    assert "only solved" not in build_notebooks.build(LESSON, False, "")


def test_notebooks_hold_no_outputs_and_the_tags_stay():
    for cell in cells(solved=True):
        assert not cell.get("outputs") and not cell.get("execution_count")
    assert cells()[3].metadata.tags == ["exercise"]


def test_ids_are_stable_unique_and_alike_in_both_folders():
    unsolved = [cell.id for cell in cells()]
    solved = [cell.id for cell in cells(solved=True)]
    assert len(set(solved)) == len(solved)
    assert unsolved == solved[:-1]
    changed = cells(LESSON.replace("Do it.", "Do it now."))
    assert [a == b.id for a, b in zip(unsolved, changed, strict=True)] == [
        *[True, True, False, True],
        *[True] * (len(unsolved) - 4),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("answer = ...\n", "", "must stand a stub"),
        ("### END SOLUTION\n", "", "without '### END"),
        ("### BEGIN SOLUTION\n", "", "'### END SOLUTION' without"),
    ],
)
def test_a_wrong_mark_is_named(old, new, message):
    with pytest.raises(CourseError) as error:
        cells(LESSON.replace(old, new))
    assert message in str(error.value) and "lessons/00.py" in str(error.value)


@pytest.fixture
def top(tmp_path):
    shutil.copytree(TOP / "lessons", tmp_path / "lessons")
    assert build_notebooks.main(["--top", str(tmp_path)]) == 0
    return tmp_path


def check(top):
    return build_notebooks.main(["--check", "--top", str(top)])


def test_what_is_committed_is_what_the_lessons_build(capsys):
    assert check(TOP) == 0, capsys.readouterr().out


def test_a_changed_sentence_is_noticed_and_the_file_is_named(top, capsys):
    capsys.readouterr()
    lesson = top / "lessons" / "00_start_here.py"
    text = lesson.read_text("utf-8").replace("Did you beat it?", "Did you?")
    lesson.write_text(text, "utf-8")
    assert check(top) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all("edit lessons/00_start_here.py" in line for line in lines)
    assert build_notebooks.main(["--top", str(top)]) == 0
    assert check(top) == 0


def test_an_edited_notebook_is_noticed(top, capsys):
    capsys.readouterr()
    path = top / "notebooks" / "00_start_here.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    notebook["cells"][0]["source"] = ["# Another title"]
    path.write_text(json.dumps(notebook), "utf-8")
    assert check(top) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("notebooks/00_start_here.ipynb is not what")


def test_missing_and_orphaned_notebooks_are_noticed(top, capsys):
    capsys.readouterr()
    path = top / "solutions" / "00_start_here.ipynb"
    path.rename(top / "solutions" / "99_old.ipynb")
    assert check(top) == 1
    missing, orphan = capsys.readouterr().out.splitlines()
    assert missing.startswith("solutions/00_start_here.ipynb is missing")
    assert orphan.startswith("solutions/99_old.ipynb has no lesson")
