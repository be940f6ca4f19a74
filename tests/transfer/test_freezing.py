"""What freezing and unfreezing do to the weights that train."""

import keras
import pytest

from course_utils import course
from course_utils.answers.checks import weights
from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import freeze, unfreeze
from tests.tiny_models import KINDS, base, build, compiled, fit


def moved_layers(model, base_model):
    """The layers of the base that `fit` moved, and those whose statistics."""
    with course.watch(model) as evidence:
        fit(model)
    changes = weights.moved(evidence, base_model)
    statistics = weights.batch_norm_moved(evidence, base_model)
    return (
        {c.path.split("/")[-2] for c in changes},
        {c.path.split("/")[-2] for c in statistics},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_nothing_moves_unfrozen_batch_norm_stays(kind):
    base_model = base()
    assert freeze(base_model) is None
    model = build(kind, base_model)
    assert moved_layers(model, base_model) == (set(), set())

    assert unfreeze(base_model, from_layer="stage1") is None
    convolutions = {"stage1_block1_conv", "stage2_block1_conv"}
    listed = {v.path.split("/")[-2] for v in base_model.trainable_weights}
    outer = {v.path.split("/")[-2] for v in model.trainable_weights}
    assert listed == convolutions and outer - listed == {model.layers[-1].name}
    compiled(model)
    assert moved_layers(model, base_model) == (convolutions, set())


@pytest.mark.parametrize("kind", KINDS)
def test_batch_norm_trains_where_it_is_asked_for(kind):
    base_model = base()
    model = build(kind, base_model)
    unfreeze(base_model, from_layer="stage2_block1", batch_norm=True)
    assert moved_layers(model, base_model) == (
        {"stage2_block1_conv", "stage2_block1_bn"},
        {"stage2_block1_bn"},
    )


def listed(base_model):
    return [v.path.split("/")[-2] for v in base_model.trainable_weights[::2]]


@pytest.mark.parametrize(
    ("measure", "blocks"),
    [
        ({}, 3),
        ({"last": 3}, 1),
        ({"last": 6}, 2),
        ({"last": 10}, 3),
        ({"from_layer": "stage1_block1_bn"}, 1),
        ({"from_layer": "stem"}, 3),
        # 148 of 408 parameters are in each of the last two convolutions.
        ({"share": 0.3}, 1),
        ({"share": 0.5}, 2),
        ({"share": 1}, 3),
    ],
)
def test_each_measure(measure, blocks):
    base_model = base()
    for _ in range(2):  # A cell may run twice.
        unfreeze(base_model, **measure)
        names = ["stem_conv", "stage1_block1_conv", "stage2_block1_conv"]
        assert listed(base_model) == names[-blocks:]
    freeze(base_model)
    assert base_model.trainable_weights == []


def test_layers_of_nested_models_and_inside_layers_count():
    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="block")
            self.dense = keras.layers.Dense(3, name="dense")
            self.norm = keras.layers.BatchNormalization()

        def build(self, shape):
            self.dense.build(shape)
            self.norm.build((*shape[:-1], 3))

        def call(self, x, training=None):
            return self.norm(self.dense(x), training=training)

    outer = keras.Sequential([base(), keras.layers.Flatten(), Block()])
    outer.build((None, 8, 8, 3))
    unfreeze(outer, last=5)
    names = [v.path.split("/")[-2] for v in outer.trainable_weights]
    assert names == ["stage2_block1_conv"] * 2 + ["dense"] * 2


def test_a_block_is_told_from_one_with_a_longer_number():
    layers = [
        keras.layers.Dense(1, name=name)
        for name in ("block_16_dense", "block_1_dense", "block7a_dense")
    ]
    model = keras.Sequential([keras.Input((1,)), *layers])
    unfreeze(model, from_layer="block_1")
    assert listed(model) == ["block_1_dense", "block7a_dense"]
    unfreeze(model, from_layer="block7")
    assert listed(model) == ["block7a_dense"]


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        ({"last": 11}, "has 10 layers, so give a whole number from 1 to 10"),
        ({"last": 0}, "from 1 to 10"),
        ({"last": 1.5}, "from 1 to 10"),
        ({"last": 2}, "nothing to unfreeze: the last 2 layers"),
        ({"from_layer": "stage3"}, "did you mean 'stage[12]'"),
        ({"from_layer": "stagee2_block1"}, "did you mean 'stage2_block1'"),
        ({"from_layer": "xyz"}, "try 'stage2_block1_relu'"),
        ({"share": 0}, "above 0, and at most 1"),
        ({"share": 1.01}, "above 0, and at most 1"),
        ({"share": "all"}, "above 0, and at most 1"),
        ({"last": 3, "share": 0.5}, "last and share at once"),
    ],
)
def test_what_cannot_be_unfrozen_is_a_sentence_and_changes_nothing(
    measure, said
):
    base_model = base()
    freeze(base_model)
    with pytest.raises(CourseError, match=said):
        unfreeze(base_model, **measure)
    assert base_model.trainable_weights == []


def test_a_backbone_without_weights_has_nothing_to_unfreeze():
    pooling = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.ReLU()])
    with pytest.raises(CourseError, match="nothing to unfreeze"):
        unfreeze(pooling)
    for function in (freeze, unfreeze):
        with pytest.raises(CourseError, match="Keras model, not str"):
            function("residual")
