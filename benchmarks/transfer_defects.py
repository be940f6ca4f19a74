"""Measures what the embedded backbone is worth on the defects.

    python -m benchmarks.transfer_defects

prints the accuracy of three ways to use the same 600 training pictures:

* frozen: the pretrained backbone stays as it is, a linear head is trained;
* fine-tuned: then all layers are trained at a lower learning rate, batch
  normalization's statistics included;
* from scratch: the same network from random weights, tuned as well.

A seed stands for one head (or network) at the start and one order of the
pictures; the pictures themselves are the same for all seeds. The defaults
report the test split with seeds 100 to 102. They were chosen by accuracy on
the validation split (`--split validation`): the head's learning rate among
0.003, 0.01 and 0.03 (seeds 0 to 2), fine-tuning's among 0.0003, 0.001 and
0.002 (seed 0), scratch's among 0.0005, 0.002, 0.005, 0.01 and 0.02 (seed 0).
The numbers of epochs were not tuned; from scratch, 40 are enough to fit the
training pictures almost perfectly.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from course_utils import backbones, datasets

NUM_CLASSES = 6
BATCH_SIZE = 32


def as_arrays(dataset):
    """Returns all pictures and labels of a `tf.data.Dataset`."""
    images, labels = zip(*dataset, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def classifier(base_model):
    """Puts flips before a backbone, and pooling and a linear head after it."""
    inputs = keras.Input(base_model.input_shape[1:])
    x = keras.layers.RandomFlip("horizontal_and_vertical")(inputs)
    x = base_model(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    head = keras.layers.Dense(NUM_CLASSES, name="head")
    return keras.Model(inputs, head(x))


def fit(model, train, learning_rate, epochs, decay=False):
    """Trains in place; `decay` lowers the learning rate along a cosine."""
    steps = -(-len(train[0]) // BATCH_SIZE) * epochs
    if decay:
        learning_rate = keras.optimizers.schedules.CosineDecay(
            learning_rate, steps
        )
    model.compile(
        keras.optimizers.Adam(learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(*train, batch_size=BATCH_SIZE, epochs=epochs, verbose=0)


def accuracy(model, data):
    """Returns the share of right answers."""
    return float(model.evaluate(*data, batch_size=100, verbose=0)[1])


def run_seed(seed, train, judged, options):
    """Trains all three for one seed.

    Returns:
        Dict from the method's name to its accuracy and the seconds it took.
    """
    results = {}

    def record(name, model, start):
        seconds = time.perf_counter() - start
        results[name] = (accuracy(model, judged), seconds)
        print(f"seed {seed}  {name:<12} {results[name][0]:.3f}", flush=True)

    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    base_model = backbones.load_backbone("residual")
    base_model.trainable = False
    model = classifier(base_model)
    fit(model, train, options.head_rate, options.head_epochs)
    record("frozen", model, start)

    base_model.trainable = True
    fit(model, train, options.tune_rate, options.tune_epochs, decay=True)
    record("fine-tuned", model, start)

    if not options.no_scratch:
        keras.utils.set_random_seed(seed)
        start = time.perf_counter()
        model = classifier(backbones.load_backbone("residual", weights=None))
        rate, epochs = options.scratch_rate, options.scratch_epochs
        fit(model, train, rate, epochs, decay=True)
        record("from scratch", model, start)
    return results


def main():
    """Reads the command line, runs all seeds and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[100, 101, 102])
    parser.add_argument(
        "--split", choices=["validation", "test"], default="test"
    )
    parser.add_argument("--head-rate", type=float, default=1e-2)
    parser.add_argument("--head-epochs", type=int, default=10)
    parser.add_argument("--tune-rate", type=float, default=1e-3)
    parser.add_argument("--tune-epochs", type=int, default=15)
    parser.add_argument("--scratch-rate", type=float, default=1e-2)
    parser.add_argument("--scratch-epochs", type=int, default=40)
    parser.add_argument("--no-scratch", action="store_true")
    options = parser.parse_args()

    parts = datasets.load_dataset("defects")
    train = as_arrays(parts.train)
    judged = as_arrays(getattr(parts, options.split))
    runs = [run_seed(seed, train, judged, options) for seed in options.seeds]

    print(f"\naccuracy, {options.split} split, {len(judged[0])} pictures,")
    print(f"{len(train[0])} training pictures, seeds {options.seeds}\n")
    print("method         mean    min    max   seconds")
    for name in runs[0]:
        values, seconds = np.array([run[name] for run in runs]).T
        print(
            f"{name:<12}  {values.mean():.3f}  {values.min():.3f}"
            f"  {values.max():.3f}  {seconds.mean():8.1f}"
        )
    print(f"chance        {1 / NUM_CLASSES:.3f}")


if __name__ == "__main__":
    main()
