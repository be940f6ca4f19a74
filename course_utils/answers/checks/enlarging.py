"""Say whether a small map was enlarged, in one of the usual ways."""

import numpy as np

_WAYS = "bilinear nearest bicubic lanczos3 lanczos5 mitchellcubic".split()
_LARGEST_GRID = 33
_SAME = 2e-2  # maps that are divided by their maximum are equal up to this


def is_enlarged(given: np.ndarray, wanted: np.ndarray) -> bool:
    """Return whether a map is another one, enlarged in another way.

    Args:
        given: Shape (rows, columns), nowhere negative but by overshooting.
        wanted: Shape (rows, columns), enlarged bilinearly.
    """
    small = _shrink(wanted)
    if small is None:
        return False
    for way in (*_WAYS, "corners"):
        rows, columns = (
            _matrix(n, m, way)
            for n, m in zip(small.shape, given.shape, strict=True)
        )
        made = rows @ small @ columns.T
        for one, other in ((made, given), (made.clip(0), given.clip(0))):
            if np.allclose(_divided(one), _divided(other), atol=_SAME):
                return True
    return False


def _shrink(wanted):
    """Returns the grid that was enlarged bilinearly; None if it is too fine."""
    small = wanted
    for _ in range(2):
        size = small.shape[0]
        for grid in range(1, min(size, _LARGEST_GRID)):
            matrix = _matrix(grid, size, "bilinear")
            found = np.linalg.lstsq(matrix, small, rcond=None)[0]
            if np.allclose(matrix @ found, small, atol=1e-4):
                small = found
                break
        else:
            return None
        small = small.T
    return small


def _matrix(small, large, way):
    """Returns what enlarges a column of numbers."""
    import tensorflow as tf

    if way == "corners":  # The outer values stay at the rim, as in SciPy.
        places = np.linspace(0, small - 1, large)
        columns = [
            np.interp(places, range(small), one) for one in np.eye(small)
        ]
        return np.stack(columns, axis=1)
    rows = tf.image.resize(np.eye(small)[..., None], (large, small), method=way)
    return np.asarray(rows)[..., 0]


def _divided(some):
    return some / some.max() if some.max() > 0 else 0 * some
