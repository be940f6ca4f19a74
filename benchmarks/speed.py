"""Time training on cached features against plain Keras, and against the floor.

    python -m benchmarks.speed             measures, and writes docs/speed.md
    python -m benchmarks.speed --report    writes it from the committed rows

Each measurement is a process of its own, with an empty cache; the rounds are
interleaved, so that a busy machine slows all ways alike. Every row lies in
`data/experiments/speed.csv`; what is there already is not measured again.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import row_files

TOP = Path(__file__).resolve().parent.parent
ROWS = TOP / "data" / "experiments" / "speed.csv"
REPORT = TOP / "docs" / "speed.md"
FIELDS = ["setup", "phase", "way", "round", "pictures", "seconds", "megabytes"]
EPOCHS, BATCH_SIZE = 10, 32
# The transfer-learning tutorial of TensorFlow, and lesson 03.
SETUPS = {
    "lesson 03": {
        "pictures": 400,
        "unfreeze": {"from_layer": "block7"},
        "rounds": 3,
    },
    "tutorial": {"pictures": 2000, "unfreeze": {"last": 54}, "rounds": 1},
}
PHASES = ("head", "last part")
WAYS = ("floor", "fit", "cached_fit")
GROWTH = {"lesson 03": (1_000, 10_000), "tutorial": (100_000,)}


def main():
    """Measures what is missing, and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_measure(**json.loads(options.one))))
        return
    if not options.report:
        for plan in _missing():
            _add(plan)
    REPORT.write_text(report(row_files.read(ROWS)))


def _plans():
    """The short ones first, so that a stop in the middle leaves most."""
    for setup, settings in SETUPS.items():
        for number in range(settings["rounds"]):
            for phase in PHASES:
                for way in WAYS:
                    yield _plan(setup, phase, way, number, settings["pictures"])
        for pictures in GROWTH[setup]:
            yield _plan("growth", "head", "cached_fit", 0, pictures)


def _plan(*values):
    return dict(zip(FIELDS[:5], values, strict=True))


def _missing():
    made = {
        tuple(str(row[name]) for name in FIELDS[:5])
        for row in row_files.read(ROWS)
    }
    return [
        plan
        for plan in _plans()
        if tuple(str(value) for value in plan.values()) not in made
    ]


def _add(plan):
    with tempfile.TemporaryDirectory() as cache:
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, "--one", json.dumps(plan)],
            env={**os.environ, "COURSE_CACHE": cache},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    row = plan | json.loads(done.stdout.splitlines()[-1])
    print(*row.values(), flush=True)
    row_files.add(ROWS, FIELDS, [row])


def _measure(setup, phase, way, pictures, **_):
    """Trains once; returns the seconds it took and the most memory."""
    import keras

    keras.utils.set_random_seed(0)
    if setup == "growth":
        model, data = _small(pictures)
    else:
        model, data = _model_and_data(setup, phase, pictures)
    start = time.perf_counter()
    if way == "floor":
        start = _floor(model, data)
    elif way == "fit":
        model.fit(data, epochs=EPOCHS, verbose=0)
    else:
        from course_utils.transfer import cached_fit

        cached_fit(model, data, epochs=EPOCHS, cache=True, verbose=0)
    seconds = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"seconds": round(seconds, 2), "megabytes": most}


def _floor(model, data):
    """One forward pass of what is frozen, and training of the rest alone."""
    import numpy as np

    from course_utils.transfer import cut_at_freeze_boundary
    from course_utils.transfer.compiling import compile_settings

    images = next(iter(data))[0]
    prefix, suffix = cut_at_freeze_boundary(model, images)
    labels = np.concatenate([np.asarray(labels) for _, labels in data])
    start = time.perf_counter()
    features = prefix.predict(data, verbose=0)
    suffix.compile(**compile_settings(model))
    suffix.fit(
        features, labels, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0
    )
    return start


def _model_and_data(setup, phase, pictures):
    import keras
    import numpy as np
    import tensorflow as tf

    from course_utils.backbones import load_backbone
    from course_utils.transfer import freeze, unfreeze

    shape = (160, 160, 3)
    if setup == "tutorial":
        base_model = keras.applications.MobileNetV2(
            weights=None, include_top=False, input_shape=shape
        )
        preprocess = keras.layers.Rescaling(1 / 127.5, offset=-1)
    else:
        base_model = load_backbone("efficientnet_lite0", None, shape)
        preprocess = keras.layers.Identity()
    if phase == "head":
        freeze(base_model)
    else:
        unfreeze(base_model, **SETUPS[setup]["unfreeze"])
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (pictures, *shape)).astype("uint8")
    labels = rng.integers(0, 2, pictures)
    data = tf.data.Dataset.from_tensor_slices((images, labels))
    data = data.map(lambda x, y: (tf.cast(x, tf.float32), y))
    return _compiled(base_model, preprocess), data.batch(BATCH_SIZE).prefetch(2)


