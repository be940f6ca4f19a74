"""Data sets as tables, one row per picture, and batches of chosen rows.

A table says all that is known of a picture, such as its patient and its
scanner. Whoever splits by patient, or wants the pictures of one scanner,
selects rows and makes batches of them.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image

from course_utils.machine import arguments, data_files
from course_utils.machine.errors import CourseError
from course_utils.pictures import picture_decoding, solar_cells

SPLITS = ("train", "validation", "test")


def load_table(name: str) -> pd.DataFrame:
    """Load the table of a data set: one row per picture.

    Introduced in lesson 04, which selects rows by patient and by scanner and
    turns them into batches with :func:`from_table`.

    Args:
        name: Name of the data set, for example ``"histology"``.

    Returns:
        All columns are text. ``image`` (and ``mask``, where there are masks)
        holds absolute paths; ``label`` holds class names, and ``split`` where
        the picture belongs. A flat data set has the other columns of its
        table too: for ``"histology"`` ``patient`` and ``scanner``; for
        ``"source"`` one column per label, in place of ``label`` and ``split``.
        For ``"solar_cells"``, see
        `course_utils.pictures.solar_cells.load_solar_cells`.
        ``table.attrs["class_names"]`` has the names of the classes in their
        order; a selection of rows keeps it.

    Raises:
        CourseError: If the name is unknown, the archive is missing or broken,
            or the cache cannot be written.
    """
    if known(name) == solar_cells.NAME:
        return solar_cells.load_solar_cells()
    folder = data_files.unpacked(name)
    facts = data_files.card("datasets", name)
    if is_flat(folder):
        # An empty field is "", and a class may be called "none".
        table = pd.read_csv(
            folder / "table.csv", dtype=str, keep_default_na=False
        )
        for column in {"image", "mask"} & set(table.columns):
            table[column] = [str(folder / path) for path in table[column]]
        class_names = facts["labels"] if "labels" in facts else facts["classes"]
    else:
        paths = [
            path
            for split in SPLITS
            for path in sorted((folder / split).glob("*/*"))
        ]
        table = pd.DataFrame(
            {
                "image": [str(path) for path in paths],
                "split": [path.parts[-3] for path in paths],
                "label": [path.parts[-2] for path in paths],
            }
        )
        class_names = sorted(set(table["label"]))
    table.attrs["class_names"] = class_names
    return table


def from_table(
    table: pd.DataFrame,
    batch_size: int = 32,
    shuffle: bool = False,
    seed: int = 0,
    class_names: list[str] | dict[str, list[str]] | None = None,
    image_size: tuple[int, int] | None = None,
) -> tf.data.Dataset:
    """Make batches of the pictures in a table, or in a selection of its rows.

    Introduced in lesson 04. A selection may hold pictures of one class only:
    a label stays the index into all of the class names. Pictures are decoded
    when they are asked for.

    Args:
        table: As from :func:`load_table`: ``image`` holds paths of pictures,
            ``label`` names of classes.
        batch_size: Pictures per batch.
        shuffle: Whether the order is new in each epoch; otherwise it is that
            of the rows.
        seed: Seed of that order.
        class_names: Names of the classes, in their order; or a dict of such
            lists, one a column of labels. Defaults to
            ``table.attrs["class_names"]``, which :func:`load_table` sets.
        image_size: Height and width to resize each picture to. Defaults to
            its own.

    Returns:
        Batches of (images, labels): float32 in 0..255, shape (batch, height,
        width, 3), grey repeated to three channels, turned as a camera has
        noted, what is transparent over white; int32, shape (batch,), or
        a dict of such arrays.

    Raises:
        CourseError: If no row is selected, a column or a picture is missing,
            a label is not among the class names, the class names are not
            known, ``batch_size`` is not positive, a file is of a kind that
            TensorFlow does not decode or grey with more than 8 bits, or the
            pictures differ in size and no ``image_size`` is given.
    """
    batch_size = arguments.whole_number("batch_size", batch_size, 32)
    seed = arguments.seed(seed)
    _check_table(table, "image")
    if class_names is None:
        class_names = table.attrs.get("class_names")
    if class_names is None:
        raise CourseError(
            "The table does not know the order of its classes (it was not "
            "selected from one of load_table's): name them, as in "
            'from_table(table, class_names=["benign", "malignant"]).'
        )
    shuffle = arguments.choice("shuffle", shuffle, (False, True))
    if isinstance(class_names, dict):
        labels = {
            column: _indices(table, column, names)
            for column, names in class_names.items()
        }
    else:
        labels = _indices(table, "label", class_names)
    if image_size is not None:
        image_size = arguments.picture_size(image_size)
    paths = _existing(table, "image")
    own_size, odd = picture_decoding.look_at(paths, image_size is None)

    def by_tensorflow(path):
        image = tf.io.decode_image(
            tf.io.read_file(path), channels=3, expand_animations=False
        )
        return tf.ensure_shape(image, (None, None, 3))

    def by_pillow(path):
        image = tf.numpy_function(
            picture_decoding.upright_rgb, [path], tf.uint8
        )
        return tf.ensure_shape(image, (None, None, 3))

    def decode(path, is_odd, label):
        if any(odd):
            image = tf.cond(
                is_odd, lambda: by_pillow(path), lambda: by_tensorflow(path)
            )
        else:
            image = by_tensorflow(path)
        if image_size is None:
            image = tf.ensure_shape(image, (*own_size, 3))
        else:
            image = tf.image.resize(image, image_size, antialias=True)
        return tf.cast(image, tf.float32), label

    batches = tf.data.Dataset.from_tensor_slices((paths, odd, labels))
    if shuffle:
        batches = batches.shuffle(len(paths), seed=seed)
    batches = batches.map(decode, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def load_masks(table: pd.DataFrame) -> np.ndarray:
    """Load the masks that belong to the rows of a table.

    Introduced in lesson 04b, which looks with them at what a model looks at.

    Args:
        table: As from :func:`load_table`, with a column ``mask``: that of
            ``"histology"``, or a selection of its rows.

    Returns:
        Bool array of shape (rows, height, width); True inside of the cells'
        nuclei.

    Raises:
        CourseError: If no row is selected, if there are no masks, or if they
            differ in size.
    """
    _check_table(table, "mask")
    masks = []
    try:
        for path in _existing(table, "mask"):
            with Image.open(path) as mask:
                masks.append(np.asarray(mask).astype(bool))
        return np.stack(masks)
    except (OSError, ValueError) as error:
        raise CourseError(
            f"The masks are not all pictures of one size ({error}): take the "
            'rows of load_table("histology").'
        ) from error


def known(name):
    """Returns the name of a data set, or raises a `CourseError`."""
    names = [*data_files.names("datasets"), solar_cells.NAME]
    return arguments.one_of("data set", name, names)


def is_flat(folder):
    """Says whether a data set's folder has a table beside its pictures."""
    return (folder / "table.csv").is_file()


def _check_table(table, column):
    if not isinstance(table, pd.DataFrame):
        raise CourseError(
            f"Expected a table (a pandas.DataFrame), not {type(table)}: take "
            'rows from load_table("histology"), or another data set.'
        )
    if column not in table:
        raise CourseError(
            f"The table has no column {column!r}, it has "
            f"{', '.join(map(repr, table.columns)) or 'none'}: select rows, "
            "not columns, from a data set that has it, or rename yours, as by "
            f"table.rename(columns={{'old': {column!r}}})."
        )
    if len(table) == 0:
        raise CourseError(
            "The table has no row: no picture fits what was selected; look at "
            "table.value_counts() of the columns that you select by."
        )


def _indices(table, column, class_names):
    _check_table(table, column)
    class_names = arguments.class_names(class_names)
    index_of = {name: index for index, name in enumerate(class_names)}
    if len(index_of) < len(class_names):
        raise CourseError(
            f"The classes are {', '.join(map(repr, class_names))}, and one "
            "name is there twice: name each class once, in their order."
        )
    # A list, which cannot be looked up, is not equal to any name either.
    unknown = sorted({str(n) for n in table[column] if n not in class_names})
    if unknown:
        raise CourseError(
            f"Column {column!r} holds {', '.join(map(repr, unknown[:3]))}, "
            f"and the classes are {', '.join(map(repr, class_names))}: "
            "correct the label, or name all of the classes."
        )
    return np.array([index_of[name] for name in table[column]], "int32")


def _existing(table, column):
    paths = [str(path) for path in table[column]]
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        raise CourseError(
            f"{len(missing)} of the {len(paths)} files in column {column!r} "
            f"are missing, such as {missing[0]}: where the table is one of "
            "load_table's, load it again, which restores what was unpacked; "
            "in one of your own write whole paths, or paths as seen from "
            f"{Path.cwd()}."
        )
    return paths
