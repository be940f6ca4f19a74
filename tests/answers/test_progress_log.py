"""Answers are remembered: through kills, two kernels, broken files."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from course_utils import cli, course
from course_utils.answers import progress_log, progress_summary, quizzes
from course_utils.answers.progress_log import Event
from course_utils.machine.errors import CourseError

# Writes events as fast as it can, and prints a number only once it is saved.
WRITER = """
import itertools, sys
from course_utils.answers.progress_log import Event, remember
for i in itertools.count():
    event = Event("exercise", "00", f"{sys.argv[1]}-{i}", "passed", 1.0)
    assert remember(event) == ""
    sys.stdout.write(f"{event.name}\\n")
    sys.stdout.flush()
"""
KILLS = 100


def writer(name):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name],
        stdout=subprocess.PIPE,
        text=True,
    )


def saved(log):
    return {event.name for event in log.events}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_hundred_kills_lose_nothing_that_was_acknowledged(work):
    acknowledged = set()
    for turn in range(KILLS):
        process = writer(str(turn))
        acknowledged.add(process.stdout.readline().strip())
        time.sleep(0.001 * (turn % 7))
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines(keepends=True)
        acknowledged |= {line.strip() for line in rest if line.endswith("\n")}
        process.wait()
    assert len(acknowledged) >= KILLS
    log = progress_log.read_log()
    assert acknowledged <= saved(log)
    # Each kill may cut one line short, and costs no other.
    broken = int(log.problem.split()[0]) if log.problem else 0
    assert broken <= KILLS
    assert progress_log.remember(Event("lesson", "00", status="begun")) == ""


def test_two_kernels_at_once_keep_both(work):
    both = [writer("one"), writer("two")]
    acknowledged = set()
    for _ in range(200):
        acknowledged |= {p.stdout.readline().strip() for p in both}
    for process in both:
        process.kill()
        process.communicate()
    log = progress_log.read_log()
    assert acknowledged <= saved(log) and len(acknowledged) == 400
    assert log.problem == ""


def test_a_write_cut_short_costs_no_later_event(work):
    assert (
        progress_log.remember(Event("exercise", "00", "a", "passed", 1.0)) == ""
    )
    with progress_log.log_path().open("ab") as file:
        file.write(b'\n{"kind": "exerci')
    assert (
        progress_log.remember(Event("exercise", "00", "b", "passed", 1.0)) == ""
    )
    log = progress_log.read_log()
    assert saved(log) == {"a", "b"}
    assert log.problem.startswith("1 of 3 lines of")


def test_an_event_for_which_there_is_half_the_room_is_not_called_saved(work):
    resource = pytest.importorskip("resource")
    assert progress_log.remember(Event("exercise", "00", "a")) == ""
    room = progress_log.log_path().stat().st_size + 20
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        told = progress_log.remember(Event("exercise", "00", "b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert progress_log.log_path().stat().st_size == room
    assert "could not be saved" in told
    assert progress_log.remember(Event("exercise", "00", "c")) == ""
    assert saved(progress_log.read_log()) == {"a", "c"}


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "null",
        "{}",
        '{"kind": "exercise", "score": "high"}',
        '{"kind": "exercise", "score": 7}',
        '{"kind": "exercise", "name": 12}',
        '{"kind": "unknown"}',
        '{"kind": "exercise", "extra": 1}',
        '{"kind": "exercise", "name": "sh-02", "score": true}',
        '{"kind": "prediction", "lesson": "00", "name": "q1", "answer": "abc"}',
        '{"kind": "prediction", "lesson": "00", "name": "q1", "answer": NaN}',
        '{"kind": "prediction", "lesson": "00", "name": "q1", "answer": ""}',
        '{"kind": "prediction", "lesson": "00", "name": "q1", "answer": false}',
        '{"kind": "exercise", "lesson": "00", "name": "a", "score": 1'
        + 400 * "0"
        + "}",
        '{"kind": "learner", "name": "\\ud800"}',
        "[" * 100_000,
        "\x00\x00\xff",
    ],
)
def test_a_line_edited_by_hand_is_passed_over_and_told(work, line):
    course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1)
    with progress_log.log_path().open("ab") as file:
        file.write(b"\n" + line.encode("latin-1") + b"\n")
    shown = repr(course.progress())
    assert "1 of 2" in shown.splitlines()[1]
    assert "1 of 2 lines" in shown
    assert "were passed over" in shown


def test_a_lesson_is_text(work):
    with pytest.raises(CourseError, match=r'course.begin\("02"\)'):
        course.begin(2)
    assert not progress_log.read_log().events


def test_a_prediction_that_was_settled_is_not_asked_for_again(work):
    asked = quizzes.load_questions("00")
    name = next(n for n, one in asked.items() if one["type"] == "predict")
    quiz = course.quiz("00")
    quiz.outcome(name, 0.99)
    assert name not in course.progress().lessons[0].settled
    quiz.answer(name, 0.01)
    quiz.outcome(name, 0.99)
    state = course.progress().lessons[0]
    assert state.questions[name] == 0 and name in state.settled
    done = dataclasses.replace(
        state,
        exercises=dict.fromkeys(state.exercises, 1.0),
        questions={n: 1.0 for n in state.questions} | {name: 0.0},
    )
    board = dataclasses.replace(course.progress(), lessons=(done,))
    assert board.next_step.startswith("Everything")


def test_a_full_disk_is_told_and_the_check_still_answers(
    small_disk, monkeypatch
):
    monkeypatch.setenv("COURSE_WORK", str(small_disk))
    (small_disk / "filler").write_bytes(b"x" * 1_048_576)
    result = course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1)
    assert result.status == "passed"
    assert "could not be saved" in result.note
    assert "disk is full" in result.note and "COURSE_WORK" in result.note
    (small_disk / "filler").unlink()
    assert not course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1).note
    assert "1 of 2" in repr(course.progress())


def test_a_read_only_folder_is_told_and_everything_still_answers(
    read_only_folder, monkeypatch
):
    monkeypatch.setenv("COURSE_WORK", str(read_only_folder))
    result = course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1)
    assert result.status == "passed" and "could not be saved" in result.note
    quiz = course.quiz("00")
    assert quiz.answer("q2", "forwards").status == "passed"
    assert quiz.order("q2") == course.quiz("00").order("q2")
    assert "0 of 2" in repr(course.progress())


def test_a_log_that_is_a_folder_is_told(work):
    progress_log.log_path().mkdir(parents=True)
    result = course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1)
    assert result.status == "passed" and "could not be saved" in result.note
    assert "cannot be read" in repr(course.progress())


def test_the_best_try_counts(work):
    quiz = course.quiz("00")
    for answer in ("kernel", "kernel, optimizer", "stem"):
        quiz.answer("q3", answer)
    best = progress_log.best_scores(progress_log.read_log().events)
    assert best == {("00", "q3"): 1.0}


def test_the_board_says_what_comes_next(work):
    first = course.progress()
    assert "0 of 2" in repr(first) and "0 of 5" in repr(first)
    assert first.next_step == ("Next: exercise sh-01 in lesson 00, Start here.")
    course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1)
    assert "exercise sh-02" in course.progress().next_step


def test_the_board_says_when_all_is_done():
    state = progress_summary.LessonState(
        "00", "Start here", {"a": 1.0}, {"q1": 1.0}
    )
    assert "is done" in progress_summary.Board((state,)).next_step


def test_the_board_has_room_for_a_lesson_that_was_split():
    states = [
        progress_summary.LessonState(lesson, "Tune", {"a": None}, {})
        for lesson in ("03", "03b")
    ]
    header, *rows = repr(progress_summary.Board(tuple(states))).splitlines()[:3]
    assert [row.index("Tune") for row in rows] == [header.index("lesson")] * 2


def test_the_board_is_a_table_with_headers(work):
    course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1)
    shown = course.progress()._repr_html_()
    assert '<th scope="row" style="text-align: left">00 Start here' in shown
    assert shown.count('scope="col"') == 3
    assert "1 of 2<progress" in shown and 'max="2" value="1"' in shown
    state = progress_summary.LessonState("00", "A < B", {"a": 1.0}, {})
    shown = progress_summary.Board((state,), "<b>")._repr_html_()
    assert "A &lt; B" in shown and "<b>" not in shown
    # Done is a sign and a number, and not a full bar alone.
    assert "\N{CHECK MARK} 1 of 1" in shown and "0 of 0</td>" in shown


def test_the_terminal_shows_the_same(work, capsys):
    course.exercise("sh-01").check(0.5, [1, 1], [1, 0], 1)
    assert cli.main(["progress"]) == 0
    assert capsys.readouterr().out == f"{course.progress()!r}\n"


def test_an_event_is_one_line_of_json(work):
    progress_log.remember(
        Event("question", "00", "q5", "failed", answer="a\nb")
    )
    (line,) = progress_log.log_path().read_text("utf-8").strip().splitlines()
    assert json.loads(line)["answer"] == "a\nb"
