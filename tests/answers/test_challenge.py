"""The challenge: draws, form, log, board, reveal."""

import os
import signal
import subprocess
import sys

import keras
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from course_utils import course
from course_utils.answers import (
    challenge_draw,
    challenge_log,
    challenge_scores,
)
from course_utils.answers.challenge_board import Entry
from course_utils.answers.challenge_form import checked_predictions
from course_utils.answers.challenge_reveal import Reveal
from course_utils.evaluation.intervals import Interval
from course_utils.machine.errors import CourseError
from course_utils.notebook.alternative_text import describe
from tests.conftest import TOP, needs_package

needs_cells = needs_package("elpv-dataset")
TYPICAL = challenge_draw.TYPICAL
SCORE = challenge_scores.Score(
    Interval(0.8, 0.7, 0.9), Interval(0.75, 0.5, 0.875)
)
BOTH = dict.fromkeys(challenge_scores.PARTS, SCORE)
RNG = np.random.default_rng(0)


@pytest.fixture
def challenge(work, monkeypatch):
    """A challenge whose intervals take little time."""
    monkeypatch.setattr(challenge_scores, "REPETITIONS", 20)
    yield course.challenge("solar-cells")
    plt.close("all")


def guesses(challenge, knowledge, seed=0):
    """Predictions that know something of the hidden cells, or nothing."""
    truth = challenge_draw.draw(challenge.seed).truth
    noise = np.random.default_rng(seed).random(len(truth))
    return knowledge * truth + (1 - knowledge) * noise


# The draw.


@needs_cells
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_module_is_in_one_part_and_the_twins_together(seed):
    drawn = challenge_draw.draw(seed)
    labelled = set(drawn.labelled["inferred_module"])
    public = set(drawn.modules[drawn.public])
    private = set(drawn.modules[~drawn.public])
    assert not (labelled & public or labelled & private or public & private)
    twins = {"poly-14", "poly-22"}
    assert any(twins <= part or not twins & part for part in (public, private))
    assert sum(bool(twins & part) for part in (labelled, public, private)) == 1
    assert len(drawn.labelled) == 400
    assert len(labelled | public | private) == 44
    # A third of the hidden modules, or about that.
    assert len(public) in (7, 8) and len(private) in (14, 15)


@needs_cells
def test_the_hidden_cells_come_without_labels_and_in_no_telling_order():
    drawn = challenge_draw.draw()
    assert set(drawn.unlabelled["label"]) == {"hidden"}
    assert list(drawn.unlabelled) == ["image", "type", "label"]
    assert not set(drawn.unlabelled["image"]) & set(drawn.labelled["image"])
    # Public and private cells are mixed.
    assert 0.2 < np.mean(np.diff(drawn.public.astype(int)) != 0) < 0.8
    again, other = challenge_draw.draw(), challenge_draw.draw(1)
    assert drawn.unlabelled.equals(again.unlabelled)
    assert not drawn.unlabelled.equals(other.unlabelled)


@needs_cells
def test_a_table_that_a_learner_changes_changes_nothing(challenge):
    hidden, labelled = challenge.unlabelled, challenge.labelled
    hidden.loc[0, "image"] = "none"
    labelled["label"] = "sound"
    assert challenge.unlabelled.equals(challenge_draw.draw().unlabelled)
    assert set(challenge.labelled["label"]) == {"sound", "defective"}


@pytest.mark.parametrize("name", ["solar_cells", "cats", None, 3])
def test_an_unknown_challenge_is_a_sentence(name):
    with pytest.raises(CourseError, match="no challenge.*'solar-cells'"):
        course.challenge(name)


@pytest.mark.parametrize("seed", [-1, "one", 0.5])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(CourseError, match="seed is"):
        course.challenge("solar-cells", seed)


# Form.

GOOD = np.linspace(0.1, 0.9, 8)


@pytest.mark.parametrize(
    "predictions",
    [
        GOOD,
        list(GOOD),
        GOOD[:, np.newaxis],  # as Keras predicts
        GOOD.astype("float16"),
        keras.ops.convert_to_tensor(GOOD),
        pd.Series(GOOD),
        np.full(8, 0.3),
        np.r_[0.0, 1.0, GOOD[2:]],
    ],
)
def test_probabilities_in_any_wrapping_are_taken(predictions):
    found = checked_predictions(predictions, 8)
    assert found.dtype == "float32" and found.shape == (8,)


