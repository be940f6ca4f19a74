"""A plugin of pytest for `tools.check`: skips what would begin too late."""

import time

import pytest

from tools.check import SECONDS_FOR_TESTS

_REASON = "the minute is over: `make test` runs this too"


class Deadline:
    """Counts from the first test on; looking for tests costs none of it."""

    def __init__(self) -> None:
        """Begin before the first test."""
        self.end, self.late, self.ran = None, 0, 0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        """Skip a test where no time is left for it."""
        if self.end is None:
            self.end = time.monotonic() + SECONDS_FOR_TESTS
        if time.monotonic() > self.end:
            pytest.skip(_REASON)

    def pytest_runtest_logreport(self, report):
        """Count what ran and what did not."""
        self.late += report.skipped and _REASON in str(report.longrepr)
        self.ran += report.when == "call"

    def pytest_sessionfinish(self, session):
        """Where no test was reached, nothing has passed."""
        if self.late and not self.ran:
            session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

    def pytest_terminal_summary(self, terminalreporter):
        """Say how many tests were not reached."""
        if self.late:
            terminalreporter.write_line(
                f"{self.late} tests were not reached: `make test` runs them."
            )


def pytest_configure(config):
    """Begin anew with each run of pytest."""
    config.pluginmanager.register(Deadline())
