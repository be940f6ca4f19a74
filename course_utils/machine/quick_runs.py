"""Smoke runs: the tests run each lesson quickly, one step a training.

With the environment variable ``COURSE_SMOKE=1`` a lesson is only tried, not
believed: each ``fit`` takes one step, ``evaluate`` and ``predict`` look at one
batch, and claims about effects are not judged. Learners never set it.
"""

import contextlib
import functools
import os

BATCH_SIZE = 32


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


def shorten_prediction() -> None:
    """Make every later ``evaluate`` and ``predict`` look at one batch.

    What ``predict`` gives for an array has the shape that it would have: what
    was found for the first pictures, again and again. For a ``tf.data.Dataset``
    it is all as ever.
    """
    import keras
    import numpy as np

    evaluate, predict = keras.Model.evaluate, keras.Model.predict
    if getattr(predict, "is_short", False):
        return

    @functools.wraps(evaluate)
    def on_one_batch(self, *arguments, **options):
        with without_graphs():
            return evaluate(self, *arguments, **{**options, "steps": 1})

    @functools.wraps(predict)
    def repeated(self, x, *arguments, **options):
        if not isinstance(x, np.ndarray):
            return predict(self, x, *arguments, **options)
        with without_graphs():
            found = predict(self, x[:BATCH_SIZE], *arguments, **options)
        return keras.tree.map_structure(
            lambda part: np.resize(part, (len(x), *part.shape[1:])), found
        )

    repeated.is_short = True
    keras.Model.evaluate, keras.Model.predict = on_one_batch, repeated


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
