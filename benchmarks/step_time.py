"""Time a training step of the residual backbone, by how much is unfrozen.

    python -m benchmarks.step_time

Prints ratios to a step of the head alone, medians over interleaved rounds, so
that a machine that is busy now and then slows all of them alike.
"""

import statistics
import time

import keras
import numpy as np

from course_utils.backbones.pretrained import load_backbone
from course_utils.transfer.freezing import freeze, unfreeze

DEPTHS = {
    "head only": None,
    "last convolution": {"from_layer": "stage4_block1_conv2"},
    "last stage": {"from_layer": "stage4"},
    "last two stages": {"from_layer": "stage3"},
    "all": {},
}
ROUNDS, BATCH_SIZE = 30, 32


def main():
    """Builds a model for each depth, and times them in turn."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (BATCH_SIZE, 64, 64, 3)).astype("float32")
    labels = rng.integers(0, 6, BATCH_SIZE)
    models = {name: _model(depth) for name, depth in DEPTHS.items()}
    for model in models.values():
        model.train_on_batch(images, labels)  # Traces the step.
    seconds = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            start = time.perf_counter()
            model.train_on_batch(images, labels)
            seconds[name].append(time.perf_counter() - start)
    least = statistics.median(seconds["head only"])
    for name, own in seconds.items():
        ratio = statistics.median(own) / least
        print(f"{name:<17} {ratio:4.1f} times a step of the head alone")


def _model(depth):
    base_model = load_backbone("residual")
    freeze(base_model) if depth is None else unfreeze(base_model, **depth)
    inputs = keras.Input(base_model.input_shape[1:])
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    model = keras.Model(inputs, keras.layers.Dense(6, "softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


if __name__ == "__main__":
    main()
