"""How long does an answer take to be judged, and a model to be watched?

    python -m benchmarks.answer_time

Prints medians: a choice judged and saved; a check of weights beyond reading
them; what `course.watch` adds around an empty block, for the course's
backbone and for ResNet50.
"""

import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Callable

REPEATS = 15


def median_ms(action: Callable[[], object]) -> float:
    """Return the median milliseconds of several calls, after a first one."""
    action()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def first_question() -> float:
    """Return the seconds from a kernel that is ready to a quiz on screen."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(extra_arguments=["--log-level=ERROR"])
    shown = []
    start = time.perf_counter()
    client.execute_interactive(
        "from course_utils import course\ncourse.quiz('00')",
        output_hook=lambda message: shown.append(message["msg_type"]),
    )
    took = time.perf_counter() - start
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    if "execute_result" not in shown:
        raise RuntimeError(f"No quiz was shown: {shown}")
    return took


def main() -> None:
    """Print one line a measurement."""
    os.environ["COURSE_WORK"] = tempfile.mkdtemp()
    from course_utils import course
    from course_utils.answers import progress_log

    quiz = course.quiz("00")
    # The same answer twice in a row would be saved once.
    answers = itertools.cycle(["forwards", "slowly"])
    took = median_ms(lambda: quiz.answer("q2", next(answers)))
    print(f"{took:8.1f} ms  a choice judged and saved (a new log)")
    for i in range(5000):
        status = ("passed", "failed")[i % 2]
        event = progress_log.Event("question", "00", "q2", status, answer="x")
        progress_log.remember(event)
    took = median_ms(lambda: quiz.answer("q2", next(answers)))
    print(f"{took:8.1f} ms  the same (a log of 5000 answers)")
    took = median_ms(lambda: repr(quiz))
    print(f"{took:8.1f} ms  the quiz shown (a log of 5000 answers)")
    took = median_ms(course.progress)
    print(f"{took:8.1f} ms  the board added up (a log of 5000 answers)")

    seconds = statistics.median(first_question() for _ in range(5))
    print(
        f"{1000 * seconds:8.1f} ms  from a fresh kernel to the first question"
    )

    import keras
    import numpy as np

    from course_utils.answers.checks import weight_evidence
    from course_utils.backbones.pretrained import load_backbone

    def watch(model: keras.Model) -> None:
        with course.watch(model):
            pass

    name, shape = "efficientnet_lite0", (160, 160, 3)
    base_model = load_backbone(name, input_shape=shape)
    base_model.trainable = False
    inputs = keras.Input(shape)
    x = keras.layers.GlobalAveragePooling2D()(base_model(inputs))
    x = keras.layers.Dense(64, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    pictures = np.random.default_rng(0).random((64, *shape))
    with course.watch(model) as evidence:
        model.fit(pictures, np.arange(64) % 2, batch_size=8, verbose=0)
    exercise = course.exercise("sh-02")
    if exercise.check(model, evidence).status != "passed":
        raise RuntimeError("The check that is timed does not pass.")
    whole = median_ms(lambda: exercise.check(model, evidence))
    reading = median_ms(
        lambda: weight_evidence.differs_from_pretrained(model, name)
    )
    print(f"{whole:8.1f} ms  a check of weights, {reading:.1f} of it reading")
    print(f"{median_ms(lambda: watch(model)):8.1f} ms  watching {name}")
    big = keras.applications.ResNet50(weights=None)
    print(f"{median_ms(lambda: watch(big)):8.1f} ms  watching ResNet50")


if __name__ == "__main__":
    main()
