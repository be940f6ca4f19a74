"""Look over all quizzes and exercises: is every one whole and fair?

    python -m tools.lint_quizzes

Prints one sentence a complaint; the exit code is 1 if there is one. The shape
of the files is held by a ``schema.json`` (JSON Schema) in each folder; what a
schema cannot say is held here.
"""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml

from course_utils.answers import question_judging
from course_utils.machine import paths

KINDS = ("quizzes", "keys", "exercises")
PLACE = re.compile(
    r"\b(first|second|third|last) (one|choice|answer)\b|\babove\b|\bbelow\b",
    re.IGNORECASE,
)

# What a learner who has not read the lesson would guess by.
HEDGES = re.compile(
    r"\b(may|might|can|could|perhaps|probably|likely|some|sometimes|often"
    r"|usually|mostly|rarely|depends?|tends?|necessarily)\b",
    re.IGNORECASE,
)
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
    complaints, fair = [], []
    lessons = {
        path.stem for kind in KINDS for path in (data / kind).glob("*.yml")
    }
    for lesson in sorted(lessons):
        read = {kind: _read(data / kind, f"{lesson}.yml") for kind in KINDS}
        shapes = [c for _, problems in read.values() for c in problems]
        complaints += shapes
        if shapes:
            continue
        quiz, keys, sheet = (content for content, _ in read.values())
        path = Path(f"{lesson}.yml")
        complaints += _names(quiz, keys, path)
        complaints += _objectives(quiz, sheet, path)
        for question in quiz["questions"]:
            where = f"data/quizzes/{path.name}, {question['id']}"
            key = keys.get(question["id"], {})
            complaints += _key(question, key, where)
            if question["type"] in ("single", "several"):
                complaints += _choices(question, where)
                complaints += _length(question, key, where)
            if question["type"] == "single":
                fair.append((question, key))
    return [*complaints, *_telling(fair)]


class _NoDuplicates(yaml.SafeLoader):
    """Refuses a key that stands twice: YAML itself would keep the last."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(key) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.YAMLError(f"{name!r} stands there twice")
        return super().construct_mapping(node, deep)


def _read(folder: Path, name: str) -> tuple[dict | None, list[str]]:
    """Return a file's content, and complaints about its shape."""
    where = f"data/{folder.name}/{name}"
    if not (folder / name).is_file():
        return None, [f"{where} is missing."]
    text = (folder / name).read_text("utf-8")
    try:
        # A safe loader of our own: it makes plain values only.
        content = yaml.load(text, Loader=_NoDuplicates)
    except yaml.YAMLError as error:
        return None, [f"{where}: {' '.join(str(error).split())}."]
    schema = json.loads((folder / "schema.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    complaints = [
        f"{where}, {'/'.join(map(str, e.absolute_path)) or 'top'}: {e.message}"
        for e in validator.iter_errors(content)
    ]
    return content, complaints


def _names(quiz, keys, path):
    names = [question["id"] for question in quiz["questions"]]
    if len(set(names)) < len(names):
        yield f"data/quizzes/{path.name}: two questions have the same id."
    if quiz["lesson"] != path.stem:
        yield f"data/quizzes/{path.name}: its lesson is {quiz['lesson']!r}."
    if set(keys) != set(names):
        yield f"data/keys/{path.name} must have a key for each of {names}."


def _objectives(quiz, sheet, path):
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


def _key(question, key, where):
    kind, answer = question["type"], key.get("answer")
    choices = {choice["id"] for choice in question.get("choices", [])}
    fits = {
        "single": lambda: isinstance(answer, str) and answer in choices,
        "several": lambda: (
            isinstance(answer, list)
            and answer
            and set(answer) < choices
            and len(set(answer)) == len(answer)
        ),
        "number": lambda: type(answer) in (int, float) and "tolerance" in key,
        "text": lambda: isinstance(answer, list) and answer,
        "predict": lambda: not key,
    }[kind]()
    if not fits:
        yield f"{where}: the key {key!r} does not fit its type, {kind}."
        return
    for mistake in key.get("mistakes", []):
        wrong = mistake["answer"]
        for one in wrong if isinstance(wrong, list) else [wrong]:
            judged = question_judging.judge(question, key, one, [])
            if judged.message != mistake["feedback"].strip():
                yield (
                    f"{where}: the mistake {one!r} cannot be met; it is the "
                    "right answer, or another mistake, within the tolerance."
                )


def _choices(question, where):
    for part in ("id", "text", "feedback"):
        values = [choice[part].strip() for choice in question["choices"]]
        if len(set(values)) < len(values):
            yield f"{where}: two choices have the same {part}."
    for choice in question["choices"]:
        if PLACE.search(choice["text"] + choice["feedback"]):
            yield (
                f"{where}, {choice['id']}: the order is shuffled, so no text "
                "may name a place."
            )


def _length(question, key, where):
    right = key.get("answer")
    right = set(right) if isinstance(right, list) else {right}
    lengths = {c["id"]: len(c["text"].strip()) for c in question["choices"]}
    best = [n for name, n in lengths.items() if name in right]
    rest = [n for name, n in lengths.items() if name not in right]
    if best and rest and min(best) > MOST_LONGER * max(rest):
        yield f"{where}: what is right can be told by its length."


def _telling(fair):
    """Yield the ways of guessing that are right more often than chance."""
    for word, guess in {
        "longest": lambda choices: _extreme(choices, max),
        "shortest": lambda choices: _extreme(choices, min),
        "hedged": lambda choices: {
            c["id"] for c in choices if HEDGES.search(c["text"])
        },
    }.items():
        right, chances = 0, []
        for question, key in fair:
            guessed = guess(question["choices"])
            if 0 < len(guessed) < len(question["choices"]):
                right += key.get("answer") in guessed
                chances.append(len(guessed) / len(question["choices"]))
        # One standard deviation above what guessing at random would give.
        spread = sum(p * (1 - p) for p in chances) ** 0.5
        if right > sum(chances) + spread:
            yield (
                f"The {word} choice is right in {right} of {len(chances)} "
                f"questions; chance gives {sum(chances):.0f}. A learner can "
                "tell without reading."
            )


def _extreme(choices, extreme):
    length = extreme(len(choice["text"].strip()) for choice in choices)
    return {c["id"] for c in choices if len(c["text"].strip()) == length}


if __name__ == "__main__":
    sys.exit(main())
