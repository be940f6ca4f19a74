"""Explore committed results with sliders, and train one more point live."""

import contextlib
import dataclasses
import functools
import reprlib
import threading

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from course_utils.evaluation.plotting import BLUE, GREY, ORANGE, VERMILLION
from course_utils.machine import arguments, paths
from course_utils.machine.errors import CourseError
from course_utils.notebook import (
    explorer_progress,
    explorer_training,
    frontend,
    widget_main_thread,
)
from course_utils.notebook.alternative_text import as_png
from course_utils.notebook.widget_fallback import Shown

_RATES = explorer_training.LEARNING_RATES
# By name of the option: its label, and what can be chosen.
_OPTIONS = {
    "learning_rate": ("Learning rate", _RATES),
    "unfrozen": ("Trained besides the head", tuple(explorer_training.UNFROZEN)),
    "labels": ("Labels", explorer_training.LABELS),
}


class Explorer(Shown):
    """Fine-tuning at your fingertips: rate, depth and number of labels.

    The curves are committed results (`python -m benchmarks.explorer_grid`, two
    seeds each, on validation pictures), so moving a slider answers at once.
    `train` trains the chosen point here, in half a minute or so, with a seed
    of its own, and drops it on the picture as a star.

    In JupyterLab sliders and a button do this; where no widget can be shown,
    there is the picture, and `choose` and `train`. Introduced in lesson 03
    (``03_fine_tuning``), which does every step of such a training by hand.

    Args:
        dataset: `"near"` or `"histology"`.

    Attributes:
        trial: The trial that is chosen: its data, flags, rate and seed.
        trained: List of those trained here, each with its two numbers.

    Raises:
        CourseError: If there is no such data set, or the results are missing.
    """

    def __init__(self, dataset="near"):
        """Opens the committed results of a data set."""
        arguments.one_of("data set", dataset, explorer_training.METRICS)
        self.trial = explorer_training.Trial(dataset, 100, "all layers", 1e-3)
        self.trained = []
        self._idle = threading.Lock()
        path = paths.data_dir() / "experiments" / "explorer.csv"
        if not path.is_file():
            raise CourseError(
                f"The results to explore are missing ({path}): download the "
                "course again."
            )
        rows = pd.read_csv(path)
        self._rows = rows[rows["dataset"] == dataset]

    def choose(self, **options):
        """Chooses another point, and returns the explorer to be shown again.

        Args:
            **options: `learning_rate`, `unfrozen` and `labels`, each one of
                the choices that the sliders have.

        Raises:
            CourseError: If there is no such option or choice.
        """
        for name, value in options.items():
            arguments.one_of("option", name, _OPTIONS)
            known = _OPTIONS[name][1]
            try:
                options[name] = known[known.index(value)]
            except ValueError:  # Of arrays, too, which are compared one by one.
                raise CourseError(
                    f"{name} is {reprlib.repr(value)}: choose one of "
                    f"{', '.join(map(repr, known))}."
                ) from None
        given = {**vars(self.trial), **options}
        self.trial = explorer_training.Trial(**given)
        if self._view is not None:
            self._view.chosen = self._indices()
            self._draw_view()
        return self

    def train(self):
        """Trains the chosen point here, and drops it on the picture.

        Returns:
            The explorer, to be shown again.

        Raises:
            CourseError: If a point is being trained already.
        """
        if not self._idle.acquire(blocking=False):
            raise CourseError(
                "A point is being trained already: wait until it has ended."
            )
        progress = explorer_progress.Progress(self._tell)
        told = "It was interrupted, and no point was added."
        try:
            trial = dataclasses.replace(self.trial, seed=len(self.trained))
            plan = "Training the head"
            if explorer_training.UNFROZEN[trial.unfrozen] is not None:
                plan += f", then {explorer_training.STEPS} steps with "
                plan += trial.unfrozen
            if self._view is not None:
                self._view.trainings += 1
            self._tell(running=True, done=0.0, now="head", told=f"{plan}.")
            value, source = explorer_training.run(trial, [progress])
            self.trained.append((trial, value, source))
            metric = explorer_training.METRICS[trial.dataset]
            told = f"Trained in {progress.elapsed}: {metric} {value:.3f}, "
            told += f"source task {source:.3f}."
        except Exception as error:
            told = f"It could not be trained: {error}"
            raise
        finally:
            self._idle.release()
            self._tell(running=False, told=told)
        self._draw_view()
        return self

    def describe(self):
        """Says in a sentence what the picture shows."""
        trial, metric = (
            self.trial,
            explorer_training.METRICS[self.trial.dataset],
        )
        own = self._committed(trial.unfrozen)
        if explorer_training.UNFROZEN[trial.unfrozen] is not None:
            own = own[own["learning_rate"] == trial.learning_rate]
        text = (
            f"The figure shows the validation {metric} on {trial.dataset}, and "
            "what is left on the source task, over the learning rate, for "
            f"{trial.labels} labels; chosen: {trial.unfrozen} unfrozen, rate "
            f"{trial.learning_rate:g}: {own['value'].mean():.3f}, source "
            f"{own['source'].mean():.3f}"
        )
        if self.trained:
            last, value, source = self.trained[-1]
            text += (
                f"; trained here: {last.unfrozen}, {last.labels} labels, rate "
                f"{last.learning_rate:g}: {value:.3f}, source {source:.3f}"
            )
        return f"{text}."

    def __repr__(self):
        """Says in words what the picture shows, and what can be done."""
        return (
            f"{self.describe()} explorer.choose(learning_rate=1e-4) chooses "
            "another point, explorer.train() trains it."
        )

    def _committed(self, unfrozen):
        rows = self._rows[self._rows["labels"] == self.trial.labels]
        return rows[rows["unfrozen"] == unfrozen]

    def _picture(self):
        figure = Figure(figsize=(9, 3.4), layout="tight")
        metric = explorer_training.METRICS[self.trial.dataset]
        panels = {
            "value": f"validation {metric}",
            "source": "left on the source task",
        }
        for ax, (column, label) in zip(
            figure.subplots(1, 2), panels.items(), strict=True
        ):
            self._draw_panel(ax, column)
            ax.set(xscale="log", xlabel="learning rate", ylabel=label)
            ax.set(ylim=(0, 1.02), xlim=(_RATES[0] / 2, 2 * _RATES[-1]))
        ax.legend(fontsize="small", loc="lower left")
        return as_png(figure)

    def _draw_panel(self, ax, column):
        looks = zip(
            explorer_training.UNFROZEN,
            (GREY, ORANGE, BLUE),
            ("--", "s-", "o-"),
            strict=True,
        )
        for unfrozen, colour, line in looks:
            rows = self._committed(unfrozen)
            chosen = unfrozen == self.trial.unfrozen
            style = {"color": colour, "linewidth": 2.5 if chosen else 1}
            if explorer_training.UNFROZEN[unfrozen] is None:
                ax.axhline(
                    rows[column].mean(), linestyle=line, label=unfrozen, **style
                )
                continue
            own = rows.groupby("learning_rate")[column]
            mean = own.mean()
            bar = [mean - own.min(), own.max() - mean]
            ax.errorbar(
                mean.index, mean, bar, fmt=line, label=unfrozen, **style
            )
        ax.axvline(self.trial.learning_rate, color="black", linestyle=":")
        stars = [
            (trial.learning_rate, value if column == "value" else source)
            for trial, value, source in self.trained
            if trial.labels == self.trial.labels
        ]
        if stars:
            ax.plot(
                *np.transpose(stars),
                "*",
                color=VERMILLION,
                markersize=14,
                markeredgecolor="black",
                label="trained here",
            )

    def _indices(self):
        return {
            name: choices.index(getattr(self.trial, name))
            for name, (_, choices) in _OPTIONS.items()
        }

    def _make_view(self):
        from course_utils.notebook import explorer_widget

        view = explorer_widget.View(
            title=f"Explore fine-tuning on {self.trial.dataset}",
            options=[
                {
                    "name": name,
                    "label": label,
                    "choices": [
                        one if isinstance(one, str) else f"{one:g}"
                        for one in choices
                    ],
                }
                for name, (label, choices) in _OPTIONS.items()
            ],
            chosen=self._indices(),
        )
        view.observe(self._on_chosen, "chosen")
        view.on_msg(self._on_message)
        return view

    def _on_chosen(self, change):
        options = {
            name: choices[int(change["new"][name])]
            for name, (_, choices) in _OPTIONS.items()
        }
        if options != {name: getattr(self.trial, name) for name in options}:
            self.choose(**options)

    def _on_message(self, view, content, buffers):
        if "train" in content:
            press = functools.partial(self._pressed, content["train"])
            widget_main_thread.run_interruptibly(press)

    def _pressed(self, trainings):
        # One that was pressed before the last training began has waited.
        if trainings == self._view.trainings and not self._view.running:
            # The view says what went wrong; there is no cell to say it.
            with contextlib.suppress(Exception, KeyboardInterrupt):
                self.train()

    def _tell(self, **state):
        frontend.tell(self._view, **state)

    def _draw_view(self):
        self._tell(description=self.describe(), picture=self._picture())
