"""Is somebody there who sees widgets?"""

import os
from pathlib import Path

# What front ends set; programs that only execute a notebook (nbclient,
# nbval) set none of them, and keep pictures and text better than widgets.
_SIGNS = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG")
_STATIC = Path(__file__).parent / "static"
_VIEW = "application/vnd.jupyter.widget-view+json"


def shows_widgets() -> bool:
    """Say whether the kernel serves a front end that can show widgets.

    JupyterLab, VS Code and Colab tell their kernels that they are there.
    """
    return any(os.environ.get(name) for name in _SIGNS)


def script(name: str) -> str:
    """Return a script of `static/`, after what all of them share.

    Args:
        name: Name of the file.
    """
    files = (_STATIC / "shared.js", _STATIC / name)
    return "\n".join(path.read_text("utf-8") for path in files)


def view_of(widget: object) -> dict:
    """Return the part of a display bundle that shows a widget.

    Args:
        widget: An ``ipywidgets`` widget.
    """
    bundle = widget._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    return {_VIEW: bundle[_VIEW]} if bundle and _VIEW in bundle else {}


def tell(widget: object, **state: object) -> None:
    """Change what a widget shows, and let it be clicked all the same.

    Args:
        widget: An ``ipywidgets`` widget, or None where there is none.
        **state: What changes.
    """
    if widget is not None:
        for name, value in state.items():
            setattr(widget, name, value)
        hear_clicks_while_busy(widget)


def hear_clicks_while_busy(widget: object) -> None:
    """Let a click reach the kernel while a cell is running.

    JupyterLab sends a widget's messages to a thread of their own (a
    *subshell*, ipykernel 7). But ipykernel 7.4 sends them to the thread that
    spoke to the widget last, and that one is busy; without its note of that,
    JupyterLab's wish holds. Call it after each change of the widget.

    Args:
        widget: An ``ipywidgets`` widget.
    """
    vars(widget.comm).pop("_reply_subshell_id", None)
