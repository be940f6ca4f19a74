"""No public helper reads a data set for ever."""

import importlib
import inspect

import keras
import pytest
import tensorflow as tf

from course_utils.adaptation import adapt_batch_norm, adapt_by_entropy
from course_utils.backbones import source_accuracy
from course_utils.evaluation import ask_model, write_report
from course_utils.machine import endless_data
from course_utils.machine.errors import CourseError
from course_utils.pictures import Splits
from course_utils.transfer import (
    cached_fit,
    extract_features,
    find_learning_rate,
    freeze,
    two_phase_fit,
)
from tests.tiny_models import ONE_BATCH, base, build, functional, sequential

pytestmark = pytest.mark.usefixtures("without_graphs")


def generated():
    """Data of whose end nothing is known."""
    (batch,) = ONE_BATCH

    def batches():
        while True:
            yield batch

    return tf.data.Dataset.from_generator(
        batches, output_signature=ONE_BATCH.element_spec
    )


ENDLESS = {
    "repeat": (lambda: ONE_BATCH.repeat(), "never end"),
    "filter": (
        lambda: ONE_BATCH.repeat().filter(lambda x, y: True),
        "never end",
    ),
    "generator": (generated, "did not end within 20 batches"),
}


def target(data):
    return data.map(lambda x, y: x)


def frozen():
    freeze(base_model := base())
    return build(functional, base_model)


def probable():
    return keras.Sequential([functional(base()), keras.layers.Softmax()])


def report(folder, **parts):
    parts = dict.fromkeys(("train", "validation", "test"), ONE_BATCH) | parts
    pixels = {
        name: data.map(lambda x, y: (127.5 * (x + 1), y))
        for name, data in parts.items()
    }
    splits = Splits(**pixels, class_names=["a", "b"])
    return write_report(folder, probable(), splits, title="x")


def train(data, validation):
    model = build(sequential, base_model := base())
    return two_phase_fit(model, base_model, data, validation, 1, 1, verbose=0)


def heads(data):
    def model(images, training):
        return {"y": tf.zeros((len(images), 2))}

    return source_accuracy(model, data.map(lambda x, y: (x, {"y": y})))


# By public helper: each way in which it reads data, given a folder for it.
READERS = {
    adapt_batch_norm: [lambda d, _: adapt_batch_norm(probable(), target(d))],
    adapt_by_entropy: [lambda d, _: adapt_by_entropy(probable(), target(d))],
    ask_model: [lambda d, _: ask_model(probable(), d)],
    cached_fit: [
        lambda d, _: cached_fit(frozen(), d, ONE_BATCH),
        lambda d, _: cached_fit(frozen(), ONE_BATCH, d),
    ],
    extract_features: [lambda d, _: extract_features(base(), d)],
    find_learning_rate: [lambda d, _: find_learning_rate(frozen(), d)],
    source_accuracy: [lambda d, _: heads(d)],
    two_phase_fit: [
        lambda d, _: train(d, ONE_BATCH),
        lambda d, _: train(ONE_BATCH, d),
    ],
    write_report: [
        lambda d, folder: report(folder, train=d),
        lambda d, folder: report(folder, validation=d),
        lambda d, folder: report(folder, test=d),
    ],
}


@pytest.mark.parametrize("data", ENDLESS)
@pytest.mark.parametrize(
    "read",
    [
        pytest.param(read, id=f"{helper.__name__}-{number}")
        for helper, reads in READERS.items()
        for number, read in enumerate(reads)
    ],
)
def test_data_without_an_end_are_a_sentence(monkeypatch, tmp_path, read, data):
    monkeypatch.setattr(endless_data, "MOST_BATCHES", 20)
    make, said = ENDLESS[data]
    with pytest.raises(CourseError, match=said):
        read(make(), tmp_path / "report")
    assert not [*tmp_path.iterdir()]


def test_every_helper_that_reads_data_is_among_them():
    rooms = "adaptation backbones evaluation notebook pictures transfer".split()
    found = set()
    for room in rooms:
        module = importlib.import_module(f"course_utils.{room}")
        for name in module.__all__:
            one = getattr(module, name)
            if inspect.isfunction(one):
                names = {"data", "dataset", "target_images"}
                if names & {*inspect.signature(one).parameters}:
                    found.add(one)
    assert found == set(READERS)
