"""How lesson 03's first fine-tuning turns out on other draws of modules.

    python -m benchmarks.fine_tuning_opening [--seeds 1 2 ...]

repeats the first training of lesson 03 for each seed, which draws the modules
and the labelled cells, and adds a row to `data/experiments/opening.csv`: the
AUC on the test modules of the head alone, and after fine-tuning. Seed 0 is the
lesson's own, and is not among them.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
from sklearn.metrics import roc_auc_score

from benchmarks.row_files import add_missing
from course_utils import transfer
from course_utils.backbones import load_backbone
from course_utils.machine import data_dir
from course_utils.pictures import from_table, load_solar_cells

SEEDS = range(1, 21)
LABELS, VALIDATION = 400, 150
PATH = data_dir() / "experiments" / "opening.csv"


def main():
    """Makes the rows that are missing."""
    add_missing(PATH, "benchmarks.fine_tuning_opening", SEEDS, _rows_of)


def _rows_of(seed):
    head, tuned = train(seed)
    return [{"seed": seed, "head": head, "fine_tuned": tuned}]


def train(seed):
    """Trains as lesson 03 does; returns both AUC on the test modules."""
    keras.utils.set_random_seed(seed)
    table = load_solar_cells(seed=seed)
    counts = {"train": LABELS, "validation": VALIDATION, "test": None}
    parts = {}
    for name, count in counts.items():
        cells = table[table["split"] == name]
        cells = cells.sample(count, random_state=seed) if count else cells
        parts[name] = from_table(cells, image_size=(160, 160))
    models = phases(parts["train"], seed, validation_data=parts["validation"])
    before, after = (test_auc(model, parts["test"]) for model in models)
    return before, after


def phases(ds, seed, **options):
    """Yields the model after each of lesson 03's two phases."""
    base_model = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
    pool = keras.layers.GlobalAveragePooling2D()
    head = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Sequential([base_model, pool, head])
    options["verbose"] = 0
    base_model.trainable = False
    compile_for(model, 1e-3)
    transfer.cached_fit(model, ds, epochs=10, **options)
    yield model
    transfer.unfreeze(base_model, from_layer="block6")
    compile_for(model, 1e-4)
    flip = keras.layers.RandomFlip(seed=seed)
    flipped = ds.map(lambda x, y: (flip(x, training=True), y))
    transfer.cached_fit(model, flipped, views=3, epochs=4, **options)
    yield model


def compile_for(model, learning_rate):
    """Compiles with a new optimizer."""
    model.compile(
        keras.optimizers.Adam(learning_rate),
        "binary_crossentropy",
        metrics=[keras.metrics.AUC(name="auc")],
    )


def test_auc(model, ds):
    """Returns the area under the ROC curve."""
    labels = [y for _, batch in ds for y in batch.numpy()]
    return round(roc_auc_score(labels, model.predict(ds, verbose=0)), 5)


if __name__ == "__main__":
    main()
