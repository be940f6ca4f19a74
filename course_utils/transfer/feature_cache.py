"""Keep computed features on disk, so that nobody waits for them twice.

A file's name is a sum over all that the features depend on: the backbone's
layers and weights, and the pictures themselves. So a file is never out of
date, and a changed picture or weight makes another. After the features it has
the pictures' digests, by which other sets find the pictures that they share.
"""

import contextlib
import hashlib
import json
import os
import time
import types
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np

from course_utils.machine import paths, quick_runs

# More than this is not kept: what was used longest ago goes first.
MOST_BYTES = 2 * 2**30
_PARTIAL = ".partial"
_KNOWN = ("keras.", "course_utils.")
# Keys of a model's configuration that name layers.
_REFERENCES = ("keras_history", "input_layers", "output_layers")
_DIGEST_BYTES = 16
_DAY = 24 * 60 * 60


class _OwnCodeError(Exception):
    """Something in a model is code of the learner's own."""


def folder() -> Path:
    """Return where features are kept (it may not exist yet)."""
    return paths.cache_dir() / "features"


def digests_of(pictures: np.ndarray) -> list[bytes]:
    """Return a digest of each picture, by which it is known again.

    Args:
        pictures: Array of shape (pictures, ...).
    """
    kind = f"{pictures.shape[1:]} {pictures.dtype}".encode()
    found = []
    for picture in np.ascontiguousarray(pictures):
        # Processors compute this one in hardware.
        digest = hashlib.sha256(kind)
        digest.update(picture)
        found.append(digest.digest()[:_DIGEST_BYTES])
    return found


def key(base_model, digests: Iterable[bytes]) -> str | None:
    """Return the name under which the features of pictures are kept.

    Args:
        base_model: The `keras.Model` that computes them.
        digests: Those of the pictures, in the order of the features.

    Returns:
        A name, which begins with one for the model; None where a layer, or
        what it was made with, is a class or function of the learner's own,
        whose code may change with nothing here to notice it.
    """
    for layer in [base_model, *base_model._flatten_layers()]:
        # Of functions Keras writes down little more than the name.
        made_of = [type(layer), *vars(layer).values()]
        if isinstance(layer, keras.layers.Lambda) or any(map(_is_own, made_of)):
            return None
    try:
        architecture = _architecture(base_model)
    except _OwnCodeError:
        return None
    model = hashlib.blake2b(digest_size=16)
    model.update(f"{keras.__version__} {architecture}".encode())
    if quick_runs.is_on():  # Features of a few pictures are nobody else's.
        model.update(b"smoke run")
    for weight in base_model.weights:
        value = np.ascontiguousarray(weight)
        model.update(f"{value.shape} {value.dtype}".encode())
        model.update(value)
    together = hashlib.blake2b(b"".join(digests), digest_size=16)
    return f"{model.hexdigest()}-{together.hexdigest()}"


def _architecture(model):
    """The layers and how they are connected, whatever they are called.

    Whether they train changes nothing, since features are those in inference.

    Raises:
        _OwnCodeError: If a function or class of the learner's own is in it.
    """
    numbers = {}

    def numbered(node):
        """Puts numbers in place of names, where a layer is meant."""
        if isinstance(node, str):
            return numbers.setdefault(node, len(numbers))
        if isinstance(node, dict):
            return {key: numbered(one) for key, one in node.items()}
        return list(map(numbered, node)) if isinstance(node, list) else node

    def plain(node, kind=""):
        if isinstance(node, list | tuple):
            return [plain(one) for one in node]
        if not isinstance(node, dict):
            return node
        kind = node.get("class_name", kind)
        _refuse_own_code(node)
        found = {}
        for key, value in node.items():
            named = key == "name" and "DTypePolicy" not in kind
            if named or key in _REFERENCES:
                value = numbered(json.loads(json.dumps(value)))
            elif key == "config":
                value = plain(value, kind)
            elif key != "trainable":
                value = plain(value)
            else:
                continue
            found[key] = value
        return found

    config = keras.saving.serialize_keras_object(model)["config"]
    return json.dumps(plain(config), default=str)


