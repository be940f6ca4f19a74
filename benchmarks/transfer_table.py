"""The transfer report as a text: what was found, and what had been expected."""

import math

import numpy as np
from scipy import stats

from benchmarks.transfer_methods import LONGER, METHODS

HEAD = """\
# What the drawn backbone is worth

Written by `python -m benchmarks.transfer_report`; do not edit. The targets
stand in `benchmarks/targets.py`, the three methods in
`benchmarks/transfer_methods.py`, how settings were chosen in
`benchmarks/transfer_report.py`, and every run in
`data/experiments/transfer.csv`.

Each cell is a mean over fresh seeds ± half of its 95 % interval (Student's t),
measured on the test pictures. A gain is the mean of the seeds' differences,
with the interval of that mean. Intervals are over draws of labels and starts,
with the same test pictures each time.
"""

# What was expected before anything was measured: a sentence, target, numbers
# of labels, the gain of one method over another, and its bounds.
EXPECTED = (
    (
        "near: frozen within 0.03 of fine-tuned",
        ("near", (30, 100, 400), "fine-tuned", "frozen", -math.inf, 0.03),
    ),
    (
        "defects: fine-tuned at least 0.05 above frozen at 400 labels",
        ("defects", (400,), "fine-tuned", "frozen", 0.05, math.inf),
    ),
    *(
        (
            f"{target}: {method} above tuned scratch at 30 and 100 labels",
            (target, (30, 100), method, "scratch", 0.0, math.inf),
        )
        for target in ("near", "defects", "histology")
        for method in ("frozen", "fine-tuned")
    ),
    (
        "photographs: fine-tuned at least 0.10 above tuned scratch",
        ("photographs", (200, 2000), "fine-tuned", "scratch", 0.10, math.inf),
    ),
)

# What guessing reaches, of the metric of each target.
GUESSING = {
    "near": 1 / 6,
    "defects": 1 / 6,
    "histology": 1 / 2,
    "digits": 1 / 10,
    "photographs": 1 / 18,
}


def interval(values):
    """Mean and half of its 95 % interval over seeds (Student's t)."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), math.nan
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(values.mean()), float(half)


def collect(rows):
    """Sorts the reported values.

    Returns:
        Dict from (target, labels) to a dict from each method to a dict from
        seed to value.
    """
    found = {}
    for row in rows:
        if row["stage"] == "report":
            key = row["target"], int(row["labels"])
            by_seed = found.setdefault(key, {}).setdefault(row["method"], {})
            by_seed[int(row["seed"])] = float(row["value"])
    return found


def gain(methods, better, worse):
    """Returns the differences of the seeds that both methods have."""
    first, second = methods.get(better, {}), methods.get(worse, {})
    seeds = sorted(first.keys() & second.keys())
    return [first[seed] - second[seed] for seed in seeds]


def report(rows, planned):
    """Returns the report as Markdown.

    Args:
        rows: List of dicts, as `transfer.csv` has them.
        planned: Number of runs that will be reported when all are made.
    """
    made = sum(row["stage"] == "report" for row in rows)
    found = collect(rows)
    metrics = {row["target"]: row["metric"] for row in rows}
    lines = _table(
        "target",
        "metric",
        "labels",
        "seeds",
        *METHODS[::-1],
        "frozen - scratch",
        "fine-tuned - scratch",
        "fine-tuned - frozen",
    )
    for (target, labels), methods in found.items():
        lines.append(_row(target, metrics[target], labels, methods))
    return "\n".join(
        [
            HEAD,
            f"{made} of {planned} planned runs have been made.\n",
            *lines,
            "",
            _expectations(found),
            _settings(rows),
            _longer(rows),
        ]
    )


def _table(*columns):
    return [_line(columns), _line(["---"] * len(columns))]


def _line(cells):
    return f"| {' | '.join(map(str, cells))} |"


def _row(target, metric, labels, methods):
    seeds = {seed for by_seed in methods.values() for seed in by_seed}
    cells = [target, metric, labels, len(seeds)]
    for method in METHODS[::-1]:
        cells.append(_cell(methods.get(method, {}).values(), ""))
    for better, worse in (
        ("frozen", "scratch"),
        ("fine-tuned", "scratch"),
        ("fine-tuned", "frozen"),
    ):
        cells.append(_cell(gain(methods, better, worse), "+"))
    return _line(cells)


def _cell(values, sign):
    """Writes a mean and its interval, or that there is none yet."""
    if not values:
        return "not run"
    mean, half = interval(list(values))
    if math.isnan(half):
        return f"{mean:{sign}.3f} (one seed)"
    return f"{mean:{sign}.3f} ± {half:.3f}"


def _expectations(found):
    lines = ["## Expected, and found", ""]
    lines += _table("expected", "labels", "found", "so it is")
    for sentence, (target, counts, better, worse, low, high) in EXPECTED:
        for labels in counts:
            methods = found.get((target, labels), {})
            gains = gain(methods, better, worse)
            verdict = _verdict(*interval(gains), low, high) if gains else ""
            lines.append(_line([sentence, labels, _cell(gains, "+"), verdict]))
    return "\n".join([*lines, "", *_weak_rivals(found)])


def _weak_rivals(found):
    """Says where scratch is no rival, for it has not been seen to learn."""
    weak = []
    for (target, labels), methods in found.items():
        if methods.get("scratch"):
            mean, half = interval(list(methods["scratch"].values()))
            if not mean - half > GUESSING[target]:  # of one seed, too
                weak.append(f"{target} with {labels} labels")
    if not weak:
        return []
    return [
        "Scratch is not shown to be better than guessing on",
        f"{', '.join(weak)}: to be above it there",
        "is to be above guessing, and no more.",
        "",
    ]


def _verdict(mean, half, low, high):
    """Compares a mean and its interval with what was expected."""
    if math.isnan(half):
        return "one seed"
    if low <= mean - half and mean + half <= high:
        return "yes"
    if mean + half < low or mean - half > high:
        return "no"
    return "on average" if low <= mean <= high else "not shown"


def _settings(rows):
    lines = [
        "## Chosen settings",
        "",
        "For frozen, the inverse strength of the head's regularisation; else",
        "the learning rate at the start.",
        "",
    ]
    lines += _table("target", "labels", *METHODS)
    chosen = {}
    for row in rows:
        if row["stage"] == "report":
            key = row["target"], int(row["labels"])
            chosen.setdefault(key, {})[row["method"]] = row["setting"]
    for key, settings in chosen.items():
        cells = [settings.get(method, "") for method in METHODS]
        lines.append(_line([*key, *cells]))
    return "\n".join([*lines, ""])


def _longer(rows):
    lines = [
        "## Would scratch have gained by more steps?",
        "",
        "Validation pictures, development seeds, mean: each learning rate that",
        "was tried, and the best with three times as many steps.",
        "",
    ]
    found = {}
    for row in rows:
        scratch = row["method"] in ("scratch", LONGER)
        if scratch and row["stage"] == "development":
            longer = row["method"] == LONGER
            column = "longer" if longer else float(row["setting"])
            by_column = found.setdefault((row["target"], row["labels"]), {})
            by_column.setdefault(column, []).append(float(row["value"]))
    rates = sorted({c for by in found.values() for c in by if c != "longer"})
    lines += _table("target", "labels", *rates, "best, 3 times the steps")
    for key, by_column in found.items():
        means = [
            f"{np.mean(by_column[column]):.3f}" if column in by_column else ""
            for column in (*rates, "longer")
        ]
        lines.append(_line([*key, *means]))
    return "\n".join([*lines, ""])
