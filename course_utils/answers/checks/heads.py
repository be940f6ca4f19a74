"""Judge models that have a backbone and a head, by what the weights did."""

from course_utils.answers.checks import weights
from course_utils.answers.checks.watching import Evidence, WeightChange

IMAGE_SHAPE = (64, 64, 3)


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
    if not isinstance(evidence, Evidence) or evidence.model is not model:
        return (
            "The evidence is not about this model: train it inside `with "
            "course.watch(model) as evidence:`, with the same model."
        )
    if not evidence.finished:
        return "The `with` block is not over: check below it."
    images = keras.KerasTensor((None, *IMAGE_SHAPE))
    # A symbolic call: it works for subclassed models too, and runs nothing.
    shape = tuple(model.compute_output_spec(images).shape)
    if shape != (None, num_classes):
        return (
            f"The model's output has shape {shape}; with one number a class it "
            f"would be (None, {num_classes})."
        )
    names = weights.pretrained_names(backbone)
    inside = {weights.tail(v.path) for v in model.weights}
    if not inside.issuperset(names) or not weights.reaches_output(
        model, backbone, IMAGE_SHAPE
    ):
        return (
            "The backbone is not in this model: call `base_model` on the "
            "inputs, and put the head on what it returns."
        )
    return ""


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
    names = weights.pretrained_names(backbone)
    if stale := weights.stale_compile(evidence):
        return stale, []
    changed = {weights.tail(c.path) for c in evidence.changes if c.moved}
    if differing := weights.differs_from_pretrained(model, backbone):
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
        c for c in weights.moved(evidence) if weights.tail(c.path) not in names
    ]
    if not learned or not evidence.steps:
        return (
            "Nothing has learned: call `model.fit` inside the `with` block."
        ), []
    return "", learned


def facts(learned: list[WeightChange], backbone: str) -> list[str]:
    """Return the evidence for a head that was trained on a frozen backbone."""
    return [
        f"{len(learned)} arrays of the head moved",
        f"all {len(weights.pretrained_names(backbone))} arrays of the "
        "backbone, the statistics of batch normalization included, equal the "
        "pretrained file",
    ]
