"""Lesson 08's checks: solution, stub, misconceptions, right another way."""

import types

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from course_utils.answers import challenge_log, challenge_scores
from course_utils.answers.checks import lesson_08_checks
from course_utils.evaluation import bootstrap_over_patients
from course_utils.evaluation.intervals import Interval
from tests.answers.checking import check

RNG = np.random.default_rng(0)
CELLS, DRAWS = 240, 80
LABELS = np.tile([0, 0, 1], CELLS // 3)
MODULES = np.repeat(np.arange(12), CELLS // 12)
FEATURES = RNG.normal(size=(CELLS, 6)) + 0.4 * LABELS[:, np.newaxis]
# The modules differ, and both candidates suffer from the same ones.
HARD = RNG.normal(size=12)[MODULES] * (1 - 2 * LABELS)
FIRST = 2 * LABELS + HARD + RNG.normal(size=CELLS)
SECOND = FIRST + 4 * RNG.normal(size=CELLS)
PUBLIC = MODULES < 4
for array in (LABELS, MODULES, FEATURES, FIRST, SECOND, PUBLIC):
    array.setflags(write=False)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(lesson_08_checks, "DRAWS", DRAWS)


def area(scores, some=slice(None)):
    return roc_auc_score(LABELS[some], np.asarray(scores)[some])


# ch-01: a difference, with its interval over modules.


def difference(first=FIRST, second=SECOND, groups=MODULES, seed=0):
    def less(y, pair):
        return roc_auc_score(y, pair[:, 0]) - roc_auc_score(y, pair[:, 1])

    pair = np.stack([first, second], axis=1)
    return bootstrap_over_patients(less, LABELS, pair, groups, DRAWS, seed=seed)


def check_difference(answer, verdict, second=SECOND):
    given = FIRST, second, LABELS, MODULES
    return check("ch-01", answer, verdict, *given)


def test_a_paired_difference_and_what_follows_pass(work):
    found = difference()
    assert found.low > 0
    assert check_difference(found, "better")[0] == "passed"
    other = tf.constant(difference(seed=5))
    assert check_difference(other, "better")[0] == "passed"
    assert check_difference(np.round(found, 3), "better")[0] == "passed"
    near = FIRST + 0.1 * RNG.normal(size=CELLS)
    found = difference(second=near)
    assert found.low < 0 < found.high
    status, message = check_difference(found, "cannot be distinguished", near)
    assert status == "passed" and "cannot be distinguished" in message


@pytest.mark.parametrize(
    ("verdict", "named"),
    [
        ("worse", "is zero between"),
        ("cannot be distinguished", "is zero between"),
        (1, "is one of 'better'"),
        ("Better", "is one of 'better'"),
    ],
)
def test_a_verdict_that_does_not_follow_is_told(work, verdict, named):
    status, message = check_difference(difference(), verdict)
    assert status == "partial" and named in message


def test_each_misconception_about_the_difference_is_named(work):
    single = [
        bootstrap_over_patients(roc_auc_score, LABELS, s, MODULES, DRAWS)
        for s in (FIRST, SECOND)
    ]
    value = single[0].value - single[1].value
    ends = single[0].low - single[1].high, single[0].high - single[1].low
    wide = difference()
    narrow = [value, value - 0.001, value + 0.001]
    for answer, named in (
        (difference(SECOND, FIRST), "second minus the first"),
        ((value, *ends), "draw"),
        (narrow, "single cells"),
        ((single[0].value, wide.low, wide.high), "is not"),
        (value, "three numbers"),
        ("better", "three numbers"),
        ((np.nan, 0, 1), "three numbers"),
    ):
        status, message = check_difference(answer, "better")
        assert status == "failed" and named in message


def test_an_interval_over_cells_is_named(work):
    # Here modules matter for the difference, too.
    second = FIRST + HARD
    cells = difference(second=second, groups=np.arange(CELLS))
    modules = difference(second=second)
    assert cells.high - cells.low < 0.6 * (modules.high - modules.low)
    status, message = check_difference(cells, "better", second)
    assert status == "failed" and "draws of single cells" in message


# ch-02: a climber that knows nothing.


def climb(count=400):
    guesses = np.random.default_rng(3).random((count, CELLS))
    answers = np.array([area(guess, PUBLIC) for guess in guesses])
    return (answers - 0.5) @ guesses


def check_climber(answer, pair=None):
    if pair is None:
        pair = area(answer, PUBLIC), area(answer, ~PUBLIC)
    return check("ch-02", answer, pair, LABELS, PUBLIC)


def test_a_climber_passes(work):
    mine = climb()
    status, message = check_climber(mine)
    assert status == "passed" and "told it all" in message
    assert check_climber(tf.constant(mine))[0] == "passed"
    # Another way: the average of those above one half.
    guesses = np.random.default_rng(4).random((900, CELLS))
    answers = np.array([area(guess, PUBLIC) for guess in guesses])
    assert check_climber(guesses[answers > 0.5].mean(axis=0))[0] == "passed"
    # And one by bits: turn one round, and keep it if the board says so.
    chance = np.random.default_rng(6)
    bits = chance.integers(0, 2, CELLS).astype(float)
    for place in chance.permutation(CELLS):
        other = bits.copy()
        other[place] = 1 - other[place]
        if area(bits, PUBLIC) < area(other, PUBLIC) < 0.95:
            bits = other
    assert check_climber(bits)[0] == "passed"


def test_each_misconception_about_climbing_is_named(work):
    mine = climb()
    pair = area(mine, PUBLIC), area(mine, ~PUBLIC)
    best = max(
        np.random.default_rng(3).random((50, CELLS)),
        key=lambda guess: area(guess, PUBLIC),
    )
    copied = np.where(PUBLIC, LABELS, np.random.default_rng(5).random(CELLS))
    knows = np.where(PUBLIC, mine, LABELS + RNG.random(CELLS))
    for answer, given, status, named in (
        (best, None, "failed", "ask about more"),
        (-mine, None, "failed", "wrong way round"),
        (copied, None, "failed", "as labels have"),
        (knows, None, "failed", "knows something"),
        (mine[PUBLIC], pair, "failed", f"each of the {CELLS} cells"),
        ("random", pair, "failed", f"each of the {CELLS} cells"),
        (mine, pair[::-1], "partial", "public part comes first"),
        (mine, (pair[0], area(mine)), "partial", "over all cells"),
        (mine, (pair[0], pair[0]), "partial", "Both are of the public"),
        (mine, (0.3, 0.3), "partial", "something else"),
        (mine, 0.3, "partial", "should be two numbers"),
    ):
        found, message = check_climber(answer, given)
        assert (found, named in message) == (status, True), message


# ch-03: from a blank page.

CHALLENGE = types.SimpleNamespace(name="solar-cells", seed=0)


@pytest.fixture
def submitted(work):
    """Three submissions."""
    score = challenge_scores.Score(Interval(0.8, 0.7, 0.9), Interval(0, 0, 1))
    both = dict.fromkeys(challenge_scores.PARTS, score)
    for note in ("one", "two", "three"):
        predictions = np.float32([0.1, 0.2])
        given = CHALLENGE.name, CHALLENGE.seed, note, predictions, both
        challenge_log.remember_submission(*given)


GOOD = FEATURES.sum(axis=1) + RNG.normal(0, 0.1, CELLS)
WORSE = GOOD + RNG.normal(0, 2, CELLS)


def check_choice(held_out, choice):
    given = CHALLENGE, LABELS, FEATURES, MODULES
    return check("ch-03", held_out, choice, *given)


def test_the_best_on_held_out_modules_passes(submitted):
    status, message = check_choice({1: WORSE, 3: GOOD}, 3)
    assert status == "passed" and "Submission 3" in message
    lists = {2: list(GOOD), 1: tf.constant(WORSE)}
    assert check_choice(lists, np.int64(2))[0] == "passed"


def test_each_misconception_about_the_choice_is_named(submitted):
    noise = RNG.normal(size=(2, CELLS))
    learned = LABELS + 0.1 * RNG.random(CELLS)
    for held_out, choice, status, named in (
        ({1: WORSE, 3: GOOD}, 1, "failed", "Submission 3 is better"),
        ({1: WORSE, 3: GOOD}, 2, "failed", "one of the numbers"),
        ({1: WORSE, 3: GOOD}, "3", "failed", "one of the numbers"),
        ({1: WORSE, 9: GOOD}, 9, "failed", "not the number of a submission"),
        ({1: GOOD}, 1, "failed", "two submissions or more"),
        ([GOOD, WORSE], 1, "failed", "two submissions or more"),
        ({1: WORSE[:100], 2: GOOD}, 2, "failed", "each of the 240"),
        ({1: WORSE, 2: learned}, 2, "failed", "trained on them"),
        (dict(zip((1, 2), noise, strict=True)), 1, "partial", "plain head"),
    ):
        if status == "partial":
            choice = max(held_out, key=lambda n: area(held_out[n]))
        found, message = check_choice(held_out, choice)
        assert (found, named in message) == (status, True), message


def test_without_a_submission_there_is_nothing_to_choose(work):
    status, message = check_choice({1: WORSE, 2: GOOD}, 2)
    assert status == "failed" and "not the number of a submission" in message
