"""Checks of lesson 06, PyTorch: modes, optimizers, training, and a port."""

import numpy as np

from course_utils.answers.checks import (
    torch_training_evidence,
    torch_weight_evidence,
    weight_evidence,
)
from course_utils.answers.learner_values import as_numbers, brief

HEAD_RATE, BACKBONE_RATE, DECAY = 1e-3, 1e-4, 1e-2
FIRST_TRAINED = 4  # of the parts of the backbone in pt-03
PATIENCE, MOST_EPOCHS = 5, 60
_NEAR = 1e-4  # by so much two frameworks may differ


def judge_modes(
    model: object, backbone: object, head: object, images: object
) -> tuple[str, str]:
    """Judge a module whose backbone stays in evaluation mode.

    Args:
        model: The learner's module.
        backbone: What was to be kept in evaluation mode.
        head: What was to follow the mode.
        images: Pictures to call it on.
    """
    if problem := _no_module(model, "my_model"):
        return "failed", problem
    inside = {id(module) for module in model.modules()}
    for part, name in ((backbone, "their_backbone"), (head, "their_head")):
        if id(part) not in inside:
            return "failed", (
                f"`{name}` is not in this module: keep it as an attribute, set "
                "in `__init__` after `super().__init__()`."
            )
    modes = [(module, module.training) for module in model.modules()]
    try:
        returned = model.train()
        training = [m for m in backbone.modules() if m.training]
        head_trains = all(m.training for m in head.modules())
        model.eval()
        head_rests = not any(m.training for m in head.modules())
        same = _same_answer(model, backbone, head, images)
    finally:
        for module, mode in modes:
            module.training = mode
    if training:
        return "failed", (
            f"After `my_model.train()`, {len(training)} modules of the "
            f"backbone are in training mode ({type(training[-1]).__name__} "
            "among them): give your class a `train` of its own, which calls "
            "`self.backbone.eval()` after `super().train(mode)`."
        )
    if not head_trains:
        return "failed", (
            "After `my_model.train()`, the head is in evaluation mode, and its "
            "dropout does nothing: call `super().train(mode)` first."
        )
    if not head_rests:
        return "failed", (
            "After `my_model.eval()`, the head is in training mode: `eval()` "
            "calls `train(False)`, so pass `mode` on."
        )
    if not same:
        return "failed", (
            "Its answer is not that of the head on what the backbone gives: "
            "look at `forward`."
        )
    if returned is not model:
        return "partial", (
            "The modes are right. But `train` should return `self`, since "
            "`model = Model().train()` is often written."
        )
    return "passed", (
        "Whatever the loop calls, the backbone's statistics stay, and the "
        "head's dropout follows the mode."
    )


def _same_answer(model, backbone, head, images):
    import torch

    with torch.no_grad():
        answer = model(images)
        return torch.is_tensor(answer) and torch.equal(
            answer, head(backbone(images))
        )


def judge_groups(optimizer: object, model: object) -> tuple[str, str]:
    """Judge the groups of an optimizer for a backbone and a head.

    Args:
        optimizer: The learner's optimizer.
        model: A backbone and a head, in this order.
    """
    if problem := _no_module(model, "model"):
        return "failed", problem
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(groups, list):
        return "failed", (
            f"Pass an optimizer of `torch.optim`, not {brief(optimizer)}."
        )
    import torch

    if not isinstance(optimizer, torch.optim.AdamW):
        return "failed", (
            f"An `AdamW` is asked for, not {type(optimizer).__name__}, whose "
            "`weight_decay` is another thing."
        )
    held = {id(p): group for group in groups for p in group["params"]}
    own = {id(p) for p in model.parameters()}
    if foreign := set(held) - own:
        return "failed", (
            f"It holds {len(foreign)} arrays that are not in `model`: make it "
            "from the parameters of this model, not of a copy."
        )
    head, backbone = list(model[1].parameters()), list(model[0].parameters())
    kernels = [p for p in backbone if p.ndim > 1]
    for name, part in (("head", head), ("backbone", backbone)):
        if missing := sum(id(p) not in held for p in part):
            return "failed", (
                f"It does not hold {missing} of the {len(part)} arrays of the "
                f"{name}, and what it does not hold never moves. (A generator "
                "can be read once: make a list of parameters to look at twice.)"
            )
    rates = [
        {float(held[id(p)]["lr"]) for p in part} for part in (head, backbone)
    ]
    if rates == [{BACKBONE_RATE}, {HEAD_RATE}]:
        return "failed", "The two rates are swapped: the head has the higher."
    if rates[0] == rates[1]:
        return "failed", (
            f"Head and backbone have one rate, {min(rates[0]):g}: make groups, "
            "a dict each, with a rate of their own."
        )
    for name, found, wanted in zip(
        ("head", "backbone"), rates, (HEAD_RATE, BACKBONE_RATE), strict=True
    ):
        if not np.allclose(sorted(found), wanted, rtol=1e-6):
            told = ", ".join(f"{rate:g}" for rate in sorted(found))
            return "failed", f"The {name} has {told}, and not {wanted:g}."
    decays = [float(held[id(p)].get("weight_decay", 0)) for p in backbone]
    decayed = sum(
        d != 0 for d, p in zip(decays, backbone, strict=True) if p.ndim == 1
    )
    if decayed:
        return "partial", (
            f"The rates are right. But {decayed} scales and shifts of batch "
            "normalization decay: put arrays of one dimension into a group "
            "with `weight_decay` 0."
        )
    decays = {
        float(held[id(p)].get("weight_decay", 0)) for p in [*kernels, head[0]]
    }
    if not np.allclose(sorted(decays), DECAY, rtol=1e-6):
        told = ", ".join(f"{decay:g}" for decay in sorted(decays))
        return "partial", (
            f"The rates are right. The kernels decay by {told}, and not by "
            f"{DECAY:g} all."
        )
    return "passed", (
        f"Each of {len(own)} arrays is in one group: the head at "
        f"{HEAD_RATE:g}, {len(kernels)} kernels at {BACKBONE_RATE:g}, the "
        "scales and shifts without decay."
    )