FAULTS = [
    (GOOD[:5], "5 predictions and 8 unlabelled cells"),
    (np.r_[GOOD, GOOD], "16 predictions and 8"),
    ([], "0 predictions and 8"),
    (np.where(GOOD > 0.5, np.nan, GOOD), "4 of the predictions.*in row 4"),
    (np.r_[GOOD[:7], np.inf], "1 of the predictions.*in row 7"),
    (np.round(GOOD), "All predictions are 0 or 1.*classes"),
    (GOOD > 0.5, "True or False"),
    (["sound"] * 8, "hold text"),
    (np.array(["sound", None] * 4, object), "hold text"),
    ("0.5", "hold text"),
    (np.stack([1 - GOOD, GOOD], 1), r"two columns.*predictions\[:, 1\]"),
    (np.zeros((8, 3)), r"shape \(8, 3\)"),
    (0.5, r"shape \(\)"),
    (np.log(GOOD / (1 - GOOD)), "logits.*keras.ops.sigmoid"),
    (100 * GOOD, "divide percentages by 100"),
    (None, "no numbers"),
    ({}, "no numbers"),
    (GOOD + 1j, "no numbers"),
    ([[0.1], [0.2, 0.3]], "more of them for one"),
    (object(), "no numbers"),
    (pd.Series(GOOD, range(7, -1, -1)), "another order.*sort_index"),
]


@pytest.mark.parametrize(("predictions", "named"), FAULTS)
def test_each_fault_of_form_has_a_sentence_of_its_own(predictions, named):
    with pytest.raises(CourseError, match=named) as caught:
        checked_predictions(predictions, 8)
    said = str(caught.value)
    assert said.count(". ") == 0 and said.endswith(".") and len(said) < 260


def test_what_a_sentence_advises_works():
    logits = np.log(GOOD / (1 - GOOD))
    columns = np.stack([1 - GOOD, GOOD], 1)
    turned = pd.Series(GOOD[::-1], range(7, -1, -1))
    for mended in (
        keras.ops.sigmoid(logits),
        columns[:, 1],
        100 * GOOD / 100,
        turned.sort_index(),
    ):
        np.testing.assert_allclose(checked_predictions(mended, 8), GOOD, 1e-3)


@needs_cells
@pytest.mark.parametrize("fault", [np.zeros(3), "text", None])
def test_a_fault_of_form_is_refused_before_anything_is_written(
    challenge, fault
):
    with pytest.raises(CourseError):
        challenge.submit(fault)
    with pytest.raises(CourseError, match="note should be text"):
        challenge.submit(guesses(challenge, 0.3), note=3)
    with pytest.raises(CourseError, match="has 100 letters"):
        challenge.submit(guesses(challenge, 0.3), note="x" * 100)
    assert not challenge_log.log_path().exists()


@needs_cells
def test_dots_are_no_submission(challenge):
    assert "in place of the dots" in repr(challenge.submit(...))
    assert not challenge_log.log_path().exists()


# The log.

WRITER = """
import sys
import numpy as np
from course_utils.answers import challenge_log, challenge_scores
from course_utils.evaluation.intervals import Interval
score = challenge_scores.Score(Interval(0.8, 0.7, 0.9), Interval(0.8, 0.7, 0.9))
both = dict.fromkeys(challenge_scores.PARTS, score)
predictions = np.linspace(0, 1, 1200, dtype="float32")
for i in range(10**6):
    note = f"{sys.argv[1]}-{i}"
    given = "solar-cells", 0, note, predictions, both
    assert challenge_log.remember_submission(*given) == ""
    print(note, flush=True)
"""


def writer(name):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, name], stdout=subprocess.PIPE, text=True
    )


def test_a_submission_comes_back_as_it_was(work):
    predictions = RNG.random(1200).astype("float32")
    given = "solar-cells", 3, "mine", predictions, BOTH
    assert challenge_log.remember_submission(*given) == ""
    (found,) = challenge_log.read("solar-cells", 3).submissions
    assert np.array_equal(np.float32(found.predictions), predictions)
    assert (found.number, found.note, found.late) == (1, "mine", False)
    assert found.public == found.private == SCORE
    # Another draw has a record of its own.
    assert not challenge_log.read("solar-cells", 4).submissions


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_two_processes_and_a_kill_lose_no_submission(work):
    both = [writer("one"), writer("two")]
    acknowledged = set()
    for _ in range(20):
        acknowledged |= {p.stdout.readline().strip() for p in both}
    for process in both:
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines(keepends=True)
        acknowledged |= {line.strip() for line in rest if line.endswith("\n")}
        process.wait()
    record = challenge_log.read("solar-cells", 0)
    assert len(acknowledged) >= 40
    assert acknowledged <= {one.note for one in record.submissions}
    # Each kill may cut one line short, and costs no other.
    broken = int(record.problem.split()[0]) if record.problem else 0
    assert broken <= 2
    assert all(len(one.predictions) == 1200 for one in record.submissions)


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        '{"kind": "submission", "challenge": "solar-cells", "seed": 0}',
        '{"kind": "reveal", "challenge": "solar-cells", "seed": 0}',
        '{"kind": "other", "challenge": "solar-cells", "seed": 0}',
        '{"kind": "submission", "chall',
    ],
)
def test_a_broken_line_costs_no_other_and_is_told(work, line):
    given = "solar-cells", 0, "mine", GOOD.astype("float32"), BOTH
    challenge_log.remember_submission(*given)
    with challenge_log.log_path().open("a") as file:
        file.write("\n" + line)
    challenge_log.remember_submission(*given)
    record = challenge_log.read("solar-cells", 0)
    assert len(record.submissions) == 2
    assert record.problem.startswith("1 of 3 lines")


