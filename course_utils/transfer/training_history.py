"""What a training in two phases tells: metrics, phases, its best epoch."""

import dataclasses

import numpy as np

from course_utils.machine.errors import CourseError

HEAD, FINE_TUNING = "head", "fine-tuning"


@dataclasses.dataclass(repr=False)
class History:
    """What happened in a training of two phases.

    Attributes:
        history: Metrics by name, one value an epoch, as in Keras: a number,
            or an array where the metric is several.
        epoch: Numbers of the epochs that ended, from 0, as in Keras.
        phases: For each of them `"head"` or `"fine-tuning"`.
        best_epoch: Number of the epoch whose weights the model has at the
            end; None if no epoch ended.
        interrupted: Whether the training was cut short.
        monitor: Name of the metric that told the best epoch.
        best_value: What it is for the weights that the model has at the end,
            with the flags that it has then. Where regularizers are on weights
            that the head's phase froze, a loss of that phase is another in
            `history`: Keras counts the penalties of trainable weights only.
    """

    history: dict[str, list] = dataclasses.field(default_factory=dict)
    epoch: list[int] = dataclasses.field(default_factory=list)
    phases: list[str] = dataclasses.field(default_factory=list)
    best_epoch: int | None = None
    interrupted: bool = False
    monitor: str = "val_loss"
    best_value: float | None = None

    def __repr__(self) -> str:
        """Show how it ended; the numbers are in the attributes."""
        return f"History: {self.summary()}"

    def summary(self, metric=None) -> str:
        """Says in a sentence or two how it ended.

        Args:
            metric: Name of the metric to tell. Defaults to the one that told
                the best epoch.

        Raises:
            CourseError: If there is no such metric.
        """
        text = f"{self.phases.count(HEAD)} epochs of the head and "
        text += f"{self.phases.count(FINE_TUNING)} of fine-tuning"
        text += " ended before the interrupt." if self.interrupted else " ran."
        if self.best_epoch is None:
            return text + " The weights are as they were left."
        at = self.epoch.index(self.best_epoch)
        text += f" The model has the weights of epoch {self.best_epoch + 1} "
        text += f"({self.phases[at]}), the best"
        if metric in (None, self.monitor):
            return text + self._told_best(at)
        if metric not in self.history:
            raise CourseError(
                f"There is no metric {metric!r} in this history: expected one "
                f"of {', '.join(self.history)}."
            )
        value = _shown(self.history[metric][at])
        return f"{text} by {self.monitor}: {metric} {value}."

    def _told_best(self, at):
        then = self.history[self.monitor][at]
        now = then if self.best_value is None else self.best_value
        text = f": {self.monitor} {_shown(now)}"
        if np.isclose(now, then):
            return text + "."
        return (
            f"{text}, or {_shown(then)} without the penalties of the weights "
            "that were frozen in that epoch."
        )


def _shown(value):
    """Shows a metric of one number or of several."""
    return np.array2string(
        np.asarray(value),
        formatter={"float_kind": "{:.4g}".format},
        separator=", ",
    )
