"""Shared drawing: noise, signed distances, light and the lens.

Pictures are float32 arrays with values from 0 (black) to 1 (white), of shape
(size, size) for grey and (size, size, 3) for colour. Lengths are in pixels,
angles in radians. A signed distance is negative inside a shape, zero on its
boundary and positive outside.
"""

import itertools

import numpy as np
from scipy import ndimage


def coordinates(size):
    """Returns x and y of each pixel, with the origin in the centre."""
    axis = np.arange(size, dtype=np.float32) - (size - 1) / 2
    x, y = np.meshgrid(axis, axis)
    return x, y


def rotate(x, y, angle):
    """Returns coordinates along axes that are turned by `angle`."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * x + sin * y, cos * y - sin * x


def smooth_noise(rng, size, scale):
    """Gaussian noise with structures of about `scale` pixels.

    Args:
        rng: `numpy.random.Generator`.
        size: Width and height in pixels.
        scale: Standard deviation of the smoothing in pixels; a pair gives
            one for rows (y) and one for columns (x).

    Returns:
        Array of shape (size, size) with mean 0 and standard deviation 1.
    """
    noise = rng.standard_normal((size, size), dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, scale, mode="wrap")
    return standardise(noise)


def grain(rng, size, length, width, angle):
    """Noise drawn out along a direction, like brushed metal.

    The noise is smoothed along the axes of a larger picture, which is then
    turned, so that the corners are filled as well.
    """
    margin = int(np.ceil(size * 0.75)) * 2
    noise = smooth_noise(rng, margin, (width, length))
    noise = ndimage.rotate(
        noise, np.degrees(angle), reshape=False, order=1, mode="wrap"
    )
    start = (margin - size) // 2
    return standardise(noise[start : start + size, start : start + size])


def standardise(values):
    """Returns `values` with mean 0 and standard deviation 1."""
    values = values - values.mean()
    return values / max(values.std(), 1e-6)


def star_distance(x, y, points, outer, inner):
    """Signed distance to the edges of a star (approximate at the tips).

    The plane is folded into one of the `2 * points` equal sectors, where the
    boundary is a single straight edge. A regular polygon is the special case
    `inner = outer * cos(pi / points)`.

    Args:
        x: Coordinates of the pixels.
        y: Coordinates of the pixels.
        points: Number of tips.
        outer: Distance of the tips from the centre.
        inner: Distance of the inner corners from the centre.
    """
    sector = np.pi / points
    radius = np.hypot(x, y)
    angle = np.abs(np.mod(np.arctan2(y, x) + sector, 2 * sector) - sector)
    edge_x = inner * np.cos(sector) - outer
    edge_y = inner * np.sin(sector)
    length = np.hypot(edge_x, edge_y)
    to_x, to_y = radius * np.cos(angle) - outer, radius * np.sin(angle)
    return (edge_y * to_x - edge_x * to_y) / length


def box_distance(x, y, half_width, half_height):
    """Signed distance to a rectangle around the origin."""
    dx, dy = np.abs(x) - half_width, np.abs(y) - half_height
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0)


def path_distance(x, y, points):
    """Distance to a line through `points`, and the position along it.

    Args:
        x: Coordinates of the pixels.
        y: Coordinates of the pixels.
        points: Array of shape (n, 2) with the (x, y) of each corner.

    Returns:
        Two arrays of the pictures' shape: the distance in pixels, and the
        position of the nearest point, from 0 (start) to 1 (end).
    """
    nearest = np.full(x.shape, np.inf, dtype=np.float32)
    position = np.zeros(x.shape, dtype=np.float32)
    segments = len(points) - 1
    for i, ((ax, ay), (bx, by)) in enumerate(itertools.pairwise(points)):
        length_squared = max((bx - ax) ** 2 + (by - ay) ** 2, 1e-6)
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length_squared
        along = np.clip(along, 0, 1)
        distance = np.hypot(
            x - ax - along * (bx - ax), y - ay - along * (by - ay)
        )
        closer = distance < nearest
        nearest = np.where(closer, distance, nearest)
        position = np.where(closer, (i + along) / segments, position)
    return nearest, position


def wobble(rng, x, y, amplitude, harmonics=(3, 8)):
    """A random Fourier series in the angle, to perturb a boundary.

    Args:
        rng: `numpy.random.Generator`.
        x: Coordinates of the pixels, with the object's centre at the origin.
        y: Coordinates of the pixels.
        amplitude: Root mean square of the series, in pixels.
        harmonics: First and last number of waves around the object.
    """
    angle = np.arctan2(y, x)
    waves = np.arange(harmonics[0], harmonics[1] + 1)
    # High harmonics are weaker, as in natural outlines.
    weights = rng.standard_normal(len(waves)) / np.sqrt(waves)
    weights *= amplitude * np.sqrt(2) / np.linalg.norm(weights)
    phases = rng.uniform(0, 2 * np.pi, len(waves))
    series = np.zeros_like(angle)
    for wave, weight, phase in zip(waves, weights, phases, strict=True):
        series += np.float32(weight) * np.cos(wave * angle + np.float32(phase))
    return series


def coverage(distance, softness=1.0):
    """Returns how much of each pixel lies inside: 1 in, 0 out, soft edge."""
    return np.clip(0.5 - distance / softness, 0, 1)


def light_gradient(rng, size, strength):
    """Light that falls off across the picture: factors with mean about 1."""
    x, y = coordinates(size)
    along, _ = rotate(x, y, rng.uniform(0, 2 * np.pi))
    return 1 + strength * along / (size / 2)


def expose(rng, image, blur, noise, gamma):
    """Passes a picture through lens and sensor.

    Args:
        rng: `numpy.random.Generator`.
        image: Array with values of about 0 to 1, grey or colour.
        blur: Standard deviation of the lens blur in pixels.
        noise: Standard deviation of the sensor noise, of 1 for white.
        gamma: Exponent of the tone curve; 1 leaves the tones as they are.

    Returns:
        Array of dtype uint8 and of the same shape.
    """
    sigma = (blur, blur, 0) if image.ndim == 3 else blur
    image = ndimage.gaussian_filter(image, sigma)
    image = np.clip(image, 0, 1) ** gamma
    image = image + noise * rng.standard_normal(image.shape, dtype=np.float32)
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
