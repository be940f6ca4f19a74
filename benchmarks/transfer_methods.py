"""The methods that the transfer report compares, one run at a time.

* frozen: the pretrained backbone stays as it is; a linear head is fitted to
  its pooled features (logistic regression on standardised features);
* fine-tuned: starting from that head, all layers are trained at a low rate;
  batch normalization (statistics, scale and shift) stays as it was;
* scratch: the same architecture from random weights, batch normalization in
  training mode, about 1.5 times as many steps.
"""

import dataclasses
import math
import time

import keras
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks import targets
from course_utils.backbones import pretrained

METHODS = ("frozen", "fine-tuned", "scratch")
# On development seeds only: does scratch gain by more steps?
LONGER = "scratch, 3 times the steps"
BATCH_SIZE = 32
# Batches for each number of labels.
STEPS = {
    "fine-tuned": {30: 100, 100: 200, 200: 300, 400: 400, 2000: 700},
    "scratch": {30: 150, 100: 300, 200: 450, 400: 600, 2000: 1200},
}
STEPS[LONGER] = {labels: 3 * n for labels, n in STEPS["scratch"].items()}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, or two: fine-tuning fits its head first.

    Attributes:
        stage: `"development"` (judged on validation pictures) or `"report"`.
        backbone: Name of the backbone.
        target: Name of the target task.
        labels: Number of labelled pictures.
        seed: The seed.
        method: One of `METHODS`, or `LONGER`.
        setting: The inverse strength of the head's regularisation for
            frozen, else the learning rate at the start.
        head: For fine-tuning, the setting of the head that it starts from.
    """

    stage: str
    backbone: str
    target: str
    labels: int
    seed: int
    method: str
    setting: float
    head: float | str = ""

    def key(self):
        """Returns what tells this run from others, as the file has it."""
        return tuple(str(value) for value in dataclasses.astuple(self))


def variants(images, flips):
    """Returns the pictures and their mirror images."""
    found = [images]
    if flips:
        found.append(images[:, :, ::-1])
    if flips == "horizontal_and_vertical":
        found += [images[:, ::-1], images[:, ::-1, ::-1]]
    return found


def fit_head(features, labels, strength):
    """Fits a linear head; returns its kernel and bias, as `Dense` has them."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    model = LogisticRegression(C=strength, max_iter=2000)
    model.fit((features - mean) / spread, labels)
    kernel, bias = model.coef_.T, model.intercept_
    if kernel.shape[1] == 1:  # two classes: one column says both
        kernel = np.concatenate([-kernel, kernel], axis=1) / 2
        bias = np.array([-bias[0], bias[0]]) / 2
    kernel = kernel / spread[:, None]
    return kernel, bias - mean @ kernel


_MODELS = {}  # of this process; building and tracing one takes seconds


def classifier(backbone, target, method):
    """Returns a compiled classifier, with weights as they come.

    Returns:
        model: The backbone, pooling and a linear head.
        base_model: The backbone inside it.
        start: The backbone's weights as they were loaded.
    """
    scratch = method in ("scratch", LONGER)
    key = (backbone, target.classes, scratch)
    if key not in _MODELS:
        weights = None if scratch else "embedded"
        base_model = pretrained.load_backbone(backbone, weights)
        if not scratch:
            # `training=False` at the call would not do: `fit` overrides it.
            for layer in base_model.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.trainable = False
        inputs = keras.Input(base_model.input_shape[1:])
        x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
        outputs = keras.layers.Dense(target.classes, name="head")(x)
        model = keras.Model(inputs, outputs)
        model.compile(
            keras.optimizers.Adam(1e-3),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        _MODELS[key] = model, base_model, base_model.get_weights()
    return _MODELS[key]


def randomise(model):
    """Gives every layer the weights of a new start."""
    fresh = keras.models.clone_model(model)
    model.set_weights(fresh.get_weights())


def train(
    model,
    images,
    labels,
    flips,
    steps,
    rate,
    seed,
    callbacks=(),
    before=0,
    total=None,
    augment=None,
):
    """Trains in place; the rate falls to zero along a cosine.

    Where it goes on after `before` steps, of `total`, so does the cosine.
    `augment` changes batches of pictures.
    """
    data = pipeline(images, labels, flips, seed)
    if augment is not None:
        data = data.map(lambda image, label: (augment(image), label))
    train_on(model, data, steps, rate, callbacks, before, total)


def pipeline(images, labels, flips, seed):
    """Returns batches without end, shuffled, and flipped at random."""
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    data = data.shuffle(len(images), seed).repeat()

    def flip(image, label):
        if flips:
            image = tf.image.random_flip_left_right(image, seed)
        if flips == "horizontal_and_vertical":
            image = tf.image.random_flip_up_down(image, seed)
        return image, label

    return data.map(flip).batch(BATCH_SIZE)


def train_on(model, data, steps, rate, callbacks=(), before=0, total=None):
    """Trains in place on so many batches; see `train`."""
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))

    class Cosine(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            done = (before + batch) / (total or steps)
            share = 0.5 * (1 + math.cos(math.pi * done))
            self.model.optimizer.learning_rate = rate * share

    data = data.take(steps).prefetch(2)
    callbacks = [Cosine(), *callbacks]
    model.fit(data, epochs=1, shuffle=False, verbose=0, callbacks=callbacks)


def judge(logits, labels, metric):
    """Returns the metric and the accuracy."""
    accuracy = float(np.mean(logits.argmax(axis=1) == labels))
    if metric == "accuracy":
        return accuracy, accuracy
    return float(roc_auc_score(labels, logits[:, 1] - logits[:, 0])), accuracy


def pooled(base_model, images):
    """Returns the mean of the feature map, (count, channels)."""
    batches = [
        np.asarray(base_model(images[i : i + 100], training=False))
        for i in range(0, len(images), 100)
    ]
    return np.concatenate(batches).mean(axis=(1, 2))


def execute(run):
    """Makes one run.

    Returns:
        Dict of the run's fields, and its metric, value, accuracy and seconds.
    """
    start = time.perf_counter()
    keras.utils.set_random_seed(run.seed)
    target = targets.load(run.target)
    images, labels = target.draw(run.labels, run.seed)
    part = "validation" if run.stage == "development" else "test"
    new_images, new_labels = target.parts[part]
    model, base_model, loaded = classifier(run.backbone, target, run.method)
    if run.method in ("scratch", LONGER):
        randomise(model)
    else:
        base_model.set_weights(loaded)
        features = [
            pooled(base_model, variant)
            for variant in variants(images, target.flips)
        ]
        strength = run.setting if run.method == "frozen" else run.head
        head = fit_head(
            np.concatenate(features),
            np.tile(labels, len(features)),
            float(strength),
        )
        model.get_layer("head").set_weights(head)
    if run.method != "frozen":
        steps = STEPS[run.method][run.labels]
        flips = target.flips
        train(model, images, labels, flips, steps, run.setting, run.seed)
    logits = model.predict(new_images, batch_size=100, verbose=0)
    value, accuracy = judge(logits, new_labels, target.metric)
    return {
        **dataclasses.asdict(run),
        "metric": target.metric,
        "value": round(value, 4),
        "accuracy": round(accuracy, 4),
        "seconds": round(time.perf_counter() - start, 1),
    }
