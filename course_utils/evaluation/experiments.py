"""Committed results of experiments, each as a figure and as a table.

Every run is a row of ``data/experiments/real_<name>.csv``, made by
``python -m benchmarks.real_ground <name>``. `show` draws them, `table` lists
what it draws.
"""

import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy import stats

from course_utils.evaluation.experiment_figures import FIGURES
from course_utils.evaluation.plotting import (
    BLUE,
    GREY,
    ORANGE,
    VERMILLION,
    described,
    new_axes,
)
from course_utils.machine import arguments, paths
from course_utils.machine.errors import CourseError

_LOOKS = ((BLUE, "o-"), (VERMILLION, "s--"), (ORANGE, "^-."), (GREY, "D:"))


def names():
    """Returns the names of the experiments that have results."""
    return [name for name in FIGURES if _path(name).is_file()]


def table(name, gain=False):
    """Returns the committed results of an experiment, with intervals.

    Introduced in lesson 03 (``03_fine_tuning``).

    Args:
        name: One of `names()`, such as `"learning_rate"`.
        gain: Whether the AUC of the baseline (the frozen network; for
            `"shift"`, no repair; for `"beyond"`, the recipe) is subtracted
            from each, seed by seed: modules differ far more than methods do.

    Returns:
        A `pandas.DataFrame`, one row per point of the figure: `line`, what
        stands on the axis below (`""` for a level line), `mean`, `low` and
        `high` (a 95 % interval over the seeds, of Student's t) and `seeds`.

    Raises:
        CourseError: If there is no such experiment, or if it has no baseline.
    """
    figure = FIGURES[arguments.one_of("experiment", name, names())]
    rows = pd.read_csv(_path(name)).query("stage == 'report'")
    lines = figure.lines
    if arguments.choice("gain", gain, (True, False)):
        rows, lines = _gains(name, rows)
    found = []
    for line in lines:
        own = rows.query(line.rows)
        points = own.groupby(figure.x, sort=is_numeric_dtype(rows[figure.x]))
        for x, some in [("", own)] if line.level else points:
            values = some[line.column].to_numpy(float)
            half = stats.sem(values) * stats.t.ppf(0.975, len(values) - 1)
            mean = values.mean()
            found.append((line.name, x, mean, mean - half, mean + half))
            found[-1] += (len(values),)
    columns = ["line", figure.x, "mean", "low", "high", "seeds"]
    return pd.DataFrame(found, columns=columns).astype({figure.x: object})


def _gains(name, rows):
    """Returns rows less their baseline, and the lines that they have."""
    figure = FIGURES[name]
    if not figure.baseline:
        raise CourseError(
            f"The experiment {name!r} has no baseline, since its two sides "
            f"share no cells: leave out gain, as in show({name!r})."
        )
    column, same = figure.lines[0].column, list(figure.same)
    base = rows.query(figure.baseline)[[*same, column]]
    rest = rows.drop(rows.query(figure.baseline).index)
    rest = rest.merge(base, on=same, suffixes=("", "_base"))
    rest[column] -= rest[f"{column}_base"]
    lines = [one for one in figure.lines if one.column == column]
    return rest, [one for one in lines if len(rest.query(one.rows))]


def show(name, live=None, gain=False, ax=None):
    """Draws the committed results of an experiment.

    A point is a mean over the seeds, its bar a 95 % interval over the seeds;
    a seed is a draw of modules, labelled cells and their order. Introduced in
    lesson 03 (``03_fine_tuning``).

    Args:
        name: One of `names()`, such as `"learning_rate"`.
        live: A result of one's own, drawn as a star: a dict of what stands on
            the two axes, such as `{"rate": 1e-4, "auc": 0.9}`.
        gain: Whether to draw how much each is above the baseline, see
            `table`.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description` that holds all of the numbers.

    Raises:
        CourseError: If there is no such experiment, or `live` is not such a
            dict.
    """
    points = table(name, gain)
    figure = FIGURES[name]
    known = [x for x in points[figure.x].unique() if x != ""]
    beside = "gain in AUC over the baseline" if gain else figure.beside
    named = isinstance(known[0], str)
    if live is not None:
        live = _checked(live, figure, known if named else None)
    ax = new_axes(ax, (max(6.4, 0.45 * len(known)), 3.8))
    told = []
    for number, line in enumerate(figure.lines):
        colour, look = _LOOKS[number]
        own = points[points["line"] == line.name]
        if not len(own):
            continue
        told.append(f"{line.name}: {_numbers(own, figure.x)}")
        if line.level:
            mean, low, high = own[["mean", "low", "high"]].iloc[0]
            ax.axhline(mean, linestyle=look[1:], color=colour, label=line.name)
            ax.axhspan(low, high, color=colour, alpha=0.2)
            continue
        at = list(own[figure.x])
        if named:  # side by side, and nothing between them
            at = [known.index(x) + 0.15 * number for x in at]
            look = look[:1]
        half = own["high"] - own["mean"]
        ax.errorbar(
            at,
            own["mean"],
            half,
            fmt=look,
            color=colour,
            label=line.name,
            capsize=3,
        )
    if live is not None:
        x, y = live
        at = known.index(x) if named else x
        ax.plot(at, y, "k*", markersize=14, label="yours")
        told.append(f"yours: {y:.3f} at {_worded(x)}")
    if gain:
        ax.axhline(0, color="black", linewidth=0.8)
    if named:
        ax.set_xticks(range(len(known)), known, rotation=30, ha="right")
    else:
        ax.set_xscale("log")
        ax.set_xticks(known, [_worded(x) for x in known], minor=False)
        ax.minorticks_off()
    seeds = sorted(set(points["seeds"]))
    shown = " or ".join(map(str, seeds))
    unit = f"mean and 95 % interval over {shown} seeds"
    ax.set(xlabel=figure.below, ylabel=beside)
    ax.set_title(unit, fontsize="small")
    ax.legend(fontsize="small")
    return described(
        ax,
        f"The figure shows the {beside} by {figure.below}, {unit}: "
        f"{'; '.join(told)}",
    )


def _path(name):
    return paths.data_dir() / "experiments" / f"real_{name}.csv"


def _numbers(points, x):
    """Returns the points of a line in words."""
    told = []
    for point in points.to_dict("records"):
        text = (
            f"{point['mean']:.3f} ({point['low']:.3f} to {point['high']:.3f})"
        )
        at = point[x]
        told.append(f"{text} at {_worded(at)}" if at != "" else text)
    return ", ".join(told)


def _worded(x):
    return x if isinstance(x, str) else f"{x:g}"


def _checked(live, figure, known):
    """Returns the two numbers of a learner's own result."""
    keys = [figure.x, figure.lines[0].column]
    if not isinstance(live, dict) or set(live) != set(keys):
        raise CourseError(
            f"live is {live!r}: give a dict of {keys[0]!r} and {keys[1]!r}, "
            "the two numbers of your own result."
        )
    x, y = (live[key] for key in keys)
    if known is not None:
        x = arguments.choice(keys[0], x, known)
    else:
        x = arguments.number(keys[0], x, 1e-4)
    return x, arguments.number(keys[1], y, 0.9)
