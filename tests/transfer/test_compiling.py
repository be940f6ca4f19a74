"""Recompiling: a new optimizer, and all else as it was."""

import keras
import numpy as np
import pytest

from course_utils import course
from course_utils.answers.checks import weight_evidence
from course_utils.machine.errors import CourseError
from course_utils.transfer.compiling import recompile
from course_utils.transfer.freezing import freeze, unfreeze
from course_utils.transfer.fresh_optimizers import fresh_optimizer
from course_utils.transfer.learning_rates import find_learning_rate
from course_utils.transfer.two_phase_training import two_phase_fit
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
    assert weight_evidence.moved(evidence, base_model)
    assert list(evidence.history) == ["accuracy", "loss"]
    new = model.optimizer
    assert new is not old and type(new) is keras.optimizers.SGD
    assert (evidence.after.learning_rate, new.momentum) == (
        pytest.approx(0.01),
        0.5,
    )
    assert int(old.iterations) == int(new.iterations) == 2
    assert model.loss is plain_loss


def test_recompiling_keeps_all_but_the_optimizer():
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


class OwnCompile(keras.Sequential):
    def compile(self, optimizer, extra_loss):
        super().compile(optimizer, loss="mse")


class Strange(keras.optimizers.SGD):
    def __init__(self, speed):
        super().__init__(speed)


def test_what_cannot_be_carried_over_is_named_and_the_advice_works():
    model = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(CourseError, match="call model.compile"):
        recompile(model, 0.1)
    model.compile(Strange(0.1), "mse")
    with pytest.raises(CourseError, match="Strange .* leaves out speed"):
        recompile(model, 0.1)
    model.compile("sgd", "mse")
    with pytest.raises(CourseError, match="learning_rate is -1"):
        recompile(model, learning_rate=-1)
    recompile(model, 0.1)
    with pytest.raises(CourseError, match="Keras model, not str"):
        recompile("model")


def test_a_compile_of_the_models_own_is_called_by_hand():
    model = OwnCompile([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "what")
    with pytest.raises(CourseError, match="OwnCompile has a compile"):
        recompile(model)
    freeze(model)
    model.compile(keras.optimizers.SGD(), "what")


ADAMW = keras.optimizers.AdamW(0.1, weight_decay=0.5)


@pytest.mark.usefixtures("without_graphs")
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_excluded_from_weight_decay_stays_so(wrapped):
    model = build(functional, base_model := base())
    optimizer = keras.optimizers.AdamW(0.1, weight_decay=0.5)
    kernel = base_model.get_layer("stem_conv").kernel
    optimizer.exclude_from_weight_decay([kernel], ["bias", "beta"])
    if wrapped:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(optimizer, model.loss)
    fit(model)
    freeze(base_model)
    recompile(model, 0.2)
    unfreeze(base_model)
    recompile(model)
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    unused = [v for v in model.variables if not inner._use_weight_decay(v)]
    assert {v.name for v in unused} == {"kernel", "bias", "beta"}
    assert [v for v in unused if v.name == "kernel"] == [kernel]


def test_how_the_loss_is_scaled_stays_so():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = build(functional, base())
    finally:
        keras.config.set_dtype_policy("float32")
    scaled = keras.optimizers.LossScaleOptimizer
    for scale in (True, False):
        model.compile(keras.optimizers.SGD(0.1), "mse", auto_scale_loss=scale)
        recompile(model, 0.2)
        assert isinstance(model.optimizer, scaled) is scale
    for kind in (model, build(functional, base())):
        optimizer = scaled(keras.optimizers.SGD(0.1), 64.0, 7)
        kind.compile(optimizer, "mse")
        recompile(kind, 0.2)
        new = kind.optimizer
        assert isinstance(new, scaled) and new is not optimizer
        assert (new.initial_scale, new.dynamic_growth_steps) == (64.0, 7)
        assert float(new.inner_optimizer.learning_rate) == pytest.approx(0.2)


def test_what_was_set_after_compile_stays_so():
    model = build(functional, base())
    model.compile("sgd", model.loss, jit_compile=True, steps_per_execution=2)
    model.run_eagerly = True
    model.steps_per_execution = 3
    recompile(model)
    assert model.run_eagerly and model.steps_per_execution == 3
    assert not model.jit_compile
    model.run_eagerly, model.jit_compile = False, True
    recompile(model)
    assert model.jit_compile and not model.run_eagerly


@pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"),
    reason="this Keras has no MultiOptimizer",
)
@pytest.mark.usefixtures("without_graphs")
def test_several_optimizers_stay_several():
    model = build(functional, base())
    slow = keras.optimizers.AdamW(0.001, weight_decay=0.5)
    slow.exclude_from_weight_decay(var_names=["bias"])
    several = keras.optimizers.OptimizerMap(
        keras.optimizers.SGD(0.1), {"stem.*": slow, "stage1.*": slow}
    )
    model.compile(keras.optimizers.MultiOptimizer(several), model.loss)
    fit(model)
    old = model.optimizer
    recompile(model)
    new = model.optimizer
    assert new is not old and len(new.optimizers) == 2
    rates = {type(o): float(o.learning_rate) for o in new.optimizers}
    assert rates == pytest.approx(
        {keras.optimizers.AdamW: 0.001, keras.optimizers.SGD: 0.1}
    )
    assert not set(map(id, old.optimizers)) & set(map(id, new.optimizers))
    fit(model)
    with pytest.raises(CourseError, match=r"recompile\(model\), which keeps"):
        recompile(model, 0.1)
    model.compile(
        keras.optimizers.MultiOptimizer(lambda variable: ADAMW), model.loss
    )
    with pytest.raises(CourseError, match="chooses optimizers by a function"):
        recompile(model)


