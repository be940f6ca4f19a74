"""A trained model, saved with a report on it that opens in a browser."""

import contextlib
import dataclasses
import html
import os
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf

from course_utils.evaluation import classification_scores, training_plots
from course_utils.evaluation.intervals import wilson_interval
from course_utils.evaluation.model_report_page import draw_page
from course_utils.evaluation.model_report_saving import (
    MODEL,
    REPORT,
    check_free,
    save_files,
)
from course_utils.evaluation.predictions import ask_model
from course_utils.machine import arguments, array_arguments
from course_utils.machine.endless_data import bounded
from course_utils.machine.errors import CourseError

PARTS = ("train", "validation", "test")


def write_report(
    folder,
    model,
    data,
    history=None,
    *,
    title,
    intended_use="",
    limits="",
    compared_with=None,
    audit=None,
    overwrite=False,
    from_logits=None,
):
    """Saves a model, and a report on it as a page for a browser.

    Into `folder` go `model.keras`, the names of its classes in
    `class_names.json`, and `report.html`, a model card (Mitchell et al. 2019)
    in one file, which needs no network: intended use and limits, numbers of
    pictures, comparisons, recall and precision of each class with intervals,
    confusion, the worst mistakes with Grad-CAM, curves and versions. The
    model is loaded back before anything is put there, and must answer as it
    did.

    The report has up to 12 test pictures in it, with their file names: think
    of that before you pass it on. Introduced in lesson 05
    (``05_your_own_images``).

    Args:
        folder: Path of the folder; made if it is not there.
        model: A `keras.Model` from pictures to one number per class (or one
            number for two classes), probabilities or logits. Not changed.
        data: The `course_utils.pictures.Splits` that it was trained on. From
            `course_utils.pictures.split_folder`, the report has file names.
        history: What `keras.Model.fit` or `two_phase_fit` returned.
        title: What the model is called.
        intended_use: What it is for, in your words; without them the report
            says that nobody said it.
        limits: Where it should not be relied on, likewise.
        compared_with: Dict from names to other models for the same pictures,
            such as `{"the same network from scratch": scratch}`.
        audit: What `course_utils.pictures.audit_folder` returned.
        overwrite: Whether to replace an earlier report there, and its model.
        from_logits: Whether the model ends in logits, see
            `course_utils.evaluation.ask_model`.

    Returns:
        A `Report`, which a notebook shows as a link.

    Raises:
        CourseError: If there is a report already, if model and data do not
            fit, if nothing says what the model's outputs are, if the model
            cannot be loaded back or gives other answers then, or if the folder
            cannot be written. What was there before is there still.

    Reference:
        Mitchell et al. (2019), "Model Cards for Model Reporting",
        https://arxiv.org/abs/1810.03993
    """
    folder = arguments.path("folder", folder)
    overwrite = arguments.choice("overwrite", overwrite, (False, True))
    from_logits = arguments.choice(
        "from_logits", from_logits, (None, False, True)
    )
    check_free(folder, overwrite)
    compared_with = {} if compared_with is None else compared_with
    _check(data, history, compared_with, audit)
    answers = _ask(model, data, from_logits)
    labels, predictions = answers.labels, answers.predictions
    counts = _counts(data)
    commonest = int(counts["train"].to_numpy().argmax())
    others = {
        name: _ask(other, data).predictions
        for name, other in compared_with.items()
    }
    always = f"always saying {data.class_names[commonest]!r}"
    others[always] = np.full_like(labels, commonest)
    report = Report(
        folder / REPORT,
        folder / MODEL,
        classification_scores.class_table(
            labels, predictions, data.class_names
        ),
        {
            name: classification_scores.compare(labels, predictions, other)
            for name, other in others.items()
        },
    )
    page = draw_page(
        report,
        model,
        data,
        answers,
        counts,
        history,
        audit,
        title=str(title),
        intended_use=intended_use,
        limits=limits,
    )
    save_files(folder, model, data.class_names, page, answers.pictures[:8])
    return report


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Report:
    """What `write_report` has written and found.

    Attributes:
        path: Path of the report.
        model_path: Path of the saved model.
        table: Recall and precision by class, see
            `course_utils.evaluation.class_table`.
        comparisons: Dict from names of others to
            `course_utils.evaluation.Comparison`s.
    """

    path: Path
    model_path: Path
    table: pd.DataFrame
    comparisons: dict[str, classification_scores.Comparison]

    @property
    def accuracy(self) -> float:
        """Share of the test pictures that were named rightly."""
        return self.table["right"].sum() / self.table["pictures"].sum()

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the recalls of the classes that were tested."""
        return float(self.table["recall"].mean())

    def summary(self) -> str:
        """Says in a sentence how good the model is."""
        right, count = self.table["right"].sum(), self.table["pictures"].sum()
        low, high = wilson_interval(right, count)
        return (
            f"Of {count} test pictures, {right} were named rightly: "
            f"{self.accuracy:.1%} (interval {low:.1%} to {high:.1%}); the mean "
            f"over the classes is {self.balanced_accuracy:.1%}."
        )

    def told(self) -> list[str]:
        """Says of each comparison what it shows."""
        told = [c.sentence(name) for name, c in self.comparisons.items()]
        if len(told) == 1:
            told.append(
                "No other model was tested on the same pictures, so nothing "
                "here says that pretraining has helped."
            )
        return told

    def __repr__(self) -> str:
        """Show what was found and where it lies."""
        return "\n".join([self.summary(), *self.told(), f"Report: {self.path}"])

    def _repr_html_(self) -> str:
        """Show what was found, and a link."""
        told = "".join(f"<li>{html.escape(line)}</li>" for line in self.told())
        # JupyterLab opens links within its own folder only.
        path = self.path.absolute()
        with contextlib.suppress(ValueError):  # on another drive of Windows
            path = Path(os.path.relpath(path))
        link = urllib.parse.quote(path.as_posix())
        return (
            f"<p>{html.escape(self.summary())}</p><ul>{told}</ul>"
            f'<p><a href="{link}" target="_blank">Open the report</a> '
            f"({html.escape(str(self.path))})</p>"
        )


def _check(data, history, compared_with, audit):
    parts = [getattr(data, part, None) for part in ("train", "test")]
    whole = all(isinstance(part, tf.data.Dataset) for part in parts)
    if not whole or not isinstance(data.class_names, list):
        raise CourseError(
            "Expected data with one label per picture, and pictures to train "
            "and to test on: pass what split_folder returned, or load_dataset "
            'of a data set with one label, such as "near".'
        )
    if history is not None:
        training_plots.check_history(history)
    if not isinstance(compared_with, Mapping):
        raise CourseError(
            f"Expected other models by name, not {type(compared_with).__name__}"
            ': pass a dict such as {"the same network from scratch": scratch}.'
        )
    if audit is not None and not hasattr(audit, "findings"):
        raise CourseError(
            f"Expected an audit, not {type(audit).__name__}: pass what "
            "audit_folder returned, or None."
        )


def _ask(model, data, from_logits=None):
    answers = ask_model(model, data.test, from_logits)
    classes = answers.probabilities.shape[1]
    if classes != len(data.class_names):
        raise CourseError(
            f"The model tells {classes} classes apart, and the data have "
            f"{len(data.class_names)}: give the head one output per class, and "
            "pass the data that it was trained on."
        )
    images = next(iter(data.test))[0]
    array_arguments.check_scale(np.asarray(images))
    if images.shape[3:] not in ((), (1,), (3,)):
        raise CourseError(
            f"The pictures have {images.shape[3]} channels, and the report "
            "shows pictures of one or three: pass data like those, or look at "
            "the model by ask_model."
        )
    return answers


def _counts(data):
    """Returns the number of pictures, by class (rows) and part (columns)."""
    counts = {}
    for part in PARTS:
        if (batches := getattr(data, part, None)) is not None:
            # Sample weights may come third; a picture is a picture.
            read = bounded(batches, f"{part} pictures")
            labels = [labels for _, labels, *_ in read]
            counts[part] = np.zeros(len(data.class_names), int)
            if labels:
                counts[part] += np.bincount(
                    array_arguments.class_indices(
                        f"labels of {part}",
                        np.concatenate(labels),
                        len(data.class_names),
                    ),
                    minlength=len(data.class_names),
                )
    if not counts["train"].any():
        raise CourseError(
            "There are no pictures to train on in these data: look at how "
            "they were split."
        )
    return pd.DataFrame(counts, data.class_names)
