"""What the log adds up to: lessons, exercises, questions, what comes next."""

import dataclasses
import html

from course_utils.answers import checks, progress_log, quizzes


@dataclasses.dataclass(frozen=True)
class LessonState:
    """How far one lesson is.

    Attributes:
        lesson: Number of the lesson.
        title: Its title.
        exercises: Best score of each exercise; ``None`` if not attempted.
        questions: Best score of each question; ``None`` if not attempted.
        settled: Predictions whose outcome is known, so that they stand.
    """

    lesson: str
    title: str
    exercises: dict[str, float | None]
    questions: dict[str, float | None]
    settled: frozenset[str] = frozenset()


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
                open_ones = [
                    name
                    for name, score in scores.items()
                    if score != 1 and name not in state.settled
                ]
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

    def _repr_html_(self) -> str:
        """Show the board in a notebook: a table that can be read aloud."""
        rows = "".join(
            f'<tr><th scope="row" style="text-align: left">{s.lesson} '
            f"{html.escape(s.title)}</th>"
            f"{_cell(s.exercises)}{_cell(s.questions)}</tr>"
            for s in self.lessons
        )
        columns = "".join(
            f'<th scope="col" style="text-align: left">{name}</th>'
            for name in ("Lesson", "Exercises", "Questions")
        )
        problem = f"<p>{html.escape(self.problem)}</p>" if self.problem else ""
        return (
            # Where it is too wide, it can be moved, with the arrow keys too.
            '<div class="course-board" role="group" tabindex="0" '
            'aria-label="Your progress" style="overflow-x: auto">'
            "<table><caption>Your progress"
            f"</caption><thead><tr>{columns}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
            f"<p><strong>{html.escape(self.next_step)}</strong></p>"
            f"{problem}</div>"
        )


def load_board() -> Board:
    """Add up the log of this learner."""
    log = progress_log.read_log()
    best = progress_log.best_scores(log.events)
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
                frozenset(
                    event.name
                    for event in log.events
                    if (event.kind, event.lesson) == ("outcome", lesson)
                    # Of a run without a prediction the question stays open.
                    and event.status != "not attempted"
                ),
            )
        )
    return Board(tuple(states), log.problem)


def _count(scores: dict[str, float | None]) -> str:
    done = sum(score == 1 for score in scores.values())
    return f"{done} of {len(scores)}"


def _cell(scores: dict[str, float | None]) -> str:
    """Return a cell of the table; what the bar tells stands beside it."""
    done = sum(score == 1 for score in scores.values())
    sign = "\N{CHECK MARK} " if scores and done == len(scores) else ""
    bar = (
        f'<progress aria-hidden="true" max="{len(scores)}" value="{done}" '
        'style="display: block; width: 5em; max-width: 100%"></progress>'
        if scores
        else ""
    )
    return f'<td style="text-align: left">{sign}{_count(scores)}{bar}</td>'
