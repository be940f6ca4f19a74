"""What a sentence advises works when it is followed."""

import re

import keras
import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.transfer.compiling import recompile
from course_utils.transfer.feature_extraction import extract_features
from course_utils.transfer.freezing import freeze, unfreeze
from course_utils.transfer.learning_rates import find_learning_rate
from course_utils.transfer.training_label_checks import check_labels
from course_utils.transfer.two_phase_training import two_phase_fit
from tests.tiny_models import IMAGES, LABELS, ONE_BATCH, base, build, functional

pytestmark = pytest.mark.usefixtures("without_graphs")
DATA = (IMAGES, LABELS)
X, Y = np.ones((8, 4), "float32"), np.ones((8, 2), "float32")
register = keras.saving.register_keras_serializable


def find(layer):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2)(layer(inputs))
    model = keras.Model(inputs, outputs, name="line")
    model.compile("sgd", "mse")
    return find_learning_rate(model, (X, Y), steps=2, batch_size=4)


class Quiet(keras.layers.Layer):
    def __init__(self, inner, **options):
        super().__init__(**options)
        self.inner = inner

    def call(self, x):
        return self.inner(x)


class Told(Quiet):
    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super(Quiet, self).get_config(), "inner": inner}

    @classmethod
    def from_config(cls, config):
        inner = keras.saving.deserialize_keras_object(config.pop("inner"))
        return cls(inner, **config)


class Lent(Told):
    def get_config(self):
        return {"inner": self.inner}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Whole(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.inner = dense()

    def call(self, x):
        return self.inner(x)


class Small(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.01 * keras.ops.sum(x**2)


@register("advice")
class Registered(Small):
    def get_config(self):
        return {}


@register("advice")
def twice(x):
    return 2 * x


class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def dense(**options):
    return keras.layers.Dense(3, **options)


def widened():
    """Adapters in the layers of a layer, which its settings do not tell."""
    layer = Whole()
    layer(X)
    layer.inner.enable_lora(2)
    return layer


@pytest.mark.filterwarnings("ignore:The object being serialized")
@pytest.mark.parametrize(
    ("wrong", "named", "right"),
    [
        (
            lambda: Quiet(dense()),
            r"\(Quiet\).*Give Quiet a get_config .*deserialize_keras_object",
            lambda: Told(dense()),
        ),
        (
            lambda: Lent(dense()),
            "Give Lent a get_config .* from_config that makes layers",
            lambda: Told(dense()),
        ),
        (
            lambda: keras.layers.Lambda(lambda x: 2 * x),
            "Lambda.*Write it as a layer of your own",
            Twice,
        ),
        (
            lambda: dense(activation=lambda x: 2 * x),
            r"\(Dense\).*no lambda, but a function or class of your own under",
            lambda: dense(activation=twice),
        ),
        (
            lambda: dense(kernel_regularizer=Small()),
            r"\(Dense\).*with get_config for a class",
            lambda: dense(kernel_regularizer=Registered()),
        ),
        (
            widened,
            "perhaps by enable_lora. Look for the rate before that",
            Whole,
        ),
    ],
)
def test_a_model_that_cannot_be_copied(wrong, named, right):
    with pytest.raises(CourseError, match=named) as caught:
        find(wrong())
    assert "functional API" not in str(caught.value)
    assert len(find(right()).rates) == 2


def head(outputs, loss):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(outputs)])
    model.compile("sgd", loss)
    return model


ONE_HOT = np.eye(3)[[0, 1, 2, 0]]
CATEGORICAL = keras.losses.CategoricalCrossentropy(from_logits=True)
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
BINARY = keras.losses.BinaryCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    ("outputs", "loss", "labels", "said", "others"),
    [
        (
            *(3, SPARSE, ONE_HOT, "CategoricalCrossentropy with from_logits=T"),
            [(3, SPARSE, ONE_HOT.argmax(axis=-1)), (3, CATEGORICAL, ONE_HOT)],
        ),
        (
            *(1, CATEGORICAL, np.arange(4) % 3, "one output a class"),
            [(3, CATEGORICAL, ONE_HOT), (3, SPARSE, np.arange(4) % 3)],
        ),
        (
            *(1, BINARY, np.arange(4) % 3, "give the head one output a class"),
            [(3, SPARSE, np.arange(4) % 3)],
        ),
        (
            *(2, BINARY, np.arange(4) % 2, "give the head one output a class"),
            [(2, SPARSE, np.arange(4) % 2)],
        ),
        (
            *(2, SPARSE, np.arange(4) % 3, "count classes from 0"),
            [(3, SPARSE, np.arange(4) % 3)],
        ),
    ],
)
def test_labels_that_do_not_fit(outputs, loss, labels, said, others):
    with pytest.raises(CourseError, match=said):
        check_labels(head(outputs, loss), (X[:4], labels))
    for outputs, loss, labels in others:
        check_labels(head(outputs, loss), (X[:4], labels))


def test_features_that_need_more_than_the_budget():
    base_model = base()
    pooled = keras.layers.GlobalAveragePooling2D()(base_model.output)
    with pytest.raises(CourseError, match="raise budget_bytes") as caught:
        extract_features(base_model, DATA, budget_bytes=300)
    (needed,) = re.findall(r"need ([\d,]+) bytes", str(caught.value))
    needed = int(needed.replace(",", ""))
    extract_features(base_model, DATA, budget_bytes=needed)
    few = IMAGES[:1], LABELS[:1]
    extract_features(base_model, few, budget_bytes=needed // 16)
    pooled = keras.Model(base_model.input, pooled)
    extract_features(pooled, DATA, budget_bytes=300)


def test_two_phases_that_cannot_be():
    model = build(functional, base_model := base())
    small = {"head_epochs": 1, "fine_tune_epochs": 1, "verbose": 0}
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.compile(keras.optimizers.SGD(schedule), model.loss)
    with pytest.raises(CourseError, match="give fine_tune_learning_rate"):
        two_phase_fit(model, base_model, ONE_BATCH, ONE_BATCH, **small)
    small["fine_tune_learning_rate"] = 0.01
    two_phase_fit(model, base_model, ONE_BATCH, ONE_BATCH, **small)
    with pytest.raises(CourseError, match="or set head_epochs=0"):
        two_phase_fit(model, model, ONE_BATCH, ONE_BATCH, **small)
    small["head_epochs"] = 0
    two_phase_fit(model, model, ONE_BATCH, ONE_BATCH, **small)


@pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"),
    reason="this Keras has no MultiOptimizer",
)
def test_several_rates_go_step_by_step():
    model = build(functional, base_model := base())
    rates = keras.optimizers.OptimizerMap(
        keras.optimizers.SGD(0.1), {"stem.*": keras.optimizers.SGD(0.01)}
    )
    model.compile(keras.optimizers.MultiOptimizer(rates), model.loss)
    for call in (
        lambda: two_phase_fit(
            model, base_model, ONE_BATCH, ONE_BATCH, verbose=0
        ),
        lambda: find_learning_rate(model, DATA),
        lambda: recompile(model, 0.1),
    ):
        with pytest.raises(CourseError, match="step by step with recompile"):
            call()
    for step in (freeze, unfreeze):
        step(base_model)
        recompile(model)
        model.fit(ONE_BATCH, verbose=0)
    found = [float(one.learning_rate) for one in model.optimizer.optimizers]
    assert sorted(found) == pytest.approx([0.01, 0.1])
