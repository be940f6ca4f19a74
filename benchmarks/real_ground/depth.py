"""How much of the network to fine-tune, with 400 labels and with 100.

Lite0 has seven groups of blocks: the head alone, the last one (block 7, with
the convolution on top of it), the last three, all. What lies before is
computed once. Each depth has the rate that was best at 400 labels on the
development seeds, by the AUC on their validation modules, from the same three;
with batch normalization in training mode (at 400 labels only) it is that of
"all".
"""

from benchmarks.real_ground import methods, runs
from benchmarks.real_ground.differences import less
from benchmarks.real_ground.runner import Claim, Experiment

PARTS = ("block 7", "blocks 5 to 7", "all")


def plan(rows, seeds):
    """Lists the runs, those that settings are chosen on first."""
    for seed in runs.DEVELOPMENT_SEEDS:
        for depth in PARTS:
            for rate in runs.RATES:
                yield runs.fine_tuned(400, seed, rate, depth, runs.DEVELOPMENT)
    rates = {
        depth: runs.best_rate(
            rows, method="fine-tuned", labels=400, depth=depth
        )
        for depth in PARTS
    }
    for labels in (400, 100):
        for seed in seeds:
            yield runs.frozen(labels, seed)
            for depth, rate in rates.items():
                yield runs.fine_tuned(labels, seed, rate, depth)
    for seed in seeds:
        yield runs.fine_tuned(400, seed, rates["all"], runs.BATCH_NORM)


def _less(better, worse, counts=(100, 400)):
    """Returns a comparison a number of labels."""
    return {
        f"{labels} labels": less(
            "auc", {"depth": better}, {"depth": worse}, labels=labels
        )
        for labels in counts
    }


def _gap(get, **where):
    return get("train_accuracy", **where) - get("accuracy", **where)


EXPERIMENT = Experiment(
    name="depth",
    keys=runs.KEYS,
    plan=plan,
    run=runs.run,
    results=methods.RESULTS,
    claims=(
        Claim(
            id="all-layers-risky",
            sentence="Unfreezing all layers is risky with limited data.",
            source="002",
            metric="AUC, block 7 less all",
            margin=0.01,
            comparisons=_less("block 7", "all"),
        ),
        Claim(
            id="last-layers-gain",
            sentence="Unfreezing the last layers beats the head alone.",
            source="000, 002",
            metric="AUC, blocks 5 to 7 less frozen",
            margin=0.01,
            comparisons=_less("blocks 5 to 7", "head"),
        ),
        Claim(
            id="fewer-layers-overfit-less",
            sentence="Unfreezing the last layers only overfits less.",
            source="000, 002",
            metric="training less test accuracy, all less block 7",
            margin=0.02,
            comparisons={
                f"{labels} labels": lambda get, labels=labels: (
                    _gap(get, depth="all", labels=labels)
                    - _gap(get, depth="block 7", labels=labels)
                )
                for labels in (100, 400)
            },
        ),
        Claim(
            id="batch-norm-in-inference",
            sentence="Batch normalization should stay in inference mode.",
            source="000",
            metric="AUC, kept less in training mode",
            margin=0.01,
            comparisons=_less("all", runs.BATCH_NORM, (400,)),
        ),
    ),
)
