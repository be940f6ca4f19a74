"""TENT beside the other repairs of `shift`, on the same draws.

It goes on from AdaBN: the head is fitted to features for which batch
normalization had the source's own statistics. Then the scales and shifts of
all batch normalizations are trained to make the network surer of itself on the
target (`course_utils.adaptation.adapt_by_entropy`). As its authors have it
(Wang et al. 2021), it sees the cells that it is asked about, without labels,
once, in batches of 64. (AdaBN in `shift` sees all cells of the type.)

The rate of Adam is one of three around the published 1e-3. It is chosen by
what may be looked at, the source: on the development seeds, one on mono and one
on poly, the network is adapted to the source's validation modules in the same
way, and the rate of the best mean AUC there is taken. That asks what harms
least where nothing has shifted.

The other repairs are made again as `shift` makes them, on the first five of its
ten seeds: a run takes a minute.
"""

import functools

import keras
from sklearn.linear_model import LogisticRegression

from benchmarks.real_ground import cells, runs, shift, training
from benchmarks.real_ground.runner import Claim, Experiment
from course_utils.adaptation import adapt_by_entropy

KEYS = ("stage", "source", "repair", "rate", "seed")
TENT = "TENT"
RATES = (1e-4, 1e-3, 1e-2)


def plan(rows, seeds):
    """Lists the runs, those that the rate is chosen on first."""
    for seed, source in shift.DEVELOPMENT.items():
        for rate in RATES:
            yield _keys(runs.DEVELOPMENT, source, TENT, rate, seed)
    rate = runs.best_rate(rows, "auc")
    for seed in seeds:
        for source in shift.OTHER:
            yield _keys(runs.REPORT, source, TENT, rate, seed)
            for repair in ("none", "AdaBN"):
                yield _keys(runs.REPORT, source, repair, "", seed)


def _keys(*values):
    return dict(zip(KEYS, values, strict=True))


def run(stage, source, repair, rate, seed):
    """Makes one run."""
    if repair != TENT:
        return shift.run(stage, source, repair, seed)
    y, own = cells.labels(), shift.parts_of(source, seed)
    asked = shift.parts_of(shift.OTHER[source], seed)["test"]
    if stage == runs.DEVELOPMENT:
        asked = own["validation"]
    strength = shift.best_strength(source, True, seed)
    model, first = _network()
    model.set_weights(first)
    model.layers[-1].set_weights(_head(own["train"], strength))
    pictures = cells.pictures(asked)
    adapt_by_entropy(model, pictures, rate, batch_size=64, from_logits=True)
    logits = model.predict(pictures, batch_size=64, verbose=0)[:, 0]
    return {
        **training.judged(logits, y[asked]),
        "strength": strength,
        "train": len(own["train"]),
        "test": len(asked),
    }


@functools.cache
def _network():
    """Returns ImageNet's network with a head, and its first weights."""
    model = keras.Sequential(
        [
            cells.backbone(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(1),
        ]
    )
    return model, model.get_weights()


def _head(train, strength):
    """Fits AdaBN's head; returns its kernel and bias."""
    features = cells.adabn_features()[train]
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    model = LogisticRegression(C=strength, max_iter=2000)
    model.fit((features - mean) / spread, cells.labels()[train])
    kernel = model.coef_.T / spread[:, None]
    return kernel, model.intercept_ - mean @ kernel


EXPERIMENT = Experiment(
    name="tent",
    keys=KEYS,
    plan=plan,
    run=run,
    results=shift.EXPERIMENT.results,
    claims=(
        Claim(
            id="tent-restores-threshold",
            sentence="Making the network surer of itself (TENT) restores the "
            "threshold.",
            source="course",
            metric="accuracy, repaired less not",
            margin=0.05,
            comparisons=shift.each_way([(TENT, "none")], "accuracy"),
        ),
        Claim(
            id="tent-restores-ranking",
            sentence="Making the network surer of itself (TENT) restores the "
            "ranking.",
            source="course",
            metric="AUC, repaired less not",
            margin=0.05,
            comparisons=shift.each_way([(TENT, "none")]),
        ),
        Claim(
            id="tent-beats-adabn",
            sentence="TENT beats AdaBN, from which it goes on.",
            source="course",
            metric="AUC",
            margin=0.01,
            comparisons=shift.each_way([(TENT, "AdaBN")]),
        ),
    ),
)