@needs_cells
def test_a_submission_of_another_length_blocks_no_other(challenge):
    place = "solar-cells", challenge.seed
    given = *place, "cut", GOOD[:-1].astype("float32"), BOTH
    challenge_log.remember_submission(*given)
    challenge.submit(guesses(challenge, 0.3))
    assert len(challenge_log.read(*place).submissions) == 2


@needs_cells
def test_what_cannot_be_saved_is_not_scored(
    read_only_folder, challenge, monkeypatch
):
    monkeypatch.setenv("COURSE_WORK", str(read_only_folder))
    with pytest.raises(CourseError, match="Nothing was submitted.*saved in"):
        challenge.submit(guesses(challenge, 0.3))


# The board.


@needs_cells
def test_the_board_ranks_submissions_among_the_references(challenge):
    start = repr(challenge)
    assert "400 labelled cells of 22 modules" in start
    assert start.count("(reference)") == 3
    board = challenge.submit(guesses(challenge, 0.35), note="knows <much>")
    assert board.newest == 1 and board.rows[0].number == 1
    assert "1. knows <much>  <- new" in repr(board)
    board = challenge.submit(guesses(challenge, 0.0), note="knows nothing")
    areas = [row.public.auc.value for row in board.rows]
    assert areas == sorted(areas, reverse=True) and len(areas) == 5
    assert max(map(len, repr(board).splitlines())) <= 100
    # What was kept back is not shown.
    private = challenge_log.read("solar-cells", TYPICAL).submissions[0].private
    shown = repr(board) + board._repr_html_() + challenge._repr_html_()
    assert f"{private.auc.value:.3f}" not in shown
    assert "<much>" not in board._repr_html_()
    assert 'aria-label="Leaderboard"' in shown and "<caption>" in shown
    # A picture without words is not read aloud; its numbers stand beside it.
    assert shown.count("<svg") == shown.count('<svg aria-hidden="true"') > 0


@needs_cells
def test_a_title_counts_the_cells_of_its_own_part(challenge):
    drawn = challenge_draw.draw()
    titles = challenge.submit(guesses(challenge, 0.3)).title
    titles = titles, challenge.reveal(1).title
    for part, own, title in zip(
        ("public", "private"),
        (drawn.public, ~drawn.public),
        titles,
        strict=True,
    ):
        modules = len(set(drawn.modules[own]))
        assert title.startswith(
            f"The {part} part: {own.sum()} cells of {modules} modules;"
        )


@needs_cells
def test_the_same_predictions_are_no_second_submission(challenge):
    mine = guesses(challenge, 0.3)
    challenge.submit(mine, note="first")
    challenge.submit(guesses(challenge, 0.2))
    board = challenge.submit(mine[:, np.newaxis], note="again")
    assert "submission 1 already" in repr(board) and board.newest == 1
    rounded = np.round(mine, 6)
    assert challenge.submit(rounded).newest == 1
    assert len(challenge_log.read("solar-cells", TYPICAL).submissions) == 2
    rounded[0] += 0.1
    assert challenge.submit(rounded).newest == 3


@needs_cells
def test_a_ranking_turned_round_is_told(challenge):
    turned = 1 - guesses(challenge, 0.3)
    assert "higher number should mean defective" in repr(
        challenge.submit(turned)
    )


@needs_cells
def test_scores_are_those_of_the_cells_of_a_part(challenge):
    mine = guesses(challenge, 0.3)
    challenge.submit(mine)
    drawn = challenge_draw.draw()
    (found,) = challenge_log.read("solar-cells", TYPICAL).submissions
    for part, own in (("public", drawn.public), ("private", ~drawn.public)):
        score = getattr(found, part)
        right = np.mean((mine[own] >= 0.5) == drawn.truth[own])
        assert score.accuracy.value == pytest.approx(right, abs=1e-4)
        pairs = (
            mine[own][drawn.truth[own] == 1][:, None]
            > mine[own][drawn.truth[own] == 0]
        )
        assert score.auc.value == pytest.approx(pairs.mean(), abs=1e-4)
        assert score.auc.low < score.auc.value < score.auc.high


