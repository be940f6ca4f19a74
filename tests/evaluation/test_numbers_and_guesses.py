"""Numbers of every shape and length, and nothing guessed from values."""

import types

import keras
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf

from course_utils.evaluation.calibration import (
    apply_temperature,
    calibration_error,
    fit_temperature,
)
from course_utils.evaluation.classification_scores import class_table, compare
from course_utils.evaluation.model_report import write_report
from course_utils.evaluation.plotting import plot_confusion, plot_images
from course_utils.evaluation.predictions import ask_model
from course_utils.evaluation.training_plots import metric_names, plot_history
from course_utils.machine.errors import CourseError
from course_utils.pictures.datasets import Splits
from tests.evaluation.test_model_report import (
    NAMES,
    RIGHT,
    Page,
    batches,
    colour_model,
    splits,
)


def history(epochs, **curves):
    return types.SimpleNamespace(history=curves, epoch=list(range(epochs)))


# Histories.


@pytest.mark.parametrize("kind", [np.array, list, tf.constant])
def test_of_a_metric_with_a_number_a_class_the_mean_is_drawn(kind):
    curve = [kind([0.2, 0.4]), kind([0.5, 0.7])]
    ax = plot_history(
        history(2, f1_score=curve, val_f1_score=curve), "f1_score"
    )
    assert ax.description == (
        "The figure shows the f1_score (the mean of its 2 numbers) over 2 "
        "epochs: training from 0.3 to 0.6, validation from 0.3 to 0.6 "
        "(highest, 0.6, in epoch 2)."
    )


def test_an_array_an_epoch_is_a_sentence():
    with pytest.raises(CourseError, match=r"shape \(2, 2\) per epoch"):
        plot_history(history(1, matrix=[np.eye(2)]), "matrix")
    with pytest.raises(CourseError, match="no numbers per epoch"):
        plot_history(history(1, loss=[None]))
    with pytest.raises(CourseError, match="Some loss are no numbers"):
        plot_history(history(1, loss=["low"]))


def test_histories_of_unequal_length():
    # `validation_freq=2`: nothing says after which epochs it validated.
    ax = plot_history(history(4, loss=[4, 3, 2, 1], val_loss=[3, 2]))
    assert "validation is not drawn, for nothing says of" in ax.description
    assert "its 2 numbers are" in ax.description
    # What LiveTraining keeps tells it.
    ax = plot_history(
        history(4, loss=[4, 3, 2, 1], val_loss=[None, 3, None, 2])
    )
    assert "validation from 3 to 2 (lowest, 2, in epoch 4)" in ax.description
    # Two histories joined by hand: `epoch` is that of the first.
    ax = plot_history(history(2, loss=[4, 3, 2], val_loss=[4, 3, 5]))
    assert "over 3 epochs" in ax.description and "epoch 2" in ax.description
    with pytest.raises(CourseError, match="2 numbers and 3 epochs ended"):
        plot_history(history(3, loss=[1, 2]))


def test_phases_of_another_length_are_no_error():
    made = history(2, loss=[3, 2, 1])
    made.phases = ["head", "fine-tuning"]
    assert "fine-tuning begins with epoch 2" in plot_history(made).description


@pytest.mark.parametrize("given", [None, {"loss": [1]}, "history", [1.0]])
def test_what_is_no_history_is_a_sentence(given):
    with pytest.raises(CourseError, match="Expected a history, not"):
        plot_history(given)


@pytest.mark.parametrize(
    "metric",
    "loss mae mse mean_absolute_error kl_divergence poisson hinge mse_1 a_mae "
    "kullback_leibler_divergence root_mean_squared_error false_negatives "
    "log_cosh binary_crossentropy a_loss".split(),
)
def test_the_lowest_is_best_of_losses_errors_and_divergences(metric):
    curves = {metric: [3, 1, 2], f"val_{metric}": [3, 1, 2], "a_loss": [1] * 3}
    ax = plot_history(history(3, **(curves | {metric: [3, 1, 2]})), metric)
    assert "(lowest, 1, in epoch 2)" in ax.description


