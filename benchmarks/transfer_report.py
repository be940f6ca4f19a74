"""Measures what the drawn backbone is worth on each target task.

    python -m benchmarks.transfer_report

makes every run that `data/experiments/transfer.csv` does not hold yet, adds it
there, and writes `docs/transfer_report.md`. `--report` only writes the latter.

Three ways to use the same few labels are compared: frozen, fine-tuned and
from scratch, see `benchmarks/transfer_methods.py`.

A seed stands for one draw of the labelled pictures, one order of them and, for
scratch, one start. Settings are chosen by the mean over development seeds on
the validation pictures; what is reported are fresh seeds on the test pictures,
which no choice has seen.
"""

import argparse
import dataclasses
import multiprocessing
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

from benchmarks import row_files, transfer_table
from benchmarks.transfer_methods import LONGER, METHODS, Run, execute

TOP = pathlib.Path(__file__).parents[1]
ROWS = TOP / "data" / "experiments" / "transfer.csv"
REPORT = TOP / "docs" / "transfer_report.md"

DEVELOPMENT_SEEDS = (0, 1)
FRESH_SEEDS = (100, 101, 102, 103, 104)

LABELS = {
    "near": (30, 100, 400),
    "defects": (30, 100, 400),
    "histology": (30, 100, 400),
    "digits": (100,),
    "photographs": (200, 2000),
}
BACKBONE = "residual"

# Tried on development seeds. For frozen, the inverse strength of the
# regularisation; else the learning rate, which falls to zero along a cosine.
GRID = {
    "frozen": (0.0003, 0.003, 0.03, 0.3, 3.0),
    "fine-tuned": (1e-4, 3e-4, 1e-3),
    "scratch": (5e-4, 2e-3, 5e-3, 1e-2, 2e-2),
}

RESULTS = ("metric", "value", "accuracy", "seconds")
COLUMNS = [field.name for field in dataclasses.fields(Run)] + list(RESULTS)


def read_rows():
    """Returns the finished runs, as a list of dicts of strings."""
    return row_files.read(ROWS)


def prepare_worker():
    """Readies a process for runs: one thread on a core of its own."""
    # Lets processors that can multiply in bfloat16 do so inside convolutions,
    # at two thirds of the time; models stay float32. Others ignore it.
    os.environ["TF_SET_ONEDNN_FPMATH_MODE"] = "BF16"
    if hasattr(os, "sched_setaffinity"):
        # A core each: left to itself, Linux was seen to put two workers on
        # one core and to leave the other idle.
        cores = sorted(os.sched_getaffinity(0))
        number = multiprocessing.current_process()._identity[0]
        os.sched_setaffinity(0, {cores[number % len(cores)]})
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def make(runs, workers):
    """Makes the runs that are missing, each added to the file as it ends."""
    rows = read_rows()
    done = {tuple(row[name] for name in COLUMNS[:8]) for row in rows}
    missing = [run for run in runs if run.key() not in done]
    if not missing:
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, prepare_worker) as pool:
        for i, row in enumerate(pool.imap_unordered(execute, missing), 1):
            row_files.add(ROWS, COLUMNS, [row])
            print(f"{i}/{len(missing)}", *row.values(), flush=True)


def best(rows, target, method):
    """Chooses a setting by the mean over the development seeds."""
    wanted = ("development", target, method)
    values = {}
    for row in rows:
        if wanted == tuple(row[name] for name in _WHAT):
            values.setdefault(row["setting"], []).append(float(row["value"]))
    means = {setting: np.mean(found) for setting, found in values.items()}
    return float(max(means, key=means.get))


_WHAT = ("stage", "target", "method")


def combinations():
    """Lists what is reported: target, number of labels, seeds."""
    for target, counts in LABELS.items():
        for labels in counts:
            few = FRESH_SEEDS[:3] if labels == 2000 else FRESH_SEEDS
            yield target, labels, few


def tried(method):
    """Lists what settings are chosen on: target, labels, seeds."""
    for target, counts in LABELS.items():
        middle = counts[1] if len(counts) == 3 else counts[0]
        one = method == "fine-tuned" or len(counts) < 3
        yield target, middle, DEVELOPMENT_SEEDS[: 1 if one else 2]


def development_runs(method, rows):
    """Lists the runs that choose the settings of a method."""
    for place in tried(method):
        for setting in GRID[method]:
            yield from _runs("development", *place, method, setting, rows)


def longer_runs(rows):
    """Lists the runs that show whether scratch gains by more steps."""
    for place in tried("scratch"):
        setting = best(rows, place[0], "scratch")
        yield from _runs("development", *place, LONGER, setting, rows)


def report_runs(method, rows):
    """Lists the runs on fresh seeds, with the chosen settings."""
    # Short runs first: what is there after a while is worth the most.
    for place in sorted(combinations(), key=lambda place: place[1]):
        setting = best(rows, place[0], method)
        yield from _runs("report", *place, method, setting, rows)


def _runs(stage, target, labels, seeds, method, setting, rows):
    head = best(rows, target, "frozen") if method == "fine-tuned" else ""
    for seed in seeds:
        yield Run(stage, BACKBONE, target, labels, seed, method, setting, head)


def ordered(rows):
    """Returns the rows in the order of the plan, not that of their ending."""
    plan = [key[:2] for key in combinations()]

    def place(row):
        key = row["target"], int(row["labels"])
        return plan.index(key), row["stage"], row["method"], int(row["seed"])

    planned = [r for r in rows if (r["target"], int(r["labels"])) in plan]
    return sorted(planned, key=place)


def text():
    """Returns the report on the runs that the file holds."""
    planned = sum(len(seeds) * len(METHODS) for *_, seeds in combinations())
    return transfer_table.report(ordered(read_rows()), planned)


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--report", action="store_true", help="report only")
    parser.add_argument(
        "--method",
        choices=METHODS,
        nargs="+",
        default=METHODS,
        help="make no other runs than these",
    )
    options = parser.parse_args()
    if not options.report:
        for method in METHODS:
            for list_runs in (development_runs, report_runs):
                if method in options.method:
                    runs = list_runs(method, read_rows())
                    make(list(runs), options.workers)
        if "scratch" in options.method:
            make(list(longer_runs(read_rows())), options.workers)
    REPORT.write_text(text(), encoding="utf-8")
    print(text())


if __name__ == "__main__":
    main()
