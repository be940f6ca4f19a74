"""Checks of lesson 05 that ask the learner's model: heat maps, names."""

import json
from pathlib import Path

import numpy as np
from scipy import special

from course_utils.answers.checks.enlarging import is_enlarged
from course_utils.answers.learner_values import brief

_SAME = 1e-2  # heat maps, each divided by its maximum, are equal up to this


def judge_heat(
    answer: object, model: object, picture: object, class_index: object
) -> tuple:
    """Judge a heat map that was made by hand, for a class.

    Args:
        answer: The learner's map, (1, rows, columns) or (rows, columns), of
            the size of the feature map or of the picture, at any scale.
        model: The model that it is of.
        picture: The picture, as a batch of one.
        class_index: The class for which evidence was to be shown.

    Returns:
        A status and a message.
    """
    import tensorflow as tf

    from course_utils.evaluation.heat_maps import grad_cam

    try:
        heat = np.asarray(answer, dtype=float)
    except (TypeError, ValueError, OverflowError):
        heat = np.empty(0)
    if heat.ndim == 4 and heat.shape[-1] == 1:
        heat = heat[..., 0]
    if heat.ndim == 2:
        heat = heat[np.newaxis]
    if heat.ndim == 4:
        return "failed", (
            f"A map of shape {heat.shape} still has channels: sum over the "
            "last axis."
        )
    if heat.ndim != 3 or len(heat) != 1 or min(heat.shape) < 1:
        return "failed", (
            f"The answer should be a map (1, rows, columns), not "
            f"{brief(answer)}: weigh the channels of the feature map, and sum."
        )
    if not np.isfinite(heat).all():
        return "failed", "Some values of the map are no finite numbers."
    picture = np.asarray(picture, "float32")
    size = picture.shape[1:3]

    def divided(some):
        large = np.asarray(tf.image.resize(some[..., np.newaxis], size))[..., 0]
        return large / large.max() if large.max() > 0 else 0 * large

    wanted = grad_cam(model, picture, class_index)
    given = divided(heat)
    outputs = _of_classes(model, model(picture, training=False))[0]
    if heat.min() < 0:
        if np.allclose(divided(np.maximum(heat, 0)), wanted, atol=_SAME):
            return "failed", (
                "The map is right where it is positive; what is negative "
                "speaks against the class: let it become 0."
            )
    elif np.allclose(given, wanted, atol=_SAME):
        if not wanted.any():
            return "passed", "Nothing in this picture spoke for the class."
        return "passed", (
            f"Right: what spoke for class {class_index}, to which the model "
            f"gave a probability of {outputs[class_index]:.2f}."
        )
    for other in range(len(outputs)):
        if other != class_index and np.allclose(
            given, grad_cam(model, picture, other), atol=_SAME
        ):
            what = "the class that the model gave"
            if other != outputs.argmax():
                what = "another class"
            return "failed", (
                f"That is the map for class {other}, {what}: take class "
                f"{class_index}."
            )
    if is_enlarged(heat[0], wanted[0]):
        return "passed", (
            f"Right, and enlarged: what spoke for class {class_index}, to "
            "which the model gave a probability of "
            f"{outputs[class_index]:.2f}."
        )
    if np.allclose(divided(np.maximum(-heat, 0)), wanted, atol=_SAME):
        return "failed", "The sign is reversed."
    if given.std() and np.corrcoef(given.ravel(), wanted.ravel())[0, 1] > 0.9:
        return "failed", (
            "It resembles the map, and differs from it: give it as it was "
            "computed, before it is resized or rounded, of the score before "
            "softmax."
        )
    return "failed", (
        "That is not what speaks for the class. Take the gradient of its "
        "score before softmax with respect to the feature map, average it over "
        "the places, weigh the channels of the feature map with it, sum them, "
        "and let what is negative become 0."
    )


def judge_names(
    answer: object, files: object, model_path: object, folder: object
) -> tuple:
    """Judge the names that a saved model gives to picture files.

    Args:
        answer: The learner's list of names, in the order of the files.
        files: Paths of the pictures.
        model_path: Path of the saved model, with `class_names.json` beside.
        folder: Path of the folder that holds the folders of the classes.

    Returns:
        A status and a message.
    """
    import keras

    import course_utils.backbones.pretrained  # noqa: F401 (the layers of the model)
    from course_utils.pictures.picture_arrays import read_picture

    if isinstance(answer, str) or not hasattr(answer, "__len__"):
        return "failed", (
            f"The answer should be a list of names, not {brief(answer)}."
        )
    given = np.asarray(answer).tolist()
    if len(given) != len(files):
        return "failed", (
            f"There are {len(files)} files, and {len(given)} names: give one "
            "for each, in order."
        )
    path = Path(model_path).with_name("class_names.json")
    class_names = json.loads(path.read_text("utf-8"))
    if all(isinstance(one, int | float) for one in given):
        return "failed", (
            "Those are numbers of classes: look each up in `saved_names`."
        )
    if not all(isinstance(one, str) for one in given):
        return "failed", "Each answer should be one name, as text."
    unknown = sorted(set(given) - set(class_names))
    if unknown:
        return "failed", (
            f"{unknown[0]!r} is no class of this model: take the names from "
            "`saved_names`."
        )
    model = keras.saving.load_model(model_path, compile=False)
    size = model.input_shape[1:3]
    pictures = np.stack([read_picture(file, size) for file in files])

    def named(images, names=class_names):
        outputs = _of_classes(model, model(images, training=False))
        return [names[number] for number in outputs.argmax(axis=1)]

    wanted = named(pictures)
    labels = [Path(file).relative_to(folder).parts[0] for file in files]
    if given == wanted:
        right = sum(a == b for a, b in zip(wanted, labels, strict=True))
        return "passed", (
            f"So the saved model names them; {right} of {len(files)} lie in a "
            "folder of that name."
        )
    try:
        divided = named(pictures / 255)
    except Exception:
        divided = None  # The course's backbones refuse such a scale.
    if given == divided:
        return "failed", (
            "So it names pictures from 0 to 1: leave them from 0 to 255, the "
            "model does its own scaling."
        )
    if given == named(pictures, class_names[::-1]):
        return "failed", "The order of the classes is reversed."
    if given == labels:
        return "failed", (
            "Those are the names of their folders: ask the model, not the "
            "folder."
        )
    if sorted(given) == sorted(wanted):
        return "failed", "These are the right names in another order."
    wrong = sum(a != b for a, b in zip(given, wanted, strict=True))
    return "failed", (
        f"{wrong} of {len(files)} are named otherwise by the saved model: "
        "read each with `read_picture(file, size)`, give `loaded` the batch "
        "as it is, and look up the number of the highest output in "
        "`saved_names`."
    )


def _of_classes(model, outputs):
    """Returns outputs with a column a class, of a model with one output too.

    One sigmoid tells the probability of class 1; one score is above 0 for it.
    """
    outputs = np.asarray(outputs, dtype=float)
    if outputs.shape[1] > 1:
        return outputs
    activation = getattr(model.layers[-1], "activation", None)
    if getattr(activation, "__name__", "") != "sigmoid":
        outputs = special.expit(outputs)
    return np.concatenate([1 - outputs, outputs], axis=1)


JUDGES = {
    "yo-04": judge_heat,
    "yo-05": judge_names,
}
