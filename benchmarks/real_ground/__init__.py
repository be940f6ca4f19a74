"""Experiments on ImageNet's network and photographs of solar cells.

    python -m benchmarks.real_ground NAME [NAME ...] [--seeds 0 1 ...]

makes every run of an experiment that `data/experiments/real_NAME.csv` does not
hold yet, and adds it there at once. Each experiment is a module here that was
written before its first run: what is claimed, how it is tried, and what counts
as an answer. `python -m benchmarks.real_ground.report` judges the claims.
"""

import importlib

NAMES = ("learning_rate", "label_curve", "depth", "shift", "protocol")


def experiment(name):
    """Returns the definition of an experiment, one of `NAMES`."""
    return importlib.import_module(f"{__name__}.{name}").EXPERIMENT
