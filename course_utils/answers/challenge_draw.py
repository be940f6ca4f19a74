"""Deal the modules of the solar cells out: labelled, public, private.

By module, all three: a learner's model has seen cells of no hidden module, and
choosing by the public part says as little about the private modules as it does
about those of a customer. Had cells been dealt out, those of one module would
lie in both hidden parts, and the public part would promise too much.
"""

import dataclasses

import numpy as np
import pandas as pd

from course_utils.pictures.solar_cells import (
    MOST_SHIFT,
    TWIN,
    load_solar_cells,
    near_boundaries,
)

TYPICAL = 7  # of ten draws, see `python -m benchmarks.challenge`
LABELLED = 400
CLASSES = ["sound", "defective", "hidden"]
# Of the modules of each type; the others are there to learn from.
PUBLIC, PRIVATE = 1 / 6, 1 / 3
SAME_CELLS = {TWIN: "poly-14"}


@dataclasses.dataclass(frozen=True)
class Draw:
    """What a learner gets, and what is kept back.

    Attributes:
        labelled: Table of the cells to learn from.
        unlabelled: Table of the hidden cells; their `label` is `"hidden"`.
        truth: 1 for each hidden cell that is defective, in the order of
            `unlabelled`.
        modules: The inferred module of each hidden cell.
        public: Whether each hidden cell is in the public part.
    """

    labelled: pd.DataFrame
    unlabelled: pd.DataFrame
    truth: np.ndarray
    modules: np.ndarray
    public: np.ndarray


def draw(seed: int = TYPICAL) -> Draw:
    """Draw modules for the three parts, until each has its share of defects.

    Args:
        seed: Seed of the draw.

    Returns:
        A `Draw`. Cells near an inferred boundary between modules are in no
        part; the two modules that show the same cells are in one.

    Raises:
        CourseError: If the photographs are not installed.
    """
    table = load_solar_cells()
    table = table[~near_boundaries(table)].drop(columns="split")
    defective = table["label"] == "defective"
    rng = np.random.default_rng(seed)
    while True:
        part = _dealt_out(table, rng)
        shares = defective.groupby(part).mean()
        if (shares - defective.mean()).abs().max() <= MOST_SHIFT:
            break
    known = rng.permutation(table.index[part == "labelled"])[:LABELLED]
    hidden = rng.permutation(table.index[part != "labelled"])
    labelled = table.loc[known].reset_index(drop=True)
    labelled.attrs["class_names"] = CLASSES[:2]
    unlabelled = table.loc[hidden, ["image", "type"]].assign(label=CLASSES[2])
    unlabelled = unlabelled.reset_index(drop=True)
    unlabelled.attrs["class_names"] = CLASSES
    return Draw(
        labelled,
        unlabelled,
        defective[hidden].to_numpy(int),
        table.loc[hidden, "inferred_module"].to_numpy(),
        (part[hidden] == "public").to_numpy(),
    )


def _dealt_out(table, rng):
    """Return the part of each cell; twins go together."""
    together = table["inferred_module"].replace(SAME_CELLS)
    parts = {}
    for _, modules in together.groupby(table["type"]):
        modules = rng.permutation(modules.unique())
        counts = [round(len(modules) * share) for share in (PUBLIC, PRIVATE)]
        names = ["public"] * counts[0] + ["private"] * counts[1]
        names += ["labelled"] * (len(modules) - len(names))
        parts.update(zip(modules, names, strict=True))
    return together.map(parts)
