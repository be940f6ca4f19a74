"""Write a learner's values down as data: a tree of JSON, arrays beside it.

This runs where the submission runs, so whatever it writes may be forged: it
makes honest values readable, and protects nothing. `read` is the other side.
"""

import collections
import dataclasses
import functools
import numbers
import sys
from collections.abc import Mapping, MappingView, Sequence

import numpy as np

from course_utils.answers.checks.training_evidence import Evidence
from course_utils.classroom.submission_frames import KINDS, MOST_BYTES

LONGEST_TEXT = 2_000  # characters
MOST_ITEMS = 10_000  # of a list or a dict
MOST_NODES = 500_000  # of what is read, in all
DEEPEST = 5  # containers in one another
_LISTS = list, tuple, set, frozenset, collections.deque, range, MappingView


@dataclasses.dataclass
class Model:
    """A model as data.

    Attributes:
        weights: The arrays, in the order of `model.weights`.
        paths: Their paths, such as ``"dense/kernel"``.
        predictions: What it predicted of what the judge has asked; an `Other`
            if nothing.
    """

    weights: list
    paths: list[str]
    predictions: object


class Other:
    """A value that was not carried; see `other`."""


@functools.lru_cache(maxsize=1_000)
def other(kind: str) -> Other:
    """Return a value whose type has a name, for messages, and nothing else."""
    return type(kind.replace("\0", "")[:80] or "object", (Other,), {})()


class Writer:
    """Writes values as trees for JSON.

    Args:
        asked: What the judge wants predictions of, of a model.
        models: Whether the arrays of models are wanted.

    Attributes:
        arrays: The arrays in all that was written, by name.
    """

    def __init__(self, asked: object = None, models: bool = True) -> None:
        """Begin with no arrays."""
        self.arrays: dict[str, np.ndarray] = {}
        self._asked, self._models = asked, models

    def write(self, value: object, depth: int = 0) -> object:
        """Return a value as a tree, whatever a learner gave.

        Args:
            value: The value.
            depth: In how many containers it lies.
        """
        try:
            return self._write(value, depth)
        except Exception:  # A learner's object may raise anything.
            return {"other": type(value).__name__[:80]}

    def _write(self, value, depth):
        kind = type(value)
        if value is None or kind is bool or kind is float:
            return value
        if value is ...:
            return {"dots": True}
        if kind is int:
            return value if abs(value) < 2**63 else float(value)
        if isinstance(value, str):
            return str.__str__(value)[:LONGEST_TEXT]
        if isinstance(value, np.bool_):
            return bool(value)
        if isinstance(value, np.integer):
            return int(value)
        if isinstance(value, numbers.Number) and kind is not complex:
            return float(value)
        deeper = depth + 1
        if isinstance(value, _LISTS) and depth < DEEPEST:
            items = list(value)[:MOST_ITEMS]
            return {"list": [self.write(one, deeper) for one in items]}
        if isinstance(value, Mapping) and depth < DEEPEST:
            pairs = list(value.items())[:MOST_ITEMS]
            return {"dict": [[self.write(x, deeper) for x in p] for p in pairs]}
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(value, pandas.DataFrame):
            parts = value.index.tolist(), value.to_dict("list")
            return {"table": [self.write(one, deeper) for one in parts]}
        if isinstance(value, Evidence):  # Only its model can be judged apart.
            value = value.model
        if hasattr(value, "predict"):
            return self._write_model(value)
        if hasattr(value, "__array__"):
            return self._write_array(value, deeper)
        return {"other": kind.__name__[:80]}

    def _write_array(self, value, depth):
        array = np.asarray(value)
        if array.dtype.kind in "OUS":
            return {"list": [self.write(x, depth) for x in array.tolist()]}
        if array.dtype.kind not in KINDS or array.dtype.itemsize > 8:
            array = array.astype("float32")  # Such as bfloat16.
        used = sum(one.nbytes for one in self.arrays.values())
        if used + array.nbytes > MOST_BYTES - 2**20:
            return {"other": f"array of shape {array.shape}"}
        name = f"a{len(self.arrays)}"
        # A copy: a later cell may change it.
        self.arrays[name] = np.array(array, order="C")
        return {"array": name}

    def _write_model(self, value):
        weights = getattr(value, "weights", None)
        weights = list(weights) if isinstance(weights, list | tuple) else []
        written = {"model": type(value).__name__[:80]}
        if not self._models:
            return written
        written["weights"] = [self._write_array(one, 1) for one in weights]
        written["paths"] = [str(getattr(w, "path", ""))[:200] for w in weights]
        if self._asked is not None:
            try:
                found = value.predict(self._asked)
                written["predictions"] = self.write(found, 1)
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                written["why"] = told[:LONGEST_TEXT]
        return written


def read(tree: object, arrays: Mapping[str, np.ndarray]) -> object:
    """Return what a tree says, as plain values.

    Args:
        tree: As a `Writer` makes it, or forged.
        arrays: The arrays that came with it.

    Returns:
        Numbers, text, lists, dicts, arrays, tables, `Model`s, `Other`s.
    """
    return read_all([tree], arrays)[0]


def read_all(trees: Sequence, arrays: Mapping[str, np.ndarray]) -> list:
    """Return what several trees say, as `read` does; they share the bounds.

    Args:
        trees: One for each value.
        arrays: The arrays that came with all of them.
    """
    reader = _Reader(arrays)
    try:
        return [reader.read(tree, 0) for tree in trees]
    except Exception:  # Forged trees may be wrong in any way.
        return [other("nothing readable")] * len(trees)


class _Reader:
    """Reads a tree into values that are no larger than what was sent.

    So no array is read twice, and no scalar becomes a column of a table.
    """

    def __init__(self, arrays):
        self._arrays, self._left = dict(arrays), MOST_NODES

    def read(self, tree, depth):
        """Return the value that a tree says."""
        self._left -= 1
        if depth > 2 * DEEPEST or self._left < 0:
            raise ValueError("More than any answer holds.")
        if isinstance(tree, str) and len(tree) > LONGEST_TEXT:
            return other("text that is too long")
        if tree is None or isinstance(tree, bool | int | float | str):
            return tree

        def each(some):
            return [self.read(one, depth + 1) for one in some]

        if "dots" in tree:
            return ...
        if "array" in tree:
            missing = other("array that is too large")
            return self._arrays.pop(tree["array"], missing)
        if "list" in tree:
            return each(tree["list"])
        if "dict" in tree:
            pairs = map(each, tree["dict"])
            return {_as_key(key): value for key, value in pairs}
        if "table" in tree:
            return _table(*each(tree["table"]))
        if "weights" in tree:
            predictions = other(str(tree.get("why", "no predictions")))
            if "predictions" in tree:
                predictions = self.read(tree["predictions"], depth + 1)
            paths = [str(path) for path in tree["paths"]]
            return Model(each(tree["weights"]), paths, predictions)
        return other(str(tree.get("other", tree.get("model", "object"))))


def _table(index, columns):
    import pandas as pd

    if any(len(column) != len(index) for column in columns.values()):
        return other("table of columns that differ in length")
    return pd.DataFrame(columns, index=index)


def _as_key(value):
    return value if isinstance(value, str | int | float) else str(value)
