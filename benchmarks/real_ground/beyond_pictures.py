"""Changes of pictures for which what lies before the cut is computed anew.

Each takes pictures from 0 to 255, their labels and a random generator, and
returns pictures and labels.
"""

import functools

import keras
import numpy as np
import tensorflow as tf


def _quarter_turns(pictures, labels, rng):
    turns = rng.integers(4, size=len(pictures))
    pairs = zip(pictures, turns, strict=True)
    return np.stack([np.rot90(picture, k) for picture, k in pairs]), labels


def _rand_augment(pictures, labels, rng):
    found = [_augment_one(picture[None])[0] for picture in pictures]
    return np.stack(found), labels


@functools.cache
def _rand_augment_layer():
    return keras.layers.RandAugment(value_range=(0, 255))


@tf.function(reduce_retracing=True)
def _augment_one(picture):
    return _rand_augment_layer()(picture, training=True)


def _mix_up(pictures, labels, rng):
    other = rng.permutation(len(pictures))
    share = rng.beta(0.2, 0.2, len(pictures)).astype("float32")
    mixed = share[:, None, None, None] * pictures
    mixed += (1 - share)[:, None, None, None] * pictures[other]
    return mixed, share * labels + (1 - share) * labels[other]


def _cut_mix(pictures, labels, rng):
    other = rng.permutation(len(pictures))
    mixed, side = pictures.copy(), pictures.shape[1]
    share = np.empty(len(pictures), "float32")
    for number, source in enumerate(other):
        half = side * np.sqrt(1 - rng.beta(1, 1)) / 2
        ends = rng.integers(side, size=2)[:, None] + [-half, half]
        (top, bottom), (left, right) = ends.round().clip(0, side).astype(int)
        patch = np.s_[top:bottom, left:right]
        mixed[number][patch] = pictures[source][patch]
        share[number] = 1 - (bottom - top) * (right - left) / side**2
    return mixed, share * labels + (1 - share) * labels[other]


MAKERS = {
    "quarter turns": _quarter_turns,
    "RandAugment": _rand_augment,
    "MixUp": _mix_up,
    "CutMix": _cut_mix,
}
