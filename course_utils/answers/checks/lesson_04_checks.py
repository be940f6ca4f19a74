"""Checks of lesson 04, judging a medical model."""

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from course_utils.answers.learner_values import (
    as_number,
    as_numbers,
    brief,
    say_no_number,
)

CELLS = 4  # rows and columns of the grid of da-12
PROMISE = 0.85
VERDICTS = ("kept", "broken", "cannot tell")
_TOLERANCE = 5e-3
_CLINICS = ((13, 0.8, str), (24, 0.7, int))  # ill patients, promise, names
_SHIFTS = {"usual": 2, "pale": 0, "old": -4}  # of the scores at a new clinic


def judge_referral(
    low: object,
    high: object,
    counts: object,
    watched: object,
    cases: object,
) -> tuple[str, str]:
    """Judge two thresholds with referral between them, and what they do.

    Args:
        low: The learner's number, below which a patient is called healthy.
        high: The learner's number, from which on a patient is called ill.
        counts: The learner's three counts of test patients.
        watched: Validation patients, ``ill`` and ``score``.
        cases: The same of the test patients.
    """
    for name, given in (("my_low", low), ("my_high", high)):
        if as_number(given) is None:
            return "failed", say_no_number(given, f"`{name}`")
    low, high = as_number(low), as_number(high)
    if low > high:
        return "failed", (
            "`my_low` lies above `my_high`, so nobody is in between: the lower "
            "threshold comes first."
        )
    missed, alarms, _ = _referred(watched, low, high)
    if (missed, alarms) != (1, 1):
        if _referred(cases, low, high)[:2] == (1, 1):
            return "failed", (
                "These were chosen on the test patients: choose them by "
                "`watched`, the validation patients."
            )
        return "failed", (
            f"Among the validation patients {missed} ill lie below `my_low` "
            f"and {alarms} healthy at or above `my_high`: there should be "
            "exactly one of each."
        )
    given = as_numbers(counts)
    if given.shape != (3,):
        return "partial", (
            "The thresholds are right. `my_counts` should be three numbers, "
            f"not {brief(counts)}: missed, false alarms, referred."
        )
    right = _referred(cases, low, high)
    if tuple(given) == right:
        return "passed", (
            f"Of {len(cases)} patients the model misses {right[0]} who are "
            f"ill, raises {right[1]} false alarms, and refers {right[2]}."
        )
    called = (cases["score"] < low).sum(), (cases["score"] >= high).sum()
    mistakes = [
        (_referred(watched, low, high), "are those of validation patients"),
        ((*called, right[2]), "count everybody beyond a threshold, ill or not"),
    ]
    for wrong, told in mistakes:
        if tuple(given) == wrong:
            return "partial", f"The thresholds are right. The counts {told}."
    if sorted(given) == sorted(right):
        return "partial", (
            "The thresholds are right, and so are the counts, but in another "
            "order than missed, false alarms, referred."
        )
    return "partial", (
        "The thresholds are right, the counts are not: ill patients below "
        "`my_low`, healthy ones at or above `my_high`, all in between."
    )


def _referred(cases, low, high):
    ill, score = cases["ill"] == 1, cases["score"]
    below, above = score < low, score >= high
    missed, alarms = (below & ill).sum(), (above & ~ill).sum()
    return int(missed), int(alarms), int((~below & ~above).sum())


