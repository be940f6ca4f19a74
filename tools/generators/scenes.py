"""The source task: scenes of one to six objects with five labels at once.

The objects of a scene share their shape, texture, size and irregularity;
these and the number of objects are the labels. Everything else (place,
rotation, colour, contrast, background, light, clutter, blur, noise) varies
without being a label. A backbone that answers all five questions must look
at outlines, surfaces and arrangement. A narrow source (one object, shape and
texture only) was found to transfer badly.

Pretraining on generated contours follows Kataoka et al. (2022), "Replacing
Labeled Real-Image Datasets with Auto-Generated Contours".
"""

import numpy as np

from tools.generators import drawing

SIZE = 64

LABELS = {
    "shape": ("disc", "triangle", "square", "star", "ring", "bar"),
    "texture": ("plain", "stripes", "checks", "dots", "rings", "speckle"),
    "count": ("1", "2", "3", "4", "5", "6"),
    "size": ("small", "medium", "large"),
    "irregularity": ("smooth", "wavy", "ragged"),
}

# Mean radius of an object in pixels, and root mean square of its boundary's
# perturbation as a share of that radius.
RADIUS = {"small": (4.2, 5.4), "medium": (6.8, 8.2), "large": (10.0, 12.0)}
WOBBLE = {"smooth": (0.0, 0.02), "wavy": (0.07, 0.10), "ragged": (0.17, 0.23)}

# Least difference in brightness between an object and the background.
CONTRAST = 0.18
TEXTURE_PERIOD = (3.0, 6.5)  # pixels
TEXTURE_AMPLITUDE = (0.12, 0.35)  # of 1 for white
BACKGROUND_SCALES = (0.7, 1.5, 3, 6, 12)  # pixels

SHARE_GREY = 0.35  # of the scenes are rendered without colour
SHARE_CLUTTER = 0.35
SHARE_OCCLUDED = 0.2
SHARE_SHADED = 0.5
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def draw_labels(rng, classes=LABELS):
    """Returns one independent, uniform class index a label."""
    return {name: int(rng.integers(len(of))) for name, of in classes.items()}


def shape_distance(shape, x, y, radius):
    """Signed distance to a shape of about the area of a disc of `radius`."""
    if shape == "disc":
        return np.hypot(x, y) - radius
    if shape == "triangle":
        return drawing.star_distance(x, y, 3, 1.5 * radius, 0.75 * radius)
    if shape == "square":
        return drawing.box_distance(x, y, 0.89 * radius, 0.89 * radius)
    if shape == "star":
        return drawing.star_distance(x, y, 5, 1.5 * radius, 0.68 * radius)
    if shape == "ring":
        return np.abs(np.hypot(x, y) - 0.9 * radius) - 0.32 * radius
    return drawing.box_distance(x, y, 1.45 * radius, 0.5 * radius)


def texture_pattern(rng, texture, x, y):
    """Returns a pattern from -1 to 1 in the object's own coordinates."""
    if texture == "plain":
        return np.zeros_like(x)
    if texture == "speckle":
        noise = drawing.smooth_noise(rng, len(x), rng.uniform(0.5, 1.0))
        return np.clip(noise, -1.5, 1.5) / 1.5
    waves = np.float32(2 * np.pi / rng.uniform(*TEXTURE_PERIOD))
    if texture == "rings":
        return np.sin(waves * np.hypot(x, y) + rng.uniform(0, 2 * np.pi))
    x, y = drawing.rotate(x, y, rng.uniform(0, np.pi))
    x, y = x + rng.uniform(0, 6), y + rng.uniform(0, 6)
    if texture == "stripes":
        return np.sin(waves * x)
    if texture == "checks":
        return np.clip(3 * np.sin(waves * x) * np.sin(waves * y), -1, 1)
    bumps = np.cos(waves * x) + np.cos(waves * y)  # dots
    return np.clip(2 * bumps - 1, -1, 1)


def place_objects(rng, count, radius):
    """Returns `count` centres, spread out by best-candidate sampling."""
    reach = SIZE / 2 - 0.8 * radius
    centres = [rng.uniform(-reach, reach, 2)]
    while len(centres) < count:
        candidates = rng.uniform(-reach, reach, (24, 2))
        gaps = candidates[:, None] - np.array(centres)[None]
        distances = np.linalg.norm(gaps, axis=2).min(axis=1)
        # Touching is avoided where there is room; a wide gap is not sought.
        distances = np.minimum(distances, rng.uniform(2.3, 4.0) * radius)
        centres.append(candidates[distances.argmax()])
    return centres


