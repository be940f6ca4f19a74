"""The page on grading time is what its rows and its code say."""

import csv

from benchmarks import classroom


def test_the_page_is_that_of_the_committed_rows():
    with classroom.ROWS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert classroom.REPORT.read_text("utf-8") == classroom.report(rows)
