"""Show a quiz as plain text, and ask it question by question."""

import textwrap

from course_utils.answers import progress_log, question_judging
from course_utils.answers.answer_verdicts import Status

# By type of question: an example of an answer, and a word about it.
_HOW_TO_ANSWER = {
    "single": ("a", ""),
    "several": ("a, c", " with all that are right"),
    "number": ("0.5", ""),
    "text": ("word", ""),
    "predict": ("0.5", " before you run"),
}
_NUMBERS = ("number", "predict")
_wrap = textwrap.TextWrapper(width=76, subsequent_indent="    ").fill
_wrap_inner = textwrap.TextWrapper(
    width=76, initial_indent="    ", subsequent_indent="       "
).fill


def show(quiz) -> str:
    """Return all questions of a quiz, with what was answered so far.

    Args:
        quiz: A ``Quiz``.
    """
    best = progress_log.best_scores(progress_log.read_log().events)
    questions = []
    for name, question in quiz.questions.items():
        lines = _lines(quiz, name, best.get((quiz.lesson, name)))
        example, about = _how_to_answer(question)
        if question["type"] not in _NUMBERS:
            example = f'"{example}"'
        lines.append(f'Answer{about}: quiz.answer("{name}", {example})')
        if hints := len(question.get("hints", [])):
            steps = "" if hints == 1 else f" (in {hints} steps)"
            lines.append(f'Hint{steps}: quiz.hint("{name}")')
        questions.append(_fill(lines))
    questions.append("To be asked one question at a time: quiz.ask()")
    return "\n\n".join(questions)


def ask(quiz) -> None:
    """Ask what is not right yet by ``input``, and print each verdict.

    Args:
        quiz: A ``Quiz``.
    """
    best = progress_log.best_scores(progress_log.read_log().events)
    for name, question in quiz.questions.items():
        score = best.get((quiz.lesson, name))
        if question["type"] == "predict" or score == 1:
            continue
        print(_fill(_lines(quiz, name, score)))
        example, about = _how_to_answer(question)
        while True:
            try:
                given = input(f"Answer{about}, such as {example}: ").strip()
            except KeyboardInterrupt:
                print("Stopped; what you have answered is remembered.")
                return
            except Exception as error:
                # A front end without input raises an error of its own.
                print(
                    f"No answer can be typed here ({type(error).__name__}): "
                    f'give answers in a dict, quiz.ask({{"{name}": '
                    f'"{example}"}}).'
                )
                return
            if not given:
                break
            result = quiz.answer(name, given)
            print(f"{result}\n")
            if result.status != Status.ERROR:
                break


def _lines(quiz, name: str, score: float | None) -> list[str]:
    question = quiz.questions[name]
    state = "" if score is None else f" [{score:.0%} so far]"
    lines = [f"{name}.{state} {question['prompt'].strip()}"]
    order = quiz.order(name)
    by_id = {choice["id"]: choice for choice in question.get("choices", [])}
    for choice in order:
        letter = question_judging.letter_of(choice, order)
        lines.append(f"{letter}) {by_id[choice]['text'].strip()}")
    return lines


def _how_to_answer(question: dict) -> tuple[str, str]:
    example, about = _HOW_TO_ANSWER[question["type"]]
    if question.get("unit"):
        about = f" in {question['unit']}"
    return example, about


def _fill(lines: list[str]) -> str:
    return "\n".join([_wrap(lines[0]), *map(_wrap_inner, lines[1:])])
