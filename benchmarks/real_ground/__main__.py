"""The command line; see the package."""

import argparse
import functools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarks.real_ground import NAMES, experiment, runner


def main(arguments=None):
    """Makes the runs that are missing."""
    parser = argparse.ArgumentParser("python -m benchmarks.real_ground")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one seed and rate, one step a training, and nothing kept",
    )
    parser.add_argument(
        "--second",
        action="store_true",
        help="as many other seeds, kept apart, to judge a second time",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no experiment {', '.join(sorted(unknown))}")
    seeds = options.seeds
    folder = runner.SECOND if options.second else runner.FOLDER
    with tempfile.TemporaryDirectory() as trial:
        if options.quick:
            os.environ["COURSE_SMOKE"] = "1"
            seeds, folder = seeds or [0], pathlib.Path(trial)
            _shorten()
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(2)
        for name in options.names or NAMES:
            say = functools.partial(print, name, flush=True)
            one = experiment(name)
            other = one.second_seeds if options.second else one.seeds
            runner.make(one, seeds or other, folder, say, options.quick)


def _shorten():
    from course_utils.machine import quick_runs

    quick_runs.shorten_training()
    quick_runs.shorten_prediction()


if __name__ == "__main__":
    main()
