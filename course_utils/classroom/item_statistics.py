"""What the marks of a class tell about each exercise and question."""

import collections
import dataclasses

import numpy as np
from scipy import stats

from course_utils.classroom import feedback_wording

VERDICTS = ("passed", "partial", "failed", "error", "not attempted")
# Of fewer submissions a correlation tells nothing.
FEWEST = 10


@dataclasses.dataclass(frozen=True)
class Item:
    """One exercise or question, over a class.

    Attributes:
        lesson: Number of its lesson.
        name: Its id.
        kind: `"exercise"` or `"question"`.
        about: What it asks for, in the course's words.
        points: What it is worth.
        verdicts: By verdict, how many submissions got it.
        share: Mean share of the points, 0 for what was not attempted; the
            *difficulty* of test theory.
        discrimination: Correlation of the points for this item with those for
            all others, as (value, low, high) with a 95 % interval; `None` if
            there are too few submissions or no spread.
        wrong: The commonest wrong answer, in words, or empty.
        wrong_count: How many gave it.
        misconception: What it shows, or empty.
        seconds: Median time that its cell took to run; `None` if not known.
    """

    lesson: str
    name: str
    kind: str
    about: str
    points: float
    verdicts: dict[str, int]
    share: float
    discrimination: tuple[float, float, float] | None
    wrong: str
    wrong_count: int
    misconception: str
    seconds: float | None

    @property
    def count(self) -> int:
        """How many submissions were judged."""
        return sum(self.verdicts.values())


def look_at_items(marks: list[dict]) -> list[Item]:
    """Return statistics of each item, lesson by lesson.

    Args:
        marks: Marks as `class_folder.read_marks` gives them; those of
            submissions that could not be run do not count.
    """
    by_lesson = collections.defaultdict(list)
    for mark in marks:
        if mark["status"] == "graded":
            by_lesson[mark["lesson"]].append(mark)
    items = []
    for lesson, own in sorted(by_lesson.items()):
        totals = [sum(item["earned"] for item in m["items"]) for m in own]
        given = collections.defaultdict(list)
        for mark, total in zip(own, totals, strict=True):
            for item in mark["items"]:
                given[item["id"]].append((item, total - item["earned"]))
        items += [_item(lesson, name, all_) for name, all_ in given.items()]
    return items


def _item(lesson, name, given):
    answers, rest = zip(*given, strict=True)
    points = max(item["points"] for item in answers)
    verdicts = collections.Counter(item["verdict"] for item in answers)
    earned = [item["earned"] for item in answers]
    wrong, count, misconception = _commonest_wrong(answers)
    seconds = [s for item in answers if (s := item.get("seconds")) is not None]
    return Item(
        lesson,
        name,
        answers[0]["kind"],
        feedback_wording.asked(lesson, name),
        points,
        {verdict: verdicts[verdict] for verdict in VERDICTS},
        float(np.mean(earned)) / points if points else 0.0,
        _correlation(earned, rest),
        feedback_wording.answered(lesson, name, wrong),
        count,
        misconception,
        float(np.median(seconds)) if seconds else None,
    )


def _correlation(earned, rest):
    if len(earned) < FEWEST or not np.ptp(earned) or not np.ptp(rest):
        return None
    found = stats.pearsonr(earned, rest)
    low, high = found.confidence_interval()
    return float(found.statistic), float(low), float(high)


def _commonest_wrong(answers):
    """Return the commonest wrong answer, how many gave it, and what it shows.

    What shows one misconception is one answer, however it was written; where
    no misconception is known, what was answered counts, or else what the check
    said of it.
    """
    kinds = collections.defaultdict(list)
    for item in answers:
        if item["verdict"] in ("failed", "partial"):
            told = item.get("misconception") or ""
            shown = item.get("answer") or item.get("message") or ""
            kinds[told or shown].append((shown, told))
    if not kinds:
        return "", 0, ""
    # Of several that are as common, the first by name, so that it stays.
    _, commonest = max(
        sorted(kinds.items(), reverse=True), key=lambda kind: len(kind[1])
    )
    shown, told = collections.Counter(commonest).most_common(1)[0][0]
    return shown, len(commonest), "" if told == shown else told
