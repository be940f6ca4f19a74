"""What freezing and unfreezing do to the weights that train."""

import keras
import numpy as np
import pytest

from course_utils import course
from course_utils.answers.checks import weight_evidence
from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import freeze, unfreeze
from course_utils.transfer.learning_rates import find_learning_rate
from tests.tiny_models import KINDS, base, build, compiled, fit


def moved_layers(model, base_model):
    """The layers of the base that `fit` moved, and those whose statistics."""
    with course.watch(model) as evidence:
        fit(model)
    changes = weight_evidence.moved(evidence, base_model)
    statistics = weight_evidence.batch_norm_moved(evidence, base_model)
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


class Twin(keras.layers.Layer):
    """Layers inside of a layer."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(2, name="dense")
        self.norm = keras.layers.BatchNormalization(name="norm")

    def call(self, x):
        return self.norm(self.dense(x))


def test_a_flag_that_seems_right_already_is_set_all_the_way_down():
    model = keras.Sequential([Twin(), keras.Sequential([Twin()])])
    model(np.ones((2, 2)))
    # Keras takes no notice where the outer flag is as it was.
    model.trainable = False
    model.layers[0].dense.trainable = True
    freeze(model)
    assert model.trainable_weights == []
    assert not model.layers[0].dense.trainable
    model.trainable = True
    model.layers[1].trainable = False
    model.layers[0].dense.kernel.trainable = False
    for norms, count in [(False, 4), (True, 8), (False, 4)]:
        unfreeze(model, batch_norm=norms)
        assert len(model.trainable_weights) == count
        assert len(model.layers[1].trainable_weights) == count / 2


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
        ({"last": 11}, "last is 11, and a whole number from 1 to 10"),
        ({"last": 0}, "from 1 to 10"),
        ({"last": 1.5}, "from 1 to 10"),
        ({"last": 2}, "nothing to unfreeze: the last 2 layers"),
        ({"from_layer": "stage3"}, "did you mean 'stage[12]'"),
        ({"from_layer": "stagee2_block1"}, "did you mean 'stage2_block1'"),
        # After it there is nothing to unfreeze.
        ({"from_layer": "xyz"}, "try 'stage2_block1_conv'"),
        ({"share": 0}, "share is .* above 0 to 1 was"),
        ({"share": 1.01}, "share is .* above 0 to 1 was"),
        ({"share": "all"}, "share is .* above 0 to 1 was"),
        ({"last": 3, "share": 0.5}, "last and share at once"),
        ({"batch_norm": "False"}, "batch_norm is 'False'"),
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


class Positions(keras.Model):
    """A backbone with weights of its own, such as a transformer's positions."""

    def __init__(self, inner=None):
        super().__init__(name="positions")
        self.first = keras.layers.Dense(3, name="first")
        self.inner = inner or keras.layers.Dense(3, name="inner")
        self.scale = self.add_weight((5,), "ones", trainable=False)

    def build(self, shape):
        self.vectors = self.add_weight((shape[-1],), "zeros", name="vectors")
        self.first.build(shape)
        self.inner.build((*shape[:-1], 3))

    def call(self, x):
        return self.inner(self.first(x + self.vectors))


def names(variables):
    return ["/".join(v.path.split("/")[-2:]) for v in variables]


FIRST, INNER = (
    [f"{layer}/kernel", f"{layer}/bias"] for layer in ("first", "inner")
)


@pytest.mark.usefixtures("without_graphs")
@pytest.mark.parametrize(
    ("measure", "trained"),
    [
        ({}, ["positions/vectors", *FIRST, *INNER]),
        ({"last": 2}, ["positions/vectors", *FIRST, *INNER]),
        ({"last": 1}, INNER),
        ({"from_layer": "inner"}, INNER),
        ({"share": 0.3}, INNER),
        ({"share": 1}, ["positions/vectors", *FIRST, *INNER]),
    ],
)
def test_weights_in_no_layer_go_with_the_first_one(measure, trained):
    base_model = Positions()
    model = keras.Sequential([keras.Input((4,)), base_model])
    unfreeze(base_model, **measure)
    assert sorted(names(base_model.trainable_weights)) == sorted(trained)
    model.compile("sgd", "mse")
    with course.watch(model) as evidence:
        model.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0)
    moved = [c.path for c in weight_evidence.moved(evidence)]
    assert sorted("/".join(p.split("/")[-2:]) for p in moved) == sorted(trained)
    freeze(base_model)
    assert base_model.trainable_weights == []


