"""Checks of lesson 03, Fine-tuning."""

import numpy as np

from course_utils.answers.checks import head_checks, weight_evidence
from course_utils.answers.checks.training_evidence import Evidence
from course_utils.answers.learner_values import (
    as_number,
    say_no_number,
)

BACKBONE = "residual"
CLASSES = 6
STAGE = "stage4"
# Of one step, by part.
RATES = {"head": 1e-3, STAGE: 1e-4, "earlier": 1e-5}


def judge_repair(evidence: object, model: object, base: object) -> tuple:
    """Judge whether a stale model was repaired, by what its training moved.

    Args:
        evidence: From ``course.watch`` around the learner's ``fit``.
        model: The model that was to be repaired.
        base: The base inside it, unfrozen after a ``fit``.
    """
    if not isinstance(evidence, Evidence):
        return "failed", (
            "The answer should be evidence: train inside `with "
            "course.watch(their_model) as my_evidence:`."
        )
    if evidence.model is not model:
        return "failed", (
            "The evidence is about another model: repair this one, it has "
            "learned something already."
        )
    if not evidence.finished:
        return "failed", "The `with` block is not over: check below it."
    if evidence.stopped_by:
        return "failed", (
            f"Your training ended with {evidence.stopped_by}. An optimizer "
            "that has worked before knows the weights of then only: compile "
            "with a new one."
        )
    if problem := weight_evidence.learning_problem(evidence):
        return "failed", problem
    trained = [
        c
        for c in weight_evidence.moved(evidence, base)
        if c.path.endswith("kernel")
    ]
    if stale := weight_evidence.stale_compile(evidence):
        return "failed", stale
    if not trained:
        return "failed", (
            "No kernel of the base has moved: leave its flag at True, and "
            "compile again."
        )
    count = len(weight_evidence.moved(evidence, base))
    return (
        "passed",
        "The base learns: the training step knows the new flags.",
        [f"{count} arrays of the base moved"],
    )


def judge_steps(evidence: object, model: object, base: object) -> tuple:
    """Judge three learning rates by how far one step of Adam went.

    In its first step Adam moves each weight by about its rate.

    Args:
        evidence: From ``course.watch`` around the learner's one step.
        model: The model that was to be trained.
        base: The backbone inside it.
    """
    if problem := _no_evidence(evidence, "my_steps"):
        return "failed", problem
    if evidence.model is not model:
        return "failed", "The evidence is about another model: train this one."
    if problem := weight_evidence.learning_problem(evidence):
        return "failed", problem
    inside = {id(weight) for weight in base.weights}
    steps = {"head": {}, STAGE: {}, "earlier": {}}
    for change in weight_evidence.moved(evidence):
        layer = weight_evidence.tail(change.path)
        part = STAGE if layer.startswith(STAGE) else "earlier"
        part = part if change.identity in inside else "head"
        steps[part][change.path] = change.largest
    told = []
    for part, rate in RATES.items():
        name = "the earlier layers" if part == "earlier" else part
        if not steps[part]:
            return "failed", f"Nothing of {name} has moved: it trains, too."
        far = {p: one for p, one in steps[part].items() if one > 1.05 * rate}
        if far:
            path, one = next(iter(far.items()))
            return "failed", (
                f"{path}, of {name}, has moved by {one:.1e}, and one step of "
                f"Adam at {rate:g} moves it by about that: let each weight be "
                "in one part alone, and make one step, with optimizers that "
                "have made none before."
            )
        went = float(np.median(list(steps[part].values())))
        if went <= rate / 1.3:
            return "failed", (
                f"Weights of {name} have moved by {went:.1e}; one step of Adam "
                f"at {rate:g} moves them by about that. Make one step, with "
                "optimizers that have made none before."
            )
        told.append(f"{name}: {went:.1e}")
    still = [
        change.path
        for change in evidence.changes
        if change.flagged_trainable
        and not change.moved
        and len(change.shape) > 1
    ]
    if still:
        return "failed", (
            f"{len(still)} kernels that train have not moved ({still[0]} among "
            "them): each belongs to a part."
        )
    return "passed", "Each part went as far as its rate says.", told


