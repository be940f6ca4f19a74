"""Load a quiz, show it as plain text, judge an answer.

Questions lie in ``data/quizzes/``, keys in ``data/keys/``: plain files, a
courtesy to whoever wants to think first.
"""

import dataclasses

import yaml

from course_utils import paths
from course_utils.errors import CourseError
from course_utils.results import Result


@dataclasses.dataclass(frozen=True, repr=False)
class Quiz:
    """The questions of one lesson.

    Attributes:
        lesson: Number of the lesson, for example ``"00"``.
        questions: By id: prompt, and choices by letter, each with its text
            and its feedback.
        keys: By id: the letter of the right choice.
    """

    lesson: str
    questions: dict[str, dict]
    keys: dict[str, str]

    def __repr__(self) -> str:
        """Show the questions as plain text."""
        blocks = []
        for name, question in self.questions.items():
            lines = [f"{name}. {question['prompt'].strip()}"]
            lines += [
                f"   {letter}) {choice['text'].strip()}"
                for letter, choice in question["choices"].items()
            ]
            lines.append(f'   To answer: quiz.answer("{name}", "a")')
            blocks.append("\n".join(lines))
        return "\n\n".join(blocks)

    def answer(self, name: str, choice: object) -> Result:
        """Judge an answer, and say why.

        Args:
            name: Id of the question, for example ``"q1"``.
            choice: Letter of the choice; ``...`` means not attempted.

        Raises:
            CourseError: If there is no such question or no such choice.
        """
        if name not in self.questions:
            raise CourseError(
                f"There is no question {name!r} in quiz {self.lesson}: choose "
                f"one of {', '.join(self.questions)}."
            )
        if choice is ...:
            message = "Replace the dots with a letter, and run it again."
            return Result(name, "not attempted", message)
        choices = self.questions[name]["choices"]
        letter = str(choice).strip().lower()
        if letter not in choices:
            raise CourseError(
                f"{choice!r} is not a choice of {name}: give one of the "
                f"letters {', '.join(choices)}."
            )
        status = "passed" if letter == self.keys[name] else "failed"
        return Result(name, status, choices[letter]["feedback"].strip())


def load_quiz(lesson: str) -> Quiz:
    """Load the quiz of a lesson.

    Args:
        lesson: Number of the lesson, for example ``"00"``.

    Raises:
        CourseError: If the lesson has no quiz.
    """
    folder = paths.data_dir()
    path = folder / "quizzes" / f"{lesson}.yml"
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yml"))
        raise CourseError(
            f"There is no quiz {lesson!r}: choose one of "
            f"{', '.join(map(repr, known))}."
        )
    questions = yaml.safe_load(path.read_text("utf-8"))
    keys = yaml.safe_load((folder / "keys" / path.name).read_text("utf-8"))
    return Quiz(lesson, questions, keys)
