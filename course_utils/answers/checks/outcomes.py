"""Evidence from data and figures: splits, gains, and what a plot shows."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

RESAMPLES = 1000


def shared_groups(first: Iterable, second: Iterable) -> list:
    """Return the groups (patients, say) that stand in both parts of a split.

    Args:
        first: A group for each sample of one part.
        second: A group for each sample of the other.

    Returns:
        The shared groups, sorted; empty if the split is disjoint.
    """
    return sorted(set(_plain(first)) & set(_plain(second)))


def accuracy_gain(
    labels: Sequence[int],
    predictions: Sequence[int],
    baseline: Sequence[int],
    seed: int = 0,
) -> tuple[float, float, float]:
    """Compare two models on the same samples.

    Args:
        labels: True classes, shape (samples,).
        predictions: What the model says, shape (samples,).
        baseline: What the baseline says, shape (samples,).
        seed: Of the resampling.

    Returns:
        Gain in accuracy, and the ends of its 95 % interval by a paired
        bootstrap over samples (Efron 1979). The model is better than the
        baseline if the lower end is above zero.

    Raises:
        ValueError: If the three do not have one shape (samples,).
    """
    labels, predictions, baseline = map(
        np.asarray, (labels, predictions, baseline)
    )
    shapes = {a.shape for a in (labels, predictions, baseline)}
    if len(shapes) > 1 or labels.ndim != 1 or not len(labels):
        raise ValueError(
            f"labels, predictions and baseline have shapes {labels.shape}, "
            f"{predictions.shape} and {baseline.shape}: give one class a "
            "sample, for the same samples."
        )
    differences = (predictions == labels).astype(float) - (baseline == labels)
    rng = np.random.default_rng(seed)
    samples = rng.integers(len(labels), size=(RESAMPLES, len(labels)))
    low, high = np.quantile(differences[samples].mean(axis=1), [0.025, 0.975])
    return float(differences.mean()), float(low), float(high)


def missing_from_axes(
    ax: object,
    series: Mapping[str, Sequence[float]] | None = None,
    xlabel: str = "",
    ylabel: str = "",
) -> list[str]:
    """Say what a matplotlib ``Axes`` does not show.

    Args:
        ax: The axes.
        series: By name: the values that some line must show, in any style,
            and that name in the legend.
        xlabel: Word that the label of the x axis must contain.
        ylabel: Word that the label of the y axis must contain.

    Returns:
        One sentence for each thing that is missing; empty if all is there.
    """
    complaints = []
    legend = ax.get_legend()
    named = [t.get_text() for t in legend.get_texts()] if legend else []
    for name, values in (series or {}).items():
        if not any(_shows(line, values) for line in ax.get_lines()):
            complaints.append(f"No line shows the values of {name!r}.")
        if not any(name.casefold() in text.casefold() for text in named):
            complaints.append(f"The legend does not name {name!r}.")
    for wanted, found, axis in (
        (xlabel, ax.get_xlabel(), "x"),
        (ylabel, ax.get_ylabel(), "y"),
    ):
        if wanted.casefold() not in found.casefold():
            complaints.append(
                f"The {axis} axis is labelled {found!r}, not {wanted!r}."
            )
    return complaints


def _plain(groups: Iterable) -> list:
    return np.asarray(groups).ravel().tolist()


def _shows(line: object, values: Sequence[float]) -> bool:
    shown = np.asarray(line.get_ydata(), dtype=float)
    values = np.asarray(values, dtype=float)
    return shown.shape == values.shape and bool(np.allclose(shown, values))
