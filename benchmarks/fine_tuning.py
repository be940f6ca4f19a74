"""Experiments on fine-tuning: rates, depth, phases, regularization, valleys.

    python -m benchmarks.fine_tuning

makes every run that `data/experiments/fine_tuning.csv` does not hold yet, and
adds it there. How one is made stands in `benchmarks/fine_tuning_runs.py`, and
what is compared in `benchmarks/fine_tuning_recipes.py`.

Nothing is tuned. Settings are those of the transfer report (its backbone,
batch, cosine, flips, strength of the head's regularisation, number of steps),
the rates stand on a fixed grid, and the rest is listed below. One seed outside
the reported ones showed that the code works. Reported are seeds from 100 on,
on the test pictures; a seed draws the labelled pictures and their order. A run
that an earlier experiment has made, under whatever name of its variant, is
copied, not made again.

What was chosen beforehand:

* learning_rate: the whole backbone, Adam, from too low to too high.
* depth: what is unfrozen. The residual network's last stage is one block, so
  the smallest part is that block's last convolution. All variants, the head
  alone too, make the same steps of the same optimizer.
* gradual: the last stage for a quarter of the steps, then one more stage each
  quarter, under one cosine. Each phase begins with a fresh optimizer.
* phase1: the head fitted first, or Keras's random one, for as many steps of
  fine-tuning. For histology `ood_value` is scanner C, which no training saw.
* where: one of three blocks of the vision transformer, which are of equal
  size (the residual network's stages are not), with the head. "histology C"
  is a shift of the input: a network that was fine-tuned on 400 pictures of
  scanner A goes on with 100 of scanner C; zero steps show where it began. Half
  as many steps as elsewhere, for a transformer's are slow.
* valley: digits, since there scratch learns. Both networks stop at the first
  look at which the training loss is below 0.05; then random steps are made
  (`fine_tuning_valley.csv`).
* regularization: one usual value for each, at the report's rate. L2-SP pulls
  the backbone's kernels, not the head. Early stopping keeps the weights of the
  least validation loss, and so uses labels that the others do not see.
  (AdamW's decay needs no run: all steps together would take less than one
  percent of a weight away.)
"""

import argparse
import dataclasses
import multiprocessing
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarks import fine_tuning_runs, row_files, transfer_report
from benchmarks.fine_tuning_recipes import RECIPES, TRANSFORMER_HEAD

FOLDER = pathlib.Path(__file__).parents[1] / "data" / "experiments"
SEEDS = (100, 101, 102)
MORE_SEEDS = (*SEEDS, 103, 104)
STEPS = {40: 120, 100: 200}
RATES = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
DEPTHS = (
    "head only",
    "last convolution",
    "last stage",
    "last two stages",
    "all",
)
BLOCKS = ("head alone", "first block", "middle block", "last block")
PHASE1 = (("Adam", 1e-3), ("SGD", 1e-2))
REGULARIZED = ("plain", "dropout", "L2-SP", "early stopping")


@dataclasses.dataclass(frozen=True)
class Run:
    """One fine-tuning.

    Attributes:
        experiment: Which experiment it belongs to.
        target: Name of the target task.
        labels: Number of labelled pictures.
        seed: The seed.
        variant: What is done, one of `fine_tuning_recipes.RECIPES`.
        optimizer: One of `fine_tuning_recipes.OPTIMIZERS`.
        learning_rate: The rate at the start.
        steps: Number of batches.
    """

    experiment: str
    target: str
    labels: int
    seed: int
    variant: str
    optimizer: str
    learning_rate: float
    steps: int

    def key(self):
        """Returns what tells this run from others, as the file has it."""
        return tuple(str(value) for value in dataclasses.astuple(self))

    def same_as(self):
        """Returns what is equal where two runs do the same."""
        recipe = RECIPES[self.variant]
        return recipe, dataclasses.replace(self, experiment="", variant="")


KEYS = [field.name for field in dataclasses.fields(Run)]
RESULTS = [
    "parameters",
    "train_accuracy",
    "value",
    "validation_value",
    "source_accuracy",
    "ood_value",
    "step_seconds",
    "seconds",
]
VALLEY = [
    "step",
    "scale",
    "direction",
    "train_loss",
    "test_loss",
    "test_accuracy",
]
FILES = {
    "fine_tuning": KEYS + RESULTS,
    "fine_tuning_valley": KEYS + VALLEY,
}


def learning_rate():
    """All layers, over the rates."""
    for seed in SEEDS:
        for target in ("near", "defects"):
            for rate in RATES:
                yield target, 100, seed, "all", "Adam", rate


