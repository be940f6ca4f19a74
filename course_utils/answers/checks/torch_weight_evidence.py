"""Evidence from the weights of a PyTorch module; see `weight_evidence`."""

from course_utils.answers.checks.training_evidence import (
    Evidence,
    named_variables,
)


def rates(evidence: Evidence, part: object) -> set[tuple[float, ...]]:
    """Return the learning rates, one after another, of the weights of a part.

    Args:
        evidence: What was watched.
        part: A module inside it.

    Returns:
        One entry if all weights had the same; an empty one for weights that no
        optimizer has stepped.
    """
    return {
        evidence.rates.get(id(tensor), ())
        for _, tensor, trains in named_variables(part)
        if trains
    }


def stale_optimizer(evidence: Evidence) -> str:
    """Say where flags, optimizer and weights of a module disagree.

    An optimizer steps the parameters that it was given when it was made,
    whatever was unfrozen or put on the network since, silently.

    Args:
        evidence: What was watched.

    Returns:
        One sentence, or an empty text if they agree, or if nothing was
        trained.
    """
    own = [c for c in evidence.changes if not c.is_statistic]
    if not evidence.steps:
        return ""
    frozen = [c for c in own if c.moved and not c.flagged_trainable]
    if frozen:
        return (
            f"requires_grad is False, but {_some(frozen)} moved: freeze before "
            "the first step, or make a new optimizer after freezing."
        )
    still = [c for c in own if c.flagged_trainable and not c.moved]
    unknown = [c for c in still if c.identity not in evidence.rates]
    if unknown:
        return (
            f"requires_grad is True, but {_some(unknown)} did not move, since "
            "no optimizer that made a step holds them: make a new optimizer "
            "after unfreezing, and after putting a new head on."
        )
    if still:
        return (
            f"requires_grad is True, but {_some(still)} did not move: the "
            "optimizer holds them, and no gradient reached them."
        )
    return ""


def _some(changes):
    return f"{len(changes)} arrays ({changes[0].path} among them)"
