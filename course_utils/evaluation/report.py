"""A trained model, saved with a report on it that opens in a browser."""

import base64
import contextlib
import dataclasses
import datetime
import html
import io
import os
import platform
import urllib.parse
import warnings
from importlib import metadata
from pathlib import Path

import jinja2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image

from course_utils.evaluation import classification_scores, plotting
from course_utils.evaluation.heat_maps import grad_cam, overlay
from course_utils.evaluation.intervals import wilson_interval
from course_utils.evaluation.model_saving import (
    CLASSES,
    MODEL,
    REPORT,
    check_free,
    save_files,
)
from course_utils.evaluation.predictions import ask_model
from course_utils.machine.errors import CourseError

PARTS = ("train", "validation", "test")
_PACKAGES = ("keras", "tensorflow", "numpy", "pillow")
_EXAMPLE = """\
import json

import keras
import numpy as np

import course_utils.backbones.pretrained  # the layers that the model is made of
from course_utils.pictures.picture_arrays import read_picture

model = keras.saving.load_model("{model}", compile=False)
with open("{classes}", encoding="utf-8") as file:
    class_names = json.load(file)
picture = read_picture("new_picture.jpg", size={size})
outputs = model.predict(picture[np.newaxis])[0]
print(class_names[{index}])"""


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
        model: A `keras.Model` from pictures to one number a class (or one
            number for two classes), probabilities or scores. Not changed.
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

    Returns:
        A `Report`, which a notebook shows as a link.

    Raises:
        CourseError: If there is a report already, if model and data do not
            fit, if the model cannot be loaded back or gives other answers
            then, or if the folder cannot be written. What was there before is
            there still.

    Reference:
        Mitchell et al. (2019), "Model Cards for Model Reporting",
        https://arxiv.org/abs/1810.03993
    """
    folder = Path(folder).expanduser()
    check_free(folder, overwrite)
    _check(data, history)
    answers = _ask(model, data)
    labels, predictions = answers.labels, answers.predictions
    counts = _counts(data)
    commonest = int(counts["train"].to_numpy().argmax())
    others = {
        name: _ask(other, data).predictions
        for name, other in (compared_with or {}).items()
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
    page = _page(
        report,
        title=str(title),
        intended_use=_stated(intended_use),
        limits=_stated(limits),
        counts={"parts": counts.columns, "rows": _rows(counts)},
        findings=getattr(audit, "findings", ()),
        confusion=_chart(
            "Confusion matrix",
            plotting.plot_confusion,
            labels,
            predictions,
            data.class_names,
        ),
        training=_training(history),
        curves=_curves(history),
        facts=_facts(model, answers),
        example=_example(answers),
        **_mistakes(model, data, answers),
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


def _check(data, history):
    missing = [p for p in ("train", "test") if getattr(data, p, None) is None]
    if missing or not isinstance(data.class_names, list):
        raise CourseError(
            "Expected data with one label a picture, and pictures to train and "
            "to test on: pass what split_folder or load_dataset returned."
        )
    if history is not None and not hasattr(history, "epoch"):
        raise CourseError(
            f"Expected a history, not {type(history).__name__}: pass what fit "
            "or two_phase_fit returned, or None."
        )


def _ask(model, data):
    answers = ask_model(model, data.test)
    classes = answers.probabilities.shape[1]
    if classes != len(data.class_names):
        raise CourseError(
            f"The model tells {classes} classes apart, and the data have "
            f"{len(data.class_names)}: give the head one output a class, and "
            "pass the data that it was trained on."
        )
    return answers


def _counts(data):
    """Returns the number of pictures, a row a class and a column a part."""
    counts = {}
    for part in PARTS:
        if (batches := getattr(data, part)) is not None:
            labels = np.concatenate([labels for _, labels in batches])
            counts[part] = np.bincount(labels, minlength=len(data.class_names))
    return pd.DataFrame(counts, data.class_names)


def _rows(counts):
    return [(row[0], row[1:]) for row in counts.itertuples()]


def _stated(text):
    """Returns what the learner wrote; dots stand for nothing written yet."""
    return "" if text in (None, ...) else str(text).strip()


def _training(history):
    if history is None or not history.epoch:
        return "How it was trained was not recorded."
    summary = getattr(history, "summary", lambda: "")()
    return summary or f"{len(history.epoch)} epochs ran."


def _curves(history):
    if history is None or not history.epoch:
        return []
    return [
        _chart(f"Curves of the {name}", plotting.plot_history, history, name)
        for name in history.history
        if not name.startswith("val_") and name != "learning_rate"
    ]


def _facts(model, answers):
    versions = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    versions = [f"Python {platform.python_version()}", *versions]
    return [
        ("input", f"pictures {answers.pictures.shape[1:]}, from 0 to 255"),
        ("parameters", f"{model.count_params():,}"),
        ("parts", ", ".join(layer.name for layer in model.layers)),
        ("made with", ", ".join(versions)),
        ("made on", datetime.date.today().isoformat()),
    ]


def _example(answers):
    index, outputs = "outputs.argmax()", answers.outputs
    if outputs.shape[1] == 1:
        probable = outputs.min() >= 0 and outputs.max() <= 1
        index = f"int(outputs[0] > {0.5 if probable else 0})"
    return _EXAMPLE.format(
        model=MODEL,
        classes=CLASSES,
        size=answers.pictures.shape[1:3],
        index=index,
    )


def _mistakes(model, data, answers):
    """Returns what the page says of the worst mistakes."""
    worst = answers.worst()
    if not len(worst):
        return {"mistakes": [], "heat_note": ""}
    files = _test_files(data)
    pictures, named = answers.pictures[worst], answers.predictions[worst]
    try:
        heat = grad_cam(model, pictures.astype("float32"), named)
        heat, note = overlay(pictures, heat), ""
    except CourseError as error:
        heat, note = None, f"There is no Grad-CAM: {error}"
    mistakes = [
        {
            "picture": _embedded(pictures[place]),
            "heat": None if heat is None else _embedded(heat[place]),
            "file": f"{files[number]}:" if files else "",
            "truly": data.class_names[answers.labels[number]],
            "named": data.class_names[named[place]],
            "share": f"{answers.probabilities[number].max():.0%}",
        }
        for place, number in enumerate(worst)
    ]
    return {"mistakes": mistakes, "heat_note": note}


def _test_files(data):
    table = getattr(data, "table", None)
    if table is None:
        return None
    return table["file"][table["split"] == "test"].to_list()


def _chart(name, plot, *arguments):
    """Draws a figure, and returns it with its description for the page."""
    ax = plot(*arguments)
    try:
        stream = io.BytesIO()
        with warnings.catch_warnings():
            # A name in a script that the font does not have; the tables do.
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            ax.figure.savefig(stream, dpi=120, facecolor="white")
    finally:
        plt.close(ax.figure)
    return {
        "name": name,
        "source": _data_url(stream.getvalue()),
        "description": ax.description,
    }


def _embedded(picture):
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return _data_url(stream.getvalue())


def _data_url(content):
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _page(report, **parts):
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("course_utils.evaluation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(REPORT).render(
        headline=report.summary(),
        comparisons=report.told(),
        classes=[
            {
                "name": row["class"],
                "pictures": row["pictures"],
                "recall": _share(row, "recall"),
                "named": row["named"],
                "precision": _share(row, "precision"),
            }
            for row in report.table.to_dict("records")
        ],
        **parts,
    )


def _share(row, name):
    if np.isnan(row[name]):
        return "none"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.0%} ({low:.0%} to {high:.0%})"
