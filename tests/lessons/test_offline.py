"""Everything that a lesson loads is there without a network."""

import shutil
import subprocess
import sys

import pytest

CODE = """
from course_utils import course
course.begin("00")
from course_utils.backbones.pretrained import load_backbone
from course_utils.pictures.datasets import load_dataset
from course_utils.machine import data_files
for name in data_files.names("datasets"):
    images, _ = next(iter(load_dataset(name).test))
for name in data_files.names("backbones"):
    print(name, load_backbone(name)(images[:1]).shape)
print(course.quiz("00"), course.progress())
"""


def test_a_lesson_needs_no_network(work):
    alone = ["unshare", "--net"]
    allowed = (
        shutil.which("unshare")
        and not subprocess.run([*alone, "true"], capture_output=True).returncode
    )
    if not allowed:
        pytest.skip("taking the network away needs root, on Linux")
    answer = subprocess.run(
        [*alone, sys.executable, "-c", CODE], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert "residual (1, 4, 4, 144)" in answer.stdout
    assert "vision_transformer (1, 8, 8, 128)" in answer.stdout
    assert "q1." in answer.stdout
