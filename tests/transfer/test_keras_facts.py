"""What the course teaches about Keras, measured on weights.

Each test is one fact, and names the versions of Keras on which it was seen to
hold: all were tried on 3.8, 3.10 and 3.15, those whose errors differ on each
minor version between, always with TensorFlow 2.21. On others it is
skipped, with the reason; try it there, and widen the range, or change the
lessons.

Not here: that a submission is never opened with `load_model`, nor anything of
it unpickled (that is the course's own doing, not Keras's), and how long
tracing takes (timings are never tests, see `benchmarks/`).
"""

import functools
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.answers.checks.training_evidence import to_array
from tests.tiny_models import (
    IMAGES,
    KINDS,
    LABELS,
    ONE_BATCH,
    Subclassed,
    base,
    build,
    compiled,
    fit,
    functional,
    sequential,
)


def version(text):
    return tuple(int(part) for part in text.split(".")[:2])


def holds(first, last="3.15"):
    """Marks a fact with the minor versions from first to last."""
    seen = version(first) <= version(keras.__version__) <= version(last)
    return pytest.mark.skipif(
        not seen,
        reason=f"seen on Keras {first} to {last}, this is {keras.__version__}",
    )


def moved(part, action):
    """Returns the names of a part's variables that an action moves."""
    before = [to_array(v) for v in part.variables]
    action()
    return {
        v.path.split("/")[-2] + "/" + v.name
        for v, old in zip(part.variables, before, strict=True)
        if not np.array_equal(to_array(v), old)
    }


def statistics(names):
    return {name for name in names if "/moving_" in name}


def kernels(names):
    return {name for name in names if name.endswith("conv/kernel")}


# 1. training=False at the call does not keep batch norm in inference.


def lone_layer():
    return keras.layers.BatchNormalization(name="lone_bn")


def sequential_base():
    return keras.Sequential([keras.layers.Conv2D(2, 3), lone_layer()])


def called_with_training_false(part, call=None):
    inputs = keras.Input((8, 8, 3))
    call = call or functools.partial(part, training=False)
    x = keras.layers.GlobalAveragePooling2D()(call(inputs))
    return compiled(keras.Model(inputs, keras.layers.Dense(2)(x)))


@holds("3.8")
@pytest.mark.parametrize("make", [base, sequential_base, lone_layer])
def test_training_false_at_the_call_is_overridden_by_fit(make):
    part = make()
    model = called_with_training_false(part)
    assert statistics(moved(part, lambda: fit(model)))


@holds("3.8")
def test_a_model_frozen_as_a_whole_keeps_its_statistics():
    part = base()
    part.trainable = False
    model = called_with_training_false(part)
    assert moved(part, lambda: fit(model)) == set()


@holds("3.8")
def test_dropout_in_a_frozen_base_is_active_all_the_same():
    part = keras.Sequential([keras.layers.Dropout(0.5, seed=0)])
    part.trainable = False
    inputs = keras.Input((100,))
    outer = keras.Model(inputs, part(inputs, training=False))
    ones = np.ones((1, 100), "float32")
    assert np.all(outer(ones, training=False) == 1)
    assert 20 < np.count_nonzero(outer(ones, training=True) == 0) < 80


@holds("3.8")
def test_batch_norm_frozen_layer_by_layer_keeps_its_statistics():
    part = base()
    for layer in part.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    names = moved(part, functools.partial(fit, build(functional, part)))
    assert len(kernels(names)) == 3
    assert not any("_bn/" in name for name in names)


class Inference(keras.layers.Layer):
    """A layer whose own call passes training=False."""

    def __init__(self, part):
        super().__init__()
        self.part = part

    def call(self, x):
        return self.part(x, training=False)


class InferenceModel(Subclassed):
    def call(self, x, training=None):
        return super().call(x, training=False)


@holds("3.8")
def test_a_call_of_ones_own_with_training_false_keeps_the_statistics():
    part = base()
    model = called_with_training_false(part, Inference(part))
    names = moved(part, lambda: fit(model))
    assert kernels(names) and not statistics(names)
    part = base()
    names = moved(part, functools.partial(fit, build(InferenceModel, part)))
    assert kernels(names) and not statistics(names)


