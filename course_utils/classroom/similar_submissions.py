"""Rank pairs of submissions that look alike, for somebody to look at.

Likeness is no proof of anything: two who have read one book write alike. So
lines that the class was given, and those of the course's public solution, are
left out first, and what remains is compared by what is rare in it.
"""

import dataclasses
import itertools
import re

from sklearn.feature_extraction.text import TfidfVectorizer

from course_utils.classroom import (
    class_folder,
    release_notebooks,
    submitted_answers,
)

SHORTEST = 60  # characters of one's own; of fewer nothing is said
LEAST_LIKE = 0.5
MOST_PAIRS = 20


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two submissions, and how alike what is their own is.

    Attributes:
        lesson: Number of the lesson.
        first: One student.
        second: The other.
        likeness: Cosine of both texts by TF-IDF of four characters in a row,
            from 0 to 1.
        lines: Lines of their own that both have.
    """

    lesson: str
    first: str
    second: str
    likeness: float
    lines: tuple[str, ...]


def find_pairs(lesson: str, submissions: dict[str, bytes]) -> list[Pair]:
    """Return the pairs that are most alike, the most alike first.

    Args:
        lesson: Number of the lesson.
        submissions: By student, the bytes of the notebook.
    """
    known = _known_lines(lesson)
    own = {}
    for student, content in sorted(submissions.items()):
        cells = submitted_answers.read_answers(content).cells
        own[student] = [
            line
            for name, source in cells.items()
            if not name.startswith("q")  # Choices are few, and so alike.
            for line in _lines(source)
            if line not in known
        ]
    own = {s: lines for s, lines in own.items() if _length(lines) >= SHORTEST}
    if len(own) < 2:
        return []
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 4))
    vectors = vectorizer.fit_transform("\n".join(x) for x in own.values())
    likeness = (vectors @ vectors.T).toarray()
    pairs = [
        Pair(lesson, a, b, float(likeness[i, j]), _both(own[a], own[b]))
        for (i, a), (j, b) in itertools.combinations(enumerate(own), 2)
        if likeness[i, j] >= LEAST_LIKE
    ]
    return sorted(pairs, key=lambda pair: -pair.likeness)[:MOST_PAIRS]


def _known_lines(lesson):
    source = class_folder.lesson_source(lesson)
    known = set()
    for solved in (False, True):
        cells = release_notebooks.build_cells(
            source.read_text("utf-8"), solved, f"lessons/{source.name}"
        )
        for cell in cells:
            known |= set(_lines(cell.source))
    return known


def _lines(source):
    lines = (" ".join(line.split()) for line in source.splitlines())
    return [line for line in lines if line and not _is_of_the_form(line)]


def _is_of_the_form(line):
    return bool(
        re.match(r"# (For yourself$|[\d.]+ points?$|\w+: [\w-]+$)", line)
    )


def _length(lines):
    return sum(map(len, lines))


def _both(first, second):
    shared = set(first) & set(second)
    return tuple(dict.fromkeys(line for line in first if line in shared))
