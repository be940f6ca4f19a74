"""The solar cells of a run: which are labelled, and what goes into a network.

A seed draws the modules (10 to test on, 7 to validate on, 27 to train on), the
labelled cells from the latter, and the order. All methods get the same cells
from the same seed, and fewer labels are a part of more.

The share of defective cells is left to chance, as it would be with modules
that nobody has labelled: from one seed to the next, results differ more than
with `course_utils.pictures.load_solar_cells`, which draws parts of like shares.
Nor does a draw know that two modules show the same cells.
"""

import dataclasses
import functools
import hashlib

import keras
import numpy as np

from course_utils.adaptation import adapt_batch_norm
from course_utils.backbones import load_backbone
from course_utils.machine import paths, quick_runs
from course_utils.pictures import from_table, load_solar_cells
from course_utils.pictures.solar_cells import draw_modules, near_boundaries

# A trial (`--quick`) has four cells a module, smaller, and shows that it runs.
FEW = quick_runs.is_on()
SIDE, SMALL_SIDE = (96, 64) if FEW else (160, 96)
MOST_VALIDATION_CELLS = 160  # looking at them after each epoch takes time
# Where the network may be cut: what comes before never changes, and so is
# computed once. None is the picture itself.
CUTS = (None, "block4c_add", "block6d_add", "pooled")
FLIPS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclasses.dataclass(frozen=True)
class Draw:
    """Numbers of cells: the labelled ones, those to validate and to test."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@functools.cache
def table():
    """Returns the table of all cells, with a number a label."""
    found = load_solar_cells()
    found["y"] = (found["label"] == "defective").astype(int)
    found["near_a_cut"] = near_boundaries(found)
    if FEW:
        modules = found[~found["near_a_cut"]].groupby("inferred_module")
        found = modules.head(4).reset_index(drop=True)
    return found


def labels():
    """Returns 1 for each defective cell, and 0 for each sound one."""
    return table()["y"].to_numpy()


def draw(count, seed):
    """Draws modules and labelled cells.

    Args:
        count: Number of labelled cells.
        seed: The seed.

    Returns:
        A `Draw`.
    """
    found = pool(seed)
    if len(found["train"]) < count and not FEW:
        raise ValueError(f"There are {len(found['train'])} cells to train on.")
    return Draw(
        found["train"][:count],
        found["validation"][:MOST_VALIDATION_CELLS],
        found["test"],
    )


def pool(seed):
    """Draws modules; returns the cells of each part, in a random order."""
    rng = np.random.default_rng(seed)
    cells = table()[~table()["near_a_cut"]]
    split = draw_modules(cells, rng)
    return {
        part: rng.permutation(cells.index[split == part])
        for part in ("train", "validation", "test")
    }


@functools.cache
def _pictures(side):
    def make():
        batches = from_table(table(), 64, image_size=(side, side))
        found = np.concatenate([np.asarray(x)[..., :1] for x, _ in batches])
        return found.round().clip(0, 255).astype("uint8")

    return stored(f"pictures-{side}", make)


def pictures(cells, flips=0):
    """Returns pictures of shape `(cells, 160, 160, 3)`, from 0 to 255.

    Args:
        cells: Numbers of cells.
        flips: Index into `FLIPS`, one for all or one each.
    """
    return np.repeat(_flipped(SIDE, cells, flips), 3, axis=-1)


def small_pictures(cells, flips=0):
    """Returns pictures of shape `(cells, 96, 96, 1)`; see `pictures`."""
    return _flipped(SMALL_SIDE, cells, flips)


def _flipped(side, cells, flips):
    found = _pictures(side)[cells].astype("float32")
    for picture, flip in zip(
        found, np.broadcast_to(flips, len(cells)), strict=True
    ):
        down, right = FLIPS[flip]
        picture[:] = picture[::down, ::right]
    return found


def inputs(cut, cells, flips=0):
    """Returns what a network cut there takes: pictures, or feature maps.

    Args:
        cut: One of `CUTS`.
        cells: Numbers of cells.
        flips: Index into `FLIPS`, one for all or one each.
    """
    if cut is None:
        return pictures(cells, flips)
    if np.ndim(flips) == 0:
        return _kept(cut, flips)[cells]
    pairs = zip(cells, flips, strict=True)
    return np.stack([_kept(cut, flip)[cell] for cell, flip in pairs])


@functools.cache
def _kept(cut, number):
    """The frozen network's answers at a cut, for one flip of each cell."""
    path = _folder() / f"{cut}-{SIDE}-{number}.npy"
    if not path.exists():
        model = _with_all_cuts()
        every = np.array_split(np.arange(len(table())), 1 + len(table()) // 32)
        batches = [
            model.predict_on_batch(pictures(some, number)) for some in every
        ]
        for name, parts in zip(
            CUTS[1:], zip(*batches, strict=True), strict=True
        ):
            _keep(
                path.with_name(f"{name}-{SIDE}-{number}.npy"),
                np.concatenate(parts),
            )
    return np.load(path, mmap_mode="r")


@functools.cache
def _with_all_cuts():
    base_model = backbone()
    found = [base_model.get_layer(cut).output for cut in CUTS[1:-1]]
    pooled = keras.layers.GlobalAveragePooling2D()(base_model.output)
    return keras.Model(base_model.input, [*found, pooled])


def backbone(include_top=False):
    """Returns ImageNet's network for pictures of our size."""
    return load_backbone(
        "efficientnet_lite0",
        input_shape=(SIDE, SIDE, 3),
        include_top=include_top,
    )


def stored(name, make):
    """Returns an array from the folder of the runs, made where it is missing.

    Args:
        name: What the file is named after.
        make: Function that returns the array.
    """
    path = _folder() / f"{name}.npy"
    if not path.exists():
        _keep(path, make())
    return np.load(path, mmap_mode="r")


@functools.cache
def _folder():
    # The cards are part of the name: other pictures or weights have others.
    together = hashlib.sha256()
    for card in sorted(paths.data_dir().glob("*/*.toml")):
        together.update(card.read_bytes())
    kind = "real_ground_few" if FEW else "real_ground"
    folder = paths.cache_dir() / f"{kind}-{together.hexdigest()[:8]}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _keep(path, array):
    """Writes an array; it appears whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, array)
    partial.replace(path)


@functools.cache
def adabn_features():
    """Returns averaged features, each cell's with its type's statistics.

    Batch normalization has the statistics of all cells of the type (AdaBN),
    those to test on among them: no label is looked at.
    """

    def make():
        found = np.empty(_kept("pooled", 0).shape, "float32")
        for kind in ("mono", "poly"):
            own = np.flatnonzero(table()["type"] == kind)
            base_model = backbone()
            adapt_batch_norm(base_model, pictures(own), batch_size=128)
            for some in np.array_split(own, 40):
                maps = base_model.predict_on_batch(pictures(some))
                found[some] = maps.mean(axis=(1, 2))
        return found

    return stored(f"adabn-{SIDE}", make)
