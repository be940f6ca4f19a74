"""Cards, seen from Python: what they show, take, and keep to themselves."""

import json

import pytest
from jupyter_client.manager import start_new_kernel

from course_utils import course
from course_utils.answers import progress_log, quizzes
from course_utils.notebook import quiz_cards, screen_reader

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def cards(work):
    return quiz_cards.QuizCards(course.quiz("00"))


def send(cards, **content):
    """What a browser sends; what the card of the question then shows."""
    cards._receive(cards, content, [])
    return cards.standings.get(content.get("name"))


def answer(cards, name, given):
    return send(cards, do="answer", name=name, answer=given)


def events(name):
    return [e for e in progress_log.read_log().events if e.name == name]


@pytest.mark.parametrize("lesson", quizzes.lessons_with_quiz())
def test_no_key_and_no_feedback_leaves_python(lesson, work):
    quiz = course.quiz(lesson)
    state = json.dumps(quiz_cards.QuizCards(quiz).get_state(), default=str)
    assert '"feedback"' not in state and '"mistakes"' not in state
    for question in quiz.questions.values():
        for choice in question.get("choices", []):
            assert json.dumps(choice["feedback"])[1:-1] not in state
        for words in ("feedback", "otherwise", "explanation"):
            if words in question:
                assert json.dumps(question[words].strip())[1:-1] not in state


def test_every_type_is_answered_and_restored(cards):
    given = {
        "q1": ("0.6", "0.6"),
        "q2": ("forwards", ["forwards"]),
        "q3": (["kernel", "optimizer"], ["kernel", "optimizer"]),
        "q4": ("0,75", "0.75"),
        "q5": ("recall", "recall"),
    }
    types = {cards._quiz.questions[name]["type"] for name in given}
    assert types == {"predict", "single", "several", "number", "text"}
    for name, (sent, held) in given.items():
        assert answer(cards, name, sent)["given"] == held
    assert cards.points == "5 of 6 points"
    again = quiz_cards.QuizCards(course.quiz("00"))
    assert again.standings == cards.standings
    words = {n: s["verdict"]["word"] for n, s in again.standings.items()}
    assert set(words.values()) == {"Right.", "Not judged yet."}
    assert words["q1"] == "Not judged yet."


def test_a_verdict_says_what_was_chosen(cards):
    order = cards._quiz.order("q2")
    standing = answer(cards, "q2", "slowly")
    letter = "abcd"[order.index("slowly")]
    assert standing["verdict"]["word"] == "Not right."
    assert standing["verdict"]["message"].startswith(f"You chose {letter}. ")
    assert standing["button"] == "Check again"
    assert answer(cards, "q3", ["kernel"])["verdict"]["word"] == "Partly right."
    assert cards.points == "1 of 6 points", "half of two"


def test_the_same_answer_twice_in_a_row_is_remembered_once(cards):
    for given in ("slowly", "slowly", "forwards", "forwards", "slowly"):
        answer(cards, "q2", given)
    remembered = [event.answer for event in events("q2")]
    assert remembered == ["slowly", "forwards", "slowly"]
    assert cards.standings["q2"]["verdict"]["note"] == "Your best try counts."
    assert cards.points == "1 of 6 points"
    quiz = course.quiz("00")
    assert quiz.answer("q2", "slowly").status == "failed"
    for _ in range(2):
        quiz.answer("q1", 0.6)
        quiz.outcome("q1", 0.7)
        quiz.answer("q5", "y" * 1000)
    assert len(events("q2")) == 3
    assert [event.kind for event in events("q1")] == ["prediction", "outcome"]
    assert len(events("q5")) == 1


def test_dots_after_an_answer_take_nothing_back(cards):
    answer(cards, "q2", "forwards")
    result = course.quiz("00").answer("q2", ...)
    assert result.status == "passed"
    assert "before stands" in result.message
    assert len(events("q2")) == 1
    cards.refresh()
    assert cards.standings["q2"]["verdict"]["word"] == "Right."


def test_a_line_in_a_cell_shows_in_the_card(cards):
    course.quiz("00").answer("q2", "forwards")
    course.quiz("00").answer("q1", 0.6)
    course.quiz("00").outcome("q1", 0.7)
    cards.refresh()
    assert cards.standings["q2"]["given"] == ["forwards"]
    predicted = cards.standings["q1"]
    assert "you predicted 0.6, it is 0.7" in predicted["verdict"]["message"]
    assert predicted["closed"] and predicted["button"] == "Predicted"
    assert not cards.standings["q2"]["closed"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("q2", "", "Choose your answer first."),
        ("q3", [], "Choose your answer first."),
        ("q4", " ", "Write your answer first."),
        ("q5", "!!", "Write your answer first."),
        ("q4", "many", "'many' is not a number"),
        ("q1", "65 %", "give a share from 0 to 1"),
        ("q1", "7", "7 cannot be"),
        ("q2", None, "Choose your answer first."),
        ("q2", {"a": 1}, "Choose your answer first."),
        ("q2", "no such", "is not a choice"),
        ("q3", [["kernel"], 1], "is not a choice"),
    ],
)
def test_what_cannot_be_an_answer_is_told_and_not_counted(
    cards, name, given, said
):
    verdict = answer(cards, name, given)["verdict"]
    assert verdict["word"] == "Not counted." and said in verdict["message"]
    assert events(name) == []
    # It is told until something else is answered.
    cards.refresh()
    assert said in cards.standings[name]["verdict"]["message"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "text",
        {},
        {"do": "answer"},
        {"do": "answer", "name": "q99", "answer": "a"},
        {"do": "answer", "name": ["q1"], "answer": "a"},
        {"do": "solve", "name": "q2"},
        {"do": "hint", "name": None},
    ],
)
def test_a_message_that_no_card_sends_changes_nothing(cards, content):
    before = cards.standings
    cards._receive(cards, content, [])
    assert cards.standings == before