def _is_own(value):
    """Say whether it is a class or function of the learner's own."""
    return isinstance(value, type | types.FunctionType) and not str(
        value.__module__
    ).startswith(_KNOWN)


def _refuse_own_code(node):
    """Raises where an object in a configuration is no one that is known."""
    module, kind = node.get("module"), node.get("class_name")
    named = str(node.get("registered_name") or "")
    own = ">" in named and not named.startswith("course_utils>")
    if module not in (None, "builtins") and isinstance(module, str):
        own |= not f"{module}.".startswith(_KNOWN)
    if own or kind == "function":
        raise _OwnCodeError


def load(
    name: str, shape: tuple, dtype: np.dtype, mapped: bool = False
) -> np.ndarray | None:
    """Return features that were kept; None if there are none.

    Args:
        name: As from :func:`key`.
        shape: The shape that they must have.
        dtype: The type that they must have.
        mapped: Whether to leave them on disk, and read what is asked for.
    """
    path = folder() / f"{name}.npy"
    try:
        features = np.load(
            path, allow_pickle=False, mmap_mode="r" if mapped else None
        )
        os.utime(path)
    except (OSError, ValueError, EOFError):
        return None
    fits = features.shape == tuple(shape) and features.dtype == dtype
    return features if fits else None


def fill(name: str, features: np.ndarray, digests: list[bytes]) -> set[bytes]:
    """Fill in what the same model has computed for pictures of other sets.

    Args:
        name: As from :func:`key`.
        features: Array of shape (pictures, ...), which is filled.
        digests: Those of the pictures, in the order of the features.

    Returns:
        The digests of the pictures whose features are filled in.
    """
    filled = set()
    for path in folder().glob(f"{name.partition('-')[0]}-*.npy"):
        with contextlib.suppress(OSError, ValueError, EOFError):
            kept = np.load(path, allow_pickle=False, mmap_mode="r")
            with path.open("rb") as file:
                file.seek(kept.offset + kept.nbytes)
                content = file.read()
            same = kept.dtype == features.dtype
            same &= kept.shape[1:] == features.shape[1:]
            if not same or len(content) != _DIGEST_BYTES * len(kept):
                continue
            starts = range(0, len(content), _DIGEST_BYTES)
            known = [content[at : at + _DIGEST_BYTES] for at in starts]
            rows = {digest: row for row, digest in enumerate(known)}
            for row, digest in enumerate(digests):
                if digest in rows:
                    features[row] = kept[rows[digest]]
                    filled.add(digest)
    return filled


def save(name: str, features: np.ndarray, digests: list[bytes]) -> None:
    """Keep features, and make room by deleting those not used for longest.

    Nothing is kept where the disk is full or cannot be written: they are then
    computed again. A file appears whole or not at all, so that a process that
    is killed, or two at a time, leave nothing broken.

    Args:
        name: As from :func:`key`.
        features: The array.
        digests: Those of the pictures, in the order of the features.
    """
    if features.nbytes > MOST_BYTES:
        return
    path = folder() / f"{name}.npy"
    partial = path.with_name(f"{name}.{os.getpid()}{_PARTIAL}")
    with contextlib.suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                np.save(file, features, allow_pickle=False)
                file.write(b"".join(digests))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        _make_room(folder().iterdir())


def _make_room(files: Iterable[Path]) -> None:
    """Delete the oldest files beyond the limit, and what kills have left."""
    kept = 0
    times = [(path.stat().st_mtime, path) for path in files]
    for used, path in sorted(times, reverse=True):
        left_behind = path.suffix == _PARTIAL
        if not left_behind:
            kept += path.stat().st_size
        if kept > MOST_BYTES or (left_behind and time.time() - used > _DAY):
            path.unlink(missing_ok=True)
