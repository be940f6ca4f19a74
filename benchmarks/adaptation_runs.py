"""How one network of the experiment on adaptation is made, and repaired.

Training is that of the transfer report (its batch, cosine, flips, steps and
strength of the head's regularisation). A base is trained on scanner A alone,
or sees unlabelled pictures of the target (Deep CORAL). A repair takes a
trained base to a target scanner.
"""

import functools
import time

import keras
import numpy as np
import tensorflow as tf

from benchmarks import targets
from benchmarks.adaptation_measures import carried, logits_of, measure, pictures
from benchmarks.transfer_methods import (
    fit_head,
    pipeline,
    pooled,
    randomise,
    train,
    train_on,
    variants,
)
from course_utils.adaptation.adabn import adapt_batch_norm
from course_utils.adaptation.coral import CoralLoss
from course_utils.adaptation.random_stains import RandomStains
from course_utils.adaptation.self_training import (
    adapt_by_entropy,
    pseudo_labels,
)
from course_utils.adaptation.stains import (
    estimate_stains,
    normalise_stains,
)
from course_utils.backbones import pretrained
from course_utils.evaluation.calibration import apply_temperature

SCANNERS = ("A", "B", "C")
STEPS = {
    "fine-tuned": {10: 50, 30: 100, 100: 200, 400: 400},
    "scratch": {10: 75, 30: 150, 100: 300, 400: 600},
}
RATES = {"fine-tuned": 3e-4, "scratch": 0.02}
FLIPS = "horizontal_and_vertical"
HEAD = 0.003  # inverse strength of the head's regularisation
STRENGTHS = {"light stains": 0.05, "strong stains": 0.2}
STAIN_DRAWS = 4  # of each flip, where features are stored
PSEUDO_THRESHOLD = 0.9
PSEUDO_STEPS = 100
TARGET_STEPS = 50
# What begins with these names learns from target labels; the head always.
LAYERS = {
    "head": (),
    "last block": ("stage4",),
    "first block": ("stem", "stage1"),
    "all": ("",),
}


def classifier(scratch=False, unfrozen=("",), norms=False):
    """Returns a compiled classifier, its backbone, and the loaded weights.

    Args:
        scratch: Whether its weights are random, and all of them train.
        unfrozen: What the names of the layers that train begin with.
        norms: Whether batch normalization trains with the rest.
    """
    return _classifier(scratch, unfrozen, norms)


@functools.cache  # Building and tracing one takes seconds.
def _classifier(scratch, unfrozen, norms):
    base_model = pretrained.load_backbone(
        "residual", None if scratch else "embedded"
    )
    for layer in base_model.layers:
        norm = isinstance(layer, keras.layers.BatchNormalization)
        chosen = layer.name.startswith(unfrozen) and (norms or not norm)
        layer.trainable = scratch or chosen
    inputs = keras.Input(base_model.input_shape[1:])
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    outputs = keras.layers.Dense(2, name="head")(x)
    model = keras.Model(inputs, outputs)
    _compile(model)
    return model, base_model, base_model.get_weights()


def _compile(model):
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )


@functools.cache
def with_coral():
    """Returns a classifier with a second input, for the target's pictures."""
    model, base_model, loaded = classifier()
    pool = keras.layers.GlobalAveragePooling2D()
    source, target = (keras.Input(base_model.input_shape[1:]) for _ in "AB")
    x = CoralLoss()([pool(base_model(source)), pool(base_model(target))])
    both = keras.Model([source, target], model.get_layer("head")(x))
    _compile(both)
    return both, model, base_model, loaded


@functools.cache
def home():
    """Returns the task on scanner A, its pictures in the table's order.

    In `targets.load` the order of training pictures, and so a draw of labels,
    depends on the global seed at the time of loading. Here a seed draws the
    same pictures in each run, so that methods can be compared by pairs.
    """
    parts = {"train": pictures("train", "A")[:2]}
    return targets.Target("histology", 2, FLIPS, "auc", parts)


def make_base(run):
    """Trains the base of a run in place, and returns it."""
    keras.utils.set_random_seed(run.seed)
    images, labels = home().draw(run.labels, run.seed)
    kind, _, extra = run.base.partition(", ")
    scratch = kind == "scratch"
    model, base_model, loaded = classifier(scratch, norms=extra == "norms")
    if scratch:
        randomise(model)
    else:
        base_model.set_weights(loaded)
        _start(model, base_model, images, labels, run)
    if kind == "frozen":
        return model, base_model
    kind = "scratch" if scratch else "fine-tuned"
    steps, rate = STEPS[kind][run.labels], RATES[kind]
    if extra.startswith("CORAL"):
        both, *_ = with_coral()
        others, _, _ = pictures("adaptation", extra[-1])
        data = pipeline(images, labels, FLIPS, run.seed)
        unknown = pipeline(others, others[:, 0, 0, 0], FLIPS, run.seed)
        data = tf.data.Dataset.zip(data, unknown)
        data = data.map(lambda own, other: ((own[0], other[0]), own[1]))
        train_on(both, data, steps, rate)
        return model, base_model
    augment = None
    if extra in STRENGTHS:
        augment = RandomStains(STRENGTHS[extra], seed=run.seed)
    rest = FLIPS, steps, rate, run.seed
    train(model, images, labels, *rest, augment=augment)
    return model, base_model


