"""Makes the data sets that the course ships.

    python -m tools.make_data near

writes `data/datasets/near.zip` and stamps the card beside it; without a name,
it makes all sets. An archive depends on nothing but the generators: members
are sorted, their times are fixed, and nothing is compressed a second time.

Each set is a function that lists the members of its archive: a path, a
function that makes the content, and the arguments of that function.
"""

import argparse
import csv
import io
import multiprocessing
import pathlib
import zipfile

import tqdm
from PIL import Image

from tools import cards
from tools.generators import defects, histology, near, scenes

DATASETS = pathlib.Path(__file__).parents[1] / "data" / "datasets"

# Seed and number of pictures a class of each split.
DEFECTS_SPLITS = {"train": (11, 100), "validation": (12, 50), "test": (13, 200)}
NEAR_SPLITS = {"train": (31, 80), "validation": (32, 30), "test": (33, 120)}

SOURCE_SEED, SOURCE_COUNT = 41, 800

# The first seed from 51 on that balances the patients of the test and the
# train split: see `tuned` in the card.
HISTOLOGY_SEED = 57
# Patients, fields a patient, and the scanners of each field. The patients are
# numbered through, so that none stands in two splits.
HISTOLOGY_SPLITS = {
    "train": (40, 12, "A"),
    "validation": (16, 10, "A"),
    "adaptation": (16, 10, "BC"),
    "test": (80, 6, "ABC"),
}

JPEG_QUALITY = 90
FIXED_TIME = (2020, 1, 1, 0, 0, 0)


def list_near(limit=None):
    """Lists the members of `near.zip`: split/class/class_0001.jpg."""
    return _list_folders(near, NEAR_SPLITS, make_near, limit)


def list_defects(limit=None):
    """Lists the members of `defects.zip`: split/class/class_0001.jpg."""
    return _list_folders(defects, DEFECTS_SPLITS, make_defect, limit)


def _list_folders(generator, splits, make, limit):
    """Lists pictures in a folder a split and class."""
    listed = []
    for split, (seed, count) in splits.items():
        for name in generator.CLASSES:
            for index in range(_least(count, limit)):
                path = f"{split}/{name}/{name}_{index + 1:04d}.jpg"
                listed.append((path, make, (seed, index, name)))
    return listed


def list_histology(limit=None):
    """Lists the members of `histology.zip`: images/, masks/ and table.csv."""
    listed, rows, first = [], [], 0
    for split, (patients, fields, scanners) in HISTOLOGY_SPLITS.items():
        # Patients come in pairs, one of each diagnosis.
        for patient in range(first, first + 2 * _least(patients // 2, limit)):
            person = histology.make_patient(HISTOLOGY_SEED, patient)
            label = histology.CLASSES[person.label]
            for field in range(fields):
                name = f"p{patient + 1:03d}_{field + 1:02d}"
                mask = f"masks/{name}.png"
                listed.append((mask, make_mask, (patient, field)))
                for scanner in scanners:
                    image = f"images/{name}_{scanner}.jpg"
                    arguments = (patient, field, scanner)
                    listed.append((image, make_histology, arguments))
                    rows.append((image, mask, split, name[:4], scanner, label))
        first += patients
    header = ("image", "mask", "split", "patient", "scanner", "label")
    return [*listed, ("table.csv", make_table, (header, sorted(rows)))]


def list_source(limit=None):
    """Lists the members of `source.zip`: images/ and table.csv."""
    indices = range(_least(SOURCE_COUNT, limit))
    listed = [(_source_path(i), make_source, (i,)) for i in indices]
    return [*listed, ("table.csv", make_source_table, (len(indices),))]


def _source_path(index):
    return f"images/{index + 1:04d}.jpg"


def _least(count, limit):
    return count if limit is None else min(count, limit)


SETS = {
    "near": list_near,
    "defects": list_defects,
    "histology": list_histology,
    "source": list_source,
}


def make_near(*arguments):
    """Makes the content of a picture of `near.zip`."""
    return encode_jpeg(near.make_picture(*arguments), optimize=True)


def make_defect(*arguments):
    """Makes the content of a picture of `defects.zip`."""
    return encode_jpeg(defects.make_picture(*arguments))


def make_histology(*arguments):
    """Makes the content of a picture of `histology.zip`."""
    image = histology.make_picture(HISTOLOGY_SEED, *arguments)
    return encode_jpeg(image, optimize=True)


def make_mask(*arguments):
    """Makes the content of a mask of `histology.zip`."""
    mask = histology.make_field(HISTOLOGY_SEED, *arguments).mask
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def make_source(index):
    """Makes the content of a picture of `source.zip`."""
    image, _ = scenes.make_scene(SOURCE_SEED, index)
    return encode_jpeg(image, optimize=True)


def make_source_table(count):
    """Makes the content of `table.csv` of `source.zip`."""
    rows = []
    for index in range(count):
        _, labels = scenes.make_scene(SOURCE_SEED, index)
        names = [scenes.LABELS[name][labels[name]] for name in scenes.LABELS]
        rows.append((_source_path(index), *names))
    return make_table(("image", *scenes.LABELS), rows)


def make_table(header, rows):
    """Makes the content of a CSV file."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue().encode()


def encode_jpeg(image, **options):
    """Returns a picture of dtype uint8 as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    options["quality"] = JPEG_QUALITY
    Image.fromarray(image).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def _make_member(member):
    path, make, arguments = member
    return path, make(*arguments)


def build(name, path, limit=None):
    """Writes the archive of a set, using all cores.

    Args:
        name: String, a key of `SETS`.
        path: Path of the zip file to write; its folder must exist.
        limit: None for the whole set, or most pictures a class and split
            (near, defects), patients a diagnosis and split (histology), or
            pictures (source). What a limited archive holds, the whole one
            holds as well, but for the rows that its table lacks.
    """
    listed = sorted(SETS[name](limit), key=lambda member: member[0])
    partial = path.with_suffix(".partial")
    with (
        zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive,
        multiprocessing.get_context("spawn").Pool() as pool,
    ):
        made = pool.imap(_make_member, listed, chunksize=20)
        for member, content in tqdm.tqdm(made, name, len(listed)):
            info = zipfile.ZipInfo(member, FIXED_TIME)
            info.create_system = 3  # the same on Windows as elsewhere
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
    partial.replace(path)


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "name", choices=[*SETS, "all"], nargs="?", default="all"
    )
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help="pictures a class and split (near, defects), patients a "
        "diagnosis and split (histology), pictures (source)",
    )
    parser.add_argument(
        "--output", type=pathlib.Path, default=DATASETS, metavar="DIR"
    )
    options = parser.parse_args()
    if options.limit is not None and options.limit < 1:
        parser.error(f"--limit must be at least 1, not {options.limit}.")
    shipped = options.output.resolve() == DATASETS.resolve()
    if options.limit is not None and shipped:
        parser.error(
            "--limit needs --output, another folder: the shipped is whole."
        )
    options.output.mkdir(parents=True, exist_ok=True)
    for name in SETS if options.name == "all" else [options.name]:
        path = options.output / f"{name}.zip"
        build(name, path, options.limit)
        print(f"{path}: {path.stat().st_size} bytes")
        if shipped:
            cards.stamp(path.with_suffix(".toml"), path)


if __name__ == "__main__":
    main()
