"""The shape of the package: light to import, arrows one way."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import TOP

# What each module may import of the package. A module that is not named here
# is not in the design: add it there first, with its one job.
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "results": {"errors"},
    "smoke": set(),
    "startup": {"preprocessing"},
    "paths": {"errors"},
    "embedded": {"paths", "errors"},
    "tables": {"embedded", "errors"},
    "datasets": {"embedded", "tables"},
    "pictures": {"errors"},
    "imagenet": {"errors"},
    "preprocessing": set(),
    "architectures": {"preprocessing"},
    "backbones": {
        "architectures",
        "embedded",
        "errors",
        "imagenet",
        "preprocessing",
    },
    "source_task": {"embedded", "errors"},
    "freezing": {"errors"},
    "trainable": {"errors", "freezing"},
    "compiling": {"errors"},
    "training_data": {"errors"},
    "training": {
        "compiling",
        "errors",
        "freezing",
        "trainable",
        "training_data",
    },
    "learning_rates": {"compiling", "errors", "smoke", "training_data"},
    "features": {"errors", "training_data"},
    "score_checks": {"errors"},
    "metrics": {"errors", "score_checks"},
    "calibration": {"errors", "score_checks"},
    "stains": {"errors"},
    "target_pictures": {"errors", "freezing"},
    "batch_statistics": {"errors", "freezing", "target_pictures"},
    "self_training": {
        "batch_statistics",
        "compiling",
        "errors",
        "target_pictures",
    },
    "coral": {"errors"},
    "plotting": {"errors"},
    "frontend": set(),
    "live_training": {"alternative_text", "frontend", "plotting"},
    "trials": {
        "backbones",
        "datasets",
        "errors",
        "features",
        "freezing",
        "source_task",
    },
    "explorer_view": set(),
    "explorer": {
        "alternative_text",
        "errors",
        "explorer_view",
        "frontend",
        "paths",
        "plotting",
        "trials",
    },
    "findings": set(),
    "picture_files": {"errors", "findings", "pictures"},
    "picture_groups": {"errors"},
    "folders": {
        "datasets",
        "errors",
        "findings",
        "picture_files",
        "picture_groups",
        "pictures",
        "tables",
    },
    "sample": {"datasets", "errors", "paths"},
    "explain": {"errors", "freezing"},
    "scores": {"errors"},
    "answers": {"errors"},
    "saving": {"errors"},
    "report": {
        "answers",
        "errors",
        "explain",
        "plotting",
        "saving",
        "scores",
    },
    "progress": {"paths"},
    "questions": {"errors"},
    "quizzes": {"paths", "progress", "questions", "errors", "results"},
    "checks/__init__": {"checks", "paths", "progress", "errors", "results"},
    "checks/watching": {"errors"},
    "checks/weights": {"checks", "backbones"},
    "checks/outcomes": set(),
    "checks/given": set(),
    "checks/heads": {"checks"},
    "checks/lesson_00": {"checks"},
    "checks/lesson_01": {"checks", "backbones", "preprocessing"},
    "checks/lesson_02": {"checks", "paths", "backbones"},
    "checks/lesson_03": {"checks"},
    "checks/lesson_03b": {"checks"},
    "checks/lesson_04": {"calibration", "checks", "metrics"},
    "checks/lesson_04b": {"checks", "paths", "stains"},
    "checks/lesson_05": {"backbones", "checks", "explain", "pictures"},
    "announcer": set(),
    "alternative_text": {"smoke"},
    "widgets": {
        "errors",
        "frontend",
        "progress",
        "questions",
        "quizzes",
        "results",
    },
    "workspace": {"paths", "errors"},
    "board": {"checks", "progress", "quizzes"},
    "course": {
        "alternative_text",
        "announcer",
        "board",
        "checks",
        "explorer",
        "frontend",
        "progress",
        "quizzes",
        "results",
        "smoke",
        "startup",
        "widgets",
    },
    "doctor": {"embedded", "paths", "errors"},
    "cli": {"board", "doctor", "paths", "workspace", "errors"},
}
PACKAGE = TOP / "course_utils"


def imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name the package in full"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def modules():
    return {
        path.relative_to(PACKAGE).with_suffix("").as_posix(): path
        for path in PACKAGE.rglob("*.py")
    }


def test_every_module_is_in_the_design():
    assert set(modules()) == set(MAY_IMPORT)


@pytest.mark.parametrize("name", sorted(MAY_IMPORT))
def test_arrows_go_one_way(name):
    names = list(imported(modules()[name]))
    own = {n.split(".")[1] for n in names if n.startswith("course_utils.")}
    assert own <= MAY_IMPORT[name]
    roots = {n.split(".")[0] for n in names}
    assert not roots & {"lessons", "tools", "tests", "benchmarks"}


def test_the_arrows_make_no_circle():
    left: dict[str, set[str]] = {}
    for name, targets in MAY_IMPORT.items():
        top = name.split("/")[0]
        left.setdefault(top, set()).update(targets - {top})
    while left:
        leaves = [name for name, targets in left.items() if not targets]
        assert leaves, f"a circle among {sorted(left)}"
        for leaf in leaves:
            del left[leaf]
        for targets in left.values():
            targets.difference_update(leaves)


@pytest.mark.parametrize("module", ["course_utils", "course_utils.course"])
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
