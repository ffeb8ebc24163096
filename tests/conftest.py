"""How all tests run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# The same examples every time, however slow the machine: a run turns red only when something has changed.
settings.register_profile("steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
