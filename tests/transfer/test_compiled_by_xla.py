"""Every recipe under XLA, as Keras compiles it where there is a GPU."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.adaptation.adabn import adapt_batch_norm
from course_utils.adaptation.coral import CoralLoss
from course_utils.adaptation.random_stains import RandomStains
from course_utils.adaptation.self_training import adapt_by_entropy
from course_utils.backbones import (
    architectures,
    efficientnet_lite,
    imagenet,
    pretrained,
)
from course_utils.backbones.preprocessing import PictureScaling
from course_utils.evaluation.predictions import ask_model
from course_utils.machine.errors import CourseError
from course_utils.transfer.cached_training import cached_fit
from course_utils.transfer.compiling import recompile
from course_utils.transfer.feature_extraction import extract_features
from course_utils.transfer.freezing import freeze, unfreeze
from course_utils.transfer.learning_rates import find_learning_rate
from course_utils.transfer.two_phase_training import two_phase_fit

# Keras warns where it drops the compilation.
pytestmark = pytest.mark.filterwarnings("error::UserWarning")
RNG = np.random.default_rng(0)
LABELS = np.arange(8) % 2
LOSS = keras.losses.SparseCategoricalCrossentropy()


def pictures(side=8):
    return RNG.integers(0, 256, (8, side, side, 3)).astype("float32")


def base():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, name="conv")(PictureScaling()(inputs))
    x = keras.layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, x, name="base")


def under_xla(base_model, optimizer="sgd", **options):
    pool = keras.layers.GlobalAveragePooling2D()
    head = keras.layers.Dense(2, "softmax", dtype="float32")
    model = keras.Sequential([base_model, pool, head])
    options = {"jit_compile": True, **options}
    model.compile(optimizer, LOSS, **options)
    return model


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("residual", "stage2"),
        ("mobile", "last"),
        ("vision_transformer", "block1"),
    ],
)
def test_every_backbone_trains(name, block, monkeypatch):
    # XLA takes seconds for each block, and one of a kind shows it all.
    monkeypatch.setattr(architectures, "RESIDUAL_STAGES", ((24, 1), (48, 1)))
    monkeypatch.setattr(
        architectures, "MOBILE_GROUPS", ((16, 1, 1), (32, 2, 2))
    )
    monkeypatch.setattr(architectures, "TRANSFORMER_BLOCKS", 1)
    base_model = getattr(architectures, f"build_{name}")((32, 32, 3))
    unfreeze(base_model, from_layer=block)
    model = under_xla(base_model)
    before = [np.array(v) for v in base_model.trainable_weights]
    images = pictures(32)
    loss = model.fit(images, LABELS, verbose=0).history["loss"]
    assert model.jit_compile and np.isfinite(loss).all()
    after = base_model.trainable_weights
    assert not all(map(np.array_equal, before, after))


def test_efficientnet_lite0_trains(monkeypatch):
    groups = ((1, 3, 1, 1, 8), (2, 3, 2, 2, 8))
    monkeypatch.setattr(efficientnet_lite, "GROUPS", groups)
    monkeypatch.setattr(efficientnet_lite, "TOP_FILTERS", 8)
    base_model = efficientnet_lite.build_efficientnet_lite0((32, 32, 3))
    unfreeze(base_model, from_layer="block2")
    model = under_xla(base_model)
    loss = model.fit(pictures(32), LABELS, verbose=0).history["loss"]
    assert model.jit_compile and np.isfinite(loss).all()


def test_cached_training_is_compiled_too(work):
    base_model = base()
    freeze(base_model)
    model = under_xla(base_model)
    compiled = []

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            compiled.append(self.model.jit_compile)

    images = pictures()
    cached_fit(
        model, (images, LABELS), cache=True, callbacks=[Look()], verbose=0
    )
    assert compiled == [True]


def test_a_backbone_of_imagenet_trains(monkeypatch):
    monkeypatch.setattr(imagenet, "_download", lambda name, url: "no file")
    monkeypatch.setattr(keras.Model, "load_weights", lambda model, path: None)
    whole = pretrained.load_backbone("mobilenet_v2", "imagenet", (32, 32, 3))
    assert all(layer.supports_jit for layer in whole.layers)
    # Each kind of layer that it has is in its first blocks.
    begin = whole.get_layer("block_2_add")
    rest = whole.layers[whole.layers.index(begin) :]
    base_model = keras.Model(whole.input, begin.output)
    assert {*map(type, rest)} <= {*map(type, base_model.layers)}
    unfreeze(base_model, from_layer="block_2")
    model = under_xla(base_model)
    model.fit(pictures(32), LABELS, verbose=0)
    assert model.jit_compile


def test_the_recipes_of_transfer():
    images = pictures()
    data = (images, LABELS)
    base_model = base()
    base_model.jit_compile = True
    features, _ = extract_features(base_model, data)
    assert features.shape == (8, 6, 6, 2)
    model = under_xla(base_model, keras.optimizers.Adam(0.01))
    assert len(find_learning_rate(model, data, steps=2, batch_size=8).rates)
    history = two_phase_fit(model, base_model, data, data, 1, 1, verbose=0)
    assert history.phases == ["head", "fine-tuning"] and model.jit_compile
    freeze(base_model)
    recompile(model)
    assert model.jit_compile


def test_the_recipes_of_adaptation(tmp_path):
    source, target = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    base_model = base()
    pool = keras.layers.GlobalAveragePooling2D()
    features = [
        pool(base_model(RandomStains(seed=0)(x))) for x in (source, target)
    ]
    outputs = keras.layers.Dense(2, "softmax")(CoralLoss()(features))
    model = keras.Model([source, target], outputs)
    model.compile("sgd", LOSS, jit_compile=True)
    images = pictures()
    model.fit([images, images], LABELS, verbose=0)
    assert model.jit_compile
    alone = under_xla(base_model)
    adapt_batch_norm(alone, images)
    adapt_by_entropy(alone, images)
    alone.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.jit_compile
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), alone(images), atol=1e-5
    )


def test_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = under_xla(base())
    finally:
        keras.config.set_dtype_policy("float32")
    model.fit(pictures(), LABELS, verbose=0)
    assert model.jit_compile
    assert np.isfinite(model.get_weights()[0]).all()


def test_a_step_of_ones_own():
    model = under_xla(base())

    @tf.function(jit_compile=True)
    def step(images):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(images, training=True) ** 2)
        return tape.gradient(loss, model.trainable_weights)

    assert all(np.isfinite(part).all() for part in step(pictures()))


def test_helpers_name_a_wrong_scale_before_the_first_step():
    base_model = base()
    model = under_xla(base_model)
    base_model.jit_compile = True
    wrong = pictures() / 255
    data = tf.data.Dataset.from_tensor_slices((wrong, LABELS)).batch(4)
    before = model.get_weights()
    for call in (
        lambda: two_phase_fit(model, base_model, data, data, verbose=0),
        lambda: find_learning_rate(model, data),
        lambda: extract_features(base_model, data),
        lambda: ask_model(model, data),
        lambda: adapt_batch_norm(model, wrong),
        lambda: adapt_by_entropy(model, wrong),
        lambda: model(wrong),
    ):
        with pytest.raises(CourseError, match="from 0 to 255, and this batch"):
            call()
    assert all(map(np.array_equal, before, model.get_weights()))
    assert base_model.trainable and model.train_function is None
