"""How all tests run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# The same examples every time, however slow the machine: a run turns red only when something has changed.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# Files of long tests that share nothing: any worker may take one.
SPREAD = {"tests/rules/test_contract.py", "tests/rules/test_stories.py", "tests/rules/test_mutation.py"}


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Keeps the tests of a file in one worker, so that what it prepares is prepared once.

    Not by xdist_group: with pytest 9.2 it silently does nothing (pytest-dev/pytest-xdist#1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return nodeid if file in SPREAD else file


@pytest.hookimpl(optionalhook=True)  # one worker alone runs without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """The scheduler of `--dist=loadfile`."""
    gone = [file for file in SPREAD if not (config.rootpath / file).exists()]
    assert not gone, f"SPREAD names what is no file: {gone}"
    return ByFile(config, log)
