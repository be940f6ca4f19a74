"""Stain augmentation, for models that will meet other stains."""

import keras
import numpy as np

from course_utils.adaptation.stains import (
    HAEMATOXYLIN_EOSIN,
    combine_stains,
    separate_stains,
    stain_basis,
)
from course_utils.machine import arguments


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
            neither None nor a whole number from 0 on, or if the vectors are not
            two that differ.

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
        stain_basis(vectors)
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
