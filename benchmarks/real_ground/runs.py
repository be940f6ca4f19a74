"""What the runs of the first experiments have in common.

Everything that was chosen beforehand, once: an experiment's own choices stand
in its module. A run is told from another by `KEYS`, so that what one
experiment has made, another copies.
"""

import numpy as np

from benchmarks.real_ground import cells, methods

KEYS = ("stage", "method", "labels", "depth", "rate", "epochs", "seed")
REPORT, DEVELOPMENT = "report", "development"
# Settings are chosen by the AUC on the validation modules of these seeds,
# which are never reported.
DEVELOPMENT_SEEDS = (100, 101)
# 72, 78, 100 and 150 steps, whatever the rate: as many as two shared cores can
# make in an evening. (Twice as many were meant, until two runs had shown what
# one takes.) 1,500 labels would leave no modules to validate on.
EPOCHS = {30: 6, 100: 6, 400: 4, 1200: 2}
# Of the smaller network from scratch, which needs more: 180 to 570 steps.
SCRATCH_EPOCHS = {30: 30, 100: 30, 400: 30, 1200: 15}
RATES = (3e-5, 1e-4, 3e-4)  # of fine-tuning, to choose from
SCRATCH_RATES = (3e-4, 1e-3, 3e-3)
BATCH_NORM = "all, batch norm training"


def frozen(labels, seed):
    """Returns the keys of a run of the frozen network."""
    return _keys(REPORT, "frozen", labels, "head", "", "", seed)


def fine_tuned(labels, seed, rate, depth="all", stage=REPORT):
    """Returns the keys of a run of fine-tuning."""
    epochs = EPOCHS[labels]
    return _keys(stage, "fine-tuned", labels, depth, rate, epochs, seed)


def scratch(labels, seed, rate, stage=REPORT):
    """Returns the keys of a run from scratch."""
    epochs = SCRATCH_EPOCHS[labels]
    return _keys(stage, "scratch", labels, "all", rate, epochs, seed)


def _keys(*values):
    return dict(zip(KEYS, values, strict=True))


def run(stage, method, labels, depth, rate, epochs, seed):
    """Makes one run; see `methods`."""
    draw = cells.draw(labels, seed)
    if method == "frozen":
        return methods.frozen(draw)
    if method == "scratch":
        return methods.scratch(draw, seed, rate, epochs)
    batch_norm = depth == BATCH_NORM
    depth = "all" if batch_norm else depth
    return methods.fine_tuned(draw, seed, depth, rate, epochs, batch_norm)


def best_rate(rows, score="validation_auc", **where):
    """Returns the rate of the best mean on the development seeds.

    Args:
        rows: The rows so far.
        score: The column that is averaged, of validation cells.
        **where: What the rows have in other columns.

    Returns:
        The rate; NaN where there are no such rows.
    """
    found, where = {}, {"stage": DEVELOPMENT} | where
    for row in rows:
        if all(row[name] == str(value) for name, value in where.items()):
            found.setdefault(row["rate"], []).append(float(row[score]))
    return float(max(found, key=lambda r: np.mean(found[r]), default="nan"))
