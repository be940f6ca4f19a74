"""Compile a model again, with all that can be carried over."""

import keras

from course_utils.machine.errors import CourseError
from course_utils.transfer.fresh_optimizers import LossScale, fresh_optimizer


def recompile(model, learning_rate=None):
    """Compiles a model again, so that changed flags take effect.

    It gets a new optimizer of the same class and settings, which has no
    memory of earlier steps; all else is as in the last `compile`, or as it
    was set since (`model.run_eagerly = True`). Introduced in lesson 03
    (``03_fine_tuning``), which does it by hand.

    Args:
        model: A compiled `keras.Model` of any kind. It is changed.
        learning_rate: Number above 0, or a Keras schedule. Defaults to the
            one that the model has now.

    Raises:
        CourseError: If the model was never compiled, or if something cannot
            be carried over: an optimizer that does not tell all of its
            settings, or what a `compile` method of the model's own was given.
            Also if one rate is given for an optimizer that has several. The
            model is then as it was.
    """
    settings = compile_settings(model)
    settings["optimizer"] = fresh_optimizer(
        model.optimizer,
        learning_rate,
        [(variable, variable) for variable in model.variables],
    )
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
