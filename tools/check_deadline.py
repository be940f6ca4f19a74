"""A plugin of pytest for `tools.check`: skips what would begin too late."""

import time

import pytest

from tools.check import SECONDS_FOR_TESTS

_END = time.monotonic() + SECONDS_FOR_TESTS


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Skip a test where no time is left for it."""
    if time.monotonic() > _END:
        pytest.skip("the minute is over: `make test` runs this too")
