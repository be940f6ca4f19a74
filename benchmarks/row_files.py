"""Files of rows: what is there already is not made again."""

import argparse
import csv


def read(path):
    """Returns the rows of a file as dicts of strings; none without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def add(path, columns, rows):
    """Adds rows, dicts, to a file, which is made if need be."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def rounded(row):
    """Returns a row whose fractions have four decimal places."""
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in row.items()
    }


def add_missing(path, name, seeds, rows_of):
    """Makes the rows of each seed that the file does not hold yet.

    They are added after each seed, so a run that was stopped goes on.

    Args:
        path: `pathlib.Path` of the CSV file; its rows have a column `seed`.
        name: Name of the command, which takes `--seeds`.
        seeds: The seeds where none are given.
        rows_of: Function of a seed that returns a list of dicts.
    """
    parser = argparse.ArgumentParser(name)
    parser.add_argument("--seeds", type=int, nargs="+", default=seeds)
    for seed in parser.parse_args().seeds:
        if str(seed) not in {row["seed"] for row in read(path)}:
            rows = rows_of(seed)
            print(*rows, sep="\n", flush=True)
            add(path, list(rows[0]), rows)
