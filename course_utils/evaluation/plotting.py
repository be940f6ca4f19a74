"""Figures of pictures, training and mistakes.

Each function draws on `ax`, or on a new figure, and returns the matplotlib
`Axes`, whose attribute `description` says in one sentence, computed from the
data, what the figure shows. None calls `show`. Colours are those of Okabe and
Ito (2008), which colour-blind readers tell apart, and nothing is told by
colour alone.
"""

import matplotlib.pyplot as plt
import numpy as np

from course_utils.machine.errors import CourseError

BLUE, ORANGE, VERMILLION, GREY = "#0072B2", "#E69F00", "#D55E00", "#888888"
# Letters for which there is room above a picture, and beside a matrix.
ABOVE, BESIDE = 16, 24


def plot_history(history, metric="loss", ax=None):
    """Draws a metric over the epochs, for training and for validation.

    Introduced in lesson 03 (``03_fine_tuning``); lesson 00 draws it by hand.

    Args:
        history: What `keras.Model.fit` returns, or a
            `course_utils.transfer.History`, whose phases are then marked.
        metric: Name of the metric, without `"val_"`.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description`.

    Raises:
        CourseError: If no epoch ended, or there is no such metric.
    """
    curves = {
        name: np.asarray(history.history[key], float)
        for name, key in [("training", metric), ("validation", f"val_{metric}")]
        if key in history.history
    }
    if not history.epoch or not curves:
        known = [k for k in history.history if not k.startswith("val_")]
        raise CourseError(
            f"There is no {metric!r} to draw: expected a history of one epoch "
            f"or more, and one of {', '.join(known) or 'its metrics'}."
        )
    ax = _axes(ax, (6, 3.2))
    epochs = np.array(history.epoch) + 1
    least_is_best = "loss" in metric or "error" in metric
    looks = {"training": (BLUE, "o-"), "validation": (VERMILLION, "s--")}
    told = []
    for name, values in curves.items():
        colour, line = looks[name]
        ax.plot(epochs, values, line, color=colour, label=name)
        told.append(f"{name} from {values[0]:.3g} to {values[-1]:.3g}")
    values = curves.get("validation", np.array([np.nan]))
    if np.isfinite(values).any():
        best = (np.nanargmin if least_is_best else np.nanargmax)(values)
        ax.plot(
            epochs[best],
            values[best],
            "*",
            color=ORANGE,
            markersize=14,
            markeredgecolor="black",
            label="best validation",
        )
        told[-1] += (
            f" ({'lowest' if least_is_best else 'highest'}, "
            f"{values[best]:.3g}, in epoch {epochs[best]})"
        )
    text = f"The figure shows the {metric} over {_count(len(epochs), 'epoch')}"
    text += f": {', '.join(told)}"
    phases = list(getattr(history, "phases", []))
    for at in range(1, len(phases)):
        if phases[at] != phases[at - 1]:
            ax.axvline(
                epochs[at] - 0.5, color=GREY, linestyle=":", label=phases[at]
            )
            text += f"; {phases[at]} begins with epoch {epochs[at]}"
    ax.set(xlabel="epoch", ylabel=metric)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return _described(ax, text)


def plot_images(
    images, labels=None, class_names=None, predictions=None, columns=6, ax=None
):
    """Draws pictures side by side, with their classes above.

    Introduced in lesson 02 (``02_feature_extraction``); lesson 00 draws them
    by hand.

    Args:
        images: Array `(pictures, height, width, channels)` or `(pictures,
            height, width)` with values from 0 to 255; one or three channels.
        labels: Index of the true class of each.
        class_names: Names of the classes. Defaults to their numbers.
        predictions: Index of the class that a model gave; a cross marks the
            wrong ones.
        columns: Pictures a row.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description`.

    Raises:
        CourseError: If the images have another shape, or if there is not one
            label (and prediction) for each.
    """
    images = np.asarray(images)
    if images.ndim == 3 and images.shape[-1] != 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
        raise CourseError(
            "Expected pictures of shape (pictures, height, width, 1 or 3), not "
            f"{images.shape}: pass a batch, for example images[:1] for one."
        )
    for name, given in [("label", labels), ("prediction", predictions)]:
        if given is not None and len(given) != len(images):
            raise CourseError(
                f"There are {len(images)} pictures and {len(given)} {name}s: "
                f"pass one {name} for each picture."
            )
    height = images.shape[1] / images.shape[2]
    pitch = height + (0.1 if labels is None else 0.3)
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    ax = _axes(ax, (1.3 * columns, 1.3 * rows * pitch + 0.2))
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
    text = f"The figure shows {_count(len(images), 'picture')}"
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
    return _described(ax, text)


