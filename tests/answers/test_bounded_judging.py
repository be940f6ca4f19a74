"""A judge never raises, and ends: whatever an answer is."""

import inspect
import os
import signal
import threading
import time

import numpy as np
import pytest

from course_utils import course
from course_utils.answers import bounded_judging, checks
from course_utils.machine.errors import CourseError
from tests.answers import hostile

LABELS, PREDICTED = [1, 1, 0], [1, 0, 0]
NAMES = [
    n for sheet in checks.load_sheets().values() for n in sheet["exercises"]
]


@pytest.fixture(scope="module")
def exercises():
    """Each exercise, and how many things its check is given."""
    found = map(checks.find_exercise, NAMES)
    return [(e, len(inspect.signature(e.judge).parameters)) for e in found]


@pytest.mark.parametrize("kind", hostile.KINDS)
def test_no_check_raises_or_lasts_for_a_hostile_answer(work, kind, exercises):
    answer = hostile.KINDS[kind]()
    start = time.monotonic()
    for exercise, count in exercises:
        result = exercise.check(*[answer] * count)
        assert result.status in ("failed", "error"), exercise.name
        assert len(result.message) < 700
    assert time.monotonic() - start < 30


def test_no_question_raises_or_lasts_for_a_hostile_answer(work):
    quiz, start = course.quiz("00"), time.monotonic()
    for kind in hostile.KINDS:
        for name in quiz.questions:
            result = quiz.answer(name, hostile.KINDS[kind]())
            assert result.status in ("failed", "error"), (kind, name)
            assert len(result.message) < 700
    assert time.monotonic() - start < 30


def exercise(judge):
    return checks.Exercise("sh-01", "00", judge, ())


def test_what_a_judge_echoes_is_cut(work):
    result = exercise(lambda a: ("failed", a, [a] * 2)).check("x" * 10**5)
    assert result.status == "failed"
    assert len(result.message) <= bounded_judging.LONGEST_MESSAGE
    assert all(len(fact) <= 600 for fact in result.evidence)


def loop(answer):
    while True:
        pass


@pytest.mark.parametrize("judge", [loop, lambda answer: time.sleep(9)])
def test_a_judge_that_does_not_end_is_given_up(work, monkeypatch, judge):
    monkeypatch.setattr(bounded_judging, "LONGEST_WAIT", 0.3)
    start = time.monotonic()
    result = exercise(judge).check(1)
    assert time.monotonic() - start < 5
    assert result.status == "error" and "not be judged within" in result.message


def test_an_endless_loop_is_ended_with_its_judge(work, monkeypatch):
    monkeypatch.setattr(bounded_judging, "LONGEST_WAIT", 0.3)
    before = set(threading.enumerate())
    exercise(loop).check(1)
    (worker,) = set(threading.enumerate()) - before or {threading.Thread()}
    if worker.ident:
        worker.join(5)
    assert not worker.is_alive()


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise there")
def test_an_interrupt_by_the_learner_passes(work):
    def interrupted(answer):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(9)

    # A shell that starts the tests in the background has it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    start = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            exercise(interrupted).check(1)
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - start < 5


def test_an_interrupt_in_the_judge_passes(work):
    def interrupted(answer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exercise(interrupted).check(1)


def test_what_can_be_counted_is_what_it_was():
    import pandas as pd

    growing, mapping = [1, 2], {"a": [np.zeros(3)]}
    table = pd.DataFrame({"a": [1]})
    for value in (growing, mapping, table, table["a"], 1.5, "word", None, len):
        assert bounded_judging.counted_out(value) is value


def test_what_makes_its_items_is_counted_out():
    counted_out = bounded_judging.counted_out
    assert counted_out(map(float, [1, 2])) == [1.0, 2.0]
    assert counted_out({"a": range(3)}) == {"a": [0, 1, 2]}
    assert counted_out({"a": 1}.values()) == [1]
    with pytest.raises(CourseError, match="list or an array"):
        counted_out(iter(int, 1))
    with pytest.raises(CourseError, match="an array of 1,000,000,000,000"):
        counted_out(np.broadcast_to(0, 10**12))


def test_the_dtype_policy_of_the_learner_holds_for_the_judge(work):
    import keras

    def policy():
        return keras.config.dtype_policy().name

    keras.config.set_dtype_policy("mixed_float16")
    try:
        assert bounded_judging.run(policy) == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert bounded_judging.run(policy) == "float32"
