"""The explorer's face in the browser: sliders, a button, a picture."""

from pathlib import Path

import anywidget
import traitlets

from course_utils.notebook import frontend

_STATIC = Path(__file__).resolve().parent / "static"


class View(anywidget.AnyWidget):
    """What the browser shows of a `course_utils.notebook.Explorer`.

    Attributes:
        title: What the whole is called.
        options: A dict an option: its name, its label, and its choices as text.
        chosen: By name of the option, the position of what is chosen.
        running: Whether a point is being trained.
        trainings: How many have begun. The button sends it along, so that
            pressing it twice trains once.
        done: The share of the training that is done.
        now: How far it is, for the eye; the page adds the seconds.
        told: What a screen reader hears.
        picture: The picture, PNG in base64.
        description: The picture in a sentence.
    """

    _esm = frontend.script("explorer.js")
    _css = _STATIC / "explorer.css"
    title = traitlets.Unicode().tag(sync=True)
    options = traitlets.List().tag(sync=True)
    chosen = traitlets.Dict().tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    done = traitlets.Float(0.0).tag(sync=True)
    trainings = traitlets.Int(0).tag(sync=True)
    now = traitlets.Unicode().tag(sync=True)
    told = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Unicode().tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
