"""The old task: what ImageNet's head says of photographs.

ImageNet's test pictures are not at hand. So forgetting is measured as
agreement: the 1000-class head is put back on the fine-tuned network, and what
it says of photographs is held against what it said before. The photographs
are scikit-learn's two and five of scikit-image's, each whole and in five crops
of two thirds, upright and mirrored: 84 views.
"""

import functools

import keras
import numpy as np
import skimage.data
import tensorflow as tf

from benchmarks.real_ground import cells
from course_utils.pictures import sample_photographs


@functools.cache
def views():
    """Returns the views, shape `(84, 160, 160, 3)`, from 0 to 255."""
    found = []
    photographs = [
        *sample_photographs().values(),
        skimage.data.astronaut(),
        skimage.data.chelsea(),
        skimage.data.coffee(),
        skimage.data.rocket(),
        skimage.data.stereo_motorcycle()[0],
    ]
    for photograph in photographs:
        side = min(photograph.shape[:2])
        top, left = ((n - side) // 2 for n in photograph.shape[:2])
        square = photograph[top : top + side, left : left + side]
        part = side * 2 // 3
        rest = side - part
        corners = [(0, 0), (0, rest), (rest, 0), (rest, rest)]
        crops = [square] + [
            square[y : y + part, x : x + part]
            for y, x in [*corners, (rest // 2, rest // 2)]
        ]
        for crop in crops:
            small = tf.image.resize(crop, (cells.SIDE,) * 2, antialias=True)
            small = np.clip(small, 0, 255).astype("float32")
            found += [small, small[:, ::-1]]
    return np.stack(found)


@functools.cache
def _before():
    """The old head's kernel and bias, and what it says of the views."""
    whole = cells.backbone(include_top=True)
    said = whole.predict(views(), batch_size=28, verbose=0)
    return *whole.get_layer("logits").get_weights(), said


class Agreement:
    """The old head on a backbone, held against its former self."""

    def __init__(self, base_model):
        """Puts averaging on the backbone, whose weights may change."""
        pooled = keras.layers.GlobalAveragePooling2D()(base_model.output)
        self.model = keras.Model(base_model.input, pooled)

    def measured(self):
        """Returns the agreement and the distance.

        Returns:
            The share of views that get the same first class, and half the sum
            of absolute differences of probabilities, averaged over the views.
        """
        kernel, bias, before = _before()
        pooled = self.model.predict(views(), batch_size=28, verbose=0)
        logits = pooled @ kernel + bias
        now = np.exp(logits - logits.max(axis=1, keepdims=True))
        now /= now.sum(axis=1, keepdims=True)
        same = now.argmax(axis=1) == before.argmax(axis=1)
        distance = np.abs(now - before).sum(axis=1) / 2
        return float(same.mean()), float(distance.mean())
