"""The page of plain Keras: it runs, and lesson 03 ends with it."""

import re

import keras
import numpy as np
import pytest
from PIL import Image

from tests.conftest import TOP


@pytest.fixture
def code():
    page = (TOP / "docs" / "recipe.md").read_text("utf-8")
    (found,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return found


def test_lesson_03_ends_with_the_page(code):
    lesson = (TOP / "lessons" / "03_fine_tuning.py").read_text("utf-8")
    prose = re.sub(r"^# ?", "", lesson, flags=re.MULTILINE)
    assert f"```python\n{code}```" in prose


def test_the_page_runs(code, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for part in ("train", "validation"):
        for name in ("dark", "light"):
            folder = tmp_path / "pictures" / part / name
            folder.mkdir(parents=True)
            for number in range(4):
                pixels = rng.integers(0, 100, (32, 32, 3)) + 100 * (
                    name == "light"
                )
                picture = Image.fromarray(pixels.astype("uint8"))
                picture.save(folder / f"{number}.png")
    made = []

    def small(include_top, weights, input_shape):
        assert not include_top and weights == "imagenet"
        x = inputs = keras.Input(input_shape)
        x = keras.layers.Rescaling(1 / 255)(x)
        x = keras.layers.Conv2D(4, 3, strides=4, name="conv")(x)
        x = keras.layers.BatchNormalization(name="norm")(x)
        made.append(keras.Model(inputs, x))
        made.append([w.numpy() for w in made[0].weights])
        return made[0]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras.applications, "EfficientNetV2B0", small)
    found = {}
    short = code.replace("(224, 224)", "(32, 32)").replace("+ 100", "+ 2")
    exec(short.replace("1e-5", "1e-3"), found)
    assert (tmp_path / "fine_tuned.keras").is_file()
    base_model, before = made
    moved = {
        w.path.split("/", 1)[-1] if "conv" not in w.path else "conv"
        for w, old in zip(base_model.weights, before, strict=True)
        if not np.array_equal(w.numpy(), old)
    }
    kept = found["tuned_loss"] <= found["head_loss"]
    assert moved == ({"conv"} if kept else set())


def test_the_backbone_of_the_page_takes_these_arguments(code):
    call = code.split("EfficientNetV2B0(")[1].split("\n)")[0]
    given = eval(f"dict({call})", {"size": (64, 64)})
    given["weights"] = None
    model = keras.applications.EfficientNetV2B0(**given)
    # What the page says: it takes pixels as they are.
    assert any(isinstance(x, keras.layers.Rescaling) for x in model.layers)
