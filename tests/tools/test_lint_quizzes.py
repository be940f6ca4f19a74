"""The linter of quizzes: silent on what is committed, and notices the rest."""

import json
import shutil

import jsonschema
import pytest
import yaml

from course_utils.machine import paths
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
    others = shutil.ignore_patterns("0[1-9]*")
    for folder in ("quizzes", "keys", "exercises"):
        shutil.copytree(TOP / "data" / folder, tmp_path / folder, ignore=others)
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
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].update(
                text=question(c, "q2")["choices"][1]["text"]
            ),
            "q2: two choices have the same text",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].update(
                text="the same as the first choice, but in other words, so"
            ),
            "no text may name a place",
        ),
        (
            "quizzes",
            lambda c: question(c, "q2")["choices"][0].update(feedback="  "),
            "does not match",
        ),
        (
            "quizzes",
            lambda c: question(c, "q1").pop("maximum"),
            "'maximum' is a required property",
        ),
        (
            "exercises",
            lambda c: c["exercises"]["sh-01"].pop("objective"),
            "'objective' is a required property",
        ),
        (
            "exercises",
            lambda c: c["exercises"]["sh-01"].update(points="one"),
            "'one' is not of type 'integer'",
        ),
        (
            "keys",
            lambda c: c["q4"]["mistakes"][0].update(answer=c["q4"]["answer"]),
            "cannot be met",
        ),
        (
            "keys",
            lambda c: c["q4"].pop("tolerance"),
            "does not fit its type, number",
        ),
        (
            "keys",
            lambda c: c["q4"]["mistakes"][0].pop("feedback"),
            "'feedback' is a required property",
        ),
        ("keys", lambda c: c.update(q4=6), "6 is not of type 'object'"),
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
            lambda c: c["exercises"]["sh-01"].update(hints=["One."]),
            "sh-01/hints: ['One.'] is too short",
        ),
        ("keys", lambda c: c.pop("q4"), "must have a key for each"),
        (
            "keys",
            lambda c: c["q2"].update(answer="no-such"),
            "does not fit its type, single",
        ),
        (
            "keys",
            lambda c: c["q3"].update(answer="kernel"),
            "does not fit its type, several",
        ),
    ],
)
def test_the_linter_names(data, folder, edit, named):
    assert lint_quizzes.lint(data) == []
    change(data, folder, edit)
    assert any(named in c for c in lint_quizzes.lint(data))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("q2: {answer: a}\nq2: {answer: b}\n", "'q2' stands there twice"),
        ("q2: [", "data/keys/00.yml: "),
    ],
)
def test_a_file_that_is_no_yaml_is_named(data, text, named):
    (data / "keys" / "00.yml").write_text(text, "utf-8")
    assert any(named in c for c in lint_quizzes.lint(data))


def test_a_file_without_its_partners_is_named(data):
    shutil.copy(data / "keys" / "00.yml", data / "keys" / "99.yml")
    complaints = lint_quizzes.lint(data)
    assert "data/quizzes/99.yml is missing." in complaints
    assert "data/exercises/99.yml is missing." in complaints


@pytest.mark.parametrize(
    "word, text", [("longest", "one and more"), ("hedged", "may")]
)
def test_the_linter_notices_a_choice_that_tells_too_often(word, text):
    choices = [{"id": name, "text": name} for name in ("abc", "def", "ghi")]
    right = [{"id": "right", "text": text}, *choices]
    told = ({"choices": right}, {"answer": "right"})
    fair = ({"choices": right}, {"answer": "abc"})
    (complaint,) = lint_quizzes._telling([told] * 4 + [fair] * 2)
    assert f"The {word} choice is right in 4 of 6 questions" in complaint
    assert not list(lint_quizzes._telling([told] * 2 + [fair] * 4))


@pytest.mark.parametrize("kind", lint_quizzes.KINDS)
def test_the_schema_is_a_schema(kind):
    schema = (TOP / "data" / kind / "schema.json").read_text("utf-8")
    jsonschema.Draft202012Validator.check_schema(json.loads(schema))