def judge_covering(
    areas: object,
    cell: object,
    pictures: np.ndarray,
    labels: np.ndarray,
    scores: object,
) -> tuple[str, str]:
    """Judge in which cell of the pictures a model finds its answer.

    Args:
        areas: The learner's AUC with each cell covered, 4 by 4.
        cell: The learner's row and column.
        pictures: Array (pictures, height, width, channels).
        labels: 0 or 1, of these.
        scores: A function of pictures, a score each.
    """
    given = as_numbers(areas)
    if given.shape != (CELLS, CELLS):
        return "failed", (
            f"`my_auc` should be an array of {CELLS} by {CELLS} numbers, not "
            f"{brief(areas)}."
        )
    mean = pictures.mean(axis=(1, 2), keepdims=True)
    right = _covered(pictures, labels, scores, mean)
    if np.abs(given - right).max() > _TOLERANCE:
        return "failed", _name_covering(given, right, pictures, labels, scores)
    row, column = np.unravel_index(right.argmin(), right.shape)
    found = tuple(as_numbers(cell).ravel())
    if found == (row, column):
        return "passed", (
            f"With cell {row}, {column} covered the AUC falls to "
            f"{right.min():.2f}; with any other it stays at "
            f"{np.sort(right.ravel())[1]:.2f} or above."
        )
    if found == (column, row):
        return (
            "partial",
            "The AUCs are right. In `my_cell` the row comes first.",
        )
    if found == (CELLS * row + column,):
        return "partial", (
            "The AUCs are right, and that is the cell, as a place in a flat "
            "array: `np.unravel_index(my_auc.argmin(), my_auc.shape)` has row "
            "and column."
        )
    side = pictures.shape[1] // CELLS
    if found == (side * row, side * column):
        return "partial", (
            "The AUCs are right, and that is where the cell begins, in pixels: "
            "count cells."
        )
    return "partial", (
        "The AUCs are right, the cell is not: the model does worst without "
        "what it relies on."
    )


def _covered(pictures, labels, scores, colour, keep=False):
    """Returns the AUC with each cell covered; `keep` goes on covering."""
    areas, size = np.empty((CELLS, CELLS)), pictures.shape[1] // CELLS
    covered = pictures.copy()
    for row, column in np.ndindex(areas.shape):
        covered = covered if keep else pictures.copy()
        rows, columns = (slice(size * n, size * (n + 1)) for n in (row, column))
        covered[:, rows, columns] = colour
        areas[row, column] = roc_auc_score(labels, scores(covered))
    return areas


def _name_covering(given, right, pictures, labels, scores):
    mean = pictures.mean(axis=(1, 2), keepdims=True)
    mistakes = (
        (lambda: right.T, "Rows and columns are exchanged."),
        (
            lambda: _covered(pictures, labels, scores, 0),
            "The cells were covered in black, which is a mark of its own: "
            "take each picture's mean colour.",
        ),
        (
            lambda: _covered(pictures, labels, scores, mean, keep=True),
            "What was covered stayed covered: begin each time with a fresh "
            "copy.",
        ),
        (
            lambda: _covered(
                pictures, labels, scores, pictures.mean((0, 1, 2))
            ),
            "The colour is the mean of all pictures: take each picture's own.",
        ),
    )
    for wrong, told in mistakes:
        if np.abs(given - wrong()).max() <= _TOLERANCE:
            return told
    return (
        "These are other numbers: copy the pictures, fill one cell of each "
        "with its own mean colour, and measure the AUC of `their_scores`."
    )


def judge_card(
    card: object, validation: object, test: object
) -> tuple[str, str]:
    """Judge a function that says whether a promise is kept, and for whom.

    Args:
        card: The learner's function.
        validation: A row a picture, ``patient``, ``ill`` and ``score``.
        test: The same, and ``stain``.
    """
    if not callable(card):
        return "failed", (
            f"`my_card` should be a function, not {brief(card)}: leave out the "
            "parentheses."
        )
    clinics = [(validation, test, PROMISE)]
    clinics += [_clinic(*facts, seed) for seed, facts in enumerate(_CLINICS)]
    for number, (chosen, asked, promise) in enumerate(clinics):
        where = "On the lesson's patients" if not number else "In a new clinic"
        try:
            given = card(chosen.copy(), asked.copy(), promise)
        except Exception as error:
            return "failed", (
                f"{where} it raised {type(error).__name__}: "
                f"{str(error)[:120] or 'without a word'}."
            )
        if problem := _card_problem(given, chosen, asked, promise):
            return "failed", f"{where}, {problem}"
    verdicts = [row[3] for row in _card(validation, test, PROMISE).values()]
    return "passed", (
        f"Right in {len(clinics)} clinics. Of this model, for all patients: "
        f"{verdicts[0]}."
    )


