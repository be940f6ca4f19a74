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

from course_utils.machine import arguments, array_arguments
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
        CourseError: If the pictures are none, not finite, or not from 0 to
            255, or if the vectors are not two that differ.

    Reference:
        Ruifrok and Johnston (2001), "Quantification of histochemical
        staining by color deconvolution".
    """
    images = _checked_pictures(images)
    density = -keras.ops.log10(keras.ops.maximum(images, 1) / 255)
    return density @ np.linalg.inv(_basis(vectors)).astype("float32")


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
        CourseError: If the vectors are not two that differ.
    """
    amounts = keras.ops.cast(amounts, "float32")
    density = amounts @ _basis(vectors).astype("float32")
    return keras.ops.clip(255 * keras.ops.power(10.0, -density), 0, 255)


@keras.saving.register_keras_serializable("course_utils")
class RandomStains(keras.layers.Layer):
    """Stain augmentation: each picture gets other amounts of each stain.

    In training it multiplies each of the three amounts of `separate_stains`
    by a number around 1 and adds one around 0, drawn anew for each picture;
    in inference it leaves pictures alone, like the random layers of Keras. In
    a pipeline: `train_ds.map(lambda x, y: (augment(x), y))`, after `cache()`.

    It prepares a model for other stains, and needs no picture of the new
    scanner; blur, noise or tone it does not prepare for.

    Input and output: pictures with values from 0 to 255, shape
    `(..., height, width, 3)`.

    Args:
        strength: Number from 0 to below 1: factors lie between 1 - strength
            and 1 + strength, what is added between -strength and strength (in
            optical density). Tellez et al. use 0.05 (light) and 0.2 (strong)
            in the units of another software, and vary a third stain in place
            of the rest.
        vectors: As in `separate_stains`.
        seed: Seed of the draws.
        **kwargs: As in `keras.layers.Layer`, such as `name`.

    Raises:
        CourseError: If the strength is not from 0 to below 1, if the seed is
            none, or if the vectors are not two that differ.

    Reference:
        Tellez et al. (2019), "Quantifying the effects of data augmentation
        and stain color normalization in convolutional neural networks for
        computational pathology", https://arxiv.org/abs/1902.06543
    """

    def __init__(
        self, strength=0.05, vectors=HAEMATOXYLIN_EOSIN, seed=None, **kwargs
    ):
        """Keeps the settings; see the class."""
        super().__init__(**kwargs)
        self.strength = arguments.number(
            "strength", strength, 0.05, least=0, below=1
        )
        _basis(vectors)
        self.vectors, self.seed = vectors, arguments.seed(seed)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, inputs, training=True):
        """Returns pictures; see `keras.layers.Layer.call`."""
        if not training or not self.strength:
            return inputs
        amounts = separate_stains(inputs, self.vectors)
        each = (*keras.ops.shape(amounts)[:-3], 1, 1, 3)
        factors, shifts = (
            keras.random.uniform(
                each,
                center - self.strength,
                center + self.strength,
                seed=self.seed_generator,
            )
            for center in (1, 0)
        )
        images = combine_stains(amounts * factors + shifts, self.vectors)
        return keras.ops.cast(images, self.compute_dtype)

    def get_config(self):
        """Returns the settings; see `keras.layers.Layer.get_config`."""
        return {
            **super().get_config(),
            "strength": self.strength,
            "vectors": np.asarray(self.vectors).tolist(),
            "seed": self.seed,
        }


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
        CourseError: If the pictures are none, not finite, or not from 0 to
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
    amounts = tissue @ np.linalg.inv(_basis(vectors))[:, :2]
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
        CourseError: If the pictures are none, not finite, or not from 0 to
            255.

    Reference:
        Macenko et al. (2009), "A method for normalizing histology slides for
        quantitative analysis".
    """
    amounts = separate_stains(images, source.vectors)
    scale = np.append(target.strengths / source.strengths, 0)
    return combine_stains(amounts * scale.astype("float32"), target.vectors)


def _basis(vectors):
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
    if not tf.is_tensor(images) and not isinstance(images, keras.KerasTensor):
        images = array_arguments.real_array(
            "pictures", images, "load_dataset(name) gives", "float32"
        )
    images = keras.ops.cast(images, "float32")
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
    low, high = values.min(), values.max()
    fractions = high <= 1 and (values != np.round(values)).any()
    # A resized picture may lie a little beyond.
    if not (low >= -FAR and high <= 255 + FAR) or fractions:
        remedy = "leave out `/ 255` and any other preprocessing"
        if not np.isfinite(values).all():
            remedy = "leave out pictures with NaN or infinite values"
        elif high > 255 + FAR:
            remedy = "divide pictures of 16 bits by 257"
        raise CourseError(
            "Expected pictures with values from 0 to 255, and these are from "
            f"{low:.3g} to {high:.3g}: {remedy}."
        )
    return images
