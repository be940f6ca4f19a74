"""Everything that a lesson loads is there without a network."""

import shutil
import subprocess
import sys

import pytest

CODE = """
from course_utils import course
course.begin("00")
from course_utils.backbones import load_backbone
from course_utils.datasets import load_dataset
images, _ = next(iter(load_dataset("defects").validation))
print(load_backbone("residual").predict(images, verbose=0).shape)
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
    assert "(32, 4, 4, 144)" in answer.stdout and "q1." in answer.stdout
