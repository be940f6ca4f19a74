"""Freeze and unfreeze a backbone.

The functions here set flags and nothing else. Flags take effect when the
model is compiled again: `course_utils.transfer.recompile` does it.
"""

import difflib
import math
import re

import keras

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
    base_model.trainable = False


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
    layers = _leaves(base_model)
    first = _first_unfrozen(base_model, layers, last, from_layer, share)
    if share is not None:
        first = _first_of_share(layers, share, batch_norm)
    chosen = layers[first:]
    if not any(_parameters(layer, batch_norm) for layer in chosen):
        kept = "" if batch_norm else ", since batch normalization stays frozen"
        raise CourseError(
            f"There is nothing to unfreeze: the last {len(chosen)} layers of "
            f"{base_model.name!r} have no weights to train{kept}; reach "
            "further back, or build the model first."
        )
    base_model.trainable = True
    for number, layer in enumerate(layers):
        layer.trainable = number >= first
        if number >= first and not batch_norm:
            for norm in batch_norms(layer):
                norm.trainable = False


def _first_unfrozen(base_model, layers, last, from_layer, share):
    """Returns the position of the first layer to unfreeze."""
    measures = {"last": last, "from_layer": from_layer, "share": share}
    given = [name for name, value in measures.items() if value is not None]
    if len(given) > 1:
        raise CourseError(
            f"Got {' and '.join(given)} at once, which may contradict each "
            "other: give one of last, from_layer and share, or none for all."
        )
    if last is not None:
        if type(last) is not int or not 1 <= last <= len(layers):
            raise CourseError(
                f"Cannot unfreeze the last {last!r} layers: "
                f"{base_model.name!r} has {len(layers)} layers, so give a "
                f"whole number from 1 to {len(layers)}."
            )
        return len(layers) - last
    if from_layer is not None:
        return _position(base_model, layers, from_layer)
    return 0


def _position(base_model, layers, name):
    names = [layer.name for layer in layers]
    if name in names:
        return names.index(name)
    # "stage4" is the block of "stage4_block1_conv1", and "block7" the one of
    # "block7a_expand_conv"; "block_1" is not the one of "block_16_expand".
    block = re.compile(re.escape(str(name)) + "[a-z]?_")
    inside = [n for n, known in enumerate(names) if block.match(known)]
    if inside:
        return inside[0]
    parts = [known.split("_") for known in names]
    blocks = ["_".join(p[:n]) for p in parts for n in range(1, len(p) + 1)]
    nearest = difflib.get_close_matches(str(name), blocks, n=1)
    hint = f"did you mean {nearest[0]!r}" if nearest else f"try {names[-1]!r}"
    raise CourseError(
        f"{base_model.name!r} has no layer or block {name!r}: expected a name "
        f"from `[layer.name for layer in base_model.layers]`; {hint}?"
    )


def _first_of_share(layers, share, batch_norm):
    if isinstance(share, bool) or not isinstance(share, int | float):
        share = float("nan")
    if not 0 < share <= 1:
        raise CourseError(
            "The share of parameters to unfreeze must be a number above 0, "
            "and at most 1; to unfreeze nothing, use freeze(base_model)."
        )
    counts = [_parameters(layer, batch_norm) for layer in layers]
    reached, first = 0, len(layers)
    while reached < share * sum(counts):
        first -= 1
        reached += counts[first]
    return first


def _leaves(model):
    """Returns the layers of a model, those of models within one by one."""
    return [layer for layer, _ in leaves_with_path(model)]


def leaves_with_path(model, path=(), seen=None):
    """Returns pairs: each layer once, and the names of the models around."""
    seen = set() if seen is None else seen
    found = []
    for layer in getattr(model, "layers", [model]):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model):
            found += leaves_with_path(layer, (*path, layer.name), seen)
        else:
            found.append((layer, path))
    return found


def batch_norms(layer):
    """Returns the batch normalizations of a layer, itself included."""
    kind = keras.layers.BatchNormalization
    return [part for part in layer._flatten_layers() if isinstance(part, kind)]


def _parameters(layer, batch_norm):
    """Counts what training could change in a layer, whatever its flags."""
    kept = [] if batch_norm else batch_norms(layer)
    return sum(
        size(variable)
        for part in layer._flatten_layers()
        if part not in kept
        for variable in part._trainable_variables
    )


def size(variable):
    """Returns how many numbers a variable holds."""
    return math.prod(variable.shape)


def check_is_layer(model):
    """Raises a `CourseError` for what is no Keras model or layer."""
    if not isinstance(model, keras.Layer):
        raise CourseError(
            f"Expected a Keras model, not {type(model).__name__}: pass the "
            "model itself, for example the one from load_backbone."
        )
