"""Lesson 02's checks: solution, stub, misconceptions, right in another way."""

import types

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

from tests.answers.checking import check

pytestmark = pytest.mark.usefixtures("without_graphs")

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 8, 8, 3)).astype("float32")
IMAGES.setflags(write=False)
LABELS = np.arange(40, dtype="int32") % 2


# fe-06: which of the backbones are frozen.


def backbone(kind):
    """A small one, in which layers of a kind are frozen."""
    model = keras.Sequential([keras.Input((8, 8, 3))])
    for _ in range(2):
        model.add(keras.layers.Conv2D(4, 3, use_bias=False))
        model.add(keras.layers.BatchNormalization())
    for layer in model.layers:
        layer.trainable = not isinstance(layer, kind)
    return model


SUSPECTS = {
    "convolutions": backbone(keras.layers.Conv2D),
    "normalization": backbone(keras.layers.BatchNormalization),
    "all": backbone(keras.layers.Layer),
}
COUNTS = {"convolutions": (4, 4), "normalization": (0, 2), "all": (0, 0)}


def check_freezes(counts, frozen):
    return check("fe-06", counts, frozen, SUSPECTS)


def test_the_counts_are_those_that_are_measured():
    for name, model in SUSPECTS.items():
        model = keras.models.clone_model(model)
        before = model.get_weights()
        model(IMAGES[:4], training=True)
        pairs = zip(before, model.get_weights(), strict=True)
        moved = sum(not np.array_equal(*pair) for pair in pairs)
        assert COUNTS[name] == (moved, len(model.trainable_weights))


@pytest.mark.parametrize(
    "frozen", [["all"], {"all"}, ("all",), np.array(["all"]), {"all": 1}.keys()]
)
def test_evidence_of_both_kinds_passes(work, frozen):
    assert check_freezes(COUNTS, frozen)[0] == "passed"
    arrays = {name: np.array(pair) for name, pair in COUNTS.items()}
    assert check_freezes(arrays, frozen)[0] == "passed"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"convolutions": (0, 4)}, "training=True"),
        ({"normalization": (2, 0)}, "are swapped"),
        ({"convolutions": (16, 4)}, "not numbers in them"),
        ({"normalization": (0, 6)}, "trainable_weights"),
        ({"all": 0}, "should be a pair"),
        ({"another": (0, 0)}, "with the names"),
    ],
)
def test_each_misconception_about_counts_is_named(work, change, named):
    status, message = check_freezes(COUNTS | change, ["all"])
    assert status == "failed" and named in message


@pytest.mark.parametrize(
    ("frozen", "named"),
    [
        (["normalization", "all"], "`fit` would train 2 arrays"),
        ([], "there should be 1"),
        (["none"], "who is"),
        ("all", "a list of names"),
    ],
)
def test_each_wrong_decision_is_named(work, frozen, named):
    status, message = check_freezes(COUNTS, frozen)
    assert status == "partial" and named in message


# fe-03: features by hand, of pictures that come in another order.

GRIDS = RNG.random((12, 4, 4, 10)).astype("float32")
FEATURES = GRIDS.mean(axis=(1, 2))
ORDER = np.random.default_rng(1).permutation(12)


def check_features(features, labels=LABELS[ORDER]):
    return check("fe-03", features, labels, FEATURES, LABELS[:12])


