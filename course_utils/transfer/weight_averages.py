"""Average the weights of networks that began at the same ones."""

import numpy as np

from course_utils.machine import arguments
from course_utils.machine.array_arguments import real_array
from course_utils.machine.errors import CourseError


def interpolate_weights(before, after, share):
    """Goes a part of the way from one set of weights to another.

    Between the weights before and after fine-tuning, this is WiSE-FT
    (Wortsman et al. 2022). Introduced in lesson 07
    (``07_beyond_the_recipe``), which does it by hand.

    Args:
        before: What `model.get_weights()` gave before a training.
        after: What it gave afterwards.
        share: Part of the way, from 0, which is `before`, to 1.

    Returns:
        A list of arrays, for `model.set_weights`.

    Raises:
        CourseError: If these are no weights of one model, or no share.
    """
    share = arguments.share("share", share, 0.5)
    return _weighted([before, after], [1 - share, share])


def average_weights(runs):
    """Averages the weights of several runs: a uniform soup.

    It works for runs that began at the same weights, head included.
    Introduced in lesson 07 (``07_beyond_the_recipe``), which does it by hand.

    Args:
        runs: List of what `model.get_weights()` gave after each run.

    Returns:
        A list of arrays, for `model.set_weights`.

    Raises:
        CourseError: If these are no weights of one model.
    """
    if not isinstance(runs, list | tuple) or not runs:
        raise CourseError(
            f"runs is of type {type(runs).__name__}, and expected is a list of "
            "what model.get_weights() gave after each run: give at least one."
        )
    return _weighted(runs, [1 / len(runs)] * len(runs))


def _weighted(runs, shares):
    runs = [_arrays(run) for run in runs]
    shapes = [[array.shape for array in run] for run in runs]
    for other in shapes:
        if other != shapes[0]:
            raise CourseError(
                f"These are weights of different models: {_told(shapes[0])} "
                f"and {_told(other)}. Take model.get_weights() of one model, "
                "before and after its trainings."
            )
    return [
        sum(share * array for share, array in zip(shares, arrays, strict=True))
        for arrays in zip(*runs, strict=True)
    ]


def _arrays(run):
    if not isinstance(run, list | tuple) or not run:
        raise CourseError(
            f"Weights of type {type(run).__name__} were given, and expected is "
            "a list of arrays: take what model.get_weights() returns."
        )
    return [
        real_array("weights", array, "model.get_weights() returns", "float32")
        for array in run
    ]


def _told(shapes):
    count = sum(int(np.prod(shape)) for shape in shapes)
    return f"{len(shapes)} arrays with {count:,} numbers"
