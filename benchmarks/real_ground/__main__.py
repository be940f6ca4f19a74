"""The command line; see the package."""

import argparse
import functools
import importlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

from benchmarks.real_ground import NAMES, runner


def experiment(name):
    """Returns the definition of an experiment."""
    return importlib.import_module(f"benchmarks.real_ground.{name}").EXPERIMENT


def main(arguments=None):
    """Makes the runs that are missing."""
    parser = argparse.ArgumentParser("python -m benchmarks.real_ground")
    parser.add_argument("names", nargs="+", choices=NAMES, metavar="NAME")
    parser.add_argument("--seeds", type=int, nargs="+")
    options = parser.parse_args(arguments)
    tf.config.threading.set_intra_op_parallelism_threads(2)
    for name in options.names:
        runner.make(
            experiment(name),
            options.seeds,
            say=functools.partial(print, name, flush=True),
        )


if __name__ == "__main__":
    main()
