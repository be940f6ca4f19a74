"""Train features whose covariance is the same in two places (Deep CORAL)."""

import keras
import tensorflow as tf

from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError


def coral_loss(source_features, target_features):
    """Computes how far apart the covariances of two sets of features are.

    The squared Frobenius norm of the difference of the covariance matrices,
    divided by `4 * channels ** 2`. It means something only for batches of more
    than a few pictures. It does not compare the means.

    Args:
        source_features: Tensor or array of shape `(pictures, channels)`, such
            as pooled features or logits.
        target_features: The same of the target; the number of pictures may be
            another.

    Returns:
        A float32 tensor without dimensions, 0 or more; gradients flow
        through it. NaN in the features gives NaN.

    Raises:
        CourseError: If the shapes do not fit, or if one set has fewer than
            two pictures. (Within `fit` the number is not known beforehand: a
            single picture counts as a covariance of 0, so batch with
            `drop_remainder=True`.)

    Reference:
        Sun and Saenko (2016), "Deep CORAL: Correlation Alignment for Deep
        Domain Adaptation", https://arxiv.org/abs/1607.01719
    """
    covariances, checked = [], []
    for features in (source_features, target_features):
        kinds = tf.Tensor | keras.KerasTensor | keras.Variable
        if not isinstance(features, kinds) or features.dtype == tf.string:
            features = array_arguments.real_array("features", features)
        checked.append(features)
    shapes = [tuple(features.shape) for features in checked]
    remedy = ""
    if any(len(shape) != 2 for shape in shapes):
        remedy = "pool feature maps first, with GlobalAveragePooling2D"
    elif shapes[0][1] != shapes[1][1]:
        remedy = "take both from the same layer"
    elif any(shape[0] is not None and shape[0] < 2 for shape in shapes):
        remedy = "give more pictures of each"
    if remedy:
        raise CourseError(
            "Expected features of two or more pictures of source and target, "
            "of shape (pictures, channels) with the same channels, and the "
            f"shapes are {shapes[0]} and {shapes[1]}: {remedy}."
        )
    for features in checked:
        features = keras.ops.cast(features, "float32")
        count = keras.ops.cast(keras.ops.shape(features)[0], "float32")
        centred = features - keras.ops.mean(features, axis=0)
        products = keras.ops.matmul(keras.ops.transpose(centred), centred)
        # A last batch of one picture has no covariance, and must not give NaN.
        covariances.append(products / keras.ops.maximum(count - 1, 1))
    difference = keras.ops.sum((covariances[0] - covariances[1]) ** 2)
    return difference / (4 * shapes[0][1] ** 2)


@keras.saving.register_keras_serializable("course_utils")
class CoralLoss(keras.layers.Layer):
    """Adds the CORAL loss of two sets of features to what `fit` minimises.

    Takes `[source_features, target_features]` and returns the first, for the
    head. So a model with two inputs, pictures of source and of target, can be
    trained with labels of the source alone; for predictions, make another
    from one input and the same layers.

    Args:
        weight: Factor of the loss, 0 or more.
        **kwargs: As in `keras.layers.Layer`, such as `name`.

    Raises:
        CourseError: If the weight is negative or not finite; and as in
            `coral_loss`.

    Reference:
        As in `coral_loss`.
    """

    def __init__(self, weight=1.0, **kwargs):
        """Keeps the weight; see the class."""
        super().__init__(**kwargs)
        self.weight = arguments.number("weight", weight, 1.0, least=0)

    def call(self, inputs):
        """Returns the source's features; see `keras.layers.Layer.call`."""
        if not isinstance(inputs, list | tuple) or len(inputs) != 2:
            raise CourseError(
                "CoralLoss takes two sets of features: call it on the list "
                "[source_features, target_features]."
            )
        source_features, target_features = inputs
        loss = coral_loss(source_features, target_features)
        self.add_loss(self.weight * loss)
        return source_features

    def get_config(self):
        """Returns the settings; see `keras.layers.Layer.get_config`."""
        return {**super().get_config(), "weight": self.weight}
