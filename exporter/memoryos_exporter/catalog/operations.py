"""Latency and errors as the caller sees them (specification 3.1), split by effective mode."""

from __future__ import annotations

from .labels import ERROR_CLASSES, ERROR_CODES, MODES, OPERATIONS, OTHER, OUTCOMES
from .model import Kind, Metric, counter, gauge

MODE_VALUES = (*MODES, OTHER)
EFFECTIVE = (
    "The mode is the effective one of the call's target: targets outside the cohort run as legacy in every mode."
)
WINDOW = (
    "Over a sliding window (memoryos_window_seconds), whatever the scrape interval; absent when nothing happened in it."
)

OPERATION_DURATION = Metric(
    "memoryos_operation_duration_seconds",
    Kind.HISTOGRAM,
    f"Duration of finished calls as the caller saw it, ok or not. {EFFECTIVE} Calls that never return are not in it: "
    "see memoryos_operations_in_flight.",
    "operations.series[].counts, bounds_ms, sum_ms",
    "3.1",
    ("mode", "operation"),
    {"mode": MODE_VALUES, "operation": OPERATIONS},
)
OPERATIONS_TOTAL = counter(
    "memoryos_operations_total",
    f"Finished calls by what the caller saw. {EFFECTIVE} In memory_os a call that legacy answered after MemoryOS "
    "failed is ok here: see memoryos_fallbacks_total.",
    "operations.series[].ok, errors",
    "3.1",
    mode=MODE_VALUES,
    operation=OPERATIONS,
    outcome=OUTCOMES,
)
OPERATION_ERRORS = counter(
    "memoryos_operation_errors_total",
    "Calls that the caller saw fail, by error code and class: transient (a retry may help), permanent (it will not), "
    "rejected (refused for what the caller asked).",
    "operations.series[].errors",
    "3.1",
    mode=MODE_VALUES,
    operation=OPERATIONS,
    code=ERROR_CODES,
    **{"class": ERROR_CLASSES},
)
IN_FLIGHT = gauge(
    "memoryos_operations_in_flight",
    "Calls that have not returned yet. In a stall calls wait without a limit and finished calls look healthy.",
    "operations.series[].in_flight",
    "3.1",
    mode=MODE_VALUES,
    operation=OPERATIONS,
)
OLDEST_OPERATION = gauge(
    "memoryos_oldest_operation_seconds",
    "Age of the oldest call that has not returned yet, over all operations; 0 when none is in flight.",
    "operations.series[].oldest_ms",
    "3.1",
)
LATENCY_P50 = gauge(
    "memoryos_latency_p50_ms",
    f"Median duration of calls in milliseconds, the unit of the specification. {WINDOW}",
    "operations.series[].counts, or latency.*.p50_ms",
    "3.1",
    mode=MODE_VALUES,
)
LATENCY_P95 = gauge(
    "memoryos_latency_p95_ms",
    "95th percentile of the duration of calls in milliseconds, the unit of the specification and of the rollback "
    f"decision. {WINDOW}",
    "operations.series[].counts, or latency.*.p95_ms",
    "3.1",
    mode=MODE_VALUES,
)
LATENCY_P99 = gauge(
    "memoryos_latency_p99_ms",
    f"99th percentile of the duration of calls in milliseconds, the unit of the specification. {WINDOW}",
    "operations.series[].counts, or latency.*.p99_ms",
    "3.1",
    mode=MODE_VALUES,
)
ERROR_RATE = gauge(
    "memoryos_error_rate",
    "Share of calls that failed, 0 to 1. In memory_os fallbacks count as failed, because MemoryOS failed although the "
    f"caller saw ok. {WINDOW}",
    "operations.series[].ok, errors, release.metrics.fallbacks, or latency.*.errors",
    "3.1",
    mode=MODE_VALUES,
)
WINDOW_OPERATIONS = gauge(
    "memoryos_window_operations",
    "Finished calls behind the percentiles and the error rate; 0 when the window is known and nothing happened in it.",
    "operations.series[].counts, or latency.*.count",
    "3.1",
    mode=MODE_VALUES,
)
WINDOW_SECONDS = gauge(
    "memoryos_window_seconds",
    "True length of the sliding window behind the percentiles and the error rate.",
    "measured by the exporter, or latency.*.window_s",
    "3.1",
    mode=MODE_VALUES,
)

METRICS = (
    *(OPERATION_DURATION, OPERATIONS_TOTAL, OPERATION_ERRORS, IN_FLIGHT, OLDEST_OPERATION),
    *(LATENCY_P50, LATENCY_P95, LATENCY_P99, ERROR_RATE, WINDOW_OPERATIONS, WINDOW_SECONDS),
)
