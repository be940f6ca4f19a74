"""Writes what repairs a model at another scanner, from the committed runs.

    python -m benchmarks.adaptation_report

writes `docs/adaptation_report.md` from `data/experiments/adaptation.csv`, whose
runs `python -m benchmarks.domain_adaptation` makes.
"""

import pathlib

import pandas as pd
from scipy import stats

TOP = pathlib.Path(__file__).parents[1]
ROWS = TOP / "data" / "experiments" / "adaptation.csv"
REPORT = TOP / "docs" / "adaptation_report.md"

HEAD = """\
# What repairs a model at another scanner

Written by `python -m benchmarks.adaptation_report`; do not edit. How a run is
made, and what was fixed before the first, stands in
`benchmarks/domain_adaptation.py`; every run is in
`data/experiments/adaptation.csv`. Lessons 04 and 04b teach what it means.

The pictures are drawn, and so are the scanners. The stain model by which
pictures are normalised and augmented is the one by which they were drawn: what
stain methods gain here, they need not gain on real tissue.

A cell is a mean over seeds ± half of its 95 % interval (Student's t), on the
test pictures of eighty patients of a scanner. Seeds differ in the labels that
were drawn and in the training; the patients are the same in all, so the
intervals do not say how new patients would differ. A gain is the mean of the
differences, seed by seed, from the same training without the repair. `area` is
the area under the ROC curve. Specificity and sensitivity are those at the
threshold that was chosen for a specificity of 0.95 on validation pictures of
scanner A. It is not chosen anew after a repair: where the area stays and one of
the two rises, the other falls, and only the place on the curve has moved.

## What each method needs

| method | target pictures | target labels | training |
| --- | --- | --- | --- |
| strong stains, light stains (augmentation, Tellez 2019) | none | none | from the start |
| stain normalisation (Macenko 2009) | some | none | none |
| AdaBN (Li 2016) | some | none | none |
| TENT (Wang 2021) | some | none | a little |
| pseudo-labels (Lee 2013) | many | none | goes on |
| CORAL (Sun and Saenko 2016; weight 1, which was not tuned) | many | none | from the start |
| head, last block, first block, all (with that many target labels) | some | some | the head, or more |
"""  # noqa: E501
MEASURES = {"auc": "area", "sensitivity": "sens.", "specificity": "spec."}


def read_rows():
    """Returns the runs; `method` names a repair with its target labels."""
    rows = pd.read_csv(ROWS)
    few = rows["target_labels"].map(", {} labels".format)
    rows["method"] = rows["repair"] + few.where(rows["target_labels"] > 0, "")
    return rows


def half_width(values):
    """Returns half of the 95 % interval of a mean; None for a single value."""
    if len(values) < 2:
        return None
    return values.sem() * stats.t.ppf(0.975, len(values) - 1)


def cell(values, sign=""):
    """Returns a mean and its interval, as text."""
    half = half_width(values)
    text = f"{values.mean():{sign}.3f}"
    return text if half is None else f"{text} ± {half:.3f}"


def unrepaired(rows):
    """Yields the lines of the table of trainings without a repair."""
    yield "| training | labels | scanner | seeds | area | sens. | spec. |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    alone = rows[rows["method"] == "none"]
    for key, own in alone.groupby(["base", "labels", "scanner"], sort=True):
        cells = [cell(own[measure]) for measure in MEASURES]
        names = [*map(str, key), str(len(own)), *cells]
        yield f"| {' | '.join(names)} |"


def repaired(rows):
    """Yields the lines of the table of gains."""
    yield (
        "| training | repair | labels | scanner | seeds | gain in area "
        "| in sens. | in spec. | seconds |"
    )
    yield "| --- " * 9 + "|"
    keys = ["base", "labels", "scanner", "seed"]
    alone = rows[rows["method"] == "none"].set_index(keys)
    for key, own in rows[rows["method"] != "none"].groupby(
        ["base", "method", "labels", "scanner"]
    ):
        own = own.set_index(keys)
        gains = own[[*MEASURES]] - alone.loc[own.index, [*MEASURES]]
        cells = [cell(gains[measure], "+") for measure in MEASURES]
        seconds = f"{own['seconds'].median():.0f}"
        names = [*map(str, key), str(len(own)), *cells, seconds]
        yield f"| {' | '.join(names)} |"


def text():
    """Returns the report on the runs that the file holds."""
    rows = read_rows()
    parts = [
        HEAD,
        "## Without a repair\n",
        *unrepaired(rows),
        "\n## What a repair gains\n",
        "Seconds are medians on one busy core, of the repair and its\n"
        "predictions: an order of magnitude.\n",
        *repaired(rows),
    ]
    return "\n".join(parts) + "\n"


def main():
    """Writes the report."""
    REPORT.write_text(text(), encoding="utf-8")
    print(text())


if __name__ == "__main__":
    main()
