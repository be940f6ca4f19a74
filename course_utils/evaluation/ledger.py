"""The ledger of claims: what is said, what was compared, what was found.

The differences are those of ``docs/ledger.md``, one a seed, in
``data/experiments/ledger.csv``; `verdicts` judges them. Introduced in lesson
03c (``03c_evidence``).
"""

import functools
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from course_utils.evaluation import verdicts
from course_utils.evaluation.plotting import (
    BLUE,
    GREY,
    VERMILLION,
    described,
    new_axes,
)
from course_utils.machine import arguments, paths
from course_utils.machine.errors import CourseError

GROUNDS = ("real ground", "laboratory")
_LOOKS = {
    verdicts.SUPPORTED: (BLUE, "o"),
    verdicts.REFUTED: (VERMILLION, "s"),
    verdicts.UNDECIDED: (GREY, "D"),
}


@functools.cache
def _read(name):
    path = paths.data_dir() / "experiments" / f"{name}.csv"
    if not path.is_file():
        raise CourseError(
            f"The ledger is missing ({path}): download the course again."
        )
    return pd.read_csv(path, keep_default_na=False)


def claims():
    """Returns all claims, a row each, with both verdicts.

    Returns:
        A `pandas.DataFrame`, by the claim's id: `sentence`, `whose`, `metric`,
        `margin`, the two commands, and a column for each of `GROUNDS`.
    """
    found = _read("ledger_claims").set_index("id")
    for ground in GROUNDS:
        found[ground] = [_judged(claim, ground)[0] for claim in found.index]
    return found


def differences(claim, ground=GROUNDS[0]):
    """Returns what was compared for a claim.

    Args:
        claim: The id of a claim, such as `"lower-rate"`.
        ground: One of `GROUNDS`.

    Returns:
        A `pandas.DataFrame`, a column a comparison and a row a seed; without
        columns where the claim was not tried.

    Raises:
        CourseError: If there is no such claim or ground.
    """
    _checked(claim)
    ground = arguments.choice("ground", ground, GROUNDS)
    rows = _read("ledger")
    rows = rows[(rows["claim"] == claim) & (rows["ground"] == ground)]
    names = list(dict.fromkeys(rows["compared"]))
    found = rows.pivot(index="seed", columns="compared", values="difference")
    return found[names]


def table(claim=None):
    """Returns every comparison of a claim, judged, or of all claims.

    Args:
        claim: The id of a claim. Defaults to all.

    Returns:
        A `pandas.DataFrame`, a row a comparison: `claim`, `ground`,
        `compared`, `mean`, `low` and `high` (a 95 % interval over the seeds),
        `p`, `seeds` and `verdict`.

    Raises:
        CourseError: If there is no such claim.
    """
    if claim is not None:
        _checked(claim)
    chosen = list(_read("ledger_claims")["id"]) if claim is None else [claim]
    rows = [
        {"claim": one, "ground": ground, "compared": judged.name}
        | {name: getattr(judged, name) for name in ("mean", "low", "high")}
        | {name: getattr(judged, name) for name in ("p", "seeds", "verdict")}
        for one in chosen
        for ground in GROUNDS
        for judged in _judged(one, ground)[1]
    ]
    return pd.DataFrame(rows)


