"""Lesson 06's lines for the networks of torchvision, with random weights."""

import re

import pytest

from tests.conftest import TOP

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
torchvision = pytest.importorskip(
    "torchvision", reason="torchvision is not installed"
)


@pytest.mark.parametrize("name", ["resnet18", "efficientnet_b0", "vit_b_32"])
def test_each_family_gets_a_new_head(name):
    lesson = (TOP / "lessons" / "06_pytorch.py").read_text("utf-8")
    prose = re.sub(r"^# ?", "", lesson, flags=re.MULTILINE)
    (code,) = re.findall(r"```python\n(.*?)```", prose, re.DOTALL)
    # The last line downloads.
    definition = code[: code.index("network, head = with_new_head")]
    exec(definition, names := {})
    network, head = names["with_new_head"](name, 5, weights=None)
    with torch.inference_mode():
        answer = network.eval()(torch.zeros(1, 3, 224, 224))
    assert answer.shape == (1, 5)
    assert any(module is head for module in network.modules())
