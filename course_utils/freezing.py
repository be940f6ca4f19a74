"""Freeze and unfreeze a backbone, and see what will train.

The functions here set flags and nothing else. Flags take effect when the
model is compiled again: `course_utils.training.recompile` does it.
"""

import dataclasses
import difflib
import html
import math
import re

import keras

from course_utils.errors import CourseError


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
    _check_is_layer(base_model)
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
    _check_is_layer(base_model)
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
            for norm in _batch_norms(layer):
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


def trainable_report(model):
    """Lists what the next `fit` will train, block by block.

    Introduced in lesson 03 (``03_fine_tuning``), which counts by hand.

    Args:
        model: A built `keras.Model`; nothing is changed.

    Returns:
        A `TrainableReport`. A notebook shows it as a table; `print` shows it
        as text.

    Raises:
        CourseError: If `model` is no Keras model, or has no weights yet.
    """
    _check_is_layer(model)
    if not model.weights:
        raise CourseError(
            "This model has no weights yet, so there is nothing to report: "
            "call it on one batch first."
        )
    training = {id(variable) for variable in model.trainable_variables}
    groups: dict[str, list] = {}
    for layer, path in _leaves_with_path(model):
        if layer.weights:
            name = " / ".join([*path, _block(layer.name)])
            groups.setdefault(name, []).append(layer)
    rows = tuple(
        _row(name, layers, training) for name, layers in groups.items()
    )
    return TrainableReport(model.name, rows, _stale(model))


@dataclasses.dataclass(frozen=True)
class Row:
    """What will train in one block.

    Attributes:
        name: Name of the block, or of a layer outside blocks; within a nested
            model its name comes first: `"residual / stage1_block1"`.
        parameters: Numbers in its weights, moving statistics included.
        training: How many of them training will change.
        batch_norm: Mode of its batch normalization under `fit`, by its flags:
            `"inference"`, `"training"`, `"mixed"`, or `""` without any. (A
            model whose own `call` passes `training=False` keeps it in
            inference whatever the flags say; no table can see that.)
    """

    name: str
    parameters: int
    training: int
    batch_norm: str


@dataclasses.dataclass(frozen=True)
class TrainableReport:
    """What the next `fit` will train; made by `trainable_report`.

    Attributes:
        name: Name of the model.
        rows: One `Row` a block, in the order of the layers.
        stale: Whether the flags differ from what an earlier training bound:
            then `fit` goes by the older ones, or fails, until the model is
            compiled again. None where it cannot be known: without an
            optimizer, or with one that does not keep its list of variables.
            Told by the list of weights, so a batch normalization without any
            trained weights of its own is not seen.
    """

    name: str
    rows: tuple[Row, ...]
    stale: bool | None

    @property
    def parameters(self) -> int:
        """Numbers in all weights."""
        return sum(row.parameters for row in self.rows)

    @property
    def training(self) -> int:
        """How many of them training will change."""
        return sum(row.training for row in self.rows)

    def summary(self) -> str:
        """Says in one or two sentences what will train."""
        text = (
            f"{self.training:,} of {self.parameters:,} parameters will train "
            f"({self.training / self.parameters:.1%})."
        )
        if self.stale:
            text += (
                " But the model was trained with other flags: compile it "
                "again, or they take no effect."
            )
        if self.stale is None:
            text += (
                " Whether an earlier training bound other flags is not known."
            )
        return text

    def __repr__(self) -> str:
        """Show the table as text."""
        table = [_HEADER, *map(_cells, self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for name, *numbers, mode in table:
            middle = [
                text.rjust(width)
                for text, width in zip(numbers, widths[1:-1], strict=True)
            ]
            line = "  ".join([name.ljust(widths[0]), *middle, mode])
            lines.append(line.rstrip())
        return "\n".join([*lines, self.summary()])

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        head = "".join(f'<th scope="col">{text}</th>' for text in _HEADER)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{html.escape(text)}</td>" for text in _cells(row))
            + "</tr>"
            for row in self.rows
        )
        return (
            f"<table><caption>{html.escape(self.name)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f"<p>{html.escape(self.summary())}</p>"
        )


_HEADER = ("block", "parameters", "will train", "batch norm")


def _cells(row):
    return row.name, f"{row.parameters:,}", f"{row.training:,}", row.batch_norm


def _row(name, layers, training):
    # A layer that is used twice, or a weight in two layers, counts once.
    weights = {id(w): w for layer in layers for w in layer.weights}
    sizes = {key: _size(weight) for key, weight in weights.items()}
    modes = {
        "training" if norm.trainable else "inference"
        for layer in layers
        for norm in _batch_norms(layer)
    }
    return Row(
        name,
        sum(sizes.values()),
        sum(size for key, size in sizes.items() if key in training),
        "mixed" if len(modes) > 1 else "".join(modes),
    )


def _block(name):
    """Returns the block that a layer's name tells, or the name itself."""
    found = re.match(r"(.*block_?\d+[a-z]?|stem)(?=_)", name)
    return found[1] if found else name


def _stale(model):
    """Compares the flags with the weights that the optimizer was built for.

    Keras builds the optimizer when it first traces the training step, so its
    list holds what that trace bound.
    """
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return None
    if not optimizer.built:
        return False
    bound = getattr(optimizer, "_trainable_variables", None)
    if bound is None:
        return None
    bound = {id(variable) for variable in bound}
    training = {id(variable) for variable in model.trainable_variables}
    if training - bound:
        return True
    # What was frozen since takes effect if the step is traced anew.
    traced = model.train_function is not None and not model.run_eagerly
    return traced and training != bound


def _leaves(model):
    """Returns the layers of a model, those of models within one by one."""
    return [layer for layer, _ in _leaves_with_path(model)]


def _leaves_with_path(model, path=(), seen=None):
    """Returns pairs: each layer once, and the names of the models around."""
    seen = set() if seen is None else seen
    found = []
    for layer in getattr(model, "layers", [model]):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model):
            found += _leaves_with_path(layer, (*path, layer.name), seen)
        else:
            found.append((layer, path))
    return found


def _batch_norms(layer):
    """Returns the batch normalizations of a layer, itself included."""
    kind = keras.layers.BatchNormalization
    return [part for part in layer._flatten_layers() if isinstance(part, kind)]


def _parameters(layer, batch_norm):
    """Counts what training could change in a layer, whatever its flags."""
    kept = [] if batch_norm else _batch_norms(layer)
    return sum(
        _size(variable)
        for part in layer._flatten_layers()
        if part not in kept
        for variable in part._trainable_variables
    )


def _size(variable):
    return math.prod(variable.shape)


def _check_is_layer(model):
    if not isinstance(model, keras.Layer):
        raise CourseError(
            f"Expected a Keras model, not {type(model).__name__}: pass the "
            "model itself, for example the one from load_backbone."
        )