@needs_cells
def test_the_references_belong_to_the_draws_that_are_dealt_today():
    for seed in range(10):
        drawn = challenge_draw.draw(seed)
        found = {one.name: one for one in challenge_scores.references(seed)}
        assert list(found) == [
            "majority",
            "frozen features",
            "recipe of lesson 03",
        ]
        for part, own in (("public", drawn.public), ("private", ~drawn.public)):
            score = getattr(found["majority"], part)
            assert score.auc.value == 0.5
            sound = 1 - drawn.truth[own].mean()
            assert score.accuracy.value == pytest.approx(sound, abs=1e-4)
    assert challenge_scores.references(999) == []


def test_the_default_draw_is_the_most_typical():
    rows = pd.read_csv(TOP / "data" / "experiments" / "challenge.csv")
    areas = rows.pivot_table("auc", "seed", ["entry", "part"])
    off = (areas - areas.mean()).abs().max(axis=1)
    assert off.idxmin() == TYPICAL


@needs_cells
def test_a_draw_without_references_says_so(work):
    assert "Draw 77 has no reference entries" in repr(
        course.challenge("solar-cells", 77)
    )


# The reveal.


@needs_cells
def test_nothing_is_revealed_without_a_choice(challenge):
    assert "Nothing was revealed" in repr(challenge.reveal())
    assert not plt.get_fignums()
    with pytest.raises(CourseError, match="nothing to reveal yet"):
        challenge.reveal(1)
    challenge.submit(guesses(challenge, 0.3))
    assert "You have made 1 submission" in repr(challenge.reveal(...))
    for wrong in (0, 2, "1", None):
        with pytest.raises(CourseError, match="chosen is"):
            challenge.reveal(wrong)
    assert challenge_log.read("solar-cells", TYPICAL).chosen is None


@needs_cells
def test_a_reveal_is_made_once_and_marks_what_comes_later(challenge):
    for number, knowledge in enumerate((0.1, 0.3, 0.2)):
        challenge.submit(guesses(challenge, knowledge, number), f"k{number}")
    revealed = challenge.reveal(3)
    told = " ".join(revealed.told)
    assert (
        "Sent in: 3. k2" in told
        and "best of yours on the board was 2. k1" in told
    )
    assert "best of yours on the private part is 2. k1" in told
    again = course.challenge("solar-cells").reveal(1)
    assert again.chosen == 3 and "that stays" in repr(again)
    assert course.challenge("solar-cells").reveal().chosen == 3
    board = challenge.submit(guesses(challenge, 0.35), "late")
    assert "4. late (after the reveal)" in repr(board)
    # Late ones take no part in what choosing has done.
    assert "late" not in " ".join(challenge.reveal().told)
    text = challenge_log.log_path().read_text("utf-8")
    assert text.count('"reveal"') == 1


def test_a_reveal_tells_ranks_and_changes_from_public_to_private():
    def score(area):
        return challenge_scores.Score(Interval(area, 0, 1), SCORE.accuracy)

    rows = tuple(
        Entry(f"{number}. try", score(public), score(private), number)
        for number, public, private in (
            (1, 0.9, 0.7),
            (2, 0.85, 0.8),
            (3, 0.8, 0.81),
        )
    )
    revealed = Reveal("Parts", rows, 1)
    told = " ".join(revealed.told)
    assert "of your first on the board changed by -0.200" in told
    assert "that of your others by -0.020 (the median)" in told
    # The best on the private part comes first.
    for rank, line in enumerate(repr(revealed).splitlines()[2:7:2], 1):
        public = rows[3 - rank].public.auc.value
        assert f"public {public:.3f} (rank {4 - rank})" in line
        assert line.endswith(f"(rank {rank})")


@needs_cells
def test_a_reveal_can_be_read_aloud(challenge):
    challenge.submit(guesses(challenge, 0.3), note="a <b>")
    challenge.submit(guesses(challenge, 0.1), note="other")
    revealed = challenge.reveal(1)
    (figure,) = map(plt.figure, plt.get_fignums())
    said = describe(figure)
    one = challenge_log.read("solar-cells", TYPICAL).submissions[0]
    values = f"{one.public.auc.value:.3f} to {one.private.auc.value:.3f}"
    assert (
        f"1. a <b> {values}" in said and "frozen features (reference)" in said
    )
    shown = revealed._repr_html_()
    assert "<caption>" in shown and 'scope="row"' in shown
    assert "a <b>" not in shown and "sent in" in shown
    assert max(map(len, repr(revealed).splitlines())) <= 100