def judge_late_blocks(model: object, evidence: object) -> tuple:
    """Judge a training of the last block and the head, by the weights.

    Args:
        model: The learner's model: a backbone in parts, and a head.
        evidence: From ``course.watch`` around the learner's training.
    """
    if problem := _no_module(model, "my_model"):
        return "failed", problem
    problem = weight_evidence.evidence_problem(evidence, model, "my_evidence")
    if problem:
        return "failed", problem
    early, late, head = (
        model[0][:FIRST_TRAINED],
        model[0][FIRST_TRAINED:],
        model[1],
    )
    if problem := weight_evidence.learning_problem(evidence):
        return "failed", problem
    if moved := weight_evidence.moved(evidence, early):
        return "failed", (
            f"{len(moved)} arrays of the earlier blocks moved "
            f"({moved[0].path} among them): freeze all, then unfreeze the last "
            "part, and make the optimizer after that."
        )
    if moved := weight_evidence.batch_norm_moved(evidence):
        return "failed", (
            f"{len(moved)} statistics of batch normalization moved "
            f"({moved[0].path} among them), whatever requires_grad says: call "
            "`my_model.eval()` before the loop."
        )
    for name, part, rate in (
        ("last block", late, BACKBONE_RATE),
        ("head", head, HEAD_RATE),
    ):
        kernels = [p for p in part.parameters() if p.ndim > 1]
        trained = {c.identity for c in weight_evidence.moved(evidence, part)}
        if still := sum(id(p) not in trained for p in kernels):
            why = torch_weight_evidence.stale_optimizer(evidence)
            return "failed", (
                f"{still} of {len(kernels)} kernels of the {name} did not "
                f"move. {why}".strip()
            )
        rates = {evidence.rates.get(id(p), ()) for p in kernels}
        if rates != {(rate,)}:
            told = sorted({f"{one:g}" for some in rates for one in some})
            return "failed", (
                f"The {name} was trained at {' and '.join(told)}, and not at "
                f"{rate:g}: give each part a group of its own."
            )
    facts = []
    for name, part in (("last block and top", late), ("head", head)):
        count = len(weight_evidence.moved(evidence, part))
        facts.append(f"{count} arrays of the {name} moved")
    facts.append("no array of the earlier blocks, and no statistic, moved")
    if any(p.requires_grad for p in early.parameters()):
        problem = (
            "The right arrays moved. But the earlier blocks are not frozen, so "
            "each step computes gradients for them that nobody uses."
        )
        return "partial", problem, facts
    return "passed", f"In {evidence.steps} steps, what should learn did.", facts


