"""What holds for every exercise: hints, solutions, judges that fail."""

import inspect

import pytest

from course_utils import course
from course_utils.answers import checks
from course_utils.machine.errors import CourseError

LABELS, PREDICTED = [1, 1, 0], [1, 0, 0]


def test_hints_come_in_steps():
    exercise = course.exercise("sh-01")
    assert "truly are defective" in exercise.hint()
    assert "np.mean" in exercise.hint(3)
    with pytest.raises(CourseError, match="steps 1 to 3"):
        exercise.hint(4)


def test_a_solution_is_shown_after_a_try_or_on_insistence(work):
    exercise = course.exercise("sh-01")
    exercise.check(..., LABELS, PREDICTED, 1)
    with pytest.raises(CourseError, match="Try sh-01 first"):
        exercise.solution()
    shown = exercise.solution(insist=True)
    exercise.check(0.1, LABELS, PREDICTED, 1)
    assert exercise.solution() == shown
    assert repr(shown).startswith("recall = np.mean(")


@pytest.mark.parametrize("nonsense", [None, object(), 1e9, "x", [], {}])
def test_no_judge_passes_nonsense_or_raises(work, nonsense):
    for sheet in checks.load_sheets().values():
        for name in sheet["exercises"]:
            exercise = checks.find_exercise(name)
            asked = inspect.signature(exercise.judge).parameters
            result = exercise.check(*[nonsense] * len(asked))
            assert result.status in ("failed", "error")
            assert len(result.message) < 400


def test_no_stub_is_attempted(work):
    for sheet in checks.load_sheets().values():
        for name in sheet["exercises"]:
            exercise = checks.find_exercise(name)
            asked = inspect.signature(exercise.judge).parameters
            assert exercise.check(*[...] * len(asked)).status == "not attempted"


def test_a_check_called_wrongly_is_not_blamed_on_the_answer(work):
    result = course.exercise("sh-01").check(0.5)
    assert result.status == "error"
    assert "wants 4 things (answer, labels, predictions" in result.message
    assert course.exercise("sh-01").check().status == "not attempted"


@pytest.mark.parametrize(
    "judge",
    [
        lambda answer: ("fine", "No such status."),
        lambda answer: ("passed",),
        lambda answer: 1 / 0,
    ],
)
def test_a_broken_judge_is_an_error_and_does_not_raise(work, judge):
    exercise = checks.Exercise("sh-01", "00", judge, ())
    assert exercise.check(1).status == "error"


def test_every_exercise_has_a_judge_and_a_solution():
    for lesson, sheet in checks.load_sheets().items():
        for name in sheet["exercises"]:
            assert checks.find_exercise(name).lesson == lesson
            assert checks.find_solution(lesson, name)


def test_a_result_is_text_and_html():
    result = course.exercise("sh-01").check(0.5, "<b>", "<b>", 1)
    assert result.status == "error" and "could not be judged" in repr(result)
    shown = result._repr_html_()
    assert max(map(len, repr(result).splitlines())) <= 76
    assert "<b>" not in shown
    assert 'aria-label="sh-01: error"' in shown
    assert '<span aria-hidden="true">!</span> error' in shown


def test_names_in_a_message_are_shown_as_code():
    result = course.exercise("da-11").check("x", 1, 1, None, None)
    assert "`my_low`" in repr(result)
    assert "<code>my_low</code>" in result._repr_html_()


def test_an_exercise_has_its_name_to_itself():
    # The progress log knows an exercise by its name alone.
    names = [
        name
        for one in checks.load_sheets().values()
        for name in one["exercises"]
    ]
    assert sorted(names) == sorted(set(names))