def test_averaged_features_pass_in_any_order(work):
    features = FEATURES[ORDER]
    assert check_features(features)[0] == "passed"
    assert check_features(tf.constant(features), list(LABELS[ORDER]))[0] == (
        "passed"
    )
    pooled = keras.layers.GlobalAveragePooling2D()(GRIDS[ORDER])
    assert check_features(pooled)[0] == "passed"
    assert check_features(features[::-1], LABELS[ORDER][::-1])[0] == "passed"


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda grids: grids, "average it over rows and columns"),
        (lambda grids: grids.reshape(12, -1), "the grid, flattened"),
        (lambda grids: grids.sum(axis=(1, 2)), "the sum"),
        (lambda grids: grids.max(axis=(1, 2)), "have no row"),
        (lambda grids: grids.mean(axis=(1, 2)).T, "swapped"),
        (lambda grids: grids.mean(axis=(1, 2))[:8], "shape (12, 10)"),
        (lambda grids: grids.mean(axis=(1, 3)), "shape (12, 10)"),
        (lambda grids: grids.mean(axis=(1, 2)) + 1, "have no row"),
        (lambda grids: grids.mean(axis=(1, 2)) * np.nan, "have no row"),
        (lambda grids: [grids[:8, 0, 0], grids[8:, 0, 0]], "concatenate"),
        (lambda grids: "features", "not 'features'"),
    ],
)
def test_each_misconception_about_features_is_named(work, make, named):
    status, message = check_features(make(GRIDS[ORDER]))
    assert status == "failed" and named in message


@pytest.mark.parametrize("wrong", [slice(None, None, 2), slice(6), slice(1)])
def test_each_label_is_looked_at(work, wrong):
    labels = LABELS[ORDER].copy()
    labels[wrong] = 1 - labels[wrong]
    status, message = check_features(FEATURES[ORDER], labels)
    assert status == "failed" and "another picture's label" in message
    assert "shape (12,)" in check_features(FEATURES[ORDER], labels[:8])[1]


# fe-07: a threshold by costs. Scores that carry something, and others.


def scored(count, seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.3).astype(int)
    noise = rng.normal(0, 0.15, count)
    return labels, np.clip(0.3 + 0.25 * labels + noise, 0, 1)


TRAIN, TEST = scored(300, 0), scored(200, 1)


def cost(threshold, labels, scores, missed=10, in_vain=1):
    found = scores >= threshold
    missed = missed * np.sum(labels[~found])
    return missed + in_vain * np.sum(found & (labels == 0))


def cheapest(part, *costs):
    return min(np.unique(part[1]), key=lambda one: cost(one, *part, *costs))


BEST = cheapest(TRAIN)


def check_threshold(threshold, given):
    return check("fe-07", threshold, given, *TRAIN, *TEST)


def test_the_cheapest_threshold_passes(work):
    for threshold in (BEST, BEST - 1e-9, tf.constant(BEST)):
        status, message = check_threshold(threshold, cost(BEST, *TEST))
        assert status == "passed", message


def test_a_threshold_from_a_grid_passes(work):
    grid = np.linspace(0, 1, 201)
    near = min(grid, key=lambda one: cost(one, *TRAIN))
    assert check_threshold(near, cost(near, *TEST))[0] == "passed"


def test_calling_cells_above_the_threshold_passes_too(work):
    below = np.unique(TRAIN[1])
    below = below[np.searchsorted(below, BEST) - 1]  # > this, not >=
    after = np.nextafter(below, 1)
    assert check_threshold(below, cost(after, *TEST))[0] == "passed"


@pytest.mark.parametrize(
    ("threshold", "named"),
    [
        (0.5, "where both mistakes cost alike"),
        (cheapest(TRAIN, 1, 10), "swapped"),
        (cheapest(TRAIN, 1, 1), "that counts mistakes"),
        (1.5, "from 0 to 1"),
        (0.0, "try each score"),
        ("low", "one number"),
    ],
)
def test_each_misconception_about_the_threshold_is_named(
    work, threshold, named
):
    status, message = check_threshold(threshold, 100)
    assert status == "failed" and named in message


