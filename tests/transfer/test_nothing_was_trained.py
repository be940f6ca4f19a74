"""What is refused, or fails in the middle, leaves the model as it was."""

import keras
import numpy as np
import pytest

from course_utils.machine.errors import CourseError
from course_utils.transfer.class_weights import checked_class_weight
from course_utils.transfer.training_label_checks import (
    CheckedData,
    check_labels,
)
from course_utils.transfer.two_phase_training import two_phase_fit
from tests.tiny_models import IMAGES, LABELS, ONE_BATCH, base, build, functional

pytestmark = pytest.mark.usefixtures("without_graphs")

PICTURES = IMAGES.astype("float32")
ONE_HOT = np.eye(2, dtype="float32")[LABELS]
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def compiled(metrics=("accuracy",), loss=SPARSE):
    base_model = base()
    model = functional(base_model)
    base_model.get_layer("stage1_block1_conv").trainable = False
    # A flag of one weight, that the flag of its layer does not tell.
    base_model.get_layer("stem_conv").bias.trainable = False
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=list(metrics))
    model.fit(
        *((PICTURES, LABELS) if loss is SPARSE else (PICTURES, ONE_HOT)),
        verbose=0,
    )
    return model, base_model


def state(model):
    """All that a training could change."""
    return {
        "flags": [layer.trainable for layer in model._flatten_layers()],
        "weights": model.get_weights(),
        "trained": [variable.path for variable in model.trainable_weights],
        "optimizer": id(model.optimizer),
        "memory": [np.array(v) for v in model.optimizer.variables],
        "loss": model.loss,
    }


def same(one, other):
    return keras.tree.map_structure(
        lambda a, b: bool(np.array_equal(a, b)), one, other
    ) == keras.tree.map_structure(lambda a: True, one)


def train(model, base_model, data=ONE_BATCH, validation=ONE_BATCH, **options):
    return two_phase_fit(
        model,
        base_model,
        data,
        validation,
        **{"head_epochs": 1, "fine_tune_epochs": 1, "verbose": 0, **options},
    )


class Failing(keras.callbacks.Callback):
    """Fails in an epoch, as a full disk would."""

    def __init__(self, epoch, error=OSError):
        super().__init__()
        self.epoch, self.error = epoch, error

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise self.error("no space left")


def test_what_is_refused_or_fails(tmp_path):
    model, base_model = compiled()
    before = state(model)
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: "0.1")
    for options, error, said in [
        ({"monitor": "val_acc"}, CourseError, "expected one of .*val_accuracy"),
        ({"monitor": "acc"}, CourseError, "expected one of "),
        ({"monitor": None}, CourseError, "monitor is None"),
        ({"monitor": 3}, CourseError, "monitor is 3"),
        ({"class_weight": {"a": 1.0}}, CourseError, "key 'a'"),
        ({"batch_size": 8}, CourseError, "no argument 'batch_size'"),
        ({"validation": (PICTURES, LABELS[1:])}, CourseError, "15 labels"),
        ({"data": (PICTURES, LABELS + 0.5)}, CourseError, "is 0.5"),
        ({"last": 99}, CourseError, "number from 1 to 10"),
        ({"share": "half"}, CourseError, "share is 'half'"),
        ({"callbacks": [Failing(0)]}, OSError, "no space"),
        ({"callbacks": [Failing(1)]}, OSError, "no space"),
        ({"callbacks": [Failing(1), logger]}, OSError, "no space"),
        ({"callbacks": [Failing(1, SystemExit)]}, SystemExit, "no space"),
        ({"callbacks": [schedule]}, ValueError, "should be a float"),
    ]:
        with pytest.raises(error, match=said):
            train(model, base_model, **options)
        assert same(before, state(model)), options
    assert not logger.append
    # And it trains on as before.
    model.fit(ONE_BATCH, verbose=0)
    assert not same(before["memory"], state(model)["memory"])


