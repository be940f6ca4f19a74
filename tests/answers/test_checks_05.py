"""Lesson 05's checks: solution, stub, misconceptions, right in another way."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image
from scipy import stats

from benchmarks import transfer_methods
from course_utils import course
from course_utils.backbones.preprocessing import PictureScaling
from course_utils.evaluation.classification_scores import compare
from course_utils.evaluation.heat_maps import grad_cam
from course_utils.evaluation.intervals import wilson_interval
from tests.conftest import TOP

# Seven groups: two of one picture, five of two or three.
GROUPS = np.array([0, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6])
PARTS = np.array(
    "train test train train train test train test validation "
    "validation train test test".split()
)
LABELS = np.repeat([0, 1, 2], [30, 20, 5])
PREDICTIONS = LABELS.copy()
PREDICTIONS[[0, 1, 2, 30, 31, 32, 33, 34, 50, 51]] = [2, 2, 1, *[0] * 5, 0, 1]
OTHERS = LABELS.copy()
OTHERS[[0, 3, 4, 32, 33, 40, 51]] = [1, 1, 2, 2, 2, 0, 0]
for array in (GROUPS, PARTS, LABELS, PREDICTIONS, OTHERS):
    array.setflags(write=False)


def check(name, *given):
    result = course.exercise(name).check(*given)
    return result.status, result.message


@pytest.mark.parametrize(
    ("name", "dots"),
    [("yo-01", 3), ("yo-02", 4), ("yo-03", 4), ("yo-04", 4), ("yo-05", 4)],
)
def test_the_stub_is_not_attempted(work, name, dots):
    assert check(name, *[...] * dots)[0] == "not attempted"


# yo-01: groups that a split by chance tears.


@pytest.mark.parametrize("answer", [3, 3.0, np.int64(3), tf.constant(3)])
def test_the_torn_groups_pass(work, answer):
    status, message = check("yo-01", answer, GROUPS, PARTS)
    assert status == "passed" and "3 of 5 groups" in message
    table = pd.DataFrame({"group": GROUPS, "part": PARTS})
    counted = (table.groupby("group")["part"].nunique() > 1).sum()
    assert check("yo-01", counted, table["group"], PARTS)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (7, "Those are the pictures in torn groups|all groups, and most"),
        (2, "stay whole|in training and in test"),
        (5, "torn or not"),
        (4, "count the others"),
        (11, "count groups"),
        (50, "not 50"),
        ("3", "not '3'"),
        (None, "not None"),
        (GROUPS, "should be one number"),
    ],
)
def test_each_misconception_about_torn_groups_is_named(work, answer, named):
    status, message = check("yo-01", answer, GROUPS, PARTS)
    assert status == "failed"
    assert any(part in message for part in named.split("|"))


def test_torn_between_training_and_test_only_is_named(work):
    groups = np.repeat(np.arange(6), 2)
    parts = np.array(["train", "test"] * 2 + ["train", "validation"] * 4)
    status, message = check("yo-01", 2, groups, parts)
    assert status == "failed" and "validation and another part" in message


def test_a_folder_without_groups_passes_with_none(work):
    status, message = check("yo-01", 0, np.arange(13), PARTS)
    assert status == "passed" and "nothing was tested" in message


# yo-02: the interval of the recall of class 2, 3 of 5; precision 3 of 5 too,
# so the precision is judged on class 1: 15 of 20, and 15 of 17.


def test_the_interval_passes_by_hand_and_by_helper(work):
    exact = wilson_interval(3, 5)
    for pair in (exact, np.round(exact, 3), list(exact), tf.constant(exact)):
        status, message = check("yo-02", pair, LABELS, PREDICTIONS, 2)
        assert status == "passed" and "3 of 5" in message
    status, _ = check(
        "yo-02", wilson_interval(15, 20), LABELS, PREDICTIONS, np.int64(1)
    )
    assert status == "passed"


def clopper_pearson(right, count):
    return stats.binomtest(right, count).proportion_ci(method="exact")


def plus_minus(right, count):
    share = right / count
    half = 1.96 * np.sqrt(share * (1 - share) / count)
    return share - half, share + half


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (wilson_interval(15, 20)[::-1], "swapped"),
        (100 * np.array(wilson_interval(15, 20)), "percentages"),
        (plus_minus(15, 20), "plus and minus"),
        (wilson_interval(45, 55), "of the accuracy"),
        (wilson_interval(15, 17), "of the precision"),
        (wilson_interval(15, 55), "all test pictures"),
        (wilson_interval(5, 20), "share of mistakes"),
        (wilson_interval(33, 35), "of the other classes"),
        (clopper_pearson(15, 20), "exact interval"),
        (np.round(wilson_interval(15, 20), 1), "three digits"),
        (wilson_interval(15, 20, 0.9), "nine times in ten"),
        (wilson_interval(15, 20, 0.6827), "two times in three"),
        ((0.1, 0.2), "not 0.1 to 0.2"),
        (0.75, "pair of numbers"),
        ((15, 20, 3), "pair of numbers"),
        (None, "not None"),
    ],
)
def test_each_misconception_about_the_interval_is_named(work, answer, named):
    status, message = check("yo-02", answer, LABELS, PREDICTIONS, 1)
    assert status == "failed" and named in message


def test_an_interval_of_two_digits_is_named(work):
    rounded = np.round(wilson_interval(27, 30), 2)
    status, message = check("yo-02", rounded, LABELS, PREDICTIONS, 0)
    assert status == "failed" and "three digits" in message


# yo-03: the discordant pairs.


def test_the_pairs_pass(work):
    found = compare(LABELS, PREDICTIONS, OTHERS)
    assert (found.only_first, found.only_other) == (3, 6)
    for pair in ((3, 6), [3.0, 6.0], np.array([3, 6]), tf.constant([3, 6])):
        assert check("yo-03", pair, LABELS, PREDICTIONS, OTHERS)[0] == "passed"
    assert check("yo-03", (0, 0), LABELS, OTHERS, OTHERS)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ((6, 3), "swapped"),
        ((45, 48), "all that each names rightly"),
        ((10, 7), "mistakes of each"),
        ((42, 4), "on which they agree"),
        ((3 / 55, 6 / 55), "give counts"),
        ((12, 0), "not 12 and 0"),
        (3, "pair of numbers"),
        ("3, 6", "pair of numbers"),
    ],
)
def test_each_misconception_about_the_pairs_is_named(work, answer, named):
    status, message = check("yo-03", answer, LABELS, PREDICTIONS, OTHERS)
    assert status == "failed" and named in message


def test_differing_answers_are_not_differing_rightness(work):
    differing = int((PREDICTIONS != OTHERS).sum())
    status, message = check(
        "yo-03", (differing, 0), LABELS, PREDICTIONS, OTHERS
    )
    assert status == "failed" and "wrong in different ways" in message


# yo-04: Grad-CAM by hand, on a small network with random weights.

PICTURE = np.random.default_rng(1).uniform(0, 255, (1, 64, 64, 3))
PICTURE = PICTURE.astype("float32")
PICTURE.setflags(write=False)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(12, 16, 16, activation="relu")(x)
    base_model = keras.Model(inputs, x, name="base")
    return keras.Sequential(
        [
            base_model,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def by_hand(model, class_index, probability=False, relu=True, average=True):
    base_model, _, units = model.layers
    feature_map = base_model(PICTURE)
    with tf.GradientTape() as tape:
        tape.watch(feature_map)
        averages = tf.reduce_mean(feature_map, axis=(1, 2))
        scores = averages @ units.kernel + units.bias
        if probability:
            scores = tf.nn.softmax(scores)
        score = scores[:, class_index]
    weights = tape.gradient(score, feature_map)
    if average:
        weights = tf.reduce_mean(weights, axis=(1, 2), keepdims=True)
    heat = tf.reduce_sum(weights * feature_map, axis=-1)
    return tf.nn.relu(heat) if relu else heat


def some_class(model):
    """A class for which something speaks, and something against."""
    for class_index in range(3):
        heat = np.asarray(by_hand(model, class_index, relu=False))
        if heat.min() < 0 < heat.max():
            return class_index
    raise AssertionError("choose another seed")


def check_heat(heat, model, class_index):
    return check("yo-04", heat, model, PICTURE, class_index)


def test_a_heat_map_by_hand_passes_in_any_size_and_scale(work, model):
    before = model.get_weights()
    for class_index in range(3):
        heat = by_hand(model, class_index)
        assert check_heat(heat, model, class_index)[0] == "passed"
        assert check_heat(heat[0], model, class_index)[0] == "passed"
        assert check_heat(17 * heat, model, class_index)[0] == "passed"
        assert check_heat(heat[..., None], model, class_index)[0] == "passed"
        helper = grad_cam(model, PICTURE, class_index)
        assert check_heat(helper, model, class_index)[0] == "passed"
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    "enlarge",
    [
        lambda heat: tf.image.resize(heat, (64, 64), "nearest"),
        lambda heat: tf.image.resize(heat, (128, 128), "bicubic"),
        lambda heat: tf.image.resize(heat, (64, 64), "lanczos3"),
        lambda heat: np.round(tf.image.resize(heat / heat.max(), (64, 64)), 2),
        lambda heat: np.round(255 * heat / heat.max()),
    ],
)
def test_a_heat_map_may_be_enlarged_and_rounded(work, model, enlarge):
    wanted = some_class(model)
    heat = np.asarray(by_hand(model, wanted))[..., np.newaxis]
    given = np.asarray(enlarge(heat))
    assert check_heat(given, model, wanted)[0] == "passed"
    assert check_heat(given[..., 0], model, wanted)[0] == "passed"


def test_each_misconception_about_the_heat_is_named(work, model):
    wanted = some_class(model)
    given = int(np.argmax(model(PICTURE)))
    others = [c for c in range(3) if c != wanted]
    signed = np.asarray(by_hand(model, wanted, relu=False))
    cases = [
        (signed, "let it become 0"),
        (-signed, "sign is reversed"),
        (by_hand(model, wanted, probability=True), "before softmax"),
        (np.ones((1, 4, 4)), "not what speaks for"),
        (np.full((1, 4, 4), np.nan), "no finite"),
        (model.layers[0](PICTURE), "still has channels"),
        (np.ones(16), "should be a map"),
        ("warm", "not 'warm'"),
    ]
    for other in others:
        if np.asarray(by_hand(model, other)).any():
            what = "that the model gave" if other == given else "another class"
            cases.append((by_hand(model, other), what))
    assert len(cases) > 8
    for heat, named in cases:
        status, message = check_heat(heat, model, wanted)
        assert status == "failed" and named in message, (named, message)


def test_a_class_for_which_nothing_speaks_is_right_with_nothing(work, model):
    units = model.layers[-1]
    before = units.get_weights()
    units.set_weights([-np.abs(before[0]), before[1]])
    try:
        heat = by_hand(model, 0)
        assert not np.asarray(heat).any()
        status, message = check_heat(heat, model, 0)
        assert status == "passed" and "Nothing" in message
    finally:
        units.set_weights(before)


# yo-05: the names that a saved model gives.

NAMES = ["ants", "bees", "moths"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model that names pictures by their colour, and twelve of these."""
    folder = tmp_path_factory.mktemp("saved")
    x = inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(x)
    # In the dark, and so after a division by 255, everything is a moth.
    outputs = keras.layers.Dense(3, "softmax")(x)
    model = keras.Model(inputs, outputs)
    model.set_weights([np.eye(3), np.array([0.0, 0.0, 50.0])])
    model.save(folder / "model.keras")
    (folder / "class_names.json").write_text(json.dumps(NAMES))
    files = []
    for number in range(12):
        colour = [0, 0, 0]
        colour[number % 3] = 220
        # Half of them lie in a wrong folder.
        label = NAMES[number % 3 if number < 6 else (number + 1) % 3]
        (folder / label).mkdir(exist_ok=True)
        files.append(folder / label / f"{number}.png")
        Image.new("RGB", (20, 30), tuple(colour)).save(files[-1])
    return folder / "model.keras", files, folder


