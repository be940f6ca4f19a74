"""Cut a model where what is frozen ends and what trains begins."""

import functools
import itertools
from typing import NamedTuple

import keras
import numpy as np
from keras import ops, tree

from course_utils.machine.errors import CourseError

# Largest difference, relative to the largest value, of numbers that two ways
# to compute them may show.
TOLERANCE = 1e-3


class NotCutError(CourseError):
    """Why a model is not cut."""


class Cut(NamedTuple):
    """The two parts of a model, which share its layers.

    Attributes:
        prefix: A `keras.Model` from pictures to features: all that is frozen.
        suffix: A `keras.Model` from these features to the model's output.
    """

    prefix: keras.Model
    suffix: keras.Model


def cut_at_freeze_boundary(model, images):
    """Cuts a model in two, before the first layers that training changes.

    The first part gives the same numbers in each epoch, so it can be computed
    once, and the second be trained on every tensor that crosses from one to
    the other: skip connections, too. Both parts work on the model's own
    layers. Introduced in lesson 03 (``03_fine_tuning``).

    Args:
        model: A functional or sequential `keras.Model` with one input and
            one output. Models within are cut, too, where they are such.
            It is not changed.
        images: Some pictures, such as a batch, to try the parts on.

    Returns:
        A `Cut`.

    Raises:
        NotCutError: A `CourseError` with the reason: nothing is frozen, or
            nothing trains, or a layer draws at random or keeps a state in front
            of all that is frozen.
    """
    steps, output, struct = _steps(model)
    hot, reasons, cold = {0: False}, [], 0
    for step in steps:
        why = _changes_in_training(step.operation)
        is_hot = bool(why) or any(hot[number] for number in step.inputs)
        reasons += [why] if why else []
        cold += not is_hot and bool(getattr(step.operation, "weights", ()))
        hot.update(dict.fromkeys(step.outputs, is_hot))
    if not any(step.trains for step in steps):
        raise NotCutError("nothing in this model is to be trained")
    if not cold:
        raise NotCutError(f"{reasons[0]}, before any layer that is frozen")
    before = [step for step in steps if not hot[step.outputs[0]]]
    after = [step for step in steps if hot[step.outputs[0]]]
    needed = {number for step in after for number in step.inputs} | {output}
    crossing = sorted(number for number in needed if not hot[number])
    prefix = _Prefix(before, crossing)
    images = ops.convert_to_tensor(np.asarray(images[:4]))
    values = prefix.values(images)
    _check_still(prefix, values, images)
    suffix = _Suffix(after, crossing, values, output, struct)
    whole, parts = model(images), suffix(prefix.together(values))
    if not _alike(tree.flatten(whole)[0], tree.flatten(parts)[0]):
        raise NotCutError("its two parts do not compute what the whole does")
    return Cut(prefix, suffix)


class _Number(int):
    """The number of a tensor, where the tensor is an argument."""


class _Step(NamedTuple):
    """One call of a layer, or of another operation."""

    operation: object
    arguments: tuple
    outputs: list

    @property
    def inputs(self):
        leaves = tree.flatten(self.arguments)
        return [int(leaf) for leaf in leaves if isinstance(leaf, _Number)]

    @property
    def trains(self):
        return bool(getattr(self.operation, "trainable_variables", ()))

    def run(self, values, training):
        args, kwargs = tree.map_structure(
            lambda leaf: values[leaf] if isinstance(leaf, _Number) else leaf,
            self.arguments,
        )
        if getattr(self.operation, "_call_has_training_arg", False):
            kwargs = {**kwargs, "training": training}
        found = tree.flatten(self.operation(*args, **kwargs))
        values.update(zip(self.outputs, found, strict=True))


class _Prefix(keras.Model):
    """All that is frozen; several tensors are laid side by side."""

    def __init__(self, steps, crossing):
        super().__init__(name="frozen_part")
        self.parts = _layers(steps)
        self._run = functools.partial(_run, steps)
        self._crossing = tuple(crossing)
        self._plan = functools.partial(_described, steps, crossing)

    def values(self, images, training=False):
        values = self._run({0: images}, training)
        return [values[number] for number in self._crossing]

    def call(self, images, training=False):
        return self.together(self.values(images, training))

    def together(self, values):
        if len(values) == 1:
            return values[0]
        kind = keras.backend.result_type(*(value.dtype for value in values))
        count = ops.shape(values[0])[0]
        flat = [ops.reshape(ops.cast(x, kind), (count, -1)) for x in values]
        return ops.concatenate(flat, axis=1)

    def get_config(self):
        return {"steps": self._plan()}


