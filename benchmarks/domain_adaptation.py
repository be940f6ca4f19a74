"""Experiment on adaptation: a model of scanner A, and two other scanners.

    python -m benchmarks.domain_adaptation

makes every run that `data/experiments/adaptation.csv` does not hold yet, and
adds it there. How one is made stands in `benchmarks/adaptation_runs.py`, and
what is measured in `benchmarks/adaptation_measures.py`. A row is a trained
base, a repair and a scanner; `seconds` is what the repair took with its
predictions, and, where there is none, the training as well.

Nothing is tuned on the test pictures, on scanners B and C, or by whether a
method helps. Rates, batch, steps, flips and the head's regularisation are
those of the transfer report, chosen there on development seeds and on
validation pictures of scanner A; with ten labels, half the steps of thirty.
All else is a default or a published value, written down before the first
reported seed: stain augmentation 0.05 (light) and 0.2 (strong) as in Tellez
2019; Deep CORAL with weight 1; TENT with one epoch, batches of 64 and Adam at
1e-3; pseudo-labels from a probability of 0.9 on; 50 steps on target labels.
Development seed 0, outside the reported ones, showed that the code works.
Three seeds are reported, and five where the backbone is frozen: chosen by the
time that there was, when no more than seed 100 had been seen.

Bases (labels of scanner A only, drawn from all 40 patients):

* frozen: the head fitted by logistic regression to frozen features;
* frozen, light stains (or strong): fitted to four stain-augmented versions of
  each flip as well;
* fine-tuned: frozen, then all layers at a low rate, batch normalization in
  inference mode; fine-tuned, random head: without the first phase;
  fine-tuned, strong stains: with stain augmentation;
  fine-tuned, norms: batch normalization trains, in training mode;
  fine-tuned, CORAL B (or C): pictures of that scanner, without labels, beside
  those of A;
* scratch: the same network from random weights, batch normalization in
  training mode.

Repairs: stain normalisation, AdaBN and TENT see the 160 pictures of a scanner
in the adaptation split without labels; of A, as a control, the validation
pictures. AdaBN, malignant only, sees those of the malignant patients alone:
what a wrong mixture of classes does. Pseudo-labels train on with the labels of
A and the sure pictures of the target. "head", "last block", "first block" and
"all" say which layers learn from a few target labels, as many of each class;
a frozen base fits its head anew to the labels of A and the target.

The threshold for a specificity of 95 % and the temperature come from the base
and the validation pictures of scanner A, and are carried along: at another
hospital nobody has labels to choose them by.
"""

import argparse
import dataclasses
import os
import pathlib

from benchmarks import row_files

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROWS = pathlib.Path(__file__).parents[1] / "data/experiments/adaptation.csv"
DEVELOPMENT_SEED = 0
SEEDS = (100, 101, 102)
MORE_SEEDS = (103, 104)  # where the backbone is frozen, which is cheap
LABELS = (10, 30, 100, 400)
SCANNERS = ("A", "B", "C")
TARGET_LABELS = (10, 30)
UNLABELLED = ("stain normalisation", "AdaBN", "TENT")
BASES = {
    "frozen": LABELS,
    "fine-tuned": LABELS,
    "scratch": LABELS,
    "fine-tuned, norms": (100,),
    "fine-tuned, random head": (10, 30, 100),
    "frozen, light stains": (30, 100, 400),
    "frozen, strong stains": (30, 100, 400),
    "fine-tuned, strong stains": (100,),
    "fine-tuned, CORAL B": (100,),
    "fine-tuned, CORAL C": (100,),
}
REPAIRED = ("frozen", "fine-tuned", "scratch", "fine-tuned, norms")
RESULTS = (
    "auc",
    "auc_low",
    "auc_high",
    "average_precision",
    "accuracy",
    "sensitivity_at",
    "sensitivity",
    "specificity",
    "calibration_error",
    "temperature",
    "calibration_error_scaled",
    "seconds",
)
COLUMNS = (
    *("base", "labels", "seed", "repair", "scanner", "target_labels"),
    *RESULTS,
)


@dataclasses.dataclass(frozen=True)
class Run:
    """One training on scanner A, and what is tried on the result.

    Attributes:
        base: How it is trained, one of `BASES`.
        labels: Number of labelled pictures of scanner A.
        seed: The seed of the draw, of the order, and of random weights.
    """

    base: str
    labels: int
    seed: int

    @property
    def repairs(self):
        """Lists repair, scanner and number of target labels."""
        if "CORAL" in self.base:
            return [("none", "A", 0), ("none", self.base[-1], 0)]
        plan = [("none", scanner, 0) for scanner in SCANNERS]
        if self.base in REPAIRED and self.labels != 10:
            names = list(UNLABELLED)
            if self.base in ("scratch", "fine-tuned, norms"):
                names.append("AdaBN, malignant only")
            plan += [(name, scanner, 0) for name in names for scanner in "ABC"]
        if self.labels == 100 and self.base == "fine-tuned":
            plan += [("pseudo-labels", scanner, 0) for scanner in "BC"]
            plan += [
                (layers, scanner, number)
                for layers in ("head", "last block", "first block", "all")
                for scanner in "BC"
                for number in TARGET_LABELS
                if number == max(TARGET_LABELS) or layers in ("head", "all")
            ]
        if self.base == "frozen" and self.labels != 10:
            plan += [
                ("head", scanner, number)
                for scanner in "BC"
                for number in TARGET_LABELS
            ]
        return plan


def planned():
    """Lists the runs, seed by seed: a part of them is a smaller experiment."""
    return [
        Run(base, labels, seed)
        for seed in SEEDS + MORE_SEEDS
        for base, counts in BASES.items()
        for labels in counts
        if seed in SEEDS or base.startswith("frozen")
    ]


def make(runs, path=ROWS):
    """Makes the runs that are missing, all rows of one written at its end."""
    from benchmarks.adaptation_runs import execute

    done = {
        (row["base"], int(row["labels"]), int(row["seed"]))
        for row in row_files.read(path)
    }
    missing = [run for run in runs if dataclasses.astuple(run) not in done]
    for number, run in enumerate(missing, 1):
        rows = [
            {**dataclasses.asdict(run), **row_files.rounded(row)}
            for row in execute(run)
        ]
        row_files.add(path, COLUMNS, rows)
        taken = sum(row["seconds"] for row in rows)
        values = [row["auc"] for row in rows[:3]]
        print(
            f"{number}/{len(missing)}",
            run,
            values,
            f"{taken:.0f} s",
            flush=True,
        )


def main():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, default=ROWS)
    options = parser.parse_args()
    # As in the transfer report: one thread, and bfloat16 inside convolutions
    # on processors that have it.
    os.environ["TF_SET_ONEDNN_FPMATH_MODE"] = "BF16"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    make(planned(), options.output)


if __name__ == "__main__":
    main()
