"""The minutes that a lesson states are those that it takes."""

import pytest

from tests.conftest import TOP
from tools import lesson_minutes

LESSONS = {
    lesson_minutes.number(path): path for path in (TOP / "lessons").glob("*.py")
}


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_states_what_it_takes(lesson):
    path = LESSONS[lesson]
    assert lesson_minutes.stated(path) == lesson_minutes.minutes(path)
    assert lesson_minutes.parts_of(path)["machine"] > 0


def test_each_part_counts(tmp_path):
    path = tmp_path / "00_some.py"
    prose = " ".join(["word"] * 300)
    code = "\n".join(f"x{i} = {i}" for i in range(60))
    solution = "\n".join(f"y = {i}" for i in range(6))
    path.write_text(
        f"# %% [markdown]\n# {prose} About\n# 10 minutes\n\n# %%\n{code}\n\n"
        "# %%\n# exercise: sh-01\ny = ...\n### BEGIN SOLUTION\n"
        f"{solution}\n### END SOLUTION\n"
    )
    parts = lesson_minutes.parts_of(path)
    assert parts["prose"] == pytest.approx(2, abs=0.1)
    assert parts["code"] == pytest.approx(2, abs=0.1)
    assert parts["exercises"] == 5 and parts["questions"] == 2.5
    assert lesson_minutes.stated(path) == 10
    assert lesson_minutes.minutes(path) % 5 == 0
