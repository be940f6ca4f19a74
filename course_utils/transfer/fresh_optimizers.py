"""Make an optimizer anew, with all of its settings and none of its memory."""

import inspect

import keras

from course_utils.machine.arguments import number
from course_utils.machine.errors import CourseError

LossScale = keras.optimizers.LossScaleOptimizer


def fresh_optimizer(old, learning_rate=None, variables=()):
    """Makes a new optimizer of the same class and settings.

    `get_config` does not tell all: which weights are excluded from weight
    decay, and what an optimizer wraps, are carried over apart from it.

    Args:
        old: A Keras optimizer; it is not changed.
        learning_rate: A number above 0, or a Keras schedule. Defaults to the
            rate that `old` has now.
        variables: Pairs of a weight that `old` may know and the one that
            stands in its place; the same one twice, if the model is the same.

    Raises:
        CourseError: If the class cannot be made from its settings or keeps
            some to itself, if the rate is no positive number, or if one rate
            is given and the optimizer has several.
    """
    if learning_rate is not None:
        check_one_rate(old)
    new = _rebuilt(old, learning_rate, variables)
    _check_state(old, new)
    _exclude_from_weight_decay(old, new, variables)
    return new


def checked_rate(rate, name="learning_rate"):
    """Returns a learning rate as a number, or a schedule as it is.

    Raises:
        CourseError: If it is neither a schedule nor a number above 0.
    """
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate
    return number(name, rate, 1e-3, above=0)


def check_one_rate(optimizer):
    """Raises a `CourseError` for an optimizer with several learning rates."""
    if any(hasattr(part, "optimizers") for part in parts_of(optimizer)):
        raise CourseError(
            f"{type(optimizer).__name__} has a learning rate for each of its "
            "optimizers, and one number would have to stand for all: compile "
            "the model with a single optimizer, or train step by step with "
            "recompile(model), which keeps each rate."
        )


def parts_of(optimizer):
    """Returns an optimizer and those that it wraps (Keras: inner ones)."""
    inside = [getattr(optimizer, "inner_optimizer", None)]
    inside += getattr(optimizer, "optimizers", [])
    found = [optimizer]
    for part in inside:
        found += [] if part is None else parts_of(part)
    return found


def _rebuilt(old, learning_rate, variables):
    if isinstance(old, LossScale):
        inner = fresh_optimizer(old.inner_optimizer, learning_rate, variables)
        return _made(old, {**_config(old), "inner_optimizer": inner})
    if hasattr(old, "optimizers"):
        new_map = _fresh_map(old, variables)
        return _made(old, {**_config(old), "optimizer_map": new_map})
    config = _config(old)
    if learning_rate is not None:
        config["learning_rate"] = checked_rate(learning_rate)
    elif callable(getattr(old, "_learning_rate", None)):
        # A schedule has no memory, and its class may not be registered.
        config["learning_rate"] = old._learning_rate
    return _made(old, config, type(old).from_config)


def _fresh_map(old, variables):
    """Returns the map of a `MultiOptimizer` with each optimizer made anew."""
    old_map = old._optimizer_map
    if not isinstance(old_map, keras.optimizers.OptimizerMap):
        raise _refusal(old, "it chooses optimizers by a function")
    ones = [old_map.default_optimizer, *old_map.values()]
    # Two names may share one optimizer.
    fresh = {id(one): one for one in ones}
    for key, one in fresh.items():
        fresh[key] = fresh_optimizer(one, None, variables)
    return keras.optimizers.OptimizerMap(
        fresh[id(old_map.default_optimizer)],
        {name: fresh[id(one)] for name, one in old_map.items()},
    )


def _config(old):
    """Returns the settings of an optimizer, if it tells all of them."""
    try:
        config = dict(old.get_config())
    except Exception as error:
        raise _refusal(old, f"get_config fails with {_line(error)}") from error
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for parameter in inspect.signature(type(old)).parameters.values():
        if parameter.kind not in kinds and parameter.name not in config:
            raise _refusal(old, f"its get_config leaves out {parameter.name}")
    return config


def _made(old, config, make=None):
    try:
        return type(old)(**config) if make is None else make(config)
    except Exception as error:
        reason = f"its get_config does not fit: {_line(error)}"
        raise _refusal(old, reason) from error


def _check_state(old, new):
    """Refuses an optimizer that was set up otherwise after it was made."""
    for name, value in vars(new).items():
        # What is no plain value is made anew: variables, lists of them.
        if isinstance(value, bool | int | float | str | None):
            if name not in ("built", "_lock") and vars(old)[name] != value:
                raise _refusal(old, f"its get_config leaves out {name}")


def _refusal(old, reason):
    return CourseError(
        f"The optimizer {type(old).__name__} cannot be made anew, since "
        f"{reason}: let get_config tell all that __init__ takes, or compile "
        "the model with an optimizer of Keras."
    )


def _line(error):
    return (str(error).splitlines() or [type(error).__name__])[0]


def _exclude_from_weight_decay(old, new, variables):
    excluded = getattr(old, "_exclude_from_weight_decay", set())
    pattern = getattr(old, "_exclude_from_weight_decay_pattern", None)
    if excluded or pattern:
        new.exclude_from_weight_decay(
            [two for one, two in variables if old._var_key(one) in excluded],
            [pattern.pattern] if pattern else None,
        )