@pytest.mark.parametrize(
    "metric", "accuracy auc_2 precision recall f1_score a_b_accuracy".split()
)
def test_the_highest_is_best_of_accuracies(metric):
    curves = {
        metric: [1, 3, 2],
        f"val_{metric}": [1, 3, 2],
        "a_b_loss": [1] * 3,
    }
    curves["a_loss"] = [1] * 3
    ax = plot_history(history(3, **curves), metric)
    assert "(highest, 3, in epoch 2)" in ax.description


@pytest.mark.parametrize(
    "metric", ["my_score", "lossless", "inaccuracy", "gap"]
)
def test_of_another_name_none_is_the_best_unless_told(metric):
    made = history(3, **{metric: [1, 3, 2], f"val_{metric}": [1, 3, 2]})
    assert "est," not in plot_history(made, metric).description
    for best, value in (("lowest", 1), ("highest", 3)):
        ax = plot_history(made, metric, best=best)
        assert f"({best}, {value}, in epoch" in ax.description
    with pytest.raises(CourseError, match="best is 'max'"):
        plot_history(made, metric, best="max")


def test_metrics_of_several_outputs_are_listed_once():
    keys = "loss val_loss val_x_loss val_val_x_loss a_accuracy val_only".split()
    made = history(1, **{key: [1] for key in keys})
    assert metric_names(made) == ["loss", "val_x_loss", "a_accuracy", "only"]


# Probabilities and logits.