def draw(differences, margin, ax=None):
    """Draws comparisons: a difference a seed, their mean, its interval.

    Args:
        differences: Dict from what is compared, in words, to differences, one
            a seed; or such a `pandas.DataFrame`.
        margin: The smallest difference that counts.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description` that holds all of the numbers.

    Raises:
        CourseError: If there is nothing to compare, or fewer than two seeds.
    """
    _, judged = verdicts.judge_all(differences, margin)
    if not judged:
        raise CourseError("There is nothing to draw: name a comparison.")
    ax = new_axes(ax, (6.4, 1.8 + 0.4 * len(judged)))
    named = set()
    for place, one in enumerate(judged):
        colour, marker = _LOOKS[one.verdict]
        some = np.asarray(differences[one.name], float)
        ax.plot(some, np.full(len(some), place), "k|", ms=9, mew=0.8)
        ax.errorbar(
            one.mean,
            place,
            xerr=[[one.mean - one.low], [one.high - one.mean]],
            fmt=marker,
            color=colour,
            capsize=4,
            lw=2,
            label="_" * (one.verdict in named) + one.verdict,
        )
        named.add(one.verdict)
    ax.axvline(0, color="black", lw=0.8)
    ax.axvline(margin, color="black", lw=0.8, ls=":")
    ax.locator_params(axis="x", nbins=7)
    ax.set_yticks(range(len(judged)), [one.name for one in judged])
    # One row above all others is the legend's.
    ax.set(ylim=(len(judged) - 0.5, -1.5), xlabel="difference")
    # Three verdicts have room in one half of a wide figure.
    narrow = {"columnspacing": 0.8, "handletextpad": 0.2, "borderaxespad": 0.3}
    ax.legend(fontsize="small", loc="upper center", ncols=3, **narrow)
    told = "; ".join(
        f"{one.name}: {one.mean:+.3f} ({one.low:+.3f} to {one.high:+.3f}, "
        f"{one.seeds} seeds), {one.verdict}"
        for one in judged
    )
    return described(
        ax,
        "The figure shows differences with their means and 95 % intervals "
        f"over the seeds, where {margin:g} counts: {told}",
    )


def show(claim, figure=None):
    """Draws a claim: real ground and the laboratory side by side.

    A tick is a seed, a point the mean over the seeds, its bar a 95 % interval
    over the seeds; the dotted line is the smallest difference that counts.

    Args:
        claim: The id of a claim, such as `"lower-rate"`.
        figure: An empty matplotlib `Figure`. Defaults to a new one.

    Returns:
        The `Figure`.

    Raises:
        CourseError: If there is no such claim.
    """
    told = claims().loc[_checked(claim)]
    both = {ground: differences(claim, ground) for ground in GROUNDS}
    most = max(some.shape[1] for some in both.values())
    figure = figure or plt.figure()
    if not isinstance(figure, plt.Figure):
        raise CourseError(
            f"figure is of type {type(figure).__name__}, and a matplotlib "
            "Figure was expected: give plt.figure(), or leave it out."
        )
    figure.set_size_inches(11, 2.2 + 0.3 * most)
    figure.set_layout_engine("constrained")
    figure.suptitle(told["sentence"])
    commands = told["command"], told["laboratory_command"]
    axes = figure.subplots(1, 2)
    for ax, (ground, some), command in zip(
        axes, both.items(), commands, strict=True
    ):
        ax.set_title(f"{ground}: {told[ground]}")
        if some.empty:
            ax.axis("off")
            described(ax, "In the laboratory it was not tried")
            continue
        draw(some, told["margin"], ax)
        metric = _metric(told["metric"], ground, some)
        ax.set_xlabel("\n".join([*textwrap.wrap(metric, 50), command]))
        described(
            ax,
            f"{ground.capitalize()}: {metric}, {told[ground]}. "
            f"{ax.description.rstrip('.')}. Made by {command}",
        )
    return figure


def _metric(metric, ground, some):
    """Says what the differences of a ground are of."""
    if ground == GROUNDS[0]:
        return metric
    by_auc = any("histology" in name for name in some)
    return "accuracy" + (" (histology: AUC)" if by_auc else "")


@functools.cache
def _judged(claim, ground):
    some = differences(claim, ground)
    margin = _read("ledger_claims").set_index("id").loc[claim, "margin"]
    verdict, judged = verdicts.judge_all(some, margin)
    return verdict or "not tried", judged


def _checked(claim):
    known = list(_read("ledger_claims")["id"])
    where = "one of ledger.claims().index"
    return arguments.one_of("claim", claim, known, where)
