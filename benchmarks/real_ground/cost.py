"""What a step of training costs, by how much of the network is trained.

    python -m benchmarks.real_ground.cost

writes `data/experiments/depth_cost.csv`: of each depth, with what lies before
computed once ("once") or in every step, the parameters that are trained, the
median time of a step of 16 pictures of 160 pixels, in seconds of wall clock
and of processors (a busy machine lengthens the former only), and by how many
megabytes memory rose at its peak. Each case has a process of its own.
"""

import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarks.real_ground import runner

PATH = runner.FOLDER / "depth_cost.csv"
CASES = [
    ("head", "once"),
    ("block 7", "once"),
    ("blocks 5 to 7", "once"),
    ("head", "each step"),
    ("block 7", "each step"),
    ("blocks 5 to 7", "each step"),
    ("all", "each step"),
    ("all, batch norm training", "each step"),
]
STEPS, BATCH = 15, 16


def main():
    """Measures each case, and writes the file."""
    rows = []
    for depth, before in CASES:
        command = [sys.executable, "-m", "benchmarks.real_ground.cost"]
        answer = subprocess.run(
            [*command, depth, before], capture_output=True, text=True
        )
        answer.check_returncode()
        rows.append(json.loads(answer.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    with PATH.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def measure(depth, before):
    """Measures one case in this process; returns its row."""
    import keras
    import numpy as np
    import tensorflow as tf
    from keras import layers

    from benchmarks.real_ground import cells, methods, runs

    tf.config.threading.set_intra_op_parallelism_threads(2)
    batch_norm = depth == runs.BATCH_NORM
    base_model = cells.backbone()
    cuts = {**methods.DEPTHS, "head": "top_activation", runs.BATCH_NORM: None}
    cut, trained = cuts[depth], False
    for layer in base_model.layers:
        is_norm = isinstance(layer, layers.BatchNormalization)
        layer.trainable = (trained or cut is None) and (
            batch_norm or not is_norm
        )
        trained = trained or layer.name == cut
    network = base_model
    if before == "once" and depth != "head":
        taken = base_model.get_layer(cut).output
        network = keras.Model(taken, base_model.output)
    model = keras.Sequential(
        [network, layers.GlobalAveragePooling2D(), layers.Dense(1)]
    )
    if before == "once" and depth == "head":
        channels = base_model.output_shape[-1]
        model = keras.Sequential([keras.Input((channels,)), layers.Dense(1)])
    model.compile("adam", "binary_crossentropy", jit_compile=False)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (BATCH, *model.input_shape[1:]))
    y = rng.integers(0, 2, BATCH)
    used = _peak()
    wall, processors = [], []
    for _ in range(STEPS + 2):
        start = time.perf_counter(), time.process_time()
        model.train_on_batch(x.astype("float32"), y)
        wall.append(time.perf_counter() - start[0])
        processors.append(time.process_time() - start[1])
    return {
        "depth": depth,
        "before": before,
        "parameters": methods.count(model),
        "seconds": round(statistics.median(wall[2:]), 4),
        "processor_seconds": round(statistics.median(processors[2:]), 4),
        "megabytes": round(_peak() - used),
    }


def _peak():
    """Returns the most memory that this process has used, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if tuple(sys.argv[1:]) in CASES:
        print(json.dumps(measure(*sys.argv[1:])))
    elif len(sys.argv) == 1:
        main()
    else:
        sys.exit(f"Give nothing, or one of {CASES}.")
