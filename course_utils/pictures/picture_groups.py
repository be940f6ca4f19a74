"""Which pictures go together, and a division that keeps them together."""

from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tqdm.auto import tqdm

from course_utils.machine.errors import CourseError

# `python -m benchmarks.near_duplicates` has the measurements: of the course's
# pictures, 99 of 100 that were saved again, halved or brightened by a fifth
# differ from themselves in 36 bits or fewer, and different ones in 70 or more.
# Tiles of photographs came as near as that only where they were plain black.
NEAR_BITS = 40
BLOCK = 2**20  # pairs that are compared at a time


def grouped(rows, pictures, group_of, near_bits):
    """Returns a number a row, the same for what goes together, -1 if unused."""
    groups = pd.Series(-1, rows.index)
    used = rows.index[rows["left_out"] == ""]
    if not len(used):
        return groups
    names = used
    if group_of is not None:
        names = [_group_of(group_of, file) for file in rows.file[used]]
    _, first, number = np.unique(names, return_index=True, return_inverse=True)
    heads = first[number]  # of each picture, the first one of its group
    # What is the same at this size goes together, whatever the hashes say.
    pixels = [pictures[i].tobytes() for i in used]
    same = pd.factorize(pd.Series(pixels, dtype=object))[0]
    _, first = np.unique(same, return_index=True)
    heads = _joined(heads, np.arange(len(used)), first[same])
    hashes = [
        picture_hash(Image.fromarray(pictures[i]))
        for i in tqdm(used, "Hashing", unit="picture", delay=2)
    ]
    hashes = np.stack(hashes)
    block = max(1, BLOCK // len(used))
    starts = range(0, len(used), block)
    for start in tqdm(starts, "Comparing", unit="block", delay=2):
        differing = hashes[start : start + block, np.newaxis] ^ hashes
        bits = np.bitwise_count(differing).sum(axis=-1, dtype=int)
        one, other = np.nonzero(bits <= near_bits)
        heads = _joined(heads, one + start, other)
    groups[used] = heads
    return groups


def picture_hash(image):
    """Returns the 256 bits of a Pillow image's perceptual hash, as uint64."""
    return np.packbits(imagehash.phash(image, 16).hash).view("uint64")


def _joined(heads, one, other):
    """Joins the groups of each two pictures."""
    count = len(heads)
    ends = np.append(one, np.arange(count)), np.append(other, heads)
    links = coo_array((np.ones(len(ends[0])), ends), (count, count))
    number = connected_components(links, directed=False)[1]
    return np.unique(number, return_index=True)[1][number]


def _group_of(group_of, file):
    try:
        group = group_of(Path(file))
        name = str(group)
        missing = pd.api.types.is_scalar(group) and pd.isna(group)
    except Exception as error:
        # The function is the learner's, and anything may go wrong in it.
        raise CourseError(
            f"group_of failed for {file!r} ({type(error).__name__}: {error}): "
            "it gets the path within the folder, and returns the name of what "
            "the picture belongs to."
        ) from error
    if missing or not name:
        raise CourseError(
            f"group_of returned {group!r} for {file!r}, and all such files "
            "would be one group: return a name for each, such as the path "
            "itself where a picture belongs to nothing."
        )
    return name


def divided(groups, labels, shares, seed):
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
