"""Show a training while it runs: progress, curves, a button to end a phase.

Where no widget can be shown, one plot appears at the end.
"""

import contextlib
import time
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure

from course_utils.evaluation import training_plots
from course_utils.machine.errors import CourseError
from course_utils.notebook import frontend
from course_utils.notebook.alternative_text import as_html, as_png

STATIC = Path(__file__).parent / "static"
# The progress bar moves at most this often; a curve grows once an epoch.
SECONDS_BETWEEN_MOVES = 0.25


class LiveTraining(keras.callbacks.Callback):
    """A Keras callback that shows the training in the notebook.

    In JupyterLab (and where else widgets are shown): a progress bar, the
    curves so far, and a button that ends the phase after the batch that is
    running. Under `two_phase_fit` the model then gets the best weights so far,
    and the next phase begins; the notebook's own stop button ends the whole
    training. With an older ipykernel than 7, or outside of JupyterLab, the
    front end may hand the click over only when the training has ended.

    Elsewhere, one plot when a `fit` has ended, in one place.

    Introduced in lesson 03 (``03_fine_tuning``); lesson 00 draws the curves by
    hand.

    Args:
        metric: Name of the metric to draw, without `"val_"`. Defaults to
            `"loss"`.

    Raises:
        CourseError: At the end of the first epoch, if there is no such metric,
            or if its numbers cannot be drawn.

    Attributes:
        history: Dict of the metrics of all epochs so far, as in Keras: a
            number an epoch, or a list of numbers; None in an epoch that has
            none, such as one without validation.
        epoch: Numbers of the epochs that ended, from 0.
    """

    def __init__(self, metric="loss"):
        """Prepares the view; it appears when the first `fit` begins."""
        super().__init__()
        self.metric = metric
        self.history, self.epoch, self.phases = {}, [], []
        self._phase, self._view, self._handle = 0, None, None
        self._name = self._cell = None
        self._moved, self._end_phase = 0.0, False

    def begin_phase(self, name):
        """Names the next `fit`, as `two_phase_fit` does.

        Args:
            name: String, such as `"head"`. Without, it is "training" and its
                number.
        """
        self._name = name

    def on_train_begin(self, logs=None):
        """Opens the view, or goes on in it; see Keras."""
        self._phase, self._end_phase = self._phase + 1, False
        self._first = None
        shell = _shell()
        if shell is not None:
            shell.events.register("post_run_cell", self._on_cell_end)
            if shell.execution_count != self._cell:
                self._handle = None  # An earlier cell's is not seen here.
            self._cell = shell.execution_count
        if self._handle is None and frontend.shows_widgets():
            if self._view is None:
                self._view = _make_view()
                self._view.on_msg(self._on_message)
            self._handle = _display(self._view)
        self._tell(
            running=True, done=0.0, phase=self._phase, told=self._begun()
        )

    def on_epoch_begin(self, epoch, logs=None):
        """Notes where the phase began; see Keras."""
        if self._first is None:
            self._first = epoch
        self._now = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar, and ends the phase where that was asked for."""
        if self._end_phase:
            self.model.stop_training = True
        if time.monotonic() - self._moved > SECONDS_BETWEEN_MOVES:
            self._moved = time.monotonic()
            steps = (self.params or {}).get("steps") or 0
            within = min((batch + 1) / steps, 1) if steps else 0
            self._move(within)

    def on_epoch_end(self, epoch, logs=None):
        """Adds a point to the curves; see Keras."""
        logs = logs or {}
        for name in {**self.history, **logs}:
            values = self.history.setdefault(name, [None] * len(self.epoch))
            value = logs.get(name)
            # A metric may give one number a class.
            values.append(None if value is None else np.asarray(value).tolist())
        self.epoch.append(epoch)
        self.phases.append(self._name or f"training {self._phase}")
        if self._view is not None or len(self.epoch) == 1:
            # The first time even unseen, so that a wrong metric is noticed.
            picture, description = self._draw()
        if self._view is not None:
            self._move(1.0)
            self._tell(description=description, picture=picture)

    def on_train_end(self, logs=None):
        """Says how it ended; where nothing was shown, shows the plot."""
        ended = f"Ended after {len(self.epoch)} epochs in all."
        if self._end_phase:
            ended = f"Ended at your request. {ended}"
        self._end(ended, done=1.0)

    def _on_cell_end(self, result=None):
        """Says so where an interrupt or an error has ended a training."""
        count = len(self.epoch)
        # A metric that cannot be drawn was told already.
        with contextlib.suppress(CourseError):
            self._end(f"Stopped after {count} epoch{'s' * (count != 1)}.")

    def _end(self, told, **state):
        shell = _shell()
        if shell is not None:
            with contextlib.suppress(ValueError):  # It was no training of ours.
                shell.events.unregister("post_run_cell", self._on_cell_end)
        self._tell(running=False, now="", told=told, **state)
        self._name = None
        if self.epoch:
            self._show_plot()

    def _begun(self):
        return "Training." if self._phase == 1 else "Training goes on."

    def _on_message(self, widget, content, buffers):
        if content.get("end_phase"):
            self._end_phase = True

    def _move(self, within):
        epochs = (self.params or {}).get("epochs") or 0
        planned = max(epochs - (self._first or 0), 1)
        done = (self._now - (self._first or 0) + within) / planned
        self._tell(
            done=min(done, 1.0), now=f"epoch {self._now + 1} of up to {epochs}"
        )

    def _tell(self, **state):
        frontend.tell(self._view, **state)

    def _draw(self):
        figure = Figure(figsize=(6, 3.2), layout="tight")
        ax = training_plots.plot_history(self, self.metric, figure.subplots())
        return as_png(figure), ax.description

    def _show_plot(self):
        """Puts the picture beside the view, for whoever shows no widgets."""
        from IPython.display import display

        if _shell() is None:
            return
        picture, description = self._draw()
        bundle = {
            "text/html": as_html(picture, description),
            "image/png": picture,
            "text/plain": description,
        }
        if self._view is not None:
            bundle |= frontend.view_of(self._view)
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _shell():
    """Returns IPython's shell, or None where there is none."""
    from IPython import get_ipython

    return get_ipython()


def _make_view():
    """Returns the widget."""
    import anywidget
    import traitlets

    class View(anywidget.AnyWidget):
        _esm = frontend.script("live_training.js")
        _css = STATIC / "live_training.css"
        running = traitlets.Bool(False).tag(sync=True)
        phase = traitlets.Int(0).tag(sync=True)
        done = traitlets.Float(0.0).tag(sync=True)
        now = traitlets.Unicode("").tag(sync=True)
        told = traitlets.Unicode("").tag(sync=True)
        description = traitlets.Unicode("").tag(sync=True)
        picture = traitlets.Unicode("").tag(sync=True)

    return View()


def _display(view):
    from IPython.display import display

    return display(frontend.view_of(view), raw=True, display_id=True)
