"""Audit a folder of pictures, and split it.

A folder holds a folder a class, and in these, at any depth, pictures. Nobody
has looked through it yet: some files are broken, some pictures lie in it
twice, and a class may have three of them. `audit_folder` says what is there
and what will be done about it; `split_folder` does it. Neither changes
anything on the disk.
"""

import contextlib
import dataclasses
import html
import os
import textwrap
import warnings
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image, ImageOps
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm.auto import tqdm

from course_utils import datasets, tables
from course_utils.errors import CourseError
from course_utils.pictures import checked_size, read_picture

# Of the 256 bits of their hashes, pictures that were saved again, halved in
# size or brightened by a fifth differed in 28 at most; pictures of the
# course's data sets that have nothing in common in 78 at least.
NEAR_BITS = 40
# Each class needs a picture in each part.
LEAST = len(tables.SPLITS)
# With fewer pictures of a class, a fifth of them is less than five.
FEW = 25
# From here on a class is so much larger than another that accuracy misleads.
IMBALANCE = 3
_PART_NAMES = frozenset(
    "train training val valid validation dev test testing".split()
)
_ORIENTATION = 0x0112  # the EXIF tag of how the camera was held


def audit_folder(
    folder,
    size=(64, 64),
    group_of=None,
    near_bits=NEAR_BITS,
    budget_bytes=2**30,
):
    """Reads all pictures of a folder, and says what is wrong with them.

    A class is a folder in `folder`; its pictures may lie in folders within.
    Hidden files and folders are passed over. What is left out, and why:

    * what `course_utils.pictures.read_picture` cannot read;
    * a picture that lies in two classes, pixel by pixel: one is wrong, and
      nobody knows which;
    * further copies of a picture in one class;
    * a class that cannot be in all three parts: it has fewer than three
      groups.

    Near-duplicates are pictures whose perceptual hashes (which of their 256
    lowest frequencies are above the median, from the package `imagehash`)
    differ in few bits. They make a group, which `split_folder` keeps in one part: pictures that
    were saved again, resized or brightened. What was shifted, turned or
    mirrored is not found, nor are two photographs of one thing: for those,
    pass `group_of`.

    Introduced in lesson 05 (``05_your_own_images``).

    Args:
        folder: Path of the folder. Nothing in it is changed.
        size: Tuple `(height, width)` in pixels: what the backbone expects.
        group_of: Function from a picture's path within the folder (a
            `pathlib.Path`) to a name or number of what it belongs to, such
            as a patient: pictures with the same are kept in one part.
        near_bits: Near-duplicates differ in at most so many of 256 bits; -1
            for none.
        budget_bytes: Most bytes that the pictures may take in memory.
            Defaults to 1 GiB.

    Returns:
        An `Audit`. A notebook shows it as tables; `print` shows it as text.

    Raises:
        CourseError: If there is no such folder, if it holds no folders, no
            pictures, or parts in place of classes, if a folder may not be
            read, if the pictures would not fit into the budget, or if none
            can be read.

    Reference:
        Zauner (2010), "Implementation and Benchmarking of Perceptual Image
        Hash Functions", https://www.phash.org/docs/pubs/thesis_zauner.pdf
    """
    size = checked_size(size)
    folder = Path(folder).expanduser()
    files, notes = _find_files(folder)
    if not files:
        raise CourseError(
            f"The folders in {folder} hold no files: put the pictures of each "
            "class into its folder."
        )
    needed = len(files) * int(np.prod(size)) * 3
    if needed > budget_bytes:
        raise CourseError(
            f"{len(files):,} pictures of {size[0]} x {size[1]} pixels need "
            f"{needed:,} bytes of memory, and the budget is {budget_bytes:,}: "
            "take a smaller size or fewer pictures, or raise budget_bytes."
        )
    pictures = np.zeros((len(files), *size, 3), "uint8")
    rows = []
    for number, file in enumerate(
        tqdm(files, "Reading", unit="picture", delay=2)
    ):
        facts, picture = _read(folder / file, size)
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
    findings = notes + _judge_files(rows, size)
    findings += _leave_out_copies(rows, pictures)
    rows["group"] = _groups(rows, pictures, group_of, near_bits)
    findings += _judge_groups(rows, group_of)
    findings += _leave_out_small_classes(rows)
    findings += _judge_classes(rows)
    return Audit(folder, size, rows, pictures, tuple(findings))


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that an audit has found.

    Attributes:
        found: What, in a sentence.
        done: What is done about it, or what to do, in a sentence.
    """

    found: str
    done: str


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Audit:
    """What is in a folder of pictures; made by `audit_folder`.

    Attributes:
        folder: Path of the folder.
        size: Tuple `(height, width)` in pixels to which pictures were read.
        rows: `pandas.DataFrame` with a row a file: `file` (its path within
            the folder), `label` (the name of its class), `width` and `height`
            in pixels, `mode` and `format` as Pillow names them (`""` where it
            cannot be opened), `frames`, `turned` (whether a camera has noted
            that it was not held upright), `left_out` (why it is not used,
            `""` where it is) and `group` (pictures with the same number go
            together; -1 where it is not used).
        pictures: uint8 array `(rows, height, width, 3)`; zeros where a file
            cannot be read.
        findings: The `Finding`s, in the order in which they were made.
    """

    folder: Path
    size: tuple[int, int]
    rows: pd.DataFrame
    pictures: np.ndarray
    findings: tuple[Finding, ...]

    @property
    def used(self) -> pd.DataFrame:
        """The rows that are used."""
        return self.rows[self.rows["left_out"] == ""]

    @property
    def class_names(self) -> list[str]:
        """Names of the classes that are used, in alphabetical order."""
        return sorted(set(self.used["label"]))

    @property
    def counts(self) -> pd.DataFrame:
        """Number of files, and of those that are used, by class."""
        counts = {
            "files": self.rows["label"].value_counts(),
            "used": self.used["label"].value_counts(),
        }
        counts = pd.DataFrame(counts).fillna(0).astype(int).sort_index()
        return counts.rename_axis("class")

    def summary(self) -> str:
        """Says in a sentence how much is used."""
        return (
            f"{self.folder.name}: {len(self.used)} of {len(self.rows)} files "
            f"are used, in {len(self.class_names)} classes, each picture as "
            f"{self.size[0]} x {self.size[1]} pixels."
        )

    def __repr__(self) -> str:
        """Show the audit as text."""
        lines = [self.summary(), "", self.counts.to_string(), ""]
        for finding in self.findings:
            lines += textwrap.wrap(
                f"- {finding.found} {finding.done}", 76, subsequent_indent="  "
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the audit in a notebook."""
        return (
            f"<p>{html.escape(self.summary())}</p>"
            + self.counts.reset_index().to_html(index=False, border=0)
            + findings_table(self.findings)
        )


