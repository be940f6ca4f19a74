"""Makes the runs of an experiment: one row a run, resumed after a kill."""

import csv
import dataclasses
import pathlib
import time
from collections.abc import Callable

FOLDER = pathlib.Path(__file__).parents[2] / "data" / "experiments"
SECOND = FOLDER / "second_seeds"
SETTINGS = ("rate", "seed")


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence of the field, and what would support it.

    Each comparison is a name and two functions, or one: from the rows of one
    seed to a number, of which the second is taken from the first. The
    difference is judged over the seeds, see
    `course_utils.evaluation.verdicts`.

    Attributes:
        id: What the ledger calls it.
        sentence: What is claimed.
        source: Which of the source texts say so.
        metric: What is compared, in words.
        margin: The smallest difference that counts.
        comparisons: Dict from what is compared, in words, to functions.
    """

    id: str
    sentence: str
    source: str
    metric: str
    margin: float
    comparisons: dict[str, Callable]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A definition, written before the first run.

    Attributes:
        name: What the file of rows is named after.
        keys: Columns that tell one run from another.
        plan: From the rows so far, which grow meanwhile, and the seeds to the
            runs, each a dict of `keys`.
        run: From a dict of `keys` to a dict of results.
        results: Columns of results.
        claims: What is judged.
        seeds: The reported seeds.
    """

    name: str
    keys: tuple[str, ...]
    plan: Callable
    run: Callable
    results: tuple[str, ...]
    claims: tuple[Claim, ...]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)

    @property
    def second_seeds(self):
        """As many other seeds, for whether verdicts come out the same."""
        return tuple(seed + len(self.seeds) for seed in self.seeds)

    def path(self, folder=FOLDER):
        """Returns the file of rows."""
        return folder / f"real_{self.name}.csv"


def read(path):
    """Returns whole rows as dicts of strings; half a last line is left out."""
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    return list(csv.DictReader(lines))


def make(experiment, seeds=None, folder=FOLDER, say=print, trial=False):
    """Makes the runs that are missing, each written down as it ends.

    A run that another experiment has made with the same keys is copied. So are
    the development runs beside `SECOND`: the settings stay as they were chosen.

    Args:
        experiment: An `Experiment`.
        seeds: The seeds to report. Defaults to the experiment's own.
        folder: Where the files of rows are.
        say: What is told the progress, a line a run.
        trial: Whether of runs that differ in rate and seed only, one is made.
    """
    path = experiment.path(folder)
    rows = read(path)
    columns = [*experiment.keys, *experiment.results]
    folder.mkdir(parents=True, exist_ok=True)
    # Written anew without what a kill in the middle of a row has left.
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)
    known, kinds = {_key(experiment, row) for row in rows}, set()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        for run in experiment.plan(rows, seeds or experiment.seeds):
            if _key(experiment, run) in known:
                continue
            kind = kind_of(run)
            if trial and kind in kinds:
                continue
            kinds.add(kind)
            start = time.perf_counter()
            row = _copy(experiment, run, folder)
            if row is None:
                row = _as_text({**run, **experiment.run(**run)})
            writer.writerow(row)
            file.flush()
            rows.append(row)
            known.add(_key(experiment, run))
            seconds = time.perf_counter() - start
            told = " ".join(f"{k}={row[k]}" for k in columns[:12] if row[k])
            say(f"{time.strftime('%H:%M:%S')} {seconds:.0f} s {told}")


def kind_of(run):
    """Returns what a run is, whatever its rate and seed.

    Args:
        run: A dict of an experiment's keys.
    """
    return frozenset((k, v) for k, v in run.items() if k not in SETTINGS)


def _key(experiment, row):
    return tuple(str(row[name]) for name in experiment.keys)


def _copy(experiment, run, folder):
    """Returns the row of another experiment that made the same run."""
    folders = [folder, FOLDER] if folder == SECOND else [folder]
    for path in [p for f in folders for p in sorted(f.glob("real_*.csv"))]:
        for row in read(path):
            if set(row) == {*experiment.keys, *experiment.results} and (
                _key(experiment, row) == _key(experiment, run)
            ):
                return row
    return None


def _as_text(row):
    return {
        name: f"{value:.4g}" if name == "seconds" else _number(value)
        for name, value in row.items()
    }


def _number(value):
    return str(round(value, 5) if isinstance(value, float) else value)
