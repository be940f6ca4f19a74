"""How one fine-tuning of the experiments is made and measured.

The classifier is the transfer report's: backbone, pooling, a linear head that
is fitted to the frozen features first; batch normalization stays as it was.
A recipe says what differs.
"""

import dataclasses
import functools
import time

import keras
import numpy as np
from scipy.special import log_softmax

from benchmarks import targets
from benchmarks.transfer_methods import (
    fit_head,
    judge,
    pooled,
    randomise,
    train,
    variants,
)
from course_utils import backbones, datasets, source_task, tables

LOOK_EVERY = 25  # steps; for the valley:
VALLEY_LOOK_EVERY = 5
SOURCE_PICTURES = 400  # every second one of the source's test pictures
DROPOUT = 0.5
L2_SP = 0.01
# Both networks of the valley are trained until they are as good as this.
VALLEY_LOSS = 0.05
VALLEY_SCALES = (0.0, 0.05, 0.1, 0.2, 0.4)
VALLEY_DIRECTIONS = 5
OPTIMIZERS = {"Adam": {}, "SGD": {"momentum": 0.9}}
ALL, STAGES = ("",), ("stage4", "stage3", "stage2", "")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is done to the network.

    Attributes:
        phases: For each phase, what the names of the unfrozen layers begin
            with; `""` is all of them. Phases are equally long.
        backbone: Name of the backbone.
        head: `"fitted"` by logistic regression, `"random"`, or `"scratch"`
            for a whole network of random weights.
        dropout: Share of the pooled features that is dropped.
        l2_sp: Strength of the penalty on the distance from the start.
        stops: Whether it keeps the weights of the least validation loss.
    """

    phases: tuple = (ALL,)
    backbone: str = "residual"
    head: str = "fitted"
    dropout: float = 0.0
    l2_sp: float = 0.0
    stops: bool = False


PLAIN = Recipe()
_transformer = functools.partial(Recipe, backbone="vision_transformer")
RECIPES = {
    "all": PLAIN,
    "head first": PLAIN,
    "random head": Recipe(head="random"),
    "head only": Recipe(((),)),
    "last convolution": Recipe((("stage4_block1_conv2",),)),
    "last stage": Recipe((("stage4",),)),
    "last two stages": Recipe((("stage4", "stage3"),)),
    "first block": _transformer((("block1",),)),
    "middle block": _transformer((("block3",),)),
    "last block": _transformer((("block5",),)),
    "head alone": _transformer(((),)),
    "all at once": PLAIN,
    "gradual": Recipe(tuple(STAGES[: n + 1] for n in range(len(STAGES)))),
    "plain": PLAIN,
    "dropout": Recipe(dropout=DROPOUT),
    "L2-SP": Recipe(l2_sp=L2_SP),
    "early stopping": Recipe(stops=True),
    "fine-tuned": PLAIN,
    "scratch": Recipe(head="scratch"),
}
# The report chose no strength for the transformer's head before these runs:
# the middle of its grid.
TRANSFORMER_HEAD = 0.03
# Before it is adapted to scanner C, a network learns on scanner A.
SHIFTED = "histology C"
SHIFT_START = {"labels": 400, "steps": 100, "rate": 3e-4}


@functools.cache
def load_target(name):
    """Loads a target, or the labelled pictures of histology's scanner C."""
    if name != SHIFTED:
        return targets.load(name)
    home = targets.load("histology")
    parts = {
        "train": _scanner("adaptation", "C"),
        "test": _scanner("test", "C"),
    }
    return dataclasses.replace(home, name=name, parts=parts)


@functools.cache
def _scanner(split, scanner):
    table = tables.load_table("histology")
    table = table[(table.split == split) & (table.scanner == scanner)]
    return _arrays(tables.from_table(table, 100))


@functools.cache
def _source():
    images, labels = _arrays(datasets.load_dataset("source").test)
    count = len(images) // 2
    assert count == SOURCE_PICTURES
    return [
        (
            images[i : i + 100 : 2],
            {k: v[i : i + 100 : 2] for k, v in labels.items()},
        )
        for i in range(0, 2 * count, 100)
    ]


def _arrays(batches):
    images, labels = zip(*batches, strict=True)
    images = np.rint(np.concatenate(images)).astype(np.uint8)
    join = lambda *parts: np.concatenate(parts)  # noqa: E731
    return images, keras.tree.map_structure(join, *labels)


