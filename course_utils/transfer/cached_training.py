"""Train what is not frozen on features that are computed once."""

import functools

import keras
import numpy as np

from course_utils.machine.arguments import choice, number, whole_number
from course_utils.machine.errors import CourseError, reason
from course_utils.transfer.class_weights import checked_class_weight
from course_utils.transfer.compiling import compile_settings
from course_utils.transfer.feature_rows import (
    NoRoomError,
    PicturesDifferError,
    drawn_rows,
    feature_rows,
)
from course_utils.transfer.fit_data import (
    check_ranks,
    first_rows,
    fit_arguments,
)
from course_utils.transfer.freeze_boundary import (
    NotCutError,
    cut_at_freeze_boundary,
)
from course_utils.transfer.monitored_metric import try_out
from course_utils.transfer.phase_callbacks import callback_list
from course_utils.transfer.training_label_checks import check_labels

CACHE = ("auto", True, False)
# Features that take more are kept on disk, and read batch by batch.
MEMORY_BYTES = 2**30
MOST_VIEWS = 1000
_BackupAndRestore = keras.callbacks.BackupAndRestore


def cached_fit(
    model,
    data,
    validation_data=None,
    epochs=1,
    *,
    cache="auto",
    views=1,
    memory_bytes=MEMORY_BYTES,
    initial_epoch=0,
    callbacks=(),
    class_weight=None,
    verbose="auto",
):
    """Trains as `fit` does, and computes what is frozen only once.

    The model is cut where the first layers are that training changes, see
    `cut_at_freeze_boundary`. What comes before gives the same features in
    each epoch: they are computed once, kept on disk for the next time, and
    what comes after is trained on them. The model then has the weights that
    `fit` would have given it, but for rounding and, where data are shuffled,
    their order. Callbacks are told of the whole model.

    Introduced in lesson 02 (``02_feature_extraction``).

    Args:
        model: A compiled `keras.Model`. It is trained.
        data: A `tf.data.Dataset` of batches `(images, labels)`, or a tuple
            of two arrays, taken in batches of 32 and in another order each
            epoch. A data set that shuffles is shuffled as a whole each epoch,
            in batches of the size of its first.
        validation_data: The same, for validation after each epoch, or None.
        epochs: The epoch to end with, as in `fit`.
        cache: `"auto"` trains by `fit`, and says why, where features cannot
            be kept; True raises an error there; False trains by `fit`.
        views: How many passes over the training data are kept, for data with
            augmentation: epoch after epoch takes the next of these, so that
            each picture is seen in that many versions and no more. They are
            held in memory, and not kept for the next time.
        memory_bytes: Most bytes of features in memory, for one pass. What
            takes more is kept on disk, and read batch by batch; with several
            `views` it is a reason not to keep features.
        initial_epoch: As in `fit`.
        callbacks: As in `fit`.
        class_weight: As in `fit`.
        verbose: As in `fit`.

    Returns:
        The `keras.callbacks.History`.

    Raises:
        CourseError: If an argument, a label or a picture does not fit, or if
            `cache` is True and the features cannot be kept: with the reason.
            Nothing was trained then.
    """
    cache = choice("cache", cache, CACHE)
    views = whole_number("views", views, 4, most=MOST_VIEWS)
    budget = number("memory_bytes", memory_bytes, MEMORY_BYTES, least=0)
    options = {"epochs": epochs, "initial_epoch": initial_epoch}
    for name, count in options.items():
        options[name] = whole_number(name, count, 10, least=0)
    compile_settings(model)
    callbacks = callback_list(callbacks)
    checked = check_labels(model, data)
    class_weight = checked_class_weight(class_weight, checked)
    try_out(model, checked.batch, "training")
    if validation_data is not None:
        validation = check_labels(model, validation_data, training=False)
        try_out(model, validation.batch, "validation")
    return fit_on_features(
        model,
        data,
        validation_data,
        checked.batch,
        cache=cache,
        views=views,
        budget=budget,
        callbacks=callbacks,
        class_weight=class_weight,
        verbose=verbose,
        **options,
    )


