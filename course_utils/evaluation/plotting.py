"""Figures of pictures and of mistakes, and what all figures have.

Each function draws on `ax`, or on a new figure, and returns the matplotlib
`Axes`, whose attribute `description` says in one sentence, computed from the
data, what the figure shows. None calls `show`. Colours are those of Okabe and
Ito (2008), which colour-blind readers tell apart, and nothing is told by
colour alone.
"""

import matplotlib.axes
import matplotlib.pyplot as plt
import numpy as np

from course_utils.evaluation.classification_scores import checked_pair
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError

BLUE, ORANGE, VERMILLION, GREY = "#0072B2", "#E69F00", "#D55E00", "#888888"
MOST_CLASSES = 1000  # more of them make no matrix that can be seen
# Letters for which there is room above a picture, and beside a matrix.
ABOVE, BESIDE = 16, 24


def plot_images(
    images, labels=None, class_names=None, predictions=None, columns=6, ax=None
):
    """Draws pictures side by side, with their classes above.

    Introduced in lesson 00 (``00_start_here``).

    Args:
        images: Array `(pictures, height, width, channels)` or `(pictures,
            height, width)` with values from 0 to 255; one or three channels.
        labels: Index of the true class of each.
        class_names: Names of the classes. Defaults to their numbers.
        predictions: Index of the class that a model gave; a cross marks the
            wrong ones.
        columns: Pictures per row.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description`.

    Raises:
        CourseError: If the images have another shape or scale, if there is
            not one label (and prediction) for each, or if a class has no name.
    """
    if class_names is not None:
        class_names = arguments.class_names(class_names)
    images = array_arguments.real_array(
        "pictures", images, "load_dataset(name) gives", "float32"
    )
    columns = arguments.whole_number("columns", columns, 6)
    if images.ndim == 3 and images.shape[-1] != 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise CourseError(
            "Expected pictures of shape (pictures, height, width, 1 or 3), not "
            f"{images.shape}: pass a batch, for example images[:1] for one."
        )
    array_arguments.check_scale(images)
    if labels is None and predictions is not None:
        raise CourseError(
            "There are predictions without labels, so none is right or wrong: "
            "give labels, too, or pass the predictions as labels."
        )
    labels = _one_each("label", labels, class_names, len(images))
    predictions = _one_each("prediction", predictions, class_names, len(images))
    height = images.shape[1] / images.shape[2]
    pitch = height + (0.1 if labels is None else 0.3)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    ax = new_axes(ax, (1.3 * columns, 1.3 * rows * pitch + 0.2))
    pictures = np.clip(images, 0, 255).astype("uint8")
    for number, picture in enumerate(pictures):
        left, top = number % columns, number // columns * pitch
        extent = (left, left + 0.94, top + 0.94 * height, top)
        if picture.shape[-1] == 1:
            ax.imshow(picture[..., 0], "gray", vmin=0, vmax=255, extent=extent)
        else:
            ax.imshow(picture, extent=extent)
        if labels is not None:
            ax.text(
                left + 0.47,
                top - 0.03,
                *_caption(number, labels, predictions, class_names),
                ha="center",
                va="bottom",
                fontsize="small",
                parse_math=False,
            )
    ax.set(
        xlim=(-0.03, columns),
        ylim=((rows - 1) * pitch + height, height - pitch),
        aspect=1,
    )
    ax.axis("off")
    text = f"The figure shows {counted(len(images), 'picture')}"
    if labels is not None:
        classes, counts = np.unique(np.asarray(labels), return_counts=True)
        told = [
            f"{count} of {_name(one, class_names)}"
            for one, count in zip(classes, counts, strict=True)
        ]
        text += f": {', '.join(told)}"
        if predictions is not None:
            right = int(np.sum(np.asarray(labels) == np.asarray(predictions)))
            text += f"; {right} named rightly, {len(images) - right} wrongly"
    return described(ax, text)


