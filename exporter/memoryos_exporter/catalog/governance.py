"""Release governance (specification 1): compatibility and deprecation."""

from __future__ import annotations

from .model import Kind, Metric, gauge

COMPATIBLE = gauge(
    "memoryos_compatible",
    "1 when the pair of MemoryOS and jido_memory versions is supported by the compatibility matrix, 0 when it is only "
    "planned or not listed; absent when a version is unknown.",
    "versions",
    "1.3",
)
DEPRECATED_CALLS = Metric(
    "memoryos_deprecated_calls_total",
    Kind.COUNTER,
    "Calls of a deprecated API, with the release that removes it.",
    "deprecations[].calls",
    "1.2",
    ("api", "removal"),
)

METRICS = (COMPATIBLE, DEPRECATED_CALLS)
