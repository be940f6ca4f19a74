"""The shape of the package: rooms, light to import, arrows one way."""

import ast
import importlib
import subprocess
import sys

import pytest
from IPython.core.completer import IPCompleter, provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from tests.conftest import TOP

PACKAGE = TOP / "course_utils"
# What each room may use besides itself. Doors stand outside of the rooms:
# they may use all, and no room uses them.
MAY_USE = {
    "machine": set(),
    "pictures": {"machine"},
    "backbones": {"machine"},
    "transfer": {"machine"},
    "evaluation": {"machine", "transfer"},
    "adaptation": {"machine", "transfer"},
    "answers": {"machine", "pictures", "backbones", "evaluation"},
    "notebook": {
        *"machine pictures backbones transfer evaluation answers".split()
    },
    "classroom": {*"machine pictures backbones answers notebook".split()},
}
DOORS = {"__init__", "course", "cli", "doctor"}
MODULES = {
    ".".join(
        ("course_utils", *path.relative_to(PACKAGE).with_suffix("").parts)
    ).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imported(path):
    """The modules that a file imports, by their full names."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package in full"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def test_every_file_lies_in_a_room_or_is_a_door():
    assert {path.stem for path in PACKAGE.glob("*.py")} == DOORS
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(MAY_USE)


@pytest.mark.parametrize("room", MAY_USE)
def test_arrows_between_rooms_go_one_way(room):
    names = [
        name
        for path in (PACKAGE / room).rglob("*.py")
        for name in imported(path)
    ]
    own = {n.split(".")[1] for n in names if n.startswith("course_utils.")}
    assert own - {room} == MAY_USE[room]
    assert "course_utils" not in names, "a room is named in full"
    # A room that is used was listed above this one.
    above = list(MAY_USE)[: list(MAY_USE).index(room)]
    assert MAY_USE[room] <= set(above)


@pytest.mark.parametrize("name", MODULES)
def test_the_package_stands_alone(name):
    roots = {one.split(".")[0] for one in imported(MODULES[name])}
    assert not roots & {"lessons", "tools", "tests", "benchmarks"}


def test_modules_make_no_circle():
    left = {
        name: set(imported(path)) & (set(MODULES) - {name})
        for name, path in MODULES.items()
    }
    while left:
        leaves = [name for name, targets in left.items() if not targets]
        assert leaves, f"a circle among {sorted(left)}"
        for leaf in leaves:
            del left[leaf]
        for targets in left.values():
            targets.difference_update(leaves)


@pytest.mark.parametrize("room", MAY_USE)
def test_a_room_says_its_job_and_lists_its_names(room):
    module = importlib.import_module(f"course_utils.{room}")
    first, *others = module.__doc__.splitlines()
    assert first.endswith(".") and not "".join(others).strip()
    assert module.__all__
    for name in module.__all__:
        found = getattr(module, name)
        # A module of the same name would take a function's place.
        full = f"course_utils.{room}.{name}"
        assert full not in MODULES or found is sys.modules[full]


def test_the_package_lists_its_rooms_and_what_a_lesson_calls():
    import course_utils

    assert set(course_utils.__all__) == {*MAY_USE, "course"}


def test_completion_knows_the_names_of_a_room():
    shell = InteractiveShell.instance()
    text = "from course_utils.transfer import unf"
    with provisionalcompleter():
        completer = IPCompleter(shell=shell)
        found = {c.text for c in completer.completions(text, len(text))}
    InteractiveShell.clear_instance()
    assert "unfreeze" in found


@pytest.mark.parametrize(
    "module", ["course_utils", "course_utils.course", "course_utils.answers"]
)
def test_importing_loads_no_tensorflow(module):
    code = f"import sys, {module}; print('keras' in sys.modules, "
    code += "'tensorflow' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["False", "False"]


def test_lesson_code_runs_on_tensorflow_whatever_keras_is_set_to(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    code = (
        "from course_utils import course; course.begin('00'); import keras; "
        "print(keras.config.backend())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"KERAS_HOME": str(tmp_path), "PATH": ""},
    )
    assert answer.stdout.splitlines()[-1] == "tensorflow"
    assert answer.stderr == "", "the start-up log is kept from the learner"
