"""A medical target task: tissue in two stains, from three slide scanners.

Each picture shows a small field of tissue, stained with haematoxylin (nuclei,
blue) and eosin (everything else, pink). A field is benign or malignant, and
the diagnosis is the patient's: all fields of a patient share it. Malignant
nuclei tend to be larger, more irregular and more varied in size and
chromatin, and there are fewer of them, so that the stained area alone gives
nothing away. Patients differ in how pronounced that is (their atypia), and
benign and malignant ones overlap.

A field is made in two steps. `make_field` makes the tissue: how much of each
stain lies at each pixel. `scan` takes a picture of it with one of three
scanners. One field can so be scanned by several.

The colours follow the law of Beer and Lambert with the stain vectors of
Ruifrok and Johnston (2001), "Quantification of histochemical staining by
color deconvolution". Stain separation inverts this very model. What it cannot
invert is in the scanners: focus that falls off across the field, the texture
of the sensor, vignetting, and a JPEG compression of their own.
"""

import dataclasses
import io

import numpy as np
from PIL import Image
from scipy import ndimage

from tools.generators import drawing

SIZE = 64

CLASSES = ("benign", "malignant")

# Light that each stain absorbs in red, green and blue (optical density),
# after Ruifrok and Johnston, and how much it varies between laboratories.
STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
STAIN_JITTER = 0.05
# Tissue is not quite clear without stains either: it is faintly brown.
TISSUE = np.array([0.20, 0.45, 0.87])
TISSUE_DENSITY = (0.06, 0.13)

# Distance between the mean atypia of benign and malignant patients, and the
# spread between the fields of a patient; the spread between the patients of
# a diagnosis is 1.
SEPARATION = 2.5
FIELD_SPREAD = 0.4

NUCLEUS_RADIUS = 3.9  # pixels, where atypia is 0
# Share of the field that nuclei of the epithelium take up.
NUCLEAR_AREA = (0.13, 0.26)
HAEMATOXYLIN = 0.62  # optical density in a nucleus
EOSIN = 0.27

# Streams of random numbers, so that no two things share one.
DIAGNOSIS, PAIR, PATIENT, FIELD, SCAN = range(1, 6)


@dataclasses.dataclass(frozen=True)
class Patient:
    """What all fields of a patient have in common.

    Attributes:
        label: Index into `CLASSES`.
        atypia: How far the nuclei depart from the normal.
        log_size: Natural logarithm of the relative size of all nuclei.
        stretch: Spread of the nuclei's elongation.
        chromatin: Scale of the clumps of chromatin in pixels.
        membrane: Haematoxylin in the band below the membrane.
        nuclear_area: Share of a field that nuclei take up.
        haematoxylin: Strength of that stain.
        eosin: Strength of that stain.
        stains: Array of shape (2, 3): the colours of the two stains.
        tissue: Optical density of the tissue itself.
        fibre: Length and width of the fibres in pixels.
        fibre_contrast: Strength of the fibres.
        cytoplasm: Eosin in the epithelium, relative to the stroma.
        epithelium: From -1, mostly stroma, to 1, mostly epithelium.
        structure: Scale of the tissue's arrangement in pixels.
        gaps: From 0, dense tissue, to 1, many gaps.
        lymphocytes: Mean number of lymphocytes a field.
        red_cells: Mean number of red blood cells a field.
    """

    label: int
    atypia: float
    log_size: float
    stretch: float
    chromatin: float
    membrane: float
    nuclear_area: float
    haematoxylin: float
    eosin: float
    stains: np.ndarray
    tissue: float
    fibre: tuple[float, float]
    fibre_contrast: float
    cytoplasm: float
    epithelium: float
    structure: float
    gaps: float
    lymphocytes: float
    red_cells: float


@dataclasses.dataclass(frozen=True)
class Tissue:
    """A field of view before it is scanned.

    Attributes:
        density: Array of shape (64, 64, 3), the optical density in red,
            green and blue: the logarithm, to base 10, of the light that goes
            in over the light that comes out.
        mask: Boolean array of shape (64, 64), true in nuclei of any kind.
        label: Index into `CLASSES`.
    """

    density: np.ndarray
    mask: np.ndarray
    label: int


@dataclasses.dataclass(frozen=True)
class Scanner:
    """How a scanner turns light into a picture.

    Ranges (pairs) vary from picture to picture.

    Attributes:
        turn: Rotation of the colours, in optical density, about the grey
            axis, in radians.
        density: Factor of the optical density.
        white: Gain of red, green and blue.
        gamma: Exponent of the tone curve.
        blur: Range of the blur in focus, in pixels.
        defocus: Range of the further blur where the focus is lost.
        noise: Standard deviation of the noise, of 1 for white.
        rows: Standard deviation of the gain of the sensor's rows and columns.
        vignetting: Loss of light in the corners.
        quality: JPEG quality of the scanner's own file.
    """

    turn: float
    density: float
    white: tuple[float, float, float]
    gamma: float
    blur: tuple[float, float]
    defocus: tuple[float, float]
    noise: float
    rows: float
    vignetting: float
    quality: int


