"""The second source task: name the material that a picture shows.

A material is drawn from a number: one of eight families (noise, marble,
weave, cells, leaves, fractal, contours, strokes), its parameters and its
palette. All pictures of a material share these; place, direction, scale,
light, exposure, focus and noise differ, some pictures are grey or wear a
palette of chance, and in some another material covers a part. A backbone that
tells hundreds of materials apart must look at spectra, edges, repetition and
colour, which scenes of a few objects hardly ask for.

Naming the parameters behind a generated picture, as a pretraining task,
follows Kataoka et al. (2020), "Pre-training without Natural Images"
(fractals), Kataoka et al. (2022), "Replacing Labeled Real-Image Datasets with
Auto-Generated Contours", and Baradad et al. (2021), "Learning to See by
Looking at Noise" (dead leaves and spectra).
"""

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from tools.generators import drawing
from tools.generators.scenes import LUMA

SIZE = 64
COUNT = 500  # materials
MATERIAL_SEED = 71  # of what all pictures of a material share

SHARE_GREY = 0.3
SHARE_OTHER_PALETTE = 0.2
SHARE_COVERED = 0.3  # of the pictures show a second material in one corner


def make_picture(seed, index, material=None):
    """Makes one picture of a material.

    Args:
        seed: Integer, the seed of a split.
        index: Integer, the picture's number within the split.
        material: Integer below `COUNT`; None draws one.

    Returns:
        image: Array of shape (64, 64, 3) and dtype uint8.
        material: Integer, the label.
    """
    rng = np.random.default_rng([seed, index])
    if material is None:
        material = int(rng.integers(COUNT))
    image = draw_material(rng, material)
    if rng.random() < SHARE_COVERED:
        other = draw_material(rng, int(rng.integers(COUNT)))
        x, y = drawing.coordinates(SIZE)
        along, _ = drawing.rotate(x, y, rng.uniform(0, 2 * np.pi))
        wave = 2.5 * drawing.smooth_noise(rng, SIZE, 5)
        border = along - rng.uniform(6, 20) + wave
        mask = drawing.coverage(-border, rng.uniform(1, 2))[..., None]
        image = image + mask * (other - image)
    strength = rng.uniform(0, 0.4)
    image = image * drawing.light_gradient(rng, SIZE, strength)[..., None]
    if rng.random() < SHARE_GREY:
        image = np.repeat((image @ LUMA)[..., None], 3, axis=2)
    image = drawing.expose(
        rng,
        (image * rng.uniform(0.75, 1.2)).astype(np.float32),
        blur=rng.uniform(0, 0.8),
        noise=rng.uniform(0, 0.04),
        gamma=rng.uniform(0.75, 1.35),
    )
    return image, material


def draw_material(rng, material):
    """Returns a picture of a material, before light and lens."""
    fixed = np.random.default_rng([MATERIAL_SEED, material])
    family = FAMILIES[material % len(FAMILIES)]
    palette = draw_palette(fixed)
    values = family(fixed, rng)
    contrast = fixed.uniform(0.5, 1.6)
    if rng.random() < SHARE_OTHER_PALETTE:
        palette = draw_palette(rng)
    palette = palette + 0.05 * rng.standard_normal(3)  # light of one colour
    position = 0.5 + 0.5 * np.tanh(contrast * values)
    stops = np.linspace(0, 1, len(palette))
    colours = [np.interp(position, stops, palette[:, i]) for i in range(3)]
    return np.stack(colours, axis=2).astype(np.float32)


def draw_palette(rng):
    """Draws two to four colours, from muted to strong, dark to light."""
    count = rng.integers(2, 5)
    lightness = rng.uniform(0.08, 0.92, (count, 1))
    tint = rng.standard_normal((count, 3)) + 1.5 * rng.standard_normal(3)
    tint = tint - tint.mean(axis=1, keepdims=True)
    strength = rng.choice([0.03, 0.1, 0.2]) * rng.uniform(0.5, 1.5)
    return np.clip(lightness + strength * tint, 0, 1)


def placed(fixed, rng):
    """Coordinates in a pattern: any place, nearly one direction and scale."""
    x, y = drawing.coordinates(SIZE)
    angle = fixed.uniform(0, np.pi) + 0.2 * rng.standard_normal()
    x, y = drawing.rotate(x, y, angle)
    scale = np.float32(np.exp(0.12 * rng.standard_normal()))
    dx, dy = rng.uniform(-500, 500, 2)
    return x * scale + np.float32(dx), y * scale + np.float32(dy)


