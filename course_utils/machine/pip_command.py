"""How pip is called, so that it installs where this Python looks."""

import os
import shlex
import subprocess
import sys


def pip_install(packages: str) -> str:
    """Return the command that installs packages for this very Python.

    In a notebook it is a line for a cell; elsewhere one for a terminal, where
    the environment of the course need not be active.

    Args:
        packages: As pip takes them, and options.
    """
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        return f"%pip install {packages}"
    return f"{this_python()} -m pip install {packages}"


def this_python() -> str:
    """Return the path of this Python as a terminal takes it."""
    if os.name == "nt":
        return subprocess.list2cmdline([sys.executable])
    return shlex.quote(sys.executable)
