"""What is compared: a difference a seed, from the rows of an experiment."""

import contextlib


class NotMadeError(Exception):
    """A run that a comparison needs was not made yet."""


class Getter:
    """Finds the numbers of one seed among the reported rows."""

    def __init__(self, rows, seed):
        """Keeps the seed's rows."""
        self.rows = [
            row
            for row in rows
            if row["seed"] == str(seed) and row["stage"] == "report"
        ]

    def __call__(self, column, **where):
        """Returns the number in a column of the only row that fits."""
        return float(self._row(where)[column])

    def curve(self, column, **where):
        """Returns the numbers of a curve."""
        return [float(value) for value in self._row(where)[column].split()]

    def _row(self, where):
        wanted = {name: str(value) for name, value in where.items()}
        fitting = [row for row in self.rows if wanted.items() <= row.items()]
        if not fitting:
            raise NotMadeError(f"no row for {wanted}")
        if len(fitting) > 1:
            raise LookupError(f"{len(fitting)} rows for {wanted}")
        return fitting[0]


def less(column, better, worse, **where):
    """Returns a comparison of two rows of a seed.

    Args:
        column: The column of the number that is compared.
        better: Dict from columns to what the first row has there.
        worse: The same of the row whose number is taken from that.
        **where: What both have.
    """
    return lambda get: (
        get(column, **better, **where) - get(column, **worse, **where)
    )


def find(claim, rows, seeds):
    """Returns the differences of a claim, by what is compared.

    Args:
        claim: A `runner.Claim`.
        rows: The rows of its experiment.
        seeds: The seeds to judge by.

    Returns:
        A dict from each comparison whose runs were all made to a list of
        differences, one a seed.
    """
    found = {}
    for name, compare in claim.comparisons.items():
        with contextlib.suppress(NotMadeError):
            found[name] = [compare(Getter(rows, seed)) for seed in seeds]
    return found
