"""What tells the best epoch: its name, its direction, its scale."""

import keras
import numpy as np

from course_utils.machine.errors import CourseError, reason
from course_utils.transfer.fit_data import first_rows

BATCH_SIZE = 32


def direction(monitor, mode):
    """Returns `"min"` or `"max"`: which is better of this metric."""
    if mode is None:
        mode = "min" if "loss" in monitor else None
        if "accuracy" in monitor or "auc" in monitor.lower():
            mode = "max"
    if mode not in ("min", "max"):
        raise CourseError(
            f"Whether more or less of {monitor!r} is better is not known: "
            'give mode="min" or mode="max".'
        )
    return mode


def check_averages(optimizer):
    """Refuses an optimizer that averages weights.

    The averages take the model's place when a `fit` ends, so that what was
    validated after each epoch is not what the model would have.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    for one in (optimizer, *getattr(optimizer, "optimizers", ())):
        if getattr(one, "use_ema", False):
            raise CourseError(
                f"The optimizer {type(one).__name__} averages the weights "
                "(use_ema=True), and the best epoch would be told by weights "
                "that were not averaged: compile the model with an optimizer "
                "without use_ema."
            )


def try_out(model, batch, what):
    """Computes loss and metrics of one batch, and trains nothing.

    Args:
        model: A compiled `keras.Model`.
        batch: Tuple of images, labels and perhaps sample weights. Looked at
            are 32 pictures at most.
        what: What these data are, such as `"training"`.

    Returns:
        Dict of the metrics by name, as `evaluate` would show them.

    Raises:
        CourseError: If Keras cannot compute them.
    """
    try:
        rows = first_rows(batch, BATCH_SIZE)
        found = model.test_step(
            keras.tree.map_structure(keras.ops.convert_to_tensor, rows)
        )
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(
            f"Loss and metrics cannot be computed for the {what} data "
            f"({reason(error)}): call model.evaluate on one batch of them, "
            "and change labels, loss or metrics until it works."
        ) from error
    finally:
        model.reset_metrics()
    plain = keras.Model.train_step, keras.Model.compute_loss
    if (type(model).train_step, type(model).compute_loss) == plain:
        if not (model._compile_config.config["loss"] or model.losses):
            raise CourseError(
                "This model was compiled without a loss, so nothing says what "
                "to lower: call model.compile once more, with loss=..., too."
            )
    return _flat(found) if isinstance(found, dict) else {}


BEST_EPOCH = "to tell the best epoch by"


def check_monitor(model, monitor, metrics, others, purpose=BEST_EPOCH):
    """Refuses the name of a metric that `fit` will not show, or a vector.

    Args:
        model: The model.
        monitor: The name.
        metrics: What `try_out` returned for the validation data.
        others: Whether others may add metrics, as callbacks can.
        purpose: What it is for, in the sentence.

    Raises:
        CourseError: If there is no such metric, or it is no single number.
    """
    if not isinstance(monitor, str):
        raise CourseError(
            f"monitor is {monitor!r}, and expected is the name of a metric: "
            'leave it out for "val_loss".'
        )
    known = {**metrics, **{f"val_{name}": metrics[name] for name in metrics}}
    if monitor in known:
        check_single(monitor, known[monitor], purpose)
        return
    own_step = type(model).train_step is not keras.Model.train_step
    if metrics and not others and not (own_step and monitor[:4] != "val_"):
        raise no_such_metric(monitor, known, purpose)


def check_single(monitor, value, purpose=BEST_EPOCH):
    """Refuses a metric that is several numbers."""
    if np.size(value) != 1:
        raise CourseError(
            f"The metric {monitor!r} is {np.size(value)} numbers per epoch, "
            f"and one is needed {purpose}: take a metric that averages them, "
            'such as keras.metrics.F1Score(average="macro"), or set '
            "monitor= to another."
        )


def no_such_metric(monitor, known, purpose=BEST_EPOCH):
    """Returns the error for a name that is not known."""
    return CourseError(
        f"There is no metric {monitor!r} {purpose}: expected one of "
        f"{', '.join(known)}, so set monitor= to one of these."
    )


def penalties(model):
    """Computes what regularizers add to the loss, as the flags are now.

    Keras counts those of trainable weights only. So the loss of the same
    weights is another after unfreezing.
    """
    return sum(float(one.regularizer(one)) for one in penalised(model))


def penalised(model):
    """Returns the weights whose penalties count, as the flags are now."""
    weights = model.trainable_weights
    return [one for one in weights if one.regularizer is not None]


def _flat(metrics):
    flat = {}
    for name, value in metrics.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat
