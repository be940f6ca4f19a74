"""Load data sets as ``tf.data.Dataset``s.

A data set is of one of two kinds. Some have a folder per split, and
in it a folder of pictures per class. The others are flat: all pictures in one
folder, and a table with one row per picture that says all that is known about
it, such as its patient.
"""

import dataclasses

import keras

from course_utils.machine import arguments, data_files
from course_utils.pictures import picture_tables, solar_cells

# The scanner whose pictures a model is trained on; others are for adaptation.
HOME_SCANNER = "A"


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set in three parts.

    Attributes:
        train: Batches of (images, labels), shuffled anew each epoch. Images
            are float32 in 0..255, shape (batch, height, width, 3); labels
            are int32, shape (batch,), or a dict of such arrays where each
            picture has several labels. None where a data set has no pictures
            for training.
        validation: Batches of the same kind, always in the same order, or
            None.
        test: Batches of the same kind, always in the same order.
        class_names: Names of the classes; a label is an index into it. Where
            each picture has several labels, a dict of such lists.
    """

    train: object
    validation: object
    test: object
    class_names: list[str] | dict[str, list[str]]


def load_dataset(
    name: str,
    batch_size: int = 32,
    image_size: tuple[int, int] | None = None,
) -> Splits:
    """Load a data set by name.

    Introduced in lesson 00, which does the same by hand with
    ``keras.utils.image_dataset_from_directory``. Flat data sets, from lesson
    01 on:

    * ``"solar_cells"`` are photographs of 300x300 pixels, from a package of
      their own, split by module; see
      `course_utils.pictures.solar_cells.load_solar_cells`.
    * Of ``"source"`` there are test pictures only, so ``train`` and
      ``validation`` are None. Its labels are a dict of arrays.
    * Of ``"histology"`` the three parts hold pictures of scanner A only; no
      patient is in two of them. For the other scanners, and for the split
      ``adaptation``, see `course_utils.pictures.picture_tables`.

    Args:
        name: Name of the data set, for example ``"defects"``.
        batch_size: Pictures per batch.
        image_size: Height and width to resize each picture to. Defaults to
            the data set's own.

    Returns:
        The three parts and the class names.

    Raises:
        CourseError: If the name is unknown, the archive is missing or broken,
            the cache cannot be written, the photographs are not installed,
            or one of the others does not fit.
    """
    batch_size = arguments.whole_number("batch_size", batch_size, 32)
    if picture_tables.known(name) == solar_cells.NAME:
        table = solar_cells.load_solar_cells()
        return _from_table(table, batch_size, image_size)
    folder = data_files.unpacked(name)
    if picture_tables.is_flat(folder):
        table = picture_tables.load_table(name)
        return _from_table(table, batch_size, image_size)
    if image_size is None:
        image_size = data_files.card("datasets", name)["image_shape"][:2]
    parts = {
        part: keras.utils.image_dataset_from_directory(
            folder / part,
            image_size=arguments.picture_size(image_size),
            batch_size=batch_size,
            shuffle=part == "train",
            seed=0,
            verbose=False,
        )
        for part in picture_tables.SPLITS
    }
    return Splits(**parts, class_names=parts["train"].class_names)


def _from_table(table, batch_size, image_size):
    class_names = table.attrs["class_names"]
    if "split" not in table:
        test = picture_tables.from_table(
            table, batch_size, image_size=image_size
        )
        return Splits(None, None, test, class_names)
    if "scanner" in table:
        table = table[table["scanner"] == HOME_SCANNER]
    parts = {
        part: picture_tables.from_table(
            table[table["split"] == part],
            batch_size,
            part == "train",
            image_size=image_size,
        )
        for part in picture_tables.SPLITS
    }
    return Splits(**parts, class_names=class_names)
