"""Look at a change before it is committed, in a minute.

    python -m tools.check               lint, drift, quizzes, nearest tests
    python -m tools.check --lesson 03   that lesson, unsolved and solved

The nearest tests are those that changed, those that import or name a file that
differs from `origin/main`, uncommitted work included, or that hold what is made
from it, and else those of its room. When their time is
up the rest is skipped: `make test` runs everything.
"""

import argparse
import ast
import functools
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
SECONDS_FOR_TESTS = 40
LOOKS = {
    "lint": ["-m", "ruff", "check", "--quiet", "."],
    "format": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "drift": ["tools/build_notebooks.py", "--check"],
    "quizzes": ["-m", "tools.lint_quizzes"],
}
# Tests of what is made from these, which nothing else would tell.
_MINUTES = "tests/tools/test_lesson_minutes.py"
_PAGE = "tests/tools/test_list_misconceptions.py"
_LEDGER = ("tests/evaluation/test_ledger.py", "tests/lessons/test_claims.py")
_ROWS = (*_LEDGER, "tests/benchmarks/test_real_ground.py")
MADE_FROM = {
    "lessons/": (_MINUTES, *_LEDGER),
    "data/experiments/lesson_seconds.csv": (_MINUTES,),
    "data/quizzes/": (_MINUTES, _PAGE),
    "data/keys/": (_PAGE,),
    "data/exercises/": (_PAGE,),
    "docs/misconceptions.md": (_PAGE,),
    "docs/ledger.md": _LEDGER,
    "docs/claims.md": _LEDGER,
    "benchmarks/real_ground/": _ROWS,
    "data/experiments/real_": _ROWS,
    "data/experiments/second_seeds/": _ROWS,
}
# A browser, a wheel and folders of notebooks take minutes.
SLOW = ("test_browser", "test_wheel", "test_own_folders", "test_offline")
PYTEST = ["-m", "pytest", "-q", "-n", "2", "--no-header"]


def main(arguments: list[str] | None = None) -> int:
    """Check; return 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lesson", metavar="NUMBER", help="such as 03")
    chosen = parser.parse_args(arguments)
    if chosen.lesson:
        return check_lesson(chosen.lesson)
    failed = [name for name, look in LOOKS.items() if not passes(name, look)]
    base = base_of(TOP)
    changed = changed_files(TOP, base)
    tests = nearest_tests(TOP, changed)
    if tests:
        skip_rest = ["-p", "tools.check_deadline", "--dist", "worksteal"]
        if not passes("tests", [*PYTEST, *skip_rest, *tests]):
            failed.append("tests")
    print(
        f"{len(changed)} files differ from {base}, {len(tests)} files of "
        "tests are near. "
        f"{'To mend: ' + ', '.join(failed) if failed else 'Nothing found'}."
    )
    return int(bool(failed))


def check_lesson(number: str) -> int:
    """Run one lesson as `make test` does; return 1 if it fails."""
    # A learner's copy in work/ is none of them.
    notebooks = [
        path
        for folder in ("notebooks", "solutions")
        for path in TOP.glob(f"{folder}/{number}_*.ipynb")
    ]
    if len(notebooks) != 2:
        numbers = [p.name.split("_")[0] for p in TOP.glob("notebooks/*.ipynb")]
        print(f"No lesson {number!r}: take one of {sorted(numbers)}.")
        return 1
    for run in ("unsolved", "solved"):
        shutil.rmtree(TOP / "build" / run, ignore_errors=True)
    if not passes("drift", LOOKS["drift"]):
        return 1
    nbval = ["--nbval", "--nbval-cell-timeout", "300", "--dist", "loadfile"]
    ran = passes("cells", [*PYTEST, *nbval, *map(str, notebooks[::-1])])
    wanted = f"solved-{number}-"
    after = ["-m", "pytest", "-q", "--no-header", "-k", wanted]
    judged = passes("judges", [*after, "tests/after_run.py"])
    return int(not (ran and judged))


def passes(name: str, arguments: list[str]) -> bool:
    """Run Python with these arguments; say how long it took."""
    start = time.monotonic()
    code = subprocess.call([sys.executable, *arguments], cwd=TOP)
    seconds = time.monotonic() - start
    print(f"{seconds:4.0f} s  {name}: {'failed' if code else 'passed'}")
    return not code


def base_of(top: Path) -> str:
    """Return what to compare with: `origin/main`, or HEAD where it is not."""
    return "origin/main" if git(top, "rev-parse", "origin/main") else "HEAD"


def changed_files(top: Path, base: str) -> list[str]:
    """Return the files that differ from a base, uncommitted and new ones too.

    What came to the base since this branch left it does not count.
    """
    (since,) = git(top, "merge-base", "HEAD", base) or ["HEAD"]
    tracked = git(top, "diff", "--name-only", "--no-renames", since)
    new = git(top, "ls-files", "--others", "--exclude-standard")
    return sorted({*tracked, *new})


def git(top: Path, *arguments: str) -> list[str]:
    """Return what git says, line by line; nothing if it fails."""
    command = ["git", *arguments]
    answer = subprocess.run(command, cwd=top, capture_output=True, text=True)
    return [] if answer.returncode else answer.stdout.splitlines()


def nearest_tests(top: Path, changed: Iterable[str]) -> list[str]:
    """Return the files of tests that changed files are named in.

    Args:
        top: The course.
        changed: Changed files, relative to it.

    Returns:
        Files of tests: those that changed themselves, then those that are
        named after a changed file, import it, or name it; for a module of the
        package that has none in its room, all of that room.
    """
    changed = set(changed)
    tests = {
        path.relative_to(top).as_posix(): path.read_text("utf-8")
        for path in sorted(top.glob("tests/**/test_*.py"))
        if not any(word in path.name for word in SLOW)
    }
    imported = {name: imports(text) for name, text in tests.items()}
    nearest = {name for name in tests if name in changed}
    for path in changed:
        module = path.removesuffix(".py").replace("/", ".")
        file, subject = Path(path).name, f"test_{_subject(path)}"
        near = {
            name
            for name, text in tests.items()
            if Path(name).stem.startswith(subject)
            or module in imported[name]
            or (file != "__init__.py" and file in text)
            or any(
                path.startswith(k) and name in v for k, v in MADE_FROM.items()
            )
        }
        nearest |= near
        room = f"tests/{Path(path).parts[1]}/" if "/" in path else "/"
        of_room = {name for name in tests if name.startswith(room)}
        if path.startswith("course_utils/") and not near & of_room:
            nearest |= of_room
    return sorted(nearest, key=lambda name: (name not in changed, name))


def _subject(path: str) -> str:
    """Return what a test of this file is named after."""
    stem = Path(path).stem
    if path.startswith(("lessons/", "notebooks/", "solutions/")):
        return "lesson_rules"
    if path.startswith("data/") and path.endswith(".yml"):
        return f"checks_{stem}"
    # Checks and judges of a lesson, in one file or several.
    return re.sub(r"lesson_(\w+?)_(?:\w+_)?(checks|judges)", r"\2_\1", stem)


@functools.cache
def imports(text: str) -> set[str]:
    """Return the names that a module imports, in full; none if it is broken."""
    found = set()
    try:
        tree = ast.parse(text)
    except SyntaxError:  # Whoever runs it is told where.
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


if __name__ == "__main__":
    sys.exit(main())
