"""Three ways to use labelled cells: frozen, fine-tuned, from scratch.

* frozen: logistic regression on the averaged features of ImageNet's network
  (standardised, all four flips of each cell); its strength is chosen by the
  AUC on the validation modules.
* fine-tuned: goes on from that head, the network with it. Adam at a constant
  rate, batches of 16, random flips, batch normalization as it was (unless
  said). After each epoch (of at least 160 pictures: few cells are seen several
  times) the validation modules are looked at, and the epoch of the best AUC is
  kept (early stopping); the last one is tested as well.
* scratch: a smaller network for pictures of 96 pixels (Lite0 from scratch
  would take hours), batch normalization in training mode, the same flips and
  the same early stopping, and many more epochs.
"""

import functools
import time

import keras
import numpy as np
from keras import layers
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.real_ground import cells, old_task

BATCH = 16
LEAST_PICTURES = 160  # an epoch
STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
RESULTS = (
    "auc",
    "accuracy",
    "accuracy_chosen_threshold",
    "train_accuracy",
    "validation_auc",
    "best_epoch",
    "last_auc",
    "last_accuracy",
    "agreement",
    "total_variation",
    "parameters",
    "seconds",
    "validation_auc_curve",
    "validation_loss_curve",
    "agreement_curve",
    "total_variation_curve",
)
# Filters, kernel size and strides of the network from scratch.
SCRATCH = ((16, 5, 2), (32, 3, 1), (64, 3, 1), (128, 3, 1))
# What is trained, and where the network may be cut before it.
DEPTHS = {"block 7": "block6d_add", "blocks 5 to 7": "block4c_add", "all": None}


def judged(logits, y, threshold=0.0):
    """Returns the AUC and the accuracy of logits."""
    right = (logits >= threshold) == (y == 1)
    return {
        "auc": float(roc_auc_score(y, logits)),
        "accuracy": float(right.mean()),
    }


def tested(draw, test, validation, train):
    """Returns results on the test cells, with two thresholds.

    Args:
        draw: A `cells.Draw`.
        test: Logits of the test cells.
        validation: Logits of the validation cells; a second threshold is the
            most accurate one there.
        train: Logits of the labelled cells.
    """
    y = cells.labels()
    candidates = np.sort(validation)
    right = [judged(validation, y[draw.validation], t) for t in candidates]
    best = np.argmax([one["accuracy"] for one in right])
    chosen = judged(test, y[draw.test], candidates[best])
    return {
        **judged(test, y[draw.test]),
        "accuracy_chosen_threshold": chosen["accuracy"],
        "train_accuracy": judged(train, y[draw.train])["accuracy"],
        "validation_auc": judged(validation, y[draw.validation])["auc"],
    }


def frozen_head(draw):
    """Fits the head; returns its kernel and bias, as `Dense` has them."""
    y = cells.labels()
    features = np.concatenate(
        [cells.inputs("pooled", draw.train, flip) for flip in range(4)]
    )
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    validation = cells.inputs("pooled", draw.validation)
    best = -1.0, None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit((features - mean) / spread, np.tile(y[draw.train], 4))
        kernel = model.coef_.T / spread[:, None]
        bias = model.intercept_ - mean @ kernel
        logits = (validation @ kernel + bias)[:, 0]
        auc = judged(logits, y[draw.validation])["auc"]
        best = max(best, (auc, strength, kernel, bias), key=lambda b: b[0])
    return best[2:]


def frozen(draw):
    """Makes one run of the frozen network."""
    start = time.perf_counter()
    kernel, bias = frozen_head(draw)
    found = tested(
        draw,
        *(
            (cells.inputs("pooled", some) @ kernel + bias)[:, 0]
            for some in (draw.test, draw.validation, draw.train)
        ),
    )
    return _row(
        found,
        last_auc=found["auc"],
        last_accuracy=found["accuracy"],
        agreement=1.0,
        total_variation=0.0,
        parameters=kernel.size + 1,
        seconds=time.perf_counter() - start,
    )


def fine_tuned(draw, seed, depth, rate, epochs, batch_norm=False):
    """Makes one run of fine-tuning.

    Args:
        draw: A `cells.Draw`.
        seed: Seed of the order and of the flips.
        depth: One of `DEPTHS`.
        rate: Adam's learning rate.
        epochs: Number of epochs.
        batch_norm: Whether batch normalization is in training mode.
    """
    start = time.perf_counter()
    cut = DEPTHS[depth]
    model, base_model, agreement, weights = _network(cut, batch_norm)
    base_model.set_weights(weights)
    model.get_layer("head").set_weights(frozen_head(draw))
    inputs = functools.partial(cells.inputs, cut)
    watch = _Watch(inputs, draw, agreement)
    _train(model, watch, seed, rate, epochs, BATCH)
    return _row(
        watch.results,
        parameters=count(model),
        seconds=time.perf_counter() - start,
    )


