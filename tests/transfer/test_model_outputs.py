"""Probabilities or logits: read from the model, and asked for otherwise."""

import keras
import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.transfer.model_outputs import gives_logits

layers = keras.layers
PICTURES = np.random.default_rng(0).uniform(0, 1, (4, 2, 2, 3))
WITHIN = "Nothing says whether the outputs"


class Own(keras.Model):
    """A model whose `call` may end in something of its own."""

    def __init__(self, units=3, activation=None, ending=None):
        super().__init__()
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(units, activation, use_bias=False)
        self.ending = ending

    def call(self, inputs):
        outputs = self.head(self.pool(inputs))
        return self.ending(outputs) if self.ending else outputs


def functional(units=3, activation=None, ending=None):
    inputs = keras.Input((2, 2, 3))
    outputs = layers.GlobalAveragePooling2D()(inputs)
    outputs = layers.Dense(units, activation, use_bias=False)(outputs)
    return keras.Model(inputs, ending(outputs) if ending else outputs)


def nested(units=3, activation=None, ending=None):
    inputs = keras.Input((2, 2, 3))
    return keras.Model(inputs, functional(units, activation, ending)(inputs))


KINDS = [functional, nested, Own]


def asked(model, from_logits=None, scale=None):
    """Gives small outputs: none is outside of 0 to 1."""
    outputs = model(PICTURES)
    if scale is not None:
        model.set_weights([np.full_like(w, scale) for w in model.get_weights()])
    outputs = np.asarray(model(PICTURES))
    return gives_logits(model, PICTURES, outputs, from_logits)


@pytest.mark.parametrize("kind", KINDS)
def test_the_activation_of_the_last_layer_tells(kind):
    for activation in ("softmax", "sigmoid", "hard_sigmoid"):
        assert asked(kind(3, activation)) is False
    assert asked(kind(1, "sigmoid")) is False
    assert asked(kind(3, ending=layers.Softmax())) is False
    assert asked(kind(3, ending=layers.Activation("softmax"))) is False
    for activation in (None, "linear"):
        # All between 0 and 1, as probabilities might be.
        assert asked(kind(1, activation), scale=0.2) is True
        assert asked(kind(3, activation), scale=0.2) is True


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_whose_sum_is_not_one(kind, policy):
    keras.config.set_dtype_policy(policy)
    try:
        cast = layers.Activation("linear", dtype="float32")
        assert asked(kind(3, "softmax")) is False
        assert asked(kind(3, "softmax", cast)) is False
        assert asked(kind(3, None, cast), scale=0.2) is True
    finally:
        keras.config.set_dtype_policy("float32")


def test_what_only_passes_on_is_looked_through():
    assert asked(functional(3, "softmax", layers.Dropout(0.5))) is False
    assert asked(functional(3, "softmax", layers.Reshape((3,)))) is False
    assert asked(functional(1, None, layers.Dropout(0.5)), scale=0.2) is True


@pytest.mark.parametrize("kind", KINDS)
def test_an_ending_of_its_own_is_told_by_the_loss_or_asked_for(kind):
    model = kind(3, ending=keras.ops.softmax)
    with pytest.raises(CourseError, match=WITHIN):
        asked(model)
    assert asked(model, from_logits=False) is False
    model.compile(loss="sparse_categorical_crossentropy")
    assert asked(model) is False
    # A number outside of 0 to 1 is no probability.
    outside = kind(3, ending=lambda outputs: outputs * 100)
    assert asked(outside, scale=1) is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_that_was_told(kind):
    model = kind(1, ending=lambda outputs: outputs * 2)
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    assert asked(model, scale=0.1) is True
    model = kind(1, ending=keras.ops.sigmoid)
    model.compile(loss=keras.losses.BinaryCrossentropy())
    assert asked(model) is False


@pytest.mark.parametrize("loss", ["binary_crossentropy", "BinaryCrossentropy"])
def test_what_contradicts_is_asked_for(loss):
    model = functional(1)
    model.compile(loss=loss)
    with pytest.raises(CourseError, match=WITHIN):
        asked(model, scale=0.2)
    assert asked(model, from_logits=True) is True
    with pytest.raises(CourseError, match="were said to be probabilities"):
        asked(model, scale=-5)
    with pytest.raises(CourseError, match="were said to be probabilities"):
        asked(model, from_logits=False)
    with pytest.raises(CourseError, match="from_logits is 'yes'"):
        asked(model, from_logits="yes")


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_probabilities_are_no_logits_whoever_says_so(activation):
    with pytest.raises(CourseError, match="were said to be logits"):
        asked(functional(1, activation), from_logits=True)


def test_the_model_is_left_as_it_was():
    model = functional(3, "softmax")
    asked(model)
    assert not [one for one in model._flatten_layers() if "call" in vars(one)]
