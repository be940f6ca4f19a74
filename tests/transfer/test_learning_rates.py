"""Looking for a learning rate leaves everything as it was."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import freeze
from course_utils.transfer.learning_rates import find_learning_rate
from tests.tiny_models import IMAGES, KINDS, LABELS, base, build, functional

DATA = (IMAGES, LABELS)


def dice():
    return (
        random.random(),
        np.random.random(),
        float(keras.random.uniform(())),
        float(tf.random.uniform(())),
    )


def fit(model, data=DATA):
    arguments = data if isinstance(data, tuple) else (data,)
    return model.fit(*arguments, batch_size=None, verbose=0).history["loss"]


@pytest.mark.usefixtures("without_graphs")
@pytest.mark.parametrize(
    ("kind", "as_dataset"),
    [
        pytest.param(functional, False, marks=pytest.mark.graphs),
        *((kind, False) for kind in KINDS if kind is not functional),
        *((kind, True) for kind in KINDS),
    ],
)
def test_model_optimizer_and_random_state_are_untouched(kind, as_dataset):
    data = DATA
    if as_dataset:
        data = tf.data.Dataset.from_tensor_slices(DATA).batch(8)
    results = []
    for find in (False, True):
        keras.utils.clear_session()  # In Keras 3.8 a seed is not enough.
        keras.utils.set_random_seed(1)
        base_model = base()
        freeze(base_model)
        model = build(kind, base_model)
        model.compile(
            keras.optimizers.Adam(0.01), model.loss, metrics=["accuracy"]
        )
        fit(model, data)
        before = [np.array(v) for v in model.optimizer.variables]
        optimizer, function = model.optimizer, model.train_function
        if find:
            find_learning_rate(model, data, steps=3)
        assert model.optimizer is optimizer
        assert model.train_function is function
        after = [np.array(v) for v in optimizer.variables]
        assert all(map(np.array_equal, before, after))
        results.append((dice(), fit(model, data), model.get_weights()))
    assert results[0][:2] == results[1][:2]
    assert all(map(np.array_equal, results[0][2], results[1][2]))


def line(loss="mse", **options):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.layers[0].kernel.assign([[3.0]])
    model.compile(keras.optimizers.SGD(1.0), loss, **options)
    return model


def numbers():
    x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
    return x, -x[:, 0]


def test_losses_are_raw_and_rates_rise():
    # Batches of one picture whose losses differ by orders of magnitude.
    x = np.array([[1.0], [10.0], [1.0]], "float32")
    data = tf.data.Dataset.from_tensor_slices((x, np.zeros(3))).batch(1)
    found = find_learning_rate(line(), data, 1e-9, 1e-8, steps=3)
    np.testing.assert_allclose(found.losses, [9, 900, 9], rtol=1e-4)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-9, 1e-8, 3))


def test_the_suggestion_trains_and_its_hundredfold_does_not():
    found = find_learning_rate(line(), numbers(), 1e-5, 100)
    assert len(found.rates) < 100, "it ends when the loss has exploded"
    assert found.losses.shape == found.rates.shape == found.smoothed.shape
    final = {}
    for factor in (1, 100):
        model = line()
        model.optimizer.learning_rate = factor * found.suggestion
        model.fit(*numbers(), epochs=20, verbose=0)
        final[factor] = model.evaluate(*numbers(), verbose=0)
    assert final[1] < 0.5 * line().evaluate(*numbers(), verbose=0)
    assert not final[100] < 1


def test_a_plain_function_as_loss_and_layers_of_ones_own():
    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    model = keras.Sequential(
        [keras.Input((1,)), Twice(), keras.layers.Dense(1)]
    )
    model.compile("adam", loss=lambda y, p: keras.ops.mean((y - p) ** 2))
    assert len(find_learning_rate(model, numbers(), steps=5).rates) == 5


def test_several_labels():
    inputs = keras.Input((1,))
    heads = {name: keras.layers.Dense(1, name=name)(inputs) for name in "ab"}
    model = keras.Model(inputs, heads)
    model.compile("sgd", {"a": "mse", "b": "mse"})
    x, y = numbers()
    data = (x, {"a": y, "b": y})
    assert len(find_learning_rate(model, data, steps=5).rates) == 5


class NoConfig(keras.Model):
    def __init__(self, function):
        super().__init__()
        self.head = keras.layers.Dense(1)
        self.function = function

    def call(self, x):
        return self.head(x)


class Sharing(NoConfig):
    """Its copy would have the very layer of the original."""

    def __init__(self, head):
        super().__init__(len)
        self.head = head

    def get_config(self):
        return {"head": self.head}


def test_what_cannot_be_tried_is_a_sentence():
    frozen = line()
    frozen.trainable = False
    strange = NoConfig(len)
    strange.compile("sgd", "mse")
    sharing = Sharing(keras.layers.Dense(1))
    sharing.compile("sgd", "mse")
    broken = (numbers()[0] * np.nan, numbers()[1])
    for model, data, options, said in [
        (strange, numbers(), {}, "cannot be copied.* Give NoConfig a get"),
        (sharing, numbers(), {}, "cannot be copied.* hands out its very"),
        (keras.Sequential([keras.layers.Dense(1)]), numbers(), {}, "compile"),
        (line(), broken, {}, "no finite number before any step"),
        (
            line(),
            numbers(),
            {"lowest": 1, "highest": 0.1},
            "highest is 0.1",
        ),
        (line(), numbers(), {"steps": 0.5}, "steps is 0.5"),
        (line(), numbers(), {"steps": 10**9}, "steps is 1000000000"),
        (frozen, numbers(), {}, "is frozen"),
        (line(), numbers(), {"steps": 0}, "steps is 0"),
        (
            line(),
            numbers(),
            {"lowest": "1e-6"},
            "lowest is '1e-6'",
        ),
        (line(), numbers(), {"batch_size": 0}, "batch_size is 0"),
        (build(functional, base()), (IMAGES, LABELS + 1), {}, "label is 2"),
    ]:
        with pytest.raises(CourseError, match=said):
            find_learning_rate(model, data, **options)


def test_a_smoke_run_takes_three_steps(monkeypatch):
    monkeypatch.setenv("COURSE_SMOKE", "1")
    assert len(find_learning_rate(line(), numbers()).rates) == 3


def test_one_hard_batch_ends_nothing():
    x = np.ones((20, 1), "float32")
    x[11] = 2.2  # nearly five times the loss of the others
    data = tf.data.Dataset.from_tensor_slices((x, np.zeros(20))).batch(1)
    found = find_learning_rate(line(), data, 1e-9, 1e-8, steps=20)
    assert len(found.losses) == 20 and found.losses[11] > 4 * found.losses[0]


def losses_of(*scales):
    """Looks for a rate on batches of one picture, too slow to learn."""
    x = np.array(scales, "float32")[:, None]
    data = tf.data.Dataset.from_tensor_slices((x, np.zeros(len(x)))).batch(1)
    return find_learning_rate(line(), data, 1e-9, 1e-8, steps=len(x))


def test_the_suggestion_is_a_tenth_of_where_the_smoothed_loss_is_lowest():
    # The fourth batch is the easiest, by luck.
    found = losses_of(1, 1, 1, 0, *[1] * 6, 0.1, 0.1, 0.1, *[1] * 7)
    assert found.losses.argmin() == 3 and found.smoothed.argmin() == 12
    assert found.suggestion == pytest.approx(found.rates[12] / 10)


def test_it_ends_when_the_loss_has_grown_though_it_is_a_number():
    assert len(losses_of(*[1] * 12, *[10] * 8).losses) == 13
    # Not within the first ten steps, which are few to average.
    assert len(losses_of(1, *[10] * 19).losses) == 11


@pytest.mark.usefixtures("without_graphs")
def test_a_loss_below_zero_is_followed_to_the_end():
    model = build(functional, base())
    model.compile("sgd", keras.losses.CosineSimilarity())
    data = IMAGES, model(IMAGES).numpy()
    found = find_learning_rate(model, data, 1e-6, 1e-3, steps=30)
    assert found.losses.max() < 0 and len(found.losses) == 30


@pytest.mark.usefixtures("without_graphs")
def test_a_train_step_without_a_loss_is_told():
    class Silent(keras.Sequential):
        def train_step(self, data):
            return {"seen": 1.0}

    model = Silent([base(), keras.layers.GlobalAveragePooling2D()])
    model.compile("sgd", "mse")
    with pytest.raises(CourseError, match="returns no 'loss'"):
        find_learning_rate(model, (IMAGES, np.zeros((16, 4))))