RIGHT = NAMES * 4


def test_the_names_pass(work, saved):
    path, files, folder = saved
    status, message = check("yo-05", RIGHT, files, path, folder)
    assert status == "passed" and "6 of 12" in message
    given = tuple(RIGHT), files, str(path), str(folder)
    assert check("yo-05", *given)[0] == "passed"
    texts = [str(file) for file in files]
    assert check("yo-05", np.array(RIGHT), texts, path, folder)[0] == "passed"


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_a_model_of_one_output_names_two_classes(
    work, saved, tmp_path, activation
):
    _, files, folder = saved
    x = inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(1, activation)(x))
    # What is red is an ant, everything else a bee.
    model.set_weights([np.array([[-1.0], [0], [0]]), np.array([0.3])])
    model.save(tmp_path / "model.keras")
    (tmp_path / "class_names.json").write_text(json.dumps(NAMES[:2]))
    given = files, tmp_path / "model.keras", folder
    right = ["ants", "bees", "bees"] * 4
    assert check("yo-05", right, *given)[0] == "passed"
    assert "reversed" in check("yo-05", ["bees", "ants", "ants"] * 4, *given)[1]


def test_only_the_folder_of_the_class_counts(work, saved, tmp_path):
    # Above it lies one that is named like a class, below it another.
    path, files, _ = saved
    folder = tmp_path / "ants"
    deeper = []
    for number, label in enumerate(RIGHT):
        inside = folder / label / "bees"
        inside.mkdir(parents=True, exist_ok=True)
        deeper.append(inside / f"{number}.png")
        deeper[-1].write_bytes(files[number].read_bytes())
    status, message = check("yo-05", RIGHT, deeper, path, folder)
    assert status == "passed" and "12 of 12" in message
    told = check("yo-05", ["ants"] * 12, deeper, path, folder)[1]
    assert "of their folders" not in told


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ([0, 1, 2] * 4, "numbers of classes"),
        (["moths"] * 12, "0 to 1"),
        (["moths", "bees", "ants"] * 4, "reversed"),
        (RIGHT[:6] + ["bees", "moths", "ants"] * 2, "of their folders"),
        (["bees", "moths", "ants"] * 4, "another order"),
        (["ants"] * 12, "8 of 12 are named otherwise"),
        (RIGHT[:11], "12 files, and 11 names"),
        (["wasps", *RIGHT[1:]], "'wasps' is no class"),
        ([["ants"]] * 12, "one name"),
        ("ants", "not 'ants'"),
        (None, "not None"),
    ],
)
def test_each_misconception_about_the_names_is_named(
    work, saved, answer, named
):
    path, files, folder = saved
    status, message = check("yo-05", answer, files, path, folder)
    assert status == "failed" and named in message


