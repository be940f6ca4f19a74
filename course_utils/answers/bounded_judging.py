"""Judge within bounds: of time, of size, and whatever an answer raises.

An answer may be any object, and a judge calls what it has: a ``__float__``
that exits, an iterator without an end. So values that are made while one
looks at them are counted out before a judge sees them, the judge works in a
thread that is waited for as long as is reasonable, and what it says is cut to
the length of a message. An interrupt by the learner passes.
"""

import ctypes
import itertools
import reprlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, MappingView

from course_utils.machine.errors import CourseError

LONGEST_WAIT = 60.0  # seconds, for a judge that loads a model on a slow machine
LONGEST_TEXT = 1_000_000  # characters of an answer
LONGEST_MESSAGE = 600  # characters of what is said about it
MOST_ITEMS = 100_000  # of what makes its items while one looks
MOST_NUMBERS = 200_000_000  # in one array
_SMALL = 1_000  # containers up to this size are looked into
# Their objects hold what they hold, and make nothing while one looks.
_FRAMEWORKS = {
    *"h5py jax jaxlib keras numpy pandas polars scipy sklearn".split(),
    *"tensorflow torch xarray".split(),
}
_OWN = {
    *"builtins collections course_utils datetime decimal fractions".split(),
    *"pathlib types".split(),
}


def run(judge: Callable, *values: object) -> object:
    """Return what a judge says of some values.

    Args:
        judge: A function of the values. It changes nothing.
        *values: What a learner passed on.

    Raises:
        CourseError: In one sentence, whatever the judge or a value raises, if
            a value is larger than any answer, or if it takes too long.
        KeyboardInterrupt: If the learner interrupts.
    """
    outcome, policy = [], _dtype_policy()

    def work():
        try:
            if policy is not None:
                # Keras keeps it by thread.
                sys.modules["keras"].config.set_dtype_policy(policy)
            outcome.append((judge(*map(counted_out, values)), None))
        except BaseException as error:
            outcome.append((None, _as_course_error(error)))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    deadline = time.monotonic() + LONGEST_WAIT
    try:
        # In short steps: nowhere else does Windows notice an interrupt.
        while worker.is_alive() and time.monotonic() < deadline:
            worker.join(0.1)
    finally:
        if worker.is_alive():
            _stop(worker)
    if not outcome:
        raise CourseError(
            f"This answer could not be judged within {LONGEST_WAIT:.0f} "
            "seconds: look for something in it that never ends, or restart, "
            "and check once more when the machine is less busy."
        )
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def shorten(text: str) -> str:
    """Return a text, cut where it is longer than a message can be."""
    text = str(text)
    if len(text) <= LONGEST_MESSAGE:
        return text
    return f"{text[: LONGEST_MESSAGE - 1]}\N{HORIZONTAL ELLIPSIS}"


def counted_out(value: object, depth: int = 3) -> object:
    """Return a value whose size is known, equal to what a learner gave.

    Args:
        value: What was given. Models, arrays, tables and the like are
            returned as they are, and so are containers that hold only such.
        depth: How many containers within another are looked into.

    Raises:
        CourseError: If it is larger than any answer, or may never end.
    """
    kind = type(value)
    if isinstance(value, str | bytes | bytearray):
        if len(value) > LONGEST_TEXT:
            raise CourseError(
                f"This is text of {len(value):,} characters, and no answer "
                f"has more than {LONGEST_TEXT:,}: give a shorter one."
            )
        # A subclass may have methods of its own.
        sub = isinstance(value, str) and not _is_known(kind)
        return str.__str__(value) if sub else value
    if kind in (list, tuple, set, frozenset, dict):
        return _look_into(value, kind, depth)
    lazy = isinstance(value, Iterator | MappingView | range)
    if lazy and not _is_framework(kind):
        return _look_into(_take(value), list, depth)
    if not _is_known(kind):
        if isinstance(value, int | float):
            return value
        if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
            return {key: value[key] for key in _take(value)}
        if hasattr(kind, "__iter__") or hasattr(kind, "__getitem__"):
            return _look_into(_take(value), list, depth)
        return value
    size = getattr(value, "size", 0)
    if isinstance(size, int) and size > MOST_NUMBERS:
        raise CourseError(
            f"This is an array of {size:,} numbers, and no answer is that "
            "large: give a smaller one."
        )
    return value


def _look_into(value, kind, depth):
    if not depth or len(value) > _SMALL:
        return value
    old = list(value.values() if kind is dict else value)
    new = [counted_out(one, depth - 1) for one in old]
    if all(a is b for a, b in zip(old, new, strict=True)):
        return value  # Itself: a list that grows has to go on growing.
    return dict(zip(value, new, strict=True)) if kind is dict else kind(new)


def _take(value):
    """Returns the items of something that makes them while one looks."""
    items = list(itertools.islice(iter(value), MOST_ITEMS + 1))
    if len(items) > MOST_ITEMS:
        raise CourseError(
            f"This {type(value).__name__} has more than {MOST_ITEMS:,} items, "
            "or never ends: give a list or an array."
        )
    return items


def _is_known(kind):
    return _room(kind) in _OWN or _is_framework(kind)


def _is_framework(kind):
    return not _FRAMEWORKS.isdisjoint(map(_room, kind.__mro__))


def _room(kind):
    return str(getattr(kind, "__module__", "")).partition(".")[0]


def _dtype_policy():
    keras = sys.modules.get("keras")
    # While Keras is being imported it has no `config` yet.
    return keras.config.dtype_policy() if hasattr(keras, "config") else None


def _as_course_error(error):
    """Returns an error that can be raised here and read by a learner."""
    if isinstance(error, CourseError | KeyboardInterrupt):
        return error
    try:
        reason = str(error)
        name = type(error).__name__
    except BaseException:  # The text of an error may raise one, too.
        reason, name = "", "an error without a text"
    told = f"{name}: {reprlib.repr(reason)}" if reason else name
    return CourseError(
        f"This answer could not be judged ({told}); compare all that you pass "
        "with what is asked for."
    )


def _stop(worker):
    """Ends a thread at its next line of Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(worker.ident), ctypes.py_object(SystemExit)
    )