def draw_background(rng):
    """Smooth noise at several scales between two or three colours."""
    base = rng.uniform(0.1, 0.9, 3).astype(np.float32)
    # Half of the backgrounds are close to grey.
    base += (base @ LUMA - base) * rng.choice([0.0, 0.7])
    image = np.tile(base, (SIZE, SIZE, 1))
    for scale in rng.choice(BACKGROUND_SCALES, rng.integers(1, 4), False):
        noise = drawing.smooth_noise(rng, SIZE, scale)
        if rng.random() < 0.25:
            angle = rng.uniform(0, np.pi)
            noise = drawing.grain(rng, SIZE, 3 + scale, 0.6, angle)
        tint = rng.uniform(0.2, 1, 3).astype(np.float32)
        image += rng.uniform(0.01, 0.07) * noise[..., None] * tint
    return image


def draw_clutter(rng, image, x, y):
    """Adds thin lines and specks that are no objects."""
    for _ in range(rng.integers(1, 5)):
        start, end = rng.uniform(-SIZE / 2, SIZE / 2, (2, 2))
        if rng.random() < 0.5:  # a speck is a very short line
            end = start + rng.uniform(-1.5, 1.5, 2)
        distance, _ = drawing.path_distance(x, y, [start, end])
        mask = drawing.coverage(distance - rng.uniform(0.3, 0.9))
        mask = mask[..., None] * rng.uniform(0.3, 0.8)
        image = image + mask * (rng.random(3, dtype=np.float32) - image)
    return image


def object_colour(rng, background):
    """Draws a colour that stands out in brightness, even without colour."""
    while True:
        colour = rng.random(3, dtype=np.float32)
        if abs(colour @ LUMA - background) > CONTRAST:
            return colour


def make_scene(seed, index):
    """Makes one picture of the source task.

    Args:
        seed: Integer, the seed of a split.
        index: Integer, the picture's number within the split.

    Returns:
        image: Array of shape (64, 64, 3) and dtype uint8.
        labels: Dict from each name in `LABELS` to a class index.
    """
    rng = np.random.default_rng([seed, index])
    labels = draw_labels(rng)
    named = {name: LABELS[name][labels[name]] for name in LABELS}
    x, y = drawing.coordinates(SIZE)
    image = draw_background(rng)
    if rng.random() < SHARE_CLUTTER:
        image = draw_clutter(rng, image, x, y)
    background = float((image @ LUMA).mean())

    radius = rng.uniform(*RADIUS[named["size"]])
    amplitude = radius * rng.uniform(*WOBBLE[named["irregularity"]])
    contrast = rng.uniform(*TEXTURE_AMPLITUDE)
    shaded = rng.random() < SHARE_SHADED
    one_colour = rng.random() < 0.5
    colour = object_colour(rng, background)
    for centre in place_objects(rng, labels["count"] + 1, radius):
        if not one_colour:
            colour = object_colour(rng, background)
        local_x, local_y = x - centre[0], y - centre[1]
        local_x, local_y = drawing.rotate(
            local_x, local_y, rng.uniform(0, 2 * np.pi)
        )
        scale = radius * rng.uniform(0.95, 1.05)
        distance = shape_distance(named["shape"], local_x, local_y, scale)
        distance += drawing.wobble(rng, local_x, local_y, amplitude)
        pattern = texture_pattern(rng, named["texture"], local_x, local_y)
        surface = colour + (contrast * pattern)[..., None]
        if shaded:
            # Darker towards the boundary, as on a rounded body.
            depth = np.clip(-distance / radius, 0, 1)[..., None]
            surface = surface * (0.75 + 0.35 * depth)
        mask = drawing.coverage(distance, rng.uniform(0.8, 1.8))[..., None]
        image = image + mask * (surface - image)

    if rng.random() < SHARE_OCCLUDED:
        # A half-transparent band, like a reflection or a shadow.
        turned, _ = drawing.rotate(x, y, rng.uniform(0, np.pi))
        turned = np.abs(turned - rng.uniform(-25, 25)) - rng.uniform(2, 8)
        veil = drawing.coverage(turned, 2.0)[..., None]
        image = image + rng.uniform(0.15, 0.4) * veil * (
            rng.choice([0.0, 1.0]) - image
        )
    image = (
        image
        * drawing.light_gradient(rng, SIZE, rng.uniform(0, 0.35))[..., None]
    )
    if rng.random() < SHARE_GREY:
        image = np.repeat((image @ LUMA)[..., None], 3, axis=2)
    image = drawing.expose(
        rng,
        image.astype(np.float32),
        blur=rng.uniform(0, 0.8),
        noise=rng.uniform(0, 0.05),
        gamma=rng.uniform(0.7, 1.4),
    )
    return image, labels
