"""Load the embedded data sets as ``tf.data.Dataset``s."""

import dataclasses
from pathlib import Path

import keras

from course_utils import embedded


@dataclasses.dataclass(frozen=True)
class Splits:
    """A data set in three parts.

    Attributes:
        train: Batches of (images, labels), shuffled anew each epoch. Images
            are float32 in 0..255, shape (batch, height, width, 3); labels
            are int32, shape (batch,).
        validation: Batches of the same kind, always in the same order.
        test: Batches of the same kind, always in the same order.
        class_names: Names of the classes; a label is an index into it.
    """

    train: object
    validation: object
    test: object
    class_names: list[str]


def dataset_folder(name: str) -> Path:
    """Return the folder with a data set's pictures, unpacked on first use.

    Introduced in lesson 00. The folder holds ``train/``, ``validation/`` and
    ``test/``, each with a folder of pictures a class.

    Args:
        name: Name of the data set, for example ``"defects"``.

    Raises:
        CourseError: If the name is unknown, the archive is missing or broken,
            or the cache cannot be written.
    """
    return embedded.unpacked(name)


def load_dataset(name: str, batch_size: int = 32, seed: int = 0) -> Splits:
    """Load an embedded data set.

    Introduced in lesson 00, which does the same by hand with
    ``keras.utils.image_dataset_from_directory``.

    Args:
        name: Name of the data set, for example ``"defects"``.
        batch_size: Pictures a batch.
        seed: Seed of the order in which training pictures come.

    Returns:
        The three parts and the class names.

    Raises:
        CourseError: If the name is unknown, the archive is missing or broken,
            or the cache cannot be written.
    """
    folder = dataset_folder(name)
    height, width = embedded.card("datasets", name)["image_shape"][:2]
    parts = {
        part: keras.utils.image_dataset_from_directory(
            folder / part,
            image_size=(height, width),
            batch_size=batch_size,
            shuffle=part == "train",
            seed=seed,
            verbose=False,
        )
        for part in ("train", "validation", "test")
    }
    return Splits(**parts, class_names=parts["train"].class_names)
