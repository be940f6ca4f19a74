"""Freeze and unfreeze a backbone.

The functions here set flags and nothing else. Flags take effect when the
model is compiled again: `course_utils.transfer.recompile` does it.
"""

import difflib
import math
import re

import keras

from course_utils.machine import arguments
from course_utils.machine.errors import CourseError


def freeze(base_model):
    """Freezes a backbone: training leaves all of its weights alone.

    Batch normalization works in inference mode then, so that its moving
    statistics stay as they are, too. Introduced in lesson 02
    (``02_feature_extraction``), which does it by hand.

    Args:
        base_model: A `keras.Model`, or any Keras layer. It is changed. If a
            model with it was trained before, compile that model again.

    Raises:
        CourseError: If `base_model` is no Keras model or layer.
    """
    check_is_layer(base_model)
    _set_flag(base_model, False)


def unfreeze(
    base_model, last=None, from_layer=None, share=None, batch_norm=False
):
    """Unfreezes a backbone, or its last part, and freezes the rest of it.

    What was unfrozen before is no matter: the same call leaves the same
    state. With none of `last`, `from_layer` and `share`, all is unfrozen.
    Introduced in lesson 03 (``03_fine_tuning``), which does it by hand.

    Batch normalization stays in inference mode: its own weights and its
    moving statistics do not move. In Keras 3, `base_model(x, training=False)`
    alone does not see to that under `fit`; the flag of each layer does.

    The backbone's own flag becomes True, so that
    `base_model.trainable_weights` lists what will train.

    Weights that a subclassed backbone, or a model within, holds itself, such
    as a transformer's positions, go with the first of its layers. Where
    `enable_lora` put low-rank adapters beside a kernel, the adapters are
    unfrozen and the kernel stays frozen.

    Args:
        base_model: A built `keras.Model`. It is changed. Compile the model
            that it is part of again.
        last: Number of layers, counted from the end as in
            `base_model.layers[-last:]`; the layers of a model within count
            one by one.
        from_layer: Name of a layer, or of a block (what the names of its
            layers begin with, such as `"stage4"`): it and all after it.
        share: Share of the parameters, above 0, up to 1: the fewest last
            layers that hold at least that share of what training could
            change.
        batch_norm: Whether batch normalization is unfrozen with the rest.
            Defaults to False.

    Raises:
        CourseError: If more than one measure is given, if it does not fit
            this backbone, or if it leaves nothing to train. The flags are
            then as they were.
    """
    check_is_layer(base_model)
    batch_norm = arguments.choice("batch_norm", batch_norm, (True, False))
    parts = _in_order(base_model)
    counts = [_parameters(part, batch_norm) for part in parts]
    first = _first_unfrozen(base_model, parts, counts, last, from_layer, share)
    if not any(counts[first:]):
        raise CourseError(
            f"There is nothing to unfreeze: the last {len(parts) - first} "
            f"layers of {base_model.name!r} have no weights to train; "
            f"{_remedy(base_model, parts, counts)}."
        )
    _set_flag(base_model, True)
    for number, (layer, own) in enumerate(parts):
        _set_flag(layer, number >= first)
        for variable in own:
            variable.trainable = number >= first
        if number >= first:
            for norm in batch_norms(layer) if not batch_norm else []:
                norm.trainable = False
            for variable in _lora_kernels(layer):
                variable.trainable = False


def _set_flag(layer, flag):
    """Sets the flag of a layer, of all within and of their weights.

    On TensorFlow, Keras passes a flag on only where it is another than before.
    """
    for part in layer._flatten_layers():
        part.trainable = flag
        for variable in part._trainable_variables:
            variable.trainable = flag


def _remedy(base_model, parts, counts):
    """Returns what to do where nothing would train."""
    if any(counts):
        return "reach further back"
    if any(_parameters(part, batch_norm=True) for part in parts):
        return "give batch_norm=True, since it has batch normalization only"
    if not base_model.built:
        return "call it on one batch first, which makes its weights"
    return "pass the model that has the pretrained weights"


def _first_unfrozen(base_model, parts, counts, last, from_layer, share):
    """Returns the position of the first layer to unfreeze."""
    measures = {"last": last, "from_layer": from_layer, "share": share}
    given = [name for name, value in measures.items() if value is not None]
    if len(given) > 1:
        raise CourseError(
            f"Got {' and '.join(given)} at once, which may contradict each "
            "other: give one of last, from_layer and share, or none for all."
        )
    if last is not None:
        return len(parts) - arguments.whole_number(
            "last", last, 1, most=len(parts)
        )
    if from_layer is not None:
        return _position(base_model, parts, counts, from_layer)
    return 0 if share is None else _first_of_share(counts, share)


