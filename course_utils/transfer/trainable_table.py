"""A table of what will train, block by block."""

import dataclasses
import html
import re

from course_utils.machine.errors import CourseError
from course_utils.transfer.freezing import (
    batch_norms,
    check_is_layer,
    is_leaf,
    own_weights,
    parts_with_path,
    size,
)


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
    check_is_layer(model)
    if not model.weights:
        raise CourseError(
            "This model has no weights yet, so there is nothing to report: "
            "call it on one batch first."
            if not model.built
            else "This model has no weights, so there is nothing to report: "
            "pass the model with backbone and head."
        )
    training = {id(variable) for variable in model.trainable_variables}
    groups: dict[str, list] = {}
    seen = set()
    for part, path in parts_with_path(model):
        # A layer that is used twice, or a weight in two layers, counts once.
        weights = [w for w in own_weights(part) if id(w) not in seen]
        seen.update(map(id, weights))
        if weights:
            own = _block(part.name) if is_leaf(part) else "own weights"
            name = " / ".join([*path, own])
            groups.setdefault(name, []).append((part, weights))
    rows = tuple(_row(name, parts, training) for name, parts in groups.items())
    return TrainableReport(model.name, rows, _stale(model))


@dataclasses.dataclass(frozen=True)
class Row:
    """What will train in one block.

    Attributes:
        name: Name of the block, or of a layer outside blocks; within a nested
            model its name comes first: `"residual / stage1_block1"`. What a
            model holds beside its layers is `"own weights"`.
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


def _row(name, parts, training):
    weights = [weight for _, own in parts for weight in own]
    modes = {
        "training" if norm.trainable else "inference"
        for part, _ in parts
        if is_leaf(part)
        for norm in batch_norms(part)
    }
    return Row(
        name,
        sum(map(size, weights)),
        sum(size(weight) for weight in weights if id(weight) in training),
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