def findings_table(findings) -> str:
    """Returns findings as a table in HTML."""
    rows = "".join(
        f"<tr><td>{html.escape(finding.found)}</td>"
        f"<td>{html.escape(finding.done)}</td></tr>"
        for finding in findings
    )
    return (
        '<table><thead><tr><th scope="col">found</th><th scope="col">what '
        f"follows</th></tr></thead><tbody>{rows}</tbody></table>"
    )


@dataclasses.dataclass(frozen=True)
class FolderSplits(datasets.Splits):
    """A folder of pictures in three parts; made by `split_folder`.

    Besides what `course_utils.datasets.Splits` has:

    Attributes:
        table: `pandas.DataFrame` with a row a picture: `file` (its path
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
        batch_size: Pictures a batch.
        seed: Seed of the split, and of the order of the training pictures.

    Returns:
        A `FolderSplits`: the three parts as of `load_dataset`, from memory,
        the names of the classes and the table of what went where.

    Raises:
        CourseError: If fewer than two classes are left, if the shares leave
            nothing to one of the parts, if the groups leave some part
            without some class, or if `batch_size` is not positive.
    """
    tables.check_batch_size(batch_size)
    shares = np.array([1 - validation - test, validation, test])
    if not (shares > 0.01).all():
        raise CourseError(
            f"Shares of {validation:g} for validation and {test:g} for test "
            "leave a part empty: give two shares above 0 with a sum below 1, "
            "such as 0.2 and 0.2."
        )
    names = audit.class_names
    if len(names) < 2:
        raise CourseError(
            f"{audit.folder} has {len(names)} class{'es' * (not names)} that "
            f"can be used ({', '.join(map(repr, names)) or 'none'}), and a "
            "model tells at least two apart: add a folder with pictures of "
            "another class, or see in the audit why one was left out."
        )
    used = audit.used
    labels = np.array([names.index(label) for label in used["label"]], "int32")
    part_of = _divide(used["group"].to_numpy(), labels, shares, seed)
    _check_division(part_of, labels, names)
    parts = {
        name: _batches(
            audit.pictures[used.index[part_of == part]],
            labels[part_of == part],
            batch_size,
            seed if name == "train" else None,
        )
        for part, name in enumerate(tables.SPLITS)
    }
    table = used[["file", "label"]].assign(
        split=[tables.SPLITS[part] for part in part_of]
    )
    return FolderSplits(
        **parts, class_names=names, table=table.reset_index(drop=True)
    )