def test_hints_come_one_by_one_and_end(cards):
    shown = [len(send(cards, do="hint", name="q3")["hints"]) for _ in range(4)]
    assert shown == [1, 2, 2, 2]
    assert cards.standings["q3"]["hints"][0] == "Two are right."
    assert send(cards, do="hint", name="q5")["hints"] == []


def test_an_answer_that_cannot_be_saved_is_judged_and_told(
    read_only_folder, monkeypatch
):
    monkeypatch.setenv("COURSE_WORK", str(read_only_folder))
    cards = quiz_cards.QuizCards(course.quiz("00"))
    verdict = answer(cards, "q2", "forwards")["verdict"]
    assert verdict["word"] == "Right."
    assert "could not be saved" in verdict["note"]


def test_an_answer_that_the_question_no_longer_has_is_passed_over(cards):
    progress_log.remember(
        progress_log.Event("question", "00", "q2", "passed", 1.0, "gone")
    )
    cards.refresh()
    assert cards.standings["q2"]["verdict"] is None


# What a kernel sends to a notebook.


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Runs code in a kernel; returns what the notebook is sent."""
    manager, client = start_new_kernel(extra_arguments=["--log-level=ERROR"])

    def run(code):
        sent = []
        client.execute_interactive(code, output_hook=sent.append, timeout=60)
        return [m for m in sent if m["msg_type"] != "status"]

    work = str(tmp_path_factory.mktemp("learner"))
    run(
        f"import os, sys; os.environ['COURSE_WORK'] = {work!r}\n"
        "os.environ.pop('COURSE_SMOKE', None)\n"
        # As a front end that shows widgets does.
        "os.environ['JPY_SESSION_NAME'] = 'cards.ipynb'\n"
        "from course_utils import course"
    )
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def shown(messages):
    return next(
        m["content"]["data"]
        for m in messages
        if m["msg_type"] == "execute_result"
    )


def test_without_widgets_and_in_a_smoke_run_a_quiz_is_text(kernel):
    # In this order: a kernel that shows cards once goes on to show them.
    kernel("name = os.environ.pop('JPY_SESSION_NAME')")
    assert set(shown(kernel("course.quiz('00')"))) == {"text/plain"}
    kernel("os.environ['JPY_SESSION_NAME'] = name")
    check = "course.exercise('sh-01').check(0.5, [1, 1], [1, 0], 1)"
    kernel("os.environ['COURSE_SMOKE'] = '1'")
    assert set(shown(kernel("course.quiz('00')"))) == {"text/plain"}
    assert set(shown(kernel(check))) == {"text/plain", "text/html"}
    loaded = kernel("print('anywidget' in sys.modules)")
    assert loaded[-1]["content"]["text"] == "False\n"
    kernel("del os.environ['COURSE_SMOKE']")


def test_a_notebook_gets_the_cards_and_the_text(kernel):
    data = shown(kernel("course.quiz('00')"))
    assert set(data) == {"text/plain", VIEW}
    assert data["text/plain"].startswith("q1. ")
    # Shown again, it is one more view of the same cards.
    again = shown(kernel("course.quiz('00')"))
    assert again[VIEW]["model_id"] == data[VIEW]["model_id"]
    other = shown(kernel("course.quiz('02')"))
    assert other[VIEW]["model_id"] != data[VIEW]["model_id"]


def test_a_figure_of_the_cell_stands_above_the_cards(kernel):
    sent = kernel(
        "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])\ncourse.quiz('00')"
    )
    kinds = [m["msg_type"] for m in sent]
    assert kinds.index("display_data") < kinds.index("execute_result")


def test_the_verdict_of_a_check_is_said_aloud(kernel):
    kernel("course.exercise('sh-01').check(0.5, [1, 1], [1, 0], 1)")
    said = kernel(
        "from course_utils.notebook import screen_reader\n"
        "print(screen_reader._announcer[0]._waiting)"
    )
    assert "sh-01" in said[-1]["content"]["text"]


def test_a_cell_that_answers_updates_the_cards(kernel):
    kernel("course.quiz('00')")
    messages = kernel("_ = course.quiz('00').answer('q5', 'recall')")
    updates = [m["content"] for m in messages if m["msg_type"] == "comm_msg"]
    assert any("recall" in json.dumps(update) for update in updates)
    # Without a new answer, nothing is read and nothing sent.
    messages = kernel("1 + 1;")
    assert all(m["msg_type"] != "comm_msg" for m in messages)


def test_a_verdict_waits_for_the_region_that_says_it(work):
    region = screen_reader.Announcer()
    said = []
    region.send = said.append
    region.say("one")
    assert said == []
    region._receive(region, {"ready": True}, [])
    region.say("two")
    region._receive(region, {"ready": True}, [])
    assert said == [{"say": "one"}, {"say": "two"}]