def _start(model, base_model, images, labels, run):
    """Gives a head its first weights: fitted, or random."""
    head = model.get_layer("head")
    if run.base.endswith("random head"):
        fresh = keras.layers.Dense(2)
        fresh.build(head.kernel.shape[:1])
        head.set_weights(fresh.get_weights())
        return
    versions = variants(images, FLIPS)
    strength = HEAD
    if run.base.startswith("frozen, "):
        # As many times as many rows would weigh as much more.
        strength = HEAD / STAIN_DRAWS
        name = run.base.partition(", ")[2]
        augment = RandomStains(STRENGTHS[name], seed=run.seed)
        versions = [
            np.asarray(augment(version.astype("float32")))
            for version in versions
            for _ in range(STAIN_DRAWS)
        ]
    features = [pooled(base_model, version) for version in versions]
    head.set_weights(
        fit_head(
            np.concatenate(features), np.tile(labels, len(features)), strength
        )
    )


@functools.cache
def stains(scanner):
    """Estimates a scanner's stains, without labels.

    Those of scanner A from all training pictures, or, to repair A itself as a
    control, from the validation pictures: name it `"A again"`.
    """
    parts = {"A": ("train", "A"), "A again": ("validation", "A")}
    return estimate_stains(
        pictures(*parts.get(scanner, ("adaptation", scanner)))[0]
    )


@functools.cache
def normalised(scanner):
    """Returns a scanner's test pictures with the stains of scanner A."""
    images, _, _ = pictures("test", scanner)
    own = stains("A again" if scanner == "A" else scanner)
    return np.concatenate(
        [
            np.asarray(normalise_stains(images[i : i + 100], own, stains("A")))
            for i in range(0, len(images), 100)
        ]
    )


def unlabelled(scanner):
    """Returns pictures of a scanner to adapt to, and their hidden labels."""
    part = "validation" if scanner == "A" else "adaptation"
    return pictures(part, scanner)[:2]


def repair_with(name, model, scanner, run, number):
    """Repairs a model in place; returns what it gives for the test pictures.

    Args:
        name: Name of the repair.
        model: A trained base.
        scanner: The target.
        run: The run, for its draw of labels.
        number: Number of target labels.
    """
    test = pictures("test", scanner)[0]
    images, labels = unlabelled(scanner)
    if name == "stain normalisation":
        return logits_of(model, normalised(scanner))
    if name == "AdaBN":
        adapt_batch_norm(model, images)
    elif name == "AdaBN, malignant only":
        adapt_batch_norm(model, images[labels == 1])
    elif name == "TENT":
        adapt_by_entropy(model, images, from_logits=True)
    elif name == "pseudo-labels":
        chance = apply_temperature(logits_of(model, images), 1.0)
        sure, named = pseudo_labels(chance[:, None], PSEUDO_THRESHOLD)
        own, truth = home().draw(run.labels, run.seed)
        model = _taught(
            model,
            np.concatenate([own, images[sure]]),
            np.concatenate([truth, named]),
            run,
            PSEUDO_STEPS,
        )
    elif name in LAYERS:
        rows = _draw(labels, number, run.seed)
        if run.base == "frozen":
            _refit(model, run, images[rows], labels[rows])
        else:
            model = _taught(
                model,
                images[rows],
                labels[rows],
                run,
                TARGET_STEPS,
                LAYERS[name],
            )
    return logits_of(model, test)


def _draw(labels, number, seed):
    """Draws as many pictures of each class, from the whole split."""
    rng = np.random.default_rng([4, seed])
    each = [
        rng.permutation(np.flatnonzero(labels == c))[: number // 2]
        for c in (0, 1)
    ]
    return np.concatenate(each)


def _taught(model, images, labels, run, steps, unfrozen=("",)):
    """Goes on training from a model's weights; returns the trained one."""
    copy, _, _ = classifier(unfrozen=unfrozen)
    copy.set_weights(model.get_weights())
    train(copy, images, labels, FLIPS, steps, RATES["fine-tuned"], run.seed)
    return copy


def _refit(model, run, images, labels):
    """Fits the head anew, to the labels of A and of the target."""
    own, truth = home().draw(run.labels, run.seed)
    base_model = classifier()[1]
    features, known = [], []
    for some, answers in ((own, truth), (images, labels)):
        parts = [pooled(base_model, v) for v in variants(some, FLIPS)]
        features += parts
        known += [answers] * len(parts)
    head = fit_head(np.concatenate(features), np.concatenate(known), HEAD)
    model.get_layer("head").set_weights(head)


def execute(run):
    """Makes one run: trains its base, and tries each of its repairs.

    Args:
        run: A `domain_adaptation.Run`.

    Returns:
        A list of dicts, one for each repair and scanner.
    """
    began = time.perf_counter()
    model, _ = make_base(run)
    trained = time.perf_counter() - began
    weights = model.get_weights()
    _, labels, _ = own = pictures("validation", "A")
    threshold, temperature = carried(labels, logits_of(model, own[0]))
    rows = []
    for name, scanner, number in run.repairs:
        began = time.perf_counter()
        if name == "none":
            logits = logits_of(model, pictures("test", scanner)[0])
        else:
            keras.utils.set_random_seed(run.seed)
            logits = repair_with(name, model, scanner, run, number)
            model.set_weights(weights)
        seconds = time.perf_counter() - began
        _, labels, patients = pictures("test", scanner)
        if not np.isfinite(logits).all():
            raise ArithmeticError(f"{run} {name}: logits that are not finite")
        found = measure(labels, logits, patients, threshold, temperature)
        rows.append(
            {
                "repair": name,
                "scanner": scanner,
                "target_labels": number,
                **found,
                "seconds": seconds + (trained if name == "none" else 0),
            }
        )
    return rows
