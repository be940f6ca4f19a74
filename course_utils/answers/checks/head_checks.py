"""Judge models that have a backbone and a head, by what the weights did."""

import numpy as np

from course_utils.answers.checks import weight_evidence
from course_utils.answers.checks.training_evidence import Evidence, WeightChange

# Of the pictures in the lessons.
_SIDES = {"efficientnet_lite0": 160}
_DEFAULT_SIDE = 64


def find_problem(
    model: object, evidence: object, backbone: str, num_classes: int
) -> str:
    """Say why a model with a backbone cannot be judged by its evidence.

    Args:
        model: The learner's model: the pretrained backbone, nested or flat,
            under a head of any kind.
        evidence: From ``course.watch`` around the learner's ``fit``.
        backbone: Name of the embedded backbone.
        num_classes: How many numbers the model should give for a picture.

    Returns:
        One sentence, or an empty text if nothing is wrong so far.
    """
    import keras

    if not isinstance(model, keras.Model):
        return (
            f"Pass the Keras model that you have built, then the evidence; the "
            f"first thing here is of type {type(model).__name__}."
        )
    if problem := weight_evidence.evidence_problem(evidence, model, "evidence"):
        return problem
    images = keras.KerasTensor((None, *_image_shape(model, backbone)))
    # A symbolic call: it works for subclassed models too, and runs nothing.
    shape = tuple(model.compute_output_spec(images).shape)
    if shape != (None, num_classes):
        return (
            f"The model's output has shape {shape}; with one number a class it "
            f"would be (None, {num_classes})."
        )
    names = weight_evidence.pretrained_names(backbone)
    inside = {weight_evidence.tail(v.path) for v in model.weights}
    if not inside.issuperset(names) or not weight_evidence.reaches_output(
        model, backbone, _image_shape(model, backbone)
    ):
        return (
            "The backbone is not in this model: call `base_model` on the "
            "inputs, and put the head on what it returns."
        )
    return ""


def find_head_problem(model: object, evidence: Evidence, backbone: str) -> str:
    """Say why a head cannot have learned, or learned with another loss.

    Args:
        model: A model in which `find_problem` has found none.
        evidence: From ``course.watch`` around the learner's training.
        backbone: Name of the embedded backbone.

    Returns:
        One sentence, or an empty text if nothing is wrong so far.
    """
    names = weight_evidence.pretrained_names(backbone)
    if problem := weight_evidence.learning_problem(evidence):
        return problem
    if not any(
        weight_evidence.tail(c.path) not in names
        for c in weight_evidence.moved(evidence)
    ):
        return (
            "The head has not learned, only the backbone: leave the head's "
            "layers trainable."
        )
    shape = _image_shape(model, backbone)
    pictures = np.random.default_rng(0).uniform(0, 255, (4, *shape))
    outputs = model(pictures.astype("float32"), training=False)
    outputs = np.asarray(outputs).astype(float)
    if not np.isfinite(outputs).all():
        return (
            "The model gives numbers that are not finite: build it anew, and "
            "train it with a lower learning rate."
        )
    # A loop or a step of one's own may have another loss.
    by_keras = evidence.history and not evidence.own_step
    from_logits = _wants_logits(model.loss) if by_keras else None
    if from_logits is None:
        return ""
    # Wide enough for softmax in half precision.
    sums = outputs.sum(axis=1)
    are_shares = outputs.min() >= 0 and np.allclose(sums, 1, atol=1e-2)
    if are_shares and from_logits:
        return (
            "The head ends in softmax, and the loss expects scores before it: "
            "leave out `from_logits=True`, or the softmax."
        )
    if not are_shares and not from_logits:
        return (
            "The head gives scores, and the loss expects probabilities: end "
            'in `activation="softmax"`, or compile with a loss that has '
            "`from_logits=True`."
        )
    return ""


def _image_shape(model, backbone):
    """The shape of a picture: the model's own, where that is known."""
    shape = getattr(model, "input_shape", None)
    if isinstance(shape, tuple) and len(shape) == 4 and None not in shape[1:]:
        return shape[1:]
    side = _SIDES.get(backbone, _DEFAULT_SIDE)
    return (side, side, 3)


def _wants_logits(loss):
    """Says what a loss expects; None if that cannot be told."""
    import keras

    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    if hasattr(loss, "from_logits"):
        return bool(loss.from_logits)
    is_crossentropy = getattr(loss, "__name__", "").endswith("crossentropy")
    return False if is_crossentropy else None


def judge_head(
    model: object, evidence: Evidence, backbone: str, num_classes: int
) -> tuple[str, list[WeightChange]]:
    """Judge whether a head, and nothing else, was trained on a backbone.

    Args:
        model: As in `find_problem`, as all arguments.
        evidence: From ``course.watch`` around the learner's ``fit``.
        backbone: Name of the embedded backbone.
        num_classes: How many numbers the model should give for a picture.

    Returns:
        One sentence that says what is wrong, empty if nothing is, and the
        arrays of the head that have learned.
    """
    if problem := find_problem(model, evidence, backbone, num_classes):
        return problem, []
    names = weight_evidence.pretrained_names(backbone)
    if stale := weight_evidence.stale_compile(evidence):
        return stale, []
    changed = {
        weight_evidence.tail(c.path) for c in evidence.changes if c.moved
    }
    if differing := weight_evidence.differs_from_pretrained(model, backbone):
        how = "moved" if changed & set(names) else "are not pretrained"
        only = ""
        if all("_bn" in name for name in differing):
            only = ", all of batch normalization,"
        return (
            f"{len(differing)} of the backbone's {len(names)} arrays{only} "
            f"{how} ({differing[0]} among them): load a fresh backbone, and "
            "freeze all of it before you compile."
        ), []
    learned = [
        c
        for c in weight_evidence.moved(evidence)
        if weight_evidence.tail(c.path) not in names
    ]
    return find_head_problem(model, evidence, backbone), learned


def facts(learned: list[WeightChange], backbone: str) -> list[str]:
    """Return the evidence for a head that was trained on a frozen backbone."""
    return [
        f"{len(learned)} arrays of the head moved",
        f"all {len(weight_evidence.pretrained_names(backbone))} arrays of the "
        "backbone, the statistics of batch normalization included, equal the "
        "pretrained file",
    ]