@functools.cache  # Building and tracing one takes seconds.
def classifier(recipe, unfrozen, classes, optimizer):
    """Returns a compiled classifier, its backbone, and the loaded weights."""
    scratch = recipe.head == "scratch"
    weights = None if scratch else "embedded"
    base_model = backbones.load_backbone(recipe.backbone, weights)
    for layer in base_model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        chosen = layer.name.startswith(unfrozen) and not norm
        layer.trainable = scratch or chosen
    if recipe.l2_sp:
        for variable in base_model.trainable_variables:
            variable.regularizer = _pull(np.array(variable), recipe.l2_sp)
    inputs = keras.Input(base_model.input_shape[1:])
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    if recipe.dropout:
        x = keras.layers.Dropout(recipe.dropout)(x)
    outputs = keras.layers.Dense(classes, name="head")(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        getattr(keras.optimizers, optimizer)(1e-3, **OPTIMIZERS[optimizer]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model, base_model, base_model.get_weights()


def _pull(start, strength):
    """Li et al. (2018): half the strength times the squared distance."""
    return lambda w: strength / 2 * keras.ops.sum((w - start) ** 2)


@functools.cache
def _old_heads(base_model):
    return source_task.with_old_heads(base_model)


def logits_of(model, images):
    """Returns the logits of a model in inference mode, (count, classes)."""
    parts = range(0, len(images), 100)
    return np.concatenate(
        [np.asarray(model(images[i : i + 100], training=False)) for i in parts]
    )


def loss_of(logits, labels):
    """Returns the mean cross-entropy."""
    return float(
        -log_softmax(logits, axis=1)[range(len(labels)), labels].mean()
    )


def source_accuracy(base_model):
    """Returns the mean accuracy of the five old heads."""
    return float(
        np.mean(
            list(
                source_task.accuracy(_old_heads(base_model), _source()).values()
            )
        )
    )


class _Watch(keras.callbacks.Callback):
    """Times the steps; looks at the model now and then, if told so."""

    def __init__(self, first, look, every):
        super().__init__()
        self.first, self.look, self.every = first, look, every
        self.seconds = []

    def on_train_batch_begin(self, batch, logs=None):
        self.began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.seconds.append(time.perf_counter() - self.began)
        step = self.first + batch + 1
        if self.look and step % self.every == 0 and self.look(step):
            self.model.stop_training = True


def prepare(recipe, model, base_model, loaded, target, strength, drawn):
    """Gives a classifier the weights that it starts from."""
    if recipe.head == "scratch":
        randomise(model)
        return
    base_model.set_weights(loaded)
    head = model.get_layer("head")
    if recipe.head == "random":
        fresh = keras.layers.Dense(target.classes)
        fresh.build(head.kernel.shape[:1])
        head.set_weights(fresh.get_weights())
        return
    images, labels = drawn
    features = [pooled(base_model, v) for v in variants(images, target.flips)]
    labels = np.tile(labels, len(features))
    head.set_weights(fit_head(np.concatenate(features), labels, strength))


@functools.cache
def _before_the_shift(backbone, optimizer, seed):
    """Returns the weights of a network fine-tuned on scanner A."""
    target = targets.load("histology")
    recipe = Recipe(backbone=backbone)
    drawn = target.draw(SHIFT_START["labels"], seed)
    made = classifier(recipe, ALL, target.classes, optimizer)
    prepare(recipe, *made, target, TRANSFORMER_HEAD, drawn)
    rest = target.flips, SHIFT_START["steps"], SHIFT_START["rate"], seed
    train(made[0], *drawn, *rest)
    return made[0].get_weights()


def execute(run, strength):
    """Makes one run.

    Args:
        run: A `fine_tuning.Run`.
        strength: Inverse strength of the head's regularisation.

    Returns:
        The results of the run, a dict; the rows of its curve; and, for the
        valley, the rows of its perturbations.
    """
    began = time.perf_counter()
    keras.utils.set_random_seed(run.seed)
    recipe, target = RECIPES[run.variant], load_target(run.target)
    drawn = target.draw(run.labels, run.seed)
    keep, watches, weights = _Keep(run, recipe, target, drawn), [], None
    steps = run.steps // len(recipe.phases)
    every = VALLEY_LOOK_EVERY if keep.level else LOOK_EVERY
    for number, unfrozen in enumerate(recipe.phases):
        made = classifier(recipe, unfrozen, target.classes, run.optimizer)
        model, base_model, _ = made
        if run.target == SHIFTED and not number:
            optimizer = run.optimizer
            weights = _before_the_shift(recipe.backbone, optimizer, run.seed)
        if weights is None:
            prepare(recipe, *made, target, strength, drawn)
        else:
            model.set_weights(weights)
        keep.use(model, base_model)
        if keep.wanted and not number:
            keep.look(0)
        before = number * steps
        watch = _Watch(before, keep.look if keep.wanted else None, every)
        watches.append(watch)
        if steps:
            rest = target.flips, steps, run.learning_rate, run.seed + number
            train(model, *drawn, *rest, [watch], before, run.steps)
        weights = model.get_weights()
    if recipe.stops:
        model.set_weights(keep.best)
    result = keep.result()
    result["parameters"] = sum(
        int(np.prod(w.shape)) for w in model.trainable_weights
    )
    taken = [second for watch in watches for second in watch.seconds]
    result["step_seconds"] = round(float(np.median(taken)), 4) if taken else ""
    valley = []
    if run.experiment == "valley":
        valley = perturbed(run, model, target, drawn, keep.step)
    result["seconds"] = round(time.perf_counter() - began, 1)
    return result, keep.curve, valley


class _Keep:
    """Looks at the model of a run, and keeps what it saw."""

    def __init__(self, run, recipe, target, drawn):
        self.run, self.target, self.drawn = run, target, drawn
        self.recipe = recipe
        self.curved = run.experiment == "learning_rate" and run.seed == 100
        self.level = run.experiment == "valley"
        self.wanted = self.curved or self.level or recipe.stops
        self.curve, self.best, self.least = [], None, np.inf

    def use(self, model, base_model):
        """Looks at this model from now on."""
        self.model, self.base_model = model, base_model

    def look(self, step):
        """Looks at the model after a step; says whether it may stop there."""
        images, labels = self.drawn
        self.step = step
        if self.level:
            return loss_of(logits_of(self.model, images), labels) < VALLEY_LOSS
        validation_images, validation_labels = self.target.parts["validation"]
        logits = logits_of(self.model, validation_images)
        loss = loss_of(logits, validation_labels)
        if self.recipe.stops and loss < self.least:
            self.least, self.best = loss, self.model.get_weights()
        if self.curved:
            value, _ = judge(logits, validation_labels, self.target.metric)
            row = {
                "step": step,
                "train_loss": loss_of(logits_of(self.model, images), labels),
                "validation_loss": loss,
                "validation_value": value,
                "source_accuracy": source_accuracy(self.base_model),
            }
            self.curve.append(row)
        return False

    def result(self):
        """Measures the trained model."""
        metric, images = self.target.metric, self.drawn[0]
        found = {"ood_value": "", "validation_value": "", "source_accuracy": ""}
        for part in self.target.parts.keys() - {"train"}:
            new, labels = self.target.parts[part]
            value, _ = judge(logits_of(self.model, new), labels, metric)
            found["value" if part == "test" else "validation_value"] = value
        if self.run.target == "histology":
            new, labels = _scanner("test", "C")
            logits = logits_of(self.model, new)
            found["ood_value"], _ = judge(logits, labels, metric)
        if self.recipe.head != "scratch":
            found["source_accuracy"] = source_accuracy(self.base_model)
        logits = logits_of(self.model, images)
        _, found["train_accuracy"] = judge(logits, self.drawn[1], metric)
        return found


def perturbed(run, model, target, drawn, step):
    """Measures the loss after random steps, filter by filter (Li 2018).

    A random direction is scaled so that each filter moves by the same share
    of its own length. Batch normalization and biases stay.
    """
    rng = np.random.default_rng([55, run.seed])
    trained, rows = model.get_weights(), []
    new, labels = target.parts["test"]
    for scale in VALLEY_SCALES:
        for direction in range(VALLEY_DIRECTIONS if scale else 1):
            moved = []
            for weight in trained:
                noise = rng.normal(size=weight.shape)
                if weight.ndim > 1:
                    axes = tuple(range(weight.ndim - 1))
                    length = np.sqrt((weight**2).sum(axes))
                    noise *= length / np.sqrt((noise**2).sum(axes))
                    weight = weight + scale * noise
                moved.append(weight)
            model.set_weights(moved)
            logits = logits_of(model, new[:300])
            row = {
                "step": step,
                "scale": scale,
                "direction": direction,
                "train_loss": loss_of(logits_of(model, drawn[0]), drawn[1]),
                "test_loss": loss_of(logits, labels[:300]),
                "test_accuracy": judge(logits, labels[:300], "accuracy")[0],
            }
            rows.append(row)
    model.set_weights(trained)
    return rows
