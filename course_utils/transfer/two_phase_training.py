"""Train in two phases: first the head, then the backbone with it."""

import contextlib
import inspect

from course_utils.machine.arguments import choice, whole_number
from course_utils.machine.errors import CourseError
from course_utils.transfer.best_weights import BestWeights, DivergedError
from course_utils.transfer.cached_training import CACHE, fit_on_features
from course_utils.transfer.class_weights import checked_class_weight
from course_utils.transfer.compiling import compile_settings, recompile
from course_utils.transfer.freezing import freeze, size, unfreeze
from course_utils.transfer.fresh_optimizers import (
    check_one_rate,
    checked_rate,
    fresh_optimizer,
)
from course_utils.transfer.model_restoring import restored_on_error
from course_utils.transfer.monitored_metric import (
    check_averages,
    check_monitor,
    direction,
    penalised,
    penalties,
    try_out,
)
from course_utils.transfer.phase_callbacks import (
    check_comparable,
    checked_callbacks,
    may_add_metrics,
    monitored,
    one_file,
)
from course_utils.transfer.training_history import FINE_TUNING, HEAD
from course_utils.transfer.training_label_checks import check_labels


def two_phase_fit(
    model,
    base_model,
    data,
    validation_data,
    head_epochs=10,
    fine_tune_epochs=10,
    *,
    head_learning_rate=None,
    fine_tune_learning_rate=None,
    patience=3,
    monitor="val_loss",
    mode=None,
    callbacks=(),
    class_weight=None,
    cache="auto",
    verbose="auto",
    **unfreeze_options,
):
    """Trains the head on a frozen backbone, then fine-tunes both.

    Before each phase the model gets a new optimizer, see `recompile`; at the
    end of each it gets the best weights seen so far in either. Interrupting
    it ends the training in the same way, and returns what there is.

    Introduced in lesson 03 (``03_fine_tuning``), which does it by hand.

    Args:
        model: A compiled `keras.Model` with `base_model` in it. It is
            changed.
        base_model: The backbone. It is left as fine-tuning had it: unfrozen
            as far as told, batch normalization in inference mode.
        data: A `tf.data.Dataset` of batches `(images, labels)`, or a tuple
            of two arrays, taken in batches of 32. Its labels are read once
            beforehand, and compared with the model's head and loss.
        validation_data: The same, for validation after each epoch.
        head_epochs: At most so many epochs for the head; with 0 the phase is
            left out.
        fine_tune_epochs: The same for fine-tuning, which goes on counting
            where the head really ended.
        head_learning_rate: Defaults to the one that the model has.
        fine_tune_learning_rate: Defaults to a tenth of the head's.
        patience: A phase ends early after so many epochs in a row without a
            new best of that phase. None for never.
        monitor: Name of what tells the best, among the metrics that `fit`
            shows.
        mode: `"min"` or `"max"`: which is better. Needed only where the name
            has none of "loss", "accuracy" and "auc" in it.
        callbacks: More Keras callbacks, for both phases. One with a method
            `begin_phase` is told the name of each. Epochs are counted
            on from one to the next; what waits for progress, such as
            `EarlyStopping` and `ReduceLROnPlateau`, begins anew in each, and
            `CSVLogger` writes one file of both. A `LearningRateScheduler`
            has the last word on the rate. Those that would go wrong in the
            second `fit` are refused by name.
        class_weight: Dict from the index of each class to a number; none may
            be missing.
        cache: Whether what is frozen is computed once a phase, and kept on
            disk, as in `course_utils.transfer.cached_fit`: `"auto"` where it
            can be, True always, False never.
        verbose: As in `keras.Model.fit`; with 0, nothing is printed.
        **unfreeze_options: For `course_utils.transfer.unfreeze`: one of
            `last`, `from_layer` and `share`, and `batch_norm`.

    Returns:
        A `History` of both phases.

    Raises:
        CourseError: If something given does not fit; nothing was trained
            then. Also if the loss is no longer a finite number: the sentence
            names the learning rate, the model has the best weights seen
            before (the first ones, if none), and `error.history` is the
            `History` up to there. After any other error, one of a callback
            included, weights, flags and optimizer are as they were before.
    """
    compile_settings(model)
    check_averages(model.optimizer)
    if validation_data is None:
        raise CourseError(
            "The validation data are missing, and the best epoch is told by "
            "them: pass for example load_dataset(name).validation."
        )
    epochs = {"head_epochs": head_epochs, "fine_tune_epochs": fine_tune_epochs}
    for name, count in epochs.items():
        epochs[name] = whole_number(name, count, 10, least=0)
    if not any(epochs.values()):
        raise CourseError(
            "head_epochs and fine_tune_epochs are both 0, so nothing would be "
            "trained: give one of them at least 1."
        )
    if patience is not None:
        patience = whole_number("patience", patience, 3)
    cache = choice("cache", cache, CACHE)
    _check_options(unfreeze_options)
    callbacks = checked_callbacks(callbacks)
    rates = _rates(model, head_learning_rate, fine_tune_learning_rate)
    checked = check_labels(model, data)
    validation = check_labels(model, validation_data, training=False)
    class_weight = checked_class_weight(class_weight, checked)
    _check_parts(model, base_model, epochs["head_epochs"])
    try_out(model, checked.batch, "training")
    metrics = try_out(model, validation.batch, "validation")
    others = may_add_metrics(callbacks)
    check_monitor(model, monitor, metrics, others)
    for name, asked in monitored(callbacks):
        purpose = f"for {name} to watch"
        check_monitor(model, asked, metrics, others, purpose)

    keeper = BestWeights(monitor, direction(monitor, mode), patience)
    keeper.best_weights = model.get_weights()
    counted = None
    with restored_on_error(model), one_file(callbacks) as go_on:
        freeze(base_model)
        frozen = {id(weight) for weight in penalised(model)}
        unfreeze(base_model, **unfreeze_options)  # Refuses what does not fit.
        if frozen != {id(weight) for weight in penalised(model)}:
            if all(epochs.values()):
                check_comparable(callbacks)
        for phase, count, rate in zip(
            (HEAD, FINE_TUNING), epochs.values(), rates, strict=True
        ):
            if not count:
                continue
            if phase == HEAD:
                freeze(base_model)
            else:
                unfreeze(base_model, **unfreeze_options)
            recompile(model, rate)
            if counted is not None:
                keeper.rescale(penalties(model) - counted)
            if verbose:
                print(f"Phase {phase}: {_to_train(model)}")
            keeper.begin(phase)
            for callback in callbacks:
                if hasattr(callback, "begin_phase"):
                    callback.begin_phase(phase)
            begin = len(keeper.kept.epoch)
            with contextlib.suppress(KeyboardInterrupt, DivergedError):
                keeper.kept.interrupted = True
                fit_on_features(
                    model,
                    data,
                    validation_data,
                    checked.batch,
                    epochs=begin + count,
                    cache=cache,
                    initial_epoch=begin,
                    callbacks=[*callbacks, keeper],
                    class_weight=class_weight,
                    verbose=verbose,
                )
                keeper.kept.interrupted = False
            go_on()
            keeper.restore()
            counted = penalties(model)
            if keeper.kept.interrupted:
                break
    if keeper.diverged:
        error = CourseError(keeper.diverged)
        error.history = keeper.kept
        raise error
    if verbose:
        print(keeper.kept.summary())
    return keeper.kept


