"""The ``course`` command: ``lab``, ``doctor``, ``progress`` and more."""

import argparse
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

from course_utils import doctor
from course_utils.answers import progress_log, progress_summary
from course_utils.classroom import class_commands
from course_utils.machine import arguments, errors, paths, work_folder
from course_utils.machine.errors import CourseError

# A photograph that is uploaded comes in one message.
LARGE_MESSAGES = "{'websocket_max_message_size': 100_000_000}"
_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


def main(words: list[str] | None = None) -> int:
    """Run the ``course`` command.

    Args:
        words: Words after ``course``; ``None`` for those of the process.

    Returns:
        Exit code: 0, or 1 if the course cannot run on this machine.
    """
    parser = argparse.ArgumentParser(prog="course", description=__doc__)
    version = importlib.metadata.version("transfer-learning-course")
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "doctor", help="look whether this machine can run the course"
    )
    commands.add_parser("progress", help="what is done, and what comes next")
    commands.add_parser("where", help="the folders in use")
    class_commands.add_commands(commands)
    lab = commands.add_parser(
        "lab", help="copy new lessons into work/ and open JupyterLab there"
    )
    lab.add_argument(
        "--no-browser",
        action="store_true",
        help="print the address, and open no browser",
    )
    lab.add_argument(
        "--lesson",
        default="00",
        metavar="NUMBER",
        help="open this lesson, such as 03",
    )
    lab.epilog = "What else JupyterLab takes, such as --port, is passed on."
    if hasattr(sys.stdout, "reconfigure"):
        # A name that the terminal has no letters for ends no command.
        sys.stdout.reconfigure(errors="backslashreplace")
    chosen, options = parser.parse_known_args(words)
    if options and chosen.command != "lab":
        parser.error(f"unrecognized arguments: {' '.join(options)}")
    try:
        if chosen.command == "doctor":
            return _doctor()
        if chosen.command == "progress":
            print(progress_summary.load_board())
            return 0
        if chosen.command == "where":
            return _where()
        if chosen.command == "class":
            return class_commands.run(chosen)
        options = [option for option in options if option != "--"]
        return _lab(chosen.no_browser, chosen.lesson, options)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` has; Python says no more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(
            f"{error.filename or 'A file'} could not be used: "
            f"{errors.os_reason(error)}; make it readable and writable and "
            "free some disk, or name another.",
            file=sys.stderr,
        )
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


def _where() -> int:
    folders = {
        "course": paths.course_dir(),
        "work": paths.work_dir(),
        "answers": progress_log.log_path(),
        "cache": paths.cache_dir(),
    }
    for name, folder in folders.items():
        print(f"{name:<8} {folder}")
    return 0


def _find_lesson(number: str) -> str:
    """Return the file name of a lesson, by its number."""
    folder = paths.course_dir() / "notebooks"
    names = sorted(path.name for path in folder.glob("*.ipynb"))
    by_number = {name.split("_")[0]: name for name in names}
    return by_number[arguments.one_of("lesson", number, by_number)]


def _lab(no_browser: bool, lesson: str, options: list[str]) -> int:
    name = _find_lesson(lesson)
    if _doctor():
        return 1
    newer = work_folder.copy_lessons()
    for changed in newer:
        print(
            f"There is a newer version of {changed}. Yours is kept; to get the "
            f"new one, rename {paths.work_dir() / changed}.ipynb and start "
            "again."
        )
    work = paths.work_dir().absolute()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={work}",
        f"--LabApp.default_url=/lab/tree/{name}",
        f"--ServerApp.tornado_settings={LARGE_MESSAGES}",
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
    settings = str(Path(__file__).parent / "notebook" / "jupyter")
    own = os.environ.get("JUPYTER_CONFIG_PATH")
    search = os.pathsep.join([settings, own] if own else [settings])
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_PATH": search,
        # Kernels run in folders of their own, and shall find the same.
        "COURSE_WORK": str(work),
    }
    for name in ("COURSE_CACHE", "COURSE_REAL", "KERAS_HOME"):
        if folder := paths.named_dir(name):
            environment[name] = str(folder.absolute())
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