def test_wrong_names_are_named_where_the_model_refuses_a_wrong_scale(
    work, saved, tmp_path
):
    path, files, folder = saved
    inner = keras.saving.load_model(path)
    inputs = keras.Input((16, 16, 3))
    scaling = PictureScaling(scale=1, offset=0)
    model = keras.Model(inputs, inner(scaling(inputs)))
    model.save(tmp_path / "model.keras")
    (tmp_path / "class_names.json").write_text(json.dumps(NAMES))
    given = files, tmp_path / "model.keras", folder
    assert check("yo-05", RIGHT, *given)[0] == "passed"
    status, message = check("yo-05", ["ants"] * 12, *given)
    assert status == "failed" and "named otherwise" in message


# What the text says of others' runs.


def test_the_text_says_of_scratch_what_the_report_says():
    runs = pd.read_csv(TOP / "data" / "experiments" / "transfer.csv")
    runs = runs[(runs.stage == "report") & (runs.backbone == "residual")]
    wide = runs.pivot(
        index=["target", "labels", "seed"], columns="method", values="value"
    )
    defects = wide.loc["defects"]
    assert (defects["frozen"] > defects["scratch"]).all()
    assert (defects["fine-tuned"] > defects["scratch"]).all()
    digits = wide.loc["digits"].mean()
    assert digits["scratch"] > max(digits["frozen"], digits["fine-tuned"])
    # The lesson gives scratch 22 epochs of some six batches.
    assert transfer_methods.STEPS["scratch"][100] > 2 * 22 * 6


def test_the_quiz_says_of_intervals_what_they_are():
    low, high = wilson_interval(3, 3)
    assert 0.4 < low < 0.5 and high == 1
    assert 0.5**3 == 1 / 8
    assert wilson_interval(17, 20)[1] > low
    labels = np.zeros(60, int)
    first, other = np.ones((2, 60), int)
    first[:48] = 0  # 7 right here only, 4 there only: 41 in both
    other[7:52] = 0
    found = compare(labels, first, other)
    assert (found.right, found.other_right) == (48, 45)
    assert (found.only_first, found.only_other) == (7, 4)
    assert found.verdict == "undecided" and found.p_value > 0.5
