"""The recipes that the experiments on fine-tuning compare."""

import dataclasses
import functools

DROPOUT = 0.5
L2_SP = 0.01
OPTIMIZERS = {"Adam": {}, "SGD": {"momentum": 0.9}}
ALL, STAGES = ("",), ("stage4", "stage3", "stage2", "")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is done to the network.

    Attributes:
        phases: For each phase, what the names of the unfrozen layers begin
            with; `""` is all of them. Phases are equally long.
        backbone: Name of the backbone.
        head: `"fitted"` by logistic regression, `"random"`, or `"scratch"`
            for a whole network of random weights.
        dropout: Share of the pooled features that is dropped.
        l2_sp: Strength of the penalty on the distance from the start.
        stops: Whether it keeps the weights of the least validation loss.
    """

    phases: tuple = (ALL,)
    backbone: str = "residual"
    head: str = "fitted"
    dropout: float = 0.0
    l2_sp: float = 0.0
    stops: bool = False


PLAIN = Recipe()
_transformer = functools.partial(Recipe, backbone="vision_transformer")
RECIPES = {
    "all": PLAIN,
    "head first": PLAIN,
    "random head": Recipe(head="random"),
    "head only": Recipe(((),)),
    "last convolution": Recipe((("stage4_block1_conv2",),)),
    "last stage": Recipe((("stage4",),)),
    "last two stages": Recipe((("stage4", "stage3"),)),
    "first block": _transformer((("block1",),)),
    "middle block": _transformer((("block3",),)),
    "last block": _transformer((("block5",),)),
    "head alone": _transformer(((),)),
    "all at once": PLAIN,
    "gradual": Recipe(tuple(STAGES[: n + 1] for n in range(len(STAGES)))),
    "plain": PLAIN,
    "dropout": Recipe(dropout=DROPOUT),
    "L2-SP": Recipe(l2_sp=L2_SP),
    "early stopping": Recipe(stops=True),
    "fine-tuned": PLAIN,
    "scratch": Recipe(head="scratch"),
}
# The report chose no strength for the transformer's head before these runs:
# the middle of its grid.
TRANSFORMER_HEAD = 0.03
