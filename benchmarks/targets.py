"""The target tasks on which the backbones are compared, as arrays.

Three are the course's own (near, defects, histology); two show real pictures
that no generator of this project knows: scikit-learn's handwritten digits, and
crops of photographs that scikit-learn and scikit-image bring along.
"""

import dataclasses
import functools

import numpy as np
import sklearn.datasets
from PIL import Image

from course_utils.pictures import datasets

SIZE = 64

# Real pictures, in the order of their class index. From left to right, each is
# cut into a part for training, one for validation and one for testing, so that
# no pixel is in two of them.
PHOTOGRAPHS = (
    "astronaut brick camera cell chelsea china clock_motion coffee coins "
    "flower grass gravel hubble_deep_field immunohistochemistry moon "
    "motorcycle retina rocket"
).split()
CUTS = {"train": (0.0, 0.5), "validation": (0.5, 0.75), "test": (0.75, 1.0)}
CROPS = {"train": 150, "validation": 40, "test": 60}  # a photograph
CROP_SEEDS = {"train": 51, "validation": 52, "test": 53}


@dataclasses.dataclass(frozen=True)
class Target:
    """A target task.

    Attributes:
        name: Its name in the report.
        classes: Number of classes.
        flips: Directions in which a picture may be flipped: `""`,
            `"horizontal"` or `"horizontal_and_vertical"`.
        metric: `"accuracy"`, or `"auc"` for two classes.
        parts: Dict from `"train"`, `"validation"` and `"test"` to images
            (count, 64, 64, 3), uint8, and labels (count,).
    """

    name: str
    classes: int
    flips: str
    metric: str
    parts: dict

    def draw(self, labels, seed):
        """Draws a training set: its images and labels, see `numbers`."""
        chosen = self.numbers(labels, seed)
        return tuple(part[chosen] for part in self.parts["train"])

    def numbers(self, labels, seed):
        """Draws as many training pictures of each class, or nearly.

        Args:
            labels: Number of pictures.
            seed: Integer; another one draws other pictures.

        Returns:
            Their positions in the training part.
        """
        _, classes = self.parts["train"]
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(classes))
        # The i-th picture of its class comes before the (i+1)-th of any.
        rank = np.empty(len(order), int)
        for index in range(self.classes):
            own = np.flatnonzero(classes[order] == index)
            rank[own] = np.arange(len(own))
        chosen = order[np.argsort(rank, kind="stable")][:labels]
        if len(chosen) < labels:
            raise ValueError(
                f"{self.name} has {len(classes)} training pictures; "
                f"{labels} were asked for."
            )
        return chosen


@functools.cache
def load(name):
    """Loads a target task by name, see `NAMES`."""
    return _LOADERS[name]()


def _course_set(name, flips, metric="accuracy"):
    splits = datasets.load_dataset(name, batch_size=100)
    parts = {}
    for part in ("train", "validation", "test"):
        batches = list(getattr(splits, part))
        images = np.concatenate([images for images, _ in batches])
        labels = np.concatenate([labels for _, labels in batches])
        images = np.rint(images).astype(np.uint8)
        if part == "train":
            # They come shuffled, and how hangs on the global seed, too: a draw
            # must not, or two methods with one seed would see other labels.
            order = np.argsort([image.tobytes() for image in images])
            images, labels = images[order], labels[order]
        parts[part] = images, labels
    return Target(name, len(splits.class_names), flips, metric, parts)


def _digits():
    """Handwritten digits: 8x8 pixels, enlarged eight times."""
    digits = sklearn.datasets.load_digits()
    images = (digits.images * (255 / 16)).astype(np.uint8)
    images = np.stack(
        [
            np.asarray(Image.fromarray(i).resize((SIZE, SIZE), Image.BICUBIC))
            for i in images
        ]
    )
    images = np.repeat(images[..., None], 3, axis=3)
    order = np.random.default_rng(50).permutation(len(images))
    rows = np.split(order, [600, 900])
    names = ("train", "validation", "test")
    parts = {
        part: (images[own], digits.target[own])
        for part, own in zip(names, rows, strict=True)
    }
    return Target("digits", 10, "", "accuracy", parts)


def photograph(name):
    """Returns one of `PHOTOGRAPHS`, as an array."""
    if name in ("china", "flower"):
        return sklearn.datasets.load_sample_image(f"{name}.jpg")
    import skimage.data

    if name == "motorcycle":
        return skimage.data.stereo_motorcycle()[0]
    if name == "clock_motion":
        return skimage.data.clock()
    return getattr(skimage.data, name)()


def _photographs():
    """Crops of photographs: which one is it from?

    Colour, brightness and contrast are taken away, for they alone would tell
    the photographs apart.
    """
    parts = {}
    grey = []
    for name in PHOTOGRAPHS:
        image = Image.fromarray(photograph(name)).convert("L")
        scale = 400 / min(image.size)
        size = [round(side * scale) for side in image.size]
        grey.append(np.asarray(image.resize(size, Image.BICUBIC), float))
    for part, (start, end) in CUTS.items():
        images, labels = [], []
        for label, image in enumerate(grey):
            rng = np.random.default_rng([CROP_SEEDS[part], label])
            width = image.shape[1]
            piece = image[:, round(start * width) : round(end * width)]
            for _ in range(CROPS[part]):
                images.append(_crop(rng, piece))
                labels.append(label)
        images = np.repeat(np.stack(images)[..., None], 3, axis=3)
        parts[part] = images, np.array(labels)
    count = len(PHOTOGRAPHS)
    return Target("photographs", count, "horizontal", "accuracy", parts)


def _crop(rng, piece):
    """A square of 64 to 96 pixels, as 64 pixels of mean 127 and spread 50."""
    side = int(rng.integers(SIZE, 97))
    top = int(rng.integers(piece.shape[0] - side + 1))
    left = int(rng.integers(piece.shape[1] - side + 1))
    crop = Image.fromarray(piece[top : top + side, left : left + side])
    crop = np.asarray(crop.resize((SIZE, SIZE), Image.BILINEAR))
    crop = (crop - crop.mean()) / max(crop.std(), 4)
    return np.clip(127 + 50 * crop, 0, 255).astype(np.uint8)


_LOADERS = {
    "near": lambda: _course_set("near", "horizontal_and_vertical"),
    "defects": lambda: _course_set("defects", "horizontal_and_vertical"),
    "histology": lambda: _course_set(
        "histology", "horizontal_and_vertical", "auc"
    ),
    "digits": _digits,
    "photographs": _photographs,
}
NAMES = tuple(_LOADERS)