SCANNERS = {
    "A": Scanner(
        turn=0.0,
        density=1.0,
        white=(0.97, 0.96, 0.97),
        gamma=1.0,
        blur=(0.3, 0.55),
        defocus=(0.2, 0.6),
        noise=0.010,
        rows=0.002,
        vignetting=0.03,
        quality=92,
    ),
    "B": Scanner(
        turn=0.2,
        density=0.76,
        white=(1.0, 0.95, 0.90),
        gamma=0.85,
        blur=(0.5, 0.8),
        defocus=(0.3, 0.9),
        noise=0.020,
        rows=0.006,
        vignetting=0.08,
        quality=80,
    ),
    "C": Scanner(
        turn=-0.2,
        density=1.15,
        white=(0.91, 0.96, 1.0),
        gamma=1.18,
        blur=(0.55, 0.9),
        defocus=(0.4, 1.3),
        noise=0.024,
        rows=0.012,
        vignetting=0.14,
        quality=65,
    ),
}


def make_patient(seed, number):
    """Draws what all fields of a patient have in common.

    Patients 2n and 2n + 1 are a matched pair, as in a case-control study: one
    is benign, one malignant, and their nuclear area and stain strengths are
    alike. Otherwise chance alone would make these tell the diagnosis where
    patients are few.

    Args:
        seed: Integer, the seed of the whole set.
        number: Integer, the patient's number, from 0.
    """
    pair, place = divmod(number, 2)
    first = np.random.default_rng([seed, DIAGNOSIS, pair]).integers(2)
    label = int(first) ^ place
    shared = np.random.default_rng([seed, PAIR, pair])
    nuclear_area = shared.uniform(*NUCLEAR_AREA)
    haematoxylin = np.exp(shared.normal(0, 0.14))
    eosin = np.exp(shared.normal(0, 0.18))
    rng = np.random.default_rng([seed, PATIENT, number])
    stains = STAINS + rng.normal(0, STAIN_JITTER, STAINS.shape)
    stains = np.maximum(stains, 0.02)
    return Patient(
        label=label,
        atypia=SEPARATION * (label - 0.5) + rng.normal(),
        log_size=rng.normal(0, 0.07),
        stretch=rng.uniform(0.05, 0.25),
        chromatin=rng.uniform(0.6, 1.4),
        membrane=rng.uniform(0, 0.5),
        nuclear_area=nuclear_area * np.exp(rng.normal(0, 0.04)),
        haematoxylin=haematoxylin * np.exp(rng.normal(0, 0.05)),
        eosin=eosin * np.exp(rng.normal(0, 0.07)),
        stains=stains / np.linalg.norm(stains, axis=1, keepdims=True),
        tissue=rng.uniform(*TISSUE_DENSITY),
        fibre=(rng.uniform(3, 11), rng.uniform(0.6, 1.5)),
        fibre_contrast=rng.uniform(0.1, 0.35),
        cytoplasm=rng.uniform(0.6, 1.1),
        epithelium=rng.uniform(-0.2, 0.9),
        structure=rng.uniform(5, 11),
        gaps=rng.uniform(0, 0.9),
        lymphocytes=rng.gamma(1.2, 1.2),
        red_cells=rng.gamma(0.7, 1.2),
    )


def draw_radius(rng, patient, atypia):
    """Draws the mean radius of a nucleus of the epithelium, in pixels."""
    spread = np.clip(0.16 + 0.05 * atypia, 0.05, 0.35)
    log_radius = patient.log_size + 0.11 * atypia + rng.normal(0, spread)
    return NUCLEUS_RADIUS * float(np.exp(log_radius))


