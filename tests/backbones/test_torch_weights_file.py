"""Weights in PyTorch's old format: read without PyTorch, and without trust."""

import collections
import io
import os
import pickle
import sys
import types

import numpy as np
import pytest

from course_utils.backbones import torch_weights_file
from course_utils.backbones.torch_weights_file import read_state_dict
from course_utils.machine.errors import CourseError


@pytest.fixture
def torch_names(monkeypatch):
    """Names as PyTorch's own, so that pickle writes them."""
    package = types.ModuleType("torch")
    utils = types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*arguments):
        raise NotImplementedError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    storage = type("FloatStorage", (), {"__module__": "torch"})
    package.FloatStorage = storage
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return package, utils


@pytest.fixture
def write(tmp_path, torch_names):
    """Writes numbers and views of them as PyTorch would; returns the path."""
    package, utils = torch_names

    class Storage:
        pass

    class Tensor:
        def __init__(self, view):
            self.view = view

        def __reduce__(self):
            offset, shape, strides = self.view
            hooks = collections.OrderedDict()
            given = (storage, offset, shape, strides, False, hooks)
            return utils._rebuild_tensor_v2, given

    storage = Storage()

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            if thing is storage:
                kind = package.FloatStorage
                return ("storage", kind, "0", "cpu", self.count, None)
            return None

    def write(views, numbers, told=None, before=()):
        file = io.BytesIO()
        for part in (torch_weights_file._MAGIC, 1001, {"little_endian": True}):
            pickle.dump(part, file, 2)
        pickler = Pickler(file, 2)
        pickler.count = len(numbers)
        tensors = {name: Tensor(view) for name, view in views.items()}
        pickler.dump(collections.OrderedDict(tensors))
        pickle.dump(["0"], file, 2)
        count = len(numbers) if told is None else told
        file.write(count.to_bytes(8, "little"))
        file.write(np.asarray(numbers, "<f4").tobytes())
        path = tmp_path / "weights.pth"
        path.write_bytes(file.getvalue())
        return path

    return write


def refused(path):
    with pytest.raises(CourseError) as error:
        read_state_dict(path)
    assert str(path) in str(error.value)
    assert "Install the file again" in str(error.value)
    return str(error.value)


def test_strides_and_offsets_are_followed(write):
    views = {"straight": (0, (2, 3), (3, 1)), "turned": (1, (2, 2), (1, 2))}
    read = read_state_dict(write(views, range(6)))
    np.testing.assert_array_equal(read["straight"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(read["turned"], [[1, 3], [2, 4]])
    with pytest.raises(ValueError, match="read-only"):
        read["turned"][0, 0] = 9


def test_single_numbers_and_empty_tensors_are_read(write):
    views = {"one": (2, (), ()), "none": (0, (0, 3), (3, 1))}
    read = read_state_dict(write(views, range(3)))
    assert read["one"] == 2 and read["none"].shape == (0, 3)


@pytest.mark.parametrize(
    "view",
    [
        (0, (2, 4), (4, 1)),
        (5, (2,), (1,)),
        (0, (3,), (10**12,)),
        (-1, (2,), (1,)),
        (5, (2,), (-1,)),
        (0, (-1,), (1,)),
    ],
)
def test_a_tensor_beyond_its_numbers_is_refused(write, view):
    assert "reaches beyond its 6" in refused(write({"x": view}, range(6)))


def test_a_count_that_does_not_fit_is_refused(write):
    view = {"x": (0, (6,), (1,))}
    told = refused(write(view, range(6), told=10**15))
    assert "6 numbers says that it has 1000000000000000" in told


def test_a_file_cut_off_anywhere_is_refused(write):
    path = write({"x": (0, (6,), (1,))}, range(6))
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        refused(path)


class Harmful:
    """Would make a folder when it is read."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("place", range(5))
def test_any_other_name_is_refused_and_nothing_is_run(tmp_path, place):
    parts = [torch_weights_file._MAGIC, 1001, {}, collections.OrderedDict(), []]
    parts[place] = Harmful(tmp_path / "made")
    path = tmp_path / "harmful.pth"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    assert "mkdir, which no weights need" in refused(path)
    assert not (tmp_path / "made").exists()


def test_what_is_no_such_file_is_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps({"x": 1}))
    assert "does not begin as such a file does" in refused(path)