def test_a_threshold_that_was_chosen_on_the_test_cells_is_named(work):
    labels, scores = TEST
    test = labels, np.clip(scores + 0.2, 0, 1)  # another scanner, say
    best = cheapest(test)
    status, message = check("fe-07", best, cost(best, *test), *TRAIN, *test)
    assert status == "failed" and "chosen on the test cells" in message


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (cost(BEST, *TRAIN), "on the training cells"),
        (cost(cheapest(TEST), *TEST), "least cost that any threshold has"),
        (cost(BEST, *TEST) / 200, "do not average"),
        (7, "is not 7"),
    ],
)
def test_each_misconception_about_the_cost_is_named(work, given, named):
    status, message = check_threshold(BEST, given)
    assert status == "partial" and named in message
    assert check_threshold(BEST, None)[0] == "failed"


# fe-09: a head for another label. Features that carry type and degree.

DEGREES = np.array(["0.00", "0.33", "0.67", "1.00"])
TYPES = np.array(["mono", "poly"])


def solar_cells(count=400):
    rng = np.random.default_rng(2)
    degree, kind = rng.integers(4, size=count), rng.integers(2, size=count)
    table = pd.DataFrame(
        {
            "split": np.where(np.arange(count) % 4, "train", "test"),
            "type": TYPES[kind],
            "probability": DEGREES[degree],
            "label": np.where(degree > 1, "defective", "sound"),
        }
    )
    signal = np.stack([degree + rng.normal(0, 0.7, count), kind], axis=1)
    return signal, table


SIGNAL, TABLE = solar_cells()
FIT = (TABLE["split"] == "train").to_numpy()


def fitted(column, rows=FIT, **options):
    head = LogisticRegression(max_iter=500, **options)
    return head.fit(SIGNAL[rows], TABLE[column][rows])


def saying(classes):
    """A head that says one thing, whatever the features."""
    return types.SimpleNamespace(predict=lambda x: np.asarray(classes))


def check_head(head):
    return check("fe-09", head, SIGNAL, TABLE)


def own(column):
    return TABLE[column][~FIT].to_numpy()


@pytest.mark.parametrize("column", ["type", "probability"])
def test_a_head_for_another_label_passes(work, column):
    head = fitted(column)
    assert check_head(head)[0] == "passed"
    shares = head.predict_proba(SIGNAL[~FIT])
    assert check_head(saying(shares))[0] == "passed"
    assert check_head(saying(shares.argmax(axis=1)))[0] == "passed"


def test_a_sigmoid_for_the_type_passes_either_way_round(work):
    shares = fitted("type").predict_proba(SIGNAL[~FIT])
    assert check_head(saying(shares[:, :1]))[0] == "passed"
    assert check_head(saying(shares[:, 1:]))[0] == "passed"


def test_a_keras_head_passes(work):
    head = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    linear = fitted("probability")
    head.set_weights([linear.coef_.T, linear.intercept_])
    assert check_head(head)[0] == "passed"


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (fitted("label"), "sound cells from defective ones"),
        (saying(own("label") == "defective"), "as the lesson's"),
        (saying(own("label")), "sound cells from defective ones"),
        (saying(own("probability")), "too good"),
        (saying(np.roll(own("probability"), 1)), "guessing has 0.25"),
        (saying(["0.00"] * 100), "calls every cell '0.00'"),
        (saying(np.zeros((100, 3))), "3 outputs"),
        (saying(["dark"] * 100), "Which classes are dark"),
        (saying(np.zeros(50)), "for 100 cells"),
        (saying(np.arange(100)), "no class 99"),
        (saying(np.zeros((100, 2, 2))), "one class a cell"),
        (saying(np.full(100, np.nan)), "no classes"),
        ("head", "has a `predict`"),
    ],
)
def test_each_misconception_about_the_head_is_named(work, head, named):
    status, message = check_head(head)
    assert status == "failed" and named in message


def test_a_class_that_is_never_named_is_told(work):
    degrees = fitted("probability").predict(SIGNAL[~FIT])
    degrees = np.where(degrees == "0.67", "1.00", degrees)
    status, message = check_head(saying(degrees))
    assert status == "partial" and "never says 0.67" in message


