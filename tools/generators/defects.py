"""An industrial target task: six defects on surfaces of rolled metal.

The six classes carry the names that steel-surface inspection uses. All
pictures are drawn, none is photographed. What a picture has besides its
defect (grain, direction of rolling, light, exposure, focus, noise, stray
marks) is drawn in the same way for all classes, and so gives nothing away.
"""

import numpy as np
from scipy import ndimage

from tools.generators import drawing

SIZE = 64

CLASSES = (
    "crazing",
    "inclusion",
    "patches",
    "pitted_surface",
    "rolled_in_scale",
    "scratches",
)

# How much a defect changes the brightness, of 1 for white: from barely
# visible to severe.
SEVERITY = (0.12, 0.36)
# Share of the pictures with a faint mark of another class, and its severity
# relative to the defect's.
SHARE_STRAY = 0.4
STRAY_SEVERITY = (0.25, 0.6)

BRIGHTNESS = (0.3, 0.7)
GRAIN_LENGTH = (4, 14)  # pixels, along the direction of rolling
GRAIN_WIDTH = (0.4, 1.0)
GRAIN_STRENGTH = (0.02, 0.06)
MOTTLE_SCALE = (5, 12)
MOTTLE_STRENGTH = (0.005, 0.04)
LIGHT = (0, 0.35)
BLUR = (0.2, 0.8)  # pixels
NOISE = (0.01, 0.035)
GAMMA = (0.75, 1.35)


def somewhere(rng, count=None, reach=0.9):
    """Random places (x, y), at most `reach` of the way to the border."""
    limit = reach * SIZE / 2
    return rng.uniform(-limit, limit, 2 if count is None else (count, 2))


def draw_crazing(rng, x, y, angle):
    """A network of fine dark cracks, on all or a part of the surface."""
    # The cracks run between the cells of irregularly placed points, bent by
    # noise and drawn out along the direction of rolling.
    along, across = drawing.rotate(x, y, angle)
    along = along / rng.uniform(1.0, 1.7)
    bend = rng.uniform(1.0, 2.5)
    along = along + bend * drawing.smooth_noise(rng, SIZE, 3)
    across = across + bend * drawing.smooth_noise(rng, SIZE, 3)
    cells = somewhere(rng, rng.integers(35, 90), reach=1.5)
    distances = np.hypot(
        along[..., None] - cells[:, 0].astype(np.float32),
        across[..., None] - cells[:, 1].astype(np.float32),
    )
    nearest = np.partition(distances, 1, axis=2)
    crack = nearest[..., 1] - nearest[..., 0] - rng.uniform(0.35, 0.8)
    depth = 0.8 + 0.3 * drawing.smooth_noise(rng, SIZE, 4)
    extent = drawing.smooth_noise(rng, SIZE, 10) + rng.uniform(0.4, 1.6)
    return (
        -drawing.coverage(crack, 1.2)
        * np.clip(depth, 0.2, 1.1)
        * np.clip(extent, 0, 1)
    )


def draw_inclusion(rng, x, y, angle):
    """One to four foreign bodies, drawn out along the direction of rolling."""
    marks = np.zeros_like(x)
    for _ in range(rng.integers(1, 5)):
        centre = somewhere(rng, reach=0.8)
        turn = angle + rng.normal(0, 0.08)
        along, across = drawing.rotate(x - centre[0], y - centre[1], turn)
        half_width = rng.uniform(0.8, 2.6)
        stretch = rng.uniform(2, 9)
        across = across + 0.7 * drawing.smooth_noise(rng, SIZE, 3)
        body = np.hypot(along / stretch, across) - half_width
        body += drawing.wobble(rng, along / stretch, across, 0.25 * half_width)
        tone = rng.uniform(0.7, 1.1) * rng.choice([-1, 1], p=[0.8, 0.2])
        marks += tone * drawing.coverage(body, 1.3)
    return np.clip(marks, -1.2, 1.2)


def draw_patches(rng, x, y, angle):
    """Wide stains with an irregular outline and a roughness of their own."""
    field = drawing.smooth_noise(rng, SIZE, rng.uniform(5, 9))
    field += 0.25 * drawing.smooth_noise(rng, SIZE, 1.5)
    inside = np.clip((field - rng.uniform(0.3, 1.0)) / 0.25, 0, 1)
    rough = 1 + rng.uniform(0.1, 0.4) * drawing.smooth_noise(rng, SIZE, 0.8)
    tone = rng.uniform(0.5, 0.9) * rng.choice([-1, 1], p=[0.6, 0.4])
    return tone * inside * rough


