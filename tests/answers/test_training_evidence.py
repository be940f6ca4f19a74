"""What training did to a model, told by its weights."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils import course
from course_utils.answers.checks import weight_evidence
from course_utils.machine.errors import CourseError
from tests.tiny_models import (
    IMAGES,
    KINDS,
    LABELS,
    base,
    build,
    compiled,
    fit,
    functional,
    sequential,
)

pytestmark = pytest.mark.usefixtures("without_graphs")


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_base_does_not_move_and_the_head_does(kind, optimizer):
    base_model = base()
    base_model.trainable = False
    model = build(kind, base_model, optimizer)
    with course.watch(model) as evidence:
        fit(model, epochs=2)
    assert len(weight_evidence.moved(evidence)) == 2
    assert weight_evidence.moved(evidence, base_model) == []
    assert weight_evidence.batch_norm_moved(evidence) == []
    assert weight_evidence.stale_compile(evidence) == ""
    assert len(evidence.history["loss"]) == 2
    assert "2 of 20 arrays of weights moved, in 2 epochs" in repr(evidence)


@pytest.mark.parametrize("kind", KINDS)
def test_a_free_base_moves_with_its_statistics(kind):
    base_model = base()
    model = build(kind, base_model)
    with course.watch(model) as evidence:
        fit(model)
    assert {
        c.path.split("/")[-2]
        for c in weight_evidence.moved(evidence, base_model)
    }
    assert len(weight_evidence.batch_norm_moved(evidence, base_model)) == 6
    assert weight_evidence.stale_compile(evidence) == ""


@pytest.mark.graphs
@pytest.mark.parametrize("kind", KINDS)
def test_freezing_after_a_fit_without_recompiling_is_told(kind):
    base_model = base()
    model = build(kind, base_model)
    fit(model)
    base_model.trainable = False
    with course.watch(model) as evidence:
        fit(model)
    told = weight_evidence.stale_compile(evidence)
    assert "flag says frozen" in told and "recompile after freezing" in told


@pytest.mark.graphs
@pytest.mark.parametrize("kind", KINDS)
def test_unfreezing_after_a_fit_without_recompiling_is_told(kind):
    base_model = base()
    base_model.trainable = False
    model = build(kind, base_model)
    fit(model)
    base_model.trainable = True
    with course.watch(model) as evidence:
        fit(model)
    told = weight_evidence.stale_compile(evidence)
    assert "flag says trainable, but nothing moved" in told
    compiled(model)
    with course.watch(model) as evidence:
        fit(model)
    assert weight_evidence.stale_compile(evidence) == ""


def test_the_learning_rate_in_force_is_told():
    model = build(functional, base(), keras.optimizers.SGD(0.25))
    with course.watch(model) as evidence:
        model.optimizer.learning_rate = 0.125
    assert evidence.after.learning_rate == 0.125
    assert evidence.before.learning_rate == 0.25


def test_of_a_schedule_the_highest_rate_so_far_is_read():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [2], [0.1, 0.5]
    )
    model = build(functional, base(), keras.optimizers.SGD(schedule))
    with course.watch(model) as evidence:
        fit(model, epochs=2)
    assert evidence.before.learning_rate == pytest.approx(0.1)
    assert evidence.after.learning_rate == 0.5
    falling = keras.optimizers.schedules.CosineDecay(0.2, 4)
    model = build(functional, base(), keras.optimizers.SGD(falling))
    with course.watch(model) as evidence:
        fit(model, epochs=4)
    assert evidence.after.learning_rate == pytest.approx(0.2)


def test_nothing_run_leaves_nothing_moved():
    model = build(functional, base())
    fit(model)
    with course.watch(model) as evidence:
        pass
    assert weight_evidence.moved(evidence) == [] and evidence.history == {}
    assert weight_evidence.stale_compile(evidence) == ""


def test_watching_changes_nothing():
    model = build(functional, base())
    before = model.get_weights()
    optimizer = model.optimizer
    with course.watch(model):
        pass
    assert model.optimizer is optimizer
    assert all(map(np.array_equal, before, model.get_weights()))
    assert int(optimizer.iterations) == 0


def test_an_interrupt_still_leaves_evidence():
    model = build(functional, base())
    with pytest.raises(KeyboardInterrupt), course.watch(model) as evidence:
        fit(model)
        raise KeyboardInterrupt
    assert evidence.stopped_by == "KeyboardInterrupt" and evidence.finished
    assert weight_evidence.moved(evidence)


def test_weights_that_became_nan_have_moved():
    model = build(functional, base())
    with course.watch(model) as evidence:
        model.set_weights(
            [np.full_like(w, np.nan) for w in model.get_weights()]
        )
    assert len(weight_evidence.moved(evidence)) == 14


@pytest.mark.parametrize(
    ("model", "named"),
    [(12, "not int"), (keras.Sequential([keras.layers.Dense(1)]), "one batch")],
)
def test_what_cannot_be_watched_is_a_sentence(model, named):
    with pytest.raises(CourseError, match=named), course.watch(model):
        pass


def test_an_optimizer_with_several_rates_or_none_is_watched():
    class Rateless(keras.optimizers.SGD):
        @property
        def learning_rate(self):
            raise AttributeError

    optimizers = [Rateless(), keras.optimizers.LossScaleOptimizer(Rateless())]
    if hasattr(keras.optimizers, "MultiOptimizer"):  # from Keras 3.15 on
        several = keras.optimizers.OptimizerMap(keras.optimizers.SGD())
        optimizers.append(keras.optimizers.MultiOptimizer(several))
    model = build(functional, base())
    for optimizer in optimizers:
        with course.watch(model) as evidence:
            compiled(model, optimizer)
            model.optimizer.build(model.trainable_variables)
        assert np.isnan(evidence.after.learning_rate)
        assert evidence.finished and evidence.steps == 0
    if len(optimizers) == 3:
        fit(model)
        with course.watch(model) as evidence:
            fit(model)
        assert evidence.steps == 2 and weight_evidence.moved(evidence)


def test_weights_that_are_no_floats_are_watched():
    class Counting(keras.layers.Layer):
        def build(self, shape):
            add = functools.partial(self.add_weight, (1,), trainable=False)
            self.flag = add(initializer="zeros", dtype="bool")
            self.count = add(initializer="ones", dtype="uint8")

        def call(self, x):
            return x

    layer = Counting()
    model = keras.Sequential([keras.Input((2,)), layer])
    with course.watch(model) as evidence:
        layer.flag.assign([True])
        layer.count.assign([0])
    assert [c.largest for c in evidence.changes] == [1, 1]


def test_one_watch_is_for_one_block():
    watching = course.watch(build(functional, base()))
    with watching:
        pass
    with pytest.raises(CourseError, match="has been used"), watching:
        pass


def test_new_weights_are_told():
    model = build(sequential, base())
    with course.watch(model) as evidence:
        model.add(keras.layers.Dense(2))
    assert len(evidence.added) == 2 and "2 arrays are new" in repr(evidence)


def test_going_back_to_the_old_weights_is_not_stale():
    model = build(functional, base())
    before = model.get_weights()
    with course.watch(model) as evidence:
        fit(model)
        model.set_weights(before)
    assert weight_evidence.moved(evidence) == [] and evidence.steps == 2
    assert weight_evidence.stale_compile(evidence) == ""


def test_a_nested_watch_sees_its_own_block():
    model = build(functional, base())
    with course.watch(model) as outer:
        fit(model)
        with course.watch(model) as inner:
            fit(model, epochs=2)
    assert (outer.steps, inner.steps) == (6, 4)


# Whoever moves the weights, they tell whether they have learned.


def loop(model, variables=None):
    """A step without the model's optimizer."""
    with tf.GradientTape() as tape:
        outputs = model(IMAGES, training=True)
        loss = keras.losses.sparse_categorical_crossentropy(
            LABELS, outputs, from_logits=True
        )
    variables = variables or model.trainable_variables
    gradients = tape.gradient(loss, variables)
    keras.optimizers.SGD(0.1).apply(gradients, variables)


