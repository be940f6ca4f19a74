"""Let a screen reader say the verdict of a check.

The verdict itself is HTML in the output of its cell, where it stays readable
when the notebook is opened again. But what comes into a page together with
its text is not said reliably; so an empty live region stands in the page, and
is filled.
"""

from collections.abc import Iterable
from pathlib import Path

import anywidget

_STATIC = Path(__file__).resolve().parent / "static"


class Announcer(anywidget.AnyWidget):
    """A live region out of sight; it has no place in the notebook."""

    _esm = _STATIC / "announcer.js"
    # JupyterLab breaks long lines of text within words and numbers.
    _css = (
        ".jp-RenderedText pre { word-break: normal; overflow-wrap: anywhere; }"
    )

    def __init__(self) -> None:
        """Make the region; the browser tells when it is there."""
        self._waiting: list[str] = []
        self._ready = False
        super().__init__()
        self.on_msg(self._receive)

    def say(self, text: str) -> None:
        """Say something, or keep it until the region is there."""
        self._waiting.append(text)
        if self._ready:
            self._send_all()

    def _receive(self, _: object, content: object, buffers: object) -> None:
        self._ready = True
        self._send_all()

    def _send_all(self) -> None:
        if self._waiting:
            self.send({"say": " ".join(self._waiting)})
        self._waiting.clear()


# One a kernel.
_announcer: list[Announcer] = []


def prepare() -> None:
    """Put the region into the page, before there is anything to say."""
    if not _announcer:
        _announcer.append(Announcer())


def announce(lines: Iterable[str]) -> None:
    """Let a screen reader say something, politely.

    Args:
        lines: What to say.
    """
    prepare()
    _announcer[0].say(" ".join(lines))
