"""Lesson 07's checks: solution, stub, misconceptions, right in another way."""

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from course_utils import transfer
from tests.answers.checking import check

# be-01: the mean of three runs.

RNG = np.random.default_rng(0)
RUNS = [
    [RNG.normal(size=(3, 4)), RNG.normal(size=4), RNG.normal(size=())]
    for _ in range(3)
]
SOUP = [np.mean(arrays, axis=0) for arrays in zip(*RUNS, strict=True)]


@pytest.mark.parametrize(
    "answer", [SOUP, tuple(SOUP), list(map(tf.constant, SOUP))]
)
def test_a_mean_of_runs_passes(work, answer):
    assert check("be-01", answer, RUNS)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ([3 * mean for mean in SOUP], "That is the sum"),
        (RUNS[1], "one of the runs"),
        (SOUP[:2], "has 2 arrays, and the model has 3"),
        ([SOUP[0].T, *SOUP[1:]], "Array 0 of `my_soup`"),
        ([SOUP[0], SOUP[1] + 1, SOUP[2]], "1 of 3 arrays are not the mean"),
        (1.5, "list of arrays, not 1.5"),
    ],
)
def test_each_mistaken_soup_is_named(work, answer, named):
    status, message = check("be-01", answer, RUNS)
    assert status == "failed" and named in message


# be-02: a moving average of weights.

STEPS = list(np.cumsum(RNG.normal(size=(6, 5)), axis=0))


def moving(kept=0.9, start=STEPS[0]):
    average, found = start, []
    for now in STEPS[1:]:
        average = kept * average + (1 - kept) * now
        found.append(average)
    return found


@pytest.mark.parametrize("answer", [moving(), np.float32(moving())])
def test_a_moving_average_passes(work, answer):
    assert check("be-02", answer, STEPS)[0] == "passed"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (moving(0.1), "shares are swapped"),
        (moving(start=np.zeros(5)), "begins at zero"),
        ([STEPS[0], *moving()], "leave out the start"),
        (moving()[-1], "should be 5 rows of 5 numbers"),
        (
            [np.mean(STEPS[1 : n + 1], axis=0) for n in range(1, 6)],
            "mean of all steps so far",
        ),
        (STEPS[1:], "the weights themselves"),
        (moving(0.8), "0.9 times the first kernel plus 0.1 times"),
        (None, "not None"),
    ],
)
def test_each_mistaken_average_is_named(work, answer, named):
    status, message = check("be-02", answer, STEPS)
    assert status == "failed" and named in message


# be-03: adapters added to the kernels beside them.


def tiny(seed):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(6, 1, name="one", use_bias=False)(inputs)
    x = keras.layers.DepthwiseConv2D(3, name="deep")(x)
    x = keras.layers.Conv2D(5, 1, name="two")(x)
    return keras.Model(inputs, x)


@pytest.fixture
def adapters():
    """A model, the same with trained adapters, and pictures."""
    pool, grids = (
        keras.layers.GlobalAveragePooling2D(),
        RNG.random((8, 4, 4, 3)),
    )
    upper, adapted_upper = tiny(0), tiny(0)
    models = []
    for part in (upper, adapted_upper):
        head = keras.layers.Dense(1, kernel_initializer="he_normal")
        models.append(keras.Sequential([part, pool, head]))
        models[-1].build((None, 4, 4, 3))
    for name in ("one", "two"):
        layer = adapted_upper.get_layer(name)
        layer.enable_lora(2)
        layer.lora_kernel_b.assign(RNG.normal(size=layer.lora_kernel_b.shape))
    return *models, grids


def merged(model, adapted, times=1, head=True, names=("one", "two")):
    before = model.get_weights()
    for name in names:
        own = adapted.layers[0].get_layer(name)
        thin = own.lora_kernel_a.numpy() @ own.lora_kernel_b.numpy()
        twin = model.layers[0].get_layer(name)
        frozen, *rest = twin.get_weights()
        twin.set_weights([frozen + times * thin, *rest])
    if head:
        model.layers[-1].set_weights(adapted.layers[-1].get_weights())
    found = model.get_weights()
    model.set_weights(before)
    return found


