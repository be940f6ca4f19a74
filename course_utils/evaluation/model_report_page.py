"""The page of a report: figures, tables and text, in one file of HTML."""

import base64
import datetime
import io
import platform
import warnings
from importlib import metadata

import jinja2
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from course_utils.evaluation import plotting, training_plots
from course_utils.evaluation.heat_maps import grad_cam, overlay
from course_utils.evaluation.model_report_saving import CLASSES, MODEL, REPORT
from course_utils.machine.errors import CourseError

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
picture = read_picture("new_picture.jpg", size={size}){grey}
outputs = model.predict(picture[np.newaxis])[0]
print(class_names[{index}])"""


def draw_page(report, model, data, answers, counts, history, audit, **stated):
    """Returns the page of a report as HTML.

    Args:
        report: A `course_utils.evaluation.Report`.
        model: The `keras.Model` that it is about.
        data: The `course_utils.pictures.Splits` that it was trained on.
        answers: Its `course_utils.evaluation.Predictions` for the test.
        counts: `pandas.DataFrame` of the number of pictures, one row per class
            and one column per part.
        history: That of the training, or None.
        audit: That of the folder, or None.
        **stated: `title`, `intended_use` and `limits`, as text.
    """
    curves, not_drawn = _curves(history)
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
        counts={"parts": counts.columns, "rows": _rows(counts)},
        findings=getattr(audit, "findings", ()),
        confusion=_chart(
            "Confusion matrix",
            plotting.plot_confusion,
            answers.labels,
            answers.predictions,
            data.class_names,
        ),
        training=" ".join([_training(history), *not_drawn]),
        curves=curves,
        facts=_facts(model, data, answers),
        example=_example(answers),
        **_mistakes(model, data, answers),
        **{name: _stated(text) for name, text in stated.items()},
    )


def _rows(counts):
    return [(row[0], row[1:]) for row in counts.itertuples()]


def _stated(text):
    """Returns what the learner wrote; dots stand for nothing written yet."""
    return "" if text is None or text is ... else str(text).strip()


def _training(history):
    if history is None or not history.epoch:
        return "How it was trained was not recorded."
    summary = getattr(history, "summary", lambda: "")()
    return summary or f"{len(history.epoch)} epochs ran."


def _curves(history):
    """Returns figures of the metrics, and sentences on those without one."""
    curves, not_drawn = [], []
    if history is None or not history.epoch:
        return curves, not_drawn
    for name in training_plots.metric_names(history):
        if name != "learning_rate":
            try:
                curves.append(
                    _chart(
                        f"Curves of the {name}",
                        training_plots.plot_history,
                        history,
                        name,
                    )
                )
            except CourseError as error:
                not_drawn.append(f"Not drawn: {error}")
    return curves, not_drawn


def _facts(model, data, answers):
    versions = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    versions = [f"Python {platform.python_version()}", *versions]
    facts = [
        ("input", f"pictures {answers.pictures.shape[1:]}, from 0 to 255"),
        ("parameters", f"{model.count_params():,}"),
        ("parts", ", ".join(layer.name for layer in model.layers)),
        ("made with", ", ".join(versions)),
        ("made on", datetime.date.today().isoformat()),
    ]
    specs = [getattr(data, part) for part in ("train", "test")]
    if any(len(one.element_spec) > 2 for one in specs):
        weights = "in the data; in this report each picture counts once"
        facts.append(("sample weights", weights))
    return facts


def _example(answers):
    index = "outputs.argmax()"
    if answers.outputs.shape[1] == 1:
        index = f"int(outputs[0] > {0 if answers.from_logits else 0.5})"
    shape = answers.pictures.shape
    grey = "[..., 0]" if len(shape) == 3 else "[..., :1]"
    return _EXAMPLE.format(
        grey="" if shape[-1] == 3 and len(shape) == 4 else grey,
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
    if files and len(files) != len(answers.labels):
        files = None  # Some were left out, and nothing says which.
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
            ax.figure.savefig(
                stream, dpi=120, facecolor="white", bbox_inches="tight"
            )
    finally:
        plt.close(ax.figure)
    return {
        "name": name,
        "source": _data_url(stream.getvalue()),
        "description": ax.description,
    }


def _embedded(picture):
    stream = io.BytesIO()
    if picture.shape[2:] == (1,):
        picture = picture[..., 0]
    Image.fromarray(picture).save(stream, "PNG")
    return _data_url(stream.getvalue())


def _data_url(content):
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _share(row, name):
    if np.isnan(row[name]):
        return "none"
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.0%} ({low:.0%} to {high:.0%})"
