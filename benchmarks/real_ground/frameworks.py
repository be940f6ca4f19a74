"""One recipe in Keras and in PyTorch, and which rate the head should have.

Both train the same part of the same network (blocks 5 to 7, from the file that
both read) on the same 400 cells in the same order, with the same flips. What
is left to the frameworks is what they are used with: the head's first weights,
Adam's epsilon, and their arithmetic. Phase 1 trains the head on features (Adam,
1e-3, 20 epochs). Phase 2 goes on for 5 epochs with a new Adam at the rates of a
recipe, and the epoch of the best validation AUC is kept. Both keep the
statistics of batch normalization; its scales and shifts are frozen in Keras and
trained in PyTorch, as `eval()` leaves them. Nothing is chosen on results.

The text 001 gives all weights 1e-5 in its second phase, the head's too.
PyTorch's groups of parameters give the head a rate of its own; Keras has had no
such groups for most of its versions, and so runs the recipes of one rate only.
"""

import time

import keras
import numpy as np
from keras import layers

from benchmarks.real_ground import cells, training
from benchmarks.real_ground.differences import less
from benchmarks.real_ground.runner import Claim, Experiment
from course_utils.machine import real_files

LABELS = 400
CUT, BLOCK = "block4c_add", 8  # the first block after the cut, in PyTorch
HEAD_EPOCHS, EPOCHS, BATCH, HEAD_RATE = 20, 5, 16, 1e-3
# Rates of the head and of the backbone in phase 2.
RECIPES = {
    "all 1e-5": (1e-5, 1e-5),
    "head 1e-3, rest 1e-5": (1e-3, 1e-5),
    "all 1e-4": (1e-4, 1e-4),
    "head 1e-3, rest 1e-4": (1e-3, 1e-4),
}
RESULTS = ("auc", "accuracy", "validation_auc", "best_epoch", "frozen_auc")
RESULTS += ("last_auc", "seconds", "validation_auc_curve")


class InKeras:
    """The part after the cut and a head, in Keras."""

    def __init__(self, seed):
        """Builds both; the seed is that of the head's first weights."""
        keras.utils.set_random_seed(seed)
        base_model = cells.backbone()
        after = keras.Model(base_model.get_layer(CUT).output, base_model.output)
        for layer in after.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = False
        pool = layers.GlobalAveragePooling2D()
        self.body = keras.Sequential([after, pool])
        self.head = keras.Sequential(
            [keras.Input((1280,)), layers.Dense(1)], name="head"
        )
        self.model = keras.Sequential([self.body, self.head])

    def begin(self, part, rate, _):
        """Makes a new optimizer for the head, or for all."""
        self.trained = self.head if part == "head" else self.model
        self.trained.compile(
            keras.optimizers.Adam(rate),
            keras.losses.BinaryCrossentropy(from_logits=True),
            jit_compile=False,
        )

    def step(self, x, y):
        """Makes one step."""
        self.trained.train_on_batch(x, y[:, np.newaxis])

    def apply(self, part, x):
        """Returns what the body, the head or the model makes of an array."""
        model = getattr(self, part)
        return model.predict(x, batch_size=64, verbose=0)

    def weights(self):
        """Returns a copy of the weights."""
        return self.model.get_weights()

    def restore(self, kept):
        """Gives the model these weights."""
        self.model.set_weights(kept)


