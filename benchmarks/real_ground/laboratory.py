"""The same claims in the laboratory: drawn pictures, a small network.

Claims are judged by the rule and the margin of real ground, from the rows that
`benchmarks.transfer_report` and `benchmarks.fine_tuning` have made. A claim
that is missing here was not tried there in the same way.
"""

import dataclasses

from benchmarks.real_ground import differences, runner
from benchmarks.real_ground.differences import less

SEEDS = {"transfer": range(100, 105), "fine_tuning": range(100, 103)}
COMMANDS = {
    "transfer": "python -m benchmarks.transfer_report",
    "fine_tuning": "python -m benchmarks.fine_tuning",
}
TARGETS = ("near", "defects", "histology")


def _methods(better, worse):
    return "transfer", {
        f"{target}, {labels} labels": less(
            "value",
            {"method": better},
            {"method": worse},
            backbone="residual",
            target=target,
            labels=labels,
        )
        for target in TARGETS
        for labels in (30, 100, 400)
    }


def _rates(column, pairs):
    return "fine_tuning", {
        f"{target}, {better:g} above {worse:g}": less(
            column,
            {"learning_rate": better},
            {"learning_rate": worse},
            experiment="learning_rate",
            target=target,
        )
        for target in ("near", "defects")
        for better, worse in pairs
    }


def _depths(better, worse):
    return "fine_tuning", {
        f"near, {labels} labels": less(
            "value",
            {"variant": better},
            {"variant": worse},
            experiment="depth",
            labels=labels,
        )
        for labels in (40, 100)
    }


def _phases(column, *chosen):
    return "fine_tuning", {
        f"{target}, {optimizer}": less(
            column,
            {"variant": "head first"},
            {"variant": "random head"},
            experiment="phase1",
            target=target,
            optimizer=optimizer,
        )
        for target in chosen
        for optimizer in ("Adam", "SGD")
    }


def _gap(labels):
    """Training less test accuracy: all layers, less the last stage."""

    def gap(get, variant):
        where = {"experiment": "depth", "labels": labels, "variant": variant}
        return get("train_accuracy", **where) - get("value", **where)

    return lambda get: gap(get, "all") - gap(get, "last stage")


# By the id of a claim: whose rows, and what is compared.
COMPARISONS = {
    "lower-rate": _rates("value", [(1e-4, 1e-3), (1e-5, 1e-3)]),
    "high-rate-forgets": _rates(
        "source_accuracy", [(1e-5, 1e-4), (1e-4, 1e-3)]
    ),
    "early-stopping": (
        "fine_tuning",
        {
            "near": less(
                "value",
                {"variant": "early stopping"},
                {"variant": "plain"},
                experiment="regularization",
            )
        },
    ),
    "fine-tuning-gains": _methods("fine-tuned", "frozen"),
    "frozen-beats-scratch": _methods("frozen", "scratch"),
    "tuned-beats-scratch": _methods("fine-tuned", "scratch"),
    "all-layers-risky": _depths("last stage", "all"),
    "last-layers-gain": _depths("last two stages", "head only"),
    "fewer-layers-overfit-less": (
        "fine_tuning",
        {f"near, {labels} labels": _gap(labels) for labels in (40, 100)},
    ),
    "skipping-phase-one-costs": _phases("value", "near", "histology"),
    "skipping-phase-one-costs-elsewhere": _phases("ood_value", "histology"),
    "skipping-phase-one-forgets": _phases(
        "source_accuracy", "near", "histology"
    ),
}


def find(claim):
    """Returns the differences of a claim in the laboratory.

    Args:
        claim: A `runner.Claim`.

    Returns:
        The command that made the rows, and a dict from what is compared to a
        list of differences, one a seed; both empty where it was not tried.
    """
    if claim.id not in COMPARISONS:
        return "", {}
    name, comparisons = COMPARISONS[claim.id]
    rows = [
        {"stage": "report", **row}
        for row in runner.read(runner.FOLDER / f"{name}.csv")
    ]
    there = dataclasses.replace(claim, comparisons=comparisons)
    return COMMANDS[name], differences.find(there, rows, SEEDS[name])
