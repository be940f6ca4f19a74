"""What a reveal shows: the private scores, and what the board had promised."""

import dataclasses
import html
import textwrap

import numpy as np

from course_utils.answers.challenge_board import Entry
from course_utils.evaluation.plotting import (
    BLUE,
    GREY,
    VERMILLION,
    described,
    new_axes,
)


@dataclasses.dataclass(frozen=True, repr=False)
class Reveal:
    """Public and private scores, side by side.

    Attributes:
        title: What was scored on how many cells of how many modules.
        rows: All entries, the best on the public part first.
        chosen: Number of the submission that was sent in.
        note: Something else there is to say.
    """

    title: str
    rows: tuple[Entry, ...]
    chosen: int
    note: str = ""

    @property
    def told(self) -> tuple[str, ...]:
        """What choosing by the public part would have done, in sentences."""
        own = [row for row in self.rows if row.number and not row.late]
        sent = next((r for r in own if r.number == self.chosen), None)
        if sent is None:
            return ("The submission that was sent in can no longer be read.",)
        first = own[0]
        best = max(own, key=lambda row: row.private.auc.value)
        told = [
            f"Sent in: {sent.name}. Its AUC was {sent.public.auc.value:.3f} "
            f"on the public part and is {sent.private.auc} on the private one."
        ]
        if first is sent:
            told.append("It was the best of yours on the board.")
        else:
            told.append(
                f"The best of yours on the board was {first.name}: "
                f"{first.public.auc.value:.3f}, and "
                f"{first.private.auc.value:.3f} on the private part."
            )
        if best is sent:
            told.append("On the private part it is the best of yours, too.")
        else:
            told.append(
                f"The best of yours on the private part is {best.name}: "
                f"{best.private.auc.value:.3f}."
            )
        changes = [r.private.auc.value - r.public.auc.value for r in own]
        if len(own) > 2:
            told.append(
                "From the public to the private part, the AUC of your first "
                f"on the board changed by {changes[0]:+.3f}, that of your "
                f"others by {np.median(changes[1:]):+.3f} (the median). If "
                "the board flattered its first, its change is the lower one."
            )
        return (*told, self.note) if self.note else tuple(told)

    def __repr__(self) -> str:
        """Show it as plain text."""
        lines = textwrap.wrap(self.title, 76)
        for public, private, row in self._ranked():
            lines.append(f"{row.label}{self._mark(row)}")
            lines.append(
                f"    public {row.public.auc.value:.3f} (rank {public}), "
                f"private {row.private.auc} (rank {private})"
            )
        for sentence in self.told:
            lines += textwrap.wrap(sentence, 76)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show it in a notebook: a table that can be read aloud."""
        rows = "".join(
            '<tr><th scope="row" style="text-align: left; font-weight: '
            f'{"bold" if self._mark(row) else "normal"}">'
            f"{html.escape(row.label + self._mark(row))}</th>"
            f"<td>{row.public.auc.value:.3f}</td><td>{public}</td>"
            f"<td>{row.private.auc}</td><td>{private}</td>"
            f"<td>{row.private.accuracy}</td></tr>"
            for public, private, row in self._ranked()
        )
        names = "entry", "public AUC", "public rank", "private AUC"
        columns = "".join(
            f'<th scope="col" style="text-align: left">{name}</th>'
            for name in (*names, "private rank", "private accuracy")
        )
        told = "".join(f"<p>{html.escape(one)}</p>" for one in self.told)
        return (
            '<div class="course-board" role="group" tabindex="0" '
            'aria-label="Reveal" style="overflow-x: auto"><table>'
            f"<caption>{html.escape(self.title)}</caption>"
            f"<thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
            f"{told}</div>"
        )

    def plot(self, ax=None):
        """Draw a line from the public to the private AUC of each entry.

        Args:
            ax: Matplotlib `Axes`. Defaults to those of a new figure.

        Returns:
            The `Axes`, with a `description`.
        """
        ax = new_axes(ax, (6.4, 4))
        drawn = set()
        for _, _, row in self._ranked():
            kind, colour, look = _look(row, self.chosen)
            ends = [row.public.auc.value, row.private.auc.value]
            label = None if kind in drawn else kind
            ax.plot([0, 1], ends, look, color=colour, label=label)
            drawn.add(kind)
            if row.number:
                ax.annotate(f"  {row.number}", (1, ends[1]), va="center")
            if row.number == self.chosen:
                _, low, high = row.private.auc
                ax.plot(
                    [1, 1], [low, high], color=colour, linewidth=4, alpha=0.4
                )
        ax.set_xticks([0, 1], ["public", "private"])
        ax.set(xlim=(-0.15, 1.15), ylabel="AUC")
        ax.legend(fontsize="small")
        told = [
            f"{row.label} {row.public.auc.value:.3f} to "
            f"{row.private.auc.value:.3f}"
            for row in self.rows
        ]
        return described(
            ax,
            "The figure shows the AUC from the public to the private part, "
            f"the bar is the 95 % interval of what was sent in: "
            f"{'; '.join(told)}",
        )

    def _ranked(self):
        """Return each entry with its ranks on both parts, by the private."""
        by_private = sorted(self.rows, key=lambda r: -r.private.auc.value)
        return [
            (self.rows.index(row) + 1, rank, row)
            for rank, row in enumerate(by_private, 1)
        ]

    def _mark(self, row):
        return ", sent in" if row.number == self.chosen else ""


def _look(row, chosen):
    if not row.number:
        return "reference", GREY, "D:"
    if row.number == chosen:
        return "sent in", VERMILLION, "s-"
    return "your others", BLUE, "o--"
