"""Phase 1 skipped: all at once from a random head, with Adam and with SGD.

400 labelled cells of one type, mono or poly, from the training modules, as in
`shift`. Block 7, the last one, with the convolution on top and the head are
trained together for 4 epochs, with batches of 16, random flips and batch
normalization kept, as in `depth`. More blocks would take hours more. What
differs is the head that they begin with: in two phases it was fitted to the
frozen features first (`methods.frozen_head`), all at once it is Keras's random
one. After that both make the same steps on the same cells with the same flips,
and the epoch of the best AUC on the type's validation modules is kept.

Each result is tested twice: in type, on the type's test modules, and out of
type, on those of the other type, of which training saw nothing. Kumar et al.
(2022) find that what a random head costs shows there.

The optimizers are Adam, and SGD with momentum 0.9. Each pair of optimizer and
head has the rate, of three, that was best by the AUC on validation modules of
the development seeds, one on mono and one on poly; so the texts' "high rate"
is not what is judged here. The frozen network is tested as well, where the two
phases begin.
"""

import functools
import time

import keras

from benchmarks.real_ground import cells, methods, runs, shift, training
from benchmarks.real_ground.runner import Claim, Experiment

KEYS = ("stage", "source", "optimizer", "start", "rate", "seed")
LABELS, EPOCHS = 400, 4
CUT = methods.DEPTHS["block 7"]
OPTIMIZERS = {
    "Adam": keras.optimizers.Adam,
    "SGD": functools.partial(keras.optimizers.SGD, momentum=0.9),
}
RATES = {"Adam": runs.RATES, "SGD": (1e-3, 3e-3, 1e-2)}
TWO_PHASES, AT_ONCE, FROZEN = "two phases", "all at once", "frozen"
RESULTS = (
    "auc",
    "accuracy",
    "other_auc",
    "other_accuracy",
    "train_accuracy",
    "validation_auc",
    "agreement",
    "best_epoch",
    "seconds",
    "validation_auc_curve",
)


def plan(rows, seeds):
    """Lists the runs, those that the rates are chosen on first."""
    pairs = [(name, start) for name in RATES for start in (TWO_PHASES, AT_ONCE)]
    for seed, source in shift.DEVELOPMENT.items():
        for optimizer, start in pairs:
            for rate in RATES[optimizer]:
                values = source, optimizer, start, rate, seed
                yield _keys(runs.DEVELOPMENT, *values)
    rates = {
        (name, start): runs.best_rate(rows, optimizer=name, start=start)
        for name, start in pairs
    }
    for seed in seeds:
        for source in shift.OTHER:
            yield _keys(runs.REPORT, source, "", FROZEN, "", seed)
            for pair, rate in rates.items():
                yield _keys(runs.REPORT, source, *pair, rate, seed)


def _keys(*values):
    return dict(zip(KEYS, values, strict=True))


def run(stage, source, optimizer, start, rate, seed):
    """Makes one run."""
    began = time.perf_counter()
    own = shift.parts_of(source, seed)
    other = shift.parts_of(shift.OTHER[source], seed)["test"]
    draw = cells.Draw(
        own["train"][:LABELS],
        own["validation"][: cells.MOST_VALIDATION_CELLS],
        own["test"],
    )
    if start == FROZEN:
        kernel, bias = methods.frozen_head(draw)
        found = methods.frozen(draw)
        logits = (cells.inputs("pooled", other) @ kernel + bias)[:, 0]
    else:
        model, base_model, agreement, weights = methods.network(
            CUT, optimizer=OPTIMIZERS[optimizer]
        )
        base_model.set_weights(weights)
        head = model.get_layer("head")
        head.set_weights(
            methods.frozen_head(draw)
            if start == TWO_PHASES
            else _random_head(head, seed)
        )
        inputs = functools.partial(cells.inputs, CUT)
        watch = training.Watch(inputs, draw, agreement)
        training.train(model, watch, seed, rate, EPOCHS, methods.BATCH)
        found = watch.results
        logits = model.predict(inputs(other), batch_size=32, verbose=0)[:, 0]
    there = training.judged(logits, cells.labels()[other])
    found = {name: found.get(name, "") for name in RESULTS}
    return found | {
        "other_auc": there["auc"],
        "other_accuracy": there["accuracy"],
        "seconds": time.perf_counter() - began,
    }


def _random_head(head, seed):
    """Returns what `Dense` begins with: Glorot's uniform kernel, no bias."""
    kernel, bias = head.get_weights()
    return keras.initializers.GlorotUniform(seed)(kernel.shape), 0 * bias


def _saves(column):
    """Returns a comparison a type and an optimizer."""
    return {
        f"{source}, {optimizer}": lambda get, source=source, name=optimizer: (
            get(column, source=source, optimizer=name, start=TWO_PHASES)
            - get(column, source=source, optimizer=name, start=AT_ONCE)
        )
        for source in shift.OTHER
        for optimizer in RATES
    }


EXPERIMENT = Experiment(
    name="phase_one",
    keys=KEYS,
    plan=plan,
    run=run,
    results=RESULTS,
    claims=(
        Claim(
            id="skipping-phase-one-costs",
            sentence="Skipping phase 1 makes the result worse.",
            source="001",
            metric="AUC in type, two phases less all at once",
            margin=0.01,
            comparisons=_saves("auc"),
        ),
        Claim(
            id="skipping-phase-one-costs-elsewhere",
            sentence="Skipping phase 1 makes the result worse on another type "
            "of cells.",
            source="course",
            metric="AUC out of type, two phases less all at once",
            margin=0.01,
            comparisons=_saves("other_auc"),
        ),
        Claim(
            id="skipping-phase-one-forgets",
            sentence="Skipping phase 1 makes the network forget more.",
            source="course",
            metric="top-1 agreement with its former self, kept epoch, two "
            "phases less all at once",
            margin=0.1,
            comparisons=_saves("agreement"),
        ),
    ),
)