def fit_on_features(
    model,
    data,
    validation_data,
    batch,
    *,
    cache="auto",
    views=1,
    budget=MEMORY_BYTES,
    callbacks=(),
    verbose="auto",
    **options,
):
    """Does what `cached_fit` does, with arguments that were checked.

    Beside these it takes `batch`, some pictures and labels to try the parts
    of the model on, and `budget`, the most bytes of features in memory.

    Returns:
        The `keras.callbacks.History`.
    """
    options["verbose"] = verbose
    if cache is not False:
        try:
            if any(isinstance(x, _BackupAndRestore) for x in callbacks):
                raise NotCutError("BackupAndRestore is to resume a fit")
            problem = "the model's layers could not be followed"
            cut = _or_reason(problem, cut_at_freeze_boundary, model, batch[0])
            problem = "what is frozen does not take all pictures as they are"
            rows = functools.partial(_or_reason, problem, _rows, cut.prefix)
            train = rows(data, "training", views, budget)
            held_out = None
            if validation_data is not None:
                held_out = rows(validation_data, "validation", 1, budget)
        except (NotCutError, PicturesDifferError, NoRoomError) as error:
            if cache is True:
                raise CourseError(
                    f"The features of what is frozen cannot be kept: {error}. "
                    'Give cache="auto" to train without.'
                ) from error
            if verbose:
                print(f"Nothing is computed ahead: {error}.")
        else:
            suffix = cut.suffix
            # By these a loss or a metric in a dict is found.
            suffix.output_names = getattr(model, "output_names", None)
            suffix.compile(**compile_settings(model))
            _make_variables(suffix, train[0])
            _make_variables(model, batch)  # Callbacks look at its metrics.
            told = keras.callbacks.CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                model=model,
                verbose=verbose,
                epochs=options["epochs"],
                steps=len(train),
            )
            suffix.follow(model)
            return suffix.fit(
                train,
                validation_data=held_out,
                callbacks=told,
                shuffle=False,  # The batches see to it.
                **options,
            )
    check_ranks(data)
    check_ranks(validation_data)
    _make_variables(model, batch)
    if validation_data is not None:
        found = fit_arguments(validation_data)
        validation_data = validation_data if "y" in found else found["x"]
    return model.fit(
        **fit_arguments(data),
        validation_data=validation_data,
        callbacks=callbacks,
        **options,
    )


def _or_reason(problem, function, *arguments):
    """Calls a function; where it fails, the model is trained as it is."""
    try:
        return function(*arguments)
    except CourseError:
        raise
    except Exception as error:
        raise NotCutError(f"{problem} ({reason(error)})") from error


def _make_variables(model, batch):
    """Makes those of optimizer and metrics before a step is traced.

    A function that makes variables when it is first traced is traced a second
    time (TensorFlow's guide "Better performance with tf.function"), which takes
    seconds for a deep backbone.

    Args:
        model: A compiled `keras.Model`.
        batch: Pictures, labels and perhaps weights.

    Raises:
        CourseError: If Keras cannot compute the metrics.
    """
    images, labels, *weights = first_rows(batch, 1)
    model.optimizer.build(model.trainable_variables)
    outputs = model(images)
    try:
        model.compute_metrics(images, labels, outputs, *weights)
    except Exception as error:
        raise CourseError(
            f"The metrics cannot be computed for these data ({reason(error)}): "
            "compile with others, or change the labels."
        ) from error
    model.reset_metrics()


def _rows(prefix, data, what, views, budget):
    shuffled = isinstance(data, tuple) and what == "training"
    if views == 1:
        found = [feature_rows(prefix, data, what, tried=True, budget=budget)]
        shuffled = shuffled or not found[0].in_order
    else:
        found = [drawn_rows(prefix, data, what, budget) for _ in range(views)]
    return _FeatureBatches(found, shuffled and what == "training")


class _FeatureBatches(keras.utils.PyDataset):
    """Batches of features, in place of batches of pictures."""

    def __init__(self, views, shuffled):
        """Begin with the first view.

        Args:
            views: A list of `FeatureRows`, of which each epoch takes the next.
            shuffled: Whether each epoch takes them in another order.
        """
        super().__init__()
        self.views, self.shuffled, self.epoch = views, shuffled, -1
        self.on_epoch_end()

    def __len__(self):
        """Return the number of batches."""
        return len(self.ends)

    def __getitem__(self, number):
        """Return a batch."""
        end = self.ends[number]
        chosen = self.order[end - self.sizes[number] : end]
        view = self.view
        parts = [(view.labels, chosen)]
        if view.weights is not None:
            parts.append((view.weights, chosen))
        return (
            view.features[view.rows[chosen]],
            *(
                keras.tree.map_structure(lambda x, rows=rows: x[rows], part)
                for part, rows in parts
            ),
        )

    def on_epoch_end(self):
        """Take the next view, in an order of its own if it is shuffled."""
        self.epoch += 1
        self.view = self.views[self.epoch % len(self.views)]
        self.order = np.arange(len(self.view.rows))
        self.sizes = self.view.sizes
        if self.shuffled:
            np.random.shuffle(self.order)  # `set_random_seed` sets it.
            count, size = len(self.order), self.sizes[0]
            self.sizes = [size] * (count // size)
            if count % size:
                self.sizes.append(count % size)
        self.ends = np.cumsum(self.sizes)
