"""Pretrains a backbone on generated pictures, and exports its weights.

One command makes the pictures, trains, and exports:

    python -m tools.pretrain residual

Pictures, checkpoints and the log lie in `build/pretrain/` (ignored by git).
If the command is killed, the same command goes on after the last finished
epoch. `--export` skips the training and exports the last checkpoint.

Several trainings at once, each with `--threads 1`, share the cores better than
one training with many threads.
"""

import argparse
import dataclasses
import hashlib
import math
import multiprocessing
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import h5py
import keras
import numpy as np
import tensorflow as tf
import tqdm

from course_utils.backbones import pretrained, source_task_heads
from tools import cards
from tools.generators import drawing, materials, objects, scenes

ROOT = pathlib.Path(__file__).parents[1]
BUILD = ROOT / "build" / "pretrain"
CARDS = ROOT / "data" / "backbones"

SEEDS = {"train": 1, "validation": 2, "test": 3}
HELD_OUT = 4000  # pictures of the validation and of the test split, each

CHECKPOINT = "last.weights.h5"

BATCH_SIZE = 64
WEIGHT_DECAY = 1e-3
MAX_SHIFT = 4  # pixels


def _scene(task):
    return scenes.make_scene(*task)


def _object(task):
    return objects.make_object(*task)


def _material(task):
    image, material = materials.make_picture(*task)
    return image, {"material": material}


@dataclasses.dataclass(frozen=True)
class Source:
    """One source task: how a picture is made, and what is asked about it."""

    make: object  # from (seed, index) to an image and a dict of labels
    labels: dict
    modules: tuple  # whose text makes the pictures what they are


