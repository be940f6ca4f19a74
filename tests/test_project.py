"""The files around the package agree with each other."""

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
    assert named == by_name(PROJECT["dependencies"] + EXTRAS["test"])
    (python,) = [d for d in conda if d.startswith("python=")]
    version = python.removeprefix("python=")
    assert f"{version}.0" in SpecifierSet(PROJECT["requires-python"])


def test_constraints_are_exact_versions_within_the_ranges():
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in CONSTRAINTS)
    exact = dict(line.lower().split("==") for line in CONSTRAINTS)
    wanted = by_name(PROJECT["dependencies"] + EXTRAS["test"])
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
