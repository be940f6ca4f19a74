"""How much disk and memory does the course take?

    python -m benchmarks.footprint

Prints the size of the environment and of the tracked files, and the most
memory that the kernel of any solved lesson took (not on Windows).
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import run_lessons

TOP = run_lessons.TOP


def megabytes(paths: list[Path]) -> float:
    """Return the size of files and of whole folders, in MB."""
    files = []
    for path in paths:
        files += path.rglob("*") if path.is_dir() else [path]
    return sum(f.lstat().st_size for f in files if f.is_file()) / 1e6


def main() -> None:
    """Print one line a measurement."""
    print(f"{megabytes([Path(sys.prefix)]):8.0f} MB  environment")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=True
    )
    tracked = [TOP / name for name in listed.stdout.splitlines()]
    print(f"{megabytes(tracked):8.0f} MB  tracked files")
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted((TOP / "solutions").glob("*.ipynb")):
            if not (ran := run_lessons.run(path, Path(folder))).passed:
                sys.exit(f"{ran.lesson} {ran.concluded}")
    # Of the largest child that has ended: a kernel.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 1e6 if sys.platform == "darwin" else 1e3
    print(f"{peak / unit:8.0f} MB  memory of a lesson's kernel, at most")


if __name__ == "__main__":
    main()
