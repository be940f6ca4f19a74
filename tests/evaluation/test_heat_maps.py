"""Grad-CAM: right by hand, in every kind of model, and a sentence if not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.backbones.pretrained import load_backbone
from course_utils.evaluation.heat_map_scores import share_inside
from course_utils.evaluation.heat_maps import grad_cam, overlay
from course_utils.machine.errors import CourseError
from tests.tiny_models import IMAGES, KINDS, Subclassed, base, functional

layers = keras.layers


def with_head(base_model, activation=None, units=3):
    x = layers.GlobalAveragePooling2D()(base_model.output)
    outputs = layers.Dense(units, activation, name="head")(x)
    return keras.Model(base_model.input, outputs)


def nested(base_model, activation=None):
    inputs = keras.Input(base_model.input_shape[1:])
    x = layers.GlobalAveragePooling2D()(base_model(inputs))
    outputs = layers.Dense(3, activation, name="head")(x)
    return keras.Model(inputs, outputs)


def cam_by_hand(base_model, head, images, class_index, size):
    """Zhou et al. 2016: the weights of the head, on the feature map."""
    feature_map = base_model(images).numpy()
    weights = np.array(head.kernel)[:, class_index]
    cam = np.maximum(feature_map @ weights, 0)[..., np.newaxis]
    cam = np.array(keras.ops.image.resize(cam, size))[..., 0]
    highest = cam.max(axis=(1, 2), keepdims=True)
    return cam / np.where(highest > 0, highest, 1)


@pytest.fixture(scope="module")
def base_model():
    keras.utils.set_random_seed(0)
    return base()


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_cam_under_a_linear_head_in_every_kind_of_model(kind):
    keras.utils.set_random_seed(1)
    base_model = base()
    model = kind(base_model)
    before = model(IMAGES).numpy()
    head = getattr(model, "head", None) or model.layers[-1]
    heat = grad_cam(model, IMAGES, class_index=1, batch_size=5)
    assert heat.shape == (16, 8, 8) and heat.dtype == "float32"
    by_hand = cam_by_hand(base_model, head, IMAGES, 1, (8, 8))
    np.testing.assert_allclose(heat, by_hand, atol=1e-4)
    np.testing.assert_array_equal(model(IMAGES).numpy(), before)
    parts = model._flatten_layers()
    assert not [part for part in parts if "call" in vars(part)]


def test_each_picture_has_its_own_class_in_every_batch(base_model):
    model, own = with_head(base_model), np.arange(len(IMAGES)) % 2
    whole = grad_cam(model, IMAGES, class_index=own, batch_size=len(IMAGES))
    parts = grad_cam(model, IMAGES, class_index=own, batch_size=5)
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    other = grad_cam(model, IMAGES, class_index=1 - own, batch_size=5)
    assert abs(other - whole).max() > 0.01


@pytest.mark.parametrize("build", [with_head, nested])
def test_the_score_before_softmax_counts(base_model, build):
    plain, probable = build(base_model), build(base_model, "softmax")
    # So sure of its answer that softmax has no gradient left.
    weights = [100 * w for w in plain.get_layer("head").get_weights()]
    for model in (plain, probable):
        model.get_layer("head").set_weights(weights)
    same = grad_cam(plain, IMAGES)
    np.testing.assert_allclose(grad_cam(probable, IMAGES), same, atol=1e-5)
    assert probable.get_layer("head").activation is keras.activations.softmax
    apart = keras.Sequential([plain, layers.Softmax()])
    np.testing.assert_allclose(grad_cam(apart, IMAGES), same, atol=1e-5)
    np.testing.assert_allclose(apart(IMAGES).numpy().sum(axis=1), 1, atol=1e-5)


def cast(last):
    """Single precision at the end, as mixed precision has it."""
    return keras.Sequential(
        [last, layers.Activation("linear", dtype="float32")]
    )


@pytest.mark.parametrize(
    "end",
    [
        cast,
        lambda last: cast(cast(last)),
        lambda last: keras.Sequential([last, layers.Dropout(0.5)]),
        lambda last: keras.Sequential([last, layers.Identity()]),
    ],
)
def test_what_hands_the_probabilities_on_may_follow(base_model, end):
    plain, probable = with_head(base_model), with_head(base_model, "softmax")
    weights = [100 * w for w in plain.get_layer("head").get_weights()]
    for model in (plain, probable):
        model.get_layer("head").set_weights(weights)
    same = grad_cam(plain, IMAGES)
    apart = keras.Sequential([plain, layers.Softmax()])
    activated = keras.Sequential([plain, layers.Activation("softmax")])
    for model in (plain, probable, apart, activated):
        found = grad_cam(end(model), IMAGES)
        np.testing.assert_allclose(found, same, atol=1e-5)


def test_mixed_precision_sees_the_same():
    keras.utils.set_random_seed(2)
    single = with_head(base(), "softmax")
    keras.config.set_dtype_policy("mixed_float16")
    try:
        half = with_head(base(), "softmax")
    finally:
        keras.config.set_dtype_policy("float32")
    weights = single.get_weights()
    weights[-2] = 100 * weights[-2]
    for model in (single, half):
        model.set_weights(weights)
    assert half.output.dtype == "float16"
    named = single(IMAGES).numpy().argmax(axis=1)
    same = grad_cam(single, IMAGES, named)
    found = grad_cam(cast(half), IMAGES, named)
    np.testing.assert_allclose(found, same, atol=0.02)
    assert same.max() == 1


def test_each_picture_has_its_class(base_model):
    model = with_head(base_model)
    named = model(IMAGES).numpy().argmax(axis=1)
    heat = grad_cam(model, IMAGES)
    np.testing.assert_allclose(heat, grad_cam(model, IMAGES, named), atol=1e-6)
    other = (named + 1) % 3
    assert np.abs(heat - grad_cam(model, IMAGES, other)).max() > 0.1


def test_one_output_stands_for_two_classes(base_model):
    model = with_head(base_model, "sigmoid", units=1)
    two = with_head(base_model, units=2)
    kernel, bias = model.get_layer("head").get_weights()
    kernel, bias = np.hstack([-kernel, kernel]), np.hstack([-bias, bias])
    two.get_layer("head").set_weights([kernel, bias])
    for index in (None, 0, 1):
        one = grad_cam(model, IMAGES, index)
        np.testing.assert_allclose(one, grad_cam(two, IMAGES, index), atol=1e-5)


def test_it_points_at_the_place_that_matters():
    """Only the red corner can speak for class 1."""
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(1, 8, strides=8, use_bias=False, name="conv")(inputs)
    x = layers.GlobalMaxPooling2D()(x)
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(x))
    kernel = np.zeros((8, 8, 3, 1))
    kernel[..., 0, 0] = 1
    model.set_weights([kernel, np.array([[-1.0, 1.0]])])
    images = np.zeros((2, 32, 32, 3))
    images[0, :8, 24:, 0] = images[1, 16:24, :8, 0] = 255
    masks = images[..., 0] > 0
    heat = grad_cam(model, images, 1)
    assert masks[heat == heat.max(axis=(1, 2), keepdims=True)].all()
    assert (share_inside(heat, masks) > 5 * masks.mean(axis=(1, 2))).all()
    assert grad_cam(model, images, 0).max() == 0, "nothing speaks for class 0"
    assert np.isnan(share_inside(grad_cam(model, images, 0), masks)).all()


@pytest.mark.parametrize("name", ["residual", "mobile", "vision_transformer"])
def test_the_courses_backbones(name):
    base_model = load_backbone(name)
    model = nested(base_model, "softmax")
    images = np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 3))
    heat = grad_cam(model, images, 2)
    head = model.get_layer("head")
    by_hand = cam_by_hand(base_model, head, images, 2, (64, 64))
    np.testing.assert_allclose(heat, by_hand, atol=1e-3)


def test_an_earlier_layer_has_more_cells(base_model):
    model = functional(base_model)
    early = grad_cam(model, IMAGES, layer="stem_relu")
    assert np.abs(early - grad_cam(model, IMAGES)).max() > 0.1


def tokens():
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 2, strides=2, name="patches")(x)
    x = layers.Reshape((16, 4))(x)
    x = layers.MultiHeadAttention(1, 4)(x, x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(2)(x))


def flat():
    x = inputs = keras.Input((8, 8, 3))
    x = layers.Flatten()(layers.Rescaling(2.0)(x))
    return keras.Model(inputs, layers.Dense(2)(x))


class Failing(keras.Model):
    def call(self, inputs):
        return self.missing(inputs)


def test_a_call_that_fails_is_a_sentence():
    with pytest.raises(CourseError, match="'Failing' object has no"):
        grad_cam(Failing(), IMAGES)


def test_a_call_compiled_by_the_learner_can_be_looked_into():
    class Compiled(Subclassed):
        call = tf.function(Subclassed.call)

    same = Subclassed(base_model := base())
    model = Compiled(base_model)
    for one in (same, model):
        one(IMAGES)
    model.set_weights(same.get_weights())
    index = np.uint64(1)
    np.testing.assert_allclose(
        grad_cam(model, IMAGES, index), grad_cam(same, IMAGES, 1), atol=1e-5
    )
    assert not tf.config.functions_run_eagerly()


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        (lambda: "model", (IMAGES,), "Expected a Keras model"),
        (base, (IMAGES,), "a model with a head"),
        (flat, (IMAGES,), "no feature map"),
        (tokens, (IMAGES,), "'patches', this model works on tokens"),
        (None, (IMAGES[0],), r"not \(8, 8, 3\): pass a batch"),
        (None, (IMAGES[:0],), "pass a batch"),
        (None, (IMAGES[:, :4, :4],), r"shape \(1, 4, 4, 3\)"),
        (None, (IMAGES, 2), "number from 0 to 1"),
        (None, (IMAGES, -1), "number from 0 to 1"),
        (None, (IMAGES, [0, 1]), "one for each of 16"),
        (None, (IMAGES, 0.5), "0.5 fits no class"),
        (None, (IMAGES, 0, "stem_rel"), "did you mean 'stem_relu'"),
        (None, (IMAGES, 0, "head"), "no layer 'head' with a feature map"),
        (None, (IMAGES.astype(str),), "are no numbers"),
        (None, (IMAGES * np.nan,), "heat is not finite"),
    ],
)
def test_what_cannot_be_explained_is_a_sentence(
    base_model, model, arguments, said
):
    model = functional(base_model) if model is None else model()
    with pytest.raises(CourseError, match=said):
        grad_cam(model, *arguments)
    assert not isinstance(model, keras.Model) or model(IMAGES[:1]) is not None


def test_tokens_can_be_explained_by_name():
    assert grad_cam(tokens(), IMAGES, layer="patches").shape == (16, 8, 8)


def test_an_overlay_leaves_cold_places_alone():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3))
    heat = np.zeros((2, 4, 4))
    heat[:, 0, 0] = 1
    mixed = overlay(images, heat)
    assert mixed.dtype == "uint8" and mixed.shape == images.shape
    np.testing.assert_array_equal(mixed[:, 1:], images[:, 1:])
    assert (mixed[:, 0, 0] != images[:, 0, 0]).any()
    assert overlay(images[..., :1], heat).shape == (2, 4, 4, 3)


def test_scores_by_hand():
    heat = np.array([[[3.0, 1.0], [0.0, 0.0]], [[0, 0], [2, 2]]])
    masks = np.array([[[1, 0], [0, 1]], [[0, 0], [0, 1]]], bool)
    np.testing.assert_allclose(share_inside(heat, masks), [0.75, 0.5])
    even = np.ones_like(heat)
    area = masks.mean(axis=(1, 2))
    np.testing.assert_allclose(share_inside(even, masks), area)


@pytest.mark.parametrize(
    ("score", "heat", "other"),
    [
        (share_inside, np.ones((2, 4, 4)), np.ones((2, 8, 8), bool)),
        (share_inside, np.ones((4, 4)), np.ones((4, 4), bool)),
        (share_inside, -np.ones((1, 4, 4)), np.ones((1, 4, 4), bool)),
        (share_inside, np.full((1, 4, 4), np.nan), np.ones((1, 4, 4), bool)),
        (lambda h, o: overlay(o, h), np.ones((1, 4, 4)), np.ones((2, 4, 4, 3))),
        (share_inside, np.full((1, 4, 4), np.inf), np.ones((1, 4, 4), bool)),
        (share_inside, np.ones((1, 4, 4)), np.full((1, 4, 4), np.nan)),
        *(
            (lambda h, o: overlay(o, h), heat, np.full((1, 4, 4, 3), 9.0))
            for heat in np.multiply.outer([2, -1, np.nan], np.ones((1, 4, 4)))
        ),
        (
            lambda h, o: overlay(o, h),
            np.ones((1, 4, 4)),
            np.full((1, 4, 4, 3), 0.5),
        ),
    ],
)
def test_what_does_not_fit_is_a_sentence(score, heat, other):
    with pytest.raises(CourseError, match="do not fit|below 0|`/ 255`"):
        score(heat, other)


def test_what_goes_past_the_last_map_is_not_passed_over():
    def model(add):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 3))
        one, other = (layers.Conv2D(4, 3)(inputs) for _ in range(2))
        x = layers.GlobalAveragePooling2D()(add(one, other))
        return keras.Model(inputs, layers.Dense(3)(x))

    whole = model(lambda a, b: layers.Add()([a, b]))
    assert grad_cam(whole, IMAGES[:2]).shape == (2, 8, 8)
    parts = model(lambda a, b: a + b)
    with pytest.raises(CourseError, match=r"goes past .* by `\+`"):
        grad_cam(parts, IMAGES[:2])
    name = parts.layers[1].name
    assert grad_cam(parts, IMAGES[:2], layer=name).shape == (2, 8, 8)