@pytest.mark.parametrize(
    "policy", ["float16", "mixed_float16", "mixed_bfloat16"]
)
def test_probabilities_in_half_precision_stay(policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = colour_model(RIGHT, "softmax", 20.0)
    finally:
        keras.config.set_dtype_policy("float32")
    answers = ask_model(model, splits().test)
    assert not answers.from_logits
    np.testing.assert_array_equal(
        answers.probabilities, np.asarray(answers.outputs, "float64")
    )
    assert answers.probabilities.max() > 0.9


def test_logits_that_look_like_probabilities():
    one = colour_model((0,), None)
    one.get_layer("head").set_weights([np.array([[0.0], [0.002], [0]])])
    answers = ask_model(one, batches([4, 4]))
    assert answers.outputs.min() >= 0 and answers.outputs.max() < 0.5
    assert (answers.predictions == 1).all(), "a logit above 0 is class 1"
    told = ask_model(one, batches([4, 4]), from_logits=False)
    assert (told.predictions == 0).all()


def test_sigmoids_of_several_classes_stay_as_they_are():
    answers = ask_model(colour_model(RIGHT, "sigmoid"), splits().test)
    np.testing.assert_allclose(answers.probabilities, answers.outputs)


def test_what_looks_like_probabilities_may_be_logits():
    labels, logits = [0, 1, 1, 0], np.array([0.2, 0.9, 0.1, 0.5])
    with pytest.raises(CourseError, match="say so by from_logits=True"):
        apply_temperature(logits, 1)
    given = apply_temperature(logits, 1, from_logits=True)
    np.testing.assert_allclose(given, 1 / (1 + np.exp(-logits)))
    two = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    with pytest.raises(CourseError, match="surer of a wrong class"):
        fit_temperature(labels, two, from_logits=True)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_probabilities_in_half_precision_are_some(kind):
    logits = np.random.default_rng(0).normal(size=(50, 30))
    probabilities = tf.nn.softmax(tf.cast(logits, kind))
    assert 0 <= calibration_error([3] * 50, probabilities, 5) <= 1
    with pytest.raises(CourseError, match="look like probabilities"):
        apply_temperature(probabilities, 1)


# Predictions.


@pytest.mark.parametrize(
    ("labels", "predictions", "said"),
    [
        ([0, 1], [0.1, 0.9], "predictions hold 0.1, and the index"),
        ([0, 1], [[0.1, 0.9], [1, 0]], r"predictions .*shape \(2, 2\)"),
        ([0, -1], [0, 1], "labels hold -1"),
        ([0, 1], [0, -1], "predictions hold -1"),
        ([0, 1j], [0, 1], "labels are no numbers"),
        (["a", "b"], ["a", "b"], "labels are no numbers"),
        (None, [0], "labels are no numbers"),
        ([0, np.inf], [0, 1], "labels hold inf"),
    ],
)
def test_what_are_no_classes_is_a_sentence(labels, predictions, said):
    for attempt in (
        lambda: class_table(labels, predictions, ["a", "b"]),
        lambda: compare(labels, predictions, predictions),
        lambda: plot_confusion(labels, predictions, ["a", "b"]),
        lambda: plot_confusion(labels, predictions),
    ):
        with pytest.raises(CourseError, match=said):
            attempt()


def test_a_picture_of_no_class_is_a_sentence():
    with pytest.raises(CourseError, match="labels hold -1"):
        plot_images(np.zeros((2, 4, 4)), [0, -1], ["a", "b"])
    with pytest.raises(CourseError, match="predictions hold 0.5"):
        plot_images(np.zeros((2, 4, 4)), [0, 1], ["a", "b"], [0.5, 0.5])
    with pytest.raises(CourseError, match="columns is 0"):
        plot_images(np.zeros((2, 4, 4)), columns=0)
    with pytest.raises(CourseError, match="hold 123456789"):
        plot_confusion([0], [123456789])


# The report.


def weighted(batches):
    return batches.map(lambda x, y: (x, y, tf.ones(tf.shape(y))))


def test_a_report_on_data_with_sample_weights_and_odd_metrics(tmp_path):
    data = splits()
    parts = [weighted(b) for b in (data.train, data.validation, data.test)]
    made = history(
        4,
        loss=[4, 3, 2, 1],
        val_loss=[3, 2],
        f1_score=[np.array([0.1, 0.2, 0.6])] * 4,
        matrix=[np.eye(3)] * 4,
        late=[1],
    )
    report = write_report(
        tmp_path,
        colour_model(RIGHT),
        Splits(*parts, class_names=NAMES),
        made,
        title="odd",
    )
    page = Page(report.path)
    assert len(page.images) == 1 + 2, "the confusion, two curves"
    for told in (
        "in this report each picture counts once",
        "validation is not drawn",
        "the mean of its 3 numbers",
        "Not drawn: 'matrix' has an array of shape (3, 3) per epoch",
        "Not drawn: 'late' has 1 number and 4 epochs ended",
    ):
        assert told in page.text, told
    assert plt.get_fignums() == []


def several_outputs():
    model = colour_model(RIGHT)
    return keras.Model(model.input, [model.output, model.output])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"model": several_outputs},
            r"a list of outputs \(2\), and one was expected",
        ),
        ({"folder": ""}, "names nothing"),
        ({"audit": "mine"}, "Expected an audit, not str"),
        ({"compared_with": ["other"]}, "other models by name, not list"),
        ({"from_logits": False}, "were said to be probabilities"),
        ({"history": [1]}, "Expected a history, not list"),
    ],
)
def test_what_makes_no_report_is_a_sentence(
    tmp_path, monkeypatch, change, said
):
    monkeypatch.chdir(tmp_path)
    given = {"model": lambda: colour_model(RIGHT, None), "folder": "new"}
    given |= change
    with pytest.raises(CourseError, match=said):
        write_report(
            given.pop("folder"),
            given.pop("model")(),
            splits(),
            title="x",
            **given,
        )
    assert list(tmp_path.iterdir()) == []


def test_data_without_an_end_are_a_sentence():
    with pytest.raises(CourseError, match="never end"):
        ask_model(colour_model(RIGHT), splits().test.repeat())


def test_a_model_of_nan_is_a_sentence():
    model = colour_model(RIGHT)
    model.set_weights([w * np.nan for w in model.get_weights()])
    with pytest.raises(CourseError, match="not finite"):
        ask_model(model, splits().test)


@pytest.mark.parametrize("labels", [[0.5, 1.0], [-1, 1], [0, 3]])
def test_labels_of_no_class_are_a_sentence(labels):
    data = tf.data.Dataset.from_tensor_slices(
        (np.zeros((2, 8, 8, 3), "float32"), labels)
    )
    with pytest.raises(CourseError, match="labels"):
        ask_model(colour_model(RIGHT), data.batch(2))