def test_merged_adapters_pass_and_the_model_is_as_it_was(work, adapters):
    model, adapted, grids = adapters
    before = model.get_weights()
    answer = merged(model, adapted)
    status, message = check("be-03", answer, model, adapted, grids)
    assert status == "passed" and "no adapter is left" in message
    for one, own in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(one, own)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"names": ()}, "2 of 2 kernels are as they were"),
        ({"names": ("two",)}, "1 of 2 kernels are as they were"),
        ({"times": 2}, "2 of 2 kernels are not the frozen kernel plus"),
        ({"head": False}, "The head is not the trained one"),
    ],
)
def test_each_mistaken_merge_is_named(work, adapters, options, named):
    model, adapted, grids = adapters
    answer = merged(model, adapted, **options)
    status, message = check("be-03", answer, model, adapted, grids)
    assert status == "failed" and named in message


def test_the_weights_with_the_adapters_are_too_many(work, adapters):
    model, adapted, grids = adapters
    answer = adapted.get_weights()
    status, message = check("be-03", answer, model, adapted, grids)
    assert status == "failed" and "arrays, and the model has" in message


def test_whatever_else_was_changed_is_seen(work, adapters):
    model, adapted, grids = adapters
    answer = merged(model, adapted)
    place = [w.path.split("/")[-2] for w in model.weights].index("deep")
    answer[place] = answer[place] + 1
    status, message = check("be-03", answer, model, adapted, grids)
    assert status == "failed" and "something besides" in message


# be-04: a square of the next picture.


def cut_mix(
    pictures,
    labels,
    top,
    left,
    side,
    shift=-1,
    swapped=False,
    around=False,
    whole=False,
    plain=False,
    shares=False,
):
    mixed = np.array(pictures)
    if swapped:
        top, left = left, top
    inside = np.zeros(mixed.shape[1:3], bool)
    inside[top : top + side, left : left + side] = True
    where = ~inside if around else inside
    mixed[:, where] = np.roll(pictures, shift, axis=0)[:, where]
    share = side**2 / inside.size if whole else inside.mean()
    share = 1 - share if shares else share
    share = 0 if plain else share
    return mixed, (1 - share) * labels + share * np.roll(labels, shift)


def in_tensors(pictures, labels, *square):
    mixed, given = cut_mix(pictures, labels, *square)
    return tf.constant(mixed), tf.constant(given[:, None])


def in_place(pictures, labels, *square):
    pictures[:] = 0
    return pictures, labels


@pytest.mark.parametrize("function", [cut_mix, in_tensors])
def test_a_pasted_square_passes(work, function):
    assert check("be-04", function)[0] == "passed"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"shift": 1}, "from the picture before"),
        ({"swapped": True}, "top and left are swapped"),
        ({"around": True}, "what lies around the square"),
        ({"whole": True}, "count only the part of the square that lies in"),
        ({"plain": True}, "mix them, too"),
        ({"shares": True}, "shares of the two labels are swapped"),
    ],
)
def test_each_mistaken_square_is_named(work, options, named):
    status, message = check("be-04", lambda *given: cut_mix(*given, **options))
    assert status == "failed" and named in message


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (in_place, "work on a copy"),
        (lambda pictures, labels: 1, "raises TypeError"),
        (lambda *given: given[0], "should return pictures and labels"),
        (lambda *given: (given[0][:2], given[1]), "the pictures have shape"),
        (
            lambda *given: (cut_mix(*given)[0], given[1][:2]),
            "the labels have shape",
        ),
        (lambda *given: given[:2], "the pixels are not those"),
        (
            lambda *given: (cut_mix(*given)[0], given[1] / 2),
            "should count for 0.214",
        ),
        (7, "Pass a function"),
    ],
)
def test_what_is_no_such_function_is_named(work, function, named):
    status, message = check("be-04", function)
    assert status == "failed" and named in message


# be-05: the best of all changes by validation.

