"""Where pytest runs what: the tests, the notebooks unsolved and solved.

The unsolved notebooks (`notebooks/`) run quickly, see
`course_utils.machine.quick_runs`; the solved ones (`solutions/`) in full. Each
run has a work folder of its own; `tests/after_run.py` reads what it has left
there.
"""

import json
import os
from pathlib import Path

import pytest

from tests.conftest import BRINGS, missing_for

TOP = Path(__file__).resolve().parent
BUILD = TOP / "build"
RUNS = {
    "notebooks": {"COURSE_SMOKE": "1", "COURSE_WORK": str(BUILD / "unsolved")},
    "solutions": {"COURSE_SMOKE": "0", "COURSE_WORK": str(BUILD / "solved")},
}
# No test may touch the notebooks and the progress of whoever runs it.
os.environ.setdefault("COURSE_WORK", str(BUILD / "test-work"))
os.environ.setdefault("COURSE_SMOKE", "0")
# Features and unpacked pictures serve all runs.
os.environ["COURSE_CACHE"] = str(BUILD / "cache")
TESTS = {name: os.environ[name] for name in ("COURSE_SMOKE", "COURSE_WORK")}


def pytest_collection_modifyitems(items):
    """Skip notebooks for which weights, photographs or PyTorch are missing."""
    for item in items:
        if item.path.suffix == ".ipynb" and (name := missing_for(item.path)):
            reason = f"{name} is not installed: `make test {BRINGS}` brings it"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(tryfirst=True)  # before nbval starts the kernel
def pytest_runtest_setup(item):
    """Set the environment, which a notebook's kernel inherits."""
    folder = item.path.relative_to(TOP).parts[0]
    os.environ.update(RUNS.get(folder, TESTS))


def pytest_runtest_teardown(item):
    """Keep what a cell of a notebook has shown, for `tests/after_run.py`."""
    folder = item.path.relative_to(TOP).parts[0]
    shown = getattr(item, "test_outputs", None)
    if shown and folder in RUNS:
        kept = Path(RUNS[folder]["COURSE_WORK"], "shown", item.path.stem)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.with_suffix(".jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"cell": item.name, "shown": shown}) + "\n")
