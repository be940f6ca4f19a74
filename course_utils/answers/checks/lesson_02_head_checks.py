"""Checks of lesson 02 on heads: a threshold by costs, a head of one's own."""

import contextlib
import io

import numpy as np

from course_utils.answers.learner_values import (
    as_number,
    as_numbers,
    brief,
    say_no_number,
)

MISSED, IN_VAIN = 10, 1  # what a mistake costs in fe-07
_NEAR = 0.02  # by so much a threshold from a grid may cost more
# Classes of fe-09, in their order, and the least mean recall, chance and more.
QUESTIONS = {
    "type": ("mono", "poly"),
    "probability": tuple("0.00 0.33 0.67 1.00".split()),
}
LEAST = {"type": 0.8, "probability": 0.33}
TOO_GOOD = 0.8  # for degrees on new modules; experts do not agree that much


def judge_threshold(
    threshold: object,
    cost: object,
    train_labels: object,
    train_scores: object,
    test_labels: object,
    test_scores: object,
) -> tuple[str, str]:
    """Judge a threshold that was chosen by costs, and its cost elsewhere.

    Args:
        threshold: The learner's; scores from it on count as defective.
        cost: The learner's cost of the mistakes on the test cells.
        train_labels: Classes of the cells to choose on, 0 or 1.
        train_scores: Their scores.
        test_labels: Classes of the test cells.
        test_scores: Their scores.
    """
    chosen, given = as_number(threshold), as_number(cost)
    if chosen is None:
        return "failed", say_no_number(threshold, "`my_threshold`")
    if given is None:
        return "failed", say_no_number(cost, "`my_cost`")
    train = np.asarray(train_labels), np.asarray(train_scores)
    test = np.asarray(test_labels), np.asarray(test_scores)
    if not _is_cheap(chosen, *train):
        return "failed", _why_dear(chosen, train, test)
    allowed = {_cost(chosen, *test), _cost(np.nextafter(chosen, 2), *test)}
    if given in allowed:
        at_half = _cost(0.5, *test)
        return "passed", (
            f"At {chosen:.3f} the mistakes on the test cells cost {given:g}; "
            f"at one half they would have cost {at_half:g}."
        )
    if given in {_cost(chosen, *train), _best(*train)[1]}:
        why = "That is the cost on the training cells: take the test cells."
    elif given == _best(*test)[1]:
        why = (
            "That is the least cost that any threshold has on the test cells: "
            "yours was chosen before, so use it as it is."
        )
    elif any(abs(given - one / len(test[0])) < 1e-3 for one in allowed):
        why = "That is the cost a cell: add up, do not average."
    else:
        why = f"The cost on the test cells is not {given:g}."
    return "partial", f"The threshold is right. {why}"


def _why_dear(chosen, train, test):
    if not 0 <= chosen <= 1:
        return f"A threshold for probabilities is from 0 to 1, not {chosen:g}."
    cost, least = _cost(chosen, *train), _best(*train)[1]
    told = f"At {chosen:.3f} the training cells cost {cost:g}, not {least:g}"
    if chosen == 0.5:
        return f"{told}: one half is right only where both mistakes cost alike."
    if _is_cheap(chosen, *train, IN_VAIN, MISSED):
        return f"{told}: the costs are swapped; a missed defect costs {MISSED}."
    if _is_cheap(chosen, *train, 1, 1):
        return f"{told}: that counts mistakes; a missed defect costs {MISSED}."
    if _is_cheap(chosen, *test):
        return f"{told}: it was chosen on the test cells; use `train_scores`."
    return f"{told}: try each score as a threshold, and add up the costs."


def _cost(threshold, labels, scores, missed=MISSED, in_vain=IN_VAIN):
    called = scores >= threshold
    return float(
        missed * np.sum(~called & (labels == 1))
        + in_vain * np.sum(called & (labels == 0))
    )


def _best(labels, scores, *costs):
    """Returns the threshold that costs least, and its cost."""
    thresholds = np.append(np.unique(scores), 2.0)
    found = [_cost(one, labels, scores, *costs) for one in thresholds]
    return thresholds[np.argmin(found)], min(found)


def _is_cheap(threshold, labels, scores, *costs):
    # Who calls cells above the threshold, not at it, means the next number.
    cost = min(
        _cost(one, labels, scores, *costs)
        for one in (threshold, np.nextafter(threshold, 2))
    )
    return cost <= (1 + _NEAR) * _best(labels, scores, *costs)[1]