def test_a_monitor_that_a_callback_adds_after_all_is_missed():
    model, base_model = compiled()
    before = state(model)

    class Watching(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    with pytest.raises(CourseError, match="no metric 'val_acc' to tell"):
        train(
            model,
            base_model,
            monitor="val_acc",
            mode="max",
            callbacks=[Watching()],
        )
    assert same(before, state(model))

    class Unconcerned(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise AssertionError("it was noticed too late")

    with pytest.raises(CourseError, match="no metric 'val_acc' to tell"):
        train(model, base_model, monitor="val_acc", callbacks=[Unconcerned()])


def test_a_metric_of_several_numbers():
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    vector = keras.metrics.F1Score()
    model, base_model = compiled([vector], loss)
    data, before = (PICTURES, ONE_HOT), state(model)
    options = {"monitor": "val_f1_score"}
    with pytest.raises(CourseError, match=r"is 2 numbers .*average=\"macro\""):
        train(model, base_model, data, data, **options)
    assert same(before, state(model))
    # It may be among the metrics, though.
    history = train(model, base_model, data, data)
    assert [np.shape(v) for v in history.history["val_f1_score"]] == [(2,)] * 2
    # The advice.
    mean = keras.metrics.F1Score(average="macro")
    model.compile("sgd", loss, metrics=[mean])
    with pytest.raises(CourseError, match='give mode="min" or mode="max"'):
        train(model, base_model, data, data, **options)
    history = train(model, base_model, data, data, mode="max", **options)
    assert history.best_value in history.history["val_f1_score"]


def test_a_loss_or_metric_that_cannot_be_computed():
    model, base_model = compiled()
    model.compile("sgd", SPARSE, metrics=[keras.metrics.F1Score()])
    before = state(model)
    with pytest.raises(CourseError, match="cannot be computed for the train"):
        train(model, base_model)
    assert same(before, state(model))


def weights(class_weight, labels=LABELS, loss=SPARSE, extra=(), outputs=2):
    head = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(outputs)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *head])
    model.compile("sgd", loss)
    checked = check_labels(model, (PICTURES, labels, *extra))
    return checked_class_weight(class_weight, checked)


@pytest.mark.parametrize(
    ("class_weight", "said"),
    [
        ({"cat": 1.0, "dog": 2.0}, "key 'cat', .* from 0 to 1: .*class_names"),
        ({0: 1.0}, "nothing for class 1, .* 2 classes: give 1.0"),
        ({}, "nothing for class 0"),
        ({0: 1.0, 1: 2.0, 2: 3.0}, "the key 2"),
        ({-1: 1.0, 0: 2.0}, "the key -1"),
        ({0: 1.0, 1: None}, r"class_weight\[1\] is None"),
        ({0: 1.0, 1: "2x"}, r"class_weight\[1\] is '2x'"),
        ({0: 1.0, 1: -2}, r"class_weight\[1\] is -2"),
        ({0: 1.0, 1: np.nan}, r"class_weight\[1\] is nan"),
        ({0: 1.0, 1: np.inf}, r"class_weight\[1\] is inf"),
        ([1.0, 2.0], r"type list, .*dict\(enumerate\(weights\)\)"),
        (np.array([1.0, 2.0]), "type ndarray"),
        ("balanced", "type str"),
        (2.0, "type float"),
    ],
)
def test_class_weights_that_do_not_fit(class_weight, said):
    with pytest.raises(CourseError, match=said):
        weights(class_weight)


def test_class_weights_and_data_that_do_not_go_together():
    fine = {0: 1.0, 1: 2.0}
    ignoring = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    some = np.where(np.arange(16) < 3, -1, LABELS)
    many = np.ones((16, 2))
    many[0] = 0
    for options, said in [
        ({"extra": (np.ones(16),)}, "have sample weights"),
        ({"loss": ignoring, "labels": some}, "needs one class a picture"),
        ({"loss": "binary_crossentropy", "labels": many}, "needs one class"),
        ({"loss": "mse", "labels": LABELS / 7}, "needs one class a picture"),
    ]:
        with pytest.raises(CourseError, match=said):
            weights(fine, **options)
    with pytest.raises(CourseError, match="needs one class a picture"):
        checked_class_weight(fine, CheckedData((PICTURES, {"a": LABELS})))


def test_class_weights_that_fit():
    fine = {np.int64(0): 1, 1.0: np.float32(2)}
    soft = keras.losses.CategoricalFocalCrossentropy()
    for options in (
        {},
        {"labels": LABELS[:, None]},
        {"labels": ONE_HOT, "loss": soft},
        {"labels": ONE_HOT, "loss": "binary_crossentropy"},
        {"loss": "binary_crossentropy", "outputs": 1},
        {"loss": lambda y, p: p},
    ):
        found = weights(fine, **options)
        assert found == {0: 1.0, 1: 2.0}
        assert [*map(type, found)] == [int, int]
    assert weights(None) is None


@pytest.mark.parametrize("as_dataset", [False, True])
def test_class_weights_reach_the_training(as_dataset):
    losses = []
    data = ONE_BATCH if as_dataset else (PICTURES, LABELS)
    for factor in (1.0, 10.0):
        keras.utils.set_random_seed(0)
        model = build(functional, base_model := base())
        class_weight = {0: factor, 1: factor}
        history = train(
            model, base_model, data, class_weight=class_weight, head_epochs=0
        )
        losses.append(history.history["loss"][0])
    assert losses[1] == pytest.approx(10 * losses[0], rel=1e-3)
