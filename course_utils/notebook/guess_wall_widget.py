"""A wall of pictures to pick from, as seen in the browser."""

from pathlib import Path

import anywidget
import traitlets

from course_utils.notebook import frontend

_STATIC = Path(__file__).resolve().parent / "static"


class View(anywidget.AnyWidget):
    """Pictures with a box each, and a button.

    Attributes:
        question: What is asked, in words.
        pictures: The pictures, PNG in base64.
        columns: How many stand side by side.
        shown: `"texts"`, what stands below each picture; `"wrong"`, whether
            that was guessed wrongly; `"picked"`, the numbers that are
            picked, or None to leave the boxes as they are; and `"turn"`, the
            number of the guess.
        told: What is read out.
    """

    _esm = frontend.script("guess_wall.js")
    _css = _STATIC / "guess_wall.css"
    question = traitlets.Unicode().tag(sync=True)
    pictures = traitlets.List().tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    shown = traitlets.Dict().tag(sync=True)
    told = traitlets.Unicode().tag(sync=True)
