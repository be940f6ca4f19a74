"""Compile a model again, with all that can be carried over."""

import math

import keras

from course_utils.machine.errors import CourseError


def recompile(
    model, learning_rate=None, optimizer=None, loss=None, metrics=None
):
    """Compiles a model again, so that changed flags take effect.

    It gets a new optimizer of the same class and settings, which has no
    memory of earlier steps; all else is as in the last `compile`. Introduced
    in lesson 03 (``03_fine_tuning``), which does it by hand.

    Args:
        model: A compiled `keras.Model` of any kind. It is changed.
        learning_rate: Number above 0, or a Keras schedule. Defaults to the
            one that the model has now.
        optimizer: A new optimizer, or its name, in place of one made from
            the old one's settings.
        loss: In place of the model's loss.
        metrics: In place of the model's metrics.

    Raises:
        CourseError: If the model was never compiled, or if something cannot
            be carried over and is not given: an optimizer that cannot be
            made from its own settings, or the arguments of a `compile`
            method of the model's own. Also if `optimizer` has worked before:
            it would know the old weights only.
    """
    given = optimizer is not None and loss is not None
    settings = {} if given else compile_settings(model)
    if given and model.compiled and not _has_own_compile(model):
        settings = compile_settings(model)
    settings["optimizer"] = (
        fresh_optimizer(model.optimizer, learning_rate)
        if optimizer is None
        else _given_optimizer(optimizer, learning_rate)
    )
    if loss is not None:
        settings["loss"] = loss
    if metrics is not None:
        settings["metrics"] = metrics
    model.compile(**settings)


def compile_settings(model):
    """Returns the arguments of a model's last `compile`, the objects alive.

    `model.get_compile_config()` would give them as text, from which a loss
    that is a plain function cannot be made again.

    Args:
        model: A `keras.Model`.

    Raises:
        CourseError: As in `recompile`.
    """
    if not isinstance(model, keras.Model):
        raise CourseError(
            f"Expected a Keras model, not {type(model).__name__}: pass the "
            "whole model, head included."
        )
    if not model.compiled or model.optimizer is None:
        raise CourseError(
            "This model has no optimizer and no loss yet: call "
            "model.compile(optimizer=..., loss=..., metrics=...) once."
        )
    if _has_own_compile(model):
        raise CourseError(
            f"{type(model).__name__} has a compile method of its own, whose "
            "arguments cannot be carried over: call it yourself, with a new "
            "optimizer, or give optimizer, loss and metrics to recompile."
        )
    return dict(model._compile_config.config)


def fresh_optimizer(old, learning_rate=None):
    """Makes a new optimizer of the same class and settings.

    Args:
        old: A Keras optimizer; it is not changed.
        learning_rate: As in `recompile`.

    Raises:
        CourseError: If the class cannot be made from its settings, or if the
            rate is no positive number.
    """
    # Keras wraps it again where the model computes in float16.
    old = getattr(old, "inner_optimizer", old)
    try:
        config = old.get_config()
        if learning_rate is not None:
            config["learning_rate"] = checked_rate(learning_rate)
        return type(old).from_config(config)
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(
            f"The optimizer {type(old).__name__} cannot be made anew from its "
            f"settings ({str(error).splitlines()[0]}): give a new one as "
            "optimizer=."
        ) from error


def checked_rate(rate):
    """Returns a learning rate as a number, or a schedule as it is.

    Raises:
        CourseError: If it is neither a schedule nor a number above 0.
    """
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate
    try:
        number = float(rate)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 < number < math.inf:
        raise CourseError(
            f"A learning rate is a number above 0, such as 1e-3, not {rate!r}: "
            "find_learning_rate suggests one."
        )
    return number


def _given_optimizer(optimizer, learning_rate):
    if getattr(optimizer, "built", False):
        raise CourseError(
            "This optimizer has worked before, and knows the weights of then "
            "only: make a new one, or leave out optimizer= to have one made."
        )
    optimizer = keras.optimizers.get(optimizer)
    if learning_rate is not None:
        optimizer.learning_rate = checked_rate(learning_rate)
    return optimizer


def _has_own_compile(model):
    return type(model).compile is not keras.Model.compile
