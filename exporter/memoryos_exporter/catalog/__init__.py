"""The catalog: every metric stands here once, in its area's module.

The exporter renders from it, the generators may name only what stands in it, and the metric reference comes from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import exporter, governance, migration, operations, queue, reading, rollout
from .model import Kind, Metric

AREAS: Mapping[str, tuple[Metric, ...]] = {
    "Reading": reading.METRICS,
    "Latency and errors": operations.METRICS,
    "Queue and backpressure": queue.METRICS,
    "Rollout and drift": rollout.METRICS,
    "Migration": migration.METRICS,
    "Governance": governance.METRICS,
    "The exporter itself": exporter.METRICS,
}

CATALOG: Mapping[str, Metric] = {metric.name: metric for area in AREAS.values() for metric in area}

__all__ = ["AREAS", "CATALOG", "Kind", "Metric"]