def noise(fixed, rng):
    """Noise whose spectrum falls off, with a direction or a favoured scale."""
    slope = fixed.uniform(0.4, 2.2)
    angle = fixed.uniform(0, np.pi) + 0.15 * rng.standard_normal()
    narrowness = fixed.choice([0.0, 1.5, 6.0])
    wavelength = np.exp(fixed.uniform(np.log(4), np.log(22)))
    banded = fixed.random() < 0.5
    fx, fy = np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE))
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = 1
    if banded:
        octaves = np.log2(frequency * wavelength) + 0.1 * rng.standard_normal()
        amplitude = np.exp(-(octaves**2) / 0.25)
    else:
        amplitude = frequency**-slope
    direction = np.cos(2 * (np.arctan2(fy, fx) - angle))
    amplitude = amplitude * np.exp(narrowness * (direction - 1))
    amplitude[0, 0] = 0
    white = np.fft.fft2(rng.standard_normal((SIZE, SIZE)))
    values = drawing.standardise(np.fft.ifft2(white * amplitude).real)
    return values * fixed.choice([1.0, 3.0])  # three: nearly two tones


def marble(fixed, rng):
    """Waves that smooth noise bends: marble, wood, zebra."""
    period, bend = fixed.uniform(4, 16), fixed.uniform(0.2, 1.6)
    scale = fixed.uniform(3, 9)
    x, _ = placed(fixed, rng)
    bent = x + bend * period * drawing.smooth_noise(rng, SIZE, scale) / 2
    waves = np.sin(2 * np.pi * bent / period)
    if fixed.random() < 0.3:  # veins: thin lines on an even ground
        waves = 2 * np.abs(waves) ** 0.5 - 1
    return fixed.uniform(0.8, 2.5) * waves


def weave(fixed, rng):
    """Two crossing waves: cloth, checks, dots, bricks."""
    x, y = placed(fixed, rng)
    periods = fixed.uniform(4, 14, 2)
    shear = fixed.uniform(-0.6, 0.6)
    x = x + shear * y
    kind = fixed.integers(4)
    if kind == 3:  # bricks: every second row is shifted by half a brick
        x = x + periods[0] / 2 * (np.floor(y / periods[1]) % 2)
    first = np.cos(2 * np.pi * x / periods[0])
    second = np.cos(2 * np.pi * y / periods[1])
    if kind == 0:
        values = first * second
    elif kind == 1:
        values = first + second
    else:
        values = np.maximum(first, second)
    return fixed.uniform(1, 3) * values


def cells(fixed, rng):
    """Cells around scattered points: scales, stones, cracked mud."""
    x, y = placed(fixed, rng)
    pitch = np.exp(fixed.uniform(np.log(5), np.log(18)))
    stretch = fixed.uniform(1, 2.2)
    order = fixed.choice([0.25, 0.6, 1.0])  # how far points leave their grid
    u, v = x / pitch, y / pitch / stretch
    column, row = np.floor(u), np.floor(v)
    width = int(column.max() - column.min()) + 3
    height = int(row.max() - row.min()) + 3
    shift = 0.5 + order * rng.uniform(-0.5, 0.5, (height, width, 2))
    tones = rng.uniform(-1.5, 1.5, (height, width))
    left, top = column.min() - 1, row.min() - 1
    distances, tone = [], []
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            i = (row + dy - top).astype(int)
            j = (column + dx - left).astype(int)
            point = shift[i, j]
            du = column + dx + point[..., 0] - u
            dv = row + dy + point[..., 1] - v
            distances.append(np.hypot(du, dv))
            tone.append(tones[i, j])
    distances, tone = np.array(distances), np.array(tone)
    nearest = np.argsort(distances, axis=0)[:2]
    first, second = np.take_along_axis(distances, nearest, axis=0)
    kind = fixed.integers(3)
    if kind == 0:
        return 4 * (second - first) - 1
    if kind == 1:
        return 1.5 - 4 * first
    seams = np.clip((second - first) * pitch / 1.5, 0, 1)
    own = np.take_along_axis(tone, nearest[:1], axis=0)[0]
    return seams * (own + 1) - 1


def leaves(fixed, rng):
    """Overlapping pieces of a power law of sizes: dead leaves, pebbles."""
    smallest, largest = fixed.uniform(1.5, 4), fixed.uniform(8, 26)
    power = fixed.uniform(1.2, 3.0)
    corners = int(fixed.choice([0, 0, 3, 4, 5, 6]))
    stretch = fixed.uniform(1, 3)
    tidy = fixed.random() < 0.4  # all pieces lie in one direction
    angle = fixed.uniform(0, np.pi)
    twice = 2 * SIZE
    canvas = Image.new("F", (twice, twice), float(rng.normal()))
    pen = ImageDraw.Draw(canvas)
    count = 250
    # The inverse of the power law's distribution function.
    ends = smallest**-power, largest**-power
    radii = (ends[1] + rng.random(count) * (ends[0] - ends[1])) ** (-1 / power)
    for radius in radii:
        centre = rng.uniform(-6, SIZE + 6, 2)
        sides = corners or 14
        turn = angle if tidy else rng.uniform(0, np.pi)
        ring = 2 * np.pi * (np.arange(sides) + rng.random()) / sides
        u = radius * np.cos(ring) * np.sqrt(stretch)
        v = radius * np.sin(ring) / np.sqrt(stretch)
        px, py = drawing.rotate(u, v, turn)
        outline = np.stack([px + centre[0], py + centre[1]], axis=1) * 2
        pen.polygon(list(map(tuple, outline)), fill=float(1.2 * rng.normal()))
    values = np.asarray(canvas)
    return values.reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3))


