"""Charts of a class as SVG, which stands in a page as text.

Colours are those of Okabe and Ito (2008), which colour-blind readers tell
apart, and a hatch each, so that nothing is told by colour alone.
"""

import hashlib
import html
import io
import textwrap

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from course_utils.classroom.item_statistics import VERDICTS

_LOOKS = {
    "passed": ("#0072B2", ""),
    "partial": ("#56B4E9", "//"),
    "failed": ("#D55E00", "xx"),
    "error": ("#CC79A7", ".."),
    "not attempted": ("#DDDDDD", ""),
}

_LONGEST_LABEL = 50


def draw_totals(shares: list[float], lesson: str) -> str:
    """Draw how many submissions got which share of the points.

    Args:
        shares: Share of each submission, from 0 to 1.
        lesson: Number of the lesson, for the title.
    """
    counts, edges = np.histogram(shares, bins=10, range=(0, 1))
    figure = Figure(figsize=(6, 2.6), layout="constrained")
    ax = figure.subplots()
    middle = (edges[:-1] + edges[1:]) * 50
    ax.bar(middle, counts, width=9, color="#0072B2")
    ax.set(
        xlabel="share of the points, in per cent",
        ylabel="submissions",
        xlim=(0, 100),
    )
    ax.yaxis.get_major_locator().set_params(integer=True)
    told = [
        f"{count} from {low:.0%} to {high:.0%}"
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
        if count
    ]
    title = f"Lesson {lesson}: submissions by share of the points"
    return _svg(figure, title, told)


def draw_verdicts(items: list, lesson: str) -> str:
    """Draw how each item of a lesson was answered.

    Args:
        items: Each an `item_statistics.Item`.
        lesson: Number of the lesson, for the title.
    """
    figure = Figure(figsize=(8, 1 + 0.28 * len(items)), layout="constrained")
    ax = figure.subplots()
    left = np.zeros(len(items))
    for verdict in VERDICTS:
        counts = np.array([item.verdicts[verdict] for item in items])
        colour, hatch = _LOOKS[verdict]
        ax.barh(
            range(len(items)),
            counts,
            left=left,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=verdict,
        )
        left += counts
    labels = [
        textwrap.shorten(
            f"{item.name} {item.about}", _LONGEST_LABEL, placeholder=" …"
        )
        for item in items
    ]
    # A dollar sign is no formula here.
    ax.set_yticks(range(len(items)), labels, parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel("submissions")
    ax.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper left", ncols=5, fontsize="small")
    told = [
        f"{item.name}: "
        + ", ".join(f"{n} {v}" for v, n in item.verdicts.items() if n)
        for item in items
    ]
    return _svg(figure, f"Lesson {lesson}: verdicts by item", told)


def _svg(figure, title, told):
    """Return a figure as SVG with a title and a description in words."""
    stream = io.StringIO()
    # Ids of its own, since several charts stand in one page.
    own = hashlib.sha256(title.encode()).hexdigest()[:8]
    with matplotlib.rc_context({"svg.hashsalt": own, "svg.fonttype": "none"}):
        figure.savefig(
            stream, format="svg", transparent=True, metadata={"Date": None}
        )
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    words = html.escape("; ".join(told) or "nothing to show")
    names = f"title-{own}", f"words-{own}"
    head, body = text.split(">", 1)
    return (
        f'{head} role="img" aria-labelledby="{names[0]} {names[1]}">'
        f'<title id="{names[0]}">{html.escape(title)}</title>'
        f'<desc id="{names[1]}">{words}.</desc>{body}'
    )
