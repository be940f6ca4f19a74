"""The linter of quizzes: silent on what is committed, and notices the rest."""

import json
import shutil

import jsonschema
import pytest
import yaml

from course_utils import paths
from tests.conftest import TOP
from tools import lint_quizzes

CHOICES = [
    {"id": "right", "text": "one", "feedback": "Yes."},
    {"id": "also", "text": "two", "feedback": "Also."},
    {"id": "wrong", "text": "three", "feedback": "No, because."},
    {"id": "worse", "text": "four", "feedback": "Not at all."},
]


def test_the_linter_finds_nothing():
    assert lint_quizzes.lint(paths.data_dir()) == []


@pytest.fixture
def data(tmp_path):
    for folder in ("quizzes", "keys", "exercises"):
        shutil.copytree(TOP / "data" / folder, tmp_path / folder)
    return tmp_path


def change(data, folder, edit):
    path = data / folder / "00.yml"
    content = yaml.safe_load(path.read_text("utf-8"))
    edit(content)
    path.write_text(yaml.safe_dump(content), "utf-8")


def question(content, name):
    return next(q for q in content["questions"] if q["id"] == name)


@pytest.mark.parametrize(
    ("folder", "edit", "named"),
    [
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].pop("feedback"),
            "'feedback' is a required property",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2").update(type="guess"),
            "'guess' is not one of",
        ),
        (
            "quizzes",
            lambda c: question(c, "q4").pop("otherwise"),
            "'otherwise' is a required property",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].update(
                feedback=question(c, "q2")["choices"][1]["feedback"]
            ),
            "q2: two choices have the same feedback",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].update(text="x" * 200),
            "q2: what is right can be told by its length",
        ),
        (
            "quizzes",
            lambda c: question(c, "q3").update(id="q2"),
            "two questions have the same id",
        ),
        (
            "exercises",
            lambda c: c["objectives"].update(new="Do a new thing."),
            "'new' has no question",
        ),
        (
            "exercises",
            lambda c: c["objectives"].update(new="Do a new thing."),
            "'new' has no exercise",
        ),
        (
            "exercises",
            lambda c: c["exercises"]["sh-01"].update(objective="else"),
            "no objective 'else'",
        ),
        (
            "exercises",
            lambda c: c["exercises"]["sh-01"].update(hints=[]),
            "sh-01: it has no hints",
        ),
        ("keys", lambda c: c.pop("q4"), "must have a key for each"),
        (
            "keys",
            lambda c: c["q2"].update(answer="no-such"),
            "q2: the key 'no-such' does not fit",
        ),
        (
            "keys",
            lambda c: c["q3"].update(answer="kernel"),
            "q3: the key 'kernel' does not fit",
        ),
    ],
)
def test_the_linter_names(data, folder, edit, named):
    assert lint_quizzes.lint(data) == []
    change(data, folder, edit)
    assert any(named in c for c in lint_quizzes.lint(data))


def test_the_linter_notices_that_the_longest_is_always_right():
    choices = [dict(c) for c in CHOICES]
    choices[0]["text"] = "one and more"
    fair = [({"choices": choices}, {"answer": "right"})] * 6
    (complaint,) = lint_quizzes._telling(fair)
    assert "In 6 of 6 questions the longest choice is right" in complaint


def test_the_schema_is_a_schema():
    schema = (TOP / "data" / "quizzes" / "schema.json").read_text("utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(schema))