# fe-05: cache and augmentation.

flip = keras.layers.RandomFlip(seed=0)


def augment(images, labels):
    return flip(images, training=True), labels


def source():
    reads = []

    def fetch():
        for image, label in zip(IMAGES, LABELS, strict=True):
            reads.append(int(label))
            yield image, label

    spec = tf.TensorSpec((8, 8, 3)), tf.TensorSpec((), tf.int32)
    return tf.data.Dataset.from_generator(fetch, output_signature=spec), reads


def numpy_flip(images, labels):
    def some(images):
        images = images.copy()
        chosen = RNG.random(len(images)) < 0.5
        images[chosen] = images[chosen, :, ::-1]
        return images

    return tf.numpy_function(some, [images], tf.float32), labels


def noise(images, labels):
    return images + tf.random.uniform(tf.shape(images), 0, 9), labels


def other_labels(images, labels):
    return images, tf.zeros_like(labels)


def augment_one(image, label):
    return flip(image[tf.newaxis], training=True)[0], label


@pytest.mark.parametrize(
    "make",
    [
        lambda ds: ds.batch(16).cache().map(augment),
        lambda ds: ds.cache().batch(16).map(augment).prefetch(1),
        lambda ds: ds.cache().shuffle(40).map(augment_one).batch(16),
        lambda ds: ds.batch(16).cache().map(numpy_flip),
    ],
)
def test_a_right_pipeline_passes_however_built(work, make):
    pictures, reads = source()
    assert check("fe-05", make(pictures), reads, IMAGES, LABELS)[0] == "passed"


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda ds: ds.batch(16).map(augment).cache(), "flips were cached"),
        (
            lambda ds: (
                ds.batch(16)
                .map(augment)
                .cache()
                .unbatch()
                .shuffle(40)
                .batch(16)
            ),
            "flips were cached",
        ),
        (lambda ds: ds.batch(16).map(augment), "fetched again"),
        (lambda ds: ds.batch(16).cache(), "No picture is flipped"),
        (
            lambda ds: ds.cache().shuffle(40).batch(16),
            "No picture is flipped",
        ),
        (lambda ds: ds.cache().map(augment_one), "into batches"),
        (lambda ds: ds.batch(8).cache().map(augment), "not of 8"),
        (lambda ds: ds.batch(500).cache().map(augment), "not of 40"),
        (lambda ds: ds.batch(16).cache().map(noise), "nor flips of them"),
        (
            lambda ds: ds.batch(16).cache().map(augment).map(other_labels),
            "lost their own label",
        ),
        (
            lambda ds: (
                tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))
                .batch(16)
                .cache()
                .map(augment)
            ),
            "never asks the source",
        ),
        (
            lambda ds: ds.batch(16, drop_remainder=True).cache().map(augment),
            "each picture once",
        ),
        (
            lambda ds: ds.batch(16).cache().map(augment).repeat(),
            "never ends",
        ),
        (
            lambda ds: (
                ds.batch(16)
                .cache()
                .map(augment)
                .map(lambda images, labels: (images / 255, labels))
            ),
            "were scaled",
        ),
        (
            lambda ds: (
                ds.batch(16)
                .cache()
                .map(augment)
                .map(lambda images, labels: images)
            ),
            "a pair",
        ),
        (lambda ds: [IMAGES], "not list"),
    ],
)
def test_each_misconception_about_the_pipeline_is_named(work, make, named):
    pictures, reads = source()
    status, message = check("fe-05", make(pictures), reads, IMAGES, LABELS)
    assert status == "failed" and named in message


def test_a_pipeline_that_does_not_end_is_told(work):
    pictures, reads = source()
    endless = pictures.batch(16).cache().map(augment).repeat()
    endless = endless.filter(lambda images, labels: True)
    status, message = check("fe-05", endless, reads, IMAGES, LABELS)
    assert status == "failed" and "leave out `repeat`" in message
