"""Measures what each backbone is worth on each target task.

    python -m benchmarks.transfer_report

makes every run that `data/experiments/transfer.csv` does not hold yet, adds it
there, and writes `docs/transfer_report.md`. `--report` only writes the latter.

Three ways to use the same few labels are compared:

* frozen: the pretrained backbone stays as it is; a linear head is fitted to
  its pooled features (logistic regression on standardised features);
* fine-tuned: starting from that head, all layers are trained at a low rate,
  batch normalization (statistics, scale and shift) stays as it was;
* scratch: the same architecture from random weights, batch normalization in
  training mode, about 1.5 times as many steps.

A seed stands for one draw of the labelled pictures, one order of them and, for
scratch, one start. Settings are chosen by the mean over development seeds on
the validation pictures; what is reported are fresh seeds on the test pictures,
which no choice has seen.
"""

import argparse
import csv
import dataclasses
import math
import multiprocessing
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Lets processors that can multiply in bfloat16 do so inside convolutions, at
# two thirds of the time; models stay float32. Others ignore it.
os.environ.setdefault("TF_SET_ONEDNN_FPMATH_MODE", "BF16")

import numpy as np

TOP = pathlib.Path(__file__).parents[1]
ROWS = TOP / "data" / "experiments" / "transfer.csv"
REPORT = TOP / "docs" / "transfer_report.md"

DEVELOPMENT_SEEDS = (0, 1)
FRESH_SEEDS = (100, 101, 102, 103, 104)
BATCH_SIZE = 32
METHODS = ("frozen", "fine-tuned", "scratch")

LABELS = {
    "near": (30, 100, 400),
    "defects": (30, 100, 400),
    "histology": (30, 100, 400),
    "digits": (100,),
    "photographs": (200, 2000),
}
# Batches of 32 pictures for each number of labels.
STEPS = {
    "fine-tuned": {30: 150, 100: 250, 200: 350, 400: 450, 2000: 800},
    "scratch": {30: 200, 100: 350, 200: 500, 400: 650, 2000: 1200},
}
OTHERS = ("mobile", "vision_transformer", "residual_narrow")
OTHER_TARGETS = ("near", "defects", "histology")
OTHER_TUNED_ON = "defects"

# Tried on development seeds. For frozen, the inverse strength of the
# regularisation; else the learning rate, which falls to zero along a cosine.
GRID = {
    "frozen": (0.003, 0.03, 0.3),
    "fine-tuned": (1e-4, 3e-4, 1e-3),
    "scratch": (2e-3, 5e-3, 1e-2),
}
# Transformers want lower rates than networks with batch normalization.
TRANSFORMER_GRID = {**GRID, "scratch": (3e-4, 1e-3, 2e-3)}


@dataclasses.dataclass(frozen=True)
class Run:
    """One training, or two: fine-tuning fits its head first.

    Attributes:
        stage: `"development"` (judged on validation pictures) or `"report"`.
        backbone: Name of the backbone.
        target: Name of the target task.
        labels: Number of labelled pictures.
        seed: The seed.
        method: One of `METHODS`.
        setting: See `GRID`.
        head: For fine-tuning, the setting of the head that it starts from.
    """

    stage: str
    backbone: str
    target: str
    labels: int
    seed: int
    method: str
    setting: float
    head: float | str = ""

    def key(self):
        """Returns what tells this run from others, as the file has it."""
        return tuple(str(value) for value in dataclasses.astuple(self))


RESULTS = ("metric", "value", "accuracy", "seconds")
COLUMNS = [field.name for field in dataclasses.fields(Run)] + list(RESULTS)


def variants(images, flips):
    """Returns the pictures and their mirror images."""
    found = [images]
    if flips:
        found.append(images[:, :, ::-1])
    if flips == "horizontal_and_vertical":
        found += [images[:, ::-1], images[:, ::-1, ::-1]]
    return found


