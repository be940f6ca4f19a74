"""Take the two stains of a tissue picture apart, and put them together.

Light that passes stained tissue follows the law of Beer and Lambert: its
optical density, `-log10(value / 255)` in each colour, is the sum of what each
stain absorbs, and so is linear in the amounts of stain. All functions here
rest on that, and on white being 255. What a scanner adds (tone, focus, noise,
compression) is outside of it. The course's histology pictures are drawn with
the same law, so here it fits better than on a real slide.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from course_utils.machine import array_arguments
from course_utils.machine.errors import CourseError

# What haematoxylin and eosin absorb in red, green and blue: Ruifrok and
# Johnston (2001), "Quantification of histochemical staining by color
# deconvolution".
HAEMATOXYLIN_EOSIN = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
FAR = 16  # how far beyond 0..255 resizing may go
TISSUE = 0.15  # least optical density of a pixel with tissue (Macenko)


class Stains(NamedTuple):
    """The stains of some pictures; made by `estimate_stains`.

    Attributes:
        vectors: Array of shape `(2, 3)`: the optical density that one unit
            of haematoxylin, and of eosin, has in red, green and blue. Each
            has length 1.
        strengths: Array of shape `(2,)`: the 99th percentile of the amount
            of each, over the pixels with tissue.
    """

    vectors: np.ndarray
    strengths: np.ndarray


def separate_stains(images, vectors=HAEMATOXYLIN_EOSIN):
    """Takes pictures apart into the amounts of two stains and a rest.

    The rest is what lies at right angles to both stains, so that nothing is
    lost: `combine_stains` gives the pictures back, but for values below 1,
    which count as 1. (scikit-image's `separate_stains` sets negative amounts
    to 0, and its way back gives another picture.) Introduced in lesson 04
    (``04_domain_adaptation``).

    Args:
        images: Pictures with values from 0 to 255, shape
            `(..., height, width, 3)`. In a `tf.data` pipeline only the shape
            is checked.
        vectors: As in `Stains`; the lengths do not matter. Defaults to
            haematoxylin and eosin as published.

    Returns:
        Tensor, float32, of the shape of `images`: haematoxylin, eosin and
        the rest, in optical density; may be negative.

    Raises:
        CourseError: If these are no pictures, not finite, or not from 0 to
            255, or if the vectors are not two that differ.

    Reference:
        Ruifrok and Johnston (2001), "Quantification of histochemical
        staining by color deconvolution".
    """
    images = _checked_pictures(images)
    density = -keras.ops.log10(keras.ops.maximum(images, 1) / 255)
    return density @ np.linalg.inv(stain_basis(vectors)).astype("float32")


def combine_stains(amounts, vectors=HAEMATOXYLIN_EOSIN):
    """Puts pictures together again: the way back from `separate_stains`.

    Introduced in lesson 04 (``04_domain_adaptation``).

    Args:
        amounts: As `separate_stains` returns them, perhaps changed.
        vectors: As in `separate_stains`.

    Returns:
        Pictures, a float32 tensor of the shape of `amounts`, limited to
        0..255.

    Raises:
        CourseError: If the amounts are not three numbers per pixel, or the
            vectors not two that differ.
    """
    amounts = _tensor("amounts", amounts, "separate_stains returns")
    if amounts.shape[-1:] != (3,):
        raise CourseError(
            "Expected three amounts per pixel, as separate_stains returns "
            f"them, and the shape is {tuple(amounts.shape)}: put back the "
            "third."
        )
    density = amounts @ stain_basis(vectors).astype("float32")
    return keras.ops.clip(255 * keras.ops.power(10.0, -density), 0, 255)


def estimate_stains(images):
    """Estimates the colours and strengths of the stains from pictures.

    Looks for the plane through zero in which the optical densities of tissue
    lie best, and takes the outermost directions in it (1st and
    99th percentile) as the stains; the one that absorbs more red is
    haematoxylin. Give it many pictures of one scanner: a small picture that
    hardly has nuclei, or red blood cells, misleads it.

    Args:
        images: As in `separate_stains`; all are taken together.

    Returns:
        A `Stains`.

    Raises:
        CourseError: If these are no pictures, not finite, or not from 0 to
            255, or if they have too little tissue, or tissue of one colour
            only.

    Reference:
        Macenko et al. (2009), "A method for normalizing histology slides for
        quantitative analysis".
    """
    images = np.asarray(_checked_pictures(images), "float64")
    density = -np.log10(np.maximum(images, 1) / 255).reshape(-1, 3)
    # Not by each colour: eosin hardly absorbs red, so that its purest pixels
    # would be left out.
    tissue = density[np.linalg.norm(density, axis=1) > TISSUE]
    if len(tissue) < 100:
        raise CourseError(
            f"Only {len(tissue)} pixels have tissue (an optical density above "
            f"{TISSUE}), and 100 are the least to estimate stains from: take "
            "more pictures, or stained ones."
        )
    _, directions = np.linalg.eigh(tissue.T @ tissue)
    plane = directions[:, [2, 1]]
    plane = plane * np.where(plane[:, :1].sum() < 0, -1, 1)
    along, across = (tissue @ plane).T
    ends = np.percentile(np.arctan2(across, along), [1, 99])
    if ends[1] - ends[0] < 0.02:
        raise CourseError(
            "The tissue in these pictures has one colour only, and two stains "
            "were expected: take pictures with nuclei, in colour."
        )
    vectors = np.stack([np.cos(ends), np.sin(ends)], axis=1) @ plane.T
    vectors = vectors[np.argsort(-vectors[:, 0])]
    amounts = tissue @ np.linalg.inv(stain_basis(vectors))[:, :2]
    return Stains(vectors, np.percentile(amounts, 99, axis=0))


def normalise_stains(images, source, target):
    """Gives pictures the stains of others: same amounts, new colours.

    What the two stains do not explain is dropped, as in the paper. Where the
    source's stains were estimated badly, it spoils pictures that were fine.

    Args:
        images: As in `separate_stains`.
        source: `Stains` of these pictures.
        target: `Stains` to give them, such as those of the training pictures.

    Returns:
        Pictures, a float32 tensor of the shape of `images`, in 0..255.

    Raises:
        CourseError: If these are no pictures, not finite, or not from 0 to
            255, or if the stains are no `Stains`.

    Reference:
        Macenko et al. (2009), "A method for normalizing histology slides for
        quantitative analysis".
    """
    for name, stains in (("source", source), ("target", target)):
        if not isinstance(stains, Stains):
            raise CourseError(
                f"{name} is of type {type(stains).__name__}, and Stains were "
                "expected: pass what estimate_stains(pictures) returns."
            )
        strengths = array_arguments.real_array(
            "strengths of stains", stains.strengths, "estimate_stains gives"
        )
        if strengths.shape != (2,) or not (strengths > 0).all():
            raise CourseError(
                f"The {name} has stains of the strengths {strengths}, and two "
                "numbers above 0 were expected: estimate them from pictures "
                "that have both stains."
            )
    amounts = separate_stains(images, source.vectors)
    scale = np.append(np.divide(target.strengths, source.strengths), 0)
    return combine_stains(amounts * scale.astype("float32"), target.vectors)


def stain_basis(vectors):
    """Returns both stains, and what is at right angles to them, as rows."""
    vectors = array_arguments.real_array(
        "stain colours", vectors, "estimate_stains gives"
    )
    if vectors.shape == (2, 3) and np.isfinite(vectors).all():
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.maximum(lengths, 1e-9)
        rest = np.cross(*vectors)
        if np.linalg.norm(rest) > 0.01:
            return np.vstack([vectors, rest / np.linalg.norm(rest)])
    raise CourseError(
        "Expected the colours of two stains that differ, of shape (2, 3): "
        "take those of estimate_stains, or leave them out for haematoxylin "
        "and eosin."
    )


def _checked_pictures(images):
    """Returns pictures as a float32 tensor, if they are from 0 to 255."""
    images = _tensor("pictures", images, "load_dataset(name) gives")
    if len(images.shape) < 3 or images.shape[-1] != 3:
        raise CourseError(
            "Expected colour pictures of shape (..., height, width, 3), and "
            f"the shape is {tuple(images.shape)}: stains are told by colour."
        )
    if isinstance(images, keras.KerasTensor) or not tf.executing_eagerly():
        return images
    values = np.asarray(images)
    if not values.size:
        raise CourseError("There are no pictures: look at what was selected.")
    array_arguments.check_scale(values, FAR)
    return images


def _tensor(name, values, like):
    symbolic = isinstance(values, keras.KerasTensor)
    if not (tf.is_tensor(values) or symbolic) or values.dtype == tf.string:
        values = array_arguments.real_array(name, values, like, "float32")
    return keras.ops.cast(values, "float32")