def test_a_model_within_may_have_weights_of_its_own():
    outer = Positions(inner=Positions())
    outer(np.ones((1, 4)))
    unfreeze(outer, last=2)
    assert len(outer.trainable_weights) == 5, "all of the inner one"
    assert all(v.path.count("positions") == 2 for v in outer.trainable_weights)
    unfreeze(outer, from_layer="positions")
    assert len(outer.trainable_weights) == 8

    class Alone(keras.Model):
        def build(self, shape):
            self.vectors = self.add_weight((shape[-1],), "zeros")

        def call(self, x):
            return x + self.vectors

    alone = Alone()
    alone(np.ones((1, 4)))
    freeze(alone)
    unfreeze(alone)
    assert len(alone.trainable_weights) == 1


@pytest.mark.usefixtures("without_graphs")
def test_kernels_beside_adapters_stay_frozen():
    inputs = keras.Input((6,), dtype="int32")
    x = keras.layers.Embedding(9, 4, name="embedding")(inputs)
    x = keras.layers.Conv1D(4, 3, name="conv")(x)
    x = keras.layers.EinsumDense("abc,cd->abd", (None, 4), name="einsum")(x)
    base_model = keras.Model(inputs, keras.layers.Dense(4, name="dense")(x))
    for layer in base_model.layers[1:]:
        layer.enable_lora(2)
    model = keras.Sequential([base_model, keras.layers.Flatten()])
    adapters = names(base_model.trainable_weights)
    assert len(adapters) == 10, "two an adapter, and two biases"
    kernels = [
        variable
        for variable in base_model.weights
        if variable.name in ("kernel", "embeddings")
    ]
    before = [np.array(kernel) for kernel in kernels]
    freeze(base_model)
    unfreeze(base_model)
    assert names(base_model.trainable_weights) == adapters
    data = np.ones((2, 6), "int32"), np.ones((2, 16))
    model.compile("sgd", "mse")
    find_learning_rate(model, data, steps=2)
    model.fit(*data, verbose=0)
    assert all(map(np.array_equal, before, kernels))
    unfreeze(base_model, last=1)
    # 36 of 98 are in the last two layers.
    assert len(base_model.trainable_weights) == 3
    unfreeze(base_model, share=0.36)
    assert {n.split("/")[0] for n in names(base_model.trainable_weights)} == {
        *("einsum", "dense")
    }


def test_numbers_of_numpy_are_numbers():
    base_model = base()
    unfreeze(base_model, last=np.int64(3))
    assert listed(base_model) == ["stage2_block1_conv"]
    unfreeze(base_model, share=np.float32(0.3))
    assert listed(base_model) == ["stage2_block1_conv"]


def test_what_to_do_where_nothing_would_train_works():
    base_model = base()
    with pytest.raises(CourseError, match=r"reach further back\.$"):
        unfreeze(base_model, last=1)
    unfreeze(base_model, last=3)
    norm = keras.layers.BatchNormalization()
    norms = keras.Sequential([keras.Input((2,)), norm])
    with pytest.raises(CourseError, match="give batch_norm=True"):
        unfreeze(norms)
    unfreeze(norms, batch_norm=True)
    unbuilt = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(CourseError, match="call it on one batch first"):
        unfreeze(unbuilt)
    unbuilt(np.ones((1, 2)))
    unfreeze(unbuilt)


def test_names_of_models_within_are_names():
    flat = keras.layers.Flatten(name="flat")
    outer = keras.Sequential([keras.Input((8, 8, 3)), base(), flat])
    with pytest.raises(CourseError, match="expected a name from"):
        unfreeze(outer, from_layer="basis")
    for name in [layer.name for layer in outer.layers[:1]]:
        unfreeze(outer, from_layer=name)
        assert len(outer.trainable_weights) == 6


def test_a_backbone_without_weights_has_nothing_to_unfreeze():
    pooling = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.ReLU()])
    with pytest.raises(CourseError, match="nothing to unfreeze"):
        unfreeze(pooling)
    for function in (freeze, unfreeze):
        with pytest.raises(CourseError, match="Keras model, not str"):
            function("residual")


def test_a_share_that_is_met_exactly_unfreezes_no_more():
    layers = [keras.layers.Dense(units, use_bias=False) for units in (93, 7)]
    base_model = keras.Sequential([keras.Input((1,)), layers[0]])
    base_model.add(keras.layers.Lambda(lambda x: x[:, :1]))
    base_model.add(layers[1])
    unfreeze(base_model, share=0.07)  # 0.07 * 100 is more than 7.
    assert [layer.trainable for layer in layers] == [False, True]
