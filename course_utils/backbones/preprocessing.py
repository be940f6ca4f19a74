"""Preprocessing inside the model, so that no wrong scale goes unnoticed."""

import keras
import tensorflow as tf
from keras import layers

# What the error about a wrong scale begins with.
RANGE_SENTENCE = "A backbone expects pictures with values from 0 to 255"
FAR = 64  # how far beyond 0..255 augmentation may go


@keras.saving.register_keras_serializable("course_utils")
class PictureScaling(layers.Rescaling):
    """Scales pictures from 0..255 to -1..1, and names a wrong scale.

    Pictures of any other scale would be accepted by a plain `Rescaling`, and
    the only sign would be a poor accuracy. This layer looks at the smallest
    and the largest value of each batch. A little beyond 0..255 is allowed, for
    augmentation may overshoot. Introduced in lesson 01
    (``01_pretrained_models``).

    Input and output: pictures of shape `(batch, height, width, 3)`.

    Raises:
        tensorflow.errors.InvalidArgumentError: If a batch has values that are
            not finite, lie far outside 0..255, or look as if they were scaled
            to 0..1 or -1..1 already. In a lesson, only the sentence is shown.
    """

    def __init__(self, scale=1 / 127.5, offset=-1, **kwargs):
        """Takes what `keras.layers.Rescaling` takes, with other defaults."""
        super().__init__(scale, offset, **kwargs)

    def call(self, inputs):
        """Returns the scaled pictures; see `keras.layers.Layer.call`."""
        values = tf.cast(inputs, tf.float32)
        low, high = tf.reduce_min(values), tf.reduce_max(values)
        # A picture of zeros and ones may be a very dark one; fractions there
        # are the mark of 0..1.
        scaled = (high <= 1.5) & tf.reduce_any(values != tf.round(values))
        beyond = (low < -FAR) | (high > 255 + FAR)
        finite = tf.reduce_all(tf.math.is_finite(values))
        remedy = tf.where(
            finite,
            tf.where(
                beyond,
                "divide pictures of 16 bits by 257, and leave out any other "
                "preprocessing",
                "leave out `/ 255` and any other preprocessing",
            ),
            "find the pictures with NaN or infinite values and leave them out",
        )
        sentence = tf.strings.join(
            [
                f"{RANGE_SENTENCE}, and this batch has values from ",
                tf.strings.as_string(low, precision=3, shortest=True),
                " to ",
                tf.strings.as_string(high, precision=3, shortest=True),
                tf.where(finite, ": ", " and some that are not finite: "),
                remedy,
                ".",
            ]
        )
        right = finite & ~beyond & ~scaled
        with tf.control_dependencies([tf.debugging.Assert(right, [sentence])]):
            return super().call(tf.identity(inputs))