def _small(pictures):
    """Pictures are made as they are asked for, so that none lie in memory."""
    import keras
    import tensorflow as tf

    from course_utils.backbones import load_backbone
    from course_utils.transfer import freeze

    base_model = load_backbone("residual_narrow")
    freeze(base_model)
    shape = base_model.input_shape[1:]

    def make(number):
        seed = tf.stack([number, 0])
        picture = tf.random.stateless_uniform(shape, seed, 0, 255)
        return picture, number % 2

    data = tf.data.Dataset.range(pictures).map(make).batch(BATCH_SIZE)
    return _compiled(base_model, keras.layers.Identity()), data.prefetch(2)


def _compiled(base_model, preprocess):
    import keras

    inputs = keras.Input(base_model.input_shape[1:])
    x = base_model(preprocess(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def report(rows):
    """Returns the text of `docs/speed.md`."""
    lines = [
        "# What training on cached features saves",
        "",
        "Written by `python -m benchmarks.speed`; do not edit. Rows:",
        "`data/experiments/speed.csv`. Medians of interleaved rounds,",
        f"{EPOCHS} epochs each, batches of {BATCH_SIZE}, tracing included; the",
        "cache is empty at the start. The floor is one forward pass of what is",
        "frozen, and training of the rest alone, on arrays.",
        "",
        "| set-up | trains | pictures | rounds | `fit` | `cached_fit` | floor "
        "| `fit` / `cached_fit` | `cached_fit` / floor |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for setup, settings in SETUPS.items():
        for phase in PHASES:
            times = {
                way: [
                    float(row["seconds"])
                    for row in rows
                    if (row["setup"], row["phase"], row["way"])
                    == (setup, phase, way)
                ]
                for way in WAYS
            }
            if not all(times.values()):
                continue
            floor, plain, ours = (statistics.median(t) for t in times.values())
            lines.append(
                f"| {setup} | {phase} | {settings['pictures']:,} "
                f"| {len(times['fit'])} "
                f"| {plain:.1f} s | {ours:.1f} s | {floor:.1f} s "
                f"| {plain / ours:.1f} | {ours / floor:.2f} |"
            )
    lines += [
        "",
        "*tutorial*: MobileNetV2 at 160 px, as in TensorFlow's tutorial on",
        "transfer learning, which unfreezes it from layer 100 on. *lesson 03*:",
        "EfficientNet-Lite0 at 160 px, its last block unfrozen. Weights and",
        "pictures are random: they do not change the time.",
        "",
        "## From a thousand pictures to a hundred thousand",
        "",
        "A head on the narrow residual backbone, pictures made as they are",
        "asked for. A picture's features take 0.4 to 5 KB; what is more than",
        "`memory_bytes` lies on the disk.",
        "",
        "| pictures | seconds | milliseconds a picture | most memory, MB |",
        "| --- | --- | --- | --- |",
    ]
    for row in rows:
        if row["setup"] == "growth":
            each = 1000 * float(row["seconds"]) / int(row["pictures"])
            lines.append(
                f"| {int(row['pictures']):,} | {float(row['seconds']):.0f} "
                f"| {each:.2f} | {int(row['megabytes']):,} |"
            )
    lines += ["", NOTES.strip(), ""]
    return "\n".join(lines)


NOTES = """
## What was slow, and what did not help

- A frozen backbone computes the same numbers in each epoch: that is all the
  time of a head's training but a few percent.
- A step that makes optimizer and metric variables while it is traced is traced
  twice; they are made before.
- Each picture gets a digest in two passes over the data, by which it is known
  again in any order. It is what remains between `cached_fit` and the floor,
  with the first look at whether the two parts compute what the whole does.
- Where little is frozen in front of a layer that draws at random, as in
  EfficientNet-B0, whose dropped connections begin in its second stage, almost
  nothing can be computed ahead, and nothing is gained.
"""


if __name__ == "__main__":
    main()
