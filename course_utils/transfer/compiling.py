"""Compile a model again, with all that can be carried over."""

import keras

from course_utils.machine.errors import CourseError
from course_utils.transfer.fresh_optimizers import (
    LossScale,
    check_one_rate,
    checked_rate,
    fresh_optimizer,
    parts_of,
)


def recompile(
    model, learning_rate=None, optimizer=None, loss=None, metrics=None
):
    """Compiles a model again, so that changed flags take effect.

    It gets a new optimizer of the same class and settings, which has no
    memory of earlier steps; all else is as in the last `compile`, or as it
    was set since (`model.run_eagerly = True`). Introduced in lesson 03
    (``03_fine_tuning``), which does it by hand.

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
            be carried over: an optimizer that does not tell all of its
            settings, or what a `compile` method of the model's own was given.
            Also if `optimizer` has worked before, since it would know the old
            weights only, or if one rate is given for an optimizer that has
            several. The model is then as it was.
    """
    settings = {}
    if optimizer is None or loss is None or getattr(model, "compiled", False):
        settings = compile_settings(model)
    _check_compile(model)
    settings["optimizer"] = (
        fresh_optimizer(
            model.optimizer,
            learning_rate,
            [(variable, variable) for variable in model.variables],
        )
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
    that is a plain function cannot be made again. What was set on the model
    since is as it is now.

    Args:
        model: A `keras.Model`.

    Returns:
        Dict of the arguments of `keras.Model.compile`. The optimizer is the
        one that the model works with.

    Raises:
        CourseError: As in `recompile`, for the model and its `compile`.
    """
    _check_compile(model)
    if not model.compiled or model.optimizer is None:
        raise CourseError(
            "This model has no optimizer and no loss yet: call "
            "model.compile(optimizer=..., loss=..., metrics=...) once."
        )
    return {
        **model._compile_config.config,
        "optimizer": model.optimizer,
        "run_eagerly": model.run_eagerly,
        "steps_per_execution": model.steps_per_execution,
        "jit_compile": model.jit_compile and not model.run_eagerly,
        # Keras does not keep it, and wraps an optimizer unless told not to.
        "auto_scale_loss": isinstance(model.optimizer, LossScale),
    }


def _check_compile(model):
    if not isinstance(model, keras.Model):
        raise CourseError(
            f"Expected a Keras model, not {type(model).__name__}: pass the "
            "whole model, head included."
        )
    if type(model).compile is not keras.Model.compile:
        raise CourseError(
            f"{type(model).__name__} has a compile method of its own, whose "
            "arguments cannot be carried over: train it step by step, and "
            "after each freeze or unfreeze call its compile yourself, with a "
            "new optimizer."
        )


def _given_optimizer(optimizer, learning_rate):
    if any(getattr(part, "built", False) for part in parts_of(optimizer)):
        raise CourseError(
            "This optimizer has worked before, and knows the weights of then "
            "only: make a new one, or leave out optimizer= to have one made."
        )
    try:
        optimizer = keras.optimizers.get(optimizer)
    except (TypeError, ValueError):
        raise CourseError(
            f"There is no optimizer {optimizer!r}: give a name such as "
            '"adam", or an optimizer such as keras.optimizers.Adam(1e-3).'
        ) from None
    if learning_rate is None:
        return optimizer
    check_one_rate(optimizer)
    rate = checked_rate(learning_rate)
    try:
        optimizer.learning_rate = rate
    except TypeError:  # Keras lets no number take the place of a schedule.
        raise CourseError(
            "This optimizer follows a schedule of learning rates, and "
            "learning_rate= is given as well: leave out one of the two."
        ) from None
    return optimizer
