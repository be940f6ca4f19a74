"""A challenge: labels for some cells, a board for the others, one reveal."""

import functools

import numpy as np
import pandas as pd

from course_utils.answers import (
    challenge_board,
    challenge_draw,
    challenge_log,
    challenge_scores,
)
from course_utils.answers.answer_verdicts import Text
from course_utils.answers.challenge_board import Board
from course_utils.answers.challenge_form import (
    checked_note,
    checked_predictions,
)
from course_utils.answers.challenge_reveal import Reveal
from course_utils.evaluation.plotting import counted
from course_utils.machine import arguments
from course_utils.machine.errors import CourseError

NAMES = ("solar-cells",)


class Challenge:
    """Labelled cells, unlabelled ones of other modules, and a leaderboard.

    The hidden labels are hidden as the keys of the quizzes are: the data set
    is public, and its labels lie on this machine. Introduced in lesson 08
    (``08_challenge``).

    Args:
        name: ``"solar-cells"``.
        seed: Seed of the draw of modules and of labelled cells. The default
            is the most typical of ten.

    Raises:
        CourseError: If there is no such challenge, or if the photographs are
            not installed.
    """

    def __init__(self, name: str, seed: int | None = None):
        """Draw the cells."""
        self.name = arguments.one_of("challenge", name, NAMES)
        seed = challenge_draw.TYPICAL if seed is None else seed
        self.seed = arguments.whole_number("seed", seed, 3, least=0)
        self._drawn = _draw(self.seed)

    @property
    def labelled(self) -> pd.DataFrame:
        """The labelled cells, a row each, see `load_solar_cells`."""
        return self._drawn.labelled.copy()

    @property
    def unlabelled(self) -> pd.DataFrame:
        """The hidden cells: their ``label`` is ``"hidden"``."""
        return self._drawn.unlabelled.copy()

    def submit(self, predictions: object, note: str = "") -> Board:
        """Score predictions on the public part, and remember them.

        Predictions that were submitted before, to three digits, are no new
        submission.

        Args:
            predictions: For each row of `unlabelled`, in its order, the
                probability that the cell is defective. With ``...`` nothing
                is submitted.
            note: What was done, for the board and for your report.

        Returns:
            The leaderboard.

        Raises:
            CourseError: If the form of the predictions or of the note is not
                right, or if they cannot be saved. Nothing is submitted then.
        """
        if predictions is ...:
            return self._board(
                "Nothing was submitted: put your predictions in place of the "
                "dots."
            )
        note = checked_note(note)
        count = len(self._drawn.truth)
        predictions = checked_predictions(predictions, count)
        if number := self._number_of(predictions):
            told = f"These predictions are submission {number} already."
            return self._board(told, newest=number)
        scores = challenge_scores.score_parts(predictions, self._drawn)
        problem = challenge_log.remember_submission(
            self.name, self.seed, note, predictions, scores
        )
        if problem:
            raise CourseError(f"Nothing was submitted. {problem}")
        told = ""
        if scores["public"].auc.value < 0.5:
            told = "Below one half: a higher number should mean defective."
        return self._board(told, newest=self._number_of(predictions))

    def board(self) -> Board:
        """Return the leaderboard: your submissions beside the references."""
        return self._board()

    def reveal(self, chosen: object = ...) -> Reveal | Text:
        """Show the private scores, once, at the end.

        Args:
            chosen: Number of the submission that you send in. Without it
                nothing is revealed.

        Returns:
            What was revealed, with a picture that is drawn; or what a reveal
            would do.

        Raises:
            CourseError: If there is no such submission, or if the reveal
                cannot be saved: nothing is revealed then.
        """
        record, references = self._known()
        count = len(record.submissions)
        if chosen is ... and record.chosen is None:
            return Text(
                "Nothing was revealed. challenge.reveal(2) sends in submission "
                "2 and shows the private scores of all. It cannot be undone: "
                "what you submit afterwards is marked.\n"
                f"You have made {counted(count, 'submission')}."
            )
        note = ""
        if record.chosen is None:
            chosen = self._checked_choice(chosen, count)
            problem = challenge_log.remember_reveal(
                self.name, self.seed, chosen
            )
            if problem:
                raise CourseError(f"Nothing was revealed. {problem}")
            record, references = self._known()
        elif chosen is not ... and not np.array_equal(chosen, record.chosen):
            note = (
                f"Submission {record.chosen} was sent in at the reveal, and "
                "that stays."
            )
        rows = challenge_board.entries(record, references)
        note = " ".join(filter(None, (note, record.problem)))
        revealed = Reveal(
            self._title("private"), tuple(rows), record.chosen, note
        )
        revealed.plot()
        return revealed

    def __repr__(self) -> str:
        """Show what there is, and the board."""
        return f"{self._about()}\n{self.board()!r}"

    def _repr_html_(self) -> str:
        """Show it in a notebook."""
        return f"<p>{self._about()}</p>{self.board()._repr_html_()}"

    def _about(self):
        labelled, hidden = self._drawn.labelled, len(self._drawn.truth)
        modules = labelled["inferred_module"].nunique()
        return (
            f"Challenge {self.name}, draw {self.seed}: {len(labelled)} "
            f"labelled cells of {modules} modules in .labelled, {hidden:,} "
            "cells of other modules in .unlabelled."
        )

    def _number_of(self, predictions):
        """Return the number of the submission with these predictions, or 0."""
        for one in challenge_log.read(self.name, self.seed).submissions:
            # A network that is run again rounds a little differently.
            known = np.array(one.predictions)
            if known.shape == np.shape(predictions) and np.allclose(
                known, predictions, rtol=1e-3, atol=1e-6
            ):
                return one.number
        return 0

    def _board(self, told="", newest=0):
        record, references = self._known()
        unmeasured = ""
        if not references:
            unmeasured = f"Draw {self.seed} has no reference entries."
        told = tuple(filter(None, (told, unmeasured, record.problem)))
        rows = challenge_board.entries(record, references)
        return Board(self._title("public"), tuple(rows), told, newest)

    def _title(self, part):
        own = self._drawn.public == (part == "public")
        modules = len(set(self._drawn.modules[own]))
        return (
            f"The {part} part: {own.sum()} cells of {modules} modules; "
            "intervals over modules"
        )

    def _known(self):
        record = challenge_log.read(self.name, self.seed)
        return record, challenge_scores.references(self.seed)

    def _checked_choice(self, chosen, count):
        if not count:
            raise CourseError(
                "There is nothing to reveal yet: submit predictions first."
            )
        return arguments.whole_number("chosen", chosen, count, most=count)


@functools.cache
def _draw(seed):
    return challenge_draw.draw(seed)
