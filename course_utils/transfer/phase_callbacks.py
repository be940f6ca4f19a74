"""Callbacks that remember, in a training that is made of two `fit`s."""

import contextlib

import keras

from course_utils.machine.errors import CourseError

# By class name, since some are not in every Keras: what goes wrong, and what
# to do instead.
_REFUSED = {
    "SwapEMAWeights": (
        "keeps averages of one fit, and would put them into the model in the "
        "next; leave it out, and compile with an optimizer without use_ema"
    ),
    "BackupAndRestore": (
        "goes back to the state of another fit when the next one begins; "
        "leave it out, and save with keras.callbacks.ModelCheckpoint"
    ),
    "History": (
        "forgets the epochs of the fit before; leave it out, and take the "
        "history that is returned, which has both phases"
    ),
}


def checked_callbacks(callbacks):
    """Returns callbacks as a list, if each works over two `fit`s.

    Args:
        callbacks: List or tuple of `keras.callbacks.Callback`, or None.

    Raises:
        CourseError: If it is something else, or one would go wrong: the
            sentence has its name.
    """
    callbacks = callback_list(callbacks)
    for callback in callbacks:
        if problem := _problem(callback):
            raise _refused(callback, problem)
    return callbacks


def callback_list(callbacks):
    """Returns callbacks as a list; refuses what is no list of callbacks."""
    if callbacks is None:
        return []
    if not isinstance(callbacks, list | tuple):
        raise CourseError(
            f"callbacks is of type {type(callbacks).__name__}, and expected "
            "is a list: put it in brackets, callbacks=[...]."
        )
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise CourseError(
                f"One of the callbacks is {callback!r}, and expected is an "
                "instance of a subclass of keras.callbacks.Callback: make one, "
                "for example keras.callbacks.TerminateOnNaN()."
            )
    return list(callbacks)


def check_comparable(callbacks):
    """Refuses callbacks that would compare losses on two scales.

    For a training where the loss of one phase counts penalties that it does
    not count in the other.
    """
    for callback in callbacks:
        monitor = str(getattr(callback, "monitor", ""))
        if getattr(callback, "save_best_only", False) and "loss" in monitor:
            raise _refused(
                callback,
                f"would compare {monitor} of both, and the penalties of "
                "regularizers on frozen weights do not count; leave out "
                "save_best_only, and call model.save at the end, when the "
                "model has its best weights",
            )


@contextlib.contextmanager
def one_file(callbacks):
    """Lets each `CSVLogger` write one file of several `fit`s.

    Yields a function to call when a `fit` has ended: what comes next is
    appended.
    """
    loggers = [
        (callback, callback.append, callback.append_header)
        for callback in callbacks
        if isinstance(callback, keras.callbacks.CSVLogger)
    ]

    def go_on():
        for logger, *_ in loggers:
            logger.append = True

    try:
        yield go_on
    finally:
        for logger, append, header in loggers:
            logger.append, logger.append_header = append, header


def monitored(callbacks):
    """Returns pairs: the class name of a callback, the metric it watches."""
    return [
        (type(callback).__name__, callback.monitor)
        for callback in callbacks
        if isinstance(getattr(callback, "monitor", None), str)
    ]


def may_add_metrics(callbacks):
    """Whether one of them may put a metric of its own into the logs."""
    return any(map(_may_add_metrics, callbacks))


def _may_add_metrics(callback):
    kind, plain = type(callback), keras.callbacks.Callback
    if isinstance(callback, keras.callbacks.LambdaCallback):
        return True
    return kind.__module__.split(".")[0] not in ("keras", "course_utils") and (
        kind.on_epoch_end is not plain.on_epoch_end
        or kind.on_test_end is not plain.on_test_end
    )


def _problem(callback):
    """Returns what would go wrong with it, and what to do; or None."""
    for name, problem in _REFUSED.items():
        kind = getattr(keras.callbacks, name, None)
        if kind and isinstance(callback, kind):
            return problem
    if getattr(callback, "start_from_epoch", 0):
        return (
            "counts start_from_epoch over both, so that its second phase has "
            "no such start; leave start_from_epoch out, or set patience"
        )
    tensor_board = isinstance(callback, keras.callbacks.TensorBoard)
    if tensor_board and callback.update_freq != "epoch":
        return (
            "counts batches from 0 again in each; set update_freq='epoch', "
            "which goes on counting"
        )
    return None


def _refused(callback, problem):
    return CourseError(
        f"The callback {type(callback).__name__} does not work here, where "
        f"two phases are two fits of Keras, since it {problem}."
    )
