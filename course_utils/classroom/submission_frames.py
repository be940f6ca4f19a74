"""Carry answers between a sandbox and its judge: JSON, and arrays beside it.

A stream is a row of frames. Each has a head in JSON and some arrays of
numbers, as an uncompressed ``npz``. What comes out of a sandbox may be
anything, so whoever reads takes nothing on trust: no pickle, no compression,
no size that was not counted before it was allocated.
"""

import io
import json
import math
import struct
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np

# Kinds of numbers that may be carried: truth values, integers, floats.
KINDS = "biuf"
LONGEST_HEAD = 4 * 2**20
MOST_HEADS = 16 * 2**20  # of all frames; as objects they take many times that
MOST_FRAMES = 20_000
MOST_ARRAYS = 4_000
MOST_BYTES = 64 * 2**20  # of the arrays of one frame
_LENGTHS = struct.Struct(">4sII")  # a mark, length of the head, of the arrays
_MARK = b"FRAM"


def pack(
    head: Mapping, arrays: Mapping[str, np.ndarray] | None = None
) -> bytes:
    """Return one frame.

    Args:
        head: What JSON can say.
        arrays: Arrays of numbers, by name.
    """
    text = json.dumps(head).encode()
    content = b""
    if arrays:
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        content = file.getvalue()
    return _LENGTHS.pack(_MARK, len(text), len(content)) + text + content


def unpack(
    stream: bytes, most: int = MOST_BYTES
) -> Iterator[tuple[dict, dict[str, np.ndarray]]]:
    """Read frames, up to the first that is broken.

    Args:
        stream: What came out of a sandbox, whole or cut short.
        most: Bytes of the arrays of one frame.

    Yields:
        Head and arrays of each frame. Arrays that break a rule are left out,
        each by itself.
    """
    place = heads = 0
    for _ in range(MOST_FRAMES):
        if place + _LENGTHS.size > len(stream):
            return
        mark, head_length, length = _LENGTHS.unpack_from(stream, place)
        begin = place + _LENGTHS.size
        middle, place = begin + head_length, begin + head_length + length
        whole = mark == _MARK and place <= len(stream)
        heads += head_length
        small = head_length <= LONGEST_HEAD and heads <= MOST_HEADS
        if not whole or not small or length > most:
            return
        try:
            head = json.loads(stream[begin:middle])
        except (ValueError, RecursionError):
            return
        if not isinstance(head, dict):
            return
        yield head, _read_arrays(stream[middle:place], most)


def _read_arrays(content: bytes, left: int) -> dict[str, np.ndarray]:
    if not content:
        return {}
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist()[:MOST_ARRAYS]:
                left -= member.file_size
                # Stored as it is: a small archive cannot become a large one.
                if member.compress_type != zipfile.ZIP_STORED or left < 0:
                    continue
                array = _read_array(archive.read(member))
                if array is not None:
                    found[member.filename.removesuffix(".npy")] = array
    except Exception:  # Whatever is no archive holds no arrays.
        pass
    return found


def _read_array(content: bytes) -> np.ndarray | None:
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            return None
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        size = math.prod(shape) * dtype.itemsize
        if dtype.kind not in KINDS or dtype.hasobject or len(shape) > 8:
            return None
        if size != len(content) - file.tell() or dtype.itemsize > 8:
            return None
        if not size and max(shape) > MOST_ARRAYS:  # many rows of nothing
            return None
        array = np.frombuffer(content, dtype, offset=file.tell())
        array = array.reshape(shape, order="F" if fortran else "C")
    except Exception:  # Whatever is no array is left out.
        return None
    return array