CHANGES = pd.DataFrame(
    [
        ("the recipe", 0, 0.80, 0.90),
        ("dropout", 0, 0.85, 0.86),
        ("MixUp", 0, 0.70, 0.95),
        ("the recipe", 1, 0.90, 0.80),
        ("dropout", 1, 0.85, 0.84),
        ("MixUp", 1, 0.88, 0.83),
    ],
    columns=["recipe", "seed", "validation_auc", "auc"],
)
GAINS = np.array([-0.04, 0.0])


@pytest.mark.parametrize(
    "answer", [GAINS, list(GAINS), pd.Series(GAINS), GAINS + 4e-4]
)
def test_the_gains_of_trying_all_pass(work, answer):
    status, message = check("be-05", answer, "keep the recipe", CHANGES)
    assert status == "passed" and "0 of 2 draws gained" in message


def test_the_advice_follows_from_the_gains(work):
    better = CHANGES.assign(auc=CHANGES["auc"] + [0, 0.2, 0, 0, 0, 0])
    given = [0.16, 0.0], "try all", better
    assert check("be-05", *given)[0] == "passed"
    assert check("be-05", given[0], "keep the recipe", better)[0] == "partial"


@pytest.mark.parametrize(
    ("answer", "advice", "named"),
    [
        ([0.05, 0.04], "try all", "chosen by the *test* modules"),
        ([0.86, 0.80], "try all", "subtract the recipe's"),
        ([0.05, 0.0], "try all", "on *validation*, where"),
        ([0.04, 0.0], "try all", "not the other way round"),
        ([0.3, 0.3], "try all", "The first gain is -0.040"),
        ([0.3], "try all", "2 numbers, one per seed"),
        (GAINS, "maybe", "should be 'try all' or"),
    ],
)
def test_each_mistaken_gain_is_named(work, answer, advice, named):
    status, message = check("be-05", answer, advice, CHANGES)
    assert status == "failed" and named in message


# be-06: a greedy soup. Each picture has one pixel a feature, so that a kernel
# of ones and zeros chooses what a score is made of.

TRUTH = np.tile([0, 1], 20)
NOISE = np.random.default_rng(1)
PIXELS = np.stack(
    [
        TRUTH + NOISE.normal(0, 0.9, 40),
        TRUTH + NOISE.normal(0, 1.0, 40),
        -3.0 * TRUTH,
    ],
    axis=1,
)


@pytest.fixture
def linear():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    names = ("first", "second", "harmful")
    kernels = np.eye(3, dtype="float32")[:, :, None]
    zero = np.zeros(1, "float32")
    runs = {n: [k, zero] for n, k in zip(names, kernels, strict=True)}
    return runs, model, PIXELS, TRUTH


def cooked(runs, *names):
    return transfer.average_weights([runs[name] for name in names])


def test_a_greedy_soup_passes_and_the_model_is_as_it_was(work, linear):
    runs, model, *_ = linear
    before = model.get_weights()
    answer = cooked(runs, "first", "second")
    given = answer, ["first", "second"], *linear
    status, message = check("be-06", *given)
    assert status == "passed" and "2 of 3 are in" in message
    for one, own in zip(model.get_weights(), before, strict=True):
        assert np.array_equal(one, own)


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["first"], "With 'second' the soup rises"),
        (["first", "second", "harmful"], "With 'harmful' the soup falls"),
        (["second", "first"], "It begins with 'second'"),
        (["first", "harmful", "second"], "its turn comes first"),
        (["first", "first"], "in twice"),
        (["third"], "not one of the candidates"),
        ([], "should be a list of names"),
    ],
)
def test_each_mistaken_choice_is_named(work, linear, names, named):
    runs = linear[0]
    known = [name for name in names if name in runs] or ["first"]
    status, message = check("be-06", cooked(runs, *known), names, *linear)
    assert status == "failed" and named in message


def test_weights_of_other_members_are_named(work, linear):
    answer = linear[0]["first"], ["first", "second"]
    status, message = check("be-06", *answer, *linear)
    assert status == "failed" and "not the mean of their weights" in message
