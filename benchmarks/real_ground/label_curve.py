"""Frozen, fine-tuned and from scratch, with few labels and with many.

Chosen on the development seeds, by the AUC on their validation modules: the
rate of fine-tuning, at 400 labels, from three; the rate from scratch, at 400
labels, from three. Both are then used for all numbers of labels. All methods
see the validation modules' labels (160 cells), which is a luxury at 30 labels,
and the same for all. That scratch has learned shows its training accuracy.
"""

from benchmarks.real_ground import methods, runs
from benchmarks.real_ground.differences import less
from benchmarks.real_ground.runner import Claim, Experiment

LABELS = (30, 100, 400, 1200)


def plan(rows, seeds):
    """Lists the runs, those that settings are chosen on first."""
    for seed in runs.DEVELOPMENT_SEEDS:
        for rate in runs.RATES:
            yield runs.fine_tuned(400, seed, rate, stage=runs.DEVELOPMENT)
        for rate in runs.SCRATCH_RATES:
            yield runs.scratch(400, seed, rate, stage=runs.DEVELOPMENT)
    tuned = runs.best_rate(rows, method="fine-tuned", labels=400)
    scratch = runs.best_rate(rows, method="scratch", labels=400)
    for labels in (400, 100, 30, 1200):
        for seed in seeds:
            yield runs.frozen(labels, seed)
            yield runs.fine_tuned(labels, seed, tuned)
            yield runs.scratch(labels, seed, scratch)


def _gains(better, worse):
    """Returns a comparison a number of labels."""
    return {
        f"{labels} labels": less(
            "auc", {"method": better}, {"method": worse}, labels=labels
        )
        for labels in LABELS
    }


EXPERIMENT = Experiment(
    name="label_curve",
    keys=runs.KEYS,
    plan=plan,
    run=runs.run,
    results=methods.RESULTS,
    claims=(
        Claim(
            id="fine-tuning-gains",
            sentence="Fine-tuning beats the frozen network measurably.",
            source="001",
            metric="AUC, fine-tuned less frozen",
            margin=0.01,
            comparisons=_gains("fine-tuned", "frozen"),
        ),
        Claim(
            id="frozen-beats-scratch",
            sentence="Pretrained features beat training from scratch.",
            source="001, 002",
            metric="AUC, frozen less scratch",
            margin=0.01,
            comparisons=_gains("frozen", "scratch"),
        ),
        Claim(
            id="tuned-beats-scratch",
            sentence="Fine-tuning beats training from scratch.",
            source="001, 002",
            metric="AUC, fine-tuned less scratch",
            margin=0.01,
            comparisons=_gains("fine-tuned", "scratch"),
        ),
    ),
)