def _card_problem(given, chosen, asked, promise):
    """Returns what is wrong with a card, or an empty text."""
    right = _card(chosen, asked, promise)
    if not isinstance(given, dict) or set(given) != set(right):
        keys = ", ".join(map(repr, right))
        return f"a dict with the keys {keys} was expected, not {brief(given)}."
    for name, row in given.items():
        if not isinstance(row, tuple | list) or len(row) != 4:
            return f"{name!r} should have four values, not {brief(row)}."
        if as_numbers(row[:3]).shape != (3,):
            return f"the first three values of {name!r} should be numbers."
    if _agree(given, right):
        for name, row in given.items():
            if row[3] not in VERDICTS or row[3] != right[name][3]:
                low, high = right[name][1:3]
                return (
                    f"the verdict of {name!r} should be {right[name][3]!r}, "
                    f"not {brief(row[3])}: the interval is {low:.3f} to "
                    f"{high:.3f}, the promise {promise}."
                )
        return ""
    for options, told in (
        ({"unit": "picture"}, "pictures were counted: decide by patient."),
        ({"by": asked}, "the threshold was chosen on the test patients."),
        ({"how": "max"}, "a patient's score is the mean, not the highest."),
        ({"wald": True}, "the interval is not Wilson's."),
        (
            {"positives": False},
            "the healthy were counted as well: a sensitivity is of the ill.",
        ),
    ):
        if _agree(given, _card(chosen, asked, promise, **options)):
            return told
    worst = max(right, key=lambda name: _off(given[name], right[name]))
    told = ", ".join(f"{value:.3f}" for value in right[worst][:3])
    return f"{worst!r} should have {told}, at a promise of {promise}."


def _off(row, other):
    return np.abs(as_numbers(row[:3]) - np.array(other[:3])).max()


def _agree(given, right):
    return all(_off(given[name], right[name]) < _TOLERANCE for name in right)


def _card(
    chosen,
    asked,
    promise,
    unit="patient",
    by=None,
    how="mean",
    wald=False,
    positives=True,
):
    """Returns the right card; the options make the mistakes that are named."""
    from course_utils.evaluation.intervals import wilson_interval

    def cases(rows):
        rows = rows.assign(picture=np.arange(len(rows)))
        columns = {"ill": ("ill", "first"), "score": ("score", how)}
        if "stain" in rows:
            columns["stain"] = ("stain", "first")
        return rows.groupby(unit).agg(**columns)

    chosen = cases(chosen if by is None else by)
    asked = cases(asked)
    of_ill = np.sort(chosen["score"][chosen["ill"] == 1])
    threshold = of_ill[int((1 - promise) * len(of_ill) + 1e-9)]
    sick = asked[asked["ill"] == 1]
    card = {}
    for name in ["all", *sick["stain"].unique()]:
        some = sick if positives else asked
        own = some if name == "all" else some[some["stain"] == name]
        found = int((own["score"] >= threshold).sum())
        share = found / len(own)
        low, high = wilson_interval(found, len(own))
        if wald:
            half = 1.96 * np.sqrt(share * (1 - share) / len(own))
            low, high = share - half, share + half
        verdict = VERDICTS[0] if low >= promise else VERDICTS[2]
        verdict = VERDICTS[1] if high < promise else verdict
        card[name] = share, low, high, verdict
    return card


def _clinic(ill_patients, promise, name, seed):
    """Returns validation and test pictures of a clinic that nobody has seen."""
    rng = np.random.default_rng(seed)
    tables = []
    for first in (0, 1000):
        rows = []
        for number in range(2 * ill_patients):
            stain = ("usual", "usual", "pale", "old")[number // 2 % 4]
            shift = _SHIFTS[stain] if first else 0
            own = rng.normal(2 * (number % 2) + shift, 1)
            rows += [
                (name(first + number), number % 2, score, stain)
                for score in rng.normal(own, 1, rng.integers(1, 9))
            ]
        columns = ["patient", "ill", "score", "stain"]
        table = pd.DataFrame(rows, columns=columns)
        tables.append(table.sample(frac=1, random_state=seed))
    return tables[0].drop(columns="stain"), tables[1], promise


JUDGES = {
    "da-11": judge_referral,
    "da-12": judge_covering,
    "da-13": judge_card,
}
