"""The claim browser's face in the browser: a list and a picture."""

from pathlib import Path

import anywidget
import traitlets

_STATIC = Path(__file__).resolve().parent / "static"


class View(anywidget.AnyWidget):
    """What the browser shows of a `course_utils.notebook.ClaimBrowser`.

    Attributes:
        options: Pairs of a claim's id and its sentence.
        chosen: The id of the claim that is chosen.
        picture: The picture, PNG in base64.
        description: The picture in words.
    """

    _esm = _STATIC / "claims.js"
    _css = _STATIC / "explorer.css"
    options = traitlets.List().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Unicode().tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