def _find_files(folder):
    """Returns the paths of all files of classes within a folder, and notes."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise CourseError(
            f"{folder} {what}: give the path of a folder with a folder a "
            f"class in it (seen from {Path.cwd()})."
        )
    inside = [path for path in _entries(folder) if path.is_dir()]
    loose = [path.name for path in _entries(folder) if not path.is_dir()]
    if not inside:
        raise CourseError(
            f"{folder} holds no folders ({len(loose)} files): make a folder "
            "in it for each class, and put the pictures of the class there."
        )
    _check_levels(folder, inside)
    files = [
        file.relative_to(folder)
        for path in inside
        for file in _files_below(path)
    ]
    notes = []
    if loose:
        notes.append(
            Finding(
                f"{_count(len(loose), 'file')} beside the folders of the "
                f"classes ({_some(loose)}).",
                "Passed over, for nothing says what class they are of.",
            )
        )
    empty = sorted(
        {path.name for path in inside} - {file.parts[0] for file in files}
    )
    if empty:
        notes.append(
            Finding(f"No file in {_some(empty)}.", "This makes no class.")
        )
    return files, notes


def _check_levels(folder, inside):
    """Refuses a folder of parts, and one around the right one."""
    deeper = [[sub for sub in _entries(p) if sub.is_dir()] for p in inside]
    if any(deeper) and {path.name.lower() for path in inside} <= _PART_NAMES:
        raise CourseError(
            f"The folders in {folder} are named like parts, not like classes "
            f"({_some([path.name for path in inside])}): give one of them, "
            f"such as {inside[-1]}, which will be split anew."
        )
    if len(inside) == 1 and len(deeper[0]) > 1:
        raise CourseError(
            f"{folder} holds a single folder, {inside[0].name!r}, so there is "
            f"one class only; it holds {len(deeper[0])} folders: if these are "
            f"the classes, give {inside[0]}."
        )


def _entries(folder):
    """Returns what is in a folder and not hidden, in order of the names."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(error) from error
    return [path for path in entries if not _is_hidden(path.name)]


def _files_below(folder):
    def refuse(error):
        raise _unreadable(error) from error

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(names):
            if not _is_hidden(name):
                yield Path(parent, name)


def _is_hidden(name):
    """What systems leave behind in folders without being asked."""
    return name.startswith((".", "__MACOSX")) or name.lower() in (
        "thumbs.db",
        "desktop.ini",
    )


def _unreadable(error):
    return CourseError(
        f"{error.filename} may not be read ({error.strerror}): give yourself "
        "the permission to read it, or move it out of the folder."
    )