def draw_nucleus(rng, x, y, patient, atypia, radius):
    """Draws a nucleus of the epithelium around the origin.

    Returns:
        distance: Signed distance to its boundary.
        stain: Haematoxylin at each pixel, relative to an average nucleus.
    """
    stretch = np.exp(
        abs(rng.normal(0, patient.stretch + 0.02 * max(atypia, 0)))
    )
    x, y = drawing.rotate(x, y, rng.uniform(0, np.pi))
    x, y = x / stretch, y * stretch
    ragged = radius * np.clip(0.055 + 0.025 * atypia, 0.01, 0.16)
    distance = np.hypot(x, y) - radius
    distance += drawing.wobble(rng, x, y, ragged, harmonics=(2, 6))

    spread = np.clip(0.13 + 0.045 * atypia, 0.03, 0.3)
    stain = np.exp(rng.normal(0, spread) - spread**2 / 2)
    # Chromatin: clumps, and a darker band below the membrane.
    clumps = drawing.smooth_noise(rng, SIZE, patient.chromatin)
    stain = stain * (1 + np.clip(0.12 + 0.05 * atypia, 0.03, 0.3) * clumps)
    band = drawing.coverage(np.abs(distance + 0.8) - 0.5)
    stain = stain + patient.membrane * (band - 0.4)
    return distance, np.clip(stain, 0.2, 2.2)


def draw_small_nucleus(rng, x, y, stretch):
    """Draws a small dark nucleus: a lymphocyte's or, drawn out, a fibre's."""
    radius = rng.uniform(2.2, 2.7)
    x, y = drawing.rotate(x, y, rng.uniform(0, np.pi))
    x, y = x / stretch, y * stretch
    distance = np.hypot(x, y) - radius
    distance += drawing.wobble(rng, x, y, 0.03 * radius)
    clumps = drawing.smooth_noise(rng, SIZE, 0.8)
    return distance, rng.uniform(1.1, 1.4) * (1 + 0.08 * clumps)


def find_place(rng, x, y, allowed, taken, radius):
    """Looks for a place in `allowed` where a disc is free of nuclei.

    Returns:
        x and y with the place at the origin, or None if none was found.
    """
    for _ in range(60):
        centre = rng.uniform(-SIZE / 2 - 1, SIZE / 2 + 1, 2)
        local_x, local_y = x - centre[0], y - centre[1]
        disc = np.hypot(local_x, local_y) < radius
        if not disc.any():
            continue
        if taken[disc].mean() < 0.08 and allowed[disc].mean() > 0.7:
            return local_x, local_y
    return None


def draw_nuclei(rng, patient, atypia, epithelium, stroma):
    """Draws all nuclei of a field.

    Args:
        rng: `numpy.random.Generator`.
        patient: `Patient`.
        atypia: How far the nuclei of this field depart from the normal.
        epithelium: Boolean array, where nuclei of the epithelium may lie.
        stroma: Boolean array, where fibres and lymphocytes may lie.

    Returns:
        Two arrays: haematoxylin, relative to an average nucleus, and how
        much of each pixel lies in a nucleus.
    """
    x, y = drawing.coordinates(SIZE)
    stain, taken = np.zeros_like(x), np.zeros_like(x)

    def add(distance, amount):
        fresh = np.maximum(drawing.coverage(distance, 1.2) - taken, 0)
        stain[:] += fresh * amount
        taken[:] += fresh
        return fresh.sum()

    # Large nuclei are as many as the area needs, hence fewer.
    left = patient.nuclear_area * np.exp(rng.normal(0, 0.12)) * SIZE**2
    left = min(left, 0.5 * epithelium.sum())
    while left > 0:
        radius = draw_radius(rng, patient, atypia)
        # The last nucleus stays or goes so that the mean area is as wanted.
        if rng.random() > left / (np.pi * radius**2):
            break
        place = find_place(rng, x, y, epithelium, taken, radius)
        if place is None:
            break
        left -= add(*draw_nucleus(rng, *place, patient, atypia, radius))

    stretches = [1.0] * rng.poisson(patient.lymphocytes)
    stretches += list(rng.uniform(1.4, 1.8, rng.poisson(2)))  # of fibres
    for stretch in stretches:
        place = find_place(rng, x, y, stroma, taken, 3)
        if place is not None:
            add(*draw_small_nucleus(rng, *place, stretch))
    return stain, taken


def draw_red_cells(rng, count, allowed, taken):
    """Draws red blood cells, pale in the middle; returns their eosin."""
    x, y = drawing.coordinates(SIZE)
    eosin = np.zeros_like(x)
    for _ in range(count):
        place = find_place(rng, x, y, allowed, taken, 3)
        if place is None:
            continue
        away = np.hypot(*place)
        cell = drawing.coverage(away - rng.uniform(2.6, 3.2))
        pale = 1 - 0.2 * np.exp(-((away / 1.5) ** 2))
        eosin = np.maximum(eosin, cell * pale * (1 - taken))
    return eosin