def plot_learning_rates(found, ax=None):
    """Draws the loss at rising learning rates.

    Introduced in lesson 03 (``03_fine_tuning``).

    Args:
        found: What `course_utils.transfer.find_learning_rate` returns.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description`.
    """
    ax = _axes(ax, (6, 3.2))
    ax.plot(found.rates, found.losses, ".", color=GREY, label="one batch")
    ax.plot(found.rates, found.smoothed, "-", color=BLUE, label="average")
    ax.axvline(
        found.suggestion, color=VERMILLION, linestyle="--", label="suggestion"
    )
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    ax.legend()
    lowest = int(np.argmin(found.smoothed))
    return _described(
        ax,
        f"The figure shows the loss at {len(found.rates)} learning rates from "
        f"{found.rates[0]:.2g} to {found.rates[-1]:.2g}: its running average "
        f"is lowest, {found.smoothed[lowest]:.3g}, at "
        f"{found.rates[lowest]:.2g}, and a tenth of that, "
        f"{found.suggestion:.2g}, is suggested",
    )


def plot_trainable(report, ax=None):
    """Draws how many parameters of each block will train.

    Introduced in lesson 03 (``03_fine_tuning``).

    Args:
        report: What `course_utils.transfer.trainable_report` returns.
        ax: Matplotlib `Axes`. Defaults to those of a new figure.

    Returns:
        The `Axes`, with a `description`.
    """
    ax = _axes(ax, (6, 0.8 + 0.28 * len(report.rows)))
    places = np.arange(len(report.rows))
    training = np.array([row.training for row in report.rows])
    frozen = np.array([row.parameters for row in report.rows]) - training
    ax.barh(places, training, color=BLUE, hatch="//", label="will train")
    ax.barh(places, frozen, left=training, color="#CCCCCC", label="stays")
    ax.set_yticks(places, [row.name for row in report.rows])
    ax.invert_yaxis()
    ax.set_xlabel("parameters")
    ax.legend()
    blocks = int(np.count_nonzero(training))
    share = training.sum() / max((training + frozen).sum(), 1)
    return _described(
        ax,
        f"The figure shows the parameters of {len(report.rows)} blocks: "
        f"{training.sum():,} of {(training + frozen).sum():,} ({share:.1%}), "
        f"in {_count(blocks, 'block')}, will train",
    )


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
        CourseError: If the two differ in length, are empty, or hold a class
            without a name.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape or not len(labels):
        raise CourseError(
            f"Expected one label and one predicted class for each picture, not "
            f"shapes {labels.shape} and {predictions.shape}: take "
            "probabilities.argmax(axis=-1)."
        )
    highest = int(max(labels.max(), predictions.max()))
    if class_names is None:
        class_names = [str(number) for number in range(highest + 1)]
    size = len(class_names)
    if highest >= size or min(labels.min(), predictions.min()) < 0:
        raise CourseError(
            f"There are names for classes 0 to {size - 1}, and classes up to "
            f"{highest}: pass all class_names, and count classes from 0."
        )
    counts = np.zeros((size, size), int)
    np.add.at(counts, (labels, predictions), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = _axes(ax, (1.5 + 0.6 * size, 1.2 + 0.55 * size))
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
        f"The figure shows how {_count(len(labels), 'picture')} of {size} "
        f"classes were named: {right} rightly ({right / len(labels):.1%})"
    )
    if mistakes.any():
        text += (
            f"; most often mistaken, {_count(mistakes[true, taken], 'time')}, "
            f"was {class_names[true]} for {class_names[taken]}"
        )
    return _described(ax, text)


def _axes(ax, size):
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def _described(ax, sentence):
    ax.description = f"{sentence}."
    return ax


def _count(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _name(index, class_names):
    return str(index) if class_names is None else class_names[int(index)]


def _short(name, most):
    """Returns a name that has room: the middle of a long one is left out.

    Where the names of classes are long, it is mostly the end that differs.
    """
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
