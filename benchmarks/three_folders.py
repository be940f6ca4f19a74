"""Lesson 05's path on three folders of real photographs and scans.

    python -m benchmarks.three_folders [--pictures 100] [--side 160]

makes the folders from packages: solar cells by the degree of their defects
(elpv-dataset), tiles of the photographs that scikit-image brings, and the
handwritten digits of scikit-learn. Each is audited, split by what belongs
together, and gets a head on EfficientNet-Lite0 and a report. Prints a line a
folder; what the audits say and the reports lie in the folder that it names.
"""

import argparse
import collections
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")

import keras
import numpy as np
import skimage.data
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import recall_score

from course_utils import backbones, evaluation, pictures, transfer
from course_utils.pictures.solar_cells import near_boundaries

PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "chelsea",
    "coffee",
    "grass",
    "gravel",
    "hubble_deep_field",
    "immunohistochemistry",
    "retina",
    "rocket",
)
TILE = 64


def solar_cells():
    """Yields the class, the group and the picture of each cell."""
    table = pictures.load_solar_cells()
    table = table[~near_boundaries(table)].sample(frac=1, random_state=0)
    for cell in table.itertuples():
        with Image.open(cell.image) as image:
            label = f"defective {cell.probability}"
            yield label, cell.inferred_module, image.convert("L")


def tiles():
    """Yields tiles of photographs; a row of tiles is a group."""
    for name in PHOTOGRAPHS:
        photograph = getattr(skimage.data, name)()
        height, width = photograph.shape[:2]
        rows, columns = height // TILE, width // TILE
        order = np.random.default_rng(0).permutation(rows * columns)
        for row, column in zip(*divmod(order, columns), strict=True):
            top, left = TILE * row, TILE * column
            tile = photograph[top : top + TILE, left : left + TILE]
            yield name, f"{name}-row-{row}", Image.fromarray(tile)


def digits():
    """Yields scanned digits, each a group of its own."""
    found = load_digits()
    for number, scan in enumerate(found.images):
        values = np.uint8(255 - scan * 255 / 16)
        yield str(found.target[number]), str(number), Image.fromarray(values)


# How near two pictures must be to be near-duplicates, in bits of their
# hashes: cells and digits look alike, so there the limit is stricter.
FOLDERS = {
    "solar cells": (solar_cells, 12),
    "tiles": (tiles, 40),
    "digits": (digits, 12),
}


def main():
    """Makes the folders, goes through them, and prints what came of it."""
    parser = argparse.ArgumentParser("benchmarks.three_folders")
    parser.add_argument("--pictures", type=int, default=100, help="a class")
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument(
        "--folders", nargs="+", choices=FOLDERS, default=list(FOLDERS)
    )
    chosen = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="three-folders-"))
    for name in chosen.folders:
        folder = make(home, name, chosen.pictures)
        told = go_through(folder, FOLDERS[name][1], chosen.side)
        print(f"{name:<12} {told}", flush=True)
    print(f"Folders, audits and reports: {home}")


def make(home, name, count):
    """Makes a folder of at most so many pictures a class."""
    folder, made = home / name.replace(" ", "_"), collections.Counter()
    for label, group, picture in FOLDERS[name][0]():
        if made[label] < count:
            made[label] += 1
            path = folder / label / f"{group}_{made[label]:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    return folder


def go_through(folder, near_bits, side, epochs=40):
    """Audits, splits, trains a head, reports; returns numbers by name."""
    start = time.perf_counter()
    size = side, side
    audit = pictures.audit_folder(folder, size, group_of, near_bits)
    folder.with_suffix(".txt").write_text(str(audit), "utf-8")
    splits = pictures.split_folder(audit)
    count = len(splits.class_names)
    base_model = backbones.load_backbone(
        "efficientnet_lite0", input_shape=(*size, 3)
    )
    pool = keras.layers.GlobalAveragePooling2D()
    units = keras.layers.Dense(count, activation="softmax")
    model = keras.Sequential([base_model, pool, units])
    extractor = keras.Sequential([base_model, pool])
    held = transfer.extract_features(extractor, splits.validation)
    x, y = transfer.extract_features(extractor, splits.train)
    head = keras.Sequential([units])
    head.compile("adam", "sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True)
    weights = {i: len(y) / n / count for i, n in enumerate(np.bincount(y))}
    options = {"epochs": epochs, "callbacks": [stop], "verbose": 0}
    head.fit(x, y, validation_data=held, class_weight=weights, **options)
    asked = evaluation.ask_model(model, splits.test)
    evaluation.write_report(
        folder.with_name(f"{folder.name}_report"),
        model,
        splits,
        title=folder.name,
        audit=audit,
    )
    right = np.mean(asked.predictions == asked.labels)
    recall = recall_score(asked.labels, asked.predictions, average="macro")
    return {
        "pictures": len(audit.rows),
        "classes": count,
        "left out": int((audit.rows["left_out"] != "").sum()),
        "findings": len(audit.findings),
        "tested": len(asked.labels),
        "accuracy": round(float(right), 3),
        "mean recall": round(float(recall), 3),
        "seconds": round(time.perf_counter() - start),
    }


def group_of(path):
    """Returns what a picture belongs to, by its name."""
    return path.name.rpartition("_")[0]


if __name__ == "__main__":
    main()
