"""Recompiling: a new optimizer, and all else as it was."""

import keras
import numpy as np
import pytest

from course_utils import course
from course_utils.answers.checks import weights
from course_utils.machine.errors import CourseError
from course_utils.transfer.compiling import recompile
from course_utils.transfer.freezing import freeze, unfreeze
from tests.tiny_models import (
    IMAGES,
    KINDS,
    LABELS,
    base,
    build,
    fit,
    functional,
)

DATA = (IMAGES, LABELS)


def plain_loss(labels, outputs):
    labels = keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32")
    return keras.losses.sparse_categorical_crossentropy(
        labels, outputs, from_logits=True
    )


@pytest.mark.parametrize("kind", KINDS)
def test_recompiling_makes_flags_take_effect(kind):
    base_model = base()
    freeze(base_model)
    model = build(kind, base_model)
    model.compile(
        keras.optimizers.SGD(0.1, momentum=0.5),
        loss=plain_loss,
        metrics=["accuracy"],
    )
    fit(model)
    old = model.optimizer
    unfreeze(base_model)
    assert recompile(model, learning_rate=0.01) is None
    with course.watch(model) as evidence:
        fit(model)
    assert weights.moved(evidence, base_model)
    assert list(evidence.history) == ["accuracy", "loss"]
    new = model.optimizer
    assert new is not old and type(new) is keras.optimizers.SGD
    assert (evidence.after.learning_rate, new.momentum) == (
        pytest.approx(0.01),
        0.5,
    )
    assert int(old.iterations) == int(new.iterations) == 2
    assert model.loss is plain_loss


def test_recompiling_keeps_what_is_not_given():
    model = build(functional, base())
    auc = keras.metrics.SparseCategoricalAccuracy(name="right")
    model.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
        ),
        loss=plain_loss,
        metrics=[auc],
        run_eagerly=True,
    )
    fit(model)
    recompile(model)
    history = model.fit(*DATA, verbose=0).history
    assert set(history) == {"loss", "right"} and model.run_eagerly
    # Two steps of the new optimizer, not four.
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1 * 0.5**0.1)
    recompile(model, loss="mse", metrics=["mae"], optimizer="rmsprop")
    assert model.loss == "mse"
    assert type(model.optimizer) is keras.optimizers.RMSprop
    recompile(model, optimizer=keras.optimizers.SGD(), learning_rate=0.5)
    assert float(model.optimizer.learning_rate) == 0.5


class OwnCompile(keras.Sequential):
    def compile(self, optimizer, extra_loss):
        super().compile(optimizer, loss="mse")


class Strange(keras.optimizers.SGD):
    def __init__(self, speed):
        super().__init__(speed)


def test_what_cannot_be_carried_over_is_named_and_can_be_given():
    model = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(CourseError, match="call model.compile"):
        recompile(model, 0.1)
    recompile(model, optimizer="sgd", loss="mse")
    model.compile(Strange(0.1), "mse")
    with pytest.raises(CourseError, match=r"Strange cannot .* optimizer=\.$"):
        recompile(model, 0.1)
    recompile(model, optimizer=Strange(0.2))
    with pytest.raises(CourseError, match="number above 0, such as 1e-3"):
        recompile(model, learning_rate=-1)
    model.fit(np.zeros((2, 1)), np.zeros(2), verbose=0)
    with pytest.raises(CourseError, match="has worked before"):
        recompile(model, optimizer=model.optimizer)
    model = OwnCompile([keras.layers.Dense(1)])
    model.compile("sgd", "what")
    with pytest.raises(CourseError, match="OwnCompile has a compile method"):
        recompile(model, 0.1)
    with pytest.raises(CourseError, match="Keras model, not str"):
        recompile("model")
