"""Write `docs/misconceptions.md`: what each wrong choice of the quizzes shows.

python -m tools.list_misconceptions
"""

import argparse
import sys

from course_utils.answers import quizzes
from course_utils.answers.checks import load_sheets
from tools.build_notebooks import TOP

PAGE = TOP / "docs" / "misconceptions.md"
_HEAD = """\
# What each wrong answer shows

Made by `python -m tools.list_misconceptions` from `data/quizzes/` and
`data/keys/`: edit those. For teachers: it has all answers. Below each question
is the right answer, then each wrong one, with what the course replies. Nobody
knows yet how often each is given.
"""


def main() -> int:
    """Write the page."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    PAGE.write_text(page(), "utf-8", newline="\n")
    return 0


def page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for lesson in quizzes.lessons_with_quiz():
        keys = quizzes.load_keys(lesson)
        parts.append(
            f"\n## Lesson {lesson}: {load_sheets()[lesson]['title']}\n"
        )
        for name, question in quizzes.load_questions(lesson).items():
            if question["type"] != "predict":
                parts.append(_question(name, question, keys[name]))
    return "".join(parts)


def _question(name, question, key):
    answer = key["answer"]
    right = answer if isinstance(answer, list) else [answer]
    texts = {c["id"]: _line(c["text"]) for c in question.get("choices", [])}
    wrong = [
        (texts[choice["id"]], _line(choice["feedback"]))
        for choice in question.get("choices", [])
        if choice["id"] not in right
    ]
    for mistake in key.get("mistakes", []):
        given = mistake["answer"]
        given = given if isinstance(given, list) else [given]
        wrong.append((", ".join(map(str, given)), _line(mistake["feedback"])))
    lines = [f"\n**{name}.** {_line(question['prompt'])}\n\n"]
    told = "; ".join(texts.get(one, str(one)) for one in right)
    lines.append(f"Right: {told}\n\n")
    lines += [f"- {text.rstrip('.')}: {feedback}\n" for text, feedback in wrong]
    return "".join(lines)


def _line(text):
    return " ".join(str(text).split())


if __name__ == "__main__":
    sys.exit(main())
