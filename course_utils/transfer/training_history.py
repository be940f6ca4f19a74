"""What a training in two phases tells: metrics, phases, its best epoch."""

import dataclasses

import numpy as np

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
            that the head's phase froze, the loss that `history` has for that
            phase differs from it: Keras counts the penalties of trainable
            weights only.
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

    def summary(self) -> str:
        """Says in a sentence or two how it ended."""
        text = f"{self.phases.count(HEAD)} epochs of the head and "
        text += f"{self.phases.count(FINE_TUNING)} of fine-tuning"
        text += " ended before the interrupt." if self.interrupted else " ran."
        if self.best_epoch is None:
            text += " The weights are as they were left"
            why = f", since {self.monitor} was never a number"
            return f"{text}{why if self.epoch else ''}."
        at = self.epoch.index(self.best_epoch)
        text += f" The model has the weights of epoch {self.best_epoch + 1} "
        then = self.history[self.monitor][at]
        now = then if self.best_value is None else self.best_value
        text += f"({self.phases[at]}), the best: {self.monitor} {_shown(now)}"
        if np.isclose(now, then):
            return text + "."
        return (
            f"{text}, or {_shown(then)} without the penalties of the weights "
            "that were frozen in that epoch."
        )


def _shown(value):
    """Shows a metric, which may be an array of one number."""
    return f"{np.asarray(value).item():.4g}"
