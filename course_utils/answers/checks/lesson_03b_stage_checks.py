"""Check of lesson 03b: only the last stage trains, and is listed."""

from course_utils.answers.checks import head_checks, weight_evidence
from course_utils.answers.checks.training_evidence import Evidence

BACKBONE = "residual"
NUM_CLASSES = 6
STAGE = "stage4"


def judge_last_stage(
    model: object, base_model: object, evidence: Evidence
) -> tuple:
    """Judge whether only the last stage trained, and is listed.

    Args:
        model: The learner's model.
        base_model: The backbone in it.
        evidence: From ``course.watch`` around the learner's ``fit``.
    """
    import keras

    if not isinstance(base_model, keras.Model):
        return "failed", (
            "Pass the model, its backbone and the evidence: number 2 is of "
            f"type {type(base_model).__name__}."
        )
    problem = head_checks.find_problem(model, evidence, BACKBONE, NUM_CLASSES)
    if problem:
        return "failed", problem
    inside = {id(v) for v in model.weights}
    if not base_model.weights or any(
        id(v) not in inside for v in base_model.weights
    ):
        return "failed", (
            "This backbone is not in this model: pass the one that the head "
            "was put on."
        )
    if problem := weight_evidence.learning_problem(evidence):
        return "failed", problem
    if elsewhere := weight_evidence.began_elsewhere(evidence, BACKBONE):
        return "failed", (
            f"{len(elsewhere)} arrays of the backbone were not pretrained when "
            f"the training began ({elsewhere[0]} among them): load a fresh one "
            "with its weights."
        )
    if stale := weight_evidence.stale_compile(evidence):
        return "failed", stale
    changes = [
        *weight_evidence.moved(evidence, base_model),
        *weight_evidence.batch_norm_moved(evidence, base_model),
    ]
    moved = {weight_evidence.tail(change.path) for change in changes}
    norms = sorted(name for name in moved if "_bn" in name)
    if norms:
        return "failed", (
            f"Batch normalization moved ({norms[0]} among {len(norms)} "
            "arrays): set its layers to `trainable = False`, one by one."
        )
    stage = {
        name
        for name in map(
            weight_evidence.tail, (v.path for v in base_model.weights)
        )
        if name.startswith(STAGE) and "_bn" not in name
    }
    if others := sorted(moved - stage):
        return "failed", (
            f"{len(others)} arrays before the last stage moved ({others[0]} "
            "among them): freeze what comes before, layer by layer."
        )
    if still := sorted(stage - moved):
        return "failed", (
            f"{len(still)} of the last stage's {len(stage)} arrays stayed as "
            f"they were ({still[0]} among them): unfreeze all its layers."
        )
    if problem := head_checks.find_head_problem(model, evidence, BACKBONE):
        return "failed", problem
    facts = [f"{len(stage)} arrays of {STAGE} moved, no other of the backbone"]
    listed = {
        weight_evidence.tail(v.path) for v in base_model.trainable_weights
    }
    if listed != stage:
        message = (
            f"The right arrays moved, but the backbone lists {len(listed)} "
            "as trainable: its own flag says frozen. Set `my_base.trainable "
            "= True` before you freeze layers."
        )
        return "partial", message, facts
    facts.append("`trainable_weights` of the backbone lists these, no others")
    return "passed", "The last stage trains, and the list says so.", facts
