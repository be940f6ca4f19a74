"""Let a model teach itself on pictures whose labels nobody knows.

What it teaches is what it believes already: nothing here can tell a model
that it is wrong.
"""

import keras
import numpy as np
import tensorflow as tf

from course_utils.adaptation.adabn import (
    adapt_batch_norm,
    batch_statistics,
    normalising,
)
from course_utils.adaptation.target_pictures import (
    as_target_pictures,
    in_batches,
)
from course_utils.machine import arguments, array_arguments
from course_utils.machine.errors import CourseError
from course_utils.transfer.fresh_optimizers import checked_rate
from course_utils.transfer.model_outputs import gives_logits


def adapt_by_entropy(
    model,
    target_images,
    learning_rate=1e-3,
    epochs=1,
    batch_size=64,
    from_logits=None,
):
    """Makes a model surer of itself on the target (TENT).

    Trains the scale and the shift of batch normalization, and nothing else,
    to lower the entropy of the predictions; meanwhile batch normalization
    works with the statistics of each batch, and ends with those of the target
    (`adapt_batch_norm`). The paper adapts while it predicts, batch by batch;
    here the adaptation comes first.

    Sure is not right: where most predictions are wrong they become surely
    wrong, and with many steps all may become one class. Measure calibration
    anew afterwards. Introduced in lesson 04b (``04b_another_hospital``).

    Args:
        model: A `keras.Model` that ends in probabilities (or logits), with
            batch normalization somewhere in it. It is changed; its flags and
            its optimizer are not.
        target_images: As in `adapt_batch_norm`.
        learning_rate: Of Adam: a number above 0, or a Keras schedule.
        epochs: How often the pictures are gone through.
        batch_size: Pictures per batch of training; statistics of small batches
            are noisy. The last ones are taken in batches of 256.
        from_logits: Whether the model ends in logits. Defaults to what the
            activation of its last layer says, or else its loss.

    Raises:
        CourseError: As in `adapt_batch_norm`; or if no batch normalization
            has a scale or a shift, if a setting makes no sense, or if the
            model's outputs are not finite, or nothing says what they are. The
            model is then as it was, and after an interrupt as well.

    Reference:
        Wang, Shelhamer, Liu, Olshausen and Darrell (2021), "Tent: Fully
        Test-Time Adaptation by Entropy Minimization",
        https://arxiv.org/abs/2006.10726
    """
    images = as_target_pictures(model, target_images)
    layers = normalising(model, images)
    scales = [layer.gamma for layer in layers if layer.scale]
    variables = scales + [layer.beta for layer in layers if layer.center]
    if not variables:
        raise CourseError(
            "The batch normalization of this model has neither scale nor "
            "shift, so there is nothing to train: use adapt_batch_norm."
        )
    epochs = arguments.whole_number("epochs", epochs, 1)
    batch_size = arguments.whole_number("batch_size", batch_size, 64)
    outputs = model(images[:batch_size], training=False)
    _check_shape(getattr(outputs, "shape", ()))
    from_logits = gives_logits(model, images, outputs, from_logits)
    if not from_logits and not _is_one_choice(np.asarray(outputs)):
        raise CourseError(
            f"The probabilities of {model.name!r} do not add up to 1, as those "
            "of several sigmoids do not, and entropy is that of one choice "
            "among classes: end in a softmax, or use adapt_batch_norm, which "
            "looks at no outputs."
        )
    optimizer = keras.optimizers.Adam(checked_rate(learning_rate))
    before = model.get_weights()
    rng = np.random.default_rng(0)
    try:
        with batch_statistics(layers):
            for _ in range(epochs):
                for batch in in_batches(images, batch_size, rng):
                    _lower_entropy(
                        model, batch, variables, optimizer, from_logits
                    )
        adapt_batch_norm(model, images)
    except BaseException:  # An interrupt, too, would leave half of it.
        model.set_weights(before)
        raise


def entropy(predictions, from_logits=False):
    """Computes how undecided predictions are.

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
    from_logits = arguments.choice("from_logits", from_logits, (False, True))
    if not tf.is_tensor(predictions) or predictions.dtype == tf.string:
        predictions = array_arguments.real_array("predictions", predictions)
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
    pictures of one class may outnumber the others.

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
    probabilities = array_arguments.real_array("predictions", probabilities)
    _check_predictions(probabilities, from_logits=False)
    threshold = arguments.share("threshold", threshold, 0.9)
    if probabilities.shape[1] == 1:
        probabilities = np.hstack([1 - probabilities, probabilities])
    rows = np.flatnonzero(probabilities.max(axis=1) >= threshold)
    return rows, probabilities[rows].argmax(axis=1)


def _lower_entropy(model, batch, variables, optimizer, from_logits):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for variable in variables:
            tape.watch(variable.value)
        predictions = model(batch, training=False)
        loss = keras.ops.mean(entropy(predictions, from_logits))
    gradients = tape.gradient(loss, [v.value for v in variables])
    optimizer.apply(gradients, variables)


def _check_shape(shape):
    if len(shape) != 2 or 0 in shape:
        raise CourseError(
            "Expected predictions of shape (pictures, classes), and the shape "
            f"is {tuple(shape)}: pass what model.predict returns for one or "
            "more pictures."
        )


def _is_one_choice(values):
    """Says whether probabilities add up to 1, or are those of class 1 of 2."""
    # In half precision each of them is rounded.
    return values.shape[1] == 1 or np.allclose(values.sum(1), 1, atol=1e-2)


def _check_predictions(values, from_logits):
    _check_shape(values.shape)
    if not np.isfinite(values).all():
        raise CourseError(
            "Some predictions are not finite (NaN): look at the pictures and "
            "at the model's weights."
        )
    inside = values.min() >= -1e-6 and values.max() <= 1 + 1e-6
    if not from_logits and not (inside and _is_one_choice(values)):
        raise CourseError(
            "These predictions are no probabilities, which lie between 0 and "
            "1 and add up to 1: turn logits into them first, or tell by "
            "from_logits=True where that is an argument."
        )
