"""Checks of lesson 08, Challenge."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_utils.answers import challenge_log
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_numbers,
    brief,
    find_match,
)
from course_utils.evaluation.intervals import bootstrap_over_patients

VERDICTS = ("better", "worse", "cannot be distinguished")
DRAWS = 1000
CLIMBED = 0.9  # public AUC to be reached without any knowledge
KNOWS = 0.7  # a private AUC that no random numbers reach
STRENGTH = 1e-3  # of the head that entries are held against
TOO_GOOD = 0.99  # on modules that a model has not seen


def judge_difference(
    answer: object,
    verdict: object,
    first: object,
    second: object,
    labels: object,
    modules: object,
) -> tuple:
    """Judge the difference of two candidates, and what follows from it.

    Args:
        answer: The learner's value, low and high.
        verdict: The learner's verdict on the first.
        first: Scores of the one candidate.
        second: Scores of the other.
        labels: 1 for a defective cell.
        modules: Module of each cell.
    """
    given = as_numbers(answer)
    if given.shape != (3,):
        return "failed", (
            "`my_difference` should be three numbers, value, low and high, "
            f"not {brief(answer)}: pass `bootstrap_over_patients` a metric of "
            "both scores, stacked."
        )
    right = _paired(first, second, labels, modules)
    value, low, high = given
    if (match := find_match(value, right.value, digits=2)) != RIGHT:
        if find_match(value, -right.value) == RIGHT:
            match = "That is the second minus the first."
        return "failed", match or (
            f"The difference of the two AUC is not {value:.3g}: the first "
            "minus the second, on all labelled cells."
        )
    slack = 0.15 * (right.high - right.low) + 0.002
    if max(abs(low - right.low), abs(high - right.high)) > slack:
        cells = _paired(first, second, labels, np.arange(len(labels)))
        narrow = right.high - right.low
        if abs(high - low - (cells.high - cells.low)) < abs(
            high - low - narrow
        ):
            return "failed", (
                "That interval fits draws of single cells. Cells of one module "
                "resemble each other: draw modules."
            )
        return "failed", (
            f"The value is right; the interval is about {right.low:.3f} to "
            f"{right.high:.3f}. Draw modules, and measure both candidates on "
            "the same draw: the ends of two single intervals do not give it."
        )
    wanted = (
        VERDICTS[0] if low > 0 else VERDICTS[1] if high < 0 else VERDICTS[2]
    )
    if verdict not in VERDICTS:
        return "partial", (
            f"The interval is right. `my_verdict` is one of "
            f"{', '.join(map(repr, VERDICTS))}, not {brief(verdict)}."
        )
    if verdict != wanted:
        return "partial", (
            "The interval is right, and the verdict does not follow from it: "
            f"is zero between {low:.3f} and {high:.3f}?"
        )
    return "passed", (
        f"{value:+.3f} ({low:.3f} to {high:.3f}): {wanted}, on these modules."
    )


def judge_climber(
    answer: object, pair: object, labels: object, public: object
) -> tuple:
    """Judge scores that climb a board without knowing anything.

    Args:
        answer: The learner's scores.
        pair: The learner's public and private AUC of them.
        labels: 1 for a defective cell.
        public: Whether a cell is in the public part.
    """
    labels, public = np.asarray(labels), np.asarray(public, bool)
    scores = as_numbers(answer)
    if scores.shape != labels.shape:
        return "failed", (
            f"`my_climber` should be a finite number for each of the "
            f"{len(labels)} cells, not {brief(answer)}."
        )
    climbed = roc_auc_score(labels[public], scores[public])
    private = roc_auc_score(labels[~public], scores[~public])
    told = f"It reaches {climbed:.3f} on the public part"
    if climbed == 1 and len(np.unique(scores[public])) == 2:
        return "failed", (
            f"{told} with two values only, as labels have: use random numbers "
            "and what `ask` says of them."
        )
    if private >= KNOWS:
        return "failed", (
            f"{told} and {private:.3f} on the private one: it knows something "
            "about the cells. Use random numbers and what `ask` says of them."
        )
    if climbed < 1 - CLIMBED:
        return "failed", f"{told}: it is the wrong way round, negate it."
    if climbed < CLIMBED:
        return "failed", (
            f"{told}, short of {CLIMBED}: ask about more random numbers, "
            "and let each count by how far its answer lies above one half."
        )
    given = as_numbers(pair)
    if given.shape != (2,):
        return "partial", (
            f"{told}. `my_pair` should be two numbers, its AUC on the public "
            f"and on the private cells, not {brief(pair)}."
        )
    whole = roc_auc_score(labels, scores)
    wrong = [
        ((private, climbed), "The public part comes first."),
        ((climbed, whole), "The second is over all cells: take `~public`."),
        ((climbed, climbed), "Both are of the public part: take `~public`."),
    ]
    match = find_match(given, (climbed, private), wrong)
    if match == RIGHT:
        return "passed", (
            f"{told}, and {private:.3f} on the private one: it knows nothing "
            "about cells, and the board has told it all."
        )
    return "partial", match or f"{told}; `my_pair` says something else."


def judge_choice(
    held_out: object,
    choice: object,
    challenge: object,
    labels: object,
    features: object,
    modules: object,
) -> tuple:
    """Judge which submission a learner would send in.

    Args:
        held_out: The learner's dict from numbers of submissions to scores of
            the labelled cells, by models that have not seen their modules.
        choice: The learner's number.
        challenge: The challenge.
        labels: 1 for each labelled cell that is defective.
        features: Frozen features of the labelled cells.
        modules: Module of each.
    """
    record = challenge_log.read(challenge.name, challenge.seed)
    notes = {one.number: one.note for one in record.submissions}
    if not isinstance(held_out, dict) or len(held_out) < 2:
        return "failed", (
            "`my_held_out` should be a dict from the numbers of two "
            f"submissions or more to their scores, not {brief(held_out)}."
        )
    if unknown := [one for one in held_out if one not in notes]:
        return "failed", (
            f"{brief(unknown[0])} is not the number of a submission: the board "
            f"shows {len(notes)} of yours, and `board.newest` is the number "
            "of the one just made."
        )
    areas = {}
    for number, scores in held_out.items():
        scores = as_numbers(scores)
        if scores.shape != np.shape(labels):
            return "failed", (
                f"The scores of submission {number} should be a finite number "
                f"for each of the {len(labels)} labelled cells, in the order "
                "of challenge.labelled."
            )
        areas[number] = roc_auc_score(labels, scores)
        if areas[number] > TOO_GOOD:
            return "failed", (
                f"Submission {number} has an AUC of {areas[number]:.3f} on the "
                "labelled cells: it seems to have been trained on them. Hold "
                "out each cell's module."
            )
    own = _frozen(features, labels, modules)
    frozen = roc_auc_score(labels, own)
    facts = [
        f"submission {number} ({notes[number]}): AUC {area:.3f} held out"
        for number, area in areas.items()
    ]
    facts.append(f"a head on frozen features, by the check: {frozen:.3f}")
    best = max(areas, key=areas.get)
    if as_number(choice) is None or choice not in areas:
        return "failed", (
            "`my_choice` should be one of the numbers in `my_held_out`, not "
            f"{brief(choice)}."
        )
    if areas[choice] < areas[best]:
        return (
            "failed",
            f"Submission {best} is better on the held-out modules. What the "
            "board says must not decide.",
            facts,
        )
    if areas[best] < frozen - 0.01:
        return (
            "partial",
            "A plain head on frozen features reaches more on the held-out "
            "modules, scored as `held_out` does: send that in, or find what is "
            "better.",
            facts,
        )
    gain = _paired(held_out[best], own, labels, modules)
    return (
        "passed",
        f"Submission {best}, chosen on modules that it has not seen. Over a "
        f"head on frozen features it gains {gain}. Write the interval into "
        "your report, and that these modules chose it, which flatters.",
        facts,
    )


def _paired(first, second, labels, groups):
    """Returns the interval of the difference in AUC, over groups."""

    def difference(y, pair):
        return roc_auc_score(y, pair[:, 0]) - roc_auc_score(y, pair[:, 1])

    pair = np.stack([as_numbers(first), as_numbers(second)], axis=1)
    return bootstrap_over_patients(difference, labels, pair, groups, DRAWS)


def _frozen(features, labels, modules):
    """Returns scores by heads on frozen features, each module held out."""
    scores = np.empty(len(labels))
    for train, test in GroupKFold(5).split(features, labels, modules):
        dense = LogisticRegression(C=STRENGTH, max_iter=1000)
        head = make_pipeline(StandardScaler(), dense)
        head.fit(features[train], labels[train])
        # Scores of several heads are compared: without their intercepts.
        own = head.decision_function(features[test]) - dense.intercept_
        scores[test] = own
    return scores


JUDGES = {
    "ch-01": judge_difference,
    "ch-02": judge_climber,
    "ch-03": judge_choice,
}
