"""Remember answers: an append-only log, and what it adds up to.

``work/progress.jsonl`` holds one event a line, see `answer_log_file`.
"""

import dataclasses
import datetime
import json
import math
import secrets
from collections.abc import Iterable
from pathlib import Path

from course_utils.answers import answer_log_file
from course_utils.machine import paths

LONGEST_ANSWER = 200  # characters; the log remembers, it does not archive
KINDS = ("learner", "lesson", "exercise", "question", "prediction", "outcome")


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: One of :data:`KINDS`.
        lesson: Number of the lesson, for example ``"00"``.
        name: Which exercise or question, for example ``"sh-01"``.
        status: Verdict, for example ``"passed"``.
        score: Share of the points, from 0 to 1.
        answer: What was answered, as far as it is short text or a number.
        at: When, in UTC, as ISO 8601; empty for now.
    """

    kind: str
    lesson: str = ""
    name: str = ""
    status: str = ""
    score: float = 0.0
    answer: str | float | None = None
    at: str = ""


@dataclasses.dataclass(frozen=True)
class Log:
    """What the log holds.

    Attributes:
        events: All events that can be read, in the order of writing.
        problem: One sentence about lines that cannot be read; empty if all
            can.
    """

    events: tuple[Event, ...] = ()
    problem: str = ""


def log_path() -> Path:
    """Return the path of the log (it may not exist yet)."""
    return paths.work_dir() / "progress.jsonl"


def remember(event: Event) -> str:
    """Append an event to the log.

    Args:
        event: What happened; its time is filled in.

    Returns:
        An empty text once the event is safely on the disk; otherwise one
        sentence that says why it is not, and what to do. Never raises for a
        disk or a folder: an answer is judged whether or not it is saved.
    """
    if isinstance(event.answer, str):
        shortened = event.answer[:LONGEST_ANSWER]
        event = dataclasses.replace(event, answer=shortened)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    event = dataclasses.replace(event, at=now)
    return answer_log_file.append(log_path(), dataclasses.asdict(event))


def remember_once(event: Event) -> str:
    """Append an event, unless it says what the latest one of its name says.

    So a cell that is run again, or a button that is pressed twice, is not a
    second try.

    Args:
        event: What happened.

    Returns:
        What :func:`remember` returns.
    """
    answer = event.answer
    if isinstance(answer, str):
        answer = answer[:LONGEST_ANSWER]
    new = dataclasses.replace(event, answer=answer, at="")
    place = (event.kind, event.lesson, event.name)
    for old in reversed(read_log().events):
        if (old.kind, old.lesson, old.name) == place:
            if dataclasses.replace(old, at="") == new:
                return ""
            break
    return remember(event)


def read_log() -> Log:
    """Read all events; lines that are broken are counted and passed over."""
    events, problem = answer_log_file.read(log_path(), _parse)
    return Log(tuple(events), problem)


def learner_id() -> str:
    """Return a random name for this learner, the same as long as the log is.

    It makes the order of a quiz's choices differ between learners and stay
    for one. Where nothing can be saved, it is empty.
    """
    for _ in range(2):
        for event in read_log().events:
            if event.kind == "learner" and event.name:
                return event.name
        if remember(Event("learner", name=secrets.token_hex(8))):
            break
    return ""


def best_scores(events: Iterable[Event]) -> dict[tuple[str, str], float]:
    """Return the best score of each exercise and question that was tried.

    Args:
        events: Events, in any order.

    Returns:
        By (lesson, name): the best score, from 0 to 1. A name is missing if
        it was never attempted.
    """
    best: dict[tuple[str, str], float] = {}
    for event in events:
        judged = event.kind in ("exercise", "question", "outcome")
        if judged and event.status in ("passed", "partial", "failed"):
            key = (event.lesson, event.name)
            best[key] = max(best.get(key, 0.0), event.score)
    return best


def _parse(line: bytes) -> Event | None:
    """Return the event on a line, or nothing if the line holds none."""
    try:
        event = Event(**json.loads(line))
        texts = (event.kind, event.lesson, event.name, event.status, event.at)
        "".join(texts).encode()  # Raises for half a letter, which JSON allows.
        whole = (
            event.kind in KINDS
            and _is_number(event.score)
            and 0 <= event.score <= 1
            and (
                _is_number(event.answer)
                if event.kind in ("prediction", "outcome")
                and event.answer is not None
                else isinstance(event.answer, str | float | int | None)
            )
        )
        return event if whole else None
    except (ValueError, TypeError, RecursionError):
        return None


def _is_number(value: object) -> bool:
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False
