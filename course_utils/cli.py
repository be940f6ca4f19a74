"""The ``course`` command: ``lab``, ``doctor`` and ``progress``."""

import argparse
import os
import subprocess
import sys

from course_utils import doctor
from course_utils.answers import progress_board
from course_utils.machine import paths, work_folder
from course_utils.machine.errors import CourseError

_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


def main(arguments: list[str] | None = None) -> int:
    """Run the ``course`` command.

    Args:
        arguments: Words after ``course``; ``None`` for those of the process.

    Returns:
        Exit code: 0, or 1 if the course cannot run on this machine.
    """
    parser = argparse.ArgumentParser(prog="course", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "doctor", help="look whether this machine can run the course"
    )
    commands.add_parser("progress", help="what is done, and what comes next")
    lab = commands.add_parser(
        "lab", help="copy new lessons into work/ and open JupyterLab there"
    )
    lab.add_argument(
        "--no-browser",
        action="store_true",
        help="print the address, and open no browser",
    )
    lab.add_argument(
        "options", nargs="*", help="options for JupyterLab, after --"
    )
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "doctor":
            return _doctor()
        if chosen.command == "progress":
            print(progress_board.load_board())
            return 0
        return _lab(chosen.no_browser, chosen.options)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _doctor() -> int:
    wrong = False
    for finding in doctor.examine():
        mark = _MARKS[finding.state]
        print(f"{mark}  {finding.subject:<12} {finding.text}", flush=True)
        wrong = wrong or finding.state == "wrong"
    if wrong:
        print("The course cannot run yet: see the lines marked WRONG.")
    else:
        print("This machine can run the course.")
    return int(wrong)


def _lab(no_browser: bool, options: list[str]) -> int:
    if _doctor():
        return 1
    newer = work_folder.copy_lessons()
    for name in newer:
        print(
            f"There is a newer version of {name}. Yours is kept; to get the "
            f"new one, rename {paths.work_dir() / name}.ipynb and start again."
        )
    work = paths.work_dir()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={work}",
        "--LabApp.default_url=/lab/tree/00_start_here.ipynb",
        # Below a warning, the server's log would hide the address.
        "--log-level=WARN",
        *options,
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    if no_browser or not _has_display():
        command.append("--no-browser")
        print("Open the address below in a browser; Ctrl+C twice stops.")
    else:
        print("JupyterLab opens in your browser; Ctrl+C twice stops it.")
    sys.stdout.flush()
    # No pop-up that asks to fetch news from the network; and what a widget
    # shows is saved with its notebook, so that it is there when the notebook
    # is opened again.
    settings = os.path.join(os.path.dirname(__file__), "jupyter")
    own = os.environ.get("JUPYTER_CONFIG_PATH")
    search = os.pathsep.join([settings, own] if own else [settings])
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": search}
    if os.name == "nt":
        return subprocess.call(command, env=environment)
    # In place of this process, so that what stops it stops JupyterLab.
    os.execve(sys.executable, command, environment)


def _has_display() -> bool:
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    sys.exit(main())
