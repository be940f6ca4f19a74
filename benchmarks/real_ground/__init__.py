"""Experiments on ImageNet's network and photographs of solar cells.

    python -m benchmarks.real_ground [NAME ...] [--seeds 0 1 ...] [--quick]

makes every run of these experiments, or of all, that
`data/experiments/real_NAME.csv` does not hold yet, and adds it there at once.
`--quick` only shows that they run; `--second` makes as many other seeds, kept
apart. Each experiment is a module here that was written before its first run:
what is claimed, how it is tried, and what counts as an answer.
`python -m benchmarks.real_ground.report` judges the claims.
"""

import importlib

NAMES = (
    "learning_rate",
    "label_curve",
    "depth",
    "shift",
    "protocol",
    "frameworks",
    "beyond",
    "sources",
    "tent",
    "phase_one",
)


def experiment(name):
    """Returns the definition of an experiment, one of `NAMES`."""
    return importlib.import_module(f"{__name__}.{name}").EXPERIMENT