class InPyTorch:
    """The same in PyTorch; what it takes has the axes of Keras."""

    def __init__(self, seed):
        """Builds both; the seed is that of the head's first weights."""
        import torch
        from efficientnet_lite_pytorch import EfficientNet
        from torch import nn

        self.torch = torch
        torch.manual_seed(seed)
        network = EfficientNet.from_name(
            "efficientnet-lite0", image_size=cells.SIDE
        )
        path = real_files.verified_path("efficientnet_lite0")
        network.load_state_dict(torch.load(path, weights_only=True))
        self.body = nn.Sequential(
            *network._blocks[BLOCK:],
            network._conv_head,
            network._bn1,
            network._swish,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(1280, 1)
        # Neither has dropout: batch normalization stays as it was.
        self.model = nn.Sequential(self.body, self.head).eval()

    def begin(self, part, head_rate, rate):
        """Makes a new optimizer for the head, or for all."""
        groups = [{"params": self.head.parameters(), "lr": head_rate}]
        self.trained = self.head
        if part == "model":
            groups += [{"params": self.body.parameters(), "lr": rate}]
            self.trained = self.model
        self.optimizer = self.torch.optim.Adam(groups)

    def _tensor(self, x):
        x = np.ascontiguousarray(np.moveaxis(x, -1, 1) if x.ndim == 4 else x)
        return self.torch.from_numpy(x)

    def step(self, x, y):
        """Makes one step."""
        self.optimizer.zero_grad()
        logits = self.trained(self._tensor(x))[:, 0]
        binary = self.torch.nn.functional.binary_cross_entropy_with_logits
        binary(logits, self.torch.from_numpy(y)).backward()
        self.optimizer.step()

    def apply(self, part, x):
        """Returns what the body, the head or the model makes of an array."""
        with self.torch.inference_mode():
            found = [
                getattr(self, part)(self._tensor(x[i : i + 64]))
                for i in range(0, len(x), 64)
            ]
        return self.torch.cat(found).numpy()

    def weights(self):
        """Returns a copy of the weights."""
        state = self.model.state_dict()
        return {name: tensor.clone() for name, tensor in state.items()}

    def restore(self, kept):
        """Gives the model these weights."""
        self.model.load_state_dict(kept)


FRAMEWORKS = {"Keras": InKeras, "PyTorch": InPyTorch}


def run(stage, framework, recipe, labels, seed):
    """Makes one run."""
    start = time.perf_counter()
    draw, y = cells.draw(labels, seed), cells.labels()
    validation, test = (
        cells.inputs(CUT, some) for some in (draw.validation, draw.test)
    )
    side = FRAMEWORKS[framework](seed)
    side.begin("head", HEAD_RATE, None)
    features = side.apply("body", cells.inputs(CUT, draw.train))
    rng = np.random.default_rng([seed, 2])
    for _ in range(1 if cells.FEW else HEAD_EPOCHS):
        order = rng.permutation(len(features))
        for some in np.array_split(order, -(-len(order) // BATCH)):
            side.step(features[some], y[draw.train[some]].astype("float32"))
    frozen = training.judged(side.apply("model", test)[:, 0], y[draw.test])
    side.begin("model", *RECIPES[recipe])
    batches = training.Batches(
        lambda some, flips: cells.inputs(CUT, some, flips),
        draw.train,
        seed,
        BATCH,
    )
    curve, kept = [], None
    for _ in range(1 if cells.FEW else EPOCHS):
        for number in range(1 if cells.FEW else len(batches)):
            side.step(*batches[number])
        batches.on_epoch_end()
        logits = side.apply("model", validation)[:, 0]
        auc = training.judged(logits, y[draw.validation])["auc"]
        if auc > max(curve, default=-1):
            kept = side.weights()
        curve.append(auc)
    last = training.judged(side.apply("model", test)[:, 0], y[draw.test])
    side.restore(kept)
    found = training.judged(side.apply("model", test)[:, 0], y[draw.test])
    return {
        **found,
        "validation_auc": max(curve),
        "best_epoch": 1 + int(np.argmax(curve)),
        "frozen_auc": frozen["auc"],
        "last_auc": last["auc"],
        "seconds": time.perf_counter() - start,
        "validation_auc_curve": " ".join(f"{auc:.4f}" for auc in curve),
    }


def plan(rows, seeds):
    """Lists the runs."""
    for seed in seeds:
        for recipe, (head, rest) in RECIPES.items():
            for framework in FRAMEWORKS:
                if framework == "PyTorch" or head == rest:
                    yield {
                        "stage": "report",
                        "framework": framework,
                        "recipe": recipe,
                        "labels": LABELS,
                        "seed": seed,
                    }


EXPERIMENT = Experiment(
    name="frameworks",
    keys=("stage", "framework", "recipe", "labels", "seed"),
    plan=plan,
    run=run,
    results=RESULTS,
    claims=(
        Claim(
            id="the-framework-matters",
            sentence="With the same recipe on the same weights and pictures, "
            "one of Keras and PyTorch gets better results.",
            source="course",
            metric="AUC, kept epoch",
            margin=0.01,
            comparisons={
                f"{one} above {other}, {recipe}": less(
                    "auc",
                    {"framework": one},
                    {"framework": other},
                    recipe=recipe,
                )
                for recipe in ("all 1e-5", "all 1e-4")
                for one, other in (("Keras", "PyTorch"), ("PyTorch", "Keras"))
            },
        ),
        Claim(
            id="the-head-keeps-its-rate",
            sentence="In phase 2 the head wants a higher rate than the "
            "backbone.",
            source="course",
            metric="AUC, kept epoch",
            margin=0.01,
            comparisons={
                f"head at 1e-3 above head at {rate}, rest at {rate}": less(
                    "auc",
                    {"recipe": f"head 1e-3, rest {rate}"},
                    {"recipe": f"all {rate}"},
                    framework="PyTorch",
                )
                for rate in ("1e-5", "1e-4")
            },
        ),
    ),
)
