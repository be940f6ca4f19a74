"""Checks of lesson 05, Your own images."""

import json
from pathlib import Path

import numpy as np
from scipy import special, stats

from course_utils.answers.checks.enlarging import is_enlarged
from course_utils.answers.learner_values import (
    RIGHT,
    as_number,
    as_pair,
    brief,
    find_match,
    say_no_number,
)

_TOLERANCE = 2e-3
_SAME = 1e-2  # heat maps, each divided by its maximum, are equal up to this


def judge_torn(answer: object, groups: object, parts: object) -> tuple:
    """Judge how many groups of pictures a split by chance tears.

    Args:
        answer: The learner's number.
        groups: Number of the group of each picture, (pictures,).
        parts: Name of the part of each picture, (pictures,).

    Returns:
        A status and a message.
    """
    number = as_number(answer)
    if number is None:
        return "failed", say_no_number(answer, meaning="count the groups")
    groups, parts = np.asarray(groups), np.asarray(parts)
    names, sizes = np.unique(groups, return_counts=True)
    spread = np.array([len(set(parts[groups == name])) for name in names])
    torn, several = int((spread > 1).sum()), int((sizes > 1).sum())
    if number == torn and not several:
        return "passed", (
            "Right, but nothing was tested: no pictures go together here, so "
            "there is nothing to tear. The sample has groups."
        )
    if number == torn:
        return "passed", (
            f"{torn} of {several} groups of two or more are torn by this "
            "split, which does not look at groups."
        )
    wrong = [
        (
            int(sizes[spread > 1].sum()),
            "Those are the pictures in torn groups: count each group once.",
        ),
        (several - torn, "Those are the groups that stay whole."),
        (several, "Those are all groups of two or more, torn or not."),
        (len(names), "Those are all groups, and most are of one picture."),
        (
            len(names) - torn,
            "Those are the groups that lie in one part: count the others.",
        ),
        (int(sizes[sizes > 1].sum()), "Those are pictures: count groups."),
        (
            sum(
                {"train", "test"} <= set(parts[groups == name])
                for name in names[spread > 1]
            ),
            "Those lie in training and in test: a group is torn, too, if it "
            "lies in validation and another part.",
        ),
    ]
    for value, message in wrong:
        if number == value:
            return "failed", message
    return "failed", (
        f"It is not {number:g}. For each group, count in how many different "
        "parts it lies; then count the groups with more than one."
    )


def judge_interval(
    answer: object, labels: object, predictions: object, class_index: object
) -> tuple:
    """Judge Wilson's interval for the recall of a class.

    Args:
        answer: The learner's pair: lower and upper end, as shares.
        labels: Index of the true class of each picture, (pictures,).
        predictions: Index of the class that a model gave, (pictures,).
        class_index: Which class.

    Returns:
        A status and a message.
    """
    pair = as_pair(answer, "the lower and the upper end")
    if isinstance(pair, str):
        return "failed", pair
    low, high = pair
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    truly, named = labels == class_index, predictions == class_index
    right, count = int((truly & named).sum()), int(truly.sum())
    all_right = int((labels == predictions).sum())
    rest = int((~truly).sum())
    wilson = np.array(_wilson(right, count))
    wrong = [
        (wilson[::-1], "Those are the ends, swapped: the lower one first."),
        (100 * wilson, "Those are percentages: give shares, from 0 to 1."),
        (
            _plus_minus(right, count),
            "That is the share plus and minus its standard errors: for so few "
            "pictures take Wilson's formula.",
        ),
        (
            _wilson(all_right, len(labels)),
            "That is the interval of the accuracy, over all classes: keep the "
            "pictures that are truly of this one.",
        ),
        (
            _wilson(right, int(named.sum())),
            "That is the interval of the precision: divide by the pictures "
            "that truly are of the class, not by those named so.",
        ),
        (
            _wilson(right, len(labels)),
            "You have divided by all test pictures: divide by those of the "
            "class.",
        ),
        (
            _wilson(count - right, count),
            "That is the share of mistakes: count what is right.",
        ),
        (
            _wilson(int((~truly & ~named).sum()), rest),
            "That is for the pictures of the other classes.",
        ),
        (
            _clopper_pearson(right, count),
            "That is the exact interval of Clopper and Pearson, a good one, "
            "but somewhat wider: here give Wilson's.",
        ),
        (
            _wilson(right, count, 1.645),
            "That covers nine times in ten: take z = 1.96.",
        ),
        (
            _wilson(right, count, 1.0),
            "That covers about two times in three: take z = 1.96.",
        ),
    ]
    match = find_match(np.ravel(answer), wilson, wrong, _TOLERANCE, 3)
    if match == RIGHT:
        return "passed", (
            f"{right} of {count} right, and the true share lies anywhere from "
            f"{low:.0%} to {high:.0%}: so little is said by so few "
            "pictures."
        )
    return "failed", match or (
        f"It is not {low:.3g} to {high:.3g}. Keep the pictures whose label is "
        f"{class_index}, count them, count those of them that are named so, "
        "and give both numbers to the formula."
    )


