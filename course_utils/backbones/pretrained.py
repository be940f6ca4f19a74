"""Load backbones: pretrained networks that turn pictures into feature maps.

A backbone takes pictures with values from 0 to 255 and does its own
preprocessing in its first layer, so that it cannot be fed with wrongly scaled
pictures by accident. What it gives back is a feature map, as with
``keras.applications`` models under ``include_top=False``; a head comes on
top. Lesson 00 (``00_start_here``) introduces both.
"""

import difflib

from course_utils.backbones import architectures, imagenet
from course_utils.backbones.preprocessing import PictureScaling
from course_utils.machine import data_files
from course_utils.machine.errors import CourseError

_BUILDERS = {
    "residual": architectures.build_residual,
    "mobile": architectures.build_mobile,
    "vision_transformer": architectures.build_vision_transformer,
    "residual_narrow": architectures.build_residual,
}


def load_backbone(name, weights="embedded", input_shape=None):
    """Loads a backbone by name.

    Introduced in lesson 00 (``00_start_here``); lesson 01
    (``01_pretrained_models``) compares them.

    Args:
        name: String. The course's own are `"residual"` (the default choice of
            the lessons), `"mobile"`, `"vision_transformer"`, and
            `"residual_narrow"`, which has the architecture of `"residual"`
            and a narrow source task; see
            `course_utils.backbones.architectures`.
            `"mobilenet_v2"` has weights for `"imagenet"`.
        weights: `"embedded"` (the default) for the weights that come with the
            course, pretrained on generated pictures; `"imagenet"` for weights
            that `keras.applications` downloads once; `None` for random
            weights.
        input_shape: Tuple `(height, width, 3)` in pixels. Defaults to
            `(64, 64, 3)` for the course's own and to `(224, 224, 3)` for the
            others; `"vision_transformer"` with embedded weights takes no
            other.

    Returns:
        A `keras.Model` from pictures `(batch, height, width, 3)` with values
        from 0 to 255 to a feature map `(batch, rows, columns, channels)`,
        under its own name. All of its layers are trainable; freeze it with
        `base_model.trainable = False`. Values far outside 0..255 are an
        error, see `course_utils.backbones.PictureScaling`.

    Raises:
        CourseError: If `name` or `weights` is unknown or they do not go
            together, if the weights' file is missing or damaged, or if a
            download fails.
    """
    names = [*_BUILDERS, *imagenet.names()]
    if name not in names:
        raise CourseError(_unknown("backbone", name, names))
    choices = ["embedded", None] if name in _BUILDERS else ["imagenet"]
    if weights not in choices:
        raise CourseError(
            _unknown(f"weights for the backbone {name!r}", weights, choices)
        )
    if weights == "imagenet":
        scaling = PictureScaling(name="preprocessing")
        shape = (224, 224, 3) if input_shape is None else input_shape
        return imagenet.load(name, shape, scaling)
    shape = (64, 64, 3) if input_shape is None else _checked(input_shape)
    if (name, weights) == ("vision_transformer", "embedded"):
        if shape != (64, 64, 3):
            raise CourseError(
                f"The embedded weights of {name!r} know pictures of shape "
                f"(64, 64, 3) only, not {shape}: resize the pictures, or take "
                "another backbone."
            )
    base_model = _BUILDERS[name](shape, name)
    if weights == "embedded":
        base_model.load_weights(data_files.verified_file("backbones", name))
    return base_model


def _checked(shape):
    """Returns the shape as a tuple, if the course's backbones can take it."""
    try:
        height, width, channels = map(int, shape)
    except (TypeError, ValueError):
        height = width = channels = 0
    if min(height, width) < 32 or height % 16 or width % 16 or channels != 3:
        raise CourseError(
            f"The input shape {shape!r} is none that this backbone can take: "
            "give (height, width, 3), in multiples of 16 pixels from 32 on, "
            "such as (64, 64, 3)."
        )
    return height, width, channels


def _unknown(what, given, expected):
    """One sentence: what was given, what is expected, the nearest match."""
    choices = " or ".join(repr(choice) for choice in expected)
    names = [choice for choice in expected if isinstance(choice, str)]
    nearest = difflib.get_close_matches(str(given).lower(), names, n=1)
    ending = f"; did you mean {nearest[0]!r}?" if nearest else "."
    return f"Unknown {what} {given!r}: expected {choices}{ending}"
