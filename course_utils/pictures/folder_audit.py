"""Audit a folder of pictures, and split it.

A folder holds one folder per class, and in these, at any depth, pictures.
Nobody has looked through it yet: some files are broken, some pictures lie in it
twice, and a class may have three of them. `audit_folder` says what is there
and what will be done about it; `split_folder` does it. Neither changes
anything on the disk.
"""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from tqdm.auto import tqdm

from course_utils.machine import arguments
from course_utils.machine.errors import CourseError
from course_utils.pictures import datasets, picture_tables
from course_utils.pictures.audit_findings import (
    counted,
    judge_classes,
    judge_files,
    judge_groups,
    leave_out_copies,
    leave_out_small_classes,
)
from course_utils.pictures.audit_result import Audit
from course_utils.pictures.picture_files import (
    find_files,
    hash_pixels,
    read_file,
)
from course_utils.pictures.picture_groups import NEAR_BITS, divided, grouped

LEAST_SHARE = 0.01  # of the pictures, in each part


def audit_folder(
    folder,
    size=(64, 64),
    group_of=None,
    near_bits=NEAR_BITS,
    budget_bytes=2**30,
):
    """Reads all pictures of a folder, and says what is wrong with them.

    A class is a folder in `folder`; its pictures may lie in folders within.
    Linked folders are read like others. Hidden files and folders are passed
    over, and those that systems leave behind. What is left out, and why:

    * what `course_utils.pictures.read_picture` cannot read;
    * a picture that lies in two classes, pixel by pixel: one is wrong or the
      classes overlap, and nobody knows which;
    * further copies of a picture in one class, pixel by pixel (of these the
      file whose name comes first is kept);
    * a class that cannot be in all three parts: it has fewer than three
      groups.

    Near-duplicates are pictures whose perceptual hashes (which of their 256
    lowest frequencies are above the median, from the package `imagehash`)
    differ in few bits: pictures that were saved again, resized or brightened.
    They make a group, which `split_folder` keeps in one part; so do pictures
    that are the same once they have `size`, and were not before. What was
    cropped, shifted, turned or mirrored is mostly not found, nor are two
    photographs of one thing: for those, pass `group_of`. Of pictures with
    little contrast some are missed too.

    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        folder: Path of the folder. Nothing in it is changed.
        size: Tuple `(height, width)` in pixels: what the backbone expects.
        group_of: Function from a picture's path within the folder (a
            `pathlib.Path`) to a name or number of what it belongs to, such
            as a patient: pictures with the same are kept in one part.
        near_bits: Near-duplicates differ in at most so many of 256 bits; with
            -1, hashes are not compared.
        budget_bytes: Most bytes that the pictures may take in memory.
            Defaults to 1 GiB.

    Returns:
        An `Audit`. A notebook shows it as tables; `print` shows it as text.

    Raises:
        CourseError: If there is no such folder, if it holds no folders, no
            pictures, or parts in place of classes, if two classes have names
            that look the same, if a folder may not be read, if the pictures
            would not fit into the budget, or if none can be read.

    Reference:
        Zauner (2010), "Implementation and Benchmarking of Perceptual Image
        Hash Functions", https://www.phash.org/docs/pubs/thesis_zauner.pdf
    """
    size = arguments.picture_size(size)
    near_bits = arguments.whole_number(
        "near_bits", near_bits, NEAR_BITS, least=-1
    )
    budget_bytes = arguments.number(
        "budget_bytes", budget_bytes, 2**30, above=0
    )
    # Absolute, so that the folder has a name, even if it was given as `.`.
    folder = Path(os.path.abspath(arguments.path("folder", folder)))
    files, notes = find_files(folder)
    if not files:
        raise CourseError(
            f"The folders in {folder} hold no files: put the pictures of each "
            "class into its folder."
        )
    needed = len(files) * int(np.prod(size)) * 3
    if needed > budget_bytes:
        raise CourseError(
            f"{len(files):,} pictures of {size[1]} x {size[0]} pixels need "
            f"{needed:,} bytes of memory, and the budget is "
            f"{budget_bytes:,.0f}: take a smaller size or fewer pictures, or "
            "raise budget_bytes."
        )
    pictures = np.zeros((len(files), *size, 3), "uint8")
    rows = []
    for number, file in enumerate(
        tqdm(files, "Reading", unit="picture", delay=2)
    ):
        facts, picture = read_file(folder / file, size)
        rows.append({"file": file.as_posix(), "label": file.parts[0], **facts})
        if picture is not None:
            pictures[number] = picture
    rows = pd.DataFrame(rows)
    readable = rows["left_out"] == ""
    if not readable.any():
        raise CourseError(
            f"None of the {len(files)} files in {folder} can be read as a "
            f"picture; the first, {rows.file[0]}, {rows.left_out[0]}"
        )
    findings = notes + judge_files(rows, size)
    findings += leave_out_copies(
        rows, pictures, lambda file: hash_pixels(folder / file)
    )
    rows["group"] = grouped(rows, pictures, group_of, near_bits)
    findings += judge_groups(rows, group_of, near_bits)
    findings += leave_out_small_classes(rows)
    findings += judge_classes(rows)
    return Audit(folder, size, rows, pictures, tuple(findings))