def make_field(seed, patient, field):
    """Makes a field of view.

    Args:
        seed: Integer, the seed of the whole set.
        patient: Integer, the patient's number, from 0.
        field: Integer, the number of the patient's field, from 0.

    Returns:
        `Tissue`.
    """
    person = make_patient(seed, patient)
    rng = np.random.default_rng([seed, FIELD, patient, field])
    atypia = person.atypia + rng.normal(0, FIELD_SPREAD)

    # Epithelium lies in islands within the stroma; both have white gaps.
    relief = drawing.smooth_noise(rng, SIZE, person.structure)
    islands = np.clip(0.5 + (relief + person.epithelium) / 0.5, 0, 1)
    holes = drawing.smooth_noise(rng, SIZE, 3.5) + 0.7 * (0.5 - islands)
    solid = np.clip((2.6 - 1.4 * person.gaps - holes) / 0.4, 0, 1)
    nuclei, taken = draw_nuclei(
        rng,
        person,
        atypia,
        (islands > 0.5) & (solid > 0.5),
        (islands < 0.8) & (solid > 0.5),
    )
    red_cells = draw_red_cells(
        rng, rng.poisson(person.red_cells), islands < 0.8, taken
    )

    fibres = drawing.grain(rng, SIZE, *person.fibre, rng.uniform(0, np.pi))
    stroma = np.clip(1 + person.fibre_contrast * fibres, 0.15, 2)
    grain = drawing.smooth_noise(rng, SIZE, 1.2)
    cytoplasm = person.cytoplasm * (1 + 0.12 * grain)
    eosin = stroma + islands * (cytoplasm - stroma)
    eosin = eosin * solid * (1 - 0.5 * taken)
    eosin = np.maximum(eosin, 2.2 * red_cells)
    # A little haematoxylin lies in the cytoplasm of the epithelium.
    pale = (0.06 + 0.10 * islands) * solid * (1 - taken)
    haematoxylin = HAEMATOXYLIN * person.haematoxylin * (nuclei + pale)
    amounts = np.stack([haematoxylin, EOSIN * person.eosin * eosin], axis=-1)
    density = amounts @ person.stains
    density += person.tissue * np.maximum(solid, taken)[..., None] * TISSUE
    return Tissue(density.astype(np.float32), taken > 0.5, person.label)


def turn_colours(density, angle):
    """Rotates the colours of an optical density about the grey axis."""
    axis = np.full(3, 1 / np.sqrt(3))
    across = np.cross(axis, density)
    along = (density @ axis)[..., None] * axis
    return (
        np.cos(angle) * density
        + np.sin(angle) * across
        + (1 - np.cos(angle)) * along
    )


def scan(tissue, scanner, rng):
    """Takes a picture of a field.

    Args:
        tissue: `Tissue`.
        scanner: `Scanner`, one of `SCANNERS`.
        rng: `numpy.random.Generator`.

    Returns:
        Array of shape (64, 64, 3) and dtype uint8.
    """
    density = scanner.density * turn_colours(tissue.density, scanner.turn)
    image = 10 ** -np.maximum(density, 0)  # the law of Beer and Lambert

    # The focus falls off along a line across the field.
    x, y = drawing.coordinates(SIZE)
    along, _ = drawing.rotate(x, y, rng.uniform(0, 2 * np.pi))
    start = rng.uniform(-0.5, 1)
    lost = np.clip((2 * along / SIZE - start) / 1.2, 0, 1)[..., None]
    blur = rng.uniform(*scanner.blur)
    wide = np.hypot(blur, rng.uniform(*scanner.defocus))
    sharp = ndimage.gaussian_filter(image, (blur, blur, 0))
    vague = ndimage.gaussian_filter(image, (wide, wide, 0))
    image = sharp + lost * (vague - sharp)

    centre = rng.uniform(-0.3, 0.3, 2) * SIZE
    away = np.hypot(x - centre[0], y - centre[1]) / (SIZE / 2)
    image = image * (1 - 0.5 * scanner.vignetting * away**2)[..., None]
    image = image * rng.normal(1, scanner.rows, (SIZE, 1, 1))
    image = image * rng.normal(1, scanner.rows, (1, SIZE, 1))
    image = np.clip(image * scanner.white, 0, 1) ** scanner.gamma
    image = image + scanner.noise * rng.standard_normal(image.shape)
    picture = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return compress(picture, scanner.quality)


def compress(picture, quality):
    """Returns what is left of a picture after a JPEG compression."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image)


def make_picture(seed, patient, field, scanner):
    """Makes a field of view, and takes a picture of it.

    Args:
        seed: Integer, the seed of the whole set.
        patient: Integer, the patient's number, from 0.
        field: Integer, the number of the patient's field, from 0.
        scanner: String, a key of `SCANNERS`.

    Returns:
        Array of shape (64, 64, 3) and dtype uint8.
    """
    number = list(SCANNERS).index(scanner)
    rng = np.random.default_rng([seed, SCAN, patient, field, number])
    return scan(make_field(seed, patient, field), SCANNERS[scanner], rng)
