"""Save a model in a way that it can be loaded back, or save nothing."""

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine import arguments, errors
from course_utils.machine.errors import CourseError, reason
from course_utils.machine.muted_stderr import stderr_held_back
from course_utils.transfer.freezing import check_is_layer

MODEL, CLASSES, REPORT = "model.keras", "class_names.json", "report.html"
FILES = (MODEL, CLASSES, REPORT)


def check_free(folder, overwrite):
    """Raises a `CourseError` where an earlier report would be replaced."""
    there = [name for name in FILES if os.path.exists(folder / name)]
    if there and not overwrite:
        raise CourseError(
            f"{folder} has {' and '.join(there)} already: name another folder, "
            "or pass overwrite=True to replace them."
        )


def save_files(folder, model, class_names, page, pictures):
    """Writes the model, the names of its classes and the report.

    They are put in place only when all three are written, and the model,
    loaded back, says of some pictures what it said before.

    Args:
        folder: Path of the folder; made if it is not there.
        model: The `keras.Model`.
        class_names: Names of its classes.
        page: The report, as HTML.
        pictures: Pictures to ask the model about.

    Raises:
        CourseError: If the folder cannot be written, or the model cannot be
            loaded back or says something else then.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as unfinished:
            unfinished = Path(unfinished)
            # Names of files may hold what is no text in any encoding.
            content = page.encode("utf-8", "backslashreplace")
            (unfinished / REPORT).write_bytes(content)
            names = json.dumps(class_names, indent=1, default=int)
            (unfinished / CLASSES).write_text(names, "utf-8")
            _save_model(model, unfinished / MODEL, pictures)
            for name in FILES:
                os.replace(unfinished / name, folder / name)
    except OSError as error:
        raise CourseError(
            f"The report could not be written to {folder} "
            f"({errors.os_reason(error)}): name a folder that you may write, "
            "on a disk with room."
        ) from error


def _save_model(model, path, pictures):
    images = pictures.astype("float32")
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
            f"({reason(error)}): use Keras's own layers, but no "
            "Lambda, or register yours with "
            "keras.saving.register_keras_serializable and give them "
            "get_config."
        ) from error
    if not same:
        raise CourseError(
            "The model gives other answers after it was saved and loaded "
            "back: a layer keeps something that is no weight; give it "
            "get_config, or make it a weight."
        )


@contextlib.contextmanager
def _quiet():
    """Keeps back what an exporter and a converter tell of their work."""
    logger, printed = tf.get_logger(), io.StringIO()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        with stderr_held_back(), contextlib.redirect_stdout(printed):
            yield
    finally:
        logger.setLevel(level)


def export_litert(model, path):
    """Exports a model to LiteRT: one file, for devices without Keras.

    It is what `model.export(path, format="litert")` writes in newer versions
    of Keras, in those as well that do not have this format, and without the
    converter's log. LiteRT was called TensorFlow Lite before. Introduced in
    lesson 05 (``05_your_own_images``).

    Args:
        model: A `keras.Model` with one input and one output. Not changed.
        path: Path of the file, whose name ends in `.tflite`. What is there is
            replaced.

    Returns:
        The path.

    Raises:
        CourseError: If `model` is no Keras model, if the name ends otherwise,
            if the folder cannot be written, or if the model has an operation
            that LiteRT lacks.

    Reference:
        https://ai.google.dev/edge/litert
    """
    check_is_layer(model, keras.Model)
    path = arguments.path("path", path)
    if path.suffix != ".tflite":
        raise CourseError(
            f"{path.name} does not end in .tflite, by which programs know "
            f"the format: name it {path.stem}.tflite, for example."
        )
    try:
        with tempfile.TemporaryDirectory() as folder, _quiet():
            model.export(folder, verbose=False)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            content = converter.convert()
    except Exception as error:
        # The converter names what it cannot do by many kinds of exception.
        raise CourseError(
            "The model cannot be exported to LiteRT "
            f"({reason(error)}): use layers of Keras, and leave out what only "
            "training needs."
        ) from error
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CourseError(
            f"{path} could not be written ({errors.os_reason(error)}): name a "
            "folder that is there and that you may write."
        ) from error
    return path
