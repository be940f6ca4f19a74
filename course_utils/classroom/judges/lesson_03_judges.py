"""Judges of lesson 03, Fine-tuning."""

import numpy as np

from course_utils.answers.checks import lesson_03_checks, weight_evidence
from course_utils.classroom import submitted_values
from course_utils.classroom.judges import Judge, Reference

# What a teacher's own pictures may be of.
CLASSES = (
    *("crazing", "inclusion", "patches"),
    *("pitted_surface", "rolled_in_scale", "scratches"),
)
PICTURES = 300  # that a fine-tuned network is tried on
# What a head may have between two layers of its own.
ACTIVATIONS = ("linear", "relu", "gelu", "silu", "tanh", "sigmoid", "selu")
WIDEST, DEEPEST = 4_096, 8  # layers of a head
# The least that kernels have moved, of what ours have: a rate far too low.
LEAST_MOVED = 1e-3


def judge_choice(
    rate: object, gains: object, reference: Reference
) -> tuple[str, str]:
    """Judge ft-07 by the committed rows."""
    return lesson_03_checks.judge_choice(
        rate, gains, *reference.given["ft-07"][2:]
    )


def judge_recipe(
    head: object, tuning: object, reference: Reference
) -> tuple[str, str]:
    """Judge ft-08 by what the trained arrays do in a network of our own.

    Of the two pieces of evidence only the model that they saw is taken. In
    which order it was trained its arrays do not tell, so that counts nothing;
    nor whether what moved them was training.
    """
    for model, name in (
        (head, "my_head_evidence"),
        (tuning, "my_tuning_evidence"),
    ):
        if not isinstance(model, submitted_values.Model):
            return "failed", (
                f"{name} should be evidence: train inside `with "
                f"course.watch(my_model) as {name}:`."
            )
    found = dict(
        zip(
            map(weight_evidence.tail, tuning.paths),
            tuning.weights,
            strict=False,
        )
    )
    base = _backbone()
    pretrained = _by_name(base)
    if problem := _problem_of_base(found, pretrained):
        return "failed", problem
    moved = _moved(found, pretrained)
    if moved < LEAST_MOVED * reference.prepared["moved"]:
        return "failed", (
            f"The kernels have moved by {moved:.0e} on average: raise the rate "
            "of the second phase, or train for longer."
        )
    labels = reference.prepared["labels"]
    layers = _dense(
        [array for name, array in found.items() if name not in pretrained],
        [base.output.shape[-1], 1 + labels.max()],
    )
    if not layers:
        return "error", (
            "Apart and by its arrays, a head of Dense layers can be judged, on "
            "the grid's averages or maxima: yours has other arrays, or numbers "
            "that are not finite. Ask your teacher to look at it."
        )
    base.set_weights([found[name] for name in pretrained])
    grids = base.predict(reference.prepared["pictures"], verbose=0)
    chance = 1 / (1 + labels.max())
    needed = (chance + reference.prepared["accuracy"]) / 2
    accuracy = max(
        np.mean(_answer(pooled, layers, activation) == labels)
        for pooled in (grids.mean(axis=(1, 2)), grids.max(axis=(1, 2)))
        for activation in ACTIVATIONS[: None if len(layers) > 1 else 1]
    )
    if accuracy < needed:
        return "failed", (
            f"Your network names {accuracy:.0%} of new pictures rightly, where "
            f"{needed:.0%} are asked for and chance is {chance:.0%}: look at "
            "the rates and at the number of epochs."
        )
    return "passed", (
        f"Your network, built anew here, names {accuracy:.0%} of new pictures "
        "rightly; the backbone was trained, and its batch normalization kept."
    )


def _backbone():
    from course_utils import backbones

    return backbones.load_backbone(lesson_03_checks.BACKBONE)


def _by_name(model):
    tail = weight_evidence.tail
    return {tail(one.path): one.numpy() for one in model.weights}


