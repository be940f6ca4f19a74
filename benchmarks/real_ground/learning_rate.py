"""Fine-tuning the whole network on 400 cells, over the learning rates.

Nothing is chosen on results: all rates make the same steps on the same cells.
1e-3 is the rate that a new head is usually trained with, and so what the texts
call ten to a hundred times too high. The frozen network is where each run
begins.
"""

from benchmarks.real_ground import methods, runs
from benchmarks.real_ground.differences import less
from benchmarks.real_ground.runner import Claim, Experiment

LABELS = 400
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)


def plan(rows, seeds):
    """Lists the runs."""
    for seed in seeds:
        yield runs.frozen(LABELS, seed)
        for rate in RATES:
            yield runs.fine_tuned(LABELS, seed, rate)


def _lost_after_best_loss(get, rate):
    """Agreement lost after the validation loss was least, less that before."""
    loss = get.curve("validation_loss_curve", rate=rate)
    agreement = [1.0, *get.curve("agreement_curve", rate=rate)]
    least = loss.index(min(loss)) + 1
    before = agreement[0] - agreement[least]
    return (agreement[least] - agreement[-1]) - before


EXPERIMENT = Experiment(
    name="learning_rate",
    keys=runs.KEYS,
    plan=plan,
    run=runs.run,
    results=methods.RESULTS,
    claims=(
        Claim(
            id="lower-rate",
            sentence="Fine-tuning wants a rate 10 to 100 times lower than the "
            "head's.",
            source="000, 001",
            metric="AUC, kept epoch",
            margin=0.01,
            comparisons={
                f"{rate} above 1e-3": less(
                    "auc", {"rate": float(rate)}, {"rate": 1e-3}
                )
                for rate in ("1e-4", "1e-5")
            },
        ),
        Claim(
            id="high-rate-worse-than-frozen",
            sentence="At a high rate, what was pretrained is destroyed: the "
            "result is worse than the frozen network's.",
            source="000, 001, 002",
            metric="AUC, last epoch",
            margin=0.01,
            comparisons={
                "frozen above 1e-3": lambda get: (
                    get("auc", method="frozen") - get("last_auc", rate=1e-3)
                ),
            },
        ),
        Claim(
            id="high-rate-forgets",
            sentence="A higher rate makes the network forget its old task.",
            source="000, 001, 002",
            metric="top-1 agreement with its former self, kept epoch",
            margin=0.1,
            comparisons={
                f"{low} above {high}": less(
                    "agreement", {"rate": float(low)}, {"rate": float(high)}
                )
                for low, high in (("1e-5", "1e-4"), ("1e-4", "1e-3"))
            },
        ),
        Claim(
            id="validation-loss-tells",
            sentence="A rising validation loss is the tell-tale of forgetting.",
            source="000",
            metric="agreement lost after the least validation loss, less that "
            "lost before",
            margin=0.1,
            comparisons={
                f"at {rate:g}": lambda get, rate=rate: _lost_after_best_loss(
                    get, rate
                )
                for rate in (1e-4, 3e-4)
            },
        ),
        Claim(
            id="early-stopping",
            sentence="Early stopping keeps fine-tuning stable.",
            source="000, 002",
            metric="AUC, kept epoch less last epoch",
            margin=0.01,
            comparisons={
                f"at {rate:g}": lambda get, rate=rate: (
                    get("auc", rate=rate) - get("last_auc", rate=rate)
                )
                for rate in (1e-4, 3e-4)
            },
        ),
    ),
)
