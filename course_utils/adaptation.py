"""Adapt a model to pictures from elsewhere whose labels nobody knows.

Stain augmentation and normalisation have a module of their own, `stains`.
"""

import contextlib
import functools
import math

import keras
import numpy as np
import tensorflow as tf

from course_utils.compiling import checked_rate
from course_utils.errors import CourseError
from course_utils.freezing import batch_norms, check_is_layer


def adapt_batch_norm(model, target_images, batch_size=256):
    """Gives batch normalization the statistics of the target (AdaBN).

    The moving means and variances of all layers are replaced by those that
    the target pictures have there; no weight that training learned is
    changed, and no flag. In inference each layer then sees the target as
    standardised as it saw the source in training.

    It can help where training left the source's statistics in the model.
    Where batch normalization worked in inference mode in training, as in a
    frozen backbone and in fine-tuning as this course does it, all that
    follows has learned to live with other statistics, those of the
    pretraining, and to replace them may do great harm. It also takes for
    granted that source and target have the same mixture of classes: where
    they do not, it levels out what it should have told. Introduced in lesson
    04 (``04_domain_adaptation``).

    Args:
        model: A `keras.Model` with batch normalization somewhere in it. It is
            changed; a new `compile` is not needed.
        target_images: Array of pictures, or a `tf.data.Dataset` of batches of
            pictures or of `(images, labels)`; labels are not looked at.
        batch_size: Pictures a batch. If all are in one, the statistics are
            exactly those that the layers will see. Otherwise the deeper
            layers' are near them, since each batch is standardised by its own
            statistics on the way; the batches are drawn at random. Lower it
            where memory is short.

    Raises:
        CourseError: If the model has no batch normalization, if there are
            fewer than two pictures, or if they do not fit the model or are
            not finite. The model is then as it was.

    Reference:
        Li, Wang, Shi, Hou and Liu (2018), "Adaptive Batch Normalization for
        practical domain adaptation"; Li et al. (2016), "Revisiting Batch
        Normalization For Practical Domain Adaptation",
        https://arxiv.org/abs/1603.04779
    """
    images = _target_pictures(model, target_images)
    layers = _normalising(model, images)
    with _batch_statistics(layers) as seen:
        for batch in _batches(images, batch_size, np.random.default_rng(0)):
            model(batch, training=False)
    # A model may hold a layer that it does not use.
    used = [pair for pair in zip(layers, seen, strict=True) if pair[1]]
    statistics = [(layer, *_pooled(parts)) for layer, parts in used]
    for layer, mean, variance in statistics:
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            raise CourseError(
                f"The input of {layer.name!r} is not finite for these "
                "pictures, so it has no statistics: look at the model's "
                "weights."
            )
    for layer, mean, variance in statistics:
        layer.moving_mean.assign(mean)
        layer.moving_variance.assign(variance)


def adapt_by_entropy(
    model,
    target_images,
    learning_rate=1e-3,
    epochs=1,
    batch_size=64,
    from_logits=False,
):
    """Makes a model surer of itself on the target (TENT).

    Trains the scale and the shift of batch normalization, and nothing else,
    to lower the entropy of the predictions; meanwhile batch normalization
    works with the statistics of each batch, and ends with those of the target
    (`adapt_batch_norm`). The paper adapts while it predicts, batch by batch;
    here the adaptation comes first.

    Sure is not right: where most predictions are wrong they become surely
    wrong, and with many steps all may become one class. Measure calibration
    anew afterwards. Introduced in lesson 04 (``04_domain_adaptation``).

    Args:
        model: A `keras.Model` that ends in probabilities (or logits), with
            batch normalization somewhere in it. It is changed; its flags and
            its optimizer are not.
        target_images: As in `adapt_batch_norm`.
        learning_rate: Of Adam: a number above 0, or a Keras schedule.
        epochs: How often the pictures are gone through.
        batch_size: Pictures a batch; statistics of small batches are noisy.
        from_logits: Whether the model ends in logits. Defaults to False, for
            probabilities.

    Raises:
        CourseError: As in `adapt_batch_norm`; or if no batch normalization
            has a scale or a shift, if a setting makes no sense, or if the
            model's outputs are no probabilities, or not finite. The model is
            then as it was, and after an interrupt as well.

    Reference:
        Wang, Shelhamer, Liu, Olshausen and Darrell (2021), "Tent: Fully
        Test-Time Adaptation by Entropy Minimization",
        https://arxiv.org/abs/2006.10726
    """
    images = _target_pictures(model, target_images)
    layers = _normalising(model, images)
    scales = [layer.gamma for layer in layers if layer.scale]
    variables = scales + [layer.beta for layer in layers if layer.center]
    if not variables:
        raise CourseError(
            "The batch normalization of this model has neither scale nor "
            "shift, so there is nothing to train: use adapt_batch_norm."
        )
    _check_whole("epochs", epochs)
    optimizer = keras.optimizers.Adam(checked_rate(learning_rate))
    before = model.get_weights()
    rng = np.random.default_rng(0)
    try:
        with _batch_statistics(layers):
            for _ in range(epochs):
                for batch in _batches(images, batch_size, rng):
                    _lower_entropy(
                        model, batch, variables, optimizer, from_logits
                    )
        adapt_batch_norm(model, images)
    except BaseException:  # An interrupt, too, would leave half of it.
        model.set_weights(before)
        raise