def _position(base_model, parts, counts, name):
    names = [layer.name for layer, _ in parts]
    for model in _parts_within(base_model):
        if name == model.name and not _is_leaf(model):
            return _begin(model, parts)
    if name in names:
        return names.index(name)
    # "stage4" is the block of "stage4_block1_conv1", and "block7" the one of
    # "block7a_expand_conv"; "block_1" is not the one of "block_16_expand".
    block = re.compile(re.escape(str(name)) + "[a-z]?_")
    inside = [n for n, known in enumerate(names) if block.match(known)]
    if inside:
        return inside[0]
    # After the last weights there is nothing to unfreeze.
    useful = [n for n, count in enumerate(counts) if count] or [len(names) - 1]
    words = [known.split("_") for known in names[: useful[-1] + 1]]
    blocks = ["_".join(w[:n]) for w in words for n in range(1, len(w) + 1)]
    nearest = difflib.get_close_matches(str(name), blocks, n=1)
    hint = (
        f"did you mean {nearest[0]!r}"
        if nearest
        else f"try {names[useful[-1]]!r}"
    )
    raise CourseError(
        f"{base_model.name!r} has no layer or block {name!r}: expected a name "
        f"from `[layer.name for layer in base_model.layers]`; {hint}?"
    )


def _first_of_share(counts, share):
    share = arguments.number("share", share, 0.5, above=0, most=1)
    reached, first = 0, len(counts)
    wanted = (share - 1e-9) * sum(counts)  # 0.07 * 100 is more than 7.
    while first and reached < wanted:
        first -= 1
        reached += counts[first]
    return first


def _in_order(base_model):
    """Returns pairs: each layer, and the weights of the models that it begins.

    The layers of models within count one by one.
    """
    parts = [(layer, []) for layer in layers_within(base_model)]
    for model in _parts_within(base_model):
        if not _is_leaf(model):
            parts[_begin(model, parts)][1].extend(model._trainable_variables)
    return parts


def _begin(model, parts):
    """Returns the position of the first layer of a model."""
    inside = set(map(id, layers_within(model)))
    return next(n for n, (part, _) in enumerate(parts) if id(part) in inside)


def layers_within(model):
    """Returns each layer once, those of the models within one by one."""
    return [part for part in _parts_within(model) if _is_leaf(part)]


def _parts_within(model, seen=None):
    """Returns each layer and model once; a model comes before its layers."""
    seen = set() if seen is None else seen
    found = [model]
    for part in [] if _is_leaf(model) else model.layers:
        if id(part) not in seen:
            seen.add(id(part))
            found += _parts_within(part, seen)
    return found


def _is_leaf(part):
    """Returns whether it is a layer, not a model that has layers."""
    return not (isinstance(part, keras.Model) and part.layers)


def _lora_kernels(layer):
    """Returns the weights that low-rank adapters stand beside."""
    return [
        variable
        for part in layer._flatten_layers()
        if getattr(part, "lora_enabled", False)
        for name in ("_kernel", "_embeddings")
        if (variable := getattr(part, name, None)) is not None
    ]


def batch_norms(layer):
    """Returns the batch normalizations of a layer, itself included."""
    check_is_layer(layer)
    kind = keras.layers.BatchNormalization
    return [part for part in layer._flatten_layers() if isinstance(part, kind)]


def _parameters(part, batch_norm):
    """Counts what training could change in a layer, whatever its flags."""
    layer, own = part
    kept = [] if batch_norm else batch_norms(layer)
    frozen = {id(variable) for variable in _lora_kernels(layer)}
    return sum(
        size(variable)
        for inner in layer._flatten_layers()
        if inner not in kept
        for variable in inner._trainable_variables
        if id(variable) not in frozen
    ) + sum(map(size, own))


def size(variable):
    """Returns how many numbers a variable holds."""
    return math.prod(variable.shape)


def check_is_layer(model, kind=keras.Layer):
    """Raises a `CourseError` for what is no Keras layer, or no model."""
    if not isinstance(model, kind):
        raise CourseError(
            f"Expected a Keras model, not {type(model).__name__}: pass the "
            "model itself, for example the one from load_backbone."
        )
