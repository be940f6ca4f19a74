"""Alternative text: what a screen reader says where a figure stands.

JupyterLab 4.6 takes no alternative text from an image's metadata, so figures
are shown as HTML, whose `alt` attribute every front end keeps.
"""

import base64
import html
import io
import sys

import numpy as np

from course_utils.machine import quick_runs

# More names and numbers than these help nobody who listens.
MOST = 12


def tell_figures() -> None:
    """Give every matplotlib figure of this notebook an alternative text.

    Does nothing outside a notebook. The saved notebook keeps the PNG, too.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is None:
        return
    display = shell.display_formatter

    def show(figure):
        formatter = display.formatters["image/png"]
        try:
            draw = formatter.lookup(figure)
        except KeyError:  # the learner prefers another format
            return {}, {}
        draw = getattr(draw, "draw", draw)
        drawn = draw(figure)

        def drawn_already(asked):
            formatter.for_type(type(figure), draw)
            return drawn if asked is figure else draw(asked)

        # IPython asks for the PNG next: do not draw it twice.
        drawn_already.draw = draw
        formatter.for_type(type(figure), drawn_already)
        # With `figure_format = "retina"` it comes with its width.
        data, metadata = drawn if isinstance(drawn, tuple) else (drawn, {})
        try:
            text = describe(figure)
        except Exception:
            if quick_runs.is_on():  # in the tests of the lessons
                raise
            text = "A figure that the course cannot put in words."
        return {"text/html": as_html(data, text, metadata.get("width"))}, {}

    # Matplotlib removes what is registered for a single format.
    display.mimebundle_formatter.for_type_by_name(
        "matplotlib.figure", "Figure", show
    )


def as_html(png: bytes | str, text: str, width: int | None = None) -> str:
    """Return HTML that shows a picture, and has a text in its place.

    Args:
        png: The picture, as bytes or in base 64.
        text: The alternative text.
        width: In pixels. Defaults to the picture's own.
    """
    if isinstance(png, bytes):
        png = base64.b64encode(png).decode()
    size = f' width="{width}"' if width else ""
    return (
        f'<img alt="{html.escape(text)}"{size} '
        f'src="data:image/png;base64,{png.strip()}">'
    )


def as_png(figure) -> str:
    """Draw a figure as PNG in base 64, with whatever lies beyond its edges.

    Args:
        figure: A matplotlib `Figure`.
    """
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=80, bbox_inches="tight")
    return base64.b64encode(data.getvalue()).decode()


def describe(figure) -> str:
    """Say what a matplotlib figure shows.

    The `description` of its `Axes`, where `course_utils.evaluation.plotting`
    has drawn them; else their titles, labels, and the numbers of their lines
    and bars.

    Args:
        figure: A matplotlib `Figure`.

    Returns:
        One paragraph.
    """
    told = [figure.get_suptitle()]
    pictures = []
    for ax in figure.axes:
        if not ax.get_visible() or hasattr(ax, "_colorbar"):
            continue
        if not (ax.has_data() or ax.texts or ax.get_title()):
            continue
        if hasattr(ax, "description"):
            told.append(ax.description)
        elif _is_picture(ax):
            names = ax.get_title(), ax.get_ylabel(), ax.get_xlabel()
            pictures.append(_one_line(" ".join(names)))
        else:
            told.append(_describe_axes(ax))
    if pictures:
        names = [name for name in dict.fromkeys(pictures) if name]
        text = f"{len(pictures)} picture{'s' if len(pictures) > 1 else ''}"
        told.insert(1, f"{text}: {_join(names)}" if names else text)
    told = [_one_line(sentence).rstrip(".") for sentence in told if sentence]
    return " ".join(f"{sentence}." for sentence in told) or "An empty figure."


def _is_picture(ax):
    return bool(ax.images) and not (ax.lines or ax.texts)


def _describe_axes(ax):
    axes = [_one_line(ax.get_ylabel()), _one_line(ax.get_xlabel())]
    head = " over ".join(name for name in axes if name)
    title = _one_line(ax.get_title())
    head = ": ".join(part for part in (title, head) if part) or "A panel"
    parts = [_image(image, ax) for image in ax.images]
    named = {  # an error bar's name is that of the whole, not of its line
        container.lines[0]: container.get_label()
        for container in ax.containers
        if getattr(container, "lines", None) and container.lines[0]
    }
    parts += _lines(
        [(line, named.get(line, line.get_label())) for line in ax.lines]
    )
    parts += [_bars(c, ax) for c in ax.containers if hasattr(c, "patches")]
    parts += [_steps(patch) for patch in ax.patches if _is_steps(patch)]
    parts += [_points(found) for found in ax.collections if _points(found)]
    return f"{head}; {_join(parts, '; ')}" if parts else head


def _image(image, ax):
    rows, columns = image.get_array().shape[:2]
    if ax.texts:
        return _table(ax)
    return f"a picture of {rows} by {columns} pixels"


def _table(ax):
    """The values that stand in the cells of a picture, row by row."""
    cells = {}
    for text in ax.texts:
        column, row = np.rint(text.get_position()).astype(int)
        cells.setdefault(row, {})[column] = _one_line(text.get_text())
    rows, columns = _tick_names(ax.yaxis), _tick_names(ax.xaxis)
    told = [
        f"{rows.get(row, f'row {row + 1}')}: "
        + _join([value for _, value in sorted(values.items())])
        for row, values in sorted(cells.items())
    ]
    used = sorted({column for row in cells.values() for column in row})
    names = [columns[at] for at in used if columns.get(at)]
    head = f"columns {_join(names)}" if names else "a table"
    return _join([head, *told], "; ")


def _tick_names(axis):
    """The names along an axis, by the whole number where they stand."""
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
    return {
        round(float(at)): _one_line(label.get_text())
        for at, label in ticks
        if abs(at - round(at)) < 1e-6
    }


def _lines(labelled):
    """What the lines of a panel show; those without names together."""
    parts, unnamed = [], []
    for line, label in labelled:
        # One in other coordinates leads the eye: a grid line, a limit.
        if line.get_transform() == line.axes.transData:
            nameless = str(label).startswith("_")
            (unnamed if nameless else parts).append((line, label))
    told = [_line(line, _one_line(label)) for line, label in parts]
    if len(unnamed) == 1:
        told.append(_line(unnamed[0][0], "a line"))
    elif unnamed:
        values = np.concatenate([_heights(line) for line, _ in unnamed])
        told.append(f"{len(unnamed)} lines without names{_range(values)}")
    return told


def _range(values):
    """The least and the greatest of some values, in words."""
    if not len(values):
        return " and without values"
    return f" between {np.min(values):.3g} and {np.max(values):.3g}"


def _heights(line):
    # Names along the vertical axis: then the values lie along the other.
    lying = any(isinstance(value, str) for value in line.get_ydata(True))
    heights = line.get_xdata(False) if lying else line.get_ydata(False)
    heights = np.ma.filled(np.ma.asarray(heights, float), np.nan)
    return heights[np.isfinite(heights)]


def _line(line, name):
    heights = _heights(line)
    if not len(heights):
        return f"{name} without values"
    if np.ptp(heights) == 0:
        return f"{name} at {heights[0]:.3g}"
    if len(heights) <= MOST // 2:
        return f"{name}: {_join([f'{height:.3g}' for height in heights])}"
    if line.get_linestyle() == "None":
        return f"{name}, {len(heights)} points{_range(heights)}"
    return f"{name} from {heights[0]:.3g} to {heights[-1]:.3g}"


def _bars(container, ax):
    left = [patch.get_x() for patch in container.patches]
    right = [patch.get_x() + patch.get_width() for patch in container.patches]
    if len(left) > 2 and np.allclose(left[1:], right[:-1]):  # a histogram
        heights = [patch.get_height() for patch in container.patches]
        # It has named its first bar.
        name = container.patches[0].get_label()
        return _histogram(name, [*left, right[-1]], heights)
    lying = getattr(container, "orientation", "vertical") == "horizontal"
    axis = ax.yaxis if lying else ax.xaxis
    ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
    names = {round(float(at), 3): _one_line(t.get_text()) for at, t in ticks}
    bars = []
    for patch in container.patches:
        size = patch.get_width() if lying else patch.get_height()
        name = names.get(round(float(patch.get_center()[int(lying)]), 3), "")
        bars.append(f"{name} {size:.3g}".strip())
    label = container.get_label()
    head = "bars" if str(label).startswith("_") else f"bars, {_one_line(label)}"
    return f"{head}: {_join(bars)}"


def _is_steps(patch):
    """Whether it is the outline of a histogram."""
    from matplotlib.patches import Polygon

    return isinstance(patch, Polygon) and not patch.get_closed()


def _steps(outline):
    x, y = outline.get_xy().T
    return _histogram(outline.get_label(), x[::2], y[1:-1:2])


def _histogram(label, edges, counts):
    """Where the values lie."""
    under = np.cumsum(counts)
    half = np.interp(under[-1] / 2, [0, *under], edges)
    if not label or label.startswith("_"):
        label = "a histogram"
    return (
        f"{_one_line(label)}, {under[-1]:g} in all from {edges[0]:.3g} to "
        f"{edges[-1]:.3g}, half of them below {half:.3g}"
    )


def _points(collection):
    from matplotlib.collections import PathCollection

    if not isinstance(collection, PathCollection):
        return ""
    heights = np.asarray(collection.get_offsets())[:, 1]
    count = len(heights)
    told = f"{count} point{'' if count == 1 else 's'}"
    told += _range(heights[np.isfinite(heights)])
    label = str(collection.get_label())
    return told if label.startswith("_") else f"{_one_line(label)}, {told}"


def _join(parts, between=", "):
    more = len(parts) - MOST
    kept = parts if more <= 0 else [*parts[:MOST], f"and {more} more"]
    return between.join(kept)


def _one_line(text):
    return " ".join(str(text).split())