def entropy(predictions, from_logits=False):
    """Computes how undecided predictions are.

    Introduced in lesson 04 (``04_domain_adaptation``).

    Args:
        predictions: Probabilities, shape `(pictures, classes)`; or
            `(pictures, 1)`, that of class 1 of two. Within a graph they are
            not checked.
        from_logits: Whether they are logits instead.

    Returns:
        Tensor of shape `(pictures,)`, in nats: from 0 to `log(classes)`.

    Raises:
        CourseError: If they have another shape, are not finite, or are no
            probabilities.
    """
    predictions = keras.ops.convert_to_tensor(predictions)
    predictions = keras.ops.cast(predictions, "float32")
    if tf.executing_eagerly():
        _check_predictions(np.asarray(predictions), from_logits)
    if predictions.shape[-1] == 1:
        first = 0 * predictions if from_logits else 1 - predictions
        predictions = keras.ops.concatenate([first, predictions], axis=1)
    if from_logits:
        logs = keras.ops.log_softmax(predictions)
        predictions = keras.ops.exp(logs)
    else:
        # 0 * log(0) counts as 0.
        logs = keras.ops.log(keras.ops.maximum(predictions, 1e-30))
    return -keras.ops.sum(predictions * logs, axis=1)


def pseudo_labels(probabilities, threshold=0.9):
    """Takes sure predictions for labels.

    Training on them, beside true labels of the source, lets a model teach
    itself. It repeats its own mistakes where it is surely wrong, and sure
    pictures of one class may outnumber the others. Introduced in lesson 04
    (``04_domain_adaptation``).

    Args:
        probabilities: Predictions for the target's pictures, shape
            `(pictures, classes)`; or `(pictures, 1)`, that of class 1 of two.
        threshold: Least probability of the class that is named, 0 to 1.

    Returns:
        Two arrays of integers: the positions of the pictures that are sure
        enough, in their order, and their labels. Both may be empty.

    Raises:
        CourseError: If there are no predictions, or they are no
            probabilities, or if the threshold is not between 0 and 1.

    Reference:
        Lee (2013), "Pseudo-Label: The Simple and Efficient Semi-Supervised
        Learning Method for Deep Neural Networks".
    """
    probabilities = np.asarray(probabilities, "float64")
    _check_predictions(probabilities, from_logits=False)
    if not 0 <= threshold <= 1:
        raise CourseError(
            f"A threshold for probabilities lies between 0 and 1, and this is "
            f"{threshold!r}: give for example 0.9."
        )
    if probabilities.shape[1] == 1:
        probabilities = np.hstack([1 - probabilities, probabilities])
    rows = np.flatnonzero(probabilities.max(axis=1) >= threshold)
    return rows, probabilities[rows].argmax(axis=1)


def coral_loss(source_features, target_features):
    """Computes how far apart the covariances of two sets of features are.

    The squared Frobenius norm of the difference of the covariance matrices,
    divided by `4 * channels ** 2`. A batch has to have more pictures than a
    few for it to mean something. It does not compare the means. Introduced in
    lesson 04 (``04_domain_adaptation``).

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
            two pictures.

    Reference:
        Sun and Saenko (2016), "Deep CORAL: Correlation Alignment for Deep
        Domain Adaptation", https://arxiv.org/abs/1607.01719
    """
    covariances = []
    shapes = [tuple(np.shape(f)) for f in (source_features, target_features)]
    if (
        any(len(shape) != 2 for shape in shapes)
        or shapes[0][1] != shapes[1][1]
        or any(shape[0] is not None and shape[0] < 2 for shape in shapes)
    ):
        raise CourseError(
            "Expected features of two or more pictures of source and target, "
            "of shape (pictures, channels) with the same channels, and the "
            f"shapes are {shapes[0]} and {shapes[1]}: pool feature maps first."
        )
    for features in (source_features, target_features):
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
    from one input and the same layers. Introduced in lesson 04
    (``04_domain_adaptation``).

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
        if not 0 <= weight < math.inf:
            raise CourseError(
                f"The weight of a loss is a number from 0 on, not {weight!r}: "
                "begin with 1."
            )
        self.weight = weight

    def call(self, inputs):
        """Returns the source's features; see `keras.layers.Layer.call`."""
        source_features, target_features = inputs
        loss = coral_loss(source_features, target_features)
        self.add_loss(self.weight * loss)
        return source_features

    def get_config(self):
        """Returns the settings; see `keras.layers.Layer.get_config`."""
        return {**super().get_config(), "weight": self.weight}


