"""Make the virtual environment: what `make lab` and `make test` call first.

Runs on whatever Python starts it, Python 3.6 included, so that a wrong
version gets a sentence and not a syntax error. Uses the standard library
only. A second call with nothing changed returns at once.
"""

import argparse
import glob
import hashlib
import os
import queue
import shutil
import subprocess
import sys
import threading
import time

OLDEST, NEWEST = (3, 11), (3, 13)
# Room that an installation takes, measured with `du -sm .venv`, rounded up.
NEEDED_MB = 3500
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main():
    """Create the environment and install the course; 0 if all went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("venv", help="folder of the virtual environment")
    parser.add_argument("--extras", default="", help="for example: real,test")
    parser.add_argument("--constraints", default="constraints.txt")
    arguments = parser.parse_args()
    try:
        set_up(arguments.venv, arguments.extras, arguments.constraints)
    except SetupError as problem:
        sys.stderr.write(f"\n{problem}\n")
        return 1
    except OSError as error:
        sys.stderr.write(
            f"\nThe set-up stopped: {error}. Free {NEEDED_MB} MB at {TOP} if "
            "the disk is full, and run the same command again.\n"
        )
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted: the same command goes on.\n")
        return 130
    return 0


class SetupError(Exception):
    """What stands in the way, and what to do, in one sentence."""


def set_up(venv, extras, constraints):
    """Create `venv` and install the course into it, unless that is done."""
    check_python()
    extras = [name for name in extras.split(",") if name]
    # What was installed for one command serves the others.
    done_files = [
        os.path.join(venv, f"installed-{name}") for name in ["lab", *extras]
    ]
    wanted = fingerprint(constraints)
    installed = all(read(path) == wanted for path in done_files)
    if installed and os.path.exists(python_of(venv)):
        return
    check_folder(venv)
    python = create(venv)
    target = f".[{','.join(extras)}]" if extras else "."
    command = [python, "-m", "pip", "install", "--editable", target]
    command += ["--disable-pip-version-check"]
    if constraints:
        command += ["--constraint", constraints]
    print(f"Installing the course into {venv}, some minutes ...", flush=True)
    log = os.path.join(venv, "installation.log")
    for path in done_files:  # Until it has ended, it is not done.
        if os.path.exists(path):
            os.remove(path)
    if install(command, log) != 0:
        raise SetupError(
            f"The packages could not be installed (see above, and {log}). If "
            "the package index was not reached, connect and run the same "
            f"command again; if the disk is full, free {NEEDED_MB} MB at {TOP}."
        )
    for path in done_files:
        with open(path, "w") as file:
            file.write(wanted)


def check_python():
    """Raise `SetupError` if this Python cannot run the course."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise SetupError(
            f"This course needs Python {dotted(OLDEST)} to {dotted(NEWEST)}, "
            f"and {sys.executable} is Python {dotted(sys.version_info[:3])}: "
            "install one of those, and name it, for example `make lab "
            "PYTHON=python3.12`."
        )


def dotted(version):
    """Write a version as people do."""
    return ".".join(map(str, version))


def check_folder(venv):
    """Raise `SetupError` if the environment cannot be written here."""
    parent = os.path.dirname(os.path.abspath(venv))
    if not can_write(parent):
        raise SetupError(
            f"The folder {parent} cannot be written: copy or clone the course "
            "into a folder of your own, and run the same command there."
        )
    free_mb = shutil.disk_usage(parent).free // 10**6
    if not os.path.isdir(venv) and free_mb < NEEDED_MB:
        raise SetupError(
            f"The course needs about {NEEDED_MB} MB of disk, and {free_mb} MB "
            f"are free at {parent}: free some, and run the same command again."
        )


def can_write(folder):
    """Try it: permissions alone do not tell (a read-only disk, root)."""
    probe = os.path.join(folder, f".write-test-{os.getpid()}")
    try:
        with open(probe, "w") as file:
            file.write("x")
        os.remove(probe)
    except OSError:
        return False
    return True


def python_of(venv):
    """Return where the Python of the environment is, or would be."""
    place = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    return os.path.abspath(os.path.join(venv, *place))


