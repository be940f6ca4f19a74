"""The source task of the backbones, and the heads they answered it with.

A backbone is pretrained on a *source* task and then fine-tuned on a *target*
task. With its old heads, and the source's test pictures, one can measure what
fine-tuning made it forget. Lesson 03 (``03_fine_tuning``) does.
"""

import keras
import numpy as np
from keras import layers

from course_utils.machine import data_files
from course_utils.machine.endless_data import bounded
from course_utils.machine.errors import CourseError


def add_heads(base_model, labels):
    """Puts one linear head a label on the pooled features of a backbone.

    Args:
        base_model: `keras.Model` whose output is a feature map
            `(batch, height, width, channels)`.
        labels: Dict from a label's name to the list of its classes, such as
            `{"shape": ["disc", "ring"]}`.

    Returns:
        A `keras.Model` from pictures to a dict from each label's name to
        logits of shape `(batch, classes)`. It shares its weights with
        `base_model`; the heads are random.
    """
    features = layers.GlobalAveragePooling2D(name="pool")(base_model.output)
    heads = build_heads(base_model.output_shape[-1], labels)
    return keras.Model(base_model.input, heads(features), name="source_model")


def build_heads(channels, labels):
    """Builds the heads alone: from features `(batch, channels)` to logits.

    Args:
        channels: Number of channels of the backbone's feature map.
        labels: As in `add_heads`.

    Returns:
        A `keras.Model` named `"heads"`, with one `Dense` layer a label.
    """
    features = keras.Input((channels,), name="features")
    logits = {
        # Logits stay in float32 where the backbone computes in bfloat16.
        name: layers.Dense(len(classes), name=name, dtype="float32")(features)
        for name, classes in labels.items()
    }
    return keras.Model(features, logits, name="heads")


def with_old_heads(base_model, name=None):
    """Puts the heads of the pretraining back on a backbone.

    Introduced in lesson 01 (``01_pretrained_models``), which shows a backbone
    wrongly scaled pictures; lesson 03 (``03_fine_tuning``) measures forgetting
    with it: as long as `base_model` is as it was loaded, the result is as
    accurate on the source task as the card says; after fine-tuning, it is
    what is left.

    Args:
        base_model: A backbone from `load_backbone`, fine-tuned or not.
        name: Name of the backbone whose heads to take. Defaults to
            `base_model.name`.

    Returns:
        A `keras.Model` from pictures to a dict of logits, see `add_heads`. It
        shares its weights with `base_model`.

    Raises:
        CourseError: If there is no such backbone, if its file of heads is
            missing or damaged, or if the heads do not fit `base_model`.
    """
    if not isinstance(base_model, keras.Model):
        raise CourseError(
            f"Expected a Keras model, not {type(base_model).__name__}: pass "
            "the backbone, for example the one from load_backbone."
        )
    name = name or base_model.name
    card = data_files.card("backbones", name)
    expected, given = card["feature_shape"][-1], base_model.output_shape[-1]
    if len(base_model.output_shape) != 4 or given != expected:
        raise CourseError(
            f"The old heads of {name!r} expect a feature map with {expected} "
            f"channels, and this model's output is {base_model.output_shape}: "
            "pass the backbone itself, without a head of its own."
        )
    model = add_heads(base_model, card["labels"])
    model.get_layer("heads").load_weights(
        data_files.verified_file("backbones", name, "heads")
    )
    return model


def source_accuracy(model, data):
    """Measures each head of a source model.

    Args:
        model: A model from `with_old_heads`.
        data: A `tf.data.Dataset` of batches of pictures and dicts of labels,
            such as `load_dataset("source").test`.

    Returns:
        Dict from each label's name to the share of right answers, 0 to 1.

    Raises:
        CourseError: If the model or the data are others, or the data do not
            end.
    """
    right, count = {}, 0
    for batch in bounded(
        data if np.iterable(data) else [data], "source pictures"
    ):
        try:
            images, labels = batch
            logits = dict(model(images, training=False))
            truth = {name: np.asarray(labels[name]) for name in logits}
        except CourseError:  # Such as pictures of another scale.
            raise
        except Exception as error:  # Each kind of model and data has its own.
            raise CourseError(
                "Expected a model with old heads, and pictures with a label "
                "for each of these: pass with_old_heads(base_model) and "
                'load_dataset("source").test.'
            ) from error
        count += len(images)
        for name, rows in logits.items():
            hits = np.count_nonzero(np.argmax(rows, axis=1) == truth[name])
            right[name] = right.get(name, 0) + hits
    return {name: hits / count for name, hits in right.items()}
