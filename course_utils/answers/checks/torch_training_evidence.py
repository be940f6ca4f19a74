"""Read what `course.watch` wants to know of a PyTorch module.

A module knows neither its optimizer nor a `fit`: who has stepped its weights,
and at which rates, is told by PyTorch's hook after each step of any optimizer.
PyTorch is loaded only where the learner has loaded it.
"""

import math
import sys
from collections.abc import Iterator

import numpy as np

BATCH_NORM_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def is_module(value: object) -> bool:
    """Return whether something is a PyTorch module."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def is_tensor(value: object) -> bool:
    """Return whether something is a PyTorch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def named_tensors(module: object) -> Iterator[tuple[str, object, bool]]:
    """Return parameters and buffers: name, tensor, and whether it trains."""
    for name, parameter in module.named_parameters():
        yield name, parameter, parameter.requires_grad
    for name, buffer in module.named_buffers():
        yield name, buffer, False


def to_array(tensor: object) -> np.ndarray:
    """Return a copy of a tensor's numbers, which training cannot touch."""
    values = tensor.detach().cpu()
    # NumPy has no bfloat16.
    return np.array(values.float() if values.itemsize == 2 else values)


class Steps:
    """The steps that optimizers make on the parameters of a module.

    Attributes:
        rates: By identity of a parameter, the learning rates at which an
            optimizer that holds it has stepped, without repetitions in a row.
    """

    def __init__(self, module: object) -> None:
        """Begin to look."""
        from torch.optim.optimizer import register_optimizer_step_post_hook

        self.rates: dict[int, tuple[float, ...]] = {}
        self._count, self._optimizer, self._module = 0, None, module
        self._hook = register_optimizer_step_post_hook(self._note)

    def end(self) -> tuple[int | None, float, int]:
        """Look no longer.

        Returns:
            Of the optimizer that made the last step: its identity and its
            learning rate (NaN if there are several or none); and how many
            steps there were.
        """
        self._hook.remove()
        if self._optimizer is None:
            return None, math.nan, 0
        rates = {float(group["lr"]) for group in self._optimizer.param_groups}
        rate = rates.pop() if len(rates) == 1 else math.nan
        return id(self._optimizer), rate, self._count

    def _note(self, optimizer, _arguments, _options) -> None:
        # Asked each time: a new head may have come in the meantime.
        own = {id(parameter) for parameter in self._module.parameters()}
        found = {
            id(parameter): float(group["lr"])
            for group in optimizer.param_groups
            for parameter in group["params"]
            if id(parameter) in own
        }
        if not found:
            return
        self._count += 1
        self._optimizer = optimizer
        for identity, rate in found.items():
            seen = self.rates.get(identity, ())
            if seen[-1:] != (rate,):
                self.rates[identity] = (*seen, rate)