def fit_head(features, labels, strength):
    """Fits a linear head; returns its kernel and bias, as `Dense` has them."""
    from sklearn.linear_model import LogisticRegression

    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    model = LogisticRegression(C=strength, max_iter=2000)
    model.fit((features - mean) / spread, labels)
    kernel, bias = model.coef_.T, model.intercept_
    if kernel.shape[1] == 1:  # two classes: one column says both
        kernel = np.concatenate([-kernel, kernel], axis=1) / 2
        bias = np.array([-bias[0], bias[0]]) / 2
    kernel = kernel / spread[:, None]
    return kernel, bias - mean @ kernel


_MODELS = {}  # of this process; building and tracing one takes seconds


def classifier(backbone, target, method):
    """Returns a compiled classifier, with weights as they come.

    Returns:
        model: The backbone, pooling and a linear head.
        base_model: The backbone inside it.
        start: The backbone's weights as they were loaded.
    """
    import keras

    from course_utils import backbones

    key = (backbone, target.classes, method == "scratch")
    if key not in _MODELS:
        weights = None if method == "scratch" else "embedded"
        base_model = backbones.load_backbone(backbone, weights)
        if method != "scratch":
            # `training=False` at the call would not do: `fit` overrides it.
            for layer in base_model.layers:
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.trainable = False
        inputs = keras.Input(base_model.input_shape[1:])
        x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
        outputs = keras.layers.Dense(target.classes, name="head")(x)
        model = keras.Model(inputs, outputs)
        model.compile(
            keras.optimizers.Adam(1e-3),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        _MODELS[key] = model, base_model, base_model.get_weights()
    return _MODELS[key]


def randomise(model):
    """Gives every layer the weights of a new start."""
    import keras

    fresh = keras.models.clone_model(model)
    model.set_weights(fresh.get_weights())


def train(model, images, labels, flips, steps, rate, seed):
    """Trains in place; the rate falls to zero along a cosine."""
    import keras
    import tensorflow as tf

    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))

    class Cosine(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            share = 0.5 * (1 + math.cos(math.pi * batch / steps))
            self.model.optimizer.learning_rate = rate * share

    data = tf.data.Dataset.from_tensor_slices((images, labels))
    data = data.shuffle(len(images), seed).repeat()

    def flip(image, label):
        if flips:
            image = tf.image.random_flip_left_right(image, seed)
        if flips == "horizontal_and_vertical":
            image = tf.image.random_flip_up_down(image, seed)
        return image, label

    data = data.map(flip).batch(BATCH_SIZE).take(steps).prefetch(2)
    model.fit(data, epochs=1, verbose=0, callbacks=[Cosine()])


def judge(logits, labels, metric):
    """Returns the metric and the accuracy."""
    from sklearn.metrics import roc_auc_score

    accuracy = float(np.mean(logits.argmax(axis=1) == labels))
    if metric == "accuracy":
        return accuracy, accuracy
    return float(roc_auc_score(labels, logits[:, 1] - logits[:, 0])), accuracy


def pooled(base_model, images):
    """Returns the mean of the feature map, (count, channels)."""
    batches = [
        np.asarray(base_model(images[i : i + 100], training=False))
        for i in range(0, len(images), 100)
    ]
    return np.concatenate(batches).mean(axis=(1, 2))


def execute(run):
    """Makes one run.

    Returns:
        Dict of the run's fields and of `RESULTS`.
    """
    import keras

    from benchmarks import targets

    start = time.perf_counter()
    keras.utils.set_random_seed(run.seed)
    target = targets.load(run.target)
    images, labels = target.draw(run.labels, run.seed)
    part = "validation" if run.stage == "development" else "test"
    new_images, new_labels = target.parts[part]
    model, base_model, loaded = classifier(run.backbone, target, run.method)
    if run.method == "scratch":
        randomise(model)
    else:
        base_model.set_weights(loaded)
        features = [
            pooled(base_model, variant)
            for variant in variants(images, target.flips)
        ]
        strength = run.setting if run.method == "frozen" else run.head
        head = fit_head(
            np.concatenate(features),
            np.tile(labels, len(features)),
            float(strength),
        )
        model.get_layer("head").set_weights(head)
    if run.method != "frozen":
        steps = STEPS[run.method][run.labels]
        flips = target.flips
        train(model, images, labels, flips, steps, run.setting, run.seed)
    logits = model.predict(new_images, batch_size=100, verbose=0)
    value, accuracy = judge(logits, new_labels, target.metric)
    return {
        **dataclasses.asdict(run),
        "metric": target.metric,
        "value": round(value, 4),
        "accuracy": round(accuracy, 4),
        "seconds": round(time.perf_counter() - start, 1),
    }


def read_rows():
    """Returns the finished runs, as a list of dicts of strings."""
    if not ROWS.exists():
        return []
    with ROWS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _one_thread():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def make(runs, workers):
    """Makes the runs that are missing, each added to the file as it ends."""
    rows = read_rows()
    done = {tuple(row[name] for name in COLUMNS[:8]) for row in rows}
    missing = [run for run in runs if run.key() not in done]
    if not missing:
        return
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    new = not ROWS.exists()
    with (
        ROWS.open("a", newline="", encoding="utf-8") as file,
        multiprocessing.get_context("spawn").Pool(workers, _one_thread) as pool,
    ):
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        for i, row in enumerate(pool.imap_unordered(execute, missing), 1):
            writer.writerow(row)
            file.flush()
            print(f"{i}/{len(missing)}", *row.values(), flush=True)


def settings_of(backbone, method):
    """Returns what is tried for a backbone and a method."""
    transformer = backbone == "vision_transformer"
    return (TRANSFORMER_GRID if transformer else GRID)[method]


def best(rows, backbone, target, method, labels):
    """Chooses a setting by the mean over the development seeds.

    The number of labels is that of the development runs that come nearest;
    for the other backbones, the target is the one that they were tried on.
    """
    if backbone != "residual":
        target = OTHER_TUNED_ON
    wanted = ("development", backbone, target, method)
    values = {}
    for row in rows:
        if wanted == tuple(row[name] for name in _WHAT):
            count = int(row["labels"])
            cell = values.setdefault(count, {}).setdefault(row["setting"], [])
            cell.append(float(row["value"]))
    nearest = min(values, key=lambda n: abs(math.log(n / labels)))
    means = {k: np.mean(v) for k, v in values[nearest].items()}
    return float(max(means, key=means.get))


_WHAT = ("stage", "backbone", "target", "method")


def combinations():
    """Lists what is reported: backbone, target, number of labels, seeds."""
    for target, counts in LABELS.items():
        for labels in counts:
            few = FRESH_SEEDS[:3] if labels == 2000 else FRESH_SEEDS
            yield "residual", target, labels, few
    for backbone in OTHERS:
        for target in OTHER_TARGETS:
            yield backbone, target, 100, FRESH_SEEDS[:3]


def tried():
    """Lists what settings are chosen on: backbone, target, labels, seeds."""
    for target, counts in LABELS.items():
        middle = counts[-2] if len(counts) > 1 else counts[0]
        yield "residual", target, middle, DEVELOPMENT_SEEDS
    for backbone in OTHERS:
        yield backbone, OTHER_TUNED_ON, 100, DEVELOPMENT_SEEDS[:1]


def development_runs(method, rows):
    """Lists the runs that choose the settings of a method."""
    listed = list(tried())
    if method == "fine-tuned":
        listed = [(*rest, seeds[:1]) for *rest, seeds in listed]
    if method == "scratch":
        # What is best from scratch may differ where labels abound.
        for target in ("defects", "photographs"):
            most = LABELS[target][-1]
            listed.append(("residual", target, most, DEVELOPMENT_SEEDS[:1]))
    for backbone, target, labels, seeds in listed:
        for setting in settings_of(backbone, method):
            yield from _runs(
                "development",
                backbone,
                target,
                labels,
                seeds,
                method,
                setting,
                rows,
            )


def report_runs(method, rows):
    """Lists the runs on fresh seeds, with the chosen settings."""
    for backbone, target, labels, seeds in combinations():
        # From scratch, the narrow backbone is the residual network.
        if (backbone, method) != ("residual_narrow", "scratch"):
            setting = best(rows, backbone, target, method, labels)
            yield from _runs(
                "report", backbone, target, labels, seeds, method, setting, rows
            )


def _runs(stage, backbone, target, labels, seeds, method, setting, rows):
    if (backbone, method) == ("residual_narrow", "scratch"):
        return
    head = ""
    if method == "fine-tuned":
        head = best(rows, backbone, target, "frozen", labels)
    for seed in seeds:
        yield Run(stage, backbone, target, labels, seed, method, setting, head)


def interval(values):
    """Mean and half of its 95 % interval over seeds (Student's t)."""
    from scipy import stats

    values = np.asarray(values, float)
    if len(values) < 2:
        return float(values.mean()), math.nan
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(values.mean()), float(half)


def cell(values):
    """Writes a mean and its interval."""
    mean, half = interval(values)
    return f"{mean:.3f} ± {half:.3f}"


def report(rows):
    """Returns the report as Markdown."""
    found = {}
    for row in rows:
        if row["stage"] == "report":
            key = row["backbone"], row["target"], int(row["labels"])
            by_seed = found.setdefault(key, {}).setdefault(row["method"], {})
            by_seed[int(row["seed"])] = float(row["value"])
    metrics = {row["target"]: row["metric"] for row in rows}
    lines = [
        "# What the backbones are worth",
        "",
        "Written by `python -m benchmarks.transfer_report`; do not edit. That",
        "file says what was compared and how settings were chosen; every run",
        "stands in `data/experiments/transfer.csv`.",
        "",
        "Each cell is a mean over fresh seeds ± half of its 95 % interval",
        "(Student's t) on the test pictures. A gain is the mean of the seeds'",
        "differences, with the interval of that mean. Intervals are over draws",
        "of labels and starts, with the same test pictures each time.",
    ]
    for backbone in ("residual", *OTHERS):
        lines += [
            "",
            f"## {backbone}",
            "",
            "| target | metric | labels | seeds | scratch | frozen | "
            "fine-tuned | frozen - scratch | fine-tuned - scratch | "
            "fine-tuned - frozen |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for (name, target, labels), methods in sorted(
            found.items(), key=lambda item: _order(item[0])
        ):
            if name != backbone:
                continue
            if "scratch" not in methods:  # the same network, from scratch
                own = found.get(("residual", target, labels), {})
                methods = {**methods, "scratch": own.get("scratch", {})}
            if set(methods) < set(METHODS) or not all(methods.values()):
                continue
            seeds = sorted(set.intersection(*map(set, methods.values())))
            values = {
                method: np.array([methods[method][seed] for seed in seeds])
                for method in METHODS
            }
            gains = [
                values["frozen"] - values["scratch"],
                values["fine-tuned"] - values["scratch"],
                values["fine-tuned"] - values["frozen"],
            ]
            cells = [
                target,
                metrics[target],
                str(labels),
                str(len(seeds)),
                cell(values["scratch"]),
                cell(values["frozen"]),
                cell(values["fine-tuned"]),
                *(f"{m:+.3f} ± {h:.3f}" for m, h in map(interval, gains)),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Chosen settings", ""]
    lines += [
        "| backbone | target | labels | frozen (C) | fine-tuned (rate) | "
        "scratch (rate) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    chosen = {}
    for row in rows:
        if row["stage"] == "report":
            key = row["backbone"], row["target"], int(row["labels"])
            chosen.setdefault(key, {})[row["method"]] = row["setting"]
    for key in sorted(chosen, key=_order):
        cells = [*map(str, key)]
        cells += [chosen[key].get(m, "") for m in METHODS]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _order(key):
    backbone, target, labels = key
    names = ("residual", *OTHERS)
    return names.index(backbone), list(LABELS).index(target), labels


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--report", action="store_true", help="report only")
    parser.add_argument(
        "--method",
        choices=METHODS,
        nargs="+",
        default=METHODS,
        help="make no other runs than these",
    )
    options = parser.parse_args()
    if not options.report:
        for method in METHODS:
            for list_runs in (development_runs, report_runs):
                if method in options.method:
                    make(list(list_runs(method, read_rows())), options.workers)
    REPORT.write_text(report(read_rows()), encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
