"""Quizzes: whole, fair, judged, remembered."""

import collections
import json
import shutil

import pytest
import yaml

from course_utils import course, paths, progress, questions, quizzes
from course_utils.errors import CourseError
from tests.conftest import TOP
from tools import lint_quizzes

CHOICES = [
    {"id": "right", "text": "one", "feedback": "Yes."},
    {"id": "also", "text": "two", "feedback": "Also."},
    {"id": "wrong", "text": "three", "feedback": "No, because."},
    {"id": "worse", "text": "four", "feedback": "Not at all."},
]
ORDER = ["wrong", "right", "worse", "also"]
TOLD = {"feedback": "Right.", "otherwise": "Think again."}


@pytest.fixture
def quiz(work):
    return course.quiz("00")


# What is committed.


def test_the_linter_finds_nothing():
    assert lint_quizzes.lint(paths.data_dir()) == []


@pytest.mark.parametrize("lesson", quizzes.lessons_with_quiz())
def test_the_key_passes_every_question_and_each_choice_is_answered(
    lesson, work
):
    quiz = course.quiz(lesson)
    for name, question in quiz.questions.items():
        if question["type"] == "predict":
            continue
        key = quiz.keys[name]["answer"]
        for answer in key if question["type"] == "text" else [key]:
            assert quiz.answer(name, answer).status == "passed"
        for mistake in quiz.keys[name].get("mistakes", []):
            wrong = mistake["answer"]
            wrong = wrong[0] if isinstance(wrong, list) else wrong
            result = quiz.answer(name, wrong)
            assert result.status == "failed"
            assert result.message == mistake["feedback"].strip()
        if question["type"] == "single":
            for choice in question["choices"]:
                result = quiz.answer(name, choice["id"])
                assert result.message == choice["feedback"].strip()
                assert (result.status == "passed") == (choice["id"] == key)


# The linter notices.


@pytest.fixture
def data(tmp_path):
    for folder in ("quizzes", "keys", "exercises"):
        shutil.copytree(TOP / "data" / folder, tmp_path / folder)
    return tmp_path


def change(data, folder, edit):
    path = data / folder / "00.yml"
    content = yaml.safe_load(path.read_text("utf-8"))
    edit(content)
    path.write_text(yaml.safe_dump(content), "utf-8")


def question(content, name):
    return next(q for q in content["questions"] if q["id"] == name)


@pytest.mark.parametrize(
    ("folder", "edit", "named"),
    [
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].pop("feedback"),
            "'feedback' is a required property",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2").update(type="guess"),
            "'guess' is not one of",
        ),
        (
            "quizzes",
            lambda c: question(c, "q4").pop("otherwise"),
            "'otherwise' is a required property",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].update(
                feedback=question(c, "q2")["choices"][1]["feedback"]
            ),
            "q2: two choices have the same feedback",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].update(text="x" * 200),
            "q2: what is right can be told by its length",
        ),
        (
            "quizzes",
            lambda c: question(c, "q3").update(id="q2"),
            "two questions have the same id",
        ),
        (
            "exercises",
            lambda c: c["objectives"].update(new="Do a new thing."),
            "'new' has no question",
        ),
        (
            "exercises",
            lambda c: c["objectives"].update(new="Do a new thing."),
            "'new' has no exercise",
        ),
        (
            "exercises",
            lambda c: c["exercises"]["sh-01"].update(objective="else"),
            "no objective 'else'",
        ),
        (
            "exercises",
            lambda c: c["exercises"]["sh-01"].update(hints=[]),
            "sh-01: it has no hints",
        ),
        ("keys", lambda c: c.pop("q4"), "must have a key for each"),
        (
            "keys",
            lambda c: c["q2"].update(answer="no-such"),
            "q2: the key 'no-such' does not fit",
        ),
        (
            "keys",
            lambda c: c["q3"].update(answer="kernel"),
            "q3: the key 'kernel' does not fit",
        ),
    ],
)
def test_the_linter_names(data, folder, edit, named):
    assert lint_quizzes.lint(data) == []
    change(data, folder, edit)
    assert any(named in c for c in lint_quizzes.lint(data))


def test_the_linter_notices_that_the_longest_is_always_right():
    choices = [dict(c) for c in CHOICES]
    choices[0]["text"] = "one and more"
    fair = [({"choices": choices}, {"answer": "right"})] * 6
    (complaint,) = lint_quizzes._telling(fair)
    assert "In 6 of 6 questions the longest choice is right" in complaint


# The order of the choices.


def test_the_order_is_stable_for_a_learner(work):
    first, again = course.quiz("00"), course.quiz("00")
    assert first.order("q2") == again.order("q2")
    assert len(first.learner) == 16


def test_no_place_is_right_more_often_than_another():
    listed = yaml.safe_load((TOP / "data/quizzes/00.yml").read_text("utf-8"))
    by_id = {q["id"]: q for q in listed["questions"]}
    places = collections.Counter(
        quizzes.Quiz("00", by_id, {}, f"learner {i}")
        .order("q2")
        .index("forwards")
        for i in range(400)
    )
    assert sorted(places) == [0, 1, 2, 3]
    assert max(places.values()) < 1.5 * min(places.values())


def test_a_letter_means_the_choice_that_stands_there(quiz):
    letter = "abcd"[quiz.order("q2").index("forwards")]
    assert quiz.answer("q2", letter).status == "passed"
    assert quiz.answer("q2", f" {letter.upper()} ").status == "passed"
    assert f"{letter}) It turned each picture" in repr(quiz)


