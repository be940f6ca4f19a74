"""What a check or a question answers: a verdict, and why."""

import dataclasses
import enum
import html
import re
import reprlib
import textwrap
from collections.abc import Sequence

from course_utils.machine.errors import CourseError


class Status(enum.StrEnum):
    """The possible verdicts; each compares equal to its text."""

    PASSED = "passed"
    PARTIAL = "partial"
    FAILED = "failed"
    REMEMBERED = "remembered"  # A prediction, judged when its cell has run.
    NOT_ATTEMPTED = "not attempted"
    ERROR = "error"


# Colours that colour-blind readers tell apart (Okabe and Ito 2008), and a
# sign each, so that nothing is told by colour alone.
_LOOKS = {
    Status.PASSED: ("#0072B2", "\N{CHECK MARK}"),
    Status.PARTIAL: ("#E69F00", "\N{CIRCLE WITH LEFT HALF BLACK}"),
    Status.FAILED: ("#D55E00", "\N{MULTIPLICATION SIGN}"),
    Status.REMEMBERED: ("#009E73", "\N{BULLET}"),
    Status.NOT_ATTEMPTED: ("#888888", "\N{HORIZONTAL ELLIPSIS}"),
    Status.ERROR: ("#CC79A7", "!"),
}


@dataclasses.dataclass(frozen=True)
class Result:
    """The verdict on one answer.

    Attributes:
        name: Which exercise or question was judged, for example ``"sh-01"``.
        status: The verdict.
        message: One or two sentences for the learner: what the answer shows,
            and where to look next.
        evidence: What the verdict rests on, one fact a line.
        score: Share of the points, from 0 to 1.
        note: Something about the course and not about the answer, such as
            that the answer could not be saved.
    """

    name: str
    status: Status
    message: str
    evidence: tuple[str, ...] = ()
    score: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a verdict that no reader of results would expect."""
        object.__setattr__(self, "status", Status(self.status))
        if not 0 <= self.score <= 1:
            raise ValueError(f"A score is from 0 to 1, not {self.score}.")

    def __repr__(self) -> str:
        """Show the verdict as plain text, where nothing richer is shown."""
        lines = [f"{self.name}: {self.status}. {self.message}"]
        lines += [f"- {fact}" for fact in self.evidence]
        if self.note:
            lines.append(f"({self.note})")
        # A notebook breaks longer lines within words.
        return "\n".join(
            textwrap.fill(line, 76, subsequent_indent="    ") for line in lines
        )

    def _repr_html_(self) -> str:
        """Show the verdict in a notebook."""
        colour, sign = _LOOKS[self.status]
        name = html.escape(self.name)
        facts = "".join(f"<li>{as_html(f)}</li>" for f in self.evidence)
        # No live region: it would come into the page together with its text,
        # which is not said reliably, and might speak up whenever the notebook
        # is opened. `announcer.announce` says a verdict, once.
        parts = [
            f'<div class="course-result" role="group" aria-label="{name}: '
            f'{self.status}" style="border: 1px solid #767676; border-left: '
            f"6px solid {colour}; border-radius: 4px; margin: 0.3em 0; "
            'max-width: 46rem; padding: 0.4em 0.8em">',
            f'<strong>{name}: <span aria-hidden="true">{sign}</span> '
            f"{self.status}</strong>",
            f"<div>{as_html(self.message)}</div>",
            f"<div>What this rests on:</div><ul>{facts}</ul>" if facts else "",
            f"<div><em>{as_html(self.note)}</em></div>" if self.note else "",
            "</div>",
        ]
        return "".join(parts)


def as_html(text: str) -> str:
    """Return a message escaped, with what stands in backquotes as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def pick_hint(owner: str, hints: Sequence[str], step: object) -> "Text":
    """Return one of several hints.

    Args:
        owner: What the hints are for, for the message.
        hints: All of them, in steps.
        step: 1 for the first.

    Raises:
        CourseError: If there is no such step.
    """
    if not hints:
        raise CourseError(f"{owner} has no hints.")
    if type(step) is not int or not 1 <= step <= len(hints):
        count = "one hint" if len(hints) == 1 else f"{len(hints)} hints"
        raise CourseError(
            f"{owner} has {count}, and {reprlib.repr(step)} is not among the "
            f"steps 1 to {len(hints)}."
        )
    return Text(hints[step - 1].strip())


class Text(str):
    """Text that a notebook shows as it is, and not in quotation marks."""

    def __repr__(self) -> str:
        """Return the text itself."""
        return str(self)
