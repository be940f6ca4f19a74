"""A published split questioned: cells dealt out at random, or whole modules.

Deitsch et al. (2019) deal out the cells at random, three quarters to train.
Neighbours from one module are then on both sides. Here 1,800 cells train the
head on the frozen network either way, and about as many test it. A fifth of
what is trained on chooses the head's strength first. Deitsch et al. report
accuracies of 82.44 % (an SVM) and 88.42 % (a fine-tuned VGG-19) by cells.

How much a module shows: a linear model is asked which module a *sound* cell is
from, trained and tested on other sound cells of the same modules. Modules are
inferred from the order of the files.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from benchmarks.real_ground import cells, methods, training
from benchmarks.real_ground.differences import less
from benchmarks.real_ground.runner import Claim, Experiment

KEYS = ("stage", "split", "seed")
BY_CELL, BY_MODULE = "by cell", "by module"
TRAIN = 1800


def plan(rows, seeds):
    """Lists the runs."""
    for seed in seeds:
        yield dict(zip(KEYS, ("report", BY_CELL, seed), strict=True))
        yield dict(zip(KEYS, ("report", BY_MODULE, seed), strict=True))


def run(stage, split, seed):
    """Makes one run."""
    y = cells.labels()
    features = np.asarray(cells.inputs("pooled", np.arange(len(y))))
    pool = cells.pool(seed)
    if split == BY_CELL:
        table = cells.table()
        train, test = train_test_split(
            table.index,
            test_size=0.25,
            stratify=table["type"] + table["label"],
            random_state=seed,
        )
        fifth = len(train) // 5
        pool = {
            "train": train[fifth:],
            "validation": train[:fifth],
            "test": test,
        }
    train, validation = pool["train"], pool["validation"]
    together = np.concatenate([validation, train])[:TRAIN]
    train = np.setdiff1d(together, validation)

    def head(numbers, strength):
        x = features[numbers]
        mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-3
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit((x - mean) / spread, y[numbers])
        return lambda some: model.decision_function(
            (features[some] - mean) / spread
        )

    def auc(strength):
        found = head(train, strength)(validation)
        return training.judged(found, y[validation])["auc"]

    strength = max(methods.STRENGTHS, key=auc)
    found = head(together, strength)(pool["test"])
    return {
        **training.judged(found, y[pool["test"]]),
        "strength": strength,
        "train": len(together),
        "test": len(pool["test"]),
        "module_told": (
            _module_told(features, seed) if split == BY_MODULE else ""
        ),
    }


def _module_told(features, seed):
    """Returns how many sound cells are put into their module."""
    found = cells.table()
    sound = found[(found["y"] == 0) & ~found["near_a_cut"]]
    numbers = np.random.default_rng(seed).permutation(sound.index)
    modules = found["inferred_module"].to_numpy()
    train, test = numbers[len(numbers) // 4 :], numbers[: len(numbers) // 4]
    mean, spread = features[train].mean(axis=0), features[train].std(axis=0)
    x = (features - mean) / (spread + 1e-3)
    model = LogisticRegression(C=1e-3, max_iter=500)
    model.fit(x[train], modules[train])
    return float(np.mean(model.predict(x[test]) == modules[test]))


def _flattered(column):
    return less(column, {"split": BY_CELL}, {"split": BY_MODULE})


EXPERIMENT = Experiment(
    name="protocol",
    keys=KEYS,
    plan=plan,
    run=run,
    results=("auc", "accuracy", "strength", "train", "test", "module_told"),
    seeds=tuple(range(10)),
    claims=(
        Claim(
            id="split-by-cell-flatters",
            sentence="A split by cells, with modules on both sides, flatters.",
            source="course",
            metric="by cell less by module",
            margin=0.02,
            comparisons={
                "AUC": _flattered("auc"),
                "accuracy": _flattered("accuracy"),
            },
        ),
        Claim(
            id="modules-show",
            sentence="Frozen features tell which module a sound cell is from.",
            source="course",
            metric="share put into its module, less chance (1 in 44)",
            margin=0.1,
            comparisons={
                "sound cells": lambda get: (
                    get("module_told", split=BY_MODULE) - 1 / 44
                ),
            },
        ),
    ),
)