# Judging, type by type.


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("b, d", 1),
        (["right", "also"], 1),
        ("d b", 1),
        ("b", 0.5),
        ("a, b, d", 0.5),
        ("a, b, c, d", 0),
        ("a", 0),
    ],
)
def test_several_gives_partial_credit_and_nothing_for_everything(answer, score):
    several = {"type": "several", "choices": CHOICES}
    key = {"answer": ["right", "also"]}
    judged = questions.judge(several, key, answer, ORDER)
    assert judged.score == score
    assert ("No, because." in judged.message) == ("a" in str(answer)[:2])


def test_several_says_how_many_are_missing_and_not_which():
    several = {"type": "several", "choices": CHOICES}
    key = {"answer": ["right", "also"]}
    assert questions.judge(several, key, "b", ORDER).message == (
        "1 more is right."
    )


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (12, 1),
        (12.4, 1),
        (12.6, 0),
        ("12", 1),
        ("12 ms", 1),
        ("12ms", 1),
        ("1.2e1 MS", 1),
        ("12,3", 1),
        (-12, 0),
    ],
)
def test_a_number_has_a_tolerance_and_a_unit(answer, score):
    number = {"type": "number", "unit": "ms", **TOLD}
    key = {"answer": 12, "tolerance": 0.5}
    assert questions.judge(number, key, answer, []).score == score


@pytest.mark.parametrize(
    "answer", ["twelve", "12 s", "", True, None, float("nan"), [1, 2], "1 2"]
)
def test_what_is_no_number_in_this_unit_is_a_sentence(answer):
    number = {"type": "number", "unit": "ms", **TOLD}
    with pytest.raises(CourseError, match="is not a number in ms"):
        questions.judge(number, {"answer": 12}, answer, [])


def test_numbers_of_every_library_are_numbers():
    import numpy as np
    import tensorflow as tf

    for value in (np.float32(12), np.array([12]), tf.constant(12.0)):
        assert questions.as_number(value) == 12


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("fine-tuning", 1),
        ("Fine tuning", 1),
        ("FINE TUNING.", 1),
        ("adaptation", 1),
        ("freezing", 0),
        ("tuning fine", 0),
    ],
)
def test_a_text_has_synonyms(answer, score):
    text = {"type": "text", **TOLD}
    key = {"answer": ["fine-tuning", "adaptation"]}
    assert questions.judge(text, key, answer, []).score == score


@pytest.mark.parametrize("answer", [12, None, "", "  ", "?!"])
def test_what_is_no_text_is_a_sentence(answer):
    with pytest.raises(CourseError, match="is not a word"):
        questions.judge({"type": "text", **TOLD}, {"answer": []}, answer, [])


# Predict, then run.


def test_a_prediction_is_scored_by_what_was_measured(quiz):
    result = quiz.answer("q1", 0.6)
    assert result.status == "not attempted" and "0.6" in result.message
    assert quiz.outcome("q1", 0.7).status == "passed"


@pytest.mark.parametrize(
    ("measured", "status"), [(0.5, "passed"), (0.8, "partial"), (0.9, "failed")]
)
def test_a_prediction_further_off_earns_less(quiz, measured, status):
    quiz.answer("q1", 0.6)
    assert quiz.outcome("q1", measured).status == status


def test_the_first_prediction_stands(quiz):
    quiz.answer("q1", 0.1)
    assert "first prediction stands: 0.1" in quiz.answer("q1", 0.7).message
    assert quiz.outcome("q1", 0.7).status == "failed"


def test_without_a_prediction_nothing_is_scored(quiz):
    assert quiz.outcome("q1", 0.7).status == "not attempted"


def test_only_a_prediction_has_an_outcome(quiz):
    with pytest.raises(CourseError, match="q2 is not a question to predict"):
        quiz.outcome("q2", 0.7)


# Asking.


def test_the_text_shows_prompt_choices_and_how_to_answer(quiz):
    text = repr(quiz)
    for part in ("q2. While", "\n    a) ", 'Answer: quiz.answer("q2", "a")'):
        assert part in text
    assert 'Hint (in 2 steps): quiz.hint("q3")' in text
    assert max(map(len, text.splitlines())) <= 76


def test_what_was_reached_is_shown_again(quiz):
    quiz.answer("q3", "kernel")
    quiz.answer("q3", "stem")
    assert "q3. [50% so far]" in repr(course.quiz("00"))


def test_dots_are_not_attempted(quiz):
    assert quiz.answer("q2", ...).status == "not attempted"
    assert progress.best_scores(progress.read_log().events) == {}


@pytest.mark.parametrize("choice", ["e", "", 3, None])
def test_a_choice_that_does_not_exist_is_a_sentence(quiz, choice):
    with pytest.raises(CourseError, match="not a choice.*a, b, c, d"):
        quiz.answer("q2", choice)


def test_a_question_that_does_not_exist_is_a_sentence(quiz):
    with pytest.raises(CourseError, match="no question 'q9'.*q1"):
        quiz.answer("q9", "a")


def test_hints_come_in_steps(quiz):
    assert repr(quiz.hint("q3")) == "Two are right."
    assert quiz.hint("q3", 2).startswith("What has the optimizer")
    with pytest.raises(CourseError, match="step 1 to 2"):
        quiz.hint("q3", 3)
    with pytest.raises(CourseError, match="q5 has no hints"):
        quiz.hint("q5")


def test_an_unknown_quiz_is_a_sentence():
    with pytest.raises(CourseError, match="no quiz '99'.*'00'"):
        course.quiz("99")


def test_the_schema_is_a_schema():
    import jsonschema

    schema = (TOP / "data" / "quizzes" / "schema.json").read_text("utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(schema))