def _read(path, size):
    """Returns what is known of a file, and its picture or None."""
    facts = dict(width=0, height=0, mode="", format="", frames=0, turned=False)
    with warnings.catch_warnings():
        # Pillow warns of large pictures and of broken EXIF, and reads both.
        warnings.simplefilter("ignore")
        try:
            picture = read_picture(path, size)
        except CourseError as error:
            problem = str(error).removeprefix(f"{path} ")
            return {**facts, "left_out": problem}, None
        # What comes after the first frame may be broken, and is not used.
        with contextlib.suppress(Exception), Image.open(path) as image:
            facts["mode"], facts["format"] = image.mode, image.format
            upright = ImageOps.exif_transpose(image)
            facts["width"], facts["height"] = upright.size
            facts["turned"] = image.getexif().get(_ORIENTATION, 1) not in (0, 1)
            facts["frames"] = getattr(image, "n_frames", 1)
    return {**facts, "left_out": ""}, np.rint(picture).astype("uint8")


def _judge_files(rows, size):
    """Says what was found in the files, one by one."""
    findings = []
    broken = rows[rows["left_out"] != ""]
    if len(broken):
        told = [
            f"{row.file} {row.left_out.rstrip('.')}"
            for row in broken.head(3).itertuples()
        ]
        findings.append(
            Finding(
                f"{_count(len(broken), 'file')} cannot be read as pictures: "
                f"{'; '.join(told)}{_more(len(broken) - 3)}.",
                "Left out.",
            )
        )
    rows = rows[rows["left_out"] == ""]
    modes = rows["mode"].value_counts()
    if list(modes.index) != ["RGB"]:
        told = ", ".join(f"{count} {mode}" for mode, count in modes.items())
        findings.append(
            Finding(
                f"Pictures are of the modes {told}.",
                "All are read as RGB; grey is repeated three times.",
            )
        )
    moving = rows[rows["frames"] > 1]
    if len(moving):
        findings.append(
            Finding(
                f"{_count(len(moving), 'picture')} with several frames "
                f"({_some(moving['file'])}).",
                "The first frame is taken.",
            )
        )
    if rows["turned"].any():
        findings.append(
            Finding(
                f"{_count(rows['turned'].sum(), 'picture')} with a camera's "
                "note of how it was held.",
                "Turned upright by it.",
            )
        )
    findings += _judge_sizes(rows, size)
    for attribute in ("mode", "format"):
        findings += _judge_giveaway(rows, attribute)
    return findings


def _judge_sizes(rows, size):
    height, width = size
    area = rows["height"] * rows["width"]
    low, high = rows.loc[area.idxmin()], rows.loc[area.idxmax()]
    found = f"Pictures are {low.width} x {low.height} pixels"
    if area.nunique() > 1:
        found += f" (the smallest) to {high.width} x {high.height}"
    scale = np.minimum(rows["height"] / height, rows["width"] / width)
    lost = 1 - height * width * scale**2 / area
    done = f"All become {width} x {height}"
    if (scale == 1).all() and area.nunique() == 1:
        done = "They are taken as they are"
    if lost.max() > 0.005:
        done += (
            f"; the middle is cut out, which leaves away up to "
            f"{lost.max():.0%} of a picture: see that nothing of importance "
            "lies at the rim"
        )
    if (scale < 1).any():
        done += (
            f"; {(scale < 1).sum()} of them are enlarged, and will be blurred"
        )
    return [Finding(f"{found}.", f"{done}.")]


def _judge_giveaway(rows, attribute):
    """Warns where an attribute of the files tells the class."""
    table = pd.crosstab(rows["label"], rows[attribute])
    told = table.max().sum() / len(rows)
    guessed = rows["label"].value_counts().max() / len(rows)
    if told < guessed + 0.2:
        return []
    return [
        Finding(
            f"The {attribute} of the files tells the class of {told:.0%} of "
            f"them (guessing: {guessed:.0%}).",
            "A model can learn that in place of what is to be seen: take all "
            "pictures in the same way, or count on less with new ones.",
        )
    ]


