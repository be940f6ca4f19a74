"""Read weights that PyTorch has saved, without PyTorch and without its trust.

A pickle may call any function while it is read. This reader knows the few
names that tensors are made of, and refuses a file with any other.
"""

import collections
import dataclasses
import io
import math
import pickle
from pathlib import Path

import numpy as np

from course_utils.machine.errors import CourseError

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
}


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Read the tensors of a file in PyTorch's format from before version 1.6.

    Such a file holds five pickles (a magic number, a version, facts about the
    machine, the tensors without their numbers, the order of the storages) and
    then for each storage a count and its numbers. Introduced in lesson 01
    (``01_pretrained_models``), through `course_utils.backbones.load_backbone`.

    Args:
        path: The file.

    Returns:
        A read-only array for each tensor, by its name.

    Raises:
        CourseError: If the file is none of these, is cut off, names anything
            but tensors, or if a size in it does not fit another.
    """
    file = io.BytesIO(path.read_bytes())
    try:
        if _Unpickler(file).load() != _MAGIC:
            raise _UnfitError("it does not begin as such a file does")
        _Unpickler(file).load()
        _Unpickler(file).load()
        reader = _Unpickler(file)
        tensors = reader.load()
        for key in _Unpickler(file).load():
            reader.storages[key].read(file)
        if not isinstance(tensors, dict):
            raise _UnfitError("it holds no tensors by name")
        return {str(name): one.array() for name, one in tensors.items()}
    except _UnfitError as error:
        problem = str(error)
    except Exception as error:
        # A file that is cut off or altered meets pickle in many ways.
        problem = f"it is cut off or altered ({type(error).__name__})"
    raise CourseError(
        f"{path} could not be read as weights saved by PyTorch: {problem}. "
        "Install the file again from where it came."
    )


class _UnfitError(Exception):
    """What is wrong with the file."""


class _Storage:
    """A row of numbers that tensors are views of."""

    def __init__(self, dtype, count):
        self.dtype, self.count, self.values = dtype, count, None

    def read(self, file):
        told = int.from_bytes(file.read(8), "little")
        if told != self.count:
            raise _UnfitError(
                f"a storage of {self.count} numbers says that it has {told}"
            )
        raw = file.read(self.count * self.dtype.itemsize)
        self.values = np.frombuffer(raw, self.dtype, self.count)


@dataclasses.dataclass
class _Tensor:
    """A view of a storage, as PyTorch's `_rebuild_tensor_v2` takes it."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple
    _requires_grad: bool = False
    _hooks: object = None

    def array(self):
        values = self.storage.values
        last = self.offset + sum(
            (size - 1) * stride
            for size, stride in zip(self.shape, self.strides, strict=True)
        )
        least = min((self.offset, *self.shape, *self.strides), default=0)
        if least < 0 or (math.prod(self.shape) and last >= len(values)):
            raise _UnfitError(
                f"a tensor of shape {self.shape} reaches beyond its "
                f"{len(values)} numbers"
            )
        # Permuted tensors keep the order of their numbers: strides count.
        return np.lib.stride_tricks.as_strided(
            values[self.offset :],
            self.shape,
            [stride * values.itemsize for stride in self.strides],
            writeable=False,
        )


class _Unpickler(pickle.Unpickler):
    """Knows tensors, their storages, and nothing else."""

    def __init__(self, file):
        super().__init__(file)
        self.storages = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise _UnfitError(f"it asks for {module}.{name}, which no weights need")

    def persistent_load(self, name):
        _, dtype, key, _, count, _ = name
        return self.storages.setdefault(key, _Storage(dtype, count))
