"""Draw the picture at the top of the README.

    python -m tools.draw_overview

Left, scenes and materials such as the backbones were pretrained on; right,
pictures of the three target tasks.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from tools.generators import defects, histology, materials, near, scenes

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "overview.png"
COLUMNS = 6  # and three rows
# No picture of the data sets has this seed.
SEED = 99


def mosaic(pictures: list[np.ndarray]) -> np.ndarray:
    """Lay pictures of one size out in a grid, with a white gap between."""
    framed = [
        np.pad(p, [(3, 3), (3, 3), (0, 0)], constant_values=255)
        for p in pictures
    ]
    rows = [
        np.hstack(framed[start : start + COLUMNS])
        for start in range(0, len(framed), COLUMNS)
    ]
    return np.vstack(rows)


def main() -> None:
    """Draw and save the picture."""
    count = 3 * COLUMNS
    drawn = {
        "pretrained on scenes": [
            scenes.make_scene(SEED, i)[0] for i in range(count)
        ],
        "and on materials": [
            materials.make_picture(SEED, i)[0] for i in range(count)
        ],
        "new shapes": [
            near.make_picture(SEED, i, name)
            for i in range(3)
            for name in near.CLASSES
        ],
        "defects in metal": [
            np.repeat(defects.make_picture(SEED, i, name)[..., None], 3, axis=2)
            for i in range(3)
            for name in defects.CLASSES
        ],
        "tissue, scarce labels": [
            histology.make_picture(SEED, i, 0, "A") for i in range(count)
        ],
    }
    figure, axes = plt.subplots(1, 5, figsize=(15, 2.1))
    for ax, (title, pictures) in zip(axes, drawn.items(), strict=True):
        ax.imshow(mosaic(pictures))
        ax.set_title(title, fontsize=12)
        ax.axis("off")
    figure.tight_layout(w_pad=2)
    OUTPUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUTPUT, dpi=90)


if __name__ == "__main__":
    main()
