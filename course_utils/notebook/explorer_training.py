"""Fine-tune once, with chosen labels, depth and learning rate.

The explorer's points: `benchmarks/explorer_grid.py` makes the committed ones
with this code, and a learner's button makes one more.
"""

import dataclasses
import functools

import keras
import numpy as np
import tensorflow as tf

from course_utils.backbones import source_task_heads
from course_utils.backbones.pretrained import load_backbone
from course_utils.machine.errors import CourseError
from course_utils.pictures import datasets
from course_utils.transfer import feature_extraction, freezing

LABELS = (30, 100, 400)
# What is trained besides the head: for `course_utils.transfer.unfreeze`.
UNFROZEN = {
    "nothing": None,
    "the last stage": {"from_layer": "stage4"},
    "all layers": {},
}
LEARNING_RATES = (1e-5, 1e-4, 1e-3, 1e-2)
# By data set: what is measured on its validation pictures.
METRICS = {"near": "accuracy", "histology": "AUC"}
STEPS, BATCH_SIZE = 150, 32
HEAD_EPOCHS, HEAD_LEARNING_RATE = 40, 1e-2


@dataclasses.dataclass(frozen=True)
class Trial:
    """One training of the residual backbone, in two phases.

    Attributes:
        dataset: A name in `METRICS`.
        labels: Number of labelled pictures, drawn by the seed.
        unfrozen: A name in `UNFROZEN`. With `"nothing"` the first phase is
            all, and the learning rate of the second has no meaning.
        learning_rate: Of the second phase, constant.
        seed: Of the draw, of the head's first weights and of the order.
    """

    dataset: str
    labels: int
    unfrozen: str
    learning_rate: float
    seed: int = 0

    def __post_init__(self):
        """Refuses a trial that cannot be."""
        for name, known in (
            ("dataset", METRICS),
            ("labels", LABELS),
            ("unfrozen", UNFROZEN),
        ):
            if getattr(self, name) not in known:
                raise CourseError(
                    f"{name} is {getattr(self, name)!r}, and must be one of "
                    f"{', '.join(map(repr, known))}."
                )
        if not 0 < self.learning_rate < 1:
            raise CourseError(
                f"The learning rate is {self.learning_rate!r}, and must lie "
                "between 0 and 1."
            )


def run(trial, callbacks=()):
    """Trains one trial, and measures it.

    A head is trained on the features of the frozen backbone; then the
    backbone is unfrozen as far as told, batch normalization excepted, and
    both are trained for `STEPS` batches without augmentation. It is measured
    on *validation* pictures, for an explorer is for choosing.

    Args:
        trial: A `Trial`.
        callbacks: Keras callbacks for the second phase.

    Returns:
        Two numbers from 0 to 1: the metric of the data set on its validation
        pictures, and what is left on the source task (the mean share of right
        answers to its five questions, on every second of its test pictures).
    """
    keras.utils.set_random_seed(trial.seed)
    images, labels, new_images, new_labels, classes = _data(trial.dataset)
    drawn = np.random.default_rng(trial.seed).permutation(len(images))
    images, labels = (
        images[drawn[: trial.labels]],
        labels[drawn[: trial.labels]],
    )

    base_model = load_backbone("residual")
    pool = keras.layers.GlobalAveragePooling2D()
    head = keras.Sequential([keras.layers.Dense(classes, "softmax")])
    loss = "sparse_categorical_crossentropy"
    head.compile(keras.optimizers.Adam(HEAD_LEARNING_RATE), loss)
    extractor = keras.Sequential([base_model, pool])
    found, _ = feature_extraction.extract_features(extractor, (images, labels))
    head.fit(found, labels, epochs=HEAD_EPOCHS, verbose=0)

    model = keras.Sequential([extractor, head])
    if UNFROZEN[trial.unfrozen] is not None:
        freezing.unfreeze(base_model, **UNFROZEN[trial.unfrozen])
        model.compile(keras.optimizers.Adam(trial.learning_rate), loss)
        data = tf.data.Dataset.from_tensor_slices((images, labels))
        data = data.shuffle(len(images), trial.seed).repeat()
        data = data.batch(BATCH_SIZE).take(STEPS)
        model.fit(data, epochs=1, verbose=0, callbacks=list(callbacks))
    output = model.predict(new_images, batch_size=100, verbose=0)
    value = _measure(METRICS[trial.dataset], output, new_labels)
    return value, _source_accuracy(base_model)


@functools.cache
def _data(name):
    """Returns pictures and labels to train on and to validate with."""
    splits = datasets.load_dataset(name, batch_size=100)
    parts = []
    for part in (splits.train, splits.validation):
        pairs = list(part.as_numpy_iterator())
        parts += [np.concatenate(each) for each in zip(*pairs, strict=True)]
    return *parts, len(splits.class_names)


def _measure(metric, output, labels):
    if metric == "accuracy":
        return float(np.mean(output.argmax(axis=1) == labels))
    from sklearn.metrics import roc_auc_score

    # A training that fell apart gives no numbers; that is guessing.
    score = np.nan_to_num(output[:, 1], nan=0.5)
    return float(roc_auc_score(labels, score))


def _source_accuracy(base_model):
    heads = source_task_heads.with_old_heads(base_model, "residual")
    source = datasets.load_dataset("source").test.unbatch().shard(2, 0)
    found = source_task_heads.source_accuracy(heads, source.batch(100))
    return float(np.mean(list(found.values())))