def plot_confusion(labels, predictions, class_names=None, ax=None):
    """Draws which class was taken for which.

    Introduced in lesson 05 (``05_your_own_images``); lesson 00 draws it by
    hand.

    Args:
        labels: Index of the true class of each picture, shape `(pictures,)`.
        predictions: Index of the class that a model gave, the same shape.
        class_names: Names of the classes. Defaults to their numbers, up to
            the highest that occurs.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description`. A cell's shade is its share of the
        true class, its number the count.

    Raises:
        CourseError: If the two differ in length, are empty, are no indices of
            classes (but probabilities, for example), or hold a class without
            a name.
    """
    known = MOST_CLASSES
    if class_names is not None:
        class_names = arguments.class_names(class_names)
        known = len(class_names)
    labels, predictions = checked_pair(labels, predictions, known)
    if class_names is None:
        highest = max(labels.max(), predictions.max())
        class_names = [str(number) for number in range(highest + 1)]
    size = len(class_names)
    counts = np.zeros((size, size), int)
    np.add.at(counts, (labels, predictions), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = new_axes(ax, (1.5 + 0.6 * size, 1.2 + 0.55 * size))
    ax.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for row, column in np.ndindex(size, size):
        ax.text(
            column,
            row,
            counts[row, column],
            ha="center",
            va="center",
            color="black" if shares[row, column] > 0.5 else "white",
        )
    # A dollar sign in a name is no formula.
    plain = {"parse_math": False}
    shown = [_short(str(name), BESIDE) for name in class_names]
    ax.set_xticks(range(size), shown, rotation=45, ha="right", **plain)
    ax.set_yticks(range(size), shown, **plain)
    ax.set(xlabel="predicted class", ylabel="true class")
    right = int(np.trace(counts))
    mistakes = counts - np.diag(np.diag(counts))
    true, taken = np.unravel_index(mistakes.argmax(), mistakes.shape)
    text = (
        f"The figure shows how {counted(len(labels), 'picture')} of {size} "
        f"classes were named: {right} rightly ({right / len(labels):.1%})"
    )
    if mistakes.any():
        text += (
            f"; most often mistaken, {counted(mistakes[true, taken], 'time')}, "
            f"was {class_names[true]} for {class_names[taken]}"
        )
    return described(ax, text)


def new_axes(ax, size):
    """Returns the given axes, or those of a new figure."""
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    if not isinstance(ax, matplotlib.axes.Axes):
        raise CourseError(
            f"ax is of type {type(ax).__name__}, and one matplotlib Axes was "
            "expected: of several take one, as axes[0], or leave it out."
        )
    return ax


def described(ax, sentence):
    """Returns the axes, with a description."""
    ax.description = f"{sentence}."
    return ax


def counted(number, thing):
    """Returns a number and its thing, in the plural if need be."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _one_each(name, given, class_names, count):
    """Returns labels or predictions as an array, if there is one a picture."""
    if given is None:
        return None
    given = array_arguments.any_array(f"{name}s", given)
    if given.shape != (count,):
        raise CourseError(
            f"There are {count} pictures and {name}s of shape {given.shape}: "
            f"pass one {name} for each picture."
        )
    if class_names is not None or given.dtype.kind in "fc":
        known = class_names and len(class_names)
        given = array_arguments.class_indices(f"{name}s", given, known)
    return given


def _name(index, class_names):
    return str(index) if class_names is None else str(class_names[index])


def _short(name, most):
    """Returns a name that has room: the middle of a long one is left out.

    Where the names of classes are long, it is mostly the end that differs.
    """
    # Of a file's name no font has bytes that are no text.
    name = name.encode("utf-8", "replace").decode()
    if len(name) <= most:
        return name
    return f"{name[: most // 2]}\N{HORIZONTAL ELLIPSIS}{name[1 - most // 2 :]}"


def _caption(number, labels, predictions, class_names):
    """Returns one string in a tuple: what stands above a picture."""
    caption = _short(_name(labels[number], class_names), ABOVE)
    if predictions is not None:
        right = labels[number] == predictions[number]
        sign = "\N{CHECK MARK}" if right else "\N{MULTIPLICATION SIGN}"
        name = _short(_name(predictions[number], class_names), ABOVE)
        caption += f"\n{sign} {name}"
    return (caption,)
