"""Figures of a training: its curves, and learning rates."""

import re

import numpy as np

from course_utils.evaluation.plotting import (
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    counted,
    described,
    new_axes,
)
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError

# Keras's own metrics, by their names in a history.
_LOWEST_IS_BEST = set(
    """loss crossentropy binary_crossentropy categorical_crossentropy
    sparse_categorical_crossentropy mse mean_squared_error mae
    mean_absolute_error mape mean_absolute_percentage_error msle
    mean_squared_logarithmic_error rmse root_mean_squared_error log_cosh logcosh
    kl_divergence kld kullback_leibler_divergence poisson hinge squared_hinge
    categorical_hinge false_positives false_negatives error
    error_rate""".split()
)
_HIGHEST_IS_BEST = set(
    """accuracy acc binary_accuracy categorical_accuracy
    sparse_categorical_accuracy top_k_categorical_accuracy
    sparse_top_k_categorical_accuracy auc precision recall f1_score fbeta_score
    true_positives true_negatives sensitivity_at_specificity
    specificity_at_sensitivity precision_at_recall recall_at_precision mean_io_u
    binary_io_u io_u one_hot_io_u one_hot_mean_io_u r2_score""".split()
)


def plot_history(history, metric="loss", ax=None, best=None):
    """Draws a metric over the epochs, for training and for validation.

    Of a metric with several numbers per epoch, such as one per class, their
    mean is drawn. Introduced in lesson 03 (``03_fine_tuning``); lesson 00 draws
    it by hand.

    Args:
        history: What `keras.Model.fit` returns, or a
            `course_utils.transfer.History`, whose phases are then marked.
        metric: Name of the metric, without `"val_"`.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.
        best: `"lowest"` or `"highest"`: which validation is marked as the
            best. Defaults to what Keras's own metrics mean; with a metric of
            another name, none is marked.

    Returns:
        The `Axes`, with a `description`.

    Raises:
        CourseError: If it is no history, if no epoch ended, if there is no
            such metric, or if its numbers cannot be drawn.
    """
    check_history(history)
    best = arguments.choice("best", best, (None, "lowest", "highest"))
    keys = {"training": str(metric), "validation": f"val_{metric}"}
    there = history.history
    keys = {name: k for name, k in keys.items() if len(there.get(k, ()))}
    if not history.epoch or not keys:
        raise CourseError(
            f"There is no {metric!r} to draw: expected a history of one epoch "
            f"or more, and one of "
            f"{', '.join(metric_names(history)) or 'its metrics'}."
        )
    curves = {name: _numbers(history, key) for name, key in keys.items()}
    epochs = _epochs(history, metric, curves)
    best = best or _best(history, metric)
    width = max(len(one) for curve in curves.values() for one in curve)
    shown = (
        metric if width < 2 else f"{metric} (the mean of its {width} numbers)"
    )
    ax = new_axes(ax, (6, 3.2))
    looks = {"training": (BLUE, "o-"), "validation": (VERMILLION, "s--")}
    told = []
    for name, curve in curves.items():
        if len(curve) != len(epochs):
            told.append(
                f"{name} is not drawn, for nothing says of which epochs its "
                f"{counted(len(curve), 'number')} are"
            )
            continue
        # An epoch may have none: `fit` need not validate after each.
        there = [at for at, one in enumerate(curve) if len(one)]
        at, values = epochs[there], np.array([curve[n].mean() for n in there])
        colour, line = looks[name]
        ax.plot(at, values, line, color=colour, label=name)
        told.append(f"{name} from {values[0]:.3g} to {values[-1]:.3g}")
        if name == "validation" and best and np.isfinite(values).any():
            find = np.nanargmin if best == "lowest" else np.nanargmax
            told[-1] += _mark(ax, at, values, find(values), best)
    text = f"The figure shows the {shown} over {counted(len(epochs), 'epoch')}"
    text += f": {', '.join(told)}"
    phases = list(getattr(history, "phases", []))
    for at in range(1, min(len(phases), len(epochs))):
        if phases[at] != phases[at - 1]:
            ax.axvline(
                epochs[at] - 0.5, color=GREY, linestyle=":", label=phases[at]
            )
            text += f"; {phases[at]} begins with epoch {epochs[at]}"
    ax.set(xlabel="epoch", ylabel=shown)
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    ax.legend()
    return described(ax, text)


