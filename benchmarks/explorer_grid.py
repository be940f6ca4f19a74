"""Makes the points of the explorers in lessons 03 and 04.

    python -m benchmarks.explorer_grid

trains what `data/experiments/explorer.csv` does not hold yet, and adds it
there: each data set, number of labels, depth and learning rate of
`course_utils/notebook/explorer_training.py`, with two seeds. Nothing was
tuned: steps and rates were written down before the first run. Values are on
validation pictures.
"""

import itertools
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarks import row_files
from course_utils.notebook import explorer_training

ROWS = (
    pathlib.Path(__file__).parents[1] / "data" / "experiments" / "explorer.csv"
)
COLUMNS = "dataset labels unfrozen learning_rate seed value source".split()
SEEDS = (100, 101)


def planned():
    """Lists all trials; where nothing is unfrozen, one for all rates."""
    for dataset, seed, labels, unfrozen in itertools.product(
        explorer_training.METRICS,
        SEEDS,
        explorer_training.LABELS,
        explorer_training.UNFROZEN,
    ):
        rates = explorer_training.LEARNING_RATES
        if explorer_training.UNFROZEN[unfrozen] is None:
            rates = rates[:1]
        for rate in rates:
            yield explorer_training.Trial(dataset, labels, unfrozen, rate, seed)


def main():
    """Makes what is missing, each added to the file as it ends."""
    done = {tuple(row.values())[:5] for row in row_files.read(ROWS)}
    missing = [
        trial for trial in planned() if tuple(map(str, key(trial))) not in done
    ]
    for number, trial in enumerate(missing, start=1):
        start = time.perf_counter()
        value, source = explorer_training.run(trial)
        row = *key(trial), round(value, 4), round(source, 4)
        row_files.add(ROWS, COLUMNS, [dict(zip(COLUMNS, row, strict=True))])
        took = time.perf_counter() - start
        print(f"{number}/{len(missing)}", *row, f"{took:.0f} s", flush=True)


def key(trial):
    """Returns what tells a trial from others, in the order of the file."""
    return (
        trial.dataset,
        trial.labels,
        trial.unfrozen,
        trial.learning_rate,
        trial.seed,
    )


if __name__ == "__main__":
    main()
