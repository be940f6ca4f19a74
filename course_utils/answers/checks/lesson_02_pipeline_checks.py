"""Checks of lesson 02 on pipelines: what is cached, what is new."""

import itertools

import numpy as np

BATCH_SIZE = 16


def judge_pipeline(
    answer: object, reads: list, images: object, labels: object
) -> tuple[str, str]:
    """Judge a pipeline: fetched once, augmented anew in each epoch.

    Args:
        answer: The learner's `tf.data.Dataset` of (images, labels).
        reads: Grows by one entry whenever the source is asked for a picture.
        images: The source's pictures, in order.
        labels: Their classes.
    """
    import tensorflow as tf

    if not isinstance(answer, tf.data.Dataset):
        return "failed", (
            f"Expected a tf.data.Dataset, not {type(answer).__name__}: chain "
            "`batch`, `cache` and `map` onto `slow_cells`."
        )
    element = answer.element_spec
    if not isinstance(element, tuple) or len(element) != 2:
        return "failed", "Each element should be a pair: pictures, labels."
    if answer.cardinality() == tf.data.INFINITE_CARDINALITY:
        return "failed", "The pipeline never ends: leave out `repeat`."
    images = np.asarray(images, np.float32)
    epochs, counts = [], []
    for _ in range(3):
        before = len(reads)
        # No more than there should be: a pipeline may not end.
        once = itertools.islice(iter(answer), len(images) + 1)
        batches = [(np.asarray(i), np.asarray(n)) for i, n in once]
        if len(batches) > len(images):
            return "failed", (
                "An epoch has more batches than there are pictures: leave out "
                "`repeat`."
            )
        if any(i.ndim != 4 for i, _ in batches):
            return "failed", (
                f"Its pictures come with shape {batches[0][0].shape}: put them "
                f"into batches of {BATCH_SIZE}."
            )
        epochs.append(batches)
        counts.append(len(reads) - before)
    sizes = [len(i) for i, _ in epochs[0]]
    if sum(sizes) != len(images):
        return "failed", (
            f"An epoch has {sum(sizes)} pictures, and the source has "
            f"{len(images)}: use each picture once."
        )
    if (
        any(size != BATCH_SIZE for size in sizes[:-1])
        or max(sizes) > BATCH_SIZE
    ):
        return "failed", f"Make batches of {BATCH_SIZE}, not of {sizes[0]}."
    if not reads:
        return "failed", "It never asks the source: begin with `slow_cells`."
    if any(counts[1:]):
        return "failed", (
            f"{counts[1]} pictures were fetched again in a later epoch: put a "
            "`cache` between the source and whatever changes."
        )
    if epochs[0][0][0].max() < 2 < images.max():
        return "failed", (
            "The values were scaled: leave them from 0 to 255, the backbone "
            "does its own scaling."
        )
    known = {
        version.tobytes(): (number, name)
        for number, image in enumerate(images)
        for name, version in _flips(image).items()
    }
    seen = []
    for batches in epochs:
        pictures = [p for i, _ in batches for p in i.astype(np.float32)]
        found = [known.get(picture.tobytes()) for picture in pictures]
        if None in found:
            return "failed", (
                "Some pictures are neither the source's nor flips of them: use "
                "the lesson's `augment`, and nothing else that changes them."
            )
        classes = np.concatenate([n for _, n in batches])
        if any(classes != np.asarray(labels)[[n for n, _ in found]]):
            return "failed", (
                "Some pictures have lost their own label: change the order of "
                "pairs, not of pictures alone."
            )
        seen.append(sorted(found))  # the order may be shuffled
    if all(name == "as it was" for _, name in seen[0]):
        return "failed", (
            "No picture is flipped: add `map(augment)` after the cache."
        )
    if seen[0] in seen[1:]:
        return "failed", (
            "The flips were cached: each epoch brings the same pictures. Cache "
            "first, then augment."
        )
    return "passed", (
        "The source was read in the first epoch only, and each epoch brought "
        "other flips."
    )


def _flips(image):
    """Returns a picture and its three mirror images, by name."""
    return {
        "both": image[::-1, ::-1],
        "horizontal": image[:, ::-1],
        "vertical": image[::-1],
        # Last: a picture that is its own mirror image counts as unflipped.
        "as it was": image,
    }


JUDGES = {
    "fe-05": judge_pipeline,
}
