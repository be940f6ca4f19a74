"""What the figure of each experiment shows; `experiments` draws it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Line:
    """One line of a figure: which numbers of which rows.

    A level is one number whatever stands on the axis below.
    """

    name: str
    column: str
    rows: str
    level: bool = False


@dataclasses.dataclass(frozen=True)
class Figure:
    """What stands on the axes, and the lines.

    A gain is taken from the rows `baseline` that agree in the columns `same`.
    """

    x: str
    below: str
    beside: str
    lines: tuple[Line, ...]
    baseline: str = ""
    same: tuple[str, ...] = ("seed",)


_REPAIRS = Figure(
    "repair",
    "repair",
    "AUC",
    tuple(
        Line(f"trained on {source}", "auc", f"source == {source!r}")
        for source in ("mono", "poly")
    ),
    "repair == 'none'",
    ("seed", "source"),
)
FIGURES = {
    "learning_rate": Figure(
        "rate",
        "learning rate",
        "AUC, or share that agrees",
        (
            Line("fine-tuned, AUC", "auc", "method == 'fine-tuned'"),
            Line(
                "fine-tuned, agreement of the 1000-class head",
                "agreement",
                "method == 'fine-tuned'",
            ),
            Line("frozen, AUC", "auc", "method == 'frozen'", level=True),
        ),
        "method == 'frozen'",
    ),
    "label_curve": Figure(
        "labels",
        "labelled cells",
        "AUC",
        tuple(
            Line(method, "auc", f"method == {method!r}")
            for method in ("fine-tuned", "frozen", "scratch")
        ),
        "method == 'frozen'",
        ("seed", "labels"),
    ),
    "depth": Figure(
        "depth",
        "what is trained",
        "AUC",
        tuple(
            Line(f"{labels} labels", "auc", f"labels == {labels}")
            for labels in (400, 100)
        ),
        "depth == 'head'",
        ("seed", "labels"),
    ),
    "shift": _REPAIRS,
    "protocol": Figure(
        "split",
        "split",
        "AUC, or accuracy",
        (
            Line("AUC", "auc", "seed >= 0"),
            Line("accuracy", "accuracy", "seed >= 0"),
        ),
    ),
    "frameworks": Figure(
        "recipe",
        "rates of phase 2",
        "AUC",
        tuple(
            Line(framework, "auc", f"framework == {framework!r}")
            for framework in ("PyTorch", "Keras")
        ),
        "recipe == 'all 1e-5'",
        ("seed", "framework"),
    ),
    "beyond": Figure(
        "recipe",
        "what is changed",
        "AUC, or share that agrees",
        (
            Line("AUC", "auc", "order == 0"),
            Line(
                "agreement of the 1000-class head",
                "agreement",
                "order == 0",
            ),
        ),
        "recipe == 'the recipe' and order == 0",
    ),
    "sources": Figure(
        "backbone",
        "backbone",
        "AUC, or accuracy",
        tuple(
            Line(
                f"{target}, {metric}",
                "score",
                f"target == {target!r} and labels == 400",
            )
            for target, metric in (
                ("solar_cells", "AUC"),
                ("near", "accuracy"),
                ("defects", "accuracy"),
            )
        ),
        "backbone == 'efficientnet_lite0'",
        ("seed", "target", "labels"),
    ),
    "tent": _REPAIRS,
    "phase_one": Figure(
        "optimizer",
        "optimizer",
        "AUC on another type of cells",
        tuple(
            Line(
                f"{start}, trained on {source}",
                "other_auc",
                f"start == {start!r} and source == {source!r}",
            )
            for source in ("mono", "poly")
            for start in ("two phases", "all at once")
        ),
        "start == 'frozen'",
        ("seed", "source"),
    ),
}
