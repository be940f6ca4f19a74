"""Score predictions on a part of the hidden cells, with intervals."""

import dataclasses

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from course_utils.evaluation.intervals import Interval, bootstrap_over_patients
from course_utils.machine import paths

PARTS = ("public", "private")
REPETITIONS = 300  # half a second for each AUC
THRESHOLD = 0.5
METRICS, ENDS = ("auc", "accuracy"), ("", "_low", "_high")


@dataclasses.dataclass(frozen=True)
class Score:
    """How good predictions are on one part.

    Attributes:
        auc: The area under the ROC curve, with its 95 % interval over modules.
        accuracy: The share of right answers at a threshold of one half,
            likewise.
    """

    auc: Interval
    accuracy: Interval


@dataclasses.dataclass(frozen=True)
class Reference:
    """A score to stand beside, from `data/experiments/challenge.csv`.

    Attributes:
        name: What was trained.
        public: Its score on the public part.
        private: Its score on the private part.
    """

    name: str
    public: Score
    private: Score


def score(predictions, truth, modules) -> Score:
    """Score predictions; the intervals are over modules.

    Args:
        predictions: Probabilities, shape `(cells,)`.
        truth: 1 for each defective cell.
        modules: Module of each cell.

    Returns:
        A `Score`.
    """
    given = truth, predictions, modules, REPETITIONS
    return Score(
        bootstrap_over_patients(roc_auc_score, *given),
        bootstrap_over_patients(_accuracy, *given),
    )


def score_parts(predictions, drawn) -> dict[str, Score]:
    """Score predictions on both hidden parts of a `challenge_draw.Draw`."""
    return {
        part: score(predictions[own], drawn.truth[own], drawn.modules[own])
        for part, own in zip(PARTS, (drawn.public, ~drawn.public), strict=True)
    }


def references(seed: int) -> list[Reference]:
    """Return the reference entries of a draw; none if it was not measured.

    Args:
        seed: Seed of the draw.
    """
    rows = pd.read_csv(paths.data_dir() / "experiments" / "challenge.csv")
    rows = rows[rows["seed"] == seed].set_index(["entry", "part"])
    found = []
    for name in rows.index.unique("entry"):
        of_part = {part: from_row(rows.loc[(name, part)]) for part in PARTS}
        found.append(Reference(name, **of_part))
    return found


def as_row(found: Score) -> dict[str, float]:
    """Return a score as the numbers of one row of the file of references."""
    return {
        f"{metric}{end}": round(number, 5)
        for metric in METRICS
        for end, number in zip(ENDS, getattr(found, metric), strict=True)
    }


def from_row(row) -> Score:
    """Return the score that `as_row` has made a row of.

    Raises:
        KeyError: If a number is missing.
        ValueError: If one is no number.
    """
    return Score(
        *(
            Interval(*(float(row[f"{metric}{end}"]) for end in ENDS))
            for metric in METRICS
        )
    )


def _accuracy(truth, predictions):
    return np.mean((predictions >= THRESHOLD) == truth)
