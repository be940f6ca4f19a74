"""A narrow source task: one object on an even ground, shape and texture.

It exists to be compared with. Every picture shows a single object in the
middle, cleanly drawn; its shape and its texture are the labels, and little
else varies. A backbone that is pretrained on it learns its task well and has
little to hand on.
"""

import numpy as np

from tools.generators import drawing, scenes

LABELS = {name: scenes.LABELS[name] for name in ("shape", "texture")}


def make_object(seed, index):
    """Makes one picture of the narrow source task.

    Args:
        seed: Integer, the seed of a split.
        index: Integer, the picture's number within the split.

    Returns:
        image: Array of shape (64, 64, 3) and dtype uint8.
        labels: Dict from each name in `LABELS` to a class index.
    """
    rng = np.random.default_rng([seed, index])
    labels = scenes.draw_labels(rng, LABELS)
    shape = LABELS["shape"][labels["shape"]]
    texture = LABELS["texture"][labels["texture"]]
    ground = rng.uniform(0.1, 0.9)
    x, y = drawing.coordinates(scenes.SIZE)
    x, y = x - rng.uniform(-3, 3), y - rng.uniform(-3, 3)
    x, y = drawing.rotate(x, y, rng.uniform(0, 2 * np.pi))
    distance = scenes.shape_distance(shape, x, y, rng.uniform(14, 18))
    pattern = scenes.texture_pattern(rng, texture, x, y)
    contrast = rng.uniform(*scenes.TEXTURE_AMPLITUDE)
    colour = scenes.object_colour(rng, ground)
    surface = colour + (contrast * pattern)[..., None]
    mask = drawing.coverage(distance)[..., None]
    image = ground + mask * (surface - ground)
    image = drawing.expose(
        rng,
        image.astype(np.float32),
        blur=rng.uniform(0, 0.5),
        noise=rng.uniform(0, 0.02),
        gamma=1.0,
    )
    return image, labels
