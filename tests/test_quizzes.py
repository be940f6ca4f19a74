"""Quizzes in plain text."""

import pytest

from course_utils import course, paths
from course_utils.errors import CourseError

LESSONS = sorted(p.stem for p in (paths.data_dir() / "quizzes").glob("*.yml"))


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_question_is_whole(lesson):
    quiz = course.quiz(lesson)
    assert quiz.questions
    assert set(quiz.keys) == set(quiz.questions)
    for name, question in quiz.questions.items():
        choices = question["choices"]
        assert question["prompt"].strip()
        assert quiz.keys[name] in choices and len(choices) >= 3
        feedback = [choice["feedback"].strip() for choice in choices.values()]
        assert all(feedback) and len(set(feedback)) == len(feedback)


@pytest.mark.parametrize("lesson", LESSONS)
def test_only_the_key_passes_and_each_choice_is_answered(lesson):
    quiz = course.quiz(lesson)
    for name, question in quiz.questions.items():
        for letter, choice in question["choices"].items():
            result = quiz.answer(name, letter)
            right = letter == quiz.keys[name]
            assert result.status == ("passed" if right else "failed")
            assert result.message == choice["feedback"].strip()


def test_the_text_shows_prompt_choices_and_how_to_answer():
    text = repr(course.quiz("00"))
    assert "q1." in text and "\n   a) " in text and 'quiz.answer("q1"' in text


def test_case_and_blanks_do_not_matter():
    quiz = course.quiz("00")
    assert quiz.answer("q1", " C ") == quiz.answer("q1", "c")


def test_dots_are_not_attempted():
    assert course.quiz("00").answer("q1", ...).status == "not attempted"


@pytest.mark.parametrize("choice", ["e", "", 3, None])
def test_a_choice_that_does_not_exist_is_a_sentence(choice):
    with pytest.raises(CourseError, match="not a choice of q1.*a, b, c, d"):
        course.quiz("00").answer("q1", choice)


def test_a_question_that_does_not_exist_is_a_sentence():
    with pytest.raises(CourseError, match="no question 'q9'.*q1"):
        course.quiz("00").answer("q9", "a")
