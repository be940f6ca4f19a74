"""Preprocessing inside the model, so that no wrong scale goes unnoticed."""

import keras
import tensorflow as tf
from keras import layers
from tensorflow.python.ops import control_flow_util

from course_utils.machine.errors import CourseError

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

    XLA (`jit_compile=True`, which Keras chooses by itself where there is a
    graphics card) can neither compose text nor stop: a step that it compiles
    only scales. There a wrong scale is named where the model is called
    outside of `fit`, as the helpers of the course do on the first pictures.

    Input and output: pictures of shape `(batch, height, width, 3)`.

    Raises:
        CourseError: If a batch has values that are not finite, lie far
            outside 0..255, or look as if they were scaled to 0..1 or -1..1,
            or standardised, already. Within `fit`, `evaluate` and `predict`
            TensorFlow raises its `tensorflow.errors.InvalidArgumentError`
            around the same sentence. In a lesson, only the sentence is shown.
    """

    def __init__(self, scale=1 / 127.5, offset=-1, **kwargs):
        """Takes what `keras.layers.Rescaling` takes, with other defaults."""
        super().__init__(scale, offset, **kwargs)

    def call(self, inputs):
        """Returns the scaled pictures; see `keras.layers.Layer.call`."""
        graph = tf.compat.v1.get_default_graph()
        if control_flow_util.GraphOrParentsInXlaContext(graph):
            return super().call(inputs)
        right, sentence = _judge(inputs)
        if tf.executing_eagerly():
            if not right:
                raise CourseError(sentence().numpy().decode())
            return super().call(inputs)
        with tf.control_dependencies(
            [tf.debugging.Assert(right, [sentence()])]
        ):
            return super().call(tf.identity(inputs))


def _judge(inputs):
    """Returns whether the scale is right, and what makes the sentence."""
    values = tf.cast(inputs, tf.float32)
    if inputs.dtype == tf.float16:
        # Where half precision ends, pictures of 16 bits became infinite.
        values = tf.clip_by_value(values, tf.float16.min, tf.float16.max)
    low, high = tf.reduce_min(values), tf.reduce_max(values)
    # A picture of zeros and ones may be a very dark one; fractions there
    # are the mark of 0..1. Standardised pictures reach from -2.2 to 2.7.
    small = (high <= 1.5) | ((low < 0) & (high <= 3))
    scaled = small & tf.reduce_any(values != tf.round(values))
    beyond = (low < -FAR) | (high > 255 + FAR)
    finite = tf.reduce_all(tf.math.is_finite(values))

    def sentence():
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
        return tf.strings.join(
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

    return finite & ~beyond & ~scaled, sentence
