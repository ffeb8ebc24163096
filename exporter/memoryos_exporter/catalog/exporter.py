"""The exporter itself; on /metrics only, never on /probe."""

from __future__ import annotations

from .labels import FIELD_ERRORS, PARTS, READ_ERRORS
from .model import Kind, Metric, counter, gauge

EXPORTER_BUILD_INFO = Metric(
    "memoryos_exporter_build_info",
    Kind.INFO,
    "Versions of the exporter and of its Python. Always 1.",
    "the exporter",
    labels=("version", "python"),
)
SCRAPES = counter("memoryos_exporter_scrapes_total", "Reads of a stats document, over all targets.", "the exporter")
SCRAPE_FAILURES = counter(
    "memoryos_exporter_scrape_failures_total",
    "Reads that gave no document, by reason, over all targets.",
    "the exporter",
    reason=READ_ERRORS,
)
BAD_FIELDS = counter(
    "memoryos_exporter_bad_fields_total",
    "Fields of stats documents that could not be believed and were left out, over all targets.",
    "the exporter",
    part=(*PARTS, "document"),
    reason=FIELD_ERRORS,
)
CONFIG_RELOAD = gauge(
    "memoryos_exporter_config_last_reload_successful",
    "1 when the last reload of the configuration succeeded; at 0 the previous one stays in force.",
    "the exporter",
)

METRICS = (EXPORTER_BUILD_INFO, SCRAPES, SCRAPE_FAILURES, BAD_FIELDS, CONFIG_RELOAD)