KEEPS_ALL = [
    kind
    for kind in vars(keras.optimizers).values()
    if isinstance(kind, type)
    and issubclass(kind, keras.optimizers.Optimizer)
    and kind.__name__ not in ("Optimizer", "MultiOptimizer")
    and kind is not keras.optimizers.LossScaleOptimizer
]


@pytest.mark.parametrize("kind", KEEPS_ALL)
def test_every_optimizer_of_keras_can_be_made_anew(kind):
    kernel = keras.Variable(np.ones((3, 2)), name="kernel")
    old = kind(learning_rate=0.3, clipnorm=2.0, weight_decay=0.25)
    old.build([kernel])
    new = fresh_optimizer(old)
    assert type(new) is kind and not new.built
    assert new.get_config() == old.get_config()


class Quiet(keras.optimizers.SGD):
    """Its settings are not in its config."""

    def __init__(self, learning_rate=0.1, slow=5, **options):
        super().__init__(learning_rate, **options)
        self.slow, self.careful = slow, False


class Told(Quiet):
    def get_config(self):
        return {**super().get_config(), "slow": self.slow}


def test_an_optimizer_that_keeps_settings_to_itself_is_refused():
    changed = Told()
    changed.careful = True
    for optimizer, name in [(Quiet(slow=2), "slow"), (changed, "careful")]:
        with pytest.raises(CourseError, match=f"leaves out {name}: let"):
            fresh_optimizer(optimizer)
    assert fresh_optimizer(Told(slow=2)).slow == 2


def test_a_refusal_changes_nothing():
    model = build(functional, base_model := base())
    model.compile(Quiet(), model.loss)
    flags = [layer.trainable for layer in model._flatten_layers()]
    before = model.optimizer
    for call in (
        lambda: recompile(model, 0.1),
        lambda: find_learning_rate(model, DATA, steps=2),
        lambda: two_phase_fit(model, base_model, DATA, DATA, last=1),
    ):
        with pytest.raises(CourseError, match="Quiet cannot be made anew"):
            call()
    assert model.optimizer is before
    assert flags == [layer.trainable for layer in model._flatten_layers()]


def test_the_range_test_works_as_the_model_does():
    """What cannot be traced runs eagerly there, too, and decays the same."""

    def loss(labels, outputs):
        assert isinstance(outputs.numpy(), np.ndarray), "an eager step"
        return keras.ops.mean(outputs**2)

    seen = []

    class Seen(keras.optimizers.AdamW):
        def apply(self, grads, trainable_variables=None):
            seen.append(
                [self._use_weight_decay(v) for v in trainable_variables]
            )
            return super().apply(grads, trainable_variables)

    model = build(functional, base_model := base())
    freeze(base_model)
    optimizer = Seen(0.1)
    optimizer.exclude_from_weight_decay([model.trainable_variables[0]])
    model.compile(optimizer, loss, run_eagerly=True, steps_per_execution=1)
    assert len(find_learning_rate(model, DATA, steps=2, batch_size=8).rates)
    assert seen == [[False, True]] * 2