class NoTrainingArgument(Subclassed):
    def call(self, x):
        return self.head(self.pool(self.base_model(x)))


@holds("3.8")
def test_a_subclassed_model_without_training_argument_stays_in_inference():
    part = base()
    names = moved(part, functools.partial(fit, build(NoTrainingArgument, part)))
    assert kernels(names) and not statistics(names)


# 2. Trainability is bound when the training step is first traced.


@holds("3.8")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trainable", [True, False])
def test_a_flag_changed_after_compile_and_before_fit_counts(kind, trainable):
    part = base()
    part.trainable = not trainable
    model = build(kind, part)
    part.trainable = trainable
    assert bool(kernels(moved(part, lambda: fit(model)))) is trainable


@holds("3.8")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trainable", [True, False])
def test_a_flag_changed_after_a_fit_is_silently_nothing(kind, trainable):
    part = base()
    part.trainable = not trainable
    model = build(kind, part)
    fit(model)
    part.trainable = trainable
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        names = moved(part, lambda: fit(model))
    assert bool(kernels(names)) is not trainable, "the weights go by the old"
    compiled(model)
    assert bool(kernels(moved(part, lambda: fit(model)))) is trainable


# Up to Keras 3.11 the message itself cannot be made within a trace.
def raises_unknown_variable():
    return pytest.raises(
        (ValueError, NotImplementedError),
        match="Unknown variable|only available when eager execution is enabled",
    )


def fit_in_other_batches(model):
    model.fit(IMAGES, LABELS, batch_size=5, verbose=0)


@holds("3.8")
def test_after_a_retrace_unfreezing_fails_and_freezing_counts():
    part = base()
    part.trainable = False
    model = build(functional, part)
    fit(model)
    part.trainable = True
    with raises_unknown_variable():
        fit_in_other_batches(model)
    part = base()
    model = build(functional, part)
    fit(model)
    part.trainable = False
    assert moved(part, lambda: fit_in_other_batches(model)) == set()


@holds("3.8")
def test_the_old_optimizer_knows_the_old_weights_only():
    part = base()
    part.trainable = False
    model = build(functional, part)
    fit(model)
    part.trainable = True
    model.compile(model.optimizer, model.loss)
    with raises_unknown_variable():
        fit(model)
    # The other way round it works: fewer weights are among those it knows.
    part = base()
    model = build(functional, part)
    fit(model)
    part.trainable = False
    model.compile(model.optimizer, model.loss)
    assert moved(part, lambda: fit(model)) == set()


@holds("3.8")
def test_evaluating_binds_nothing():
    part = base()
    part.trainable = False
    model = build(functional, part)
    model.evaluate(IMAGES, LABELS, verbose=0)
    model.predict(IMAGES, verbose=0)
    part.trainable = True
    assert kernels(moved(part, lambda: fit(model)))


# 3. Trainable layers in a model whose own flag says frozen.


@holds("3.8")
def test_layers_unfrozen_in_a_frozen_model_train_and_are_not_listed():
    part = base()
    part.trainable = False
    for layer in part.layers[-3:]:
        layer.trainable = True
    model = build(functional, part)
    assert part.trainable_weights == []
    assert len(model.trainable_weights) == 6, "four of the base, two of head"
    assert kernels(moved(part, lambda: fit(model))) == {
        "stage2_block1_conv/kernel"
    }


@holds("3.8")
def test_where_nothing_was_frozen_the_loop_over_last_layers_does_nothing():
    part = base()
    for layer in part.layers[-3:]:
        layer.trainable = True
    model = build(functional, part)
    assert len(kernels(moved(part, lambda: fit(model)))) == 3


# 4. The last 20 layers hold very different shares of the parameters.
# Building the five takes some ten seconds in all.


