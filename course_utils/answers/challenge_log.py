"""Remember submissions: an append-only log beside the learner's progress.

``work/challenge.jsonl`` holds one event a line, see `answer_log_file`: a
submission with all of its predictions and both of its scores, or a reveal.
Private scores lie there as keys lie in ``data/keys/``: to look is up to the
learner.
"""

import dataclasses
import datetime
import json
from pathlib import Path

from course_utils.answers import answer_log_file, challenge_scores
from course_utils.answers.challenge_scores import PARTS, Score
from course_utils.machine import paths


@dataclasses.dataclass(frozen=True)
class Submission:
    """One submission.

    Attributes:
        number: 1 for the first of its draw.
        note: What the learner said of it.
        predictions: A probability for each hidden cell.
        public: Its score on the public part.
        private: Its score on the private part.
        late: Whether it came after the reveal.
    """

    number: int
    note: str
    predictions: tuple[float, ...]
    public: Score
    private: Score
    late: bool


@dataclasses.dataclass(frozen=True)
class Record:
    """What the log says of one draw.

    Attributes:
        submissions: In the order of their numbers.
        chosen: Number of the submission that was sent in at the reveal; None
            before it.
        problem: One sentence about lines that cannot be read; empty if all
            can.
    """

    submissions: tuple[Submission, ...]
    chosen: int | None
    problem: str


def log_path() -> Path:
    """Return the path of the log (it may not exist yet)."""
    return paths.work_dir() / "challenge.jsonl"


def remember_submission(name, seed, note, predictions, scores) -> str:
    """Append a submission to the log.

    Args:
        name: Name of the challenge.
        seed: Seed of its draw.
        note: What the learner says of it.
        predictions: A float32 array.
        scores: From each of `PARTS` to its `Score`.

    Returns:
        An empty text once it is on the disk, else why it is not.
    """
    rows = {part: challenge_scores.as_row(scores[part]) for part in PARTS}
    return _remember(
        "submission",
        name,
        seed,
        note=note,
        **rows,
        # As short as it can be, and the same float32 again when read.
        predictions=[float(str(one)) for one in predictions],
    )


def remember_reveal(name, seed, chosen) -> str:
    """Append a reveal, with the number of the submission sent in.

    Returns:
        An empty text once it is on the disk, else why it is not.
    """
    return _remember("reveal", name, seed, chosen=chosen)


def read(name, seed) -> Record:
    """Read what there is about one draw of a challenge."""
    events, problem = answer_log_file.read(log_path(), _parse)
    submissions, chosen = [], None
    for event in events:
        if (event["challenge"], event["seed"]) != (name, seed):
            continue
        if event["kind"] == "reveal":
            chosen = chosen or event["chosen"]
            continue
        submissions.append(
            Submission(
                len(submissions) + 1,
                event["note"],
                tuple(event["predictions"]),
                *(challenge_scores.from_row(event[part]) for part in PARTS),
                late=chosen is not None,
            )
        )
    return Record(tuple(submissions), chosen, problem)


def _remember(kind, name, seed, **rest):
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    event = {"kind": kind, "challenge": name, "seed": seed, "at": now, **rest}
    return answer_log_file.append(log_path(), event)


def _parse(line):
    """Return the event on a line, or None if the line holds none."""
    try:
        event = json.loads(line)
        whole = isinstance(event["challenge"], str)
        whole &= type(event["seed"]) is int
        if event["kind"] == "reveal":
            whole &= type(event["chosen"]) is int
        else:
            whole &= event["kind"] == "submission"
            whole &= isinstance(event["note"], str)
            [float(one) for one in event["predictions"]]
            [challenge_scores.from_row(event[part]) for part in PARTS]
        return event if whole else None
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
