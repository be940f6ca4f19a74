"""Compute features once for pictures that come in several passes."""

import shutil
import tempfile
from typing import NamedTuple

import keras
import numpy as np
from tqdm.auto import tqdm

from course_utils.machine.errors import CourseError
from course_utils.transfer import feature_cache
from course_utils.transfer.feature_batches import (
    features_of,
    output_of,
    read_batches,
)
from course_utils.transfer.fit_data import fit_arguments

# Room that is left on a disk.
SPARE_BYTES = 2**30
SECONDS_IN_SILENCE = 2


class PicturesDifferError(CourseError):
    """Two passes over the data do not give the same pictures."""


class NoPicturesError(PicturesDifferError):
    """A pass over the data gave no picture."""


class NoRoomError(CourseError):
    """Neither memory nor disk have room for the features."""


class FeatureRows(NamedTuple):
    """Features of all pictures, on which a head can be trained.

    Attributes:
        features: Array of shape `(pictures, ...)`, in an order of its own.
        rows: Where the features of each picture are, in the order of the
            first pass.
        labels: The labels in that order, in the structure that they have.
        weights: The sample weights, or None.
        sizes: Number of pictures in each batch.
        in_order: Whether each pass gives the pictures in that order.
    """

    features: np.ndarray
    rows: np.ndarray
    labels: object
    weights: object
    sizes: list
    in_order: bool


def feature_rows(
    model,
    data,
    what,
    *,
    batch_size=32,
    budget=None,
    tried=False,
    check=None,
):
    """Computes the features of all pictures, or takes them from the disk.

    Args:
        model: A `keras.Model` of what is frozen.
        data: As in `fit_data.fit_arguments`.
        what: What these data are, such as `"training"`.
        batch_size: Pictures a batch, for arrays.
        budget: Most bytes in memory. What is larger is kept on disk, and
            read batch by batch. None for no limit.
        tried: Whether the model was called on some pictures already.
        check: Function of the features' shape and dtype, called before any
            is computed.

    Returns:
        A `FeatureRows`.

    Raises:
        PicturesDifferError: If they are augmented, or drawn anew in each
            pass.
        NoRoomError: If they do not fit into memory or onto the disk.
        CourseError: If the model does not take the pictures.
    """
    digests, others, beside = [], [], []
    for images, *rest in read_batches(data, f"{what} data", batch_size):
        if not hasattr(images, "shape"):
            raise PicturesDifferError("a batch has several arrays of pictures")
        digests += feature_cache.digests_of(np.asarray(images))
        others.append(keras.tree.map_structure(np.asarray, tuple(rest)))
        beside += _digests_beside(others[-1])
    if not digests:
        raise NoPicturesError("there are no pictures in these data")
    sizes = [len(keras.tree.flatten(rest)[0]) for rest in others]
    labels, *weights = keras.tree.map_structure(
        lambda *parts: np.concatenate(parts), *others
    )
    if tried:  # To ask for one picture is faster than to follow all layers.
        one = model(images[:1], training=False)
        shape, dtype = tuple(one.shape[1:]), np.dtype(one.dtype.name)
    else:
        shape, dtype = output_of(model, images)
    order = sorted(range(len(digests)), key=digests.__getitem__)
    rows = np.empty(len(order), int)
    rows[order] = np.arange(len(order))
    in_file = [digests[number] for number in order]
    name = feature_cache.key(model, in_file)
    shape = (len(order), *shape)
    if check is not None:
        check(shape, dtype)
    needed = int(np.prod(shape)) * dtype.itemsize
    mapped = budget is not None and needed > budget
    kept = name and feature_cache.load(name, shape, dtype, mapped)
    features, known = kept, set(digests)
    if kept is None:
        features = _room(shape, dtype, needed) if mapped else None
        if features is None:
            features = np.empty(shape, dtype)
        known = feature_cache.fill(name, features, in_file) if name else set()
    in_order = True
    # Arrays stay as they are; other data may change from pass to pass, whether
    # their features are known or not.
    if "y" not in fit_arguments(data) or not known.issuperset(digests):
        batches = read_batches(data, f"{what} data", batch_size)
        passes = list(zip(digests, beside, strict=True))
        in_order = _fill(
            features, model, batches, what, passes, rows, known, tried
        )
    if name and kept is None:
        feature_cache.save(name, features, in_file)
    weights = weights[0] if weights else None
    return FeatureRows(features, rows, labels, weights, sizes, in_order)


