"""Record what a learner's own training did to a model.

``with course.watch(model) as evidence: model.fit(...)`` copies the weights
before, compares them after, and keeps only what came of it. Nothing is
trained and nothing is changed: a trial ``fit`` would bind trainability and
prove nothing about the learner's own (see the tests of Keras's behaviour).
"""

import dataclasses
import math

import numpy as np

from course_utils.answers.checks import torch_training_evidence
from course_utils.machine.errors import CourseError

BATCH_NORM_STATISTICS = (
    "moving_mean",
    "moving_variance",
    *torch_training_evidence.BATCH_NORM_STATISTICS,
)


@dataclasses.dataclass(frozen=True)
class WeightChange:
    """What happened to one array of weights.

    Attributes:
        path: Keras's path of the variable, ``"layer/kernel"``; PyTorch's name,
            ``"layer.weight"``.
        identity: ``id`` of the variable, to find it in a part of the model.
        flagged_trainable: Whether the model says, afterwards, that it trains.
        is_statistic: Whether it is a moving statistic of batch normalization.
        largest: Largest absolute change of one number; NaN if a number is no
            longer finite.
        shape: Shape of the array.
        is_even: Whether all numbers of several changed by the same amount, as
            no training does to a kernel.
    """

    path: str
    identity: int
    flagged_trainable: bool
    is_statistic: bool
    largest: float
    shape: tuple[int, ...] = ()
    is_even: bool = False

    @property
    def moved(self) -> bool:
        """Whether any number changed."""
        return not self.largest == 0


@dataclasses.dataclass(frozen=True)
class OptimizerState:
    """The optimizer at one moment.

    Attributes:
        identity: ``id`` of the optimizer object; ``None`` if not compiled.
        learning_rate: In force at this step; NaN if not compiled, or if the
            optimizer has several or none.
        iterations: Steps that this optimizer has made.
    """

    identity: int | None = None
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
        own_step: Whether the model has a ``train_step`` of its own, which
            need not train what is flagged trainable.
        added: Paths of weights that the model did not have before.
        rates: Of a PyTorch module: by identity of a weight, the learning rates
            at which an optimizer that holds it has stepped.
        finished: Whether the block has ended.
        stopped_by: Name of the error that ended it early; empty if none did.
    """

    model: object
    changes: tuple[WeightChange, ...] = ()
    before: OptimizerState = OptimizerState()
    after: OptimizerState = OptimizerState()
    history: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    own_step: bool = False
    added: tuple[str, ...] = ()
    rates: dict[int, tuple[float, ...]] = dataclasses.field(
        default_factory=dict
    )
    finished: bool = False
    stopped_by: str = ""

    @property
    def steps(self) -> int:
        """Steps that the optimizer has made inside the block.

        It makes none where a loop of one's own has another optimizer, or
        where float16 overflows: what was learned, the weights tell.
        """
        same = self.after.identity == self.before.identity
        return self.after.iterations - (self.before.iterations if same else 0)

    def __repr__(self) -> str:
        """Summarise in one line."""
        if not self.finished:
            return "Evidence: the block is not over yet."
        moved = sum(change.moved for change in self.changes)
        length = f"{len(next(iter(self.history.values()), []))} epochs"
        if torch_training_evidence.is_module(self.model):
            length = f"{self.steps} step{'' if self.steps == 1 else 's'}"
        text = (
            f"Evidence: {moved} of {len(self.changes)} arrays of weights "
            f"moved, in {length}"
        )
        if self.added:
            text += f"; {len(self.added)} arrays are new"
        if self.stopped_by:
            text += f"; ended early by {self.stopped_by}"
        return text + "."


class watch:  # noqa: N801  (it reads as a verb: `with course.watch(model)`)
    """Record what happens to a model inside a ``with`` block.

    Introduced in lesson 00. Takes a copy of the weights for as long as the
    block runs (100 MB for ResNet50), and no other memory to speak of. The
    evidence is filled in when the block ends, also by an interrupt.

    Args:
        model: A built ``keras.Model`` of any kind, or a ``torch.nn.Module``.

    Raises:
        CourseError: If ``model`` is neither, or has no weights yet, or if one
            ``watch`` is used twice.
    """

    def __init__(self, model: object) -> None:
        """Accept a model that can be watched."""
        import keras

        if not isinstance(model, keras.Model) and not (
            torch_training_evidence.is_module(model)
        ):
            raise CourseError(
                "course.watch expects a Keras model or a PyTorch module, not "
                f"{type(model).__name__}: write `with course.watch(model) as "
                "evidence:`."
            )
        if not named_variables(model):
            raise CourseError(
                "This model has no weights yet: call it on one batch before "
                "`with course.watch(model)`."
            )
        self._model = model
        self._evidence: Evidence | None = None

    def __enter__(self) -> Evidence:
        """Copy the weights."""
        if self._evidence is not None:
            raise CourseError(
                "This watch has been used: write `with course.watch(model) as "
                "evidence:` anew for each block."
            )
        model = self._model
        self._evidence = Evidence(model, before=optimizer_state(model))
        self._copies = [
            (name, variable, to_array(variable))
            for name, variable, _ in named_variables(model)
        ]
        is_module = torch_training_evidence.is_module(model)
        self._steps = (
            torch_training_evidence.Steps(model) if is_module else None
        )
        # Kept alive, so that a new optimizer cannot get the old one's id.
        self._optimizer = getattr(model, "optimizer", None)
        self._earlier_fit = getattr(model, "history", None)
        return self._evidence

    def __exit__(self, error_type, error, traceback) -> None:
        """Compare the weights, and let go of the copies."""
        evidence, model = self._evidence, self._model
        evidence.stopped_by = error_type.__name__ if error_type else ""
        now = {id(v): (name, flag) for name, v, flag in named_variables(model)}
        evidence.changes = tuple(
            _change(name, variable, copy, now.get(id(variable), ("", False))[1])
            for name, variable, copy in self._copies
        )
        known = {id(variable) for _, variable, _ in self._copies}
        evidence.added = tuple(
            name for key, (name, _) in now.items() if key not in known
        )
        evidence.after = optimizer_state(model)
        evidence.own_step = _has_own_step(model)
        if self._steps is not None:
            evidence.after = OptimizerState(*self._steps.end())
            evidence.rates = self._steps.rates
        del self._copies, self._optimizer
        last_fit = getattr(model, "history", None)
        if last_fit is not self._earlier_fit:
            evidence.history = dict(getattr(last_fit, "history", {}))
        evidence.finished = True


def named_variables(model: object) -> list[tuple[str, object, bool]]:
    """Return the arrays of weights: name, variable, and whether it trains."""
    if torch_training_evidence.is_module(model):
        return list(torch_training_evidence.named_tensors(model))
    trainable = {id(v) for v in model.trainable_weights}
    return [(v.path, v, id(v) in trainable) for v in model.weights]


def optimizer_state(model: object) -> OptimizerState:
    """Return the state of a model's optimizer."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return OptimizerState()
    return OptimizerState(
        id(optimizer),
        _highest_rate(optimizer),
        int(_read(optimizer, "iterations", 0)),
    )