def scratch(draw, seed, rate, epochs):
    """Makes one run from random weights; see `fine_tuned`."""
    start = time.perf_counter()
    model = _compiled_small_network()
    keras.utils.set_random_seed(seed)
    model.set_weights(_small_network().get_weights())
    watch = _Watch(cells.small_pictures, draw)
    _train(model, watch, seed, rate, epochs, 2 * BATCH)
    return _row(
        watch.results,
        parameters=count(model),
        seconds=time.perf_counter() - start,
    )


# Building a model and tracing its steps takes as long as an epoch, so each is
# built once in a process, and given its first weights again for each run.
@functools.cache
def _network(cut, batch_norm):
    base_model = cells.backbone()
    tail = base_model
    if cut is not None:
        tail = keras.Model(base_model.get_layer(cut).output, base_model.output)
    for layer in tail.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = batch_norm
    model = keras.Sequential(
        [tail, layers.GlobalAveragePooling2D(), layers.Dense(1, name="head")]
    )
    model.build((None, *tail.input_shape[1:]))
    _compile(model)
    agreement = old_task.Agreement(base_model)
    return model, base_model, agreement, base_model.get_weights()


def _small_network():
    side = cells.SMALL_SIDE
    model = keras.Sequential([keras.Input((side, side, 1))])
    model.add(layers.Rescaling(1 / 64, -2))
    for filters, kernel, strides in SCRATCH:
        model.add(
            layers.Conv2D(
                filters, kernel, strides, padding="same", use_bias=False
            )
        )
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
        model.add(layers.MaxPooling2D())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(1))
    return model


@functools.cache
def _compiled_small_network():
    model = _small_network()
    _compile(model)
    return model


def _compile(model):
    model.compile(
        keras.optimizers.Adam(),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)


def count(model):
    """Returns the number of parameters that are trained."""
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def _train(model, watch, seed, rate, epochs, batch):
    """Trains, looks at the validation cells after each epoch, and tests."""
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.optimizer.learning_rate = rate
    data = _Batches(watch.inputs, watch.draw.train, seed, batch)
    model.fit(data, epochs=epochs, verbose=0, shuffle=False, callbacks=[watch])
    watch.finish(model)


class _Batches(keras.utils.PyDataset):
    """Shuffled batches, each cell flipped at random."""

    def __init__(self, inputs, numbers, seed, batch):
        super().__init__()
        self.inputs, self.numbers, self.batch = inputs, numbers, batch
        self.rng = np.random.default_rng([seed, 1])
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.order) // self.batch)

    def __getitem__(self, number):
        one = slice(number * self.batch, (number + 1) * self.batch)
        some = self.order[one]
        y = cells.labels()[some].astype("float32")
        return self.inputs(some, self.flips[one]), y

    def on_epoch_end(self):
        times = -(-LEAST_PICTURES // len(self.numbers))
        orders = [self.rng.permutation(self.numbers) for _ in range(times)]
        self.order = np.concatenate(orders)
        self.flips = self.rng.integers(len(cells.FLIPS), size=len(self.order))


class _Watch(keras.callbacks.Callback):
    """Keeps curves, and the weights of the best epoch."""

    def __init__(self, inputs, draw, agreement=None):
        super().__init__()
        self.inputs = inputs
        self.validation = inputs(draw.validation)
        self.test = inputs(draw.test)
        self.train = inputs(draw.train)
        self.draw, self.agreement = draw, agreement
        self.curves = {name: [] for name in RESULTS if "curve" in name}

    def on_epoch_end(self, epoch, logs=None):
        y = cells.labels()[self.draw.validation]
        logits = _logits(self.model, self.validation)
        auc = judged(logits, y)["auc"]
        loss = float(np.mean(np.logaddexp(0, logits) - y * logits))
        curves = self.curves
        if auc > max(curves["validation_auc_curve"], default=-1):
            self.best = epoch, logits, self.model.get_weights()
        curves["validation_auc_curve"].append(auc)
        curves["validation_loss_curve"].append(loss)
        if self.agreement is not None:
            same, distance = self.agreement.measured()
            curves["agreement_curve"].append(same)
            curves["total_variation_curve"].append(distance)

    def finish(self, model):
        """Tests the last epoch, then the best, whose weights stay."""
        draw, y = self.draw, cells.labels()
        test = _logits(model, self.test)
        last = judged(test, y[draw.test])
        epoch, validation, weights = self.best
        if epoch + 1 < len(self.curves["validation_auc_curve"]):
            model.set_weights(weights)
            test = _logits(model, self.test)
        found = tested(draw, test, validation, _logits(model, self.train))
        self.results = {
            **found,
            "best_epoch": epoch + 1,
            "last_auc": last["auc"],
            "last_accuracy": last["accuracy"],
        }
        for name, curve in self.curves.items():
            self.results[name] = " ".join(f"{value:.4f}" for value in curve)
        for name in ("agreement", "total_variation"):
            curve = self.curves[f"{name}_curve"]
            self.results[name] = curve[epoch] if curve else ""


def _logits(model, inputs):
    return model.predict(inputs, batch_size=32, verbose=0)[:, 0]


def _row(found, **more):
    return {**dict.fromkeys(RESULTS, ""), **found, **more}