def drawn_rows(model, data, what, budget):
    """Computes the features of pictures as they come, in one pass.

    Args:
        model: A `keras.Model` of what is frozen.
        data: As in `fit_data.fit_arguments`.
        what: What these data are, such as `"training"`.
        budget: Most bytes that they may take.

    Returns:
        A `FeatureRows`.

    Raises:
        NoRoomError: If they take more than the budget.
        CourseError: If the model does not take the pictures.
    """
    found, others, taken = [], [], 0
    with tqdm(
        desc=f"Features of the {what} pictures",
        unit="picture",
        delay=SECONDS_IN_SILENCE,
        leave=False,
    ) as bar:
        for images, *rest in read_batches(data, f"{what} data"):
            found.append(features_of(model, images, first=not found))
            others.append(keras.tree.map_structure(np.asarray, tuple(rest)))
            bar.update(len(found[-1]))
            taken += found[-1].nbytes
            if taken > budget:
                raise NoRoomError(
                    f"the features of one view need more than {budget:,.0f} "
                    "bytes of memory_bytes"
                )
    labels, *weights = keras.tree.map_structure(
        lambda *parts: np.concatenate(parts), *others
    )
    features = np.concatenate(found)
    return FeatureRows(
        features,
        np.arange(len(features)),
        labels,
        weights[0] if weights else None,
        [len(part) for part in found],
        in_order=True,
    )


def _digests_beside(rest):
    """Returns a digest of what comes with each picture: labels, weights."""
    parts = [
        # Text is kept as objects, whose bytes are where they lie.
        [repr(np.asarray(row).tolist()).encode() for row in part]
        if part.dtype.hasobject
        else feature_cache.digests_of(part)
        for part in map(np.asarray, keras.tree.flatten(rest))
    ]
    return list(map(b"".join, zip(*parts, strict=True)))


def _fill(features, model, batches, what, passes, rows, known, tried):
    """Fills rows, in a second pass; returns whether it came in order.

    `passes` has the first pass: of each picture its digest and that of what
    comes with it.
    """
    places, seen, waiting, size = {}, [], {}, 0
    for (digest, _), row in zip(passes, rows, strict=True):
        places.setdefault(digest, []).append(row)
    with tqdm(
        total=len(passes),
        desc=" ".join(f"Features of the {what} pictures".split()),
        unit="picture",
        delay=SECONDS_IN_SILENCE,
        leave=False,
    ) as bar:
        for images, *rest in batches:
            found = feature_cache.digests_of(np.asarray(images))
            rest = keras.tree.map_structure(np.asarray, tuple(rest))
            for image, digest in zip(np.asarray(images), found, strict=True):
                if not places.get(digest):
                    raise _differ()
                row = places[digest].pop()
                if digest not in known:
                    waiting[row] = image
            size = size or len(found)
            seen += zip(found, _digests_beside(rest), strict=True)
            bar.update(len(found))
            # Of pictures that are new, full batches.
            while len(waiting) >= (size if len(seen) < len(passes) else 1):
                some = list(waiting)[:size]
                few = np.stack([waiting.pop(row) for row in some])
                features[some] = features_of(model, few, not tried)
                tried = True
    if len(seen) != len(passes):
        raise _differ()
    if sorted(seen) != sorted(passes):
        raise PicturesDifferError(
            "the labels or weights of the same pictures differ from pass to "
            "pass, as numbers do that are drawn anew"
        )
    return seen == passes


def _room(shape, dtype, needed):
    """An array on the disk, which is gone when it is no longer used."""
    folder = feature_cache.folder()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise NoRoomError(
            f"the features need {needed:,} bytes, more than fit into memory "
            f"or onto the disk of {folder}, where {free:,} are free"
        )
    file = tempfile.TemporaryFile(dir=folder)
    return np.memmap(file, dtype, "w+", shape=shape)


def _differ():
    return PicturesDifferError(
        "the pictures differ from pass to pass, as augmentation or "
        "`drop_remainder=True` after a shuffle make them"
    )
