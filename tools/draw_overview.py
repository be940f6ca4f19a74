"""Draw the picture at the top of the README.

    python -m tools.draw_overview

Left, scenes such as the backbone was pretrained on; right, pictures of the
defects that lesson 00 teaches it to name.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from tools.generators import defects, scenes

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "overview.png"
ROWS, COLUMNS = 3, 6
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
    source = [scenes.make_scene(SEED, i)[0] for i in range(ROWS * COLUMNS)]
    target = [
        np.repeat(defects.make_picture(SEED, i, name)[..., None], 3, axis=2)
        for i in range(ROWS)
        for name in defects.CLASSES
    ]
    figure, axes = plt.subplots(1, 2, figsize=(10, 2.9))
    titles = (
        "A backbone learns from drawn scenes ...",
        "... and, with a new head, names defects in drawn metal",
    )
    for ax, pictures, title in zip(axes, (source, target), titles, strict=True):
        ax.imshow(mosaic(pictures))
        ax.set_title(title, fontsize=11)
        ax.axis("off")
    figure.tight_layout()
    OUTPUT.parent.mkdir(exist_ok=True)
    figure.savefig(OUTPUT, dpi=110)


if __name__ == "__main__":
    main()
