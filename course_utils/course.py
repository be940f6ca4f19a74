"""The learner's door: what a lesson calls.

>>> from course_utils import course
>>> course.begin("00")
>>> quiz = course.quiz("00")
>>> with course.watch(model) as evidence:
...     model.fit(train_ds)
>>> course.exercise("sh-02").check(model, evidence)
>>> course.progress()
"""

import importlib.metadata
import platform
import sys

from course_utils.answers import checks, progress_summary, quizzes
from course_utils.answers.answer_verdicts import Result
from course_utils.answers.checks.training_evidence import watch
from course_utils.answers.progress_log import Event, remember
from course_utils.machine import quick_runs
from course_utils.machine.errors import CourseError
from course_utils.notebook import alternative_text, frontend, lesson_start

_IN_PYTORCH = ("06",)

__all__ = [
    "begin",
    "challenge",
    "claim",
    "exercise",
    "explore",
    "progress",
    "quiz",
    "watch",
]


def begin(lesson: str, seed: int = 0) -> None:
    """Start a lesson: load Keras, fix the random seed, print the versions.

    Introduced in lesson 00.

    Args:
        lesson: Number of the lesson, for example ``"00"``.
        seed: Seed of all random numbers (Python, NumPy and TensorFlow), so
            that running the lesson again gives the same numbers on the same
            machine.

    Raises:
        CourseError: If the lesson is no text.
    """
    if not isinstance(lesson, str):
        raise CourseError(
            f"The lesson is {lesson!r}, and expected is its number as text: "
            'write course.begin("02"), with quotes.'
        )
    lesson_start.import_keras_quietly()
    lesson_start.explain_stops()
    alternative_text.tell_figures()
    import keras

    keras.utils.set_random_seed(seed)
    versions = {
        "Python": platform.python_version(),
        "Keras": keras.__version__,
        "TensorFlow": importlib.metadata.version("tensorflow"),
    }
    line = ", ".join(f"{name} {value}" for name, value in versions.items())
    print(f"Lesson {lesson} on {line}. Seed {seed}.")
    if problem := remember(Event("lesson", lesson, status="begun")):
        print(problem)
    if quick_runs.is_on():
        quick_runs.shorten_training()
        quick_runs.shorten_prediction()
        if lesson in _IN_PYTORCH:
            quick_runs.shorten_loops()
        print("Smoke run: each training takes one step, claims are not judged.")


def challenge(name: str, seed: int | None = None) -> object:
    """Return a challenge: cells to learn from, cells to predict, a board.

    Introduced in lesson 08. Needs no TensorFlow.

    Args:
        name: ``"solar-cells"``.
        seed: Seed of the draw; another one is another challenge, with a board
            of its own. Defaults to a typical one.

    Returns:
        A `course_utils.answers.Challenge`.

    Raises:
        CourseError: If there is no such challenge, or if its photographs are
            not installed.
    """
    # Late: it needs pandas and scikit-learn.
    from course_utils.answers.challenge import Challenge

    return Challenge(name, seed)


def claim(holds: bool, sentence: str) -> None:
    """State something the lesson teaches, and stop if it is not so.

    Introduced in lesson 00. The notebooks are run as tests: a claim that
    fails here is a bug in the course.

    Args:
        holds: Whether the claim holds, computed by the cell.
        sentence: The claim, in words.

    Raises:
        AssertionError: If the claim does not hold.
    """
    if quick_runs.is_on():
        print(f"Not judged in a smoke run: {sentence}")
    elif holds:
        print(f"Holds: {sentence}")
    else:
        raise AssertionError(f"Does not hold here: {sentence}")


def exercise(name: str) -> checks.Exercise:
    """Return an exercise: ``.check(...)``, ``.hint()``, ``.solution()``.

    Introduced in lesson 00.

    Args:
        name: The name in the first line of the exercise's cell.

    Raises:
        CourseError: If there is no such exercise.
    """
    _show_richly()
    return checks.find_exercise(name)


def quiz(lesson: str) -> quizzes.Quiz:
    """Return the quiz of a lesson, which a notebook shows as cards.

    Answer in the cards, or with ``.answer("q1", "b")``: both are remembered
    alike. Where no cards can be shown, the questions are plain text.
    Introduced in lesson 00. Needs no TensorFlow.

    Args:
        lesson: Number of the lesson, for example ``"00"``.

    Raises:
        CourseError: If the lesson has no quiz.
    """
    _show_richly()
    return quizzes.load_quiz(lesson)


def explore(dataset: str) -> object:
    """Return sliders over committed results, and a button that trains.

    Introduced in lesson 03.

    Args:
        dataset: ``"near"`` or ``"histology"``.

    Returns:
        A `course_utils.notebook.Explorer`.

    Raises:
        CourseError: If there is no such data set.
    """
    # Late: it needs Keras, and everything else here must answer without.
    from course_utils.notebook.explorer import Explorer

    return Explorer(dataset)


def progress() -> progress_summary.Board:
    """Return what is done, and what comes next. Introduced in lesson 00."""
    return progress_summary.load_board()


def _show_richly() -> None:
    """Let a notebook show quizzes as cards, and say verdicts aloud.

    Only where somebody sees them: what merely executes a notebook, and a
    terminal, get text.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is None or quick_runs.is_on():
        return
    if not frontend.shows_widgets():
        return
    show = shell.display_formatter.mimebundle_formatter.for_type
    show(quizzes.Quiz, _quiz_as_cards)
    show(Result, _result_aloud)
    from course_utils.notebook import screen_reader

    screen_reader.prepare()


def _quiz_as_cards(quiz: quizzes.Quiz) -> tuple[dict, dict]:
    from course_utils.notebook import quiz_cards

    return quiz_cards.show_cards(quiz)


def _result_aloud(result: Result) -> tuple[dict, dict]:
    # The verdict is shown as HTML, which stays readable in a saved notebook.
    from course_utils.notebook import screen_reader

    screen_reader.announce(repr(result).splitlines())
    return {}, {}
