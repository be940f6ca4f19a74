"""Run a solved lesson with many seeds: do its claims hold for each?

    python -m benchmarks.repeat_lesson 00_start_here --seeds 20

A claim may stop a lesson (`course.claim`) only if it held for 20 of 20
seeds. Prints what each run concluded; the exit code is 1 if one failed.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tools import run_lessons

BEGIN = "course.begin("


def main() -> int:
    """Run the lesson once a seed, and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", help="name, without .ipynb")
    parser.add_argument("--seeds", type=int, default=20, metavar="N")
    parser.add_argument("--first", type=int, default=1, metavar="SEED")
    chosen = parser.parse_args()
    if chosen.seeds < 1:
        parser.error(f"--seeds must be at least 1, not {chosen.seeds}.")
    source = run_lessons.TOP / "solutions" / f"{chosen.lesson}.ipynb"
    if not source.is_file():
        print(f"There is no {source}: name the lesson as its file is called.")
        return 1
    text = source.read_text("utf-8")
    if BEGIN not in text:
        print(f"{source} does not call course.begin.")
        return 1
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            path = Path(folder) / f"seed_{seed}.ipynb"
            seeded = f"course.begin(seed={seed}, lesson="
            path.write_text(text.replace(BEGIN, seeded), "utf-8")
            runs.append(run_lessons.run(path, Path(folder)))
    print(run_lessons.table(runs))
    held = sum(run.passed for run in runs)
    print(f"All claims held in {held} of {len(runs)} runs.")
    return int(held < len(runs))


if __name__ == "__main__":
    sys.exit(main())
