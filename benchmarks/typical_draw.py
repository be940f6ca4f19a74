"""Which draw of the solar cells' modules is a typical one?

    python -m benchmarks.typical_draw

Prints, for each of sixteen seeds, the AUC on the test modules of a linear probe
on frozen features (ImageNet's Lite0, 160 px) from 100 and 400 labelled cells
and from all of them. The seed whose three numbers are nearest to the means is
the default of `course_utils.pictures.load_solar_cells`: lessons that show one
draw show one that is neither lucky nor unlucky.
"""

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_utils.backbones import load_backbone
from course_utils.pictures import from_table, load_solar_cells
from course_utils.transfer import extract_features

SEEDS = range(16)
COUNTS = (100, 400, None)


def main():
    """Prints the table, and the most typical seed."""
    base_model = load_backbone("efficientnet_lite0", input_shape=(160, 160, 3))
    base_model.trainable = False
    pool = keras.layers.GlobalAveragePooling2D()
    pictures = from_table(load_solar_cells(), image_size=(160, 160))
    extractor = keras.Sequential([base_model, pool])
    features, labels = extract_features(extractor, pictures, cache=True)
    found = []
    for seed in SEEDS:
        split = load_solar_cells(seed=seed)["split"]
        test = np.flatnonzero(split == "test")
        train = np.flatnonzero(split.isin(["train", "validation"]))
        train = np.random.default_rng(seed).permutation(train)
        found.append([])
        for count in COUNTS:
            dense = LogisticRegression(C=1e-3, max_iter=1000)
            model = make_pipeline(StandardScaler(), dense)
            model.fit(features[train[:count]], labels[train[:count]])
            scores = model.decision_function(features[test])
            found[-1].append(roc_auc_score(labels[test], scores))
        print(f"seed {seed:<4}", *(f"{auc:.3f}" for auc in found[-1]))
    means = np.mean(found, axis=0)
    print("mean     ", *(f"{auc:.3f}" for auc in means))
    nearest = np.abs(found - means).max(axis=1).argmin()
    print(f"Nearest to the means is seed {SEEDS[nearest]}.")


if __name__ == "__main__":
    main()
