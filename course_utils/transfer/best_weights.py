"""Keep the best weights over several `fit`s."""

import math

import keras
import numpy as np

from course_utils.machine.errors import CourseError
from course_utils.transfer.monitored_metric import check_single, no_such_metric
from course_utils.transfer.training_history import History


class DivergedError(Exception):
    """Leaves `fit` without validating a broken model."""


class BestWeights(keras.callbacks.Callback):
    """Keeps the history and the best weights over several `fit`s.

    `keras.callbacks.EarlyStopping` forgets its best at each `fit`.

    Attributes:
        kept: The `History` so far.
        diverged: The sentence for a loss that is no number, or no text.
    """

    def __init__(self, monitor, mode, patience):
        """Begin with no best.

        Args:
            monitor: Name of the metric that tells the best.
            mode: `"min"` or `"max"`, which is better.
            patience: Epochs without a new best before a phase ends, or None.
        """
        super().__init__()
        self.monitor, self.patience = monitor, patience
        self.sign = 1 if mode == "min" else -1
        self.kept = History(monitor=monitor)
        self.best, self.best_weights, self.diverged = math.inf, None, ""

    def begin(self, phase):
        """Begin a phase, which has a best of its own for the patience."""
        self.phase, self.best_of_phase, self.waited = phase, math.inf, 0

    def rescale(self, difference):
        """Put the best so far on the scale of the phase to come.

        Args:
            difference: What the loss of the best weights is more than it was.
        """
        if self.monitor in ("loss", "val_loss"):
            self.best += self.sign * difference
            if self.kept.best_value is not None:
                self.kept.best_value += difference

    def on_epoch_begin(self, epoch, logs=None):
        """Begin to count batches."""
        self.batches = 0

    def on_train_batch_end(self, batch, logs=None):
        """End the training where the loss is no number."""
        self.batches += 1
        loss = float(np.asarray((logs or {}).get("loss", 0.0)))
        if not math.isfinite(loss):
            rate = float(np.asarray(self.model.optimizer.learning_rate))
            self.diverged = (
                f"The loss became {loss} in phase {self.phase!r} at a learning "
                f"rate of {rate:g}: the model has the best weights from "
                "before; take a tenth of this rate, and look for values in "
                "the data that are no numbers."
            )
            raise DivergedError

    def on_epoch_end(self, epoch, logs=None):
        """Keep the epoch, its weights if they are the best, or end."""
        logs = logs or {}
        if not self.batches:
            raise _read_out("training", epoch)
        if self.monitor not in logs:
            if not any(name.startswith("val_") for name in logs):
                raise _read_out("validation", epoch)
            raise no_such_metric(self.monitor, logs)
        check_single(self.monitor, logs[self.monitor])
        for name, value in logs.items():
            value = np.asarray(value)
            kept = value if value.ndim else float(value)
            self.kept.history.setdefault(name, []).append(kept)
        self.kept.epoch.append(epoch)
        self.kept.phases.append(self.phase)
        number = float(np.asarray(logs[self.monitor]).item())
        value = self.sign * number
        if value < self.best:
            self.best, self.kept.best_epoch = value, epoch
            self.kept.best_value = number
            self.best_weights = self.model.get_weights()
        # A phase that still improves on itself is not yet at its end, even
        # if it has not reached the best of the other.
        self.waited += 1
        if value < self.best_of_phase:
            self.best_of_phase, self.waited = value, 0
        if self.patience is not None and self.waited >= self.patience:
            self.model.stop_training = True

    def restore(self):
        """Give the model the best weights seen so far, if there are any."""
        if self.kept.best_epoch is not None or self.diverged:
            self.model.set_weights(self.best_weights)


def _read_out(what, epoch):
    return CourseError(
        f"The {what} data gave no batch in epoch {epoch + 1}, as a generator "
        "does that can be read only once: make the data from a function that "
        "starts anew each time, or add `.cache()` to them before they are "
        "read."
    )
