"""Read a data set to its end, and refuse one that has none."""

import tensorflow as tf
from tqdm.auto import tqdm

from course_utils.machine.errors import CourseError

# Data of unknown length are read so far, and then taken for endless.
MOST_BATCHES = 10_000
# Where a reading takes longer, a bar says how far it is.
SECONDS_IN_SILENCE = 5


def check_ends(data):
    """Refuses a `tf.data.Dataset` that is known never to end."""
    if _repeats_for_ever(data):
        raise CourseError(
            "These data never end, so neither would an epoch: leave out "
            "`.repeat()`, or add `.take(number_of_batches)`."
        )


def bounded(data, what, bar=None):
    """Yields the batches of a `tf.data.Dataset`, and does not go on for ever.

    What a filter or a generator leaves has no known length, and may never
    end.

    Args:
        data: A `tf.data.Dataset`, or a list of batches.
        what: What these data are, such as `"training data"`.
        bar: What the progress bar is called. Without, only data of unknown
            length have one.

    Raises:
        CourseError: If the data repeat for ever, or if data of unknown length
            do not end within `MOST_BATCHES` batches.
    """
    if not isinstance(data, tf.data.Dataset):  # A list of batches ends.
        yield from data
        return
    check_ends(data)
    unknown = data.cardinality() == tf.data.UNKNOWN_CARDINALITY
    read = tqdm(
        data,
        bar or f"Reading the {what}",
        unit="batch",
        delay=SECONDS_IN_SILENCE,
        disable=not (unknown or bar),
    )
    for number, batch in enumerate(read):
        if unknown and number == MOST_BATCHES:
            read.close()
            raise CourseError(
                f"The {what} have no known length, and did not end within "
                f"{MOST_BATCHES:,} batches: add `.take(number_of_batches)`, "
                "or tell their length with `.apply(tf.data.experimental."
                "assert_cardinality(number_of_batches))`."
            )
        yield batch


def _repeats_for_ever(data):
    """Whether it repeats without end, even where a filter hides that."""
    if data.cardinality() != tf.data.UNKNOWN_CARDINALITY:
        return data.cardinality() == tf.data.INFINITE_CARDINALITY
    if "Take" in type(data).__name__:
        return False
    inputs = getattr(data, "_inputs", list)()
    return len(inputs) == 1 and _repeats_for_ever(inputs[0])