def judge_choice(
    rate: object, gains: object, rows: object, least: float
) -> tuple[str, str]:
    """Judge a rate that was chosen among those that keep the old task.

    Args:
        rate: The learner's rate.
        gains: The learner's gains in AUC over the frozen network, a number a
            seed.
        rows: The committed rows.
        least: The agreement that is asked for.
    """
    number = as_number(rate)
    if number is None:
        return "failed", say_no_number(rate, meaning="a learning rate")
    tuned = rows[rows["method"] == "fine-tuned"]
    means = tuned.groupby("rate")[["agreement", "validation_auc", "auc"]].mean()
    allowed = means[means["agreement"] >= least]
    right = allowed["validation_auc"].idxmax()
    if not np.isclose(number, right, rtol=1e-3):
        near = means.index[np.isclose(means.index, number, rtol=1e-3)]
        if not len(near):
            return "failed", f"{number:g} is none of the rates in the rows."
        if near[0] not in allowed.index:
            return "failed", (
                f"At {number:g} the old head agrees with itself on "
                f"{means['agreement'][near[0]]:.0%} only: keep to the limit."
            )
        if near[0] == allowed["auc"].idxmax():
            return "failed", (
                "Of the rates that keep to the limit, that is the best on the "
                "*test* modules, which must not choose: go by `validation_auc`."
            )
        return "failed", (
            f"{number:g} keeps the old task; another rate that does has a "
            "higher mean `validation_auc`."
        )
    chosen = tuned[tuned["rate"] == right].set_index("seed")["auc"]
    frozen = rows[rows["method"] == "frozen"].set_index("seed")["auc"]
    wanted = np.sort(chosen - frozen)
    try:
        given = np.sort(np.asarray(gains, float).ravel())
    except (TypeError, ValueError):
        given = np.empty(0)
    if given.shape != wanted.shape:
        return "failed", (
            f"The rate is right; `my_gains` should be {len(wanted)} numbers, "
            "one per seed."
        )
    if np.allclose(given, -wanted[::-1], atol=5e-4):
        return "failed", "The sign is reversed: fine-tuned minus frozen."
    if not np.allclose(given, wanted, atol=5e-4):
        return "failed", (
            "The rate is right, the gains are not: of each seed the `auc` of "
            "that rate, minus the `auc` of the frozen network of the same seed."
        )
    return "passed", (
        f"The rules choose {right:g}. On the test modules it gained in "
        f"{np.sum(wanted > 0)} of {len(wanted)} draws."
    )


def judge_recipe(head: object, tuning: object) -> tuple:
    """Judge a fine-tuning in two phases by what each of them moved.

    Args:
        head: From ``course.watch`` around the first phase.
        tuning: From ``course.watch`` around the second.
    """
    for evidence, name in (
        (head, "my_head_evidence"),
        (tuning, "my_tuning_evidence"),
    ):
        if problem := _no_evidence(evidence, name):
            return "failed", problem
        if problem := weight_evidence.learning_problem(evidence):
            return "failed", f"{name}: {problem}"
    if head.model is not tuning.model:
        return "failed", "The two phases trained two models: go on with one."
    names = weight_evidence.pretrained_names(BACKBONE)
    inside = {weight_evidence.tail(change.path) for change in head.changes}
    if not inside.issuperset(names):
        return "failed", f"The backbone {BACKBONE!r} is not in this model."
    in_head = {weight_evidence.tail(c.path) for c in head.changes if c.moved}
    moved = {weight_evidence.tail(c.path) for c in tuning.changes if c.moved}
    if early := in_head & set(names):
        return "failed", (
            f"{len(early)} arrays of the backbone have moved in the first "
            f"phase ({min(early)} among them): freeze all of it, then compile."
        )
    if not in_head:
        return "failed", "The head has not learned in the first phase."
    if weight_evidence.began_elsewhere(tuning, BACKBONE):
        return "failed", (
            "The backbone was not as pretrained when the second phase began: "
            "begin with a fresh one, and train it once."
        )
    if stale := weight_evidence.stale_compile(tuning):
        return "failed", stale
    if norms := {name for name in moved & set(names) if "_bn" in name}:
        return "failed", (
            f"{len(norms)} arrays of batch normalization have moved "
            f"({min(norms)} among them): set the flag of each of these layers "
            "to False."
        )
    wanted = {n for n in names if n.endswith("/kernel") and "_bn" not in n}
    if wanted - moved:
        return "failed", (
            f"{len(wanted - moved)} of the backbone's {len(wanted)} kernels "
            f"have not moved ({min(wanted - moved)} among them): unfreeze "
            "them, and compile with a new optimizer."
        )
    if not moved - set(names):
        return "failed", "The head has not moved in the second phase."
    rates = head.after.learning_rate, tuning.after.learning_rate
    # A loop of one's own, or several rates, cannot be read from the outside.
    if rates[1] > rates[0] / 10 * 1.001:
        return "failed", (
            f"The second phase had a rate of {rates[1]:g}, the first one of "
            f"{rates[0]:g}: take a tenth of it or less."
        )
    given = tuning.model, tuning, BACKBONE
    problem = head_checks.find_problem(*given, CLASSES)
    if problem := problem or head_checks.find_head_problem(*given):
        return "failed", problem
    return (
        "passed",
        "First the head, then the backbone with it, gently: the recipe.",
        [
            f"phase 1: {len(in_head)} arrays of the head moved, none else",
            f"phase 2: {len(wanted)} kernels of the backbone moved, nothing "
            "of batch normalization",
        ],
    )


def _no_evidence(evidence: object, name: str) -> str:
    if not isinstance(evidence, Evidence):
        return (
            f"{name} should be evidence: train inside `with course.watch(...) "
            f"as {name}:`."
        )
    if not evidence.finished:
        return "The `with` block is not over: check below it."
    if evidence.stopped_by:
        return (
            f"The block of {name} ended with {evidence.stopped_by}: train "
            "again until it runs through."
        )
    return ""


JUDGES = {
    "ft-01": judge_repair,
    "ft-06": judge_steps,
    "ft-07": judge_choice,
    "ft-08": judge_recipe,
}
