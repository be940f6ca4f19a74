"""A trained model, saved with a report on it that opens in a browser."""

import base64
import dataclasses
import html
import io
import json
import os
import platform
import tempfile
import warnings
from importlib import metadata
from pathlib import Path

import jinja2
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tensorflow as tf
from PIL import Image
from tqdm.auto import tqdm

from course_utils import plotting, scores
from course_utils.errors import CourseError
from course_utils.explain import grad_cam, overlay

MODEL, CLASSES, REPORT = "model.keras", "class_names.json", "report.html"
PARTS = ("train", "validation", "test")
MISTAKES = 12
_PACKAGES = ("keras", "tensorflow", "numpy", "pillow")
_EXAMPLE = """\
import json

import keras
import numpy as np

import course_utils.backbones  # the layers that the model is made of
from course_utils.pictures import read_picture

model = keras.saving.load_model("{model}")
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
        data: The `course_utils.datasets.Splits` that it was trained on. From
            `course_utils.folders.split_folder`, the report has file names.
        history: What `keras.Model.fit` or `two_phase_fit` returned.
        title: What the model is called.
        intended_use: What it is for, in your words; without them the report
            says that nobody said it.
        limits: Where it should not be relied on, likewise.
        compared_with: Dict from names to other models for the same pictures,
            such as `{"the same network from scratch": scratch}`.
        audit: What `course_utils.folders.audit_folder` returned.
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
    there = [n for n in (MODEL, CLASSES, REPORT) if (folder / n).exists()]
    if there and not overwrite:
        raise CourseError(
            f"{folder} has {' and '.join(there)} already: name another folder, "
            "or pass overwrite=True to replace them."
        )
    _check_data(data)
    tested = _test(model, data)
    others = {
        name: scores.compare(
            tested.labels, tested.predictions, _test(other, data).predictions
        )
        for name, other in (compared_with or {}).items()
    }
    counts = _counts(data)
    commonest = int(counts["train"].to_numpy().argmax())
    always = f"always saying {data.class_names[commonest]!r}"
    guesses = np.full_like(tested.labels, commonest)
    others[always] = scores.compare(tested.labels, tested.predictions, guesses)
    table = scores.class_table(
        tested.labels, tested.predictions, data.class_names
    )
    report = Report(folder / REPORT, folder / MODEL, table, others)
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
            tested.labels,
            tested.predictions,
            data.class_names,
        ),
        training=_training(history),
        curves=_curves(history),
        facts=_facts(model),
        example=_example(model),
        **_mistakes(model, data, tested),
    )
    _save(folder, model, data.class_names, page, tested)
    return report


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Report:
    """What `write_report` has written and found.

    Attributes:
        path: Path of the report.
        model_path: Path of the saved model.
        table: Recall and precision by class, see
            `course_utils.scores.class_table`.
        comparisons: Dict from names of others to
            `course_utils.scores.Comparison`s.
    """

    path: Path
    model_path: Path
    table: pd.DataFrame
    comparisons: dict[str, scores.Comparison]

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
        low, high = scores.wilson_interval(right, count)
        return (
            f"Of {count} test pictures, {right} were named rightly: "
            f"{self.accuracy:.1%} (interval {low:.1%} to {high:.1%}); the mean "
            f"over the classes is {self.balanced_accuracy:.1%}."
        )

    def __repr__(self) -> str:
        """Show what was found and where it lies."""
        told = [c.sentence(name) for name, c in self.comparisons.items()]
        return "\n".join([self.summary(), *told, f"Report: {self.path}"])

    def _repr_html_(self) -> str:
        """Show what was found, and a link."""
        told = "".join(
            f"<li>{html.escape(comparison.sentence(name))}</li>"
            for name, comparison in self.comparisons.items()
        )
        # JupyterLab opens links below its own folder only.
        near = os.path.relpath(self.path).replace(os.sep, "/")
        return (
            f"<p>{html.escape(self.summary())}</p><ul>{told}</ul>"
            f'<p><a href="{html.escape(near)}" target="_blank">Open the '
            f"report</a> ({html.escape(str(self.path))})</p>"
        )


@dataclasses.dataclass(frozen=True)
class _Tested:
    """The test pictures, and what a model said of them."""

    pictures: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def predictions(self):
        return self.probabilities.argmax(axis=1)


def _check_data(data):
    names = getattr(data, "class_names", None)
    if not isinstance(names, list) or None in (data.train, data.test):
        raise CourseError(
            "Expected data with one label a picture and pictures to train and "
            "to test on: pass what split_folder or load_dataset returned."
        )


def _test(model, data):
    pictures, labels, outputs = [], [], []
    for images, batch_labels in tqdm(
        data.test, "Testing", unit="batch", delay=2
    ):
        try:
            outputs.append(model.predict_on_batch(images))
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            raise CourseError(
                f"The model does not take the test pictures, of shape "
                f"{images.shape} ({str(error).splitlines()[0]}): pass the data "
                "that it was trained on."
            ) from error
        pictures.append(np.rint(images).astype("uint8"))
        labels.append(batch_labels)
    if not labels:
        raise CourseError(
            "There are no test pictures: look at how the data were split."
        )
    return _Tested(
        np.concatenate(pictures),
        np.concatenate(labels),
        _probabilities(np.concatenate(outputs), len(data.class_names)),
    )


def _probabilities(outputs, count):
    """Returns a row a picture, whether the model gave scores or not."""
    if outputs.ndim != 2 or max(outputs.shape[1], 2) != count:
        raise CourseError(
            f"The model gives outputs of shape {outputs.shape[1:]}, and the "
            f"data have {count} classes: give the head one output a class."
        )
    within = ((outputs >= 0) & (outputs <= 1)).all()
    if outputs.shape[1] == 1:
        second = outputs if within else 1 / (1 + np.exp(-outputs))
        return np.concatenate([1 - second, second], axis=1)
    if within and np.allclose(outputs.sum(axis=1), 1, atol=1e-3):
        return outputs
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


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


def _facts(model):
    packages = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    return [
        ("input", f"pictures {model.input_shape[1:]}, from 0 to 255"),
        ("parameters", f"{model.count_params():,}"),
        ("parts", ", ".join(layer.name for layer in model.layers)),
        (
            "made with",
            ", ".join([f"Python {platform.python_version()}"] + packages),
        ),
    ]


def _example(model):
    one = model.output_shape[-1] == 1
    return _EXAMPLE.format(
        model=MODEL,
        classes=CLASSES,
        size=tuple(model.input_shape[1:3]),
        index="int(outputs[0] > 0.5)" if one else "outputs.argmax()",
    )


def _mistakes(model, data, tested):
    """Returns what the page says of the worst mistakes."""
    wrong = np.flatnonzero(tested.predictions != tested.labels)
    rows = np.arange(len(tested.labels))
    true_share = tested.probabilities[rows, tested.labels]
    worst = wrong[np.argsort(true_share[wrong], kind="stable")][:MISTAKES]
    if not len(worst):
        return {"mistakes": [], "heat_note": ""}
    files = _test_files(data)
    pictures, named = tested.pictures[worst], tested.predictions[worst]
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
            "truly": data.class_names[tested.labels[number]],
            "named": data.class_names[named[place]],
            "share": f"{tested.probabilities[number].max():.0%}",
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
        loader=jinja2.PackageLoader("course_utils"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template(REPORT).render(
        headline=report.summary(),
        comparisons=[c.sentence(n) for n, c in report.comparisons.items()],
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


def _save(folder, model, class_names, page, tested):
    """Writes the three files; in place only when all are there and right."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as unfinished:
            unfinished = Path(unfinished)
            (unfinished / REPORT).write_text(page, "utf-8")
            names = json.dumps(class_names, ensure_ascii=False, indent=1)
            (unfinished / CLASSES).write_text(names, "utf-8")
            _save_model(model, unfinished / MODEL, tested)
            for name in (MODEL, CLASSES, REPORT):
                os.replace(unfinished / name, folder / name)
    except OSError as error:
        raise CourseError(
            f"The report could not be written to {folder} "
            f"({error.strerror or error}): name a folder that you may write, "
            "on a disk with room."
        ) from error


def _save_model(model, path, tested):
    images = tested.pictures[:8].astype("float32")
    try:
        model.save(path)
        loaded = keras.saving.load_model(path, compile=False)
        same = np.allclose(
            model.predict_on_batch(images),
            loaded.predict_on_batch(images),
            rtol=1e-3,
            atol=1e-4,
        )
    except OSError:
        raise
    except Exception as error:
        # Keras meets layers that it cannot save with many kinds of exception.
        raise CourseError(
            "The model cannot be saved and loaded back "
            f"({str(error).splitlines()[0]}): use Keras's own layers, or "
            "register yours with keras.saving.register_keras_serializable and "
            "give them get_config."
        ) from error
    if not same:
        raise CourseError(
            "The model gives other answers after it was saved and loaded "
            "back: a layer keeps something that is no weight; give it "
            "get_config, or make it a weight."
        )