def _leave_out_copies(rows, pictures):
    """Leaves out what is there twice, pixel by pixel."""
    findings = []
    readable = rows.index[rows["left_out"] == ""]
    key = pd.Series([pictures[i].tobytes() for i in readable], readable)
    labels = rows.loc[readable, "label"]
    # The same key in two classes: at least one label is wrong.
    wrong = readable[labels.groupby(key).transform("nunique") > 1]
    if len(wrong):
        rows.loc[wrong, "left_out"] = "is the same picture in two classes."
        findings.append(
            Finding(
                f"{len(wrong)} files are pictures that lie in more than one "
                f"class ({_some(rows.file[wrong])}).",
                "Left out: at least one label of each is wrong, and nobody "
                "but you can say which.",
            )
        )
    key = key.drop(wrong)
    copies = key.index[key.duplicated()]
    if len(copies):
        rows.loc[copies, "left_out"] = "is a copy of another file."
        findings.append(
            Finding(
                f"{_count(len(copies), 'exact copy', 'exact copies')} of "
                f"another picture of the class ({_some(rows.file[copies])}).",
                "Left out; one of each is kept.",
            )
        )
    return findings


def _groups(rows, pictures, group_of, near_bits):
    """Returns a number a row: that of what belongs together."""
    used = rows.index[rows["left_out"] == ""]
    hashes = np.stack(
        [
            np.packbits(
                imagehash.phash(Image.fromarray(pictures[i]), 16).hash
            ).view("uint64")
            for i in tqdm(used, "Comparing", unit="picture", delay=2)
        ]
    )
    pairs = [np.empty((2, 0), int)]
    block = max(1, 2**22 // len(used))
    for start in range(0, len(used), block):
        differing = hashes[start : start + block, np.newaxis] ^ hashes
        bits = np.bitwise_count(differing).sum(axis=-1, dtype=int)
        pairs.append(np.stack(np.nonzero(bits <= near_bits)) + [[start], [0]])
    if group_of is not None:
        names = pd.Series([_group_of(group_of, f) for f in rows.file[used]])
        first = names.index.to_series().groupby(names).transform("min")
        pairs.append(np.stack([names.index, first]))
    ends = np.concatenate(pairs, axis=1)
    links = coo_array((np.ones(ends.shape[1]), ends), (len(used), len(used)))
    groups = pd.Series(-1, rows.index)
    groups[used] = connected_components(links, directed=False)[1]
    return groups


def _group_of(group_of, file):
    try:
        return str(group_of(Path(file)))
    except Exception as error:
        # The function is the learner's, and anything may go wrong in it.
        raise CourseError(
            f"group_of failed for {file!r} ({type(error).__name__}: {error}): "
            "it gets the path within the folder, and returns the name of what "
            "the picture belongs to."
        ) from error


def _judge_groups(rows, group_of):
    used = rows[rows["left_out"] == ""]
    sizes = used["group"].value_counts()
    several = used[used["group"].map(sizes) > 1]
    if not len(several):
        return []
    largest = several["file"][several["group"] == sizes.idxmax()]
    what = "near-duplicates of each other"
    if group_of is not None:
        what = "of one group by group_of, or near-duplicates"
    found = (
        f"{len(several)} pictures in {several['group'].nunique()} groups are "
        f"{what} (such as {_some(largest)})"
    )
    across = several.groupby("group")["label"].nunique()
    done = "Each group is kept in one part, so that none is tested on what it "
    done += "was trained on."
    if (across > 1).any():
        found += f", {_count((across > 1).sum(), 'group')} across classes"
        done += " Look across the classes for wrong labels."
    return [Finding(f"{found}.", done)]


def _leave_out_small_classes(rows):
    used = rows[rows["left_out"] == ""]
    groups = used.groupby("label")["group"].nunique()
    small = groups[groups < LEAST]
    if not len(small):
        return []
    rows.loc[used.index[used["label"].isin(small.index)], "left_out"] = (
        "is of a class that is too small."
    )
    rows.loc[rows["left_out"] != "", "group"] = -1
    told = [
        f"{name!r} ({_count((used['label'] == name).sum(), 'picture')})"
        for name in small.index
    ]
    return [
        Finding(
            f"Too small to be in all three parts: {', '.join(told)}.",
            f"Left out: a class needs {LEAST} pictures that are no "
            "duplicates, and better fifty.",
        )
    ]


def _judge_classes(rows):
    findings = []
    counts = rows["label"][rows["left_out"] == ""].value_counts()
    if len(counts) < 2:
        return [
            Finding(
                f"There {'is one class' if len(counts) else 'is no class'} "
                "that can be used.",
                "There is nothing to tell apart, so split_folder will refuse "
                "it: add pictures of another class.",
            )
        ]
    few = counts[counts < FEW]
    if len(few):
        told = [f"{name!r} ({count})" for name, count in few.items()]
        findings.append(
            Finding(
                f"Few pictures of {', '.join(told)}.",
                "They are used; but a share of so few test pictures says "
                "little, as its interval in the report will show.",
            )
        )
    if counts.iloc[0] >= IMBALANCE * counts.iloc[-1]:
        findings.append(
            Finding(
                f"{counts.index[0]!r} has {counts.iloc[0] / counts.iloc[-1]:.1f}"
                f" times as many pictures as {counts.index[-1]!r}.",
                f"Whoever always says {counts.index[0]!r} is right in "
                f"{counts.iloc[0] / counts.sum():.0%}: judge by the recall of "
                "each class, not by the accuracy.",
            )
        )
    return findings


def _divide(groups, labels, shares, seed):
    """Returns for each picture the number of its part.

    The largest groups go first, each to the part that lacks most of its
    classes; so few of a class may be left that each must go where the class
    is still missing.
    """
    _, groups = np.unique(groups, return_inverse=True)
    members = np.zeros((groups.max() + 1, labels.max() + 1), int)
    np.add.at(members, (groups, labels), 1)
    totals = members.sum(axis=0)
    wanted = np.maximum(np.outer(shares, totals), 1)
    order = np.random.default_rng(seed).permutation(len(members))
    order = order[np.argsort(-members[order].sum(axis=1), kind="stable")]
    filled = np.zeros_like(wanted)
    left = (members > 0).sum(axis=0)
    part_of = np.zeros(len(members), int)
    for group in order:
        inside = members[group] > 0
        missing = (filled == 0) & inside
        urgent = missing & (left <= (filled == 0).sum(axis=0))
        lack = ((wanted - filled) / totals) @ members[group]
        lack[urgent.any(axis=1)] += len(labels)
        part_of[group] = lack.argmax()
        filled[part_of[group]] += members[group]
        left -= inside
    return part_of[groups]


def _check_division(part_of, labels, names):
    for part, name in enumerate(tables.SPLITS):
        absent = set(range(len(names))) - set(labels[part_of == part])
        if absent:
            raise CourseError(
                f"No picture of {_some([names[i] for i in sorted(absent)])} "
                f"is left for {name}, because so many pictures go together: "
                "look at the groups in audit.rows, add pictures, or audit the "
                "folder with another group_of or fewer near_bits."
            )


def _batches(pictures, labels, batch_size, seed):
    """Makes batches from memory; shuffled anew each epoch if seed is given."""
    with tf.device("CPU"):
        pictures = tf.constant(pictures)
    numbers = tf.data.Dataset.range(len(labels))
    if seed is not None:
        numbers = numbers.shuffle(len(labels), seed=seed)

    def take(chosen):
        images = tf.cast(tf.gather(pictures, chosen), tf.float32)
        return images, tf.gather(labels, chosen)

    return numbers.batch(batch_size).map(take).prefetch(tf.data.AUTOTUNE)


def _count(number, thing, things=None):
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def _some(names):
    """Returns up to three of the names, and how many there are besides."""
    names = list(names)
    return ", ".join(map(repr, names[:3])) + _more(len(names) - 3)


def _more(number):
    return f" and {number} more" if number > 0 else ""