class OwnStep(keras.Model):
    """Trains the head alone, with an optimizer of its own."""

    def __init__(self, base_model):
        super().__init__()
        self.base_model = base_model
        self.head = keras.Sequential(
            [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
        )

    def call(self, x, training=False):
        return self.head(self.base_model(x, training=False))

    def train_step(self, data):
        images, labels = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=labels, y_pred=self(images))
        variables = self.head.trainable_variables
        gradients = tape.gradient(loss, variables)
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(0.1 * gradient)
        return {"loss": loss}


def test_a_loop_of_ones_own_has_learned():
    base_model = base()
    base_model.trainable = False
    model = build(functional, base_model)
    with course.watch(model) as evidence:
        loop(model)
    assert evidence.steps == 0
    assert weight_evidence.learning_problem(evidence) == ""
    assert weight_evidence.stale_compile(evidence) == ""
    uncompiled = functional(base_model)
    with course.watch(uncompiled) as evidence:
        loop(uncompiled)
    assert weight_evidence.learning_problem(evidence) == ""


def test_a_train_step_of_ones_own_trains_what_it_wants():
    model = OwnStep(base())
    model(IMAGES[:1])
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(True))
    with course.watch(model) as evidence:
        fit(model)
    assert weight_evidence.learning_problem(evidence) == ""
    assert weight_evidence.stale_compile(evidence) == ""


def test_a_loop_that_trains_what_is_flagged_frozen_is_told():
    base_model = base()
    base_model.trainable = False
    model = build(functional, base_model)
    with course.watch(model) as evidence:
        loop(model, [*model.trainable_variables, base_model.weights[0]])
    told = weight_evidence.stale_compile(evidence)
    assert "`model.trainable_variables` only" in told


def set_to_nan(model):
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])


def skip_all_steps(model):
    inner = keras.optimizers.SGD(0.1)
    # Every gradient overflows, and every step is skipped.
    optimizer = keras.optimizers.LossScaleOptimizer(inner, np.inf)
    compiled(model, optimizer)
    fit(model)


def add_by_hand(model):
    for weight in model.layers[-1].weights:
        weight.assign_add(keras.ops.ones_like(weight))


@pytest.mark.parametrize(
    ("train", "named", "other"),
    [
        (lambda model: None, "no weight moved inside", "the training ran"),
        (skip_all_steps, "are skipped", "call"),
        (set_to_nan, "not finite", "call"),
        (add_by_hand, "set by hand", "call"),
    ],
)
def test_what_has_not_learned_is_told_truly(train, named, other):
    base_model = base()
    base_model.trainable = False
    model = build(functional, base_model)
    with course.watch(model) as evidence:
        train(model)
    told = weight_evidence.learning_problem(evidence)
    assert named in told and other not in told


def test_an_optimizer_without_a_rate_is_watched():
    class Bare:
        pass

    model = build(functional, base())
    with course.watch(model) as evidence:
        model.optimizer = Bare()
    assert evidence.steps == 0 and np.isnan(evidence.after.learning_rate)