@holds("3.8")
@pytest.mark.parametrize(
    ("name", "percent"),
    [
        ("ResNet50", 38),
        ("EfficientNetB0", 34),
        ("MobileNetV2", 54),
        ("DenseNet121", 5),
        ("VGG16", 100),
    ],
)
def test_the_last_20_layers_are_no_measure(name, percent):
    model = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    last = sum(layer.count_params() for layer in model.layers[-20:])
    assert round(100 * last / model.count_params()) == percent
    assert (model.layers[:-20] == []) is (name == "VGG16")


# 5. Early stopping.


class Scripted(keras.callbacks.Callback):
    def __init__(self, losses):
        super().__init__()
        self.losses, self.kept = losses, {}

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = self.losses[epoch]
        self.kept[epoch] = self.model.get_weights()


def early(model, losses, stopping, initial_epoch=0):
    script = Scripted(losses)
    history = model.fit(
        ONE_BATCH,
        epochs=len(losses),
        initial_epoch=initial_epoch,
        callbacks=[script, stopping],
        verbose=0,
    )
    return history.epoch, script.kept


def same(model, kept):
    return all(map(np.array_equal, model.get_weights(), kept))


@holds("3.8")
@pytest.mark.parametrize("patience", [0, 1])
def test_patience_0_behaves_as_1(patience):
    model = build(sequential, base())
    stopping = keras.callbacks.EarlyStopping(patience=patience)
    epochs, _ = early(model, [3, 2, 2.5, 1, 0.5], stopping)
    assert epochs == [0, 1, 2]


@holds("3.8")
def test_patience_2_may_stop_before_the_best():
    model = build(sequential, base())
    stopping = keras.callbacks.EarlyStopping(patience=2)
    epochs, _ = early(model, [3, 2, 2.2, 2.1, 1], stopping)
    assert epochs == [0, 1, 2, 3]


@holds("3.8")
def test_the_best_is_forgotten_at_each_fit():
    model = build(sequential, base())
    stopping = keras.callbacks.EarlyStopping(
        patience=2, restore_best_weights=True
    )
    early(model, [1, 2, 2], stopping)
    first = model.get_weights()
    _, kept = early(model, [0, 0, 0, 9, 8, 8.5, 8.5], stopping, 3)
    assert stopping.best == 8 and same(model, kept[4])
    assert not same(model, first), "phase 1 had reached 1"


@holds("3.8")
def test_start_from_epoch_is_absolute():
    losses = [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]
    model = build(sequential, base())
    stopping = keras.callbacks.EarlyStopping(patience=1, start_from_epoch=3)
    epochs, _ = early(model, losses, stopping, initial_epoch=5)
    assert epochs == [5, 6], "no three epochs of grace in this fit"


@holds("3.8")
def test_the_best_is_restored_even_where_nothing_was_stopped():
    model = build(sequential, base())
    stopping = keras.callbacks.EarlyStopping(
        patience=9, restore_best_weights=True
    )
    epochs, kept = early(model, [3, 1, 2], stopping)
    assert epochs == [0, 1, 2] and same(model, kept[1])


# 6. Continuing epochs.


@holds("3.8")
def test_a_fixed_initial_epoch_leaves_a_gap_after_an_early_stop():
    model = build(sequential, base())
    losses = [2, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]
    stopping = keras.callbacks.EarlyStopping(patience=1)
    first, _ = early(model, losses, stopping)
    assert first == [0, 1, 2]
    fixed, _ = early(model, losses, Scripted(losses), initial_epoch=10)
    assert fixed == [10, 11], "3 to 9 never ran"
    counted, _ = early(model, losses[:5], Scripted(losses), len(first))
    assert counted == [3, 4]


# 7. Preprocessing differs by family (no model is built).