SOURCES = {
    "scenes": Source(_scene, scenes.LABELS, (drawing, scenes)),
    "materials": Source(
        _material,
        {"material": [str(number) for number in range(materials.COUNT)]},
        (drawing, scenes, materials),
    ),
    "objects": Source(_object, objects.LABELS, (drawing, scenes, objects)),
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one backbone is pretrained.

    Attributes:
        pictures: Number of training pictures of each source. The heads of the
            first source are shipped as the old heads.
        epochs: Passes through all of them.
        learning_rate: At the peak, after the warm-up.
        precision: Keras's dtype policy during training. Weights are float32
            in either; which one is faster was measured for each backbone on
            a processor with bfloat16.
    """

    pictures: dict
    epochs: int
    learning_rate: float
    precision: str


BROAD = {"scenes": 40_000, "materials": 60_000}
RECIPES = {
    "residual": Recipe(BROAD, 15, 2e-3, "mixed_bfloat16"),
    "mobile": Recipe(BROAD, 4, 2e-3, "float32"),
    "vision_transformer": Recipe(BROAD, 3, 1e-3, "mixed_bfloat16"),
    "residual_narrow": Recipe({"objects": 20_000}, 8, 2e-3, "mixed_bfloat16"),
}


def pictures_of(source, split, count):
    """Makes (or finds in the cache) the first `count` pictures of a split.

    Args:
        source: Name of a source, see `SOURCES`.
        split: `"train"`, `"validation"` or `"test"`.
        count: Number of pictures.

    Returns:
        images: Array of shape (count, 64, 64, 3) and dtype uint8.
        labels: Dict from label name to an array of shape (count,).
    """
    task = SOURCES[source]
    # The sources are part of the name: a changed generator makes new files.
    texts = [pathlib.Path(m.__file__).read_bytes() for m in task.modules]
    version = hashlib.sha256(b"".join(texts)).hexdigest()[:8]
    path = BUILD / f"{source}_{split}_{count}_{version}.npz"
    if not path.exists():
        images = np.empty((count, scenes.SIZE, scenes.SIZE, 3), np.uint8)
        labels = {name: np.empty(count, np.int32) for name in task.labels}
        tasks = ((SEEDS[split], index) for index in range(count))
        with multiprocessing.get_context("spawn").Pool() as pool:
            made = pool.imap(task.make, tasks, chunksize=100)
            for i, (image, row) in enumerate(
                tqdm.tqdm(made, f"{source}, {split}", count, mininterval=5)
            ):
                images[i] = image
                for name, column in labels.items():
                    column[i] = row[name]
        BUILD.mkdir(parents=True, exist_ok=True)
        # A killed run leaves no half of a file under the final name.
        unfinished = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(unfinished, images=images, **labels)
        unfinished.rename(path)
    with np.load(path) as arrays:
        labels = {name: arrays[name] for name in task.labels}
        return arrays["images"], labels


def mixture(split, counts):
    """Joins the pictures of several sources.

    Args:
        split: `"train"` or `"validation"`.
        counts: Dict from source name to number of pictures.

    Returns:
        images: Array of shape (count, 64, 64, 3) and dtype uint8.
        labels: Dict from the name of each label of any source to an array of
            shape (count,), 0 where a picture has no such label.
        weights: Dict of arrays of the same shape: 0 where a picture has no
            such label, and elsewhere so that each label's mean loss over its
            own pictures counts alike.
    """
    parts = {name: pictures_of(name, split, n) for name, n in counts.items()}
    total = sum(counts.values())
    labels, weights = {}, {}
    for name in counts:
        for label in SOURCES[name].labels:
            columns = [
                own.get(label, np.zeros(len(images), np.int32))
                for images, own in parts.values()
            ]
            labels[label] = np.concatenate(columns)
            weights[label] = np.concatenate(
                [
                    np.full(n, (other == name) * total / n, np.float32)
                    for other, n in counts.items()
                ]
            )
    images = np.concatenate([images for images, _ in parts.values()])
    return images, labels, weights


def augment(images):
    """Varies a batch of pictures without changing any of their labels."""
    images = tf.cast(images, tf.float32)
    batch = tf.shape(images)[0]

    def per_picture(low, high):
        return tf.random.uniform((batch, 1, 1, 1), low, high)

    images = tf.where(per_picture(0, 1) < 0.5, images[:, :, ::-1], images)
    images = tf.where(per_picture(0, 1) < 0.5, images[:, ::-1], images)
    turned = tf.transpose(images, (0, 2, 1, 3))
    images = tf.where(per_picture(0, 1) < 0.5, turned, images)

    # One shift a batch is enough: there are hundreds of batches an epoch.
    pad = [MAX_SHIFT, MAX_SHIFT]
    padded = tf.pad(images, [[0, 0], pad, pad, [0, 0]], "REFLECT")
    images = tf.image.random_crop(padded, tf.shape(images))

    grey = tf.image.rgb_to_grayscale(images)
    images = tf.where(per_picture(0, 1) < 0.2, grey, images)
    mean = tf.reduce_mean(images, axis=(1, 2), keepdims=True)
    images = (images - mean) * per_picture(0.5, 1.4) + mean
    images = images * per_picture(0.75, 1.25) + per_picture(-25, 25)
    blurred = tf.nn.avg_pool2d(images, 3, 1, "SAME")
    images = tf.where(per_picture(0, 1) < 0.15, blurred, images)
    images += tf.random.normal(tf.shape(images)) * per_picture(0, 8)
    return tf.clip_by_value(images, 0, 255)


def training_data(images, labels, weights):
    """Returns a shuffled, augmented `tf.data.Dataset` of batches."""
    count = len(images)
    images = tf.constant(images)
    labels = {name: tf.constant(values) for name, values in labels.items()}
    weights = {name: tf.constant(values) for name, values in weights.items()}

    def batch_of(indices):
        def chosen(columns):
            return {k: tf.gather(v, indices) for k, v in columns.items()}

        pictures = augment(tf.gather(images, indices))
        return pictures, chosen(labels), chosen(weights)

    indices = tf.data.Dataset.range(count).shuffle(count)
    indices = indices.batch(BATCH_SIZE, drop_remainder=True)
    return indices.map(batch_of).prefetch(4)


def train(model, recipe, folder):
    """Trains all heads at once, with a checkpoint after each epoch."""
    data = training_data(*mixture("train", recipe.pictures))
    held_out = mixture("validation", dict.fromkeys(recipe.pictures, HELD_OUT))
    steps = sum(recipe.pictures.values()) // BATCH_SIZE * recipe.epochs
    warmup = min(500, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20,
        steps - warmup,
        alpha=0.0,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    labels = all_labels(recipe)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY),
        {
            name: keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            for name in labels
        },
        jit_compile=False,
    )
    model.fit(
        data,
        validation_data=held_out,
        validation_batch_size=250,
        epochs=recipe.epochs,
        verbose=2,
        callbacks=[
            keras.callbacks.ModelCheckpoint(
                folder / CHECKPOINT, save_weights_only=True
            ),
            keras.callbacks.CSVLogger(folder / "log.csv", append=True),
            keras.callbacks.BackupAndRestore(folder / "backup"),
        ],
    )


def all_labels(recipe):
    """Returns the labels of all sources of a recipe, with their classes."""
    return {
        label: classes
        for name in recipe.pictures
        for label, classes in SOURCES[name].labels.items()
    }


def source_accuracy(model, source):
    """Accuracy of each old head on the test split, with 95 % intervals."""
    images, labels = pictures_of(source, "test", HELD_OUT)
    outputs = model.predict(images, batch_size=250, verbose=0)
    table = {"pictures": HELD_OUT}
    for name, classes in SOURCES[source].labels.items():
        right = float(np.mean(outputs[name].argmax(1) == labels[name]))
        # The normal approximation of the binomial distribution.
        half = 1.96 * math.sqrt(right * (1 - right) / HELD_OUT)
        table[name] = round(right, 3)
        table[f"{name}_interval"] = [
            round(right - half, 3),
            round(right + half, 3),
        ]
        table[f"{name}_chance"] = round(1 / len(classes), 3)
    return table


def halve(path):
    """Stores the numbers of a weights file in 16 bits, which halves it.

    Keras reads them back as float32. The source accuracy is measured after
    this rounding.
    """
    smaller = path.with_suffix(".smaller")

    def copy(name, item):
        if isinstance(item, h5py.Dataset):
            values = item[()]
            if values.dtype == np.float32:
                values = values.astype(np.float16)
            made = target.create_dataset(name, data=values)
        else:
            made = target.require_group(name)
        made.attrs.update(item.attrs)

    with h5py.File(path) as file, h5py.File(smaller, "w") as target:
        target.attrs.update(file.attrs)
        file.visititems(copy)
    smaller.replace(path)


def export(name, recipe, folder, cards_folder):
    """Writes the weights of backbone and old heads, and stamps the card.

    Args:
        name: String, a key of `RECIPES`.
        recipe: The `Recipe` that the checkpoint was trained by.
        folder: Path, where the checkpoint is.
        cards_folder: Path, where the weights are to lie; their card is made
            there if there is none.
    """
    keras.config.set_dtype_policy("float32")
    base_model = pretrained.load_backbone(name, weights=None)
    model = source_task_heads.add_heads(base_model, all_labels(recipe))
    model.load_weights(folder / CHECKPOINT)
    source = next(iter(recipe.pictures))
    labels = SOURCES[source].labels
    heads = source_task_heads.build_heads(base_model.output_shape[-1], labels)
    for label in labels:
        trained = model.get_layer("heads").get_layer(label)
        heads.get_layer(label).set_weights(trained.get_weights())

    path = cards_folder / f"{name}.weights.h5"
    heads_path = cards_folder / f"{name}.heads.weights.h5"
    base_model.save_weights(path)
    heads.save_weights(heads_path)
    for file in (path, heads_path):
        halve(file)
    base_model.load_weights(path)
    heads.load_weights(heads_path)
    pooled = keras.layers.GlobalAveragePooling2D()(base_model.output)
    shipped = keras.Model(base_model.input, heads(pooled))
    table = source_accuracy(shipped, source)
    card = cards_folder / f"{name}.toml"
    card.touch()
    cards.stamp(
        card,
        path,
        {
            "labels": {key: list(classes) for key, classes in labels.items()},
            "source_accuracy": table,
            "heads": cards.describe(heads_path),
        },
    )
    print(f"{path.name}: {path.stat().st_size} bytes")
    for key, value in table.items():
        print(f"  {key}: {value}")


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--epochs", type=int, help="in place of the recipe's")
    parser.add_argument(
        "--pictures", type=int, help="of each source, in place of the recipe's"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="0 for all")
    parser.add_argument("--export", action="store_true", help="export only")
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    if options.epochs is not None:
        recipe = dataclasses.replace(recipe, epochs=options.epochs)
    if options.pictures is not None:
        counts = dict.fromkeys(recipe.pictures, options.pictures)
        recipe = dataclasses.replace(recipe, pictures=counts)
    if min(recipe.pictures.values()) < BATCH_SIZE:
        parser.error(f"--pictures must be at least {BATCH_SIZE}.")
    if recipe.epochs < 1:
        parser.error("--epochs must be at least 1.")
    if options.threads:
        tf.config.threading.set_intra_op_parallelism_threads(options.threads)
        tf.config.threading.set_inter_op_parallelism_threads(options.threads)

    # Each setting has its own folder, so that a killed run finds its own
    # checkpoint and no other.
    counts = "+".join(map(str, recipe.pictures.values()))
    settings = f"{counts}x{recipe.epochs}_seed{options.seed}"
    folder = BUILD / options.name / settings
    folder.mkdir(parents=True, exist_ok=True)
    if options.export and not (folder / CHECKPOINT).exists():
        parser.error(f"there is no checkpoint in {folder}: train first.")
    if not options.export:
        keras.utils.set_random_seed(options.seed)
        keras.config.set_dtype_policy(recipe.precision)
        base_model = pretrained.load_backbone(options.name, weights=None)
        train(
            source_task_heads.add_heads(base_model, all_labels(recipe)),
            recipe,
            folder,
        )
    # What the course ships is made by its own recipe alone.
    shipped = recipe == RECIPES[options.name]
    export(options.name, recipe, folder, CARDS if shipped else folder)


if __name__ == "__main__":
    main()