def judge_other_head(
    head: object, features: object, table: object
) -> tuple[str, str]:
    """Judge a head for the type of the cells, or how probable a defect is.

    Args:
        head: The learner's: whatever has a `predict`.
        features: The features of all cells, (cells, channels).
        table: A row a cell, with `split`, `type`, `probability` and `label`.
    """
    if not callable(getattr(head, "predict", None)):
        return "failed", (
            f"Pass the trained head, which has a `predict`, not {brief(head)}."
        )
    own = (table["split"] == "test").to_numpy()
    with contextlib.redirect_stdout(io.StringIO()):  # Keras draws a bar
        answer = np.asarray(head.predict(np.asarray(features)[own]))
    return judge_classes(answer, table[own])


def judge_classes(answer: np.ndarray, cells: object) -> tuple[str, str]:
    """Judge what a head has predicted of test cells.

    Args:
        answer: The predictions, in whatever form a `predict` has.
        cells: A row a cell, with `type`, `probability` and `label`.
    """
    found = _classes(answer, len(cells))
    if isinstance(found, str):
        return "failed", found
    question, classes = found
    names = QUESTIONS[question]
    truth = np.array([names.index(one) for one in cells[question]])
    recalls = [np.mean(classes[truth == n] == n) for n in np.unique(truth)]
    mean, chance = float(np.mean(recalls)), 1 / len(names)
    if len(set(classes)) == 1:
        return "failed", (
            f"It calls every cell {names[classes[0]]!r}, the commonest one "
            "perhaps: weigh the classes, or train for longer."
        )
    if question == "type":
        mean = max(mean, 1 - mean)  # whichever is called 0
        defective = (cells["label"] == "defective").to_numpy()
        if mean < LEAST[question] < np.mean(classes == defective):
            return "failed", (
                "It tells sound cells from defective ones, as the lesson's "
                "does: train it on another column of `table`."
            )
    told = f"Mean share found over {len(names)} classes: {mean:.2f}"
    if question == "probability" and mean > TOO_GOOD:
        return "failed", (
            f"{told}. That is too good for new modules: it seems to have been "
            "trained on test cells. Fit on the rows of `train` only."
        )
    if mean < LEAST[question]:
        return "failed", (
            f"{told}, and guessing has {chance:.2f}. Are the labels in the "
            "order of the features, and the classes in theirs? Weigh the rare "
            "ones."
        )
    missing = [name for n, name in enumerate(names) if n not in classes]
    if missing:
        return "partial", (
            f"{told}. But it never says {', '.join(missing)}: weigh the "
            "classes."
        )
    return "passed", f"{told} on modules that it has not seen."


def _classes(answer, count):
    """Returns the question and the classes; a sentence if it has no answer."""
    if not answer.ndim or len(answer) != count:
        return (
            f"`predict` gives shape {answer.shape} for {count} cells: one "
            "class each, or one row of probabilities each."
        )
    if answer.ndim == 2 and answer.shape[1] == 1:
        answer = answer[:, 0]
        if as_numbers(answer).size and answer.dtype.kind == "f":
            answer = (answer >= 0.5).astype(int)
    if answer.ndim == 2:
        for question, names in QUESTIONS.items():
            if answer.shape[1] == len(names):
                return question, answer.argmax(axis=1)
        return (
            f"It has {answer.shape[1]} outputs: 2 are for the type, 4 for the "
            "probability of a defect."
        )
    if answer.ndim != 1:
        return f"`predict` gives shape {answer.shape}: give one class a cell."
    if answer.dtype.kind in "OUS":
        given = {str(one) for one in answer}
        for question, names in QUESTIONS.items():
            if given <= set(names):
                return question, np.array([names.index(str(n)) for n in answer])
        if given <= {"sound", "defective"}:
            return (
                "It tells sound cells from defective ones, as the lesson's "
                "does: train it on another column of `table`."
            )
        return f"Which classes are {', '.join(sorted(given)[:4])}?"
    numbers = as_numbers(answer)
    if not numbers.size or (numbers % 1).any() or not 0 <= numbers.min():
        return "`predict` gives numbers that are no classes, such as 0 and 1."
    if numbers.max() > 3:
        return f"There is no class {numbers.max():g}: there are four, 0 to 3."
    question = "type" if numbers.max() <= 1 else "probability"
    return question, numbers.astype(int)


JUDGES = {"fe-07": judge_threshold, "fe-09": judge_other_head}