def _highest_rate(optimizer: object) -> float:
    """Return an optimizer's rate; of a schedule, the highest so far."""
    import keras

    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(
        schedule, keras.optimizers.schedules.LearningRateSchedule
    ):
        return _read(optimizer, "learning_rate", math.nan)
    try:
        steps = max(1, int(_read(optimizer, "iterations", 0)))
        some = np.unique(np.linspace(0, steps - 1, min(steps, 200)).astype(int))
        return max(float(to_array(schedule(int(step)))) for step in some)
    except Exception:
        return _read(optimizer, "learning_rate", math.nan)


def _read(optimizer: object, name: str, otherwise: float) -> float:
    """Return a number of an optimizer; not each has each (MultiOptimizer)."""
    try:
        return float(to_array(getattr(optimizer, name)))
    except Exception:
        return otherwise


def _has_own_step(model: object) -> bool:
    import keras

    own = getattr(type(model), "train_step", None)
    return own is not keras.Model.train_step


def to_array(variable: object) -> np.ndarray:
    """Return a copy of a variable's numbers, which training cannot touch."""
    if torch_training_evidence.is_tensor(variable):
        return torch_training_evidence.to_array(variable)
    import keras

    return np.array(keras.ops.convert_to_numpy(variable))


def _change(path, variable, before: np.ndarray, trainable) -> WeightChange:
    after = to_array(variable)
    largest, is_even = 0.0, False
    if not np.array_equal(before, after):
        with np.errstate(invalid="ignore"):
            # NumPy subtracts neither truth values nor, below 0, unsigned
            # numbers.
            change = after.astype("float64") - before.astype("float64")
            largest = float(np.max(np.abs(change)))
            is_even = change.size > 1 and bool(np.ptp(change) < 1e-5 * largest)
    return WeightChange(
        path=path,
        identity=id(variable),
        flagged_trainable=trainable,
        is_statistic=path.endswith(BATCH_NORM_STATISTICS),
        largest=largest,
        shape=tuple(before.shape),
        is_even=is_even,
    )
