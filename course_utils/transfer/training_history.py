"""What a training in two phases tells: metrics, phases, its best epoch."""

import dataclasses

HEAD, FINE_TUNING = "head", "fine-tuning"


@dataclasses.dataclass(repr=False)
class History:
    """What happened in a training of two phases.

    Attributes:
        history: Metrics by name, one number an epoch, as in Keras.
        epoch: Numbers of the epochs that ended, from 0, as in Keras.
        phases: For each of them `"head"` or `"fine-tuning"`.
        best_epoch: Number of the epoch whose weights the model has at the
            end; None if no epoch ended.
        interrupted: Whether the training was cut short.
    """

    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    epoch: list[int] = dataclasses.field(default_factory=list)
    phases: list[str] = dataclasses.field(default_factory=list)
    best_epoch: int | None = None
    interrupted: bool = False

    def __repr__(self) -> str:
        """Show how it ended; the numbers are in the attributes."""
        return f"History: {self.summary()}"

    def summary(self, monitor="val_loss") -> str:
        """Says in a sentence or two how it ended.

        Args:
            monitor: Name of the metric to tell.
        """
        text = f"{self.phases.count(HEAD)} epochs of the head and "
        text += f"{self.phases.count(FINE_TUNING)} of fine-tuning"
        text += " ended before the interrupt." if self.interrupted else " ran."
        if self.best_epoch is None:
            return text + " The weights are as they were left."
        at = self.epoch.index(self.best_epoch)
        return (
            f"{text} The model has the weights of epoch {self.best_epoch + 1} "
            f"({self.phases[at]}), the best: {monitor} "
            f"{self.history[monitor][at]:.4g}."
        )