def draw_pitted_surface(rng, x, y, angle):
    """Many small round pits, in a cluster or all over, lit from one side."""
    centre, spread = somewhere(rng, reach=0.4), rng.uniform(7, 20)
    light = rng.uniform(0, 2 * np.pi)
    marks = np.zeros_like(x)
    for _ in range(rng.integers(10, 45)):
        place = centre + rng.normal(0, spread, 2)
        local_x, local_y = x - place[0], y - place[1]
        radius = rng.uniform(0.6, 2.2)
        pit = np.hypot(local_x, local_y) - radius
        lit, _ = drawing.rotate(local_x, local_y, light)
        rim = drawing.coverage(np.abs(pit - 0.6) - 0.4) * (lit > 0)
        hole = rng.uniform(0.6, 1.1) * drawing.coverage(pit, 1.2)
        marks += 0.45 * rim - hole
    return np.clip(marks, -1.1, 0.6)


def draw_rolled_in_scale(rng, x, y, angle):
    """Ragged flakes of oxide, pressed in along the direction of rolling."""
    length = rng.uniform(1.6, 3.5)
    flakes = drawing.grain(rng, SIZE, length, rng.uniform(0.8, 1.4), angle)
    flakes += 0.35 * drawing.smooth_noise(rng, SIZE, 0.7)
    extent = drawing.smooth_noise(rng, SIZE, rng.uniform(5, 10))
    level = flakes + rng.uniform(0.4, 0.9) * extent
    inside = np.clip((level - rng.uniform(0.9, 1.6)) / 0.5, 0, 1)
    # Scale is raised: one edge of a flake catches the light.
    edge = ndimage.sobel(inside, axis=rng.integers(2)) / 4
    return -rng.uniform(0.7, 1.0) * inside + 0.35 * np.abs(edge)


def draw_scratches(rng, x, y, angle):
    """One to four long thin lines that fade in and out, mostly bright."""
    marks = np.zeros_like(x)
    main = rng.choice([angle, rng.uniform(0, np.pi)])
    for _ in range(rng.integers(1, 5)):
        turn = main + rng.normal(0, 0.15)
        half = rng.uniform(8, 34)
        step = half * np.array([np.cos(turn), np.sin(turn)])
        middle = somewhere(rng, reach=0.7)
        bent = middle + rng.normal(0, 1.2, 2)
        distance, position = drawing.path_distance(
            x, y, np.array([middle - step, bent, middle + step])
        )
        line = drawing.coverage(distance - rng.uniform(0.2, 0.9), 1.2)
        fade = np.sin(np.pi * np.clip(position, 0.03, 0.97)) ** 0.5
        tone = rng.uniform(0.6, 1.2) * rng.choice([1, -1], p=[0.7, 0.3])
        marks += tone * fade * line
    return np.clip(marks, -1.2, 1.2)


DRAW = {
    "crazing": draw_crazing,
    "inclusion": draw_inclusion,
    "patches": draw_patches,
    "pitted_surface": draw_pitted_surface,
    "rolled_in_scale": draw_rolled_in_scale,
    "scratches": draw_scratches,
}


def draw_surface(rng, angle):
    """Rolled metal without a defect: brushed grain, mottle and brightness."""
    length, width = rng.uniform(*GRAIN_LENGTH), rng.uniform(*GRAIN_WIDTH)
    grain = drawing.grain(rng, SIZE, length, width, angle)
    mottle = drawing.smooth_noise(rng, SIZE, rng.uniform(*MOTTLE_SCALE))
    return (
        rng.uniform(*BRIGHTNESS)
        + rng.uniform(*GRAIN_STRENGTH) * grain
        + rng.uniform(*MOTTLE_STRENGTH) * mottle
    )


def make_picture(seed, index, class_name):
    """Makes one picture of a defect.

    Args:
        seed: Integer, the seed of a split.
        index: Integer, the picture's number within split and class.
        class_name: String, one of `CLASSES`.

    Returns:
        Array of shape (64, 64) and dtype uint8, grey.
    """
    class_index = CLASSES.index(class_name)
    rng = np.random.default_rng([seed, class_index, index])
    x, y = drawing.coordinates(SIZE)
    angle = rng.uniform(0, np.pi)
    image = draw_surface(rng, angle)
    severity = rng.uniform(*SEVERITY)
    image = image + severity * DRAW[class_name](rng, x, y, angle)
    if rng.random() < SHARE_STRAY:
        others = [name for name in CLASSES if name != class_name]
        stray = DRAW[str(rng.choice(others))](rng, x, y, angle)
        image = image + severity * rng.uniform(*STRAY_SEVERITY) * stray
    image = image * drawing.light_gradient(rng, SIZE, rng.uniform(*LIGHT))
    return drawing.expose(
        rng,
        image.astype(np.float32),
        blur=rng.uniform(*BLUR),
        noise=rng.uniform(*NOISE),
        gamma=rng.uniform(*GAMMA),
    )