@dataclasses.dataclass(frozen=True, eq=False)
class FolderSplits(datasets.Splits):
    """A folder of pictures in three parts; made by `split_folder`.

    Besides what `course_utils.pictures.Splits` has:

    Attributes:
        table: `pandas.DataFrame` with one row per picture: `file` (its path
            within the folder), `label` (the name of its class) and `split`
            (the part). The rows of `validation` and `test` are in the order
            of the pictures there.
    """

    table: pd.DataFrame


def split_folder(audit, validation=0.2, test=0.2, batch_size=32, seed=0):
    """Splits the pictures of an audited folder into three parts.

    In each part the classes have the shares that they have in the whole, as
    far as groups of pictures that go together allow; each class is in each
    part. Introduced in lesson 05 (``05_your_own_images``).

    Args:
        audit: What `audit_folder` returns.
        validation: Share of the pictures to validate on.
        test: Share of the pictures to test on.
        batch_size: Pictures per batch.
        seed: Seed of the split, and of the order of the training pictures.

    Returns:
        A `FolderSplits`: the three parts as of `load_dataset`, from memory,
        the names of the classes and the table of what went where.

    Raises:
        CourseError: If fewer than two classes are left, if the shares leave
            nothing to one of the parts, if the groups leave some part
            without some class, or if `batch_size` is not positive.
    """
    batch_size = arguments.whole_number("batch_size", batch_size, 32)
    seed = arguments.whole_number("seed", seed, 0, least=0)
    if not isinstance(audit, Audit):
        raise CourseError(
            f"Expected an audit, not {type(audit).__name__}: pass what "
            "audit_folder returned."
        )
    validation = arguments.share("validation", validation, 0.2)
    test = arguments.share("test", test, 0.2)
    shares = np.array([1 - validation - test, validation, test])
    if shares.min() < LEAST_SHARE - 1e-9:
        raise CourseError(
            f"Shares of {validation!r} for validation and {test!r} for test "
            f"leave a part empty: give two shares from {LEAST_SHARE} on, with "
            f"a sum of at most {1 - LEAST_SHARE}, such as 0.2 and 0.2."
        )
    names = audit.class_names
    if len(names) < 2:
        raise CourseError(
            f"{audit.folder} has {counted(len(names), 'class', 'classes')} "
            f"that can be used ({', '.join(map(repr, names)) or 'none'}), and "
            "a model tells at least two apart: add a folder with pictures of "
            "another class, or see in the audit why one was left out."
        )
    used = audit.used
    labels = np.array([names.index(label) for label in used["label"]], "int32")
    part_of = divided(used["group"].to_numpy(), labels, shares, seed)
    for part, part_name in enumerate(picture_tables.SPLITS):
        absent = sorted(set(range(len(names))) - set(labels[part_of == part]))
        if absent:
            raise CourseError(
                f"No picture of {names[absent[0]]!r} is left for {part_name}, "
                "because so many pictures go together: look at the groups in "
                "audit.rows, add pictures, or audit the folder with another "
                "group_of or fewer near_bits."
            )
    parts = {
        name: _batches(
            audit.pictures[used.index[part_of == part]],
            labels[part_of == part],
            batch_size,
            name == "train",
            seed,
        )
        for part, name in enumerate(picture_tables.SPLITS)
    }
    table = used[["file", "label"]].assign(
        split=[picture_tables.SPLITS[part] for part in part_of]
    )
    return FolderSplits(
        **parts, class_names=names, table=table.reset_index(drop=True)
    )


def _batches(pictures, labels, batch_size, shuffle, seed):
    """Makes batches from memory."""
    with tf.device("CPU"):
        pictures = tf.constant(pictures)
    numbers = tf.data.Dataset.range(len(labels))
    if shuffle:
        numbers = numbers.shuffle(len(labels), seed=seed)

    def take(chosen):
        images = tf.cast(tf.gather(pictures, chosen), tf.float32)
        return images, tf.gather(labels, chosen)

    return numbers.batch(batch_size).map(take).prefetch(tf.data.AUTOTUNE)
