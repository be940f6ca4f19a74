"""The contributor's minute: what it looks at, and that it tells."""

import subprocess
import sys

import pytest

from tests.conftest import TOP
from tools import check

CHECKS = "course_utils/answers/checks"


@pytest.fixture
def clone(tmp_path):
    """A clone of a small course whose `origin/main` is one commit behind."""

    def git(folder, *arguments):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", *who, *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    origin, clone = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    git(origin, "init", "-b", "main")
    for name in ("old.py", "edited.py", "committed.py", "before.py"):
        (origin / name).write_text("")
    git(origin, "add", ".")
    git(origin, "commit", "-m", "begin")
    git(tmp_path, "clone", str(origin), str(clone))
    (clone / "committed.py").write_text("x = 1\n")
    git(clone, "commit", "-am", "change")
    (clone / "edited.py").write_text("x = 1\n")
    git(clone, "mv", "before.py", "after.py")
    (clone / "new.py").write_text("")
    (origin / "old.py").write_text("came later\n")
    git(origin, "commit", "-am", "later")
    git(clone, "fetch")
    return clone


def test_committed_edited_and_new_files_count_and_later_ones_do_not(clone):
    assert check.base_of(clone) == "origin/main"
    changed = check.changed_files(clone, "origin/main")
    assert changed == [
        *("after.py", "before.py", "committed.py", "edited.py", "new.py")
    ]
    here = check.changed_files(clone, "HEAD")
    assert here == ["after.py", "before.py", "edited.py", "new.py"]


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("course_utils/transfer/freezing.py", "tests/transfer/test_freezing"),
        ("course_utils/notebook/static/quiz.css", "tests/notebook/test_quiz"),
        ("data/keys/03.yml", "tests/answers/test_checks_03"),
        (f"{CHECKS}/lesson_03_checks.py", "tests/answers/test_checks_03"),
        (f"{CHECKS}/lesson_02_head_checks.py", "tests/answers/test_checks_02"),
        ("course_utils/classroom/collecting.py", "tests/classroom/"),
        ("data/keys/03.yml", "tests/tools/test_list_misconceptions"),
        ("lessons/00_start_here.py", "tests/tools/test_lesson_minutes"),
        ("data/exercises/03b.yml", "tests/answers/test_checks_03b"),
        ("tools/lint_quizzes.py", "tests/tools/test_lint_quizzes"),
        ("environment.yml", "tests/test_project"),
        ("tests/tiny_models.py", "tests/evaluation/test_heat_maps"),
        ("benchmarks/real_ground/depth.py", "tests/evaluation/test_ledger"),
        ("data/experiments/real_depth.csv", "tests/benchmarks/test_real"),
        ("data/exercises/03.yml", "tests/tools/test_list_misconceptions"),
        ("data/quizzes/03.yml", "tests/tools/test_lesson_minutes"),
    ],
)
def test_a_file_has_its_tests_near(changed, test):
    nearest = check.nearest_tests(TOP, [changed])
    assert any(name.startswith(test) for name in nearest), nearest


def test_a_changed_test_comes_first_and_what_takes_minutes_never():
    changed = ["tests/transfer/test_freezing.py", "course_utils/cli.py"]
    nearest = check.nearest_tests(TOP, changed)
    assert nearest[0] == changed[0]
    assert "tests/test_cli.py" in nearest
    assert not any("browser" in name for name in nearest)


def test_each_look_is_told_and_one_that_fails_fails_all(
    monkeypatch, capfd, tmp_path
):
    monkeypatch.setattr(check, "changed_files", lambda *_: [])
    looks = {"good": ["-c", "pass"], "bad": ["-c", "exit('a reason')"]}
    monkeypatch.setattr(check, "LOOKS", looks)
    assert check.main([]) == 1
    told, reason = capfd.readouterr()
    assert "good: passed" in told and "bad: failed" in told
    assert "To mend: bad." in told and "a reason" in reason
    del looks["bad"]
    assert check.main([]) == 0


def test_an_unknown_lesson_is_a_sentence(capsys):
    assert check.main(["--lesson", "99"]) == 1
    assert "No lesson '99': take one of ['00'," in capsys.readouterr().out


def test_what_begins_after_the_minute_is_skipped_with_a_reason(tmp_path):
    test = tmp_path / "test_two.py"
    test.write_text("def test_one(): pass\n")
    code = (
        "import tools.check, pytest; tools.check.SECONDS_FOR_TESTS = -1;"
        f"code = pytest.main(['-p', 'tools.check_deadline', {str(test)!r}]);"
        "print('code', int(code))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True
    )
    assert "1 tests were not reached: `make test` runs" in answer.stdout
    assert answer.returncode == 0  # it is the script that ends well
    assert "code 5" in answer.stdout


def test_a_learners_copy_and_a_broken_test_are_in_nobodys_way(
    tmp_path, monkeypatch
):
    for folder in ("notebooks", "solutions", "work"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "03_fine_tuning.ipynb").write_text("")
    monkeypatch.setattr(check, "TOP", tmp_path)
    asked = []
    monkeypatch.setattr(
        check, "passes", lambda name, words: asked.append(words) or True
    )
    assert check.main(["--lesson", "03"]) == 0
    named = [word for words in asked for word in words if "ipynb" in word]
    assert [word.split("/")[-2] for word in named] == ["solutions", "notebooks"]
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_new.py").write_text("def test_x(:")
    found = check.nearest_tests(tmp_path, ["tests/test_new.py", "other.py"])
    assert found == ["tests/test_new.py"]
