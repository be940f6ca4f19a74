"""Smoke runs: the tests run each lesson quickly, one step a training.

With the environment variable ``COURSE_SMOKE=1`` a lesson is only tried, not
believed: each ``fit`` takes one step, and claims about effects are not
judged. Learners never set it.
"""

import functools
import os


def is_on() -> bool:
    """Return whether this process makes a smoke run."""
    return os.environ.get("COURSE_SMOKE") == "1"


def shorten_training() -> None:
    """Make every later ``keras.Model.fit`` of this process one step long.

    And without a graph: to trace one takes longer than a step without.
    """
    import keras
    import tensorflow as tf

    fit = keras.Model.fit
    # Not `__wrapped__`: Keras's own `fit` is a wrapped function already.
    if getattr(fit, "takes_one_step", False):
        return

    @functools.wraps(fit)
    def one_step(self, *arguments, **options):
        first = options.get("initial_epoch", 0)
        one = {"epochs": first + 1, "steps_per_epoch": 1}
        if options.get("validation_data") is not None:
            one["validation_steps"] = 1
        tf.config.run_functions_eagerly(True)
        try:
            return fit(self, *arguments, **{**options, **one})
        finally:
            tf.config.run_functions_eagerly(False)

    one_step.takes_one_step = True
    keras.Model.fit = one_step
