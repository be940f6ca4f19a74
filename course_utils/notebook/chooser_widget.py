"""A list and the picture of what is chosen, as seen in the browser.

JupyterLab takes the arrow keys from a `Dropdown` of ipywidgets; this list keeps
them.
"""

from pathlib import Path

import anywidget
import traitlets

from course_utils.notebook import frontend

_STATIC = Path(__file__).resolve().parent / "static"


class View(anywidget.AnyWidget):
    """A list to choose from, and a picture below it.

    Attributes:
        label: What is chosen, as its label says.
        options: Pairs of a name and what the list says of it.
        chosen: The name that is chosen.
        picture: The picture, PNG in base64.
        description: The picture in words.
        told: What went wrong, if anything did: it is read out.
    """

    _esm = frontend.script("chooser.js")
    _css = _STATIC / "explorer.css"
    label = traitlets.Unicode().tag(sync=True)
    options = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Unicode().tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    told = traitlets.Unicode().tag(sync=True)