def fractal(fixed, rng):
    """The attractor of two to four affine maps: ferns, dust, dragons."""
    maps = int(fixed.integers(2, 5))
    turns, tilts = fixed.uniform(0, 2 * np.pi, (2, maps))
    # Contraction between these bounds fills a good part of the picture.
    sizes = fixed.uniform(0.45, 0.85, (maps, 2))
    sizes *= fixed.choice([-1, 1], (maps, 2))
    shifts = fixed.uniform(-1, 1, (maps, 2))
    sizes = sizes * np.exp(0.03 * rng.standard_normal((maps, 2)))
    shifts = shifts + 0.06 * rng.standard_normal((maps, 2))

    def rotation(angles):
        cos, sin = np.cos(angles), np.sin(angles)
        return np.stack([np.stack([cos, -sin], 1), np.stack([sin, cos], 1)], 1)

    matrices = rotation(turns) * sizes[:, None, :] @ rotation(tilts)
    weights = np.abs(np.linalg.det(matrices)) + 0.05
    weights /= weights.sum()
    points = np.zeros((600, 2))
    seen = []
    for step in range(40):
        chosen = rng.choice(maps, len(points), p=weights)
        points = np.einsum("nij,nj->ni", matrices[chosen], points)
        points = points + shifts[chosen]
        if step >= 10:
            seen.append(points)
    seen = np.concatenate(seen)
    seen = np.stack(
        drawing.rotate(seen[:, 0], seen[:, 1], rng.uniform(0, 2 * np.pi)), 1
    )
    low, high = np.percentile(seen, [1, 99], axis=0)
    span = max((high - low).max(), 1e-6) * rng.uniform(0.6, 1.1)
    place = (seen - (low + high) / 2) / span + rng.uniform(0.4, 0.6, 2)
    hits, _, _ = np.histogram2d(
        place[:, 1], place[:, 0], SIZE, [[0, 1], [0, 1]]
    )
    hits = ndimage.gaussian_filter(np.log1p(hits), 0.5)
    ground = 0.3 * drawing.smooth_noise(rng, SIZE, fixed.uniform(1, 8))
    return 2.5 * hits / max(hits.max(), 1e-6) * 1.6 - 1.2 + ground


def contours(fixed, rng):
    """Nested outlines around one to three centres: radial contours."""
    centres = int(fixed.integers(1, 4))
    lines = fixed.integers(2, 9)
    corners = int(fixed.integers(0, 8))
    depth = fixed.uniform(0.1, 0.45)
    unrest = fixed.uniform(0, 0.12)
    reach = fixed.uniform(14, 26) / np.sqrt(centres)
    filled = fixed.random() < 0.4
    ground = fixed.uniform(0, 0.5)
    x, y = drawing.coordinates(SIZE)
    values = ground * drawing.smooth_noise(rng, SIZE, fixed.uniform(0.7, 5)) - 1
    for _ in range(centres):
        dx, dy = rng.uniform(-22, 22, 2)
        u, v = drawing.rotate(x - dx, y - dy, rng.uniform(0, 2 * np.pi))
        radius = reach * np.exp(0.15 * rng.standard_normal())
        petals = 1 + depth * np.cos(corners * np.arctan2(v, u))
        distance = np.hypot(u, v) / petals
        distance = distance + drawing.wobble(rng, u, v, unrest * radius + 0.01)
        inside = drawing.coverage(distance - radius)
        rings = np.cos(2 * np.pi * lines * distance / radius)
        drawn = 0.8 + 0.8 * rings if not filled else 1.6 * (rings > 0)
        values = values + inside * (drawn - values)
    return values


def strokes(fixed, rng):
    """Many thin strokes: grass, hair, straw, rain."""
    count = int(np.exp(fixed.uniform(np.log(20), np.log(220))))
    length = fixed.uniform(5, 40)
    width = int(fixed.integers(1, 6))
    angle = fixed.uniform(0, np.pi) + 0.15 * rng.standard_normal()
    spread = fixed.choice([0.08, 0.35, 3.0])
    curve = fixed.uniform(0, 0.6)
    twice = 2 * SIZE
    canvas = Image.new("F", (twice, twice), -1.0)
    pen = ImageDraw.Draw(canvas)
    steps = np.linspace(-0.5, 0.5, 6)
    for _ in range(count):
        turn = angle + spread * rng.standard_normal()
        bent = turn + curve * rng.standard_normal() * steps
        reach = length * np.exp(0.3 * rng.standard_normal()) / 5
        path = np.stack([np.cos(bent), np.sin(bent)], axis=1).cumsum(axis=0)
        path = (path * reach + rng.uniform(-8, SIZE + 8, 2)) * 2
        tone = float(0.7 + 0.7 * rng.standard_normal())
        pen.line(list(map(tuple, path)), fill=tone, width=width)
    values = np.asarray(canvas)
    return values.reshape(SIZE, 2, SIZE, 2).mean(axis=(1, 3))


FAMILIES = (noise, marble, weave, cells, leaves, fractal, contours, strokes)
