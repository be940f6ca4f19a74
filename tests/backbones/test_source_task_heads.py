"""The old heads: what a backbone knew before it was fine-tuned."""

import keras
import numpy as np
import pytest

from course_utils.backbones import pretrained, source_task_heads
from course_utils.machine import data_files
from course_utils.machine.errors import CourseError
from course_utils.pictures import datasets

OWN = ("residual", "mobile", "vision_transformer")


@pytest.fixture(scope="module")
def source():
    return datasets.load_dataset("source", batch_size=100)


@pytest.mark.parametrize("name", OWN)
def test_old_heads_are_as_accurate_as_the_card_says(name, source):
    model = source_task_heads.with_old_heads(pretrained.load_backbone(name))
    found = source_task_heads.source_accuracy(model, source.test)
    said = data_files.card("backbones", name)["source_accuracy"]
    assert set(found) == set(source.class_names)
    for label, accuracy in found.items():
        # 800 other pictures, after JPEG: three standard errors, and a little
        # for the compression.
        error = np.sqrt(said[label] * (1 - said[label]) / 800)
        assert abs(accuracy - said[label]) < 3 * error + 0.02, label
        assert accuracy > said[f"{label}_chance"] + 0.1, label


def test_they_share_the_backbone_and_show_what_it_forgot(source):
    base_model = pretrained.load_backbone("residual")
    model = source_task_heads.with_old_heads(base_model)
    some = source.test.take(3)
    before = source_task_heads.source_accuracy(model, some)
    rng = np.random.default_rng(0)
    base_model.set_weights(
        [w + rng.normal(0, 0.1, w.shape) for w in base_model.get_weights()]
    )
    after = source_task_heads.source_accuracy(model, some)
    assert np.mean(list(after.values())) < np.mean(list(before.values())) - 0.2


def test_the_narrow_backbone_has_heads_of_its_own():
    base_model = pretrained.load_backbone("residual_narrow")
    model = source_task_heads.with_old_heads(base_model)
    logits = model(np.full((2, 64, 64, 3), 128.0))
    assert {name: v.shape for name, v in logits.items()} == {
        "shape": (2, 6),
        "texture": (2, 6),
    }


def test_a_model_with_a_head_of_its_own_is_refused():
    base_model = pretrained.load_backbone("residual")
    pooled = keras.layers.GlobalAveragePooling2D()(base_model.output)
    classifier = keras.Model(base_model.input, pooled)
    with pytest.raises(CourseError, match="144 channels.*backbone itself"):
        source_task_heads.with_old_heads(classifier, "residual")
    with pytest.raises(CourseError, match="did you mean 'mobile'"):
        source_task_heads.with_old_heads(base_model, "mobil")


def test_what_is_no_source_task(source):
    base_model = pretrained.load_backbone("residual_narrow", None)
    model = source_task_heads.with_old_heads(base_model)
    one_label = source.test.map(lambda x, y: (x, y["shape"]))
    for wrong in (
        ("model", source.test),
        (base_model, source.test),
        (model, one_label),
        (model, (np.zeros((1, 64, 64, 3)), {"shape": [0]})),
        (model, None),
    ):
        with pytest.raises(CourseError, match="a model with old heads"):
            source_task_heads.source_accuracy(*wrong)


def test_a_wrong_scale_keeps_its_own_sentence(source):
    base_model = pretrained.load_backbone("residual_narrow", None)
    model = source_task_heads.with_old_heads(base_model)
    scaled = source.test.take(1).map(lambda x, y: (x / 255, y))
    with pytest.raises(CourseError, match="values from 0 to 255"):
        source_task_heads.source_accuracy(model, scaled)
