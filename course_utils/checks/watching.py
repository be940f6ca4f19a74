"""Record what a learner's own training did to a model.

``with course.watch(model) as evidence: model.fit(...)`` copies the weights
before, compares them after, and keeps only what came of it. Nothing is
trained and nothing is changed: a trial ``fit`` would bind trainability and
prove nothing about the learner's own (see the tests of Keras's behaviour).
"""

import contextlib
import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from course_utils.errors import CourseError

BATCH_NORM_STATISTICS = ("moving_mean", "moving_variance")


@dataclasses.dataclass(frozen=True)
class WeightChange:
    """What happened to one array of weights.

    Attributes:
        path: Keras's path of the variable, ``"layer/kernel"``.
        identity: ``id`` of the variable, to find it in a part of the model.
        flagged_trainable: Whether the model says, afterwards, that it trains.
        is_statistic: Whether it is a moving statistic of batch normalization.
        largest: Largest absolute change of one number; NaN if a number is no
            longer finite.
    """

    path: str
    identity: int
    flagged_trainable: bool
    is_statistic: bool
    largest: float

    @property
    def moved(self) -> bool:
        """Whether any number changed."""
        return not self.largest == 0


@dataclasses.dataclass(frozen=True)
class OptimizerState:
    """The optimizer at one moment.

    Attributes:
        identity: ``id`` of the optimizer object; ``None`` if not compiled.
        class_name: For example ``"Adam"``.
        learning_rate: In force at this step; NaN if not compiled.
        iterations: Steps that this optimizer has made.
    """

    identity: int | None = None
    class_name: str = ""
    learning_rate: float = math.nan
    iterations: int = 0


@dataclasses.dataclass
class Evidence:
    """What was seen around a learner's own code.

    Attributes:
        model: The model that was watched.
        changes: One entry a weight, in the order of ``model.weights``.
        before: The optimizer before.
        after: The optimizer afterwards.
        history: Metrics by name, one number an epoch, of the last ``fit``
            inside the block; empty if there was none.
        finished: Whether the block has ended.
        stopped_by: Name of the error that ended it early; empty if none did.
    """

    model: object
    changes: tuple[WeightChange, ...] = ()
    before: OptimizerState = OptimizerState()
    after: OptimizerState = OptimizerState()
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    finished: bool = False
    stopped_by: str = ""

    def __repr__(self) -> str:
        """Summarise in one line."""
        if not self.finished:
            return "Evidence: the block is not over yet."
        moved = sum(change.moved for change in self.changes)
        text = (
            f"Evidence: {moved} of {len(self.changes)} arrays of weights "
            f"moved, in {len(next(iter(self.history.values()), []))} epochs"
        )
        if self.stopped_by:
            text += f"; ended early by {self.stopped_by}"
        return text + "."


@contextlib.contextmanager
def watch(model: object) -> Iterator[Evidence]:
    """Record what happens to a model inside a ``with`` block.

    Introduced in lesson 00. Takes a copy of the weights for as long as the
    block runs (100 MB for ResNet50), and no other memory to speak of.

    Args:
        model: A built ``keras.Model`` of any kind.

    Yields:
        The evidence, filled in when the block ends, also by an interrupt.

    Raises:
        CourseError: If ``model`` is no Keras model, or has no weights yet.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise CourseError(
            f"course.watch expects a Keras model, not {type(model).__name__}: "
            "write `with course.watch(model) as evidence:`."
        )
    if not model.weights:
        raise CourseError(
            "This model has no weights yet: call it on one batch before "
            "`with course.watch(model)`."
        )
    evidence = Evidence(model, before=optimizer_state(model))
    variables = list(model.weights)
    copies = [to_array(variable) for variable in variables]
    earlier_fit = getattr(model, "history", None)
    try:
        yield evidence
    except BaseException as error:
        evidence.stopped_by = type(error).__name__
        raise
    finally:
        trainable = {id(v) for v in model.trainable_weights}
        evidence.changes = tuple(
            _change(variable, copy, id(variable) in trainable)
            for variable, copy in zip(variables, copies, strict=True)
        )
        evidence.after = optimizer_state(model)
        last_fit = getattr(model, "history", None)
        if last_fit is not None and last_fit is not earlier_fit:
            evidence.history = dict(last_fit.history)
        evidence.finished = True


def optimizer_state(model: object) -> OptimizerState:
    """Return the state of a model's optimizer."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return OptimizerState()
    return OptimizerState(
        id(optimizer),
        type(optimizer).__name__,
        # A schedule is evaluated at the current step.
        float(to_array(optimizer.learning_rate)),
        int(to_array(optimizer.iterations)),
    )


def to_array(variable: object) -> np.ndarray:
    """Return a copy of a variable's numbers, which training cannot touch."""
    import keras

    return np.array(keras.ops.convert_to_numpy(variable))


def _change(variable, before: np.ndarray, trainable: bool) -> WeightChange:
    after = to_array(variable)
    same = np.array_equal(before, after)
    largest = 0.0 if same else float(np.max(np.abs(after - before)))
    return WeightChange(
        path=variable.path,
        identity=id(variable),
        flagged_trainable=trainable,
        is_statistic=variable.name in BATCH_NORM_STATISTICS,
        largest=largest,
    )
