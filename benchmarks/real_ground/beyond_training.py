"""How the recipes of `beyond` train, and how their weights are mixed."""

import collections
import dataclasses
import functools
import itertools
import time

import keras
import numpy as np
import tensorflow as tf

from benchmarks.real_ground import (
    beyond_pictures,
    cells,
    methods,
    old_task,
    training,
)

CUT, RATE, BATCH = methods.DEPTHS["blocks 5 to 7"], 1e-4, 16
EPOCHS = 1 if cells.FEW else 4


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What may differ from the baseline, which all defaults make.

    Attributes:
        pictures: What is done to them: "flips", "as they are", or flips and a
            key of `beyond_pictures.MAKERS`.
        smoothing: How much of a label is spread over both classes.
        gamma: Exponent of the focal loss.
        class_weights: Whether both classes have the same say.
        dropout: Share of the features before the head.
        weight_decay: Decoupled weight decay.
        average: Share that a moving average keeps in each step.
        layer_decay: Factor of the rate with each block down from the head.
        warm_up: Share of the steps; a cosine follows.
        rank: Rank of adapters beside the 1x1 convolutions.
        adapter_rate: Factor of the rate of all but the head.
    """

    pictures: str = "flips"
    smoothing: float = 0.0
    gamma: float = 0.0
    class_weights: bool = False
    dropout: float = 0.0
    weight_decay: float = 0.0
    average: float = 0.0
    layer_decay: float = 1.0
    warm_up: float = 0.0
    rank: int = 0
    adapter_rate: float = 1.0


class _Network:
    """The part after the cut, and the head; what lies before never moves."""

    def __init__(self, rank):
        base_model = cells.backbone()
        cut = base_model.get_layer(CUT).output
        self.before = keras.Model(base_model.input, cut)
        self.body = keras.Model(cut, base_model.output)
        for layer in self.body.layers:
            pointwise = getattr(layer, "kernel_size", None) == (1, 1)
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
            elif rank and pointwise:
                layer.enable_lora(rank)
            elif rank:
                layer.trainable = False
        self.head = keras.layers.Dense(1)
        self.head.build((None, base_model.output_shape[-1]))
        self.agreement = old_task.Agreement(base_model)
        # From the head downwards: what is trained, a list a block.
        blocks = collections.defaultdict(list)
        for layer in self.body.layers:
            blocks[layer.name.split("_")[0]] += layer.trainable_weights
        self.groups = [self.head.trainable_weights]
        self.groups += [some for some in [*blocks.values()][::-1] if some]
        self.weights = list(itertools.chain(*self.groups))
        self.first = _values(self.weights)

    def logits(self, maps, dropout=0.0):
        features = tf.reduce_mean(self.body(maps, training=False), (1, 2))
        if dropout:
            features = tf.nn.dropout(features, dropout)
        return self.head(features)[:, 0]

    @functools.cached_property
    def _inference(self):
        return tf.function(self.logits, reduce_retracing=True)

    def tested(self, draw):
        """Returns results on the test cells, and on the old task."""
        y = cells.labels()
        agreement, distance = self.agreement.measured()
        return {
            **training.judged(self.predict(draw.test), y[draw.test]),
            "agreement": agreement,
            "total_variation": distance,
            "validation_auc": self.validated(draw),
            "parameters": sum(int(np.prod(w.shape)) for w in self.weights),
        }

    def validated(self, draw):
        found = self.predict(draw.validation)
        return training.judged(found, cells.labels()[draw.validation])["auc"]

    def predict(self, numbers):
        maps = cells.inputs(CUT, numbers)
        parts = [maps[i : i + 32] for i in range(0, len(maps), 32)]
        return np.concatenate([self._inference(part).numpy() for part in parts])


class _Trainer:
    """One recipe on a network, with the graph of its step."""

    def __init__(self, recipe, network):
        self.recipe, self.network = recipe, network
        losses = {"from_logits": True, "reduction": None}
        self.loss = keras.losses.BinaryCrossentropy(
            label_smoothing=recipe.smoothing, **losses
        )
        if recipe.gamma:
            self.loss = keras.losses.BinaryFocalCrossentropy(
                gamma=recipe.gamma, **losses
            )
        # An optimizer a block; its rate is a factor of the schedule's.
        self.optimizers, self.factors = [], []
        for depth, group in enumerate(network.groups):
            optimizer = keras.optimizers.Adam(
                weight_decay=recipe.weight_decay or None
            )
            optimizer.build(group)
            self.optimizers.append(optimizer)
            factor = recipe.layer_decay**depth
            self.factors.append(factor * recipe.adapter_rate ** (depth > 0))
        self.averages = [tf.Variable(w) for w in network.weights]
        self.before = tf.function(
            lambda x: network.before(x, training=False), reduce_retracing=True
        )
        maps = tf.TensorSpec((None, *network.body.input_shape[1:]))
        row = tf.TensorSpec((None,))
        self.step = tf.function(self._step, input_signature=(maps, row, row))
        self.step.get_concrete_function()
        if recipe.pictures in beyond_pictures.MAKERS:
            self.before(np.zeros((BATCH, cells.SIDE, cells.SIDE, 3), "float32"))

    def _step(self, maps, y, sample_weights):
        with tf.GradientTape() as tape:
            logits = self.network.logits(maps, self.recipe.dropout)
            losses = self.loss(y[:, None], logits[:, None])
            loss = tf.reduce_mean(losses * sample_weights)
        gradients = tape.gradient(loss, self.network.groups)
        for optimizer, some, group in zip(
            self.optimizers, gradients, self.network.groups, strict=True
        ):
            optimizer.apply(some, group)
        if kept := self.recipe.average:
            pairs = zip(self.averages, self.network.weights, strict=True)
            for average, weight in pairs:
                average.assign(kept * average + (1 - kept) * weight.value)

    def begin(self, kernel, bias):
        """Gives network and optimizers their first state."""
        _assign(self.network.weights, self.network.first)
        self.network.head.set_weights([kernel, bias])
        _assign(self.averages, _values(self.network.weights))
        for optimizer in self.optimizers:
            for variable in optimizer.variables:
                variable.assign(keras.ops.zeros_like(variable))

    def set_rate(self, done):
        """Sets the rates; `done` is the share of steps that are done."""
        scale, warm_up = 1.0, self.recipe.warm_up
        if warm_up:
            rest = (done - warm_up) / (1 - warm_up)
            falling = (1 + np.cos(np.pi * rest)) / 2
            scale = done / warm_up if done < warm_up else falling
        pairs = zip(self.optimizers, self.factors, strict=True)
        for optimizer, factor in pairs:
            optimizer.learning_rate = RATE * factor * scale

    def epoch(self, draw, data, rng, number):
        """Makes the steps of an epoch; returns their processor seconds."""
        start = time.process_time()
        y = cells.labels()
        share = y[draw.train].mean()
        count = 1 if cells.FEW else len(data)
        for one in range(count):
            # Counted from 1: a first step at a rate of 0 would do nothing.
            self.set_rate((number + (one + 1) / count) / EPOCHS)
            (some, flips), labels = data[one]
            weights = np.ones_like(labels)
            if self.recipe.class_weights:
                weights = 0.5 / np.where(labels == 1, share, 1 - share)
            if make := beyond_pictures.MAKERS.get(self.recipe.pictures):
                pictures, labels = make(
                    cells.pictures(some, flips), labels, rng
                )
                maps = self.before(pictures)
            else:
                flips = flips if self.recipe.pictures == "flips" else 0
                maps = cells.inputs(CUT, some, flips)
            self.step(maps, labels, weights.astype("float32"))
        return time.process_time() - start


# A network is built once in a process, and the graph of a recipe's step, too;
# adapters begin at random, and so are built anew for each seed.
@functools.cache
def _network(rank, seed):
    keras.utils.set_random_seed(seed)
    return _Network(rank)


@functools.lru_cache(16)
def _trainer(recipe, seed):
    return _Trainer(recipe, _network(recipe.rank, seed))


def tuned(recipe, draw, head, seed, order):
    """Makes one run.

    Args:
        recipe: A `Recipe`.
        draw: A `cells.Draw`.
        head: Kernel and bias of the head to begin with.
        seed: The seed.
        order: A number for the order of the cells and the flips.

    Returns:
        A dict of results, and the weights before and after.
    """
    trainer = _trainer(recipe, seed if recipe.rank else 0)
    network = trainer.network
    trainer.begin(*head)
    first = _values(network.weights)
    # Order 0 is what the other experiments have with this seed.
    key = seed + 1000 * order
    data = training.Batches(
        lambda some, flips: (some, flips), draw.train, key, BATCH
    )
    rng = np.random.default_rng([seed, 2])
    keras.utils.set_random_seed(seed)
    curve, seconds, kept = [], 0.0, None
    for number in range(EPOCHS):
        seconds += trainer.epoch(draw, data, rng, number)
        data.on_epoch_end()
        going = _values(network.weights)
        if recipe.average:
            _assign(network.weights, _values(trainer.averages))
        auc = network.validated(draw)
        if auc > max(curve, default=-1):
            kept = _values(network.weights)
        curve.append(auc)
        _assign(network.weights, going)
    _assign(network.weights, kept)
    results = {
        **network.tested(draw),
        "best_epoch": 1 + int(np.argmax(curve)),
        "processor_seconds": seconds,
        "validation_auc_curve": " ".join(f"{auc:.4f}" for auc in curve),
    }
    return results, first, kept


def mixed(recipe, draw, weights, shares):
    """Returns results of a weighted mean of weights.

    Args:
        recipe: The `Recipe` that the weights are of.
        draw: A `cells.Draw`.
        weights: Lists of arrays, one a network.
        shares: A number for each network; they add up to 1.
    """
    network = _network(recipe.rank, 0)
    _assign(
        network.weights,
        [
            sum(share * part for share, part in zip(shares, parts, strict=True))
            for parts in zip(*weights, strict=True)
        ],
    )
    return network.tested(draw)


def _values(variables):
    return [np.array(variable) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
