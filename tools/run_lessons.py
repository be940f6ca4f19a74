"""Execute every solved lesson, and print what each concluded.

    python -m tools.run_lessons                 all of solutions/
    python -m tools.run_lessons 00_start_here   one

Executed copies and their HTML are left under build/run/. The exit code is 1
if a lesson fails.
"""

import argparse
import dataclasses
import difflib
import importlib.util
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbconvert import HTMLExporter
from tqdm import tqdm

TOP = Path(__file__).resolve().parent.parent
CONCLUSION = "Concluded: "
CELL_SECONDS = 300


@dataclasses.dataclass
class Run:
    """What came of one lesson."""

    lesson: str
    cells: int
    seconds: float
    passed: bool
    concluded: str


def main(arguments: list[str] | None = None) -> int:
    """Run the lessons; return 1 if one fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", help="names, without .ipynb")
    parser.add_argument("--solutions", type=Path, default=TOP / "solutions")
    parser.add_argument("--output", type=Path, default=TOP / "build" / "run")
    chosen = parser.parse_args(arguments)
    notebooks = {p.stem: p for p in sorted(chosen.solutions.glob("*.ipynb"))}
    if not notebooks:
        print(f"There is no notebook in {chosen.solutions}.")
        return 1
    for name in chosen.lessons:
        if name not in notebooks:
            near = difflib.get_close_matches(name, notebooks, n=1, cutoff=0)
            print(f"There is no lesson {name!r}: did you mean {near}?")
            return 1
    if not chosen.lessons and not importlib.util.find_spec("torch"):
        for name in [n for n in notebooks if "pytorch" in n]:
            del notebooks[name]
            print(f"{name}: left out, since PyTorch is not installed.")
    chosen.output.mkdir(parents=True, exist_ok=True)
    # A first prediction stands: one from an earlier run must not.
    (chosen.output / "work" / "progress.jsonl").unlink(missing_ok=True)
    runs = [
        run(notebooks[name], chosen.output)
        for name in chosen.lessons or notebooks
    ]
    print(table(runs))
    print(f"Executed copies and HTML: {chosen.output}")
    return int(not all(run.passed for run in runs))


def run(path: Path, output: Path) -> Run:
    """Execute one notebook, and leave a copy and its HTML in ``output``."""
    notebook = nbformat.read(path, as_version=4)
    code_cells = [c for c in notebook.cells if c.cell_type == "code"]
    bar = tqdm(total=len(code_cells), desc=path.stem, unit="cell")

    def advance(cell, **_):
        bar.update(cell.cell_type == "code")

    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        resources={"metadata": {"path": str(output)}},
        # Kernels warn that they talk over TCP; here they are our own.
        extra_arguments=["--log-level=ERROR"],
        on_cell_executed=advance,
        # Cards need a kernel. Without their state, the page shows their text.
        store_widget_state=False,
    )
    passed, concluded = True, ""
    start = time.perf_counter()
    try:
        # These answers are nobody's: they must not count as a learner's.
        client.execute(env={**os.environ, "COURSE_WORK": str(output / "work")})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        passed = False
        plain = re.sub(r"\x1b\[[\d;]*m", "", str(error))
        concluded = f"failed: {plain.strip().splitlines()[-1]}"
    seconds = time.perf_counter() - start
    bar.close()
    nbformat.write(notebook, output / path.name)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    (output / f"{path.stem}.html").write_text(page, "utf-8")
    concluded = concluded or conclusion(notebook)
    return Run(path.stem, len(code_cells), seconds, passed, concluded)


def conclusion(notebook: nbformat.NotebookNode) -> str:
    """Return the sentence that a lesson printed after ``Concluded:``."""
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", []):
            for line in output.get("text", "").splitlines():
                if line.startswith(CONCLUSION):
                    return line.removeprefix(CONCLUSION)
    return "nothing"


def table(runs: list[Run]) -> str:
    """Return the runs as a table of plain text."""
    width = max([len(run.lesson) for run in runs] + [len("lesson")])
    lines = [f"{'lesson':<{width}}  cells  seconds  concluded"]
    lines += [
        f"{run.lesson:<{width}}  {run.cells:>5}  {run.seconds:>7.1f}  "
        f"{run.concluded}"
        for run in runs
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