class _Suffix(keras.Model):
    """All that training changes."""

    _told = None

    def __init__(self, steps, crossing, values, output, struct):
        super().__init__(name="trained_part")
        self.parts = _layers(steps)
        self._run = functools.partial(_run, steps)
        self._crossing = tuple(crossing)
        self._shapes = tuple(tuple(value.shape[1:]) for value in values)
        self._dtypes = tuple(value.dtype for value in values)
        self._output, self._struct = output, struct

    def follow(self, model):
        """Ends its training where the callbacks end that of a model."""
        self._told = lambda: model  # Not a part of it.
        self.__dict__["history"] = model.history

    @property
    def stop_training(self):
        return bool(self._told and self._told().stop_training)

    @stop_training.setter
    def stop_training(self, value):
        if self._told:
            self._told().stop_training = value

    def call(self, features, training=False):
        parts = [features]
        if len(self._crossing) > 1:
            sizes = [int(np.prod(shape)) for shape in self._shapes]
            ends = list(itertools.accumulate(sizes))[:-1]
            parts = ops.split(features, ends, axis=1)
        values = {
            number: ops.cast(ops.reshape(part, (-1, *shape)), dtype)
            for number, part, shape, dtype in zip(
                self._crossing, parts, self._shapes, self._dtypes, strict=True
            )
        }
        values = self._run(values, training)
        return tree.pack_sequence_as(self._struct, [values[self._output]])


def _run(steps, values, training):
    for step in steps:
        step.run(values, training)
    return values


def _layers(steps):
    layers = {id(step.operation): step.operation for step in steps}
    return [x for x in layers.values() if isinstance(x, keras.layers.Layer)]


def _described(steps, crossing):
    """What is computed, as text, whatever the layers are called."""
    return [
        [
            keras.saving.serialize_keras_object(step.operation)["config"],
            type(step.operation).__name__,
            repr(step.arguments),
            step.outputs,
        ]
        for step in steps
    ] + [list(crossing)]


def _steps(model):
    """Returns all steps, the number of the output, and its structure."""
    graph = _graph_of(model)
    if graph is None:
        raise NotCutError(
            "the model is neither functional nor sequential, so its layers "
            "cannot be told in order"
        )
    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        raise NotCutError("the model has several inputs or outputs")
    steps, numbers = [], itertools.count(1)
    (output,) = _expand(graph, [0], numbers, steps)
    return steps, output, graph._outputs_struct


def _graph_of(layer):
    """The layers within and how they are connected; None if unknown."""
    if not type(layer).__module__.startswith("keras."):
        return None
    if isinstance(layer, keras.Sequential):
        layer = layer._functional
    return layer if hasattr(layer, "_nodes_by_depth") else None


def _expand(graph, inputs, numbers, steps):
    """Appends the steps of a graph, and returns the numbers of its outputs."""
    known = dict(zip(map(id, graph.inputs), inputs, strict=True))
    by_depth = graph._nodes_by_depth
    for node in itertools.chain(*(by_depth[d] for d in sorted(by_depth)[::-1])):
        if node.is_input:
            continue
        inner = _graph_of(node.operation)
        given = node.arguments.keras_tensors
        if inner is not None and len(inner.inputs) == len(given) == 1:
            found = _expand(inner, [known[id(given[0])]], numbers, steps)
        else:
            arguments = tree.map_structure(
                lambda leaf: (
                    _Number(known[id(leaf)]) if id(leaf) in known else leaf
                ),
                (node.arguments.args, node.arguments.kwargs),
            )
            found = [next(numbers) for _ in node.outputs]
            steps.append(_Step(node.operation, arguments, found))
        known.update(zip(map(id, node.outputs), found, strict=True))
    return [known[id(tensor)] for tensor in graph.outputs]


def _changes_in_training(operation):
    """Why a layer gives other numbers as the training goes on; or no text."""
    if not isinstance(operation, keras.layers.Layer):
        return ""
    if operation.trainable_variables:
        return f"the layer {operation.name!r} trains"
    for part in operation._flatten_layers():
        rates = [getattr(part, name, None) for name in ("rate", "dropout")]
        drawing = [v for v in part.variables if "seed_generator" in v.path]
        if isinstance(part, keras.layers.BatchNormalization) and part.trainable:
            return f"the layer {part.name!r} goes on with its statistics"
        if drawing and 0 not in rates:
            return f"the layer {part.name!r} draws at random"
        if getattr(part, "activity_regularizer", None) is not None:
            return f"the layer {part.name!r} adds to the loss"
    return ""


def _check_still(prefix, values, images):
    """Refuses a prefix that draws at random or keeps a state, unseen so far."""
    before = [np.array(variable) for variable in prefix.variables]
    trained = prefix.values(images, training=True)
    changed = False
    for variable, value in zip(prefix.variables, before, strict=True):
        if not np.array_equal(np.asarray(variable), value):
            variable.assign(value)
            changed = True
    if changed or not all(map(_alike, values, trained)) or prefix.losses:
        raise NotCutError(
            "one of its frozen layers draws at random, keeps a state, adds to "
            "the loss, or works in another way while a model trains"
        )


def _alike(one, other):
    one, other = (np.asarray(x, "float64") for x in (one, other))
    most = np.max(np.abs(one), initial=0.0)
    return np.allclose(one, other, rtol=0, atol=TOLERANCE * most + 1e-12)
