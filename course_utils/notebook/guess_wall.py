"""A wall of pictures: which are of the one kind, and which of the other?"""

import base64
import html
import io
import operator

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_utils.evaluation.plotting import BLUE, VERMILLION
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError
from course_utils.notebook.alternative_text import as_png
from course_utils.notebook.widget_fallback import Shown


class GuessWall(Shown):
    """Pictures of two kinds, of which the learner picks those of one.

    In JupyterLab each picture has a box; elsewhere `guess` takes the
    numbers. Introduced in lesson 00 (``00_start_here``).

    Args:
        pictures: Array of shape `(pictures, height, width, 3)`, 0..255.
        labels: 0 or 1 for each.
        class_names: Names of the two kinds: what is to be picked comes second.
        columns: Pictures in a row.

    Attributes:
        guesses: Array of 0 or 1, as the learner guessed; None before that.

    Raises:
        CourseError: If there is not one label, 0 or 1, for each picture, if
            there are not two names, or if pictures have another shape or
            scale.
    """

    def __init__(self, pictures, labels, class_names, columns=5):
        """Keeps the labels to itself until there is a guess."""
        pictures = array_arguments.real_array("pictures", pictures)
        if pictures.ndim != 4 or pictures.shape[-1] != 3:
            raise CourseError(
                "Expected pictures of shape (pictures, height, width, 3), not "
                f"{pictures.shape}: pass a batch of them."
            )
        array_arguments.check_scale(pictures)
        self._names = tuple(map(str, arguments.class_names(class_names)))
        if len(self._names) != 2:
            raise CourseError(
                f"There are {len(self._names)} class_names, and a wall has two "
                "kinds: name both, and what is to be picked second."
            )
        self._labels = array_arguments.class_indices("labels", labels, 2)
        array_arguments.same_length(pictures=pictures, labels=self._labels)
        self._pictures = np.rint(np.clip(pictures, 0, 255)).astype("uint8")
        self._columns = arguments.whole_number("columns", columns, 5, most=20)
        self.guesses = None
        self._turn = 0  # so that the page hears of an equal guess, too

    @property
    def right(self):
        """Share of the pictures that were guessed rightly, or None."""
        if self.guesses is None:
            return None
        return float(np.mean(self.guesses == self._labels))

    def guess(self, numbers):
        """Takes the numbers of the picked pictures, and shows the truth.

        Args:
            numbers: List of numbers from 1 on, as they stand above the
                pictures. With `...` nothing is guessed.

        Returns:
            The wall, to be shown again; None with `...`, since another wall
            would have boxes of its own.

        Raises:
            CourseError: If there is no picture of such a number.
        """
        if numbers is ...:
            return None
        count = len(self._labels)
        try:
            found = {operator.index(number) for number in numbers}
        except Exception:  # Whatever cannot be gone through holds no numbers.
            found = {0}
        if not found <= set(range(1, count + 1)):
            raise CourseError(
                f"Expected a list of numbers from 1 to {count}, not "
                f"{numbers!r}: for example [2, 5]."
            )
        self.guesses = np.zeros(count, int)
        self.guesses[[number - 1 for number in found]] = 1
        self._turn += 1
        if self._view is not None:
            self._draw_view()
        return self

    def describe(self, who="You"):
        """Says how the guesses compare with the truth, and whose they are."""
        first, second = self._names
        count = len(self._labels)
        if self.guesses is None:
            return (
                f"{count} pictures, {int(self._labels.sum())} of them "
                f"{second}: which?"
            )
        picked, true = self.guesses == 1, self._labels == 1
        right, found = int((picked == true).sum()), int((picked & true).sum())
        alarms, sound = int((picked & ~true).sum()), int((~true).sum())
        return (
            f"{who}: right about {right} of {count}; {found} of "
            f"{count - sound} {second} found, {alarms} of {sound} {first} "
            f"called {second}."
        )

    def __repr__(self):
        """Says what there is to do, or how it went."""
        if self.guesses is None:
            return f"{self.describe()} .guess([2, 5]) picks number 2 and 5."
        return self.describe()

    def _repr_mimebundle_(self, include=None, exclude=None):
        bundle = super()._repr_mimebundle_()
        bundle["text/html"] += f"<p>{html.escape(self.describe())}</p>"
        return bundle

    def _picture(self):
        """All pictures with their numbers; after a guess, with the truth."""
        rows = -(-len(self._labels) // self._columns)
        figure = Figure(
            figsize=(1.7 * self._columns, 1.95 * rows), layout="tight"
        )
        axes = figure.subplots(rows, self._columns, squeeze=False).ravel()
        for ax in axes:
            ax.axis("off")
        for number, (ax, picture) in enumerate(
            zip(axes, self._pictures, strict=False)
        ):
            ax.imshow(picture)
            title, colour = str(number + 1), "black"
            if self.guesses is not None:
                true = self._names[self._labels[number]]
                is_right = self.guesses[number] == self._labels[number]
                title += f": {true}, {'right' if is_right else 'WRONG'}"
                colour = BLUE if is_right else VERMILLION
            ax.set_title(title, color=colour, fontsize=9)
        return as_png(figure)

    def _make_view(self):
        from course_utils.notebook import guess_wall_widget

        first, second = self._names
        view = guess_wall_widget.View(
            question=f"{first}, or {second}? Pick what is {second}.",
            pictures=[_as_png(picture) for picture in self._pictures],
            columns=self._columns,
        )
        view.on_msg(self._on_message)
        return view

    def _on_message(self, widget, content, buffers):
        self.guess(content.get("guess", ...))

    def _draw_view(self):
        first, second = self._names
        if self.guesses is None:
            count = len(self._labels)
            texts = [f"{number}: {second}?" for number in range(1, count + 1)]
            self._view.shown = {"texts": texts, "wrong": [], "picked": None}
            return
        told = {(1, 1): second, (0, 0): first}
        told |= {(0, 1): "missed", (1, 0): "false alarm"}
        pairs = zip(self.guesses.tolist(), self._labels.tolist(), strict=True)
        texts = [f"{i}: {told[pair]}" for i, pair in enumerate(pairs, 1)]
        picked = (np.flatnonzero(self.guesses) + 1).tolist()
        wrong = (self.guesses != self._labels).tolist()
        shown = {"texts": texts, "wrong": wrong, "picked": picked}
        self._view.shown = {**shown, "turn": self._turn}
        self._view.told = self.describe()


def _as_png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).resize((144, 144)).save(file, format="png")
    return base64.b64encode(file.getvalue()).decode()
