"""Pretrains a backbone on generated scenes, and exports its weights.

One command makes the pictures, trains, and exports:

    python -m tools.pretrain residual --images 60000 --epochs 6

Pictures, checkpoints and the log lie in `build/pretrain/` (ignored by git).
If the command is killed, the same command goes on after the last finished
epoch. `--export` skips the training and exports the last checkpoint.
"""

import argparse
import hashlib
import math
import multiprocessing
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
import tqdm

from course_utils import backbones
from tools import cards
from tools.generators import drawing, scenes

ROOT = pathlib.Path(__file__).parents[1]
BUILD = ROOT / "build" / "pretrain"
CARDS = ROOT / "data" / "backbones"

SEEDS = {"train": 1, "validation": 2, "test": 3}
HELD_OUT = 4000  # pictures of the validation and of the test split, each

CHECKPOINT = "last.weights.h5"

BATCH_SIZE = 64
LEARNING_RATE = 2e-3  # at the peak, after the warm-up
WEIGHT_DECAY = 1e-3
MAX_SHIFT = 4  # pixels


def _scene(task):
    image, labels = scenes.make_scene(*task)
    return image, [labels[name] for name in scenes.LABELS]


def scene_split(split, count):
    """Makes (or finds in the cache) the first `count` scenes of a split.

    Returns:
        images: Array of shape (count, 64, 64, 3) and dtype uint8.
        labels: Dict from label name to an array of shape (count,).
    """
    # The sources are part of the name: a changed generator makes new files.
    sources = [pathlib.Path(m.__file__) for m in (drawing, scenes)]
    version = hashlib.sha256(b"".join(p.read_bytes() for p in sources))
    path = BUILD / f"{split}_{count}_{version.hexdigest()[:8]}.npz"
    if not path.exists():
        images = np.empty((count, scenes.SIZE, scenes.SIZE, 3), np.uint8)
        labels = np.empty((count, len(scenes.LABELS)), np.uint8)
        tasks = ((SEEDS[split], index) for index in range(count))
        with multiprocessing.get_context("spawn").Pool() as pool:
            made = pool.imap(_scene, tasks, chunksize=100)
            for i, (image, row) in enumerate(
                tqdm.tqdm(made, f"scenes, {split}", count, mininterval=5)
            ):
                images[i], labels[i] = image, row
        BUILD.mkdir(parents=True, exist_ok=True)
        # A killed run leaves no half of a file under the final name.
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez(unfinished, images=images, labels=labels)
        unfinished.rename(path)
    with np.load(path) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    return images, dict(zip(scenes.LABELS, labels.T, strict=True))


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


def training_data(images, labels):
    """Returns a shuffled, augmented `tf.data.Dataset` of batches."""
    count = len(images)
    images = tf.constant(images)
    labels = {name: tf.constant(values) for name, values in labels.items()}

    def batch_of(indices):
        chosen = {k: tf.gather(v, indices) for k, v in labels.items()}
        return augment(tf.gather(images, indices)), chosen

    indices = tf.data.Dataset.range(count).shuffle(count)
    indices = indices.batch(BATCH_SIZE, drop_remainder=True)
    return indices.map(batch_of, num_parallel_calls=2).prefetch(4)


def with_heads(base_model):
    """Puts one linear head a label on the pooled features of a backbone."""
    features = keras.layers.GlobalAveragePooling2D(name="pool")(
        base_model.output
    )
    outputs = {
        name: keras.layers.Dense(len(classes), name=name)(features)
        for name, classes in scenes.LABELS.items()
    }
    return keras.Model(base_model.input, outputs)


def train(model, images, epochs, folder):
    """Trains all heads at once, with a checkpoint after each epoch."""
    steps = images // BATCH_SIZE * epochs
    warmup = min(500, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20,
        steps - warmup,
        alpha=0.0,
        warmup_target=LEARNING_RATE,
        warmup_steps=warmup,
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY),
        {
            name: keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            for name in scenes.LABELS
        },
        metrics={name: ["accuracy"] for name in scenes.LABELS},
    )
    model.fit(
        training_data(*scene_split("train", images)),
        validation_data=scene_split("validation", HELD_OUT),
        validation_batch_size=250,
        epochs=epochs,
        verbose=2,
        callbacks=[
            keras.callbacks.ModelCheckpoint(
                folder / CHECKPOINT, save_weights_only=True
            ),
            keras.callbacks.CSVLogger(folder / "log.csv", append=True),
            keras.callbacks.BackupAndRestore(folder / "backup"),
        ],
    )


def source_accuracy(model):
    """Accuracy of each head on the test split, with 95 % intervals."""
    images, labels = scene_split("test", HELD_OUT)
    outputs = model.predict(images, batch_size=250, verbose=0)
    table = {"pictures": HELD_OUT}
    for name in scenes.LABELS:
        right = float(np.mean(outputs[name].argmax(1) == labels[name]))
        # The normal approximation of the binomial distribution.
        half = 1.96 * math.sqrt(right * (1 - right) / HELD_OUT)
        table[name] = round(right, 3)
        table[f"{name}_interval"] = [
            round(right - half, 3),
            round(right + half, 3),
        ]
        table[f"{name}_chance"] = round(1 / len(scenes.LABELS[name]), 3)
    return table


def export(name, model, base_model, folder):
    """Writes the backbone's weights, and stamps them on its card."""
    model.load_weights(folder / CHECKPOINT)
    path = CARDS / f"{name}.weights.h5"
    base_model.save_weights(path)
    table = source_accuracy(model)
    cards.stamp(CARDS / f"{name}.toml", path, {"source_accuracy": table})
    print(f"{path.name}: {path.stat().st_size} bytes")
    for key, value in table.items():
        print(f"  {key}: {value}")


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=["residual"])
    parser.add_argument("--images", type=int, default=60000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--export", action="store_true", help="export only")
    options = parser.parse_args()
    if options.images < BATCH_SIZE:
        parser.error(f"--images must be at least {BATCH_SIZE}.")
    if options.epochs < 1:
        parser.error("--epochs must be at least 1.")

    # Each setting has its own folder, so that a killed run finds its own
    # checkpoint and no other.
    settings = f"{options.images}x{options.epochs}_seed{options.seed}"
    folder = BUILD / options.name / settings
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(options.seed)
    base_model = backbones.load_backbone(options.name, weights=None)
    model = with_heads(base_model)
    if options.export and not (folder / CHECKPOINT).exists():
        parser.error(f"there is no checkpoint in {folder}: train first.")
    if not options.export:
        train(model, options.images, options.epochs, folder)
    export(options.name, model, base_model, folder)


if __name__ == "__main__":
    main()
