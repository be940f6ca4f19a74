"""What the log adds up to: lessons, exercises, questions, what comes next."""

import dataclasses

from course_utils import checks, progress, quizzes


@dataclasses.dataclass(frozen=True)
class LessonState:
    """How far one lesson is.

    Attributes:
        lesson: Number of the lesson.
        title: Its title.
        exercises: Best score of each exercise; ``None`` if not attempted.
        questions: Best score of each question; ``None`` if not attempted.
    """

    lesson: str
    title: str
    exercises: dict[str, float | None]
    questions: dict[str, float | None]


@dataclasses.dataclass(frozen=True)
class Board:
    """All lessons, as text or in a notebook.

    Attributes:
        lessons: In order.
        problem: One sentence about a log that cannot be read in full.
    """

    lessons: tuple[LessonState, ...]
    problem: str = ""

    @property
    def next_step(self) -> str:
        """What to do next, in one sentence."""
        for state in self.lessons:
            for kind, scores in (
                ("exercise", state.exercises),
                ("question", state.questions),
            ):
                open_ones = [n for n, score in scores.items() if score != 1]
                if open_ones:
                    return (
                        f"Next: {kind} {open_ones[0]} in lesson "
                        f"{state.lesson}, {state.title}."
                    )
        return "Everything that there is so far is done."

    def __repr__(self) -> str:
        """Show the board as plain text."""
        width = max([len(s.title) for s in self.lessons] + [len("lesson")])
        # Two digits, and a letter where a lesson was split: 03, 03b.
        lines = [f"     {'lesson':<{width}}  exercises  questions"]
        lines += [
            f"{s.lesson:<3}  {s.title:<{width}}  {_count(s.exercises):>9}  "
            f"{_count(s.questions):>9}"
            for s in self.lessons
        ]
        lines.append(self.next_step)
        if self.problem:
            lines.append(self.problem)
        return "\n".join(lines)


def load_board() -> Board:
    """Add up the log of this learner."""
    log = progress.read_log()
    best = progress.best_scores(log.events)
    states = []
    for lesson, sheet in checks.load_sheets().items():
        names = []
        if lesson in quizzes.lessons_with_quiz():
            names = list(quizzes.load_questions(lesson))
        states.append(
            LessonState(
                lesson,
                sheet["title"],
                {n: best.get((lesson, n)) for n in sheet["exercises"]},
                {n: best.get((lesson, n)) for n in names},
            )
        )
    return Board(tuple(states), log.problem)


def _count(scores: dict[str, float | None]) -> str:
    done = sum(score == 1 for score in scores.values())
    return f"{done} of {len(scores)}"