def _wilson(right, count, z=1.96):
    if not count:
        return np.nan, np.nan
    share, added = right / count, z**2 / count
    middle = (share + added / 2) / (1 + added)
    spread = np.sqrt(share * (1 - share) / count + added / (4 * count))
    spread *= z / (1 + added)
    return middle - spread, middle + spread


def _plus_minus(right, count):
    share = right / count
    half = 1.96 * np.sqrt(share * (1 - share) / count)
    return share - half, share + half


def _clopper_pearson(right, count):
    if not count:
        return np.nan, np.nan
    return tuple(stats.binomtest(right, count).proportion_ci(method="exact"))


def judge_pairs(
    answer: object, labels: object, predictions: object, others: object
) -> tuple:
    """Judge the discordant pairs of two models.

    Args:
        answer: The learner's pair: right by the first model only, right by
            the second only.
        labels: Index of the true class of each picture, (pictures,).
        predictions: Index of the class that the first model gave.
        others: The same for the second.

    Returns:
        A status and a message.
    """
    pair = as_pair(answer, "right by the model only, right by the other only")
    if isinstance(pair, str):
        return "failed", pair
    first, second = pair
    labels = np.asarray(labels)
    right = np.asarray(predictions) == labels
    other = np.asarray(others) == labels
    only, only_other = int((right & ~other).sum()), int((other & ~right).sum())
    given = first, second
    if given == (only, only_other):
        return "passed", (
            f"{only} against {only_other}; the other "
            f"{len(labels) - only - only_other} pictures say nothing of which "
            "model is better."
        )
    both, none = int((right & other).sum()), int((~right & ~other).sum())
    wrong = [
        ((only_other, only), "The two are swapped: the model comes first."),
        (
            (int(right.sum()), int(other.sum())),
            "Those are all that each names rightly: leave out what both have "
            "right.",
        ),
        (
            (int((~right).sum()), int((~other).sum())),
            "Those are the mistakes of each: leave out what both have wrong.",
        ),
        ((both, none), "Those are the pictures on which they agree."),
        (
            (only / len(labels), only_other / len(labels)),
            "Those are shares: give counts.",
        ),
    ]
    if match := find_match(np.ravel(answer), (only, only_other), wrong):
        return "failed", match
    differing = int((np.asarray(predictions) != np.asarray(others)).sum())
    if differing in given:
        return "failed", (
            "You have counted where the answers differ: both may be wrong in "
            "different ways. Compare each with the label first."
        )
    return "failed", (
        f"It is not {first:g} and {second:g}. Make for each model an array of "
        "whether it is right; combine the two with `&` and `~`; sum."
    )


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
    "yo-01": judge_torn,
    "yo-02": judge_interval,
    "yo-03": judge_pairs,
    "yo-04": judge_heat,
    "yo-05": judge_names,
}
