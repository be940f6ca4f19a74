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

from benchmarks.real_ground import cells, methods
from benchmarks.real_ground.runner import Claim, Experiment

KEYS = ("stage", "source", "repair", "target_labels", "seed")
OTHER = {"mono": "poly", "poly": "mono"}
FREE = ("own statistics", "AdaBN", "CORAL")
FEW = (30, 100)


def plan(rows, seeds):
    """Lists the runs."""
    for seed in seeds:
        for source in OTHER:
            for repair in ("none", *FREE, "in type"):
                yield _keys(source, repair, "", seed)
            for labels in FEW:
                for repair in ("target labels", "source and target labels"):
                    yield _keys(source, repair, labels, seed)


def _keys(*values):
    return dict(zip(KEYS, ("report", *values), strict=True))


def run(stage, source, repair, target_labels, seed):
    """Makes one run."""
    kinds = cells.table()["type"].to_numpy()
    modules = cells.pool(seed)
    y = cells.labels()
    own = {
        kind: {
            part: numbers[kinds[numbers] == kind]
            for part, numbers in modules.items()
        }
        for kind in OTHER
    }
    source, target = own[source], own[OTHER[source]]
    features = np.asarray(cells.inputs("pooled", np.arange(len(y))))
    if repair == "AdaBN":
        features = cells.adabn_features()
    from_source = _standardise(features, source["train"])
    to_target = from_source
    if repair not in ("none", "AdaBN"):
        to_target = _standardise(features, target["train"])
    strength = _strength(from_source, source, y)
    train, weights = source["train"], None
    known = from_source[train]
    if repair == "CORAL":
        known = _coral(known, to_target[target["train"]])
    elif repair in ("target labels", "in type"):
        train = target["train"][: target_labels or None]
        known = to_target[train]
    elif repair == "source and target labels":
        few = target["train"][:target_labels]
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
        **methods.judged(found, y[target["test"]]),
        "strength": strength,
        "train": len(train),
        "test": len(target["test"]),
    }


def _standardise(features, by):
    mean, spread = features[by].mean(axis=0), features[by].std(axis=0) + 1e-3
    return (features - mean) / spread


def _strength(features, source, y):
    """Chooses the head's strength on the source's validation modules."""

    def auc(strength):
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit(features[source["train"]], y[source["train"]])
        found = model.decision_function(features[source["validation"]])
        return methods.judged(found, y[source["validation"]])["auc"]

    return max(methods.STRENGTHS, key=auc)


def _coral(source, target):
    """Gives source features the covariance of the target's."""

    def power(features, exponent):
        covariance = np.cov(features, rowvar=False) + np.eye(features.shape[1])
        values, vectors = linalg.eigh(covariance)
        return vectors * values**exponent @ vectors.T

    return source @ power(source, -0.5) @ power(target, 0.5)


def _both(better, worse, column="auc"):
    """Returns a comparison a direction; each side is a dict of keys."""
    return {
        f"{source} to {OTHER[source]}{note}": functools.partial(
            lambda get, source, better, worse: (
                get(column, source=source, **better)
                - get(column, source=source, **worse)
            ),
            source=source,
            better=better,
            worse=one,
        )
        for source in OTHER
        for note, one in worse.items()
    }


_NONE = {"": {"repair": "none"}}
_FREE = {f", {name}": {"repair": name} for name in FREE}


def _free_less_none(column):
    return {
        f"{source} to {OTHER[source]}, {name}": functools.partial(
            lambda get, source, name: (
                get(column, source=source, repair=name)
                - get(column, source=source, repair="none")
            ),
            source=source,
            name=name,
        )
        for source in OTHER
        for name in FREE
    }


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
            comparisons=_both({"repair": "in type"}, _NONE),
        ),
        Claim(
            id="free-repair-restores-threshold",
            sentence="Repairs without target labels restore the threshold.",
            source="course",
            metric="accuracy, repaired less not",
            margin=0.05,
            comparisons=_free_less_none("accuracy"),
        ),
        Claim(
            id="free-repair-restores-ranking",
            sentence="Repairs without target labels restore the ranking.",
            source="course",
            metric="AUC, repaired less not",
            margin=0.05,
            comparisons=_free_less_none("auc"),
        ),
        Claim(
            id="thirty-labels-beat-repairs",
            sentence="Thirty target labels beat all repairs without labels.",
            source="course",
            metric="AUC, 30 target labels alone less repaired",
            margin=0.01,
            comparisons=_both(
                {"repair": "target labels", "target_labels": 30}, _FREE
            ),
        ),
        Claim(
            id="source-helps-beside-labels",
            sentence="Beside target labels, the source's cells still help.",
            source="course",
            metric="AUC, with the source less without",
            margin=0.01,
            comparisons={
                f"{labels} labels, {name}": compare
                for labels in FEW
                for name, compare in _both(
                    {
                        "repair": "source and target labels",
                        "target_labels": labels,
                    },
                    {"": {"repair": "target labels", "target_labels": labels}},
                ).items()
            },
        ),
    ),
)
