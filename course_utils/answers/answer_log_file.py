"""Append events to a file, one JSON line each, and read them again.

An event is appended with one write and flushed to the disk before it counts as
saved, so a kill loses nothing that was acknowledged, and two kernels can write
at once. Each event brings the line break *before* it: after a write that was
cut short, the next event still begins on a line of its own.
"""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

from course_utils.machine import errors


def append(path: Path, record: dict) -> str:
    """Append an event.

    Args:
        path: The file; made, with its folder, where there is none.
        record: What happened, in what JSON can hold.

    Returns:
        An empty text once the event is safely on the disk; otherwise one
        sentence that says why it is not, and what to do.
    """
    content = f"\n{json.dumps(record)}".encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab", buffering=0) as file:
            if file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
    except OSError as error:
        return (
            f"This could not be saved in {path}: {errors.os_reason(error)}. "
            "Make room there or make it writable, or set COURSE_WORK to "
            "another folder."
        )
    return ""


def read(path: Path, parse: Callable) -> tuple[list, str]:
    """Read all events; lines that are broken are counted and passed over.

    Args:
        path: The file (it may not exist yet).
        parse: From a line to an event, or to None where the line holds none.

    Returns:
        The events in the order of writing, and one sentence about lines that
        cannot be read; empty if all can.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        return [], f"{path} cannot be read: {errors.os_reason(error)}."
    found = [parse(line) for line in lines if line.strip()]
    events = [event for event in found if event is not None]
    if broken := len(found) - len(events):
        return events, (
            f"{broken} of {len(found)} lines of {path} cannot be read and "
            "were passed over; the others count."
        )
    return events, ""
