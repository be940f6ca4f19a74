"""Look over all quizzes and exercises: is every one whole and fair?

    python -m tools.lint_quizzes

Prints one sentence a complaint; the exit code is 1 if there is one. The shape
of a quiz is held by ``data/quizzes/schema.json`` (JSON Schema); what a schema
cannot say is held here.
"""

import json
import sys
from pathlib import Path

import jsonschema
import yaml

from course_utils import paths

# The right choice may be the longest, or the shortest, about as often as
# chance would have it: at most this share over all quizzes, once there are
# enough questions to tell.
MOST_TELLING = 0.5
ENOUGH = 6
# Within one question it may not stand out by more than this.
MOST_LONGER = 1.4


def main() -> int:
    """Print all complaints; return 1 if there is one."""
    complaints = lint(paths.data_dir())
    for complaint in complaints:
        print(complaint)
    return int(bool(complaints))


def lint(data: Path) -> list[str]:
    """Return all complaints about the quizzes and exercises in a folder."""
    schema = json.loads((data / "quizzes" / "schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    complaints, fair = [], []
    for path in sorted((data / "quizzes").glob("*.yml")):
        quiz = _read(path)
        keys = _read(data / "keys" / path.name)
        sheet = _read(data / "exercises" / path.name)
        shape = list(_shape(validator, quiz, path))
        complaints += shape
        if shape:
            continue
        complaints += _names(quiz, keys, path)
        complaints += _objectives(quiz, sheet, path)
        for question in quiz["questions"]:
            where = f"data/quizzes/{path.name}, {question['id']}"
            key = (keys or {}).get(question["id"], {})
            complaints += _key(question, key, where)
            if question["type"] in ("single", "several"):
                complaints += _feedback(question, where)
                complaints += _length(question, key, where)
            if question["type"] == "single":
                fair.append((question, key))
    return [*complaints, *_telling(fair)]


def _read(path: Path) -> dict | None:
    return yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None


def _shape(validator, quiz, path):
    for error in validator.iter_errors(quiz):
        where = "/".join(map(str, error.absolute_path)) or "the file"
        yield f"data/quizzes/{path.name}, {where}: {error.message}"


def _names(quiz, keys, path):
    names = [question["id"] for question in quiz["questions"]]
    if len(set(names)) < len(names):
        yield f"data/quizzes/{path.name}: two questions have the same id."
    if quiz["lesson"] != path.stem:
        yield f"data/quizzes/{path.name}: its lesson is {quiz['lesson']!r}."
    if keys is None or set(keys) != set(names):
        yield f"data/keys/{path.name} must have a key for each of {names}."


def _objectives(quiz, sheet, path):
    if sheet is None:
        yield f"data/exercises/{path.name} is missing."
        return
    asked = {question["objective"] for question in quiz["questions"]}
    tried = {words["objective"] for words in sheet["exercises"].values()}
    for objective in sheet["objectives"]:
        for kind, covered in (("question", asked), ("exercise", tried)):
            if objective not in covered:
                yield (
                    f"Lesson {path.stem}: the objective {objective!r} has no "
                    f"{kind}."
                )
    for objective in sorted((asked | tried) - set(sheet["objectives"])):
        yield (
            f"Lesson {path.stem}: there is no objective {objective!r} in "
            f"data/exercises/{path.name}."
        )
    for name, words in sheet["exercises"].items():
        if not words.get("hints"):
            yield f"data/exercises/{path.name}, {name}: it has no hints."


def _key(question, key, where):
    kind, answer = question["type"], key.get("answer")
    choices = {choice["id"] for choice in question.get("choices", [])}
    fits = {
        "single": lambda: answer in choices,
        "several": lambda: (
            isinstance(answer, list)
            and answer
            and set(answer) < choices
            and len(set(answer)) == len(answer)
        ),
        "number": lambda: isinstance(answer, int | float),
        "text": lambda: isinstance(answer, list) and answer,
        "predict": lambda: answer is None,
    }[kind]()
    if not fits:
        yield f"{where}: the key {answer!r} does not fit its type, {kind}."


def _feedback(question, where):
    feedback = [choice["feedback"].strip() for choice in question["choices"]]
    if len(set(feedback)) < len(feedback):
        yield f"{where}: two choices have the same feedback."
    names = [choice["id"] for choice in question["choices"]]
    if len(set(names)) < len(names):
        yield f"{where}: two choices have the same id."
    if any(len(name) == 1 for name in names):
        yield f"{where}: an id of one letter would be taken for a place."


def _length(question, key, where):
    right = key.get("answer")
    right = set(right) if isinstance(right, list) else {right}
    lengths = {c["id"]: len(c["text"].strip()) for c in question["choices"]}
    best = [n for name, n in lengths.items() if name in right]
    rest = [n for name, n in lengths.items() if name not in right]
    if best and rest and min(best) > MOST_LONGER * max(rest):
        yield f"{where}: what is right can be told by its length."


def _telling(fair):
    if len(fair) < ENOUGH:
        return
    for extreme, word in ((max, "longest"), (min, "shortest")):
        told = sum(
            extreme(q["choices"], key=lambda c: len(c["text"]))["id"]
            == key.get("answer")
            for q, key in fair
        )
        if told / len(fair) > MOST_TELLING:
            yield (
                f"In {told} of {len(fair)} questions the {word} choice is "
                "right: a learner can tell without reading."
            )


if __name__ == "__main__":
    sys.exit(main())