def create(venv):
    """Create the environment where it is missing; return its Python."""
    python = python_of(venv)
    works = [python, "-m", "pip", "--version"]
    try:
        if subprocess.call(works, **quiet()) == 0:
            return python
    except OSError:  # There is none, or the system's has gone since.
        pass
    # Debian ships venv's folder without ensurepip unless asked for it.
    trial = [sys.executable, "-c", "import venv, ensurepip"]
    if subprocess.call(trial, **quiet()) != 0:
        raise SetupError(
            "Python's venv module is missing: install it (Debian and Ubuntu: "
            f"`sudo apt install python{dotted(sys.version_info[:2])}-venv`), "
            "and run the same command again."
        )
    make = [sys.executable, "-m", "venv", "--clear", venv]
    if subprocess.call(make, cwd=TOP) != 0:
        raise SetupError(
            f"{venv} could not be made (see above): delete that folder, and "
            "run the same command again."
        )
    return python


def install(command, log):
    """Run pip, show where it is, and keep all it says in a log.

    On a failure its last lines are shown. Returns pip's exit code.
    """
    lines, progress = [], Progress(os.path.dirname(os.path.join(TOP, log)))
    said = queue.Queue()
    with open(os.path.join(TOP, log), "w") as file:
        pip = subprocess.Popen(
            command,
            cwd=TOP,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            errors="backslashreplace",
        )
        reader = threading.Thread(target=listen, args=(pip, said), daemon=True)
        reader.start()
        try:
            while True:
                try:
                    line = said.get(timeout=1)
                except queue.Empty:
                    # pip says nothing while it unpacks for a minute or two.
                    progress.show()
                    continue
                if line is None:
                    break
                file.write(line)
                lines.append(line.rstrip())
                progress.show(line.strip())
        except BaseException:
            # Nobody is left to read: pip must not go on in the background.
            pip.terminate()
            pip.wait()
            raise
    if sys.stdout.isatty():
        print()
    code = pip.wait()
    if code:
        print("\n".join(lines[-12:]), flush=True)
    return code


def listen(pip, said):
    """Hand on what pip says line by line, and `None` at its end."""
    try:
        for line in pip.stdout:
            said.put(line)
    finally:
        said.put(None)


class Progress:
    """Where pip is: in place on a terminal, else a line every ten seconds."""

    def __init__(self, venv):
        """Begin to count the seconds."""
        self.venv = venv
        self.start = self.last = time.time()
        self.step = ""
        self.wanted = 0

    def show(self, line=None):
        """Show the step that pip has reached, and how long it has taken."""
        # Warnings are in the log; the step that pip is at is what is shown.
        if line is not None and not line.startswith("WARNING"):
            self.step = line
            installing = line.startswith("Installing collected packages")
            self.wanted = line.count(",") + 1 if installing else 0
        now = time.time()
        step = self.step
        if self.wanted:
            there = min(self.count(), self.wanted)
            step = f"Installing: {there} of {self.wanted} packages"
        shown = f"{now - self.start:4.0f} s  {step}"[:78]
        if sys.stdout.isatty():
            sys.stdout.write("\r" + shown.ljust(79))
        elif now - self.last >= 10:
            self.last = now
            print(shown)
        sys.stdout.flush()

    def count(self):
        """Return how many packages lie in the environment."""
        places = (("lib", "python*"), ("Lib",))
        return sum(
            len(glob.glob(os.path.join(self.venv, *place, "*", "*.dist-info")))
            for place in places
        )


def quiet():
    """Return arguments that hide a trial's output."""
    return {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def fingerprint(constraints):
    """Return what an installation depends on, as one short text."""
    digest = hashlib.sha256(TOP.encode())
    for name in ["pyproject.toml", constraints]:
        digest.update(read(os.path.join(TOP, name)).encode() if name else b"")
    return digest.hexdigest()


def read(path):
    """Return a file's text, or an empty text where there is no file."""
    if not os.path.isfile(path):
        return ""
    with open(path) as file:
        return file.read()


if __name__ == "__main__":
    sys.exit(main())