def depth():
    """More and more of the backbone."""
    for seed in SEEDS:
        for labels in STEPS:
            for variant in DEPTHS:
                yield "near", labels, seed, variant, "Adam", 3e-4


def gradual():
    """Stage by stage, or all at once."""
    for seed in MORE_SEEDS:
        for variant in ("all at once", "gradual"):
            yield "near", 100, seed, variant, "Adam", 3e-4


def phase1():
    """The head fitted first, or random."""
    for seed in SEEDS:
        for target in ("near", "histology"):
            for optimizer, rate in PHASE1:
                for variant in ("head first", "random head"):
                    yield target, 100, seed, variant, optimizer, rate


def where():
    """One block of equal size: first, middle or last."""
    for seed in SEEDS:
        yield "histology C", 100, seed, "head alone", "Adam", 3e-4, 0
        for target in ("near", "histology C"):
            for variant in BLOCKS:
                yield target, 100, seed, variant, "Adam", 3e-4, 100


def valley():
    """Pretrained or not, until both are equally good on their pictures."""
    for seed in SEEDS:
        yield "digits", 100, seed, "fine-tuned", "Adam", 1e-3, 600
        yield "digits", 100, seed, "scratch", "Adam", 5e-3, 600


def regularization():
    """Each kind, on or off."""
    for seed in SEEDS:
        for variant in REGULARIZED:
            yield "near", 100, seed, variant, "Adam", 1e-3


EXPERIMENTS = {
    plan.__name__: plan
    for plan in (
        learning_rate,
        depth,
        gradual,
        phase1,
        where,
        valley,
        regularization,
    )
}


def planned(names=tuple(EXPERIMENTS)):
    """Lists the runs of these experiments."""
    runs = []
    for name in names:
        for target, labels, *rest in EXPERIMENTS[name]():
            if len(rest) == 4:
                rest.append(STEPS[labels])
            runs.append(Run(name, target, labels, *rest))
    return runs


def read(name="fine_tuning", folder=FOLDER):
    """Returns the rows of one of the files, as dicts of strings."""
    return row_files.read(folder / f"{name}.csv")


def _add(folder, name, rows):
    row_files.add(folder / f"{name}.csv", FILES[name], rows)


def _of_row(row):
    kinds = [field.type for field in dataclasses.fields(Run)]
    return Run(*(k(row[n]) for k, n in zip(kinds, KEYS, strict=True)))


def execute(run):
    """Makes one run, in a worker; see `fine_tuning_runs.execute`."""
    head = TRANSFORMER_HEAD
    if RECIPES[run.variant].backbone == "residual":
        rows = transfer_report.read_rows()
        head = transfer_report.best(rows, run.target, "frozen")
    return run, *fine_tuning_runs.execute(run, head)


def make(runs, workers=1, folder=FOLDER):
    """Makes the runs that are missing, each added to the files as it ends.

    Args:
        runs: List of `Run`.
        workers: Number of processes; with 0, it is done in this one.
        folder: Where the files are.
    """
    rows = read(folder=folder)
    done = {_of_row(row).same_as(): row for row in rows}
    known = {_of_row(row) for row in rows}
    missing, copies = [], []
    for run in runs:
        if run in known:
            continue
        if run.same_as() in done:
            copies.append(run)
        else:
            missing.append(run)
            done[run.same_as()] = None
    for number, (run, result, valley) in enumerate(_made(missing, workers), 1):
        key = dataclasses.asdict(run)
        if valley:
            rows = [{**key, **row_files.rounded(row)} for row in valley]
            _add(folder, "fine_tuning_valley", rows)
        row = {**key, **row_files.rounded(result)}
        _add(folder, "fine_tuning", [row])
        done[run.same_as()] = row
        print(f"{number}/{len(missing)}", *row.values(), flush=True)
    for run in copies:
        copy = {**done[run.same_as()], **dataclasses.asdict(run)}
        _add(folder, "fine_tuning", [copy])


def _made(runs, workers):
    if not workers:
        yield from map(execute, runs)
    elif runs:
        context = multiprocessing.get_context("spawn")
        prepare = transfer_report.prepare_worker
        with context.Pool(workers, prepare) as pool:
            yield from pool.imap(execute, runs)


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--experiment", nargs="+", choices=EXPERIMENTS, default=EXPERIMENTS
    )
    options = parser.parse_args()
    for name in options.experiment:
        make(planned([name]), options.workers)


if __name__ == "__main__":
    main()
