"""The files around the package agree with each other."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from course_utils import doctor
from tests.conftest import TOP
from tools import oldest_constraints, setup_venv

PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONSTRAINTS = (TOP / "constraints.txt").read_text("utf-8").split()


def by_name(requirements):
    parsed = map(Requirement, requirements)
    return {r.name.lower(): r.specifier for r in parsed}


def test_environment_yml_asks_for_the_same_packages():
    environment = yaml.safe_load((TOP / "environment.yml").read_text("utf-8"))
    conda = [d for d in environment["dependencies"] if isinstance(d, str)]
    (pip,) = [d["pip"] for d in environment["dependencies"] if d not in conda]
    assert "-c constraints.txt" in pip and "-e ." in pip
    named = by_name(line for line in pip if not line.startswith("-"))
    wanted = PROJECT["dependencies"] + EXTRAS["real"] + EXTRAS["test"]
    assert named == by_name(wanted)
    (python,) = [d for d in conda if d.startswith("python=")]
    version = python.removeprefix("python=")
    assert f"{version}.0" in SpecifierSet(PROJECT["requires-python"])


def test_constraints_are_exact_versions_within_the_ranges():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in CONSTRAINTS)
    exact = dict(line.lower().split("==") for line in CONSTRAINTS)
    extras = EXTRAS["real"] + EXTRAS["torch"] + EXTRAS["test"]
    wanted = by_name(PROJECT["dependencies"] + extras)
    for name, specifier in wanted.items():
        assert exact[name] in specifier, name


def test_every_range_has_an_oldest_version_and_a_reason():
    text = (TOP / "pyproject.toml").read_text("utf-8")
    requirements = PROJECT["dependencies"] + EXTRAS["test"]
    oldest = oldest_constraints.oldest(requirements)
    for requirement, pinned in zip(requirements, oldest, strict=True):
        assert Requirement(pinned).name == Requirement(requirement).name
        before = text[: text.index(f'"{requirement}"')].rstrip()
        assert before.splitlines()[-1].lstrip().startswith("#"), requirement


def test_one_range_of_python_versions_everywhere():
    oldest, newest = setup_venv.OLDEST, setup_venv.NEWEST
    assert doctor.OLDEST_PYTHON == oldest
    assert doctor.NEWEST_PYTHON == newest
    after = f"{newest[0]}.{newest[1] + 1}"
    wanted = SpecifierSet(f">={setup_venv.dotted(oldest)},<{after}")
    assert SpecifierSet(PROJECT["requires-python"]) == wanted


# Files of more than 300 lines, and why they are one. (A file of tests is as
# long as what it tests has cases.)
LONG = {
    **dict.fromkeys(
        (
            f"course_utils/answers/checks/lesson_{number}_checks.py"
            for number in ("01", "03c", "04", "06")
        ),
        "all judges of one lesson, of one kind",
    ),
    "tools/generators/histology.py": "one picture, from patient to scanner",
    "tools/generators/materials.py": "a function for each of its materials",
    "tools/pretrain.py": "one recipe, from pictures to exported weights",
    "benchmarks/adaptation_runs.py": "each method of one experiment",
    "benchmarks/classroom.py": "one experiment, from its class to its page",
    "benchmarks/classroom_cheats.py": "a list of cheats, and how one is tried",
    "benchmarks/medical_openings.py": "one experiment, from arms to table",
    "benchmarks/odd_notebooks.py": "a list of notebooks",
    "course_utils/classroom/class_commands.py": "each step's words, and answer",
    "course_utils/answers/quizzes.py": "one class, and how it is loaded",
}


def test_a_file_is_short_or_says_why_not():
    long = {
        path.relative_to(TOP).as_posix()
        for folder in ("course_utils", "tools", "benchmarks")
        for path in (TOP / folder).rglob("*.py")
        if len(path.read_text("utf-8").splitlines()) > 300
    }
    assert not {name for name in long if not name.startswith(tuple(LONG))}
    unused = [s for s in LONG if not any(name.startswith(s) for name in long)]
    assert not unused, "shorter by now: take it out of the table"


def test_the_map_shows_the_rooms_by_their_own_words():
    text = (TOP / "CONTRIBUTING.md").read_text("utf-8")
    text = text[text.index("## The house") : text.index("## Where do I go")]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    rooms = {
        path.parent.name: ast.get_docstring(ast.parse(path.read_text("utf-8")))
        for path in TOP.glob("course_utils/*/__init__.py")
    }
    assert dict(rows) == rooms


def test_contributing_says_how_each_measured_result_is_made():
    text = (TOP / "CONTRIBUTING.md").read_text("utf-8")
    text = text[text.index("## What is made from what") :]
    rows = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    made = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    found = {path for name in made for path in TOP.glob(name)}
    assert not set(TOP.glob("data/experiments/**/*.csv")) - found


def test_contributing_names_files_that_exist():
    text = (TOP / "CONTRIBUTING.md").read_text("utf-8")
    places = "course_utils|lessons|data|tools|benchmarks|tests|docs"
    named = set(re.findall(rf"`((?:{places})/[^`\s]+)`", text))
    assert len(named) > 20
    assert not {name for name in named if not list(TOP.glob(name))}


@pytest.mark.newest
@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_finds_nothing(command):
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."],
        cwd=TOP,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