def judge_early_stopping(
    losses: object, head: object, features: object, labels: object
) -> tuple[str, str]:
    """Judge a training that was stopped early, and what it has kept.

    Args:
        losses: The learner's validation losses, an epoch each.
        head: The trained head.
        features: Features of the validation cells.
        labels: Their labels.
    """
    if problem := _no_module(head, "my_head"):
        return "failed", problem
    found = as_numbers(losses)
    if found.ndim != 1 or len(found) < 2:
        return "failed", (
            "`my_losses` should be a list of finite numbers, an epoch each, "
            f"not {brief(losses)}."
        )
    best = int(np.argmin(found))
    # Epochs since the last new minimum, at each epoch.
    lows = np.minimum.accumulate(found)
    news = np.flatnonzero(np.diff(lows, prepend=np.inf) < 0)
    waits = [epoch - news[news <= epoch][-1] for epoch in range(len(found))]
    if len(found) > MOST_EPOCHS:
        return "failed", f"There are {len(found)} epochs: stop at 60."
    late = [epoch for epoch, wait in enumerate(waits) if wait >= PATIENCE]
    if late and late[0] < len(found) - 1:
        return "failed", (
            f"It had waited {PATIENCE} epochs at epoch {late[0] + 1}, and went "
            f"on to {len(found)}: stop there."
        )
    if not late and len(found) < MOST_EPOCHS:
        return "failed", (
            f"It stopped after {len(found)} epochs, {waits[-1]} after the "
            f"lowest loss: wait for {PATIENCE} without a new minimum."
        )
    loss = _loss(head, features, labels)
    if np.isclose(loss, found[best], rtol=1e-4, atol=1e-6):
        return "passed", (
            f"{len(found)} epochs, and the head has the weights of epoch "
            f"{best + 1}, with the lowest loss, {loss:.3f}."
        )
    if np.isclose(loss, found[-1], rtol=1e-4, atol=1e-6):
        return "failed", (
            "It stopped in time, and the head has the weights of the last "
            f"epoch, loss {loss:.3f} and not {found[best]:.3f}: keep a "
            "`copy.deepcopy` of the state dict, and load it at the end."
        )
    return "failed", (
        f"The head's loss is {loss:.3f}, and the lowest of `my_losses` is "
        f"{found[best]:.3f}: load the weights of that epoch. (To begin again, "
        "run the whole cell.)"
    )


def _loss(head, features, labels):
    import torch

    with torch.no_grad():
        logits = head(features)
        return float(torch.nn.functional.cross_entropy(logits, labels))


def judge_port(module: object, keras_model: object) -> tuple[str, str]:
    """Judge a PyTorch module that should answer as a Keras model does.

    Args:
        module: The learner's module.
        keras_model: The model in Keras.
    """
    if problem := _no_module(module, "my_module"):
        return "failed", problem
    import torch

    if training := [type(m).__name__ for m in module.modules() if m.training]:
        return "failed", (
            f"It is in training mode ({len(training)} modules are), so a "
            "picture's answer depends on its batch: call `eval()`."
        )
    shape = (4, *keras_model.input_shape[1:])
    pictures = _pictures(shape)
    wanted = np.asarray(keras_model(pictures, training=False))
    try:
        with torch.no_grad():
            answer = module(torch.from_numpy(pictures))
    except (RuntimeError, TypeError, IndexError, ValueError) as error:
        return "failed", (
            f"Called on a tensor of shape {shape} it raises "
            f"{type(error).__name__}: {str(error).splitlines()[0][:120]}. It "
            "takes what the Keras model takes; `permute` brings the channels "
            "to the front."
        )
    found = as_numbers(answer)
    if found.shape != wanted.shape:
        return "failed", (
            f"It gives {brief(answer)}, and the Keras model an array of shape "
            f"{wanted.shape}."
        )
    if np.abs(found - wanted).max() < _NEAR:
        return "passed", (
            "The same probabilities, to "
            f"{np.abs(found - wanted).max():.0e}: a port that is proven."
        )
    shares = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    if np.abs(shares - wanted).max() < _NEAR:
        return "failed", (
            "These are logits, and the Keras model gives probabilities: end "
            "in `softmax(dim=1)`."
        )
    if np.abs(found[:, ::-1] - wanted).max() < _NEAR:
        return "failed", "The classes are in another order."
    return "failed", (
        f"The largest difference is {np.abs(found - wanted).max():.2g}. "
        "Compare step by step: the scaled picture, the features, the logits."
    )


def _pictures(shape):
    """Smooth pictures, from dark to light, that differ from each other."""
    rng = np.random.default_rng(0)
    pictures = np.linspace(0, 255, shape[1])[:, np.newaxis, np.newaxis]
    pictures = pictures * rng.uniform(0.2, 1, (shape[0], 1, *shape[2:]))
    return pictures.astype("float32")


def _no_module(value, name):
    if torch_training_evidence.is_module(value):
        return ""
    return f"`{name}` should be a PyTorch module, not {brief(value)}."


JUDGES = {
    "pt-01": judge_modes,
    "pt-02": judge_groups,
    "pt-03": judge_late_blocks,
    "pt-04": judge_early_stopping,
    "pt-05": judge_port,
}
