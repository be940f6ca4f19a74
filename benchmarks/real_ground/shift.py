"""Trained on one type of solar cells, tested on the other: what repairs it.

A head (logistic regression) on the averaged features of the frozen network,
upright cells only. The source are all cells of one type from its training
modules; tested is on the other type's test modules. The strength of the head
is chosen on the source's validation modules, for target labels as well, since
thirty of them have none to spare. Repairs:

* none: both types standardised as the source is;
* own statistics: each type standardised by itself, without labels;
* AdaBN: batch normalization has each type's statistics, without labels; then
  standardised as the source is;
* CORAL: own statistics, then the source's covariance made the target's, each
  with 1 added to its diagonal as its authors do, without labels;
* target labels: own statistics, the head trained on so many labelled cells of
  the target's training modules, alone or with the source, where both parts
  weigh the same;
* in type: as much labelled data of the target as there is.
"""

import functools

import numpy as np
from scipy import linalg
from sklearn.linear_model import LogisticRegression

from benchmarks.real_ground import cells, methods, runs, training
from benchmarks.real_ground.differences import less
from benchmarks.real_ground.runner import Claim, Experiment

KEYS = ("stage", "source", "repair", "seed")
OTHER = {"mono": "poly", "poly": "mono"}
# What other experiments of this kind choose their settings on.
DEVELOPMENT = dict(zip(runs.DEVELOPMENT_SEEDS, OTHER, strict=True))
FREE = ("own statistics", "AdaBN", "CORAL")
ALONE = {"30 labels": 30, "100 labels": 100, "in type": None}
WITH_SOURCE = {"30 labels and source": 30, "100 labels and source": 100}


def plan(rows, seeds):
    """Lists the runs."""
    for seed in seeds:
        for source in OTHER:
            for repair in ("none", *FREE, *WITH_SOURCE, *ALONE):
                values = "report", source, repair, seed
                yield dict(zip(KEYS, values, strict=True))


def run(stage, source, repair, seed):
    """Makes one run."""
    y = cells.labels()
    adabn = repair == "AdaBN"
    strength = best_strength(source, adabn, seed)
    source, target = parts_of(source, seed), parts_of(OTHER[source], seed)
    features = _features(adabn)
    from_source = standardised(features, source["train"])
    to_target = from_source
    if repair != "none" and not adabn:
        to_target = standardised(features, target["train"])
    train, weights = source["train"], None
    known = from_source[train]
    if repair == "CORAL":
        known = _coral(known, to_target[target["train"]])
    elif repair in ALONE:
        train = target["train"][: ALONE[repair]]
        known = to_target[train]
    elif repair in WITH_SOURCE:
        few = target["train"][: WITH_SOURCE[repair]]
        weights = np.repeat(
            [1.0, len(train) / len(few)], [len(train), len(few)]
        )
        weights /= weights.mean()
        train = np.concatenate([train, few])
        known = np.concatenate([known, to_target[few]])
    model = LogisticRegression(C=strength, max_iter=2000)
    model.fit(known, y[train], weights)
    found = model.decision_function(to_target[target["test"]])
    return {
        **training.judged(found, y[target["test"]]),
        "strength": strength,
        "train": len(train),
        "test": len(target["test"]),
    }


def _features(adabn):
    if adabn:
        return cells.adabn_features()
    return np.asarray(cells.inputs("pooled", np.arange(len(cells.labels()))))


def parts_of(kind, seed):
    """Returns the cells of a type in each part."""
    kinds = cells.table()["type"].to_numpy()
    return {
        part: numbers[kinds[numbers] == kind]
        for part, numbers in cells.pool(seed).items()
    }


def standardised(features, by):
    """Returns features standardised by some of them."""
    mean, spread = features[by].mean(axis=0), features[by].std(axis=0) + 1e-3
    return (features - mean) / spread


@functools.cache
def best_strength(kind, adabn, seed):
    """Chooses the head's strength on the source's validation modules."""
    parts, y = parts_of(kind, seed), cells.labels()
    features = standardised(_features(adabn), parts["train"])

    def auc(strength):
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit(features[parts["train"]], y[parts["train"]])
        found = model.decision_function(features[parts["validation"]])
        return training.judged(found, y[parts["validation"]])["auc"]

    return max(methods.STRENGTHS, key=auc)


def _coral(source, target):
    """Gives source features the covariance of the target's."""

    def power(features, exponent):
        covariance = np.cov(features, rowvar=False) + np.eye(features.shape[1])
        values, vectors = linalg.eigh(covariance)
        return vectors * values**exponent @ vectors.T

    return source @ power(source, -0.5) @ power(target, 0.5)


def each_way(pairs, column="auc"):
    """Returns a comparison a direction and a pair: better, worse."""
    return {
        f"{source} to {OTHER[source]}, {better} less {worse}": less(
            column, {"repair": better}, {"repair": worse}, source=source
        )
        for source in OTHER
        for better, worse in pairs
    }


FREE_AND_NONE = [(repair, "none") for repair in FREE]

EXPERIMENT = Experiment(
    name="shift",
    keys=KEYS,
    plan=plan,
    run=run,
    results=("auc", "accuracy", "strength", "train", "test"),
    seeds=tuple(range(10)),
    claims=(
        Claim(
            id="shift-hurts",
            sentence="A model that was trained on one type of cells fails on "
            "another.",
            source="course",
            metric="AUC, trained in type less trained on the other type",
            margin=0.05,
            comparisons=each_way([("in type", "none")]),
        ),
        Claim(
            id="free-repair-restores-threshold",
            sentence="Repairs without target labels restore the threshold.",
            source="course",
            metric="accuracy, repaired less not",
            margin=0.05,
            comparisons=each_way(FREE_AND_NONE, "accuracy"),
        ),
        Claim(
            id="free-repair-restores-ranking",
            sentence="Repairs without target labels restore the ranking.",
            source="course",
            metric="AUC, repaired less not",
            margin=0.05,
            comparisons=each_way(FREE_AND_NONE),
        ),
        Claim(
            id="thirty-labels-beat-repairs",
            sentence="Thirty target labels beat all repairs without labels.",
            source="course",
            metric="AUC, 30 target labels alone less repaired",
            margin=0.01,
            comparisons=each_way([("30 labels", repair) for repair in FREE]),
        ),
        Claim(
            id="source-helps-beside-labels",
            sentence="Beside target labels, the source's cells still help.",
            source="course",
            metric="AUC, with the source less without",
            margin=0.01,
            comparisons=each_way(
                [
                    ("30 labels and source", "30 labels"),
                    ("100 labels and source", "100 labels"),
                ]
            ),
        ),
    ),
)
