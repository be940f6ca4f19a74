"""How many bits tell near-duplicates from other pictures?

    python -m benchmarks.near_duplicates

Prints, for the pictures of the course's data sets and for tiles of real
photographs, in how many of the 256 bits of their hashes two different pictures
differ at least, and a picture and its changed self at most. The threshold
`course_utils.pictures.NEAR_BITS` lies between.
"""

import io

import numpy as np
from PIL import Image, ImageEnhance

from benchmarks import targets
from course_utils.pictures import datasets, picture_groups

COUNT = 1000
TILE = 96  # pixels


def saved_again(image):
    """Return the picture as a JPEG of quality 60."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=60)
    return Image.open(stream)


def halved(image):
    """Return the picture with half of its width and height."""
    return image.resize((image.width // 2, image.height // 2))


def brightened(image):
    """Return the picture, brighter by a fifth."""
    return ImageEnhance.Brightness(image).enhance(1.2)


def cropped(image):
    """Return the picture without a rim of 3 % on each side."""
    width, height = image.size
    rim = round(0.03 * width), round(0.03 * height)
    return image.crop((*rim, width - rim[0], height - rim[1]))


def shifted(image):
    """Return the picture, shifted to the right by 2 pixels."""
    return Image.fromarray(np.roll(np.asarray(image), 2, axis=1))


CHANGES = (saved_again, halved, brightened, cropped, shifted)


def pictures(name):
    """Return up to `COUNT` different pictures."""
    if name == "photographs":
        images = np.stack(list(tiles()))
    else:
        # (Of histology that is one scanner: the others show the same cells.)
        train = datasets.load_dataset(name).train
        images = np.concatenate([batch for batch, _ in train]).astype("uint8")
    chosen = np.random.default_rng(0).permutation(len(images))[:COUNT]
    return [Image.fromarray(image) for image in images[chosen]]


def tiles():
    """Yield squares of photographs that have no pixel in common."""
    for name in targets.PHOTOGRAPHS:
        image = Image.fromarray(targets.photograph(name)).convert("RGB")
        for top in range(0, image.height - TILE + 1, TILE):
            for left in range(0, image.width - TILE + 1, TILE):
                box = left, top, left + TILE, top + TILE
                yield np.asarray(image.crop(box))


def hashes(images):
    """Return an array of bits, a row a picture."""
    return np.stack([picture_groups.picture_hash(image) for image in images])


def bits(one, other):
    """Return in how many bits the rows of two arrays differ."""
    return np.bitwise_count(one ^ other).sum(axis=-1, dtype=int)


def main():
    """Print one line a set of pictures and change."""
    for name in ("near", "defects", "histology", "photographs"):
        images = pictures(name)
        own = hashes(images)
        pairs = bits(own[:, np.newaxis], own)[np.triu_indices(len(own), 1)]
        print(
            f"{name}: {len(pairs):,} pairs of different pictures: least "
            f"{pairs.min()}, one in a thousand up to "
            f"{np.quantile(pairs, 0.001):.0f}, "
            f"{np.count_nonzero(pairs <= picture_groups.NEAR_BITS)} are taken "
            "for near-duplicates"
        )
        for change in CHANGES:
            moved = bits(own, hashes(map(change, images)))
            print(
                f"    {change.__name__:12} median {np.median(moved):.0f}, "
                f"{np.quantile(moved, 0.99):.0f} for 99 %, most {moved.max()}"
            )


if __name__ == "__main__":
    main()
