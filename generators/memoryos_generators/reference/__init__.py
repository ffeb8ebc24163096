"""The reference pages of the exporter: its metrics, and the stats document that it reads."""

from __future__ import annotations

from collections.abc import Mapping

from ..config import Config
from .metrics import metrics_page
from .stats import stats_page, stats_schema


def files(_: Config) -> Mapping[str, str]:
    """Path → text; nothing here depends on the configuration."""
    return {
        "exporter/METRICS.md": metrics_page(),
        "exporter/STATS.md": stats_page(),
        "exporter/memoryos_exporter/document/stats.schema.json": stats_schema(),
    }
