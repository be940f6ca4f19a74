"""Load backbones: pretrained networks that turn pictures into feature maps.

A backbone takes pictures with values from 0 to 255 and does its own
preprocessing in its first layer, so that it cannot be fed with wrongly scaled
pictures by accident. What it gives back is a feature map, as with
``keras.applications`` models under ``include_top=False``; a head comes on
top. Lesson 00 (``00_start_here``) introduces both.
"""

from course_utils.backbones import (
    architectures,
    efficientnet_lite,
    imagenet,
)
from course_utils.machine import arguments, data_files
from course_utils.machine.errors import CourseError

_BUILDERS = {
    "residual": architectures.build_residual,
    "mobile": architectures.build_mobile,
    "vision_transformer": architectures.build_vision_transformer,
    "residual_narrow": architectures.build_residual,
}


_LITE0 = "efficientnet_lite0"
_LITE0_SIDES = (96, 300)


def load_backbone(name, weights="default", input_shape=None, include_top=False):
    """Loads a backbone by name.

    Introduced in lesson 00 (``00_start_here``); lesson 01
    (``01_pretrained_models``) compares them.

    Args:
        name: String. `"efficientnet_lite0"` was pretrained on ImageNet's
            photographs; its weights come in a package of their own. The
            course's own are `"residual"`, `"mobile"`, `"vision_transformer"`,
            and `"residual_narrow"`, which has the architecture of
            `"residual"` and a narrow source task; see
            `course_utils.backbones.architectures`. `"mobilenet_v2"` is
            downloaded once.
        weights: `"default"` for the weights that the backbone has: those from
            `"imagenet"`, or the `"embedded"` ones that come with the course,
            pretrained on generated pictures. `None` for random weights, which
            `"mobilenet_v2"` does not have.
        input_shape: Tuple `(height, width, 3)` in pixels. Defaults to
            `(64, 64, 3)` for the course's own and to `(224, 224, 3)` for the
            others. `"efficientnet_lite0"` takes sides from 96 to 300, the
            course's own take multiples of 16 from 32 on, but
            `"vision_transformer"` with embedded weights only `(64, 64, 3)`.
        include_top: Whether ImageNet's 1000 classes are on top; only of
            `"efficientnet_lite0"`. `course_utils.backbones.top_classes` says
            in words what they see.

    Returns:
        A `keras.Model` from pictures `(batch, height, width, 3)` with values
        from 0 to 255 to a feature map `(batch, rows, columns, channels)`,
        under its own name; with `include_top` to probabilities
        `(batch, 1000)`. All of its layers are trainable; freeze it with
        `base_model.trainable = False`. Values far outside 0..255 are an
        error, see `course_utils.backbones.PictureScaling`.

    Raises:
        CourseError: If `name` or `weights` is unknown or they do not go
            together, if `input_shape` does not fit, if the weights' file is
            missing or damaged, or if a download fails.
    """
    names = [_LITE0, *_BUILDERS, *imagenet.names()]
    arguments.one_of("backbone", name, names)
    own = "embedded" if name in _BUILDERS else "imagenet"
    choices = (own,) if name in imagenet.names() else (None, own)
    weights = arguments.choice("weights", weights, ("default", *choices))
    weights = own if weights == "default" else weights
    include_top = arguments.choice("include_top", include_top, (True, False))
    if include_top and name != _LITE0:
        raise CourseError(
            f"The backbone {name!r} has no classes of ImageNet on top: leave "
            f"out include_top, or take {_LITE0!r}."
        )
    if name == _LITE0:
        return _lite0(weights, input_shape, include_top)
    if weights == "imagenet":
        shape = (224, 224, 3) if input_shape is None else input_shape
        return imagenet.load(name, shape)
    shape = arguments.input_shape(
        (64, 64, 3) if input_shape is None else input_shape,
        (64, 64, 3),
        multiple=16,
    )
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


def _lite0(weights, input_shape, include_top):
    shape = arguments.input_shape(
        (224, 224, 3) if input_shape is None else input_shape,
        (160, 160, 3),
        *_LITE0_SIDES,
    )
    model = efficientnet_lite.build_efficientnet_lite0(
        shape, _LITE0, include_top
    )
    if weights:
        efficientnet_lite.load_imagenet_weights(model)
    return model
