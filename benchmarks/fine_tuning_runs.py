"""How one fine-tuning of the experiments is made and measured.

The classifier is the transfer report's: backbone, pooling, a linear head that
is fitted to the frozen features first; batch normalization stays as it was.
A recipe says what differs.
"""

import functools
import time

import keras
import numpy as np

from benchmarks import targets
from benchmarks.fine_tuning_measures import (
    SHIFTED,
    VALLEY_LOSS,
    load_target,
    logits_of,
    loss_of,
    perturbed,
    scanner,
    source_accuracy,
)
from benchmarks.fine_tuning_recipes import (
    ALL,
    OPTIMIZERS,
    RECIPES,
    TRANSFORMER_HEAD,
    Recipe,
)
from benchmarks.transfer_methods import (
    fit_head,
    judge,
    pooled,
    randomise,
    train,
    variants,
)
from course_utils.backbones import pretrained

LOOK_EVERY = 25  # steps; for the valley:
VALLEY_LOOK_EVERY = 5
# Before it is adapted to scanner C, a network learns on scanner A.
SHIFT_START = {"labels": 400, "steps": 100, "rate": 3e-4}


@functools.cache  # Building and tracing one takes seconds.
def classifier(recipe, unfrozen, classes, optimizer):
    """Returns a compiled classifier, its backbone, and the loaded weights."""
    scratch = recipe.head == "scratch"
    weights = None if scratch else "embedded"
    base_model = pretrained.load_backbone(recipe.backbone, weights)
    for layer in base_model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        chosen = layer.name.startswith(unfrozen) and not norm
        layer.trainable = scratch or chosen
    if recipe.l2_sp:
        for variable in base_model.trainable_variables:
            variable.regularizer = _Pull(np.array(variable), recipe.l2_sp)
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


class _Pull(keras.regularizers.Regularizer):
    """Li et al. (2018): half the strength times the squared distance."""

    def __init__(self, start, strength):
        self.start, self.strength = start, strength

    def __call__(self, w):
        return self.strength / 2 * keras.ops.sum((w - self.start) ** 2)


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
        The results of the run, a dict; and, for the valley, the rows of its
        perturbations.
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
        rows = perturbed(model, target, drawn, run.seed)
        valley = [{"step": keep.step, **row} for row in rows]
    result["seconds"] = round(time.perf_counter() - began, 1)
    return result, valley


class _Keep:
    """Looks at the model of a run, and keeps what it saw."""

    def __init__(self, run, recipe, target, drawn):
        self.run, self.target, self.drawn = run, target, drawn
        self.recipe = recipe
        self.level = run.experiment == "valley"
        self.wanted = self.level or recipe.stops
        self.best, self.least = None, np.inf

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
        if loss < self.least:
            self.least, self.best = loss, self.model.get_weights()
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
            new, labels = scanner("test", "C")
            logits = logits_of(self.model, new)
            found["ood_value"], _ = judge(logits, labels, metric)
        if self.recipe.head != "scratch":
            found["source_accuracy"] = source_accuracy(self.base_model)
        logits = logits_of(self.model, images)
        _, found["train_accuracy"] = judge(logits, self.drawn[1], metric)
        return found
