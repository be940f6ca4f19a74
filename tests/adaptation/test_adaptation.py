"""What each method changes in a model, and what it leaves alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.adaptation import target_pictures
from course_utils.adaptation.adabn import adapt_batch_norm
from course_utils.adaptation.coral import CoralLoss, coral_loss
from course_utils.adaptation.self_training import (
    adapt_by_entropy,
    entropy,
    pseudo_labels,
)
from course_utils.machine import endless_data
from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import batch_norms, freeze
from tests.tiny_models import KINDS, Subclassed, base, build, functional

RNG = np.random.default_rng(0)
# Another hospital: other brightness, other contrast.
TARGET = (0.5 + 3 * RNG.normal(size=(12, 8, 8, 3))).astype("float32")


@pytest.fixture(autouse=True)
def same_weights_each_time():
    keras.utils.set_random_seed(0)


def classifier(kind=functional):
    """A model that ends in probabilities (but a `Subclassed` in logits)."""
    model = kind(base())
    model(TARGET[:1])
    if kind is functional:
        outputs = keras.layers.Softmax()(model.output)
        model = keras.Model(model.input, outputs)
    return model


def inputs_of_batch_norm(model, images):
    """What reaches each batch normalization in inference."""
    (base_model,) = [p for p in model.layers if isinstance(p, keras.Model)]
    layers = batch_norms(base_model)
    probe = keras.Model(base_model.input, [part.input for part in layers])
    return layers, [np.asarray(x) for x in probe(images, training=False)]


def names_of_moved(model, before):
    return {
        variable.path.split("/")[-1]
        for variable, old in zip(model.weights, before, strict=True)
        if not np.array_equal(variable, old)
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_statistics_are_those_of_the_target(kind):
    model = build(kind, base())
    before = model.get_weights()
    assert adapt_batch_norm(model, TARGET) is None
    moved = names_of_moved(model, before)
    assert moved == {"moving_mean", "moving_variance"}
    layers, inputs = inputs_of_batch_norm(model, TARGET)
    assert len(layers) == 3
    for layer, x in zip(layers, inputs, strict=True):
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        np.testing.assert_allclose(layer.moving_mean, mean, atol=1e-4)
        np.testing.assert_allclose(layer.moving_variance, variance, rtol=1e-3)


def test_statistics_by_hand():
    layer = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((2,)), layer])
    pictures = np.array([[0, 10], [2, 10], [4, 40]])
    adapt_batch_norm(model, pictures)
    np.testing.assert_allclose(layer.moving_mean, [2, 20], rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, [8 / 3, 200], rtol=1e-5)
    adapt_batch_norm(model, [[0, 0], [1, 1]])
    # Batches are pooled: as in one, as far as the first layer goes.
    adapt_batch_norm(model, pictures, batch_size=2)
    np.testing.assert_allclose(layer.moving_variance, [8 / 3, 200], rtol=1e-5)


def test_several_batches_come_near():
    whole, parts = base(), base()
    parts.set_weights(whole.get_weights())
    adapt_batch_norm(whole, TARGET)
    adapt_batch_norm(parts, TARGET, batch_size=6)
    for one, other in zip(
        whole.get_weights(), parts.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0.1, atol=0.05)


def test_dropout_and_augmentation_sleep_and_frozen_layers_are_adapted():
    asleep = base()
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GaussianNoise(1.0)(keras.layers.Dropout(0.9)(inputs))
    model = keras.Model(inputs, asleep(x))
    alone = base()
    alone.set_weights(asleep.get_weights())
    freeze(asleep)
    adapt_batch_norm(model, TARGET)
    adapt_batch_norm(alone, TARGET)
    for one, other in zip(
        asleep.get_weights(), alone.get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert asleep.trainable_weights == []


def test_data_sets_with_and_without_labels():
    results = []
    for data in (
        TARGET,
        tf.data.Dataset.from_tensor_slices(TARGET).batch(5),
        tf.data.Dataset.from_tensor_slices((TARGET, np.zeros(12))).batch(5),
    ):
        model = base()
        model.set_weights([np.full(w.shape, 0.5) for w in model.get_weights()])
        adapt_batch_norm(model, data)
        results.append(model.get_weights())
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_the_model_works_as_before_afterwards():
    model = build(functional, base())
    adapt_batch_norm(model, TARGET)
    assert all("call" not in vars(layer) for layer in batch_norms(model))
    predicted = model.predict(TARGET, verbose=0)
    np.testing.assert_allclose(
        model(TARGET, training=False), predicted, atol=1e-5
    )
    one_by_one = [model(TARGET[n : n + 1], training=False) for n in range(12)]
    np.testing.assert_allclose(np.concatenate(one_by_one), predicted, atol=1e-5)
    model.fit(TARGET, np.zeros(12), verbose=0)


def test_a_layer_that_the_model_does_not_use_is_left_alone():
    model = Subclassed(base())
    model.unused = keras.layers.BatchNormalization()
    model.unused.build((None, 2))
    adapt_batch_norm(model, TARGET)
    np.testing.assert_array_equal(model.unused.moving_mean, [0, 0])


def test_entropy_by_hand():
    found = entropy([[0.5, 0.5], [1, 0], [0.25, 0.75]])
    by_hand = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    np.testing.assert_allclose(found, [np.log(2), 0, by_hand], rtol=1e-6)
    np.testing.assert_allclose(entropy([[0.75]]), [by_hand], rtol=1e-6)
    for logits in ([[0, np.log(3)]], [[np.log(3)]], [[500, np.log(3) + 500]]):
        found = entropy(logits, from_logits=True)
        np.testing.assert_allclose(found, [by_hand], rtol=1e-4)
    assert entropy([[2000.0, 0]], from_logits=True).numpy() == 0


@pytest.mark.parametrize("from_logits", [False, True])
def test_entropy_is_lowered_by_scale_and_shift_alone(from_logits):
    model = classifier(Subclassed if from_logits else functional)
    model.trainable = False
    flags = [layer.trainable for layer in model._flatten_layers()]
    adapt_batch_norm(model, TARGET)
    before = model.get_weights()
    first = np.mean(entropy(model(TARGET), from_logits))
    options = {"epochs": 5, "batch_size": 6, "from_logits": from_logits}
    assert adapt_by_entropy(model, TARGET, 0.05, **options) is None
    assert names_of_moved(model, before) == {
        *("gamma", "beta", "moving_mean", "moving_variance")
    }
    assert np.mean(entropy(model(TARGET), from_logits)) < first - 0.01
    assert flags == [layer.trainable for layer in model._flatten_layers()]
    layers, inputs = inputs_of_batch_norm(model, TARGET)
    for layer, x in zip(layers, inputs, strict=True):
        np.testing.assert_allclose(
            layer.moving_mean, x.mean((0, 1, 2)), atol=1e-3
        )


def test_one_step_of_entropy_by_hand():
    """One picture pair, one feature: the gradient is known."""
    norm = keras.layers.BatchNormalization(epsilon=0)
    model = keras.Sequential([keras.Input((1,)), norm])
    # Standardised to -1 and 1, so logits are beta - gamma and beta + gamma.
    # Both grow surer with gamma, by the same; beta's slopes cancel.
    adapt_by_entropy(
        model, [[3.0], [5.0]], learning_rate=0.01, from_logits=True
    )
    assert float(norm.gamma[0]) == pytest.approx(1.01, abs=1e-4)
    assert float(norm.moving_mean[0]) == 4 and norm.moving_variance[0] == 1


def test_each_epoch_takes_a_step():
    norm = keras.layers.BatchNormalization(epsilon=0)
    model = keras.Sequential([keras.Input((1,)), norm])
    adapt_by_entropy(
        model, [[3.0], [5.0]], learning_rate=0.01, epochs=3, from_logits=True
    )
    assert float(norm.gamma[0]) == pytest.approx(1.03, abs=1e-3)


def test_batches_mix_pictures_that_come_class_by_class():
    images, rng = np.arange(60), np.random.default_rng(0)
    for _ in range(2):
        batches = target_pictures.in_batches(images, 25, rng)
        assert [len(batch) for batch in batches] == [20, 20, 20]
        assert sorted(np.concatenate(batches)) == list(images)
        assert all(set(batch // 20) == {0, 1, 2} for batch in batches)


def test_coral_loss_by_hand():
    source = np.array([[0, 0], [2, 0], [0, 2], [2, 2]])  # covariance 4/3 I
    target = np.array([[1, 1], [3, 3]])  # covariance [[2, 2], [2, 2]]
    difference = np.array([[4 / 3 - 2, -2], [-2, 4 / 3 - 2]])
    by_hand = (difference**2).sum() / (4 * 2**2)
    assert float(coral_loss(source, target)) == pytest.approx(by_hand)
    assert float(coral_loss(source, source + 5)) == 0
    one, two = RNG.normal(size=(9, 5)), RNG.normal(size=(7, 5))
    formula = ((np.cov(one.T) - np.cov(two.T)) ** 2).sum() / 100
    assert float(coral_loss(one, two)) == pytest.approx(formula, rel=1e-5)


def coral_model(weight):
    """Two inputs, and one backbone: a dense layer without bias."""
    keras.utils.set_random_seed(0)
    dense = keras.layers.Dense(3, use_bias=False)
    inputs = [keras.Input((4,)), keras.Input((4,))]
    features = CoralLoss(weight)([dense(one) for one in inputs])
    model = keras.Model(inputs, keras.layers.Dense(1)(features))
    model.compile(keras.optimizers.Adam(0.02), "mse")
    return model, dense


def test_coral_is_added_to_what_fit_minimises():
    source = RNG.normal(size=(48, 4)).astype("float32")
    target = source * np.array([3, 1, 1, 1], "float32")
    labels = source[:, 1:2]
    data = tf.data.Dataset.from_tensor_slices(((source, target), labels))
    # The last batch has one pair only.
    data = data.batch(47)
    after = {}
    for weight in (0, 5):
        model, dense = coral_model(weight)
        apart = float(coral_loss(dense(source), dense(target)))
        model((source, target))
        assert float(model.losses[0]) == pytest.approx(weight * apart)
        history = model.fit(data, epochs=20, shuffle=False, verbose=0).history[
            "loss"
        ]
        assert np.isfinite(history).all()
        after[weight] = float(coral_loss(dense(source), dense(target)))
    assert after[5] < 0.2 * after[0]


def test_coral_is_saved_with_a_model(tmp_path):
    model, _ = coral_model(0.5)
    model.save(tmp_path / "model.keras")
    found = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert found.layers[-2].weight == 0.5


def test_sure_predictions_become_labels():
    probabilities = [[0.95, 0.05], [0.6, 0.4], [0.1, 0.9], [0.5, 0.5]]
    rows, labels = pseudo_labels(probabilities)
    assert rows.tolist() == [0, 2] and labels.tolist() == [0, 1]
    second = np.array(probabilities)[:, 1:]
    rows, labels = pseudo_labels(second, threshold=0.6)
    assert rows.tolist() == [0, 1, 2] and labels.tolist() == [0, 0, 1]
    rows, labels = pseudo_labels(probabilities, threshold=1)
    assert rows.size == labels.size == 0


NAN = np.where(np.arange(12)[:, None, None, None] == 3, np.nan, TARGET)
SINGLE = tf.data.Dataset.from_tensor_slices(TARGET)


def endless_generator():
    def batches():
        while True:
            yield TARGET

    spec = tf.TensorSpec((None, 8, 8, 3), "float32")
    return tf.data.Dataset.from_generator(batches, output_signature=spec)


def test_more_pictures_than_memory_holds(monkeypatch):
    monkeypatch.setattr(target_pictures, "MOST_BYTES", TARGET.size * 8)
    with pytest.raises(CourseError, match="need more than"):
        adapt_batch_norm(classifier(), endless_generator())


NO_NORM = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Softmax()])


@pytest.mark.parametrize(
    ("model", "images", "said"),
    [
        (None, TARGET[:0], "There are 0 target pictures"),
        (None, TARGET[:1], "There are 1 target pictures"),
        (None, tf.data.Dataset.from_tensors(TARGET[:0]), "There are 0"),
        (None, SINGLE, r"has the shape \(8, 8, 3\), .* `.batch\(32\)`"),
        (None, SINGLE.batch(2).batch(2), "the model expects"),
        (None, SINGLE.map(lambda x: {"a": x}).batch(2), "type dict"),
        (None, SINGLE.batch(5).repeat(), "never"),
        (None, SINGLE.repeat().filter(lambda x: True).batch(5), "never end"),
        (None, endless_generator(), "did not end within 20 batches"),
        (None, TARGET.astype(str), "are no numbers"),
        (None, TARGET * 1j, "are no numbers"),
        (None, NAN, "not finite"),
        (None, "histology", "from_table"),
        (None, TARGET[:, :4], r"expects \(None, 8, 8, 3\)"),
        (NO_NORM, TARGET, "has no batch normalization"),
        ("residual", TARGET, "Expected a Keras model"),
    ],
)
def test_what_cannot_be_adapted(monkeypatch, model, images, said):
    monkeypatch.setattr(endless_data, "MOST_BATCHES", 20)
    model = classifier() if model is None else model
    before = [] if isinstance(model, str) else model.get_weights()
    for adapt in (adapt_batch_norm, adapt_by_entropy):
        with pytest.raises(CourseError, match=said):
            adapt(model, images)
    if before:
        assert names_of_moved(model, before) == set()


def test_a_failure_in_the_middle_leaves_the_model_as_it_was():
    model = classifier()
    weights = model.get_weights()
    weights[-1] = weights[-1] * np.nan
    model.set_weights(weights)
    with pytest.raises(CourseError, match="predictions are not finite"):
        adapt_by_entropy(model, TARGET)
    weights[-1] = np.zeros_like(weights[-1])
    weights[0] = np.full_like(weights[0], 1e30)
    model.set_weights(weights)
    with pytest.raises(CourseError, match="is not finite for these pictures"):
        adapt_batch_norm(model, TARGET)
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert all("call" not in vars(layer) for layer in batch_norms(model))


def test_an_interrupt_leaves_the_model_as_it_was(monkeypatch):
    model = classifier()
    before = model.get_weights()

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        "course_utils.adaptation.self_training.adapt_batch_norm", interrupt
    )
    with pytest.raises(KeyboardInterrupt):
        adapt_by_entropy(model, TARGET, learning_rate=0.1)
    assert names_of_moved(model, before) == set()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"learning_rate": 0}, "learning_rate is 0, and .* above 0"),
        ({"epochs": 0}, "epochs is 0, and a whole number"),
        ({"batch_size": 2.5}, "batch_size is 2.5, and a whole number"),
    ],
)
def test_settings_that_make_no_sense(options, said):
    with pytest.raises(CourseError, match=said):
        adapt_by_entropy(classifier(), TARGET, **options)


def test_nothing_to_train():
    bare = keras.layers.BatchNormalization(center=False, scale=False)
    model = keras.Sequential([keras.Input((8, 8, 3)), bare])
    with pytest.raises(CourseError, match="use adapt_batch_norm"):
        adapt_by_entropy(model, TARGET)
    adapt_batch_norm(model, TARGET)


def test_logits_are_not_taken_for_probabilities():
    keras.utils.set_random_seed(0)
    model = functional(base())
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    adapt_by_entropy(model, TARGET)
    adapt_by_entropy(twin, TARGET, from_logits=True)
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    before = model.get_weights()
    with pytest.raises(CourseError, match="from_logits=True"):
        adapt_by_entropy(model, 1e3 * TARGET, from_logits=False)
    assert names_of_moved(model, before) == set()


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        (np.empty((0, 2)), "one or more pictures"),
        ([0.5, 0.5], r"shape is \(2,\)"),
        ([[np.nan, 0.5]], "not finite"),
        ([[3.0, -1.0]], "no probabilities"),
        ([[0.5, 0.1]], "no probabilities"),
        ([[1.5]], "no probabilities"),
        (tf.constant([["a", "b"]]), "are no numbers"),
    ],
)
def test_what_are_no_predictions(predictions, said):
    for function in (entropy, pseudo_labels):
        with pytest.raises(CourseError, match=said):
            function(predictions)


@pytest.mark.parametrize("threshold", [-0.1, 90, float("nan")])
def test_a_threshold_that_is_none(threshold):
    with pytest.raises(CourseError, match="threshold is .* from 0 to 1"):
        pseudo_labels([[0.5, 0.5]], threshold)


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (np.ones((4, 3)), np.ones((4, 2)), "from the same layer"),
        (np.ones((1, 3)), np.ones((4, 3)), "more pictures of each"),
        (np.ones((4, 2, 2, 3)), np.ones((4, 2, 2, 3)), "pool feature maps"),
        (np.ones((0, 3)), np.ones((4, 3)), "more pictures of each"),
        (np.full((4, 3), "a"), np.ones((4, 3)), "are no numbers"),
        (tf.constant([["a"] * 3] * 4), np.ones((4, 3)), "are no numbers"),
    ],
)
def test_features_that_cannot_be_compared(source, target, said):
    with pytest.raises(CourseError, match=said):
        coral_loss(source, target)


def test_what_a_layer_refuses_is_one_sentence():
    features = np.ones((4, 3), "float32")
    for given in (features, [features] * 3, [features, features[:, :2]]):
        with pytest.raises(CourseError, match="features") as refused:
            CoralLoss()(given)
        assert "\n" not in str(refused.value)
    assert float(coral_loss(features.tolist(), features.astype(object))) == 0


def test_a_call_compiled_by_the_learner_is_adapted():
    class Compiled(Subclassed):
        call = tf.function(Subclassed.call)

    model, same = Compiled(base()), Subclassed(base())
    for one in (model, same):
        one(TARGET)
    same.set_weights(model.get_weights())
    for one in (model, same):
        adapt_batch_norm(one, TARGET)
    for one, two in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_probabilities_in_half_precision_are_probabilities(kind):
    logits = keras.ops.cast(RNG.normal(size=(200, 9)), kind)
    entropy(keras.ops.softmax(logits))


def test_nan_features_give_nan_and_a_weight_is_a_number():
    assert np.isnan(coral_loss(np.full((3, 2), np.nan), np.ones((3, 2))))
    for weight in (-1, float("inf")):
        with pytest.raises(CourseError, match="weight is .* from 0"):
            CoralLoss(weight)


def test_several_sigmoids_are_no_choice_of_one_class():
    model = classifier()
    model = keras.Sequential([model, keras.layers.Dense(3, "sigmoid")])
    before = model(TARGET[:1]), model.get_weights()
    with pytest.raises(CourseError, match="do not add up to 1, as those of"):
        adapt_by_entropy(model, TARGET)
    assert names_of_moved(model, before[1]) == set()
