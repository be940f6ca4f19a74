"""Backbones pretrained on ImageNet, from ``keras.applications``.

They come in the shape of the course's own backbones: pictures with values
from 0 to 255 go in, a feature map comes out, preprocessing is the first
layer. Their weights are downloaded on first use and kept in
``~/.keras/models``, as Keras does (or in ``models`` in the folder that the
environment variable ``KERAS_HOME`` names; where that cannot be written, Keras
takes ``/tmp/.keras/models``).
"""

import contextlib
import dataclasses
import http.client
import os
import socket
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import keras

from course_utils.backbones.preprocessing import PictureScaling
from course_utils.machine import arguments, errors
from course_utils.machine.errors import CourseError

# Seconds that a silent server is given; without it a download may hang for
# ever, since Keras sets no limit.
TIMEOUT_SECONDS = 30


@dataclasses.dataclass(frozen=True)
class _Source:
    """Where a backbone and its weights come from.

    `build` is the function of `keras.applications`; `url` the address that it
    downloads from with `weights="imagenet"`, where `{side}` stands for the
    side in pixels of the pictures that the weights were trained on, one of
    `sides`.
    """

    build: Callable
    url: str
    sides: tuple[int, ...]


# Weights are loaded from the file, not with weights="imagenet": so a failed
# download can be told from a broken file, and the file can be named. Before a
# row is added, look at whether its function builds another model for the one
# than for the other, as EfficientNetB0 does (tensorflow#62193).
_SOURCES = {
    "mobilenet_v2": _Source(
        keras.applications.MobileNetV2,
        "https://storage.googleapis.com/tensorflow/keras-applications/"
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_"
        "{side}_no_top.h5",
        (96, 128, 160, 192, 224),
    ),
}


def names() -> list[str]:
    """Return the names of the backbones that :func:`load` knows."""
    return list(_SOURCES)


def load(name, input_shape):
    """Loads a backbone that was pretrained on ImageNet.

    The weights are downloaded on first use (9 MB for `"mobilenet_v2"`), with
    a progress bar. Introduced in lesson 01 (`01_pretrained_models`), through
    `course_utils.backbones.load_backbone`.

    Args:
        name: String, one of `names()`: `"mobilenet_v2"`.
        input_shape: Tuple `(height, width, 3)` in pixels, at least 32.
            Weights trained on pictures of that size are taken where there are
            some (squares with a side of 96, 128, 160, 192 or 224), else those
            for 224.

    Returns:
        A functional `keras.Model` named `name`, with no model nested in it.
        Input: pictures of shape `(batch, height, width, 3)` with values from
        0 to 255. Output: a feature map of shape `(batch, ceil(height / 32),
        ceil(width / 32), 1280)`. All of its layers are trainable.

    Raises:
        CourseError: If the shape is none of these, if the weights cannot be
            downloaded or stored, or if the stored file is broken.

    Reference:
        Sandler et al. (2018), "MobileNetV2: Inverted Residuals and Linear
        Bottlenecks", https://arxiv.org/abs/1801.04381
    """
    source = _SOURCES[name]
    input_shape = arguments.input_shape(input_shape, (96, 96, 3))
    height, width, _ = input_shape
    fits = height == width and height in source.sides
    side = height if fits else max(source.sides)
    path = _download(name, source.url.format(side=side))
    inputs = keras.Input(shape=input_shape, name="image")
    model = source.build(
        # Given as a tensor, what comes before is part of the same model.
        input_tensor=PictureScaling(name="preprocessing")(inputs),
        input_shape=input_shape,
        include_top=False,
        weights=None,
        name=name,
    )
    try:
        model.load_weights(path)
    except Exception as error:
        # h5py and Keras meet broken files with many kinds of exception.
        raise CourseError(
            f"The weights of {name!r} could not be read from {path}: the file "
            f"is broken, or another program is still writing it ({error}); "
            f"delete it and run this again, or {_go_offline()}."
        ) from error
    # Keras has made a list of the one input, and would warn at each call.
    return keras.Model(inputs, model.output, name=name)


def _download(name, url):
    """Returns the path of the weights' file, downloaded where it is missing.

    Keras removes what it has written where a download fails or is
    interrupted, so nothing half done stays behind.
    """
    file_name = url.rsplit("/", 1)[1]
    try:
        _keras_home().mkdir(parents=True, exist_ok=True)
        with _timeout(TIMEOUT_SECONDS):
            path = keras.utils.get_file(
                file_name,
                url,
                cache_subdir="models",
                cache_dir=str(_keras_home()),
            )
    except (OSError, http.client.HTTPException) as error:
        number = getattr(error, "errno", None)
        if getattr(error, "filename", None) or number in errors.FULL:
            raise CourseError(_no_room(name, error)) from error
        problem = str(error) or type(error).__name__
        raise CourseError(_no_download(name, url, problem)) from error
    except Exception as error:
        # Keras turns most of what the network says into plain exceptions.
        if "URL fetch failure" not in str(error):
            raise
        problem = str(error).rpartition(f"{url}: ")[2]
        problem = problem.removeprefix("None -- ")
        raise CourseError(_no_download(name, url, problem)) from error
    return path


def _keras_home():
    chosen = os.environ.get("KERAS_HOME")
    return Path(chosen).expanduser() if chosen else Path.home() / ".keras"


@contextlib.contextmanager
def _timeout(seconds):
    before = socket.getdefaulttimeout()
    if before is None:
        socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _no_download(name, url, problem):
    host = urllib.parse.urlsplit(url).netloc
    return (
        f"The ImageNet weights of {name!r} could not be downloaded from "
        f"{host} ({problem}; the file is {url}): connect to the internet and "
        f"run this again, or {_go_offline()}."
    )


def _no_room(name, error):
    remedy = "make that folder writable"
    if error.errno in errors.FULL:
        remedy = "free some room there"
    return (
        f"The ImageNet weights of {name!r} could not be stored in "
        f"{error.filename or _keras_home() / 'models'}: "
        f"{errors.os_reason(error)}; {remedy}, "
        "or set the environment variable KERAS_HOME to another folder, or "
        f"{_go_offline()}."
    )


def _go_offline():
    return 'take a backbone of the course, such as load_backbone("residual")'
