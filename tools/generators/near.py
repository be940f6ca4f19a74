"""A target task near the source: six other shapes, in other colours.

The pictures come from the source's own renderer (``scenes``): the same
backgrounds, surfaces, clutter, lens and sensor. What its scenes do not
have is the class, one of six shapes, and the palette: each picture is printed
in two inks, one for the ground and one for its one to three objects. Size,
number, surface, irregularity and palette are drawn alike for all classes, and
so give nothing away.
"""

import numpy as np

from tools.generators import drawing, scenes

SIZE = scenes.SIZE

CLASSES = ("chevron", "crescent", "cross", "flower", "half_disc", "heart")

# Objects of the source's middle and upper size.
SIZES = ("medium", "large")
IRREGULARITIES = ("smooth", "wavy", "ragged")
SHARE_IRREGULAR = (0.6, 0.35, 0.05)
MOST_OBJECTS = 3

# Each palette has two inks, for the ground and for the objects; an ink is a
# ramp of three colours (RGB), for black, for middle grey and for white.
PALETTES = {
    "cyanotype": (
        ((12, 24, 64), (48, 104, 168), (208, 228, 240)),
        ((72, 32, 16), (208, 112, 48), (252, 232, 196)),
    ),
    "sepia": (
        ((44, 28, 20), (148, 104, 64), (244, 228, 200)),
        ((8, 44, 56), (32, 132, 140), (208, 240, 232)),
    ),
    "moss": (
        ((20, 36, 16), (96, 124, 56), (228, 236, 196)),
        ((64, 12, 48), (188, 64, 128), (252, 212, 228)),
    ),
    "plum": (
        ((36, 12, 52), (116, 72, 140), (232, 216, 240)),
        ((48, 40, 0), (192, 160, 32), (252, 244, 184)),
    ),
    "lagoon": (
        ((0, 40, 48), (40, 136, 128), (204, 240, 224)),
        ((72, 12, 20), (220, 84, 80), (255, 220, 208)),
    ),
    "ember": (
        ((52, 12, 8), (172, 72, 40), (252, 220, 180)),
        ((20, 24, 72), (84, 104, 196), (216, 224, 255)),
    ),
}
INK_JITTER = 0.04  # of 1 for white

SHARE_CLUTTER = 0.35
SHARE_SHADED = 0.5
BLUR = (0, 0.8)  # pixels
NOISE = (0, 0.05)
GAMMA = (0.7, 1.4)
LIGHT = (0, 0.35)


def shape_distance(shape, x, y, radius):
    """Signed distance to a shape of about the area of a disc of `radius`."""
    if shape == "chevron":
        corners = np.array([(-1.05, 0.45), (0, -0.6), (1.05, 0.45)])
        distance, _ = drawing.path_distance(x, y, radius * corners)
        return distance - 0.44 * radius
    if shape == "crescent":
        outer = np.hypot(x - 0.5 * radius, y) - 1.4 * radius
        inner = np.hypot(x - 1.35 * radius, y) - 1.15 * radius
        return np.maximum(outer, -inner)
    if shape == "cross":
        upright = drawing.box_distance(x, y, 0.36 * radius, 1.3 * radius)
        lying = drawing.box_distance(x, y, 1.3 * radius, 0.36 * radius)
        return np.minimum(upright, lying)
    if shape == "flower":
        # Five round petals: the plane is folded into the sector of one.
        sector = 2 * np.pi / 5
        angle = np.mod(np.arctan2(y, x) + sector / 2, sector) - sector / 2
        away = np.hypot(x, y)
        petal = np.hypot(
            away * np.cos(angle) - 0.78 * radius, away * np.sin(angle)
        )
        return np.minimum(petal - 0.42 * radius, away - 0.5 * radius)
    if shape == "half_disc":
        y = y + 0.6 * radius
        return np.maximum(np.hypot(x, y) - 1.41 * radius, -y)
    # A heart: a square that stands on its corner, with two half discs.
    side, x = 1.326 * radius, np.abs(x)
    along, across = drawing.rotate(x, y - 0.3 * radius, np.pi / 4)
    square = drawing.box_distance(along, across, side / 2, side / 2)
    lobe = np.hypot(along, across + side / 2) - side / 2
    return np.minimum(square, lobe)


def draw_palette(rng):
    """Draws a palette and varies its colours a little.

    Returns:
        Two arrays of shape (3, 3), the inks of the ground and the objects,
        with values from 0 to 1.
    """
    palette = np.array(PALETTES[str(rng.choice(list(PALETTES)))]) / 255
    ground, objects = palette + rng.normal(0, INK_JITTER, palette.shape)
    return ground, objects


def dye(grey, ink):
    """Prints a grey picture in one ink: grey levels become its colours."""
    steps = np.linspace(0, 1, len(ink))
    channels = [np.interp(grey, steps, channel) for channel in ink.T]
    return np.stack(channels, axis=-1).astype(np.float32)


def object_grey(rng, background):
    """Draws a brightness that stands out from that of the background."""
    while True:
        grey = rng.uniform(0.1, 0.9)
        if abs(grey - background) > scenes.CONTRAST:
            return grey


def make_picture(seed, index, class_name):
    """Makes one picture of one to three objects of a shape.

    Args:
        seed: Integer, the seed of a split.
        index: Integer, the picture's number within split and class.
        class_name: String, one of `CLASSES`.

    Returns:
        Array of shape (64, 64, 3) and dtype uint8.
    """
    rng = np.random.default_rng([seed, CLASSES.index(class_name), index])
    x, y = drawing.coordinates(SIZE)
    image = scenes.draw_background(rng)
    if rng.random() < SHARE_CLUTTER:
        image = scenes.draw_clutter(rng, image, x, y)
    ground, ink = draw_palette(rng)
    grey = image @ scenes.LUMA
    background = float(grey.mean())
    image = dye(grey, ground)

    radius = rng.uniform(*scenes.RADIUS[str(rng.choice(SIZES))])
    irregularity = str(rng.choice(IRREGULARITIES, p=SHARE_IRREGULAR))
    amplitude = radius * rng.uniform(*scenes.WOBBLE[irregularity])
    texture = str(rng.choice(scenes.LABELS["texture"]))
    contrast = rng.uniform(*scenes.TEXTURE_AMPLITUDE)
    shaded = rng.random() < SHARE_SHADED
    tone = object_grey(rng, background)
    count = rng.integers(1, MOST_OBJECTS + 1)
    for centre in scenes.place_objects(rng, count, radius):
        local_x, local_y = drawing.rotate(
            x - centre[0], y - centre[1], rng.uniform(0, 2 * np.pi)
        )
        scale = radius * rng.uniform(0.95, 1.05)
        distance = shape_distance(class_name, local_x, local_y, scale)
        distance += drawing.wobble(rng, local_x, local_y, amplitude)
        pattern = scenes.texture_pattern(rng, texture, local_x, local_y)
        surface = tone + contrast * pattern
        if shaded:
            # Darker towards the boundary, as on a rounded body.
            surface = surface * (
                0.75 + 0.35 * np.clip(-distance / radius, 0, 1)
            )
        mask = drawing.coverage(distance, rng.uniform(0.8, 1.8))[..., None]
        image = image + mask * (dye(surface, ink) - image)

    light = drawing.light_gradient(rng, SIZE, rng.uniform(*LIGHT))
    return drawing.expose(
        rng,
        (image * light[..., None]).astype(np.float32),
        blur=rng.uniform(*BLUR),
        noise=rng.uniform(*NOISE),
        gamma=rng.uniform(*GAMMA),
    )
