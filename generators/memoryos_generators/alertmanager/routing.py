"""Who is told: the tree of routes, by severity, with the Watchdog alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..config import Config, MaintenanceWindow, Severity

WATCHDOG = "MemoryOSWatchdog"
MAINTENANCE = "maintenance"
RECEIVER_OF_SEVERITY: dict[Severity, str] = {"critical": "pager", "warning": "tickets", "info": "context"}


def tree(config: Config) -> dict[str, Any]:
    """The route that every alert enters.

    One incident is one message: alerts are grouped by fleet and playbook, not by name. An alert without a known
    severity goes to tickets, where somebody sees it. Maintenance mutes people, never the Watchdog.
    """
    by_severity = [
        {
            "receiver": receiver,
            "matchers": [f'severity="{severity}"'],
            **_timing(config, severity),
            "mute_time_intervals": [MAINTENANCE],
        }
        for severity, receiver in RECEIVER_OF_SEVERITY.items()
    ]
    repeat_interval = config.alertmanager.watchdog.repeat_interval
    watchdog = {
        "receiver": "watchdog",
        "matchers": [f'alertname="{WATCHDOG}"'],
        "group_by": ["alertname", *config.fleet_labels],
        "group_wait": "0s",
        "group_interval": str(min(config.alertmanager.routing["critical"].group_interval, repeat_interval)),
        "repeat_interval": str(repeat_interval),
    }
    return {
        "receiver": RECEIVER_OF_SEVERITY["warning"],
        "group_by": [*config.fleet_labels, "playbook"],
        **_timing(config, "warning"),
        "routes": [watchdog, *by_severity],
    }


def time_intervals(windows: Sequence[MaintenanceWindow]) -> list[dict[str, Any]]:
    """The maintenance windows under their one name; without a window nothing is muted."""
    return [{"name": MAINTENANCE, "time_intervals": [_filled_in(window) for window in windows]}]


def _filled_in(window: MaintenanceWindow) -> dict[str, Any]:
    return {key: value for key, value in msgspec.to_builtins(window).items() if value}


def _timing(config: Config, severity: Severity) -> dict[str, str]:
    route = config.alertmanager.routing[severity]
    return {name: str(getattr(route, name)) for name in ("group_wait", "group_interval", "repeat_interval")}
