"""How much of a heat map lies where it should."""

import numpy as np

from course_utils.machine import array_arguments
from course_utils.machine.errors import CourseError


def share_inside(heat_maps, masks):
    """Computes which share of the heat lies inside a mask.

    A map that is even over the picture scores the share of the area that the
    mask takes, `masks.mean(axis=(1, 2))`: compare with that. A mask finer
    than the cells of the feature map is beyond what any map can point at.
    This is the "energy-based pointing game". Introduced in lesson 04b
    (``04b_another_hospital``).

    Args:
        heat_maps: Array `(pictures, height, width)`, not negative.
        masks: Bool array of the same shape, such as from
            `course_utils.pictures.load_masks`.

    Returns:
        A float array of shape `(pictures,)` from 0 to 1; NaN where there is
        no heat.

    Raises:
        CourseError: If the two do not fit each other.

    Reference:
        Wang et al. (2020), "Score-CAM: Score-Weighted Visual Explanations for
        Convolutional Neural Networks", https://arxiv.org/abs/1910.01279
    """
    heat_maps = array_arguments.real_array(
        "heat maps", heat_maps, "grad_cam gives"
    )
    masks = array_arguments.real_array("masks", masks, "load_masks gives")
    check_pairs(heat_maps, masks, "masks")
    total = heat_maps.sum(axis=(1, 2))
    inside = (heat_maps * masks.astype(bool)).sum(axis=(1, 2))
    return np.where(total > 0, inside / np.where(total > 0, total, 1), np.nan)


def check_pairs(heat_maps, others, what, most=np.inf):
    """Raises a `CourseError` unless there is a map for each of `others`.

    Args:
        heat_maps: Array of numbers from 0 to `most`.
        others: Array of finite numbers, of the same shape.
        what: What these are, such as `"masks"`.
        most: The highest heat.
    """
    if heat_maps.ndim != 3 or heat_maps.shape != others.shape:
        raise CourseError(
            f"Heat maps of shape {heat_maps.shape} and {what} of shape "
            f"{others.shape} do not fit: expected (pictures, height, width) "
            "of both, in the same order."
        )
    heat = np.isfinite(heat_maps) & (heat_maps >= 0) & (heat_maps <= most)
    if not heat.all() or not np.isfinite(others).all():
        raise CourseError(
            f"A heat map has values below 0 or above {most:g}, or it or the "
            f"{what} have some that are no numbers: give what grad_cam returns."
        )
