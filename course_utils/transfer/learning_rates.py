"""Look for a learning rate before the training."""

import dataclasses
import functools
import math
import random

import keras
import numpy as np
import pandas as pd

from course_utils.machine import quick_runs
from course_utils.machine.arguments import number, whole_number
from course_utils.machine.errors import CourseError, reason
from course_utils.transfer.compiling import compile_settings
from course_utils.transfer.fit_data import fit_arguments
from course_utils.transfer.fresh_optimizers import (
    check_one_rate,
    fresh_optimizer,
)
from course_utils.transfer.training_label_checks import check_labels

MOST_STEPS = 100_000


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """Losses at rising learning rates; made by `find_learning_rate`.

    Attributes:
        rates: Learning rates, rising, shape `(steps,)`.
        losses: Loss of one batch at each, before the step that it led to.
        smoothed: The same, averaged over some ten steps.
        suggestion: A learning rate to begin with: a tenth of the one where
            the smoothed loss is lowest. A start, not a verdict: it was found
            within some steps, on training data.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float


def find_learning_rate(
    model, data, lowest=1e-6, highest=1.0, steps=100, batch_size=32
):
    """Trains a copy with ever higher learning rates, and watches the loss.

    It ends early when the averaged loss is four times its lowest, after ten
    steps or more (a loss below 0 has no ratio: there it ends after a rise of
    three times the fall, or of three times the lowest), or when a loss is no
    number. The losses are those of single
    batches: what `fit` shows is an average over the epoch so far. Introduced in
    lesson 03 (``03_fine_tuning``).

    Args:
        model: A compiled `keras.Model`, flags set as for the training to
            come. It, its optimizer and the random state are left alone; a
            copy of its weights is trained.
        data: A `tf.data.Dataset` of batches `(images, labels)`, or a tuple
            of two arrays. It is read over and over; one that shuffles goes
            on to its next orders.
        lowest: First learning rate.
        highest: Last learning rate, if the loss permits.
        steps: Number of batches; in a smoke run (see
            `course_utils.machine.quick_runs`) no more than 3.
        batch_size: Pictures a batch, for arrays only.

    Returns:
        A `LearningRates`; `course_utils.evaluation.plot_learning_rates` draws
        it.

    Raises:
        CourseError: If the model is not compiled or cannot be copied, if the
            labels do not fit it, if `highest` is not above `lowest`, or if the
            loss is no finite number from the start.

    Reference:
        Smith (2017), "Cyclical Learning Rates for Training Neural Networks",
        https://arxiv.org/abs/1506.01186
    """
    lowest = number("lowest", lowest, 1e-6, above=0)
    highest = number("highest", highest, max(1.0, 10 * lowest), above=lowest)
    steps = whole_number("steps", steps, 100, most=MOST_STEPS)
    batch_size = whole_number("batch_size", batch_size, 32)
    steps = min(steps, 3) if quick_runs.is_on() else steps
    settings = compile_settings(model)
    check_one_rate(model.optimizer)
    check_labels(model, data)
    if not model.trainable_weights:
        raise CourseError(
            "All of this model is frozen, so its loss would say nothing of the "
            "rate: set the flags as for the training to come, as by unfreeze."
        )
    # New layers draw the seeds of their first weights from Python.
    states = random.getstate(), np.random.get_state()
    try:
        copy = _copy(model)
        pairs = list(zip(model.variables, copy.variables, strict=True))
        settings["optimizer"] = fresh_optimizer(model.optimizer, lowest, pairs)
        # One batch at a time, and of that the loss alone.
        for name in ("steps_per_execution", "metrics", "weighted_metrics"):
            settings.pop(name, None)
        copy.compile(**settings)
        rates, losses = _losses(
            copy,
            _endless(data, batch_size),
            np.geomspace(lowest, highest, steps),
        )
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
    smoothed = _smooth(losses)
    return LearningRates(
        rates, losses, smoothed, float(rates[smoothed.argmin()] / 10)
    )


def _losses(model, batches, rates):
    losses = []
    for rate, batch in zip(rates, batches, strict=False):
        model.optimizer.learning_rate = rate
        # Else older Keras gives the mean over all batches so far.
        model.reset_metrics()
        try:
            found = model.train_on_batch(*batch, return_dict=True)
            if "loss" not in found:
                raise CourseError(
                    "The model's own train_step returns no 'loss': add it to "
                    "the dict that it returns."
                )
        except CourseError:
            raise
        except Exception as error:
            raise CourseError(
                f"No step can be made with these data ({reason(error)}): call "
                "model.evaluate on one batch of them, and change labels, "
                "weights or loss until it works."
            ) from error
        loss = float(found["loss"])
        if not math.isfinite(loss):
            break
        losses.append(loss)
        smoothed = _smooth(losses)
        least = smoothed.min()
        # A loss below 0, such as a similarity, has no ratio.
        room = 3 * (least if least > 0 else max(-least, smoothed[0] - least))
        if len(losses) > 10 and smoothed[-1] > least + room:
            break
    if not losses:
        raise CourseError(
            "The loss is no finite number before any step was made: look for "
            "values in the data, or in the weights, that are no numbers."
        )
    return rates[: len(losses)], np.array(losses)


def _smooth(losses):
    """Exponential moving average, over some ten steps."""
    return pd.Series(losses).ewm(alpha=0.1).mean().to_numpy()


def _endless(data, batch_size):
    """Yields batches of one size, over and over."""
    arguments = fit_arguments(data)
    if "y" in arguments:
        data = _Arrays(tuple(arguments.values()), batch_size)
    whole = None
    while True:
        found = False
        for batch in data:
            size = len(keras.tree.flatten(batch)[0])
            whole = size if whole is None else whole
            if size == whole:  # A smaller last batch would only add noise.
                found = True
                yield batch
        if not found:
            raise CourseError(
                "The data gave no whole batch when they were read again, as a "
                "generator does that can be read only once: make the data "
                "from a function that starts anew each time, or add "
                "`.cache()` to them before they are read."
            )


class _Arrays:
    """Batches of arrays, in an order of its own."""

    def __init__(self, arrays, batch_size):
        self.arrays = keras.tree.map_structure(np.asarray, arrays)
        self.count = len(keras.tree.flatten(self.arrays)[0])
        self.size = batch_size
        self.generator = np.random.default_rng(0)

    def __iter__(self):
        order = self.generator.permutation(self.count)
        for start in range(0, self.count, self.size):
            chosen = order[start : start + self.size]
            yield keras.tree.map_structure(
                functools.partial(np.take, indices=chosen, axis=0), self.arrays
            )


def _copy(model):
    """Copies a model: its layers, weights and flags, not its compilation.

    `keras.models.clone_model` compiles as well, and raises where the loss is
    a plain function.
    """
    layers = list(model._flatten_layers())
    kinds = {type(layer).__name__: type(layer) for layer in layers}
    with keras.saving.custom_object_scope(kinds):
        try:
            copy = type(model).from_config(model.get_config())
            if not copy.built:
                copy.build_from_config(model.get_build_config())
        except Exception as error:
            raise _no_copy(model, _culprit(layers, error)) from error
    own = {id(variable) for variable in model.variables}
    if any(id(variable) in own for variable in copy.variables):
        raise _no_copy(
            model,
            "its get_config hands out its very layers. Let it hand out "
            "keras.saving.serialize_keras_object(layer) of each, and let "
            "from_config make them with deserialize_keras_object",
        )
    try:
        copy.set_weights(model.get_weights())
    except ValueError as error:
        raise _no_copy(
            model,
            "its copy has other weights, since layers were changed after they "
            "were made, perhaps by enable_lora. Look for the rate before that",
        ) from error
    # From the outside in, since a flag is passed on to the layers within.
    for old, new in zip(
        model._flatten_layers(), copy._flatten_layers(), strict=True
    ):
        new.trainable = old.trainable
    # A weight may be frozen where its layer is not, as beside an adapter.
    for old, new in zip(model.variables, copy.variables, strict=True):
        new.trainable = old.trainable
    return copy


def _no_copy(model, why):
    return CourseError(
        f"The model {model.name!r} cannot be copied, and no rate is tried on "
        f"the original: {why}."
    )


def _culprit(layers, error):
    """Returns which part cannot be made again, and what to do.

    Looks at the innermost layer first, and last at the model, which is the
    first of the layers.
    """
    model, culprit = layers[0], layers[0]
    for layer in reversed(layers[1:]):
        try:
            config = keras.saving.serialize_keras_object(layer)
            keras.saving.deserialize_keras_object(config)
        except Exception as reason:
            culprit, error = layer, reason
            break
    kinds = [type(culprit)]
    if culprit is model and _is_of_keras(kinds[0]):
        # Each layer was made, and one does not work: not one of Keras.
        own = {type(layer) for layer in layers}
        kinds = [kind for kind in own if not _is_of_keras(kind)] or kinds
    if isinstance(culprit, keras.layers.Lambda):
        remedy = "Write it as a layer of your own, a class with `call`"
    elif all(map(_is_of_keras, kinds)):
        remedy = (
            "Give it no lambda, but a function or class of your own under "
            "`@keras.saving.register_keras_serializable()`, with get_config "
            "for a class"
        )
    else:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        remedy = (
            f"Give {names} a get_config that tells all that __init__ takes, "
            "and a from_config that makes layers and functions among it with "
            "keras.saving.deserialize_keras_object"
        )
    return (
        f"{culprit.name!r} ({type(culprit).__name__}) cannot be made again "
        f"from its get_config ({type(error).__name__}). {remedy}"
    )


def _is_of_keras(kind):
    return kind.__module__.partition(".")[0] == "keras"
