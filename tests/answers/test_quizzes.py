"""Quizzes: shown, answered, remembered, the same for a learner each time."""

import collections

import pytest
import yaml

from course_utils import course
from course_utils.answers import progress_log, quizzes
from course_utils.machine.errors import CourseError
from tests.conftest import TOP


@pytest.fixture
def quiz(work):
    return course.quiz("00")


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
    assert f"{letter}) It had turned each picture" in repr(quiz)


# Predict, then run.


def test_a_prediction_is_scored_by_what_was_measured(quiz):
    result = quiz.answer("q1", 0.6)
    assert result.status == "remembered" and "0.6" in result.message
    assert quiz.outcome("q1", 0.7).status == "passed"


def test_a_prediction_is_never_called_not_attempted(quiz):
    quiz.answer("q1", 0.6)
    assert quiz.latest("q1")[1].status == "remembered"
    assert quiz.answer("q1", ...).status == "remembered"
    quiz.outcome("q1", 0.7)
    assert quiz.answer("q1", 0.7).status == "remembered"
    assert quiz.answer("q1", ...).status == "passed"
    assert "remembered" in quiz.answer("q1", 0.7)._repr_html_()


@pytest.mark.parametrize(
    "answer", ["TPR", "the recall", "The true positive-rate"]
)
def test_recall_has_many_names(quiz, answer):
    assert quiz.answer("q5", answer).status == "passed"


@pytest.mark.parametrize(
    ("measured", "status"), [(0.5, "passed"), (0.8, "partial"), (0.9, "failed")]
)
def test_a_prediction_further_off_earns_less(quiz, measured, status):
    quiz.answer("q1", 0.6)
    assert quiz.outcome("q1", measured).status == status


def test_a_prediction_may_be_changed_until_its_outcome_is_known(quiz):
    quiz.answer("q1", 0.1)
    quiz.answer("q1", 0.6)
    assert quiz.outcome("q1", 0.65).status == "passed"
    assert "0.6 stands" in quiz.answer("q1", 0.65).message
    assert quiz.outcome("q1", 0.1).status == "failed"


@pytest.mark.parametrize("value", [65, -0.1, "65 %"])
def test_a_prediction_that_cannot_be_is_a_sentence(quiz, value):
    result = quiz.answer("q1", value)
    assert result.status == "error" and "from 0 to 1" in result.message
    assert quiz.outcome("q1", 0.5).status == "not attempted"


def test_without_a_prediction_nothing_is_scored(quiz):
    assert quiz.outcome("q1", 0.7).status == "not attempted"


def test_a_run_without_a_prediction_leaves_the_question_open(quiz):
    quiz.outcome("q1", 0.7)
    assert "Now run" in quiz.answer("q1", 0.6).message
    assert quiz.outcome("q1", 0.7).status == "passed"


def test_only_a_prediction_has_an_outcome(quiz):
    with pytest.raises(CourseError, match="q2 is not a question to predict"):
        quiz.outcome("q2", 0.7)


# Asking.


def test_the_text_shows_prompt_choices_and_how_to_answer(quiz):
    text = repr(quiz)
    for part in (
        "q2. What part",
        "\n    a) ",
        'Answer: quiz.answer("q2", "a")',
    ):
        assert part in text
    assert 'Hint (in 2 steps): quiz.hint("q3")' in text
    assert max(map(len, text.splitlines())) <= 76


def test_what_was_reached_is_shown_again(quiz):
    quiz.answer("q3", "kernel")
    quiz.answer("q3", "stem")
    assert "q3. [50% so far]" in repr(course.quiz("00"))


def test_the_answer_that_was_given_last_is_shown_again(quiz):
    for answer in ("precision", "recall"):
        quiz.answer("q5", answer)
    answer, verdict = quiz.latest("q5")
    assert answer == "recall" and verdict.status == "passed"
    quiz.answer("q5", "precision")
    assert quiz.latest("q5")[1].status == "failed"


def test_dots_are_not_attempted(quiz):
    assert quiz.answer("q2", ...).status == "not attempted"
    assert progress_log.best_scores(progress_log.read_log().events) == {}


