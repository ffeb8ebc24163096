"""How all tests run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The same examples every time, however slow the machine: a run turns red only when something has changed.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests of a file in one worker, so that what it prepares is prepared once; those that share nothing
    (marked `spread`) go wherever there is room."""
    for item in items:
        if not item.get_closest_marker("spread"):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))
