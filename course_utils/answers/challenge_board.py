"""What a learner sees of a challenge: the board, and what a reveal shows."""

import dataclasses
import html
import textwrap

from course_utils.answers.challenge_log import Record
from course_utils.answers.challenge_scores import Reference, Score

_WIDEST = 76  # A notebook breaks longer lines within words.
_LEFT, _WIDTH, _HEIGHT = 0.4, 160, 14  # of the bars: an AUC, and pixels


@dataclasses.dataclass(frozen=True)
class Entry:
    """A row: a submission of the learner's, or a reference.

    Attributes:
        name: Number and note of a submission, or name of the reference.
        public: Score on the public part.
        private: Score on the private part.
        number: Number of the submission; 0 for a reference.
        late: Whether it was submitted after the reveal.
    """

    name: str
    public: Score
    private: Score
    number: int = 0
    late: bool = False

    @property
    def label(self) -> str:
        """The name, with what else has to be said of the entry."""
        if not self.number:
            return f"{self.name} (reference)"
        return self.name + (" (after the reveal)" if self.late else "")


def entries(record: Record, references: list[Reference]) -> list[Entry]:
    """Return submissions and references, the best on the public part first."""
    found = [Entry(r.name, r.public, r.private) for r in references]
    for one in record.submissions:
        name = f"{one.number}. {one.note}".strip()
        row = Entry(name, one.public, one.private, one.number, one.late)
        found.append(row)
    return sorted(found, key=lambda entry: -entry.public.auc.value)


@dataclasses.dataclass(frozen=True, repr=False)
class Board:
    """The leaderboard: text, or a table in a notebook.

    Attributes:
        title: What was scored on how many cells of how many modules.
        rows: The entries, the best first.
        told: What there is to say beside it, a sentence each.
        newest: Number of the submission that was just made, 0 for none.
    """

    title: str
    rows: tuple[Entry, ...]
    told: tuple[str, ...] = ()
    newest: int = 0

    def __repr__(self) -> str:
        """Show the board as plain text."""
        lines = [*textwrap.wrap(self.title, _WIDEST)]
        for rank, entry in enumerate(self.rows, 1):
            mark = "  <- new" if entry.number and self._is_new(entry) else ""
            lines.append(f"{rank:>3}  {entry.label}{mark}")
            lines.append(f"     {_in_words(entry.public)}")
        for sentence in self.told:
            lines += textwrap.wrap(sentence, _WIDEST)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the board in a notebook: a table that can be read aloud."""
        rows = ""
        for rank, entry in enumerate(self.rows, 1):
            label = html.escape(entry.label)
            if entry.number:
                label = f"<strong>{label}</strong>"
            if self._is_new(entry):
                label += " \N{LEFTWARDS ARROW} new"
            rows += (
                f'<tr><td>{rank}</td><th scope="row" style="text-align: left; '
                f'font-weight: normal">{label}</th>'
                f"<td>{_span(entry.public.auc)}</td>"
                f"<td>{_bar(entry)}</td>"
                f"<td>{_span(entry.public.accuracy)}</td></tr>"
            )
        names = (
            "rank",
            "entry",
            "AUC (95&nbsp;% interval)",
            f"from {_LEFT} to 1",
            "accuracy (95&nbsp;% interval)",
        )
        columns = "".join(
            f'<th scope="col" style="text-align: left">{n}</th>' for n in names
        )
        told = "".join(f"<p>{html.escape(one)}</p>" for one in self.told)
        return (
            # Where it is too wide, it can be moved, with the arrow keys too.
            '<div class="course-board" role="group" tabindex="0" '
            'aria-label="Leaderboard" style="overflow-x: auto"><table>'
            f"<caption>{html.escape(self.title)}</caption>"
            f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
            f"{told}</div>"
        )

    def _is_new(self, entry):
        return entry.number != 0 and entry.number == self.newest


def _bar(entry):
    """Return a dot and its interval; the numbers stand beside it."""
    value, low, high = (
        _WIDTH * max(0.0, (number - _LEFT) / (1 - _LEFT))
        for number in entry.public.auc
    )
    colour, middle = "#0072B2" if entry.number else "#767676", _HEIGHT / 2
    shape = (
        f'<circle cx="{value:.1f}" cy="{middle}" r="4" fill="{colour}"/>'
        if entry.number
        else f'<rect x="{value - 3.5:.1f}" y="{middle - 3.5}" width="7" '
        f'height="7" fill="{colour}"/>'
    )
    return (
        f'<svg aria-hidden="true" width="{_WIDTH + 5}" height="{_HEIGHT}">'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" '
        f'stroke="{colour}" stroke-width="2"/>{shape}</svg>'
    )


def _span(interval):
    value, low, high = interval
    return f"{value:.3f} ({low:.2f} to {high:.2f})"


def _in_words(found):
    return f"AUC {_span(found.auc)}, accuracy {_span(found.accuracy)}"
