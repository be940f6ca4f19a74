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

from benchmarks.real_ground import cells, old_task, training

BATCH = 16
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
    *training.CURVES,
)
# Filters, kernel size and strides of the network from scratch.
SCRATCH = ((16, 5, 2), (32, 3, 1), (64, 3, 1), (128, 3, 1))
# What is trained, and where the network may be cut before it.
DEPTHS = {"block 7": "block6d_add", "blocks 5 to 7": "block4c_add", "all": None}


def frozen_head(draw):
    """Fits the head; returns its kernel and bias, as `Dense` has them."""
    y = cells.labels()
    features = np.concatenate(
        [cells.inputs("pooled", draw.train, flip) for flip in range(4)]
    )
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    validation = cells.inputs("pooled", draw.validation)
    found = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit((features - mean) / spread, np.tile(y[draw.train], 4))
        kernel = model.coef_.T / spread[:, None]
        bias = model.intercept_ - mean @ kernel
        logits = (validation @ kernel + bias)[:, 0]
        auc = training.judged(logits, y[draw.validation])["auc"]
        found.append((auc, kernel, bias))
    return max(found, key=lambda one: one[0])[1:]


def frozen(draw):
    """Makes one run of the frozen network."""
    start = time.perf_counter()
    kernel, bias = frozen_head(draw)
    found = training.tested(
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
    model, base_model, agreement, weights = network(cut, batch_norm)
    base_model.set_weights(weights)
    model.get_layer("head").set_weights(frozen_head(draw))
    inputs = functools.partial(cells.inputs, cut)
    watch = training.Watch(inputs, draw, agreement)
    training.train(model, watch, seed, rate, epochs, BATCH)
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
    watch = training.Watch(cells.small_pictures, draw)
    training.train(model, watch, seed, rate, epochs, 2 * BATCH)
    return _row(
        watch.results,
        parameters=count(model),
        seconds=time.perf_counter() - start,
    )


# Building a model and tracing its steps takes as long as an epoch, so each is
# built once in a process, and given its first weights again for each run.
@functools.cache
def network(cut, batch_norm=False, optimizer=keras.optimizers.Adam):
    """Returns a compiled network and what a run needs of it.

    Args:
        cut: Where it begins, see `DEPTHS`.
        batch_norm: Whether batch normalization is in training mode.
        optimizer: What makes a Keras optimizer.

    Returns:
        The model, whose head is the layer `"head"`, the whole backbone, an
        `old_task.Agreement`, and the backbone's weights as they were loaded.
    """
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
    _compile(model, optimizer)
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


def _compile(model, optimizer=keras.optimizers.Adam):
    model.compile(
        optimizer(),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)


def count(model):
    """Returns the number of parameters that are trained."""
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def _row(found, **more):
    return {**dict.fromkeys(RESULTS, ""), **found, **more}
