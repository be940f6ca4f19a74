"""Pretraining: what each label's loss sees, and what is shipped."""

import multiprocessing.pool
import pickle
import sys
import tomllib
import types

import h5py
import keras
import numpy as np
import pytest

from course_utils.backbones import source_task_heads
from tools import cards, pretrain


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A pretraining of 64 pictures, away from the shipped files."""
    monkeypatch.setattr(pretrain, "BUILD", tmp_path / "build")
    monkeypatch.setattr(pretrain, "CARDS", tmp_path)
    monkeypatch.setattr(pretrain, "HELD_OUT", 64)
    return tmp_path


@pytest.fixture
def threads(monkeypatch):
    """Draws in threads: processes would take longer to start than to draw."""
    pools = types.SimpleNamespace(Pool=multiprocessing.pool.ThreadPool)
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: pools)


@pytest.mark.parametrize("source", sorted(pretrain.SOURCES))
def test_other_processes_can_draw(source):
    make = pickle.loads(pickle.dumps(pretrain.SOURCES[source].make))
    image, _ = make((0, 1))
    assert image.shape == (64, 64, 3)


def test_each_label_sees_its_own_pictures(small, threads):
    counts = {"scenes": 4, "materials": 6}
    images, labels, weights = pretrain.mixture("validation", counts)
    assert images.shape == (10, 64, 64, 3)
    np.testing.assert_allclose(weights["shape"], [2.5] * 4 + [0] * 6)
    np.testing.assert_allclose(weights["material"], [0] * 4 + [10 / 6] * 6)
    scenes, own = pretrain.pictures_of("scenes", "validation", 4)
    np.testing.assert_array_equal(images[:4], scenes)
    np.testing.assert_array_equal(labels["shape"][:4], own["shape"])
    np.testing.assert_array_equal(labels["shape"][4:], 0)


def test_augmentation_keeps_pictures_pictures():
    images = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3))
    varied = np.array(pretrain.augment(images.astype("uint8")))
    assert varied.shape == images.shape
    assert varied.min() >= 0 and varied.max() <= 255
    assert not np.array_equal(varied, images)


def test_halved_weights_load_as_they_were(tmp_path):
    model = source_task_heads.build_heads(20_000, {"shape": ["a", "b"]})
    path = tmp_path / "heads.weights.h5"
    model.save_weights(path)
    before, size = model.get_weights(), path.stat().st_size
    pretrain.halve(path)
    assert path.stat().st_size < 0.7 * size
    with h5py.File(path) as file:
        kinds = set()
        file.visititems(
            lambda _, item: kinds.add(str(getattr(item, "dtype", "group")))
        )
    assert kinds == {"group", "float16"}
    model.load_weights(path)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
        assert b.dtype == np.float32


@pytest.mark.usefixtures("without_graphs")
def test_the_command_trains_goes_on_and_exports(
    small, threads, monkeypatch, capsys
):
    command = ["pretrain", "residual_narrow", "--pictures", "64"]
    monkeypatch.setattr(sys, "argv", [*command, "--epochs", "1", "--export"])
    with pytest.raises(SystemExit):
        pretrain.main()
    assert "train first" in capsys.readouterr().err
    policy = keras.config.dtype_policy()
    try:
        monkeypatch.setattr(sys, "argv", [*command, "--epochs", "1"])
        pretrain.main()
    finally:
        keras.config.set_dtype_policy(policy)
    assert "shape_interval" in capsys.readouterr().out
    # A trial does not touch what is shipped.
    assert not list(small.glob("residual_narrow*"))
    [small] = small.glob("build/residual_narrow/64x1_seed0")
    card = tomllib.loads((small / "residual_narrow.toml").read_text())
    assert set(card["labels"]) == {"shape", "texture"}
    for part in ("file", "heads"):
        assert card[part] == cards.describe(small / card[part]["name"])
