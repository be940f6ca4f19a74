"""Two photographs that are on every machine of the course."""

from sklearn.datasets import load_sample_images


def sample_photographs():
    """Returns scikit-learn's two photographs, of a palace and of a flower.

    Introduced in lesson 00 (``00_start_here``). Both are under CC BY 2.0: the
    palace by danielbuechele, the flower by vultilion, on Flickr.

    Returns:
        A dict from `"palace"` and `"flower"` to a uint8 array of shape
        `(427, 640, 3)`.
    """
    palace, flower = load_sample_images().images
    return {"palace": palace, "flower": flower}
