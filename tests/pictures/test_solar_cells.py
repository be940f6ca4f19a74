"""The photographs of solar cells: what the table says, and the two splits."""

import collections
import itertools

import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.pictures import (
    load_dataset,
    load_solar_cells,
    load_table,
    sample_photographs,
)
from course_utils.pictures.solar_cells import (
    TWIN,
    _modules,
    near_boundaries,
)
from tests.conftest import needs_package

needs_cells = needs_package("elpv-dataset")


@needs_cells
def test_the_table_has_the_published_numbers():
    table = load_solar_cells()
    assert len(table) == 2624
    assert table.attrs["class_names"] == ["sound", "defective"]
    assert dict(table["type"].value_counts()) == {"poly": 1550, "mono": 1074}
    # Of Deitsch et al. (2019), table 1.
    counts = dict(table["probability"].value_counts())
    assert counts == {"0.00": 1508, "1.00": 715, "0.33": 295, "0.67": 106}
    assert (table["label"] == "defective").sum() == 715 + 106
    modules = table.groupby("type")["inferred_module"].nunique()
    assert dict(modules) == {"mono": 18, "poly": 26}
    assert table.equals(load_table("solar_cells"))


@needs_cells
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_module_is_in_two_parts_nor_a_cell_near_a_cut(seed):
    table = load_solar_cells(seed=seed)
    used = table[table["split"] != "none"]
    assert used.groupby("inferred_module")["split"].nunique().max() == 1
    # A cut between two pieces of a run lies in doubt by three cells.
    module, split = table["inferred_module"], table["split"]
    same_type = table["type"].eq(table["type"].shift())
    cuts = np.flatnonzero(module.ne(module.shift()) & same_type)
    assert len(cuts) == 34
    near = near_boundaries(table)
    assert near.sum() == 34 * 6
    for cut in cuts:
        assert near[cut - 3 : cut + 3].all()
        assert set(split[cut - 3 : cut + 3]) == {"none"}
    # The module that shows another one's cells again is in no part.
    twin = module == TWIN
    assert len(used) == len(table) - 34 * 6 - sum(twin & ~near)
    parts = split.where(split != "none").groupby(module).first()
    assert list(parts.index[parts.isna()]) == [TWIN]
    modules = dict(parts.value_counts())
    assert sum(modules.values()) == 43
    for part, count in {"test": 10, "train": 27, "validation": 7}.items():
        assert modules[part] in (count - 1, count)
    defective = used["label"] == "defective"
    shares = defective.groupby(used["split"]).mean()
    assert (shares - defective.mean()).abs().max() <= 0.05


@needs_cells
def test_each_seed_draws_its_own_modules():
    tables = [load_solar_cells(seed=seed) for seed in range(40)]
    tested = [
        frozenset(t.loc[t["split"] == "test", "inferred_module"])
        for t in tables
    ]
    assert len(set(tested)) == 40
    counts = collections.Counter(itertools.chain(*tested))
    # Each of 43 modules is tested on with a chance of about 10 in 44.
    assert len(counts) == 43 and max(counts.values()) <= 20


@needs_cells
def test_a_split_by_cells_is_a_quarter_of_each_kind():
    table = load_solar_cells("cell")
    kinds = table["type"] + table["probability"]
    share = (table["split"] == "test").groupby(kinds).mean()
    assert share.between(0.22, 0.28).all()
    assert (table["split"] == "test").sum() == 656
    # A fifth of the rest.
    assert (table["split"] == "validation").sum() == 394
    assert not load_solar_cells("cell", seed=1)["split"].equals(table["split"])
    assert load_solar_cells("cell")["split"].equals(table["split"])


@needs_cells
def test_batches_are_grey_in_three_channels_of_the_size_asked_for():
    splits = load_dataset("solar_cells", batch_size=4, image_size=(96, 128))
    images, labels = next(iter(splits.test))
    assert images.shape == (4, 96, 128, 3) and labels.shape == (4,)
    assert splits.class_names == ["sound", "defective"]
    np.testing.assert_array_equal(images[..., 0], images[..., 2])
    assert 0 <= images.numpy().min() and images.numpy().max() <= 255
    whole = load_dataset("solar_cells", batch_size=4)
    assert next(iter(whole.train))[0].shape == (4, 300, 300, 3)


def test_runs_of_a_type_are_cut_into_equal_pieces():
    names, near = _modules(["mono"] * 60 + ["poly"] * 119)
    assert [names.count(n) for n in sorted(set(names))] == [60, 60, 59]
    assert list(np.flatnonzero(near)) == list(range(117, 123))
    names, near = _modules(["mono"] * 10)
    assert set(names) == {"mono-01"} and not near.any()


def test_what_does_not_fit_is_a_sentence():
    with pytest.raises(CourseError, match="by 'module' or by 'cell'"):
        load_solar_cells("patient")
    with pytest.raises(CourseError, match="a pair"):
        load_dataset("defects", image_size=96)


def test_two_photographs_are_always_there():
    photographs = sample_photographs()
    assert list(photographs) == ["palace", "flower"]
    assert {p.shape for p in photographs.values()} == {(427, 640, 3)}
