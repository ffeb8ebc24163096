"""What the seven dashboards show: one module a dashboard."""

from __future__ import annotations

from collections.abc import Callable

from ...config import Config
from ..model import Dashboard
from . import drift, exporter, incident, latency, overview, queue, rollout

DASHBOARDS: tuple[Callable[[Config], Dashboard], ...] = (
    overview.dashboard,
    latency.dashboard,
    queue.dashboard,
    drift.dashboard,
    rollout.dashboard,
    incident.dashboard,
    exporter.dashboard,
)