def _problem_of_base(found, pretrained):
    """Say what is wrong with the arrays of the backbone, if anything is."""
    for name, array in pretrained.items():
        given = found.get(name)
        if getattr(given, "shape", None) != array.shape:
            name = lesson_03_checks.BACKBONE
            return f"The backbone {name!r} is not in this model."
        if not np.isfinite(given).all():
            return f"{name} holds numbers that are not finite."
        same = np.array_equal(given, array)
        if "_bn" in name and not same:
            return (
                f"{name} is not as pretrained: set the flag of each layer of "
                "batch normalization to False before you compile."
            )
        if "_bn" not in name and name.endswith("/kernel") and same:
            return (
                f"{name} is as pretrained: unfreeze the convolutions, and "
                "compile with a new optimizer."
            )
    return ""


def _moved(found, pretrained):
    """Return by how much the backbone's kernels differ, root mean square."""
    squares = [
        np.mean(np.square(found[name] - array))
        for name, array in pretrained.items()
        if "_bn" not in name and name.endswith("/kernel")
    ]
    return float(np.sqrt(np.mean(squares)))


def _dense(arrays, ends):
    """Return kernels and biases of a head, pair by pair; empty if it has other.

    Args:
        arrays: Those that are not the backbone's, in their order. A layer may
            have no bias, and be a convolution of one by one pixel if it is
            the only one: averages of it are it of averages.
        ends: What goes into the first layer, and what comes out of the last.
    """
    if not all(
        isinstance(one, np.ndarray) and np.isfinite(one).all() for one in arrays
    ):
        return []
    layers, width = [], ends[0]
    for array in arrays:
        if array.ndim == 1 and layers and layers[-1][1] is None:
            layers[-1][1] = array
            if array.shape != (width,):
                return []
            continue
        if array.ndim == 4 and array.shape[:2] == (1, 1) and not layers:
            array = array[0, 0]
        if array.ndim != 2 or len(array) != width or len(layers) == DEEPEST:
            return []
        width = array.shape[1]
        if not 0 < width <= WIDEST:
            return []
        layers.append([array, None])
    return layers if width == ends[1] else []


def _answer(x, layers, activation):
    import keras

    for number, (kernel, bias) in enumerate(layers):
        if number:
            x = keras.activations.get(activation)(x)
            x = keras.ops.convert_to_numpy(x)
        x = x @ kernel + (0 if bias is None else bias)
    return np.argmax(x, axis=1)


def prepare(
    names: dict, random: np.random.Generator, own: str | None = None
) -> dict:
    """Return pictures of the metal, and how our own network does.

    Those of the teacher (`python -m tools.draw_hidden`), or else the course's
    own test pictures, which are public.
    """
    import keras

    splits = names["load_dataset"]("defects")
    hidden = splits.test
    if own:
        hidden = keras.utils.image_dataset_from_directory(
            own,
            class_names=splits.class_names,
            image_size=tuple(hidden.element_spec[0].shape[1:3]),
            shuffle=False,
            verbose=False,
        )
    pictures, labels = map(
        np.concatenate, zip(*hidden.as_numpy_iterator(), strict=True)
    )
    some = random.permutation(len(labels))[:PICTURES]
    model = names["my_model"]
    found = model.predict(pictures[some], verbose=0)
    return {
        "asked": {},
        "pictures": pictures[some],
        "labels": labels[some],
        "accuracy": float(np.mean(found.argmax(axis=1) == labels[some])),
        "moved": _moved(_by_name(model), _by_name(_backbone())),
    }


JUDGES = {
    "ft-07": Judge(2, judge_choice),
    "ft-08": Judge(2, judge_recipe),
}
_ITS_OWN = (
    "which weights a step has moved, only the process that made it can tell, "
    "and that is the submission's own"
)
NOT_APART = {"ft-01": _ITS_OWN, "ft-06": _ITS_OWN}
