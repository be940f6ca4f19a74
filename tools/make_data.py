"""Makes the data sets that the course ships.

    python -m tools.make_data defects

writes `data/datasets/defects.zip` and stamps the card beside it. The archive
depends on nothing but the generator: members are sorted, their times are
fixed, and nothing is compressed a second time.
"""

import argparse
import io
import multiprocessing
import pathlib
import zipfile

import tqdm
from PIL import Image

from tools import cards
from tools.generators import defects

DATASETS = pathlib.Path(__file__).parents[1] / "data" / "datasets"

# Seed and number of pictures a class of each split.
SPLITS = {"train": (11, 100), "validation": (12, 50), "test": (13, 200)}
JPEG_QUALITY = 90
FIXED_TIME = (2020, 1, 1, 0, 0, 0)


def members(limit=None):
    """Lists what the archive holds, sorted by name.

    Args:
        limit: Most pictures a class and split; None for all.

    Returns:
        List of pairs: the member's name, such as
        `train/crazing/crazing_0001.jpg`, and the arguments of
        `defects.make_picture`.
    """
    listed = []
    for split, (seed, count) in SPLITS.items():
        for class_name in defects.CLASSES:
            for index in range(count if limit is None else min(limit, count)):
                name = f"{class_name}_{index + 1:04d}.jpg"
                path = f"{split}/{class_name}/{name}"
                listed.append((path, (seed, index, class_name)))
    return sorted(listed)


def encode(image):
    """Returns a grey picture of dtype uint8 as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _make_member(member):
    name, arguments = member
    return name, encode(defects.make_picture(*arguments))


def build(path, limit=None):
    """Writes the archive, using all cores.

    Args:
        path: Path of the zip file to write; its folder must exist.
        limit: Most pictures a class and split; None for all.
    """
    listed = members(limit)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive,
        multiprocessing.get_context("spawn").Pool() as pool,
    ):
        made = pool.imap(_make_member, listed, chunksize=20)
        for name, content in tqdm.tqdm(made, "pictures", len(listed)):
            info = zipfile.ZipInfo(name, FIXED_TIME)
            info.create_system = 3  # the same on Windows as elsewhere
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=["defects"])
    parser.add_argument(
        "--limit", type=int, metavar="N", help="pictures a class and split"
    )
    parser.add_argument(
        "--output", type=pathlib.Path, default=DATASETS, metavar="DIR"
    )
    options = parser.parse_args()
    if options.limit is not None and options.limit < 1:
        parser.error(f"--limit must be at least 1, not {options.limit}.")
    if options.limit is not None and options.output == DATASETS:
        parser.error("--limit needs --output: the shipped set is whole.")
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{options.name}.zip"
    build(path, options.limit)
    print(f"{path}: {path.stat().st_size} bytes")
    if options.output == DATASETS:
        cards.stamp(path.with_suffix(".toml"), path)


if __name__ == "__main__":
    main()