@contextlib.contextmanager
def _batch_statistics(layers):
    """Lets these layers normalise by each batch, and all else be.

    `model(images, training=True)` would wake dropout and augmentation, too,
    and leaves a batch normalization alone that is not trainable.

    Yields a list for each layer, which fills with what the layer sees.
    """
    seen = [[] for _ in layers]
    try:
        for layer, parts in zip(layers, seen, strict=True):
            layer.call = functools.partial(_by_batch, layer, parts)
        yield seen
    finally:
        for layer in layers:
            vars(layer).pop("call", None)


def _by_batch(layer, parts, inputs, training=None, mask=None):
    """Stands in for the `call` of a batch normalization."""
    values = keras.ops.cast(inputs, "float32")
    axis = layer.axis % len(values.shape)
    axes = [n for n in range(len(values.shape)) if n != axis]
    mean, variance = keras.ops.moments(values, axes)
    parts.append((math.prod(values.shape[n] for n in axes), mean, variance))
    outputs = keras.ops.batch_normalization(
        values,
        mean,
        variance,
        axis,
        offset=layer.beta if layer.center else None,
        scale=layer.gamma if layer.scale else None,
        epsilon=layer.epsilon,
    )
    return keras.ops.cast(outputs, layer.compute_dtype)


def _pooled(parts):
    """Returns mean and variance of all values, from those of the batches."""
    counts = np.array([count for count, _, _ in parts], "float64")
    means = np.array([mean for _, mean, _ in parts], "float64")
    variances = np.array([variance for _, _, variance in parts], "float64")
    mean = np.average(means, axis=0, weights=counts)
    spread = variances + (means - mean) ** 2
    return mean, np.average(spread, axis=0, weights=counts)


def _lower_entropy(model, batch, variables, optimizer, from_logits):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for variable in variables:
            tape.watch(variable.value)
        predictions = model(batch, training=False)
        loss = keras.ops.mean(entropy(predictions, from_logits))
    gradients = tape.gradient(loss, [v.value for v in variables])
    optimizer.apply(gradients, variables)


def _normalising(model, images):
    """Returns the batch normalizations of a model, built."""
    model(images[:1], training=False)
    layers = batch_norms(model)
    if not layers:
        raise CourseError(
            f"{model.name!r} has no batch normalization, so there is nothing "
            "to adapt (a vision transformer normalises each picture by "
            "itself): try another method."
        )
    return layers


def _batches(images, batch_size, rng):
    """Cuts pictures, in random order, into batches of nearly equal size."""
    _check_whole("batch_size", batch_size)
    count = math.ceil(len(images) / batch_size)
    return [
        images[rows]
        for rows in np.array_split(rng.permutation(len(images)), count)
    ]


def _target_pictures(model, target_images):
    """Returns the pictures as one array, if the model can take them."""
    check_is_layer(model)
    data = target_images
    if isinstance(data, tf.data.Dataset):
        if data.cardinality() == tf.data.INFINITE_CARDINALITY:
            raise CourseError(
                "These pictures never end: leave out `.repeat()`, or add "
                "`.take(number_of_batches)`."
            )
        batches = [x[0] if isinstance(x, tuple) else x for x in data]
        data = np.concatenate(batches) if batches else np.empty(0)
    try:
        images = np.atleast_1d(np.asarray(data, "float32"))
    except (TypeError, ValueError):
        raise CourseError(
            "Expected an array of pictures, or a tf.data.Dataset of them, not "
            f"{type(data).__name__}: pass for example "
            "from_table(rows_of_the_target)."
        ) from None
    if len(images) < 2:
        raise CourseError(
            f"There are {len(images)} target pictures, and statistics need "
            "two at the least, better hundreds: look at what was selected."
        )
    expected = getattr(model, "input_shape", None)
    if isinstance(expected, tuple) and (
        len(expected) != images.ndim
        or any(
            size not in (None, given)
            for size, given in zip(expected, images.shape, strict=True)
        )
    ):
        raise CourseError(
            f"The target pictures have the shape {images.shape}, and the model "
            f"expects {expected}: give pictures of the size it was made for."
        )
    if not np.isfinite(images).all():
        raise CourseError(
            "Some target pictures have values that are not finite (NaN): find "
            "them and leave them out."
        )
    return images


def _check_predictions(values, from_logits):
    if values.ndim != 2 or not values.size:
        raise CourseError(
            "Expected predictions of shape (pictures, classes), and the shape "
            f"is {values.shape}: pass what model.predict returns for one or "
            "more pictures."
        )
    if not np.isfinite(values).all():
        raise CourseError(
            "Some predictions are not finite (NaN): look at the pictures and "
            "at the model's weights."
        )
    inside = values.min() >= -1e-6 and values.max() <= 1 + 1e-6
    whole = values.shape[1] == 1 or np.allclose(values.sum(1), 1, atol=1e-3)
    if not from_logits and not (inside and whole):
        raise CourseError(
            "These predictions are no probabilities, which lie between 0 and "
            "1 and add up to 1: turn logits into them first, or tell by "
            "from_logits=True where that is an argument."
        )


def _check_whole(name, number):
    if type(number) is not int or number < 1:
        raise CourseError(
            f"{name} is a whole number from 1 on, not {number!r}: leave it "
            "out to take the default."
        )
