"""What a message advises works, word for word."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from course_utils.evaluation import ask_model, fit_temperature, write_report
from course_utils.machine.errors import CourseError
from course_utils.pictures import Splits, load_dataset
from tests.tiny_models import ONE_BATCH, base, functional

pytestmark = pytest.mark.usefixtures("without_graphs")


class Two(keras.Model):
    """Names the classes, and the scanner."""

    def __init__(self):
        super().__init__()
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(2, activation="softmax")
        self.scanner = keras.layers.Dense(3)

    def call(self, images):
        pooled = self.pool(images)
        return self.head(pooled), self.scanner(pooled)


def two_by_name():
    inputs = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    head = keras.layers.Dense(2, activation="softmax")(pooled)
    scanner = keras.layers.Dense(3)(pooled)
    return keras.Model(inputs, {"class": head, "scanner": scanner})


def probable():
    return keras.Sequential([functional(base()), keras.layers.Softmax()])


def said_by(attempt):
    with pytest.raises(CourseError) as caught:
        attempt()
    return str(caught.value)


@pytest.mark.parametrize("make", [Two, two_by_name])
def test_one_of_several_outputs(make):
    model = make()
    said = said_by(lambda: ask_model(model, ONE_BATCH))
    made, inputs = re.search(
        r"such as (.*\]\)) with x = (.*)\.$", said
    ).groups()
    x = eval(inputs, {"keras": keras})
    one = eval(made, {"keras": keras, "model": model, "x": x})
    assert ask_model(one, ONE_BATCH).outputs.shape == (16, 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.unbatch(),
        lambda data: data.map(lambda x, y: (x, tf.one_hot(y, 2))),
        lambda data: data.map(lambda x, y: (x, {"shape": y, "hue": 1 - y})),
    ],
)
def test_data_with_labels_of_another_shape(change):
    data, model = change(ONE_BATCH), probable()
    said = said_by(lambda: ask_model(model, data))
    call = re.search(r"`(.*)`", said).group(1)
    data = eval(f"data{call}", {"data": data, "tf": tf})
    assert set(ask_model(model, data).labels.tolist()) == {0, 1}


def test_arrays_become_data():
    ((images, labels),) = ONE_BATCH
    said = said_by(lambda: ask_model(probable(), (images, labels)))
    made = re.search(r"arrays as (tf\..*)\.$", said).group(1)
    given = {"tf": tf, "images": images, "labels": labels}
    assert len(ask_model(probable(), eval(made, given)).labels) == 16


@pytest.mark.parametrize(
    "given", [np.array([[1, 0], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]]), None]
)
def test_logits_from_probabilities_that_reach_zero_and_one(given):
    several = given is not None
    given = given if several else np.array([0, 0.8, 0.4, 0.7])
    labels = [0, 1, 1, 0]
    said = said_by(lambda: fit_temperature(labels, given))
    clip = re.search(r"p = (np\.clip.*\))[,;]", said).group(1)
    p = eval(clip, {"np": np, "probabilities": given})
    made = re.findall(r"(np\.log\(.*?\)+) of", said)[0 if several else 1]
    assert fit_temperature(labels, eval(made, {"np": np, "p": p})) > 0
    with np.errstate(divide="ignore"):
        infinite = np.log(given)
    assert clip in said_by(lambda: fit_temperature(labels, infinite))


def test_a_report_on_data_with_several_labels(tmp_path):
    said = said_by(
        lambda: write_report(
            tmp_path / "report", probable(), load_dataset("source"), title="x"
        )
    )
    name = re.search(r'such as "(.*)"', said).group(1)
    classes = load_dataset(name).class_names
    inputs = keras.Input((64, 64, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    x = keras.layers.Dense(len(classes), activation="softmax")(x)
    write_report(
        tmp_path / "report",
        keras.Model(inputs, x),
        load_dataset(name),
        title="x",
    )


def test_a_model_that_cannot_be_loaded_back(tmp_path):
    data = ONE_BATCH.map(lambda x, y: (x * 127 + 128, y))
    splits = Splits(data, data, data, class_names=["a", "b"])

    def report(scaling):
        model = keras.Sequential([keras.Input((8, 8, 3)), scaling, probable()])
        return write_report(tmp_path / "report", model, splits, title="x")

    said = said_by(lambda: report(keras.layers.Lambda(lambda x: x / 2)))
    assert "use Keras's own layers, but no Lambda" in said
    assert report(keras.layers.Rescaling(0.5)).model_path.is_file()
