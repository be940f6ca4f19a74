"""The photographs of solar cells: table, modules, and two ways to split."""

import itertools

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from course_utils.machine import arguments, data_files, real_files
from course_utils.machine.errors import CourseError

NAME = "solar_cells"
SPLITS_BY = ("module", "cell")
CELLS_A_MODULE = 60  # of the modules that were photographed
NEAR_A_CUT = 3  # so many cells on either side may be another module's


def load_solar_cells(split_by: str = "module", seed: int = 0) -> pd.DataFrame:
    """Load the table of the solar cells, a row a photograph.

    Introduced in lesson 00 (``00_start_here``), through
    `course_utils.pictures.load_dataset`.

    Args:
        split_by: ``"module"``: no module is in two parts, and cells within
            three of an inferred boundary between modules are in none.
            ``"cell"``: cells are dealt out whatever their module, as Deitsch
            et al. (2019) did; a test cell then has neighbours from its module
            in the training part. Both keep the share of each type and label
            alike in all parts, as far as they can.
        seed: Seed of the split.

    Returns:
        Columns of text: ``image`` (path), ``label`` (``"sound"`` or
        ``"defective"``: a defect probability of at least one half),
        ``probability`` (``"0.00"``, ``"0.33"``, ``"0.67"`` or ``"1.00"``, as
        experts judged), ``type`` (``"mono"`` or ``"poly"``),
        ``inferred_module`` (such as ``"mono-03"``) and ``split``
        (``"train"``, ``"validation"``, ``"test"`` or ``"none"``).
        ``table.attrs["class_names"]`` has the classes in their order.

    Raises:
        CourseError: If ``split_by`` is unknown, or the photographs are not
            installed, changed or incomplete.
    """
    seed = arguments.whole_number("seed", seed, 0, least=0, most=2**32 - 1)
    if not isinstance(split_by, str) or split_by not in SPLITS_BY:
        raise CourseError(
            f"Unknown split_by {split_by!r}: the solar cells are split by "
            f"{' or by '.join(map(repr, SPLITS_BY))}."
        )
    path = real_files.verified_path(NAME)
    table = pd.read_csv(
        path, sep=r"\s+", names=["image", "probability", "type"]
    )
    table["image"] = [str(path.parent / name) for name in table["image"]]
    classes = data_files.card("real", NAME)["classes"]
    defective = (table["probability"] >= 0.5).astype(int)
    table["label"] = [classes[index] for index in defective]
    table["inferred_module"], near_cut = _modules(table["type"])
    strata = table["type"] + table["probability"].astype(str)
    groups = table["inferred_module"] if split_by == "module" else None
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    table["split"] = "train"
    # A quarter for testing, a fifth of the rest for validation.
    for part, folds in (("test", 4), ("validation", 5)):
        rest = table.index[table["split"] == "train"]
        dealt = kind(folds, shuffle=True, random_state=seed).split(
            rest, strata[rest], None if groups is None else groups[rest]
        )
        _, chosen = next(dealt)
        table.loc[rest[chosen], "split"] = part
    if split_by == "module":
        table.loc[near_cut, "split"] = "none"
    table["probability"] = table["probability"].map("{:.2f}".format)
    table.attrs["class_names"] = classes
    return table


def _modules(types):
    """Cut each run of one type into equal pieces of about 60 cells.

    Returns the names of the modules, and which cells lie near a cut.
    """
    names, near = [], []
    made = {}
    for kind, run in itertools.groupby(types):
        length = len(list(run))
        count = max(1, round(length / CELLS_A_MODULE))
        cuts = np.linspace(0, length, count + 1).round().astype(int)
        for begin, end in itertools.pairwise(cuts):
            made[kind] = made.get(kind, 0) + 1
            names += [f"{kind}-{made[kind]:02}"] * (end - begin)
        place = np.arange(length)
        inner = cuts[1:-1, np.newaxis]
        close = (place >= inner - NEAR_A_CUT) & (place < inner + NEAR_A_CUT)
        near += list(close.any(axis=0))
    return names, np.array(near)
