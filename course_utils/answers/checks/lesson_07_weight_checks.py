"""Checks of lesson 07: merged adapters, and a greedy soup."""

import contextlib
import itertools
from collections.abc import Iterable

import numpy as np
from sklearn.metrics import roc_auc_score

from course_utils.answers.learner_values import as_numbers, brief

_NEAR = 1e-3  # by so much two ways to the same scores may differ
# Two means that differ in rounding may order two cells in another way.
_TIE = 1e-3


def no_weights(given: object, like: list, name: str) -> str:
    """Say why something is not a list of weights like another.

    Args:
        given: What the learner made.
        like: What `model.get_weights()` gives.
        name: What the learner has called it.

    Returns:
        One sentence, or an empty text.
    """
    if not isinstance(given, list | tuple):
        return f"`{name}` should be a list of arrays, not {brief(given)}."
    if len(given) != len(like):
        return (
            f"`{name}` has {len(given)} arrays, and the model has {len(like)}."
        )
    for place, (one, other) in enumerate(zip(given, like, strict=True)):
        if as_numbers(one).shape != np.shape(other):
            return (
                f"Array {place} of `{name}` is {brief(one)}, and the model's "
                f"has shape {np.shape(other)}."
            )
    return ""


@contextlib.contextmanager
def _lent(model):
    """Give a model its weights back."""
    weights = model.get_weights()
    try:
        yield
    finally:
        model.set_weights(weights)


def judge_merged(
    merged: object, model: object, adapted: object, grids: object
) -> tuple[str, str]:
    """Judge adapters that were added to the kernels beside them.

    Args:
        merged: The learner's weights for ``model``.
        model: A model without adapters.
        adapted: The same with adapters, trained.
        grids: What to ask both about.
    """
    if problem := no_weights(merged, model.get_weights(), "my_merged"):
        return "failed", problem
    wanted = np.asarray(adapted.predict(grids, verbose=0))
    with _lent(model):
        model.set_weights([as_numbers(array) for array in merged])
        found = np.asarray(model.predict(grids, verbose=0))
    largest = float(np.abs(found - wanted).max())
    if largest < _NEAR:
        return "passed", (
            f"The same scores, within {_NEAR:g}, and no adapter is left: "
            f"{adapted.count_params():,} numbers "
            f"became {model.count_params():,}."
        )
    return "failed", _why_differs(merged, model, adapted, largest)


def _why_differs(merged, model, adapted, largest):
    places = {id(v): place for place, v in enumerate(model.weights)}
    left, other, twins = 0, 0, 0
    for layer in adapted.layers[0].layers:
        if not getattr(layer, "lora_enabled", False):
            continue
        twins += 1
        kernel = model.layers[0].get_layer(layer.name).weights[0]
        got = as_numbers(merged[places[id(kernel)]])
        frozen, whole = (np.asarray(k) for k in (layer._kernel, layer.kernel))
        if np.allclose(got, whole, atol=1e-5):
            continue
        left += np.allclose(got, frozen, atol=1e-6)
        other += not np.allclose(got, frozen, atol=1e-6)
    if left:
        return (
            f"{left} of {twins} kernels are as they were before the adapters: "
            "add the product of the two thin arrays to each."
        )
    if other:
        return (
            f"{other} of {twins} kernels are not the frozen kernel plus the "
            "product: `kernel + a @ b`, each once."
        )
    heads = zip(merged[-2:], adapted.layers[-1].get_weights(), strict=True)
    if not all(np.allclose(one, own, atol=1e-6) for one, own in heads):
        return "The kernels are right. The head is not the trained one."
    return (
        f"The scores differ by up to {largest:.2g}: something besides the 1x1 "
        "kernels and the head was changed."
    )


def judge_greedy(
    greedy: object,
    members: object,
    candidates: dict,
    model: object,
    grids: object,
    labels: object,
) -> tuple[str, str]:
    """Judge a soup to which one run after the other was added.

    Args:
        greedy: The learner's weights.
        members: Names of what is in, in the order of adding.
        candidates: By name, weights that may go in.
        model: A model that takes them.
        grids: What to validate on.
        labels: Its labels, 0 or 1.
    """
    names = list(candidates)
    ordered = isinstance(members, Iterable) and not isinstance(members, set)
    if not ordered or isinstance(members, str) or not len(list(members)):
        return "failed", (
            f"`my_members` should be a list of names, not {brief(members)}."
        )
    members = list(members)
    if strange := [m for m in members if m not in names]:
        return "failed", f"{brief(strange[0])} is not one of the candidates."
    if len(set(members)) < len(members):
        return "failed", "A candidate is in twice: each may go in once."
    if problem := no_weights(greedy, model.get_weights(), "my_greedy"):
        return "failed", problem

    def mean(some):
        arrays = zip(*(candidates[name] for name in some), strict=True)
        return [np.mean(own, axis=0) for own in arrays]

    def auc(some):
        model.set_weights(mean(some))
        scores = np.asarray(model.predict(grids, verbose=0))[:, 0]
        return roc_auc_score(labels, scores)

    with _lent(model):
        alone = {name: auc([name]) for name in names}
        problem = _wrong_choice(list(members), alone, auc)
        if not problem:
            together = auc(members)
    if problem:
        return "failed", problem
    if not all(
        np.allclose(as_numbers(one), own, atol=1e-5)
        for one, own in zip(greedy, mean(members), strict=True)
    ):
        return "failed", (
            "The members are right. `my_greedy` is not the mean of their "
            "weights."
        )
    return "passed", (
        f"{len(members)} of {len(names)} are in, with {together:.3f} on the "
        f"validation cells; the best alone has {max(alone.values()):.3f}."
    )


def _wrong_choice(members, alone, auc):
    """Walk down the list beside the learner; say where they part."""
    best = max(alone.values())
    if alone[members[0]] < best - _TIE:
        return (
            f"It begins with {members[0]!r} at {alone[members[0]]:.3f}, and "
            f"the best alone has {best:.3f}."
        )
    for one, following in itertools.pairwise(members):
        if alone[following] > alone[one] + _TIE:
            return (
                f"Alone, {following!r} is better than {one!r}, so its turn "
                "comes first."
            )
    inside = members[:1]
    so_far = alone[members[0]]
    for name in sorted(alone, key=lambda name: -alone[name]):
        if name in inside:
            continue
        found = auc([*inside, name])
        if name in members and found < so_far - _TIE:
            return (
                f"With {name!r} the soup falls from {so_far:.3f} to "
                f"{found:.3f}, yet it is in."
            )
        if name not in members and found > so_far + _TIE:
            return (
                f"With {name!r} the soup rises from {so_far:.3f} to "
                f"{found:.3f}, yet it is not in."
            )
        if name in members:
            inside.append(name)
            so_far = found
    return ""
