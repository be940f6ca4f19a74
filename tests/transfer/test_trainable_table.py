"""The table of what will train."""

import keras
import pytest

from course_utils import course
from course_utils.answers.checks import weights
from course_utils.backbones.pretrained import load_backbone
from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import freeze, unfreeze
from course_utils.transfer.trainable_table import trainable_report
from tests.tiny_models import KINDS, base, build, compiled, fit, functional


def moves(model, base_model):
    with course.watch(model) as evidence:
        fit(model)
    return bool(weights.moved(evidence, base_model))


def test_the_report_counts_by_block():
    base_model = base()
    model = build(functional, base_model)
    unfreeze(base_model, from_layer="stage2")
    report = trainable_report(model)
    rows = [
        (row.name, row.parameters, row.training, row.batch_norm)
        for row in report.rows
    ]
    assert rows == [
        ("base / stem", 128, 0, "inference"),
        ("base / stage1_block1", 164, 0, "inference"),
        ("base / stage2_block1", 164, 148, "inference"),
        ("head", 10, 10, ""),
    ]
    assert (report.parameters, report.training) == (466, 158)
    assert report.summary() in repr(report)
    assert "158 of 466 parameters will train (33.9%)." in repr(report)
    assert "<td>base / stem</td><td>128</td>" in report._repr_html_()
    base_model.get_layer("stage1_block1_bn").trainable = True
    assert trainable_report(model).rows[1].batch_norm == "training"


def test_the_report_knows_every_backbone_by_its_blocks():
    model = load_backbone("mobile", weights=None)
    names = [row.name for row in trainable_report(model).rows]
    assert names[:3] == ["stem", "group1_block1", "group2_block1"]
    assert sum(row.parameters for row in trainable_report(model).rows) == (
        model.count_params()
    )


def test_every_weight_is_in_one_row():
    class Tied(keras.layers.Layer):
        """It has the kernel of another layer, as where embeddings are tied."""

        def __init__(self, kernel):
            super().__init__(name="two")
            self.kernel = kernel
            self.bias = self.add_weight((4,), "zeros", name="bias")

        def call(self, x):
            return x @ self.kernel + self.bias

    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.one = keras.layers.Dense(4, name="one")

        def build(self, shape):
            self.vectors = self.add_weight((4,), "zeros")
            self.fixed = self.add_weight((3,), "zeros", trainable=False)
            self.one.build(shape)
            self.two = Tied(self.one.kernel)

        def call(self, x):
            return self.two(self.one(x + self.vectors))

    base_model = Own()
    head = keras.layers.Dense(2, name="head")
    model = keras.Sequential([keras.Input((4,)), base_model, head])
    for last, numbers in [(None, [4, 20, 4, 10]), (1, [0, 16, 4, 10])]:
        unfreeze(base_model, last=last)
        report = trainable_report(model)
        assert [row.name for row in report.rows] == [
            *("own / own weights", "own / one", "own / two", "head")
        ]
        assert [row.training for row in report.rows] == numbers
        assert report.parameters == model.count_params()
    alone = trainable_report(base_model)
    assert alone.rows[0].name == "own weights"
    assert alone.rows[0].parameters == 7


@pytest.mark.parametrize("kind", KINDS)
def test_stale_is_told_as_the_weights_tell_it(kind):
    base_model = base()
    freeze(base_model)
    model = build(kind, base_model)
    unfreeze(base_model)
    assert trainable_report(model).stale is False, "no fit has bound anything"
    fit(model)
    assert trainable_report(model).stale is False
    freeze(base_model)
    assert trainable_report(model).stale is True
    assert moves(model, base_model), "the flags say frozen"
    assert "compile it again" in repr(trainable_report(model))
    compiled(model)
    assert trainable_report(model).stale is False
    fit(model)
    unfreeze(base_model)
    assert trainable_report(model).stale is True
    assert not moves(model, base_model), "the flags say trainable"


def test_an_old_optimizer_after_unfreezing_is_stale():
    base_model = base()
    freeze(base_model)
    model = build(functional, base_model)
    fit(model)
    unfreeze(base_model)
    model.compile(model.optimizer, "mse")
    assert trainable_report(model).stale is True


def test_without_an_optimizer_stale_is_not_known():
    report = trainable_report(base())
    assert report.stale is None and "not known" in report.summary()


def test_what_has_no_report_is_a_sentence():
    with pytest.raises(CourseError, match="Keras model, not str"):
        trainable_report("residual")
    model = keras.Sequential([keras.layers.Dense(1)])
    with pytest.raises(CourseError, match="no weights yet.*on one batch"):
        trainable_report(model)
    model(keras.ops.ones((1, 2)))
    trainable_report(model)
    bare = keras.Sequential([keras.Input((1,)), keras.layers.ReLU()])
    with pytest.raises(CourseError, match="pass the model with backbone"):
        trainable_report(bare)
