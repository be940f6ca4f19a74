"""The photographs of solar cells: table, modules, and two ways to split."""

import itertools

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from course_utils.machine import arguments, data_files, real_files
from course_utils.machine.errors import CourseError

NAME = "solar_cells"
SPLITS_BY = ("module", "cell")
TYPICAL = 10
TEST_ONE_IN = 4
VALIDATION_ONE_IN = 5  # of the rest
MOST_SHIFT = 0.05  # of the share of defective cells, from all cells to a part
CELLS_A_MODULE = 60  # of the modules that were photographed
NEAR_A_CUT = 3  # so many cells on either side may be another module's
# Its photographs are those of poly-14 once more, blurred.
TWIN = "poly-22"


def load_solar_cells(
    split_by: str = "module", seed: int = TYPICAL
) -> pd.DataFrame:
    """Load the table of the solar cells, a row a photograph.

    Introduced in lesson 00 (``00_start_here``), through
    `course_utils.pictures.load_dataset`.

    Args:
        split_by: ``"module"``: the modules of each type are drawn at random,
            10 in all to test on, 7 to validate on, 27 to train on, until the
            share of defective cells in each part is within 5 points of that
            in all. Cells within three of an inferred boundary between modules
            are in no part, nor are those of `TWIN`, which shows the cells of
            another module again: the part that draws it has a module less.
            ``"cell"``: cells are dealt out whatever their module, as Deitsch et
            al. (2019) did; a test cell then has neighbours from its module in
            the training part.
        seed: Seed of the split. Draws of modules differ widely; the default is
            the most typical of sixteen (``python -m benchmarks.typical_draw``).

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
    seed = arguments.whole_number(
        "seed", seed, TYPICAL, least=0, most=2**32 - 1
    )
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
    if split_by == "module":
        used = ~near_cut & (table["inferred_module"] != TWIN)
        table["split"] = _draw_balanced_modules(
            table, defective, used, np.random.default_rng(seed)
        ).where(used, "none")
    else:
        table["split"] = _deal_cells(table, seed)
    table["probability"] = table["probability"].map("{:.2f}".format)
    table.attrs["class_names"] = classes
    return table


def near_boundaries(table):
    """Says which cells may be of the next module.

    Args:
        table: All rows of `load_solar_cells`, in their order.

    Returns:
        Bool array, one value per row: whether the cell lies within three of
        an inferred boundary between modules.
    """
    return _modules(table["type"])[1]


def draw_modules(table, rng):
    """Draw the modules to test on, to validate on and to train on.

    Args:
        table: Columns ``type`` and ``inferred_module``, one row per cell.
        rng: A NumPy generator.

    Returns:
        The name of its part for each row: a quarter of each type's modules
        for testing, a fifth of the rest for validation.
    """
    parts = {}
    for _, modules in table.groupby("type")["inferred_module"]:
        modules = rng.permutation(modules.unique())
        test = round(len(modules) / TEST_ONE_IN)
        validation = round((len(modules) - test) / VALIDATION_ONE_IN)
        names = np.repeat(
            ["test", "validation", "train"],
            [test, validation, len(modules) - test - validation],
        )
        parts.update(zip(modules, names, strict=True))
    return table["inferred_module"].map(parts)


def _draw_balanced_modules(table, defective, used, rng):
    share = defective[used].mean()
    while True:
        split = draw_modules(table, rng)
        shares = defective[used].groupby(split[used]).mean()
        if (shares - share).abs().max() <= MOST_SHIFT:
            return split


def _deal_cells(table, seed):
    strata = table["type"] + table["probability"].astype(str)
    split = pd.Series("train", table.index)
    for part, folds in (
        ("test", TEST_ONE_IN),
        ("validation", VALIDATION_ONE_IN),
    ):
        rest = split.index[split == "train"]
        folds = StratifiedKFold(folds, shuffle=True, random_state=seed)
        _, chosen = next(folds.split(rest, strata[rest]))
        split[rest[chosen]] = part
    return split


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