def plot_learning_rates(found, ax=None):
    """Draws the loss at rising learning rates.

    Introduced in lesson 03 (``03_fine_tuning``).

    Args:
        found: What `course_utils.transfer.find_learning_rate` returns.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description`.

    Raises:
        CourseError: If it is something else.
    """
    if not hasattr(found, "rates"):
        raise CourseError(
            f"Expected what find_learning_rate returns, not "
            f"{type(found).__name__}: pass find_learning_rate(model, data)."
        )
    ax = new_axes(ax, (6, 3.2))
    ax.plot(found.rates, found.losses, ".", color=GREY, label="one batch")
    ax.plot(found.rates, found.smoothed, "-", color=BLUE, label="average")
    ax.axvline(
        found.suggestion, color=VERMILLION, linestyle="--", label="suggestion"
    )
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    ax.legend()
    lowest = int(np.argmin(found.smoothed))
    return described(
        ax,
        f"The figure shows the loss at {len(found.rates)} learning rates from "
        f"{found.rates[0]:.2g} to {found.rates[-1]:.2g}: its running average "
        f"is lowest, {found.smoothed[lowest]:.3g}, at "
        f"{found.rates[lowest]:.2g}, and a tenth of that, "
        f"{found.suggestion:.2g}, is suggested",
    )


def check_history(history):
    """Raises a `CourseError` for what is no history of a training."""
    if not isinstance(getattr(history, "history", None), dict) or not hasattr(
        history, "epoch"
    ):
        raise CourseError(
            f"Expected a history, not {type(history).__name__}: pass what fit "
            "or two_phase_fit returned."
        )


def metric_names(history):
    """Returns the names of a history's metrics, each once, without `val_`."""
    keys = history.history
    # An output may be called "val_x"; its validation is "val_val_x" then.
    return list(
        dict.fromkeys(
            key
            if f"val_{key}" in keys or not key.startswith("val_")
            else key.removeprefix("val_")
            for key in keys
        )
    )


def _numbers(history, key):
    """Returns an array an epoch, empty where the metric has no number."""
    curve = [
        np.empty(0) if one is None else array_arguments.real_array(key, one)
        for one in history.history[key]
    ]
    odd = [one.shape for one in curve if one.ndim > 1]
    if odd or not any(one.size for one in curve):
        raise CourseError(
            f"{key!r} has {'no numbers' if not odd else 'an array of shape '}"
            f"{odd[0] if odd else ''} per epoch, and one number was "
            "expected, or one per class: draw it by hand, or name "
            "another metric."
        )
    return [np.atleast_1d(one) for one in curve]


def _epochs(history, metric, curves):
    """Returns the numbers of the epochs, from 1."""
    longest, ended = max(map(len, curves.values())), len(history.epoch)
    if longest < ended:
        raise CourseError(
            f"{metric!r} has {counted(longest, 'number')} and {ended} epochs "
            "ended, so nobody can say of which: name another metric, or keep "
            "the histories of two trainings apart."
        )
    # Who joins two histories by hand may leave `epoch` as it was.
    return (
        np.array(history.epoch) if longest == ended else np.arange(longest)
    ) + 1


def _best(history, metric):
    """Returns which number of a metric is the best; None if not known."""
    name = re.sub(r"_\d+$", "", metric)  # what Keras adds to a second "auc"
    # Of several outputs each has a loss, and its name before its metrics.
    for key in sorted(history.history, key=len, reverse=True):
        output = key.removesuffix("loss")
        if key.endswith("_loss") and name.startswith(output):
            name = name.removeprefix(output)
            break
    if name in _LOWEST_IS_BEST:
        return "lowest"
    return "highest" if name in _HIGHEST_IS_BEST else None


def _mark(ax, epochs, values, number, best):
    """Marks the best validation, and returns the words for it."""
    ax.plot(
        epochs[number],
        values[number],
        "*",
        color=ORANGE,
        markersize=14,
        markeredgecolor="black",
        label="best validation",
    )
    return f" ({best}, {values[number]:.3g}, in epoch {epochs[number]})"