@pytest.mark.parametrize("choice", ["e", "", 3, None])
def test_a_choice_that_does_not_exist_is_a_sentence(quiz, choice):
    result = quiz.answer("q2", choice)
    assert result.status == "error" and "a, b, c, d" in result.message
    assert progress_log.best_scores(progress_log.read_log().events) == {}


@pytest.mark.parametrize("name", ["q9", ["q1"], {}, None, "q" * 10**6])
def test_a_question_that_does_not_exist_is_a_sentence(quiz, name):
    with pytest.raises(CourseError, match="no question .*q1") as error:
        quiz.answer(name, "a")
    assert len(str(error.value)) < 200


def test_a_long_answer_is_judged_and_remembered_in_short(quiz):
    assert quiz.answer("q5", "y" * 10**6).status == "failed"
    assert progress_log.log_path().stat().st_size < 1000


def test_hints_come_in_steps(quiz):
    assert repr(quiz.hint("q3")) == "Two are right."
    assert quiz.hint("q3", 2).startswith("What has the optimizer")
    for step in (3, 0, None, "1", [1]):
        with pytest.raises(CourseError, match="steps 1 to 2"):
            quiz.hint("q3", step)
    with pytest.raises(CourseError, match="q5 has no hints"):
        quiz.hint("q5")


def test_an_unknown_quiz_is_a_sentence():
    with pytest.raises(CourseError, match="no quiz '99'.*'00'"):
        course.quiz("99")


# Without cards: in one call.


def right_answers(quiz):
    """A right answer to each question but those to predict."""
    keys = {
        name: quiz.keys[name]["answer"]
        for name, question in quiz.questions.items()
        if question["type"] != "predict"
    }
    return {
        name: key[0] if quiz.questions[name]["type"] == "text" else key
        for name, key in keys.items()
    }


def scores(lesson="00"):
    best = progress_log.best_scores(progress_log.read_log().events)
    return {name: score for (of, name), score in best.items() if of == lesson}


def test_a_dict_answers_all_at_once(quiz, capsys):
    answers = right_answers(quiz)
    quiz.ask(answers)
    assert scores() == dict.fromkeys(answers, 1.0)
    assert capsys.readouterr().out.count("passed") == len(answers)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"q2": "a", "q99": "a"}, "no question 'q99'"),
        (["a", "b"], "answers by question, not list"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_counts(
    quiz, answers, said
):
    with pytest.raises(CourseError, match=said):
        quiz.ask(answers)
    assert scores() == {}


def typed(monkeypatch, *lines):
    """Let these lines be typed; an exception is raised."""
    waiting, prompts = list(lines), []

    def answer(prompt=""):
        prompts.append(prompt)
        if isinstance(waiting[0], BaseException):
            raise waiting[0]
        return waiting.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    return prompts


def test_one_question_at_a_time(quiz, monkeypatch, capsys):
    answers = right_answers(quiz)
    first, *others = answers
    quiz.answer(first, answers[first])
    # No such choice is said and asked again; an empty line skips.
    prompts = typed(monkeypatch, "no such", *("" for _ in others))
    quiz.ask()
    told = capsys.readouterr().out
    assert f"{first}. " not in told, "what is right is not asked again"
    assert "q1. " not in told, "a prediction is made before its cell"
    assert "error" in told and f"{others[-1]}. " in told
    assert len(prompts) == len(answers)
    assert set(scores()) == {first}


def test_an_interrupt_keeps_what_was_answered(quiz, monkeypatch, capsys):
    typed(monkeypatch, "a", KeyboardInterrupt())
    quiz.ask()
    assert "is remembered" in capsys.readouterr().out
    assert set(scores()) == {"q2"}


def test_where_nothing_can_be_typed_the_other_way_is_said(
    quiz, monkeypatch, capsys
):
    typed(monkeypatch, EOFError())
    quiz.ask()
    assert 'quiz.ask({"q2": "a"})' in capsys.readouterr().out