def _to_train(model):
    """Says how many numbers the next `fit` will change."""
    training = sum(map(size, model.trainable_weights))
    count = model.count_params()
    return (
        f"{training:,} of {count:,} parameters will train "
        f"({training / count:.1%})."
    )


def _check_options(options):
    known = [*inspect.signature(unfreeze).parameters][1:]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise CourseError(
            f"two_phase_fit has no argument {unknown[0]!r}: expected are its "
            f"own and those of unfreeze, {', '.join(known)}; for the size of "
            "batches, give data that are in batches."
        )


def _rates(model, head, fine_tuning):
    check_one_rate(model.optimizer)
    fresh_optimizer(model.optimizer)  # Refuses what cannot be made anew.
    if head is None:
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        head = optimizer.get_config()["learning_rate"]
        given = None
    else:
        given = head = checked_rate(head, "head_learning_rate")
    if fine_tuning is None:
        if not isinstance(head, int | float):
            raise CourseError(
                "The head follows a schedule of learning rates, so there is "
                "no tenth of it: give fine_tune_learning_rate."
            )
        fine_tuning = head / 10
    return given, checked_rate(fine_tuning, "fine_tune_learning_rate")


def _check_parts(model, base_model, head_epochs):
    inside = {id(weight) for weight in getattr(base_model, "weights", [])}
    around = {id(weight) for weight in model.weights}
    if not inside or not inside <= around:
        raise CourseError(
            "What was given as base_model is no part of this model: pass the "
            "very backbone that the head was put on."
        )
    if head_epochs and inside == around:
        raise CourseError(
            "This model is all backbone, with no head to train first: put a "
            "head on base_model, or set head_epochs=0."
        )
