"""Rows by seed in a file: what is there already is not made again."""

import argparse
import csv


def add_missing(path, name, seeds, rows_of):
    """Makes the rows of each seed that the file does not hold yet.

    The file is written after each seed, so a run that was stopped goes on.

    Args:
        path: `pathlib.Path` of the CSV file; its rows have a column `seed`.
        name: Name of the command, which takes `--seeds`.
        seeds: The seeds where none are given.
        rows_of: Function of a seed that returns a list of dicts.
    """
    parser = argparse.ArgumentParser(name)
    parser.add_argument("--seeds", type=int, nargs="+", default=seeds)
    rows = []
    if path.exists():
        with path.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    for seed in parser.parse_args().seeds:
        if str(seed) in {row["seed"] for row in rows}:
            continue
        made = rows_of(seed)
        rows += made
        print(*made, sep="\n", flush=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
