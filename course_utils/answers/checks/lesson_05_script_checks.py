"""Check of lesson 05 that runs a learner's script in a fresh process."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from course_utils.answers.learner_values import brief
from course_utils.pictures.picture_arrays import read_picture

LONGEST_RUN = 40  # seconds; TensorFlow's interpreter loads slowly
_NEAR = 0.02  # a probability of two digits, prepared nearly as in training
_UPRIGHT, _LYING = 0x0112, 6  # the EXIF tag, and a quarter to be turned
_RUNNER = """\
import runpy, sys
sys.modules["keras"] = sys.modules["course_utils"] = None
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""


def judge_script(script: object, files: list, model_path: object) -> tuple:
    """Judge a script that names pictures by an exported model.

    It is run as a learner would run it, on copies of some pictures: some
    turned with a camera's note of it, some made wide.

    Args:
        script: The learner's program, as text or as the path of a file.
        files: Paths of pictures.
        model_path: Path of the saved Keras model, with `class_names.json` and
            `model.tflite` beside.
    """
    if isinstance(script, Path) and script.is_file():
        script = script.read_text("utf-8")
    if not isinstance(script, str) or len(script.split()) < 3:
        return "failed", (
            f"The answer should be a Python program as text, not "
            f"{brief(script)}."
        )
    with tempfile.TemporaryDirectory() as folder:
        copies = [
            _copy(file, Path(folder) / f"{number}.jpg", number)
            for number, file in enumerate(files)
        ]
        program = Path(folder) / "script.py"
        program.write_text(script, "utf-8")
        lines = _run(program, copies, Path(model_path).parent)
        if isinstance(lines, str):
            return "failed", lines
        if len(lines) != len(copies):
            return "failed", (
                f"It got {len(copies)} pictures and printed {len(lines)} "
                "lines: print one line per picture, and nothing else."
            )
        return _judge_lines(lines, copies, Path(model_path))


def _copy(file, path, number):
    """Writes a picture as cameras do: on its side, wide, grey or tinted."""
    with Image.open(file) as image:
        image = ImageOps.exif_transpose(image).convert("RGB")
    options = {}
    if number % 3 == 1:
        exif = Image.Exif()
        exif[_UPRIGHT] = _LYING
        image = image.transpose(Image.Transpose.ROTATE_90)
        options["exif"] = exif
    elif number % 3 == 2:
        width, height = image.size
        wide = Image.new("RGB", (width + height, height), "white")
        wide.paste(image, (height // 2, 0))
        image = wide
    elif number % 2:
        image = image.convert("L")
    else:  # So that the order of colours matters in grey pictures, too.
        bands = zip(image.split(), (1, 0.75, 0.5), strict=True)
        bands = [band.point(lambda v, k=k: round(v * k)) for band, k in bands]
        image = Image.merge("RGB", bands)
    image.save(path, quality=95, **options)
    return path


def _run(program, copies, folder):
    """Returns the lines that a script printed, or what went wrong."""
    command = [sys.executable, "-c", _RUNNER, str(program), *map(str, copies)]
    try:
        ran = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONUTF8": "1", "MPLBACKEND": "agg"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        return (
            f"It had not ended after {LONGEST_RUN} seconds: load the model "
            "once, not for each picture."
        )
    if not ran.returncode:
        printed = ran.stdout.decode("utf-8", "replace")
        return [line for line in printed.splitlines() if line.strip()]
    last = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    last = last[0][:200] if last else f"exit status {ran.returncode}"
    for name in ("keras", "course_utils"):
        if f"import of {name}" in last or f"'{name}'" in last:
            return (
                f"It needs {name}, which the machine that it is for does not "
                f"have ({last})."
            )
    return f"It stopped: {last}"


def _judge_lines(lines, copies, model_path):
    import keras

    import course_utils.backbones.pretrained  # noqa: F401 (the layers of the model)

    names = model_path.with_name("class_names.json")
    class_names = json.loads(names.read_text("utf-8"))
    given = []
    for line in lines:
        share, _, name = line.strip().partition(" ")
        try:
            given.append((float(share), name))
        except ValueError:
            return "failed", (
                f"It printed {line[:60]!r}: first the probability, then a "
                "space and the name of the class."
            )
        if name not in class_names:
            return "failed", (
                f"{name[:40]!r} is no class of this model: look the number of "
                "the highest output up in class_names.json."
            )
    model = keras.saving.load_model(model_path, compile=False)
    size = model.input_shape[1:3]

    def agrees(prepare, names=class_names):
        pictures = np.stack([prepare(path, size) for path in copies])
        shares = np.asarray(model(pictures, training=False))
        wanted = zip(shares.max(axis=1), shares.argmax(axis=1), strict=True)
        return [
            abs(share - told) <= _NEAR and names[number] == name
            for (share, number), (told, name) in zip(wanted, given, strict=True)
        ]

    right = agrees(read_picture)
    if all(right):
        return "passed", (
            f"All {len(copies)} pictures are named as by the model in Keras: "
            "upright, cut and on the right scale, without Keras."
        )
    for prepare, message in (
        (_lying, "It leaves pictures on their side: turn them by their EXIF."),
        (_stretched, "It stretches wide pictures: cut the middle out."),
        (_reversed, "It gives blue, green, red: the model takes RGB."),
    ):
        if all(agrees(prepare)):
            return "failed", message
    if all(agrees(read_picture, class_names[::-1])):
        return "failed", "The order of the classes is reversed."
    return "failed", (
        f"{len(right) - sum(right)} of {len(right)} pictures get another "
        "class or another probability than from the model in Keras: prepare "
        "them as in training, with values from 0 to 255."
    )


def _fitted(image, size):
    image = ImageOps.fit(image, size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(image, "float32")


def _lying(path, size):
    with Image.open(path) as image:
        return _fitted(image.convert("RGB"), size)


def _stretched(path, size):
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        image = image.resize(size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(image.convert("RGB"), "float32")


def _reversed(path, size):
    return read_picture(path, size)[..., ::-1]


JUDGES = {"yo-09": judge_script}
