"""Smoke runs: the tests run each lesson quickly, one step a training.

With the environment variable ``COURSE_SMOKE=1`` a lesson is only tried, not
believed: each ``fit`` takes one step, ``evaluate``, ``predict`` and loops over
a data loader of PyTorch look at one batch, features are those of two pictures,
and claims about effects are not judged. Learners never set it.
"""

import contextlib
import functools
import itertools
import os

BATCH_SIZE = 32
FEW = 2  # pictures that features are computed of


def is_on() -> bool:
    """Return whether this process makes a smoke run."""
    return os.environ.get("COURSE_SMOKE") == "1"


def shorten_training() -> None:
    """Make every later ``keras.Model.fit`` of this process one step long.

    And without a graph: to trace one takes longer than a step without.
    """
    import keras

    fit = keras.Model.fit
    # Not `__wrapped__`: Keras's own `fit` is a wrapped function already.
    if getattr(fit, "is_short", False):
        return

    @functools.wraps(fit)
    def one_step(self, *arguments, **options):
        first = options.get("initial_epoch", 0)
        one = {"epochs": first + 1, "steps_per_epoch": 1}
        if options.get("validation_data") is not None:
            one["validation_steps"] = 1
        with without_graphs():
            return fit(self, *arguments, **{**options, **one})

    one_step.is_short = True
    keras.Model.fit = one_step


def shorten_loops() -> None:
    """Make every later loop over a ``DataLoader`` of PyTorch one step long.

    And a ``Sequential`` that records no gradients looks at `FEW` pictures.
    """
    import torch
    from torch.utils.data import DataLoader

    batches, forward = DataLoader.__iter__, torch.nn.Sequential.forward
    if getattr(batches, "is_short", False):
        return

    @functools.wraps(batches)
    def one_batch(self):
        return itertools.islice(batches(self), 1)

    @functools.wraps(forward)
    def of_few(self, x):
        if torch.is_grad_enabled():
            return forward(self, x)
        return forward(self, x[:FEW])[torch.arange(len(x)) % min(FEW, len(x))]

    one_batch.is_short = True
    DataLoader.__iter__ = one_batch
    torch.nn.Sequential.forward = of_few


def shorten_prediction() -> None:
    """Make every later ``evaluate`` and ``predict`` look at one batch.

    What ``predict`` gives has the shape that it would have: what was found for
    the first pictures, again and again. So has ``predict_on_batch``, by which
    features are computed, and which looks at `FEW` pictures.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    evaluate, predict = keras.Model.evaluate, keras.Model.predict
    on_batch = keras.Model.predict_on_batch
    if getattr(predict, "is_short", False):
        return

    @functools.wraps(evaluate)
    def on_one_batch(self, *arguments, **options):
        with without_graphs():
            return evaluate(self, *arguments, **{**options, "steps": 1})

    @functools.wraps(predict)
    def repeated(self, x, *arguments, **options):
        count = len(x)
        if isinstance(x, tf.data.Dataset):
            batches = [keras.tree.flatten(batch)[0] for batch in x]
            x, count = batches[0], sum(map(len, batches))
        with without_graphs():
            found = predict(self, x[:BATCH_SIZE], *arguments, **options)
        return as_many(found, count)

    @functools.wraps(on_batch)
    def of_few(self, x):
        return as_many(on_batch(self, x[:FEW]), len(x))

    def as_many(found, count):
        return keras.tree.map_structure(
            lambda part: np.resize(part, (count, *part.shape[1:])), found
        )

    repeated.is_short = True
    keras.Model.evaluate, keras.Model.predict = on_one_batch, repeated
    keras.Model.predict_on_batch = of_few


@contextlib.contextmanager
def without_graphs():
    """Within it, what `@tf.function` marks runs like any other Python."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
