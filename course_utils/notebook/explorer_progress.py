"""Say how far the training behind an explorer's button is."""

import time

import keras

from course_utils.notebook import explorer_training

# A bar may move often; what a screen reader reads aloud, only now and then.
SECONDS_BETWEEN_MOVES = 0.25
SECONDS_BETWEEN_WORDS = 10


class Progress(keras.callbacks.Callback):
    """Tells the steps of a training of `explorer_training.STEPS` batches.

    Args:
        tell: Function of the parts of the view's state that change.
    """

    def __init__(self, tell):
        """Takes the time from now on."""
        super().__init__()
        self._tell = tell
        self._began = self._moved = self._spoken = time.monotonic()

    @property
    def elapsed(self):
        """How long it has taken so far, such as `"12 s"`."""
        return f"{time.monotonic() - self._began:.0f} s"

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar, and speaks where it was silent for long."""
        now, steps = time.monotonic(), explorer_training.STEPS
        if now - self._moved < SECONDS_BETWEEN_MOVES:
            return
        self._moved = now
        where = f"step {batch + 1} of {steps}"
        state = {"done": (batch + 1) / steps, "now": where}
        if now - self._spoken >= SECONDS_BETWEEN_WORDS:
            self._spoken = now
            state["told"] = f"Training: {where}, {self.elapsed}."
        self._tell(**state)

    def on_train_end(self, logs=None):
        """Says what comes after the last step."""
        self._tell(done=1.0, now="measuring")