@holds("3.8")
@pytest.mark.parametrize(
    ("family", "lowest", "highest"),
    [
        ("resnet", -124, 151),
        ("vgg16", -124, 151),
        ("resnet_v2", -1, 1),
        ("mobilenet_v2", -1, 1),
        ("xception", -1, 1),
        ("densenet", -2.12, 2.64),
        ("efficientnet", 0, 255),
        ("efficientnet_v2", 0, 255),
        ("mobilenet_v3", 0, 255),
        ("convnext", 0, 255),
    ],
)
def test_preprocessing_differs_by_family(family, lowest, highest):
    module = getattr(keras.applications, family)
    images = np.stack([np.zeros((1, 1, 3)), np.full((1, 1, 3), 255.0)])
    images = module.preprocess_input(images)
    close = functools.partial(pytest.approx, abs=0.6 if lowest < -9 else 0.01)
    assert images.min() == close(lowest)
    assert images.max() == close(highest)


# 8. EfficientNet without "imagenet" lacks a layer. Two builds, five seconds.


@holds("3.8")
def test_efficientnet_of_imagenet_has_one_rescaling_more(monkeypatch):
    from keras.src.utils import file_utils

    monkeypatch.setattr(file_utils, "get_file", lambda *a, **k: "no.h5")
    monkeypatch.setattr(keras.Model, "load_weights", lambda *a, **k: None)
    counts = []
    for weights in ("imagenet", None):
        model = keras.applications.EfficientNetB0(
            include_top=False, weights=weights, input_shape=(32, 32, 3)
        )
        kinds = [type(layer).__name__ for layer in model.layers]
        counts.append((kinds.count("Rescaling"), len(kinds)))
    assert counts[0] == (2, counts[1][1] + 1) and counts[1][0] == 1


# 9. Augmentation before the cache.


@holds("3.8")
@pytest.mark.parametrize("augment_first", [True, False])
def test_augmentation_before_cache_is_frozen(augment_first):
    augment = keras.layers.RandomBrightness(0.5, seed=0)
    data = tf.data.Dataset.from_tensor_slices(np.full((4, 2, 2, 3), 100.0))
    data = data.batch(4)
    if augment_first:
        data = data.map(lambda x: augment(x, training=True)).cache()
    else:
        data = data.cache().map(lambda x: augment(x, training=True))
    first, second = (np.concatenate(list(data)) for _ in range(2))
    assert np.array_equal(first, second) is augment_first


# 10. Grad-CAM on a nested base.


@holds("3.8")
def test_an_inner_layer_needs_the_inner_models_own_input():
    part = base()
    model = build(functional, part)
    inner = part.get_layer("stage2_block1_relu").output
    # From Keras 3.14 on it is told at once, before that in the first call.
    with pytest.raises(
        (ValueError, KeyError), match="is not connected|Functional.call"
    ):
        keras.Model(model.input, [inner, model.output])(IMAGES[:1])
    both = keras.Model(part.input, [inner, part.output])
    assert both(IMAGES[:1])[0].shape == (1, 2, 2, 4)


# 11. No vision transformer among the applications.


@holds("3.8")
def test_keras_applications_has_no_vision_transformer():
    names = [name.lower() for name in dir(keras.applications)]
    assert "resnet50" in names
    assert not [n for n in names if n.startswith(("vit", "deit", "swin"))]


# 12. What is left of a compilation, and of random state.


def plain_loss(labels, outputs):
    return keras.ops.mean((outputs - labels) ** 2)


@holds("3.8")
def test_compile_from_config_raises_on_a_plain_function():
    model = build(sequential, base())
    model.compile("sgd", plain_loss)
    with pytest.raises((TypeError, ValueError), match="plain_loss"):
        model.compile_from_config(model.get_compile_config())


@holds("3.9")
def test_so_does_clone_model_which_compiles_as_well():
    model = build(sequential, base())
    model.compile("sgd", plain_loss)
    with pytest.raises((TypeError, ValueError), match="plain_loss"):
        keras.models.clone_model(model)


@holds("3.8")
def test_compiled_loss_is_only_a_deprecated_shim():
    model = build(sequential, base())
    with pytest.warns(UserWarning, match="deprecated"):
        loss = model.compiled_loss(LABELS, model(IMAGES))
    assert np.isfinite(float(loss))


@holds("3.8")
def test_the_seed_of_dropout_is_a_variable_and_no_weight():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dropout(0.5)])
    assert model.weights == [] and len(model.variables) == 1
