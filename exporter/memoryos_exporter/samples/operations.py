"""Samples of latency and errors as the caller sees them, from the parts operations and latency."""

from __future__ import annotations

from collections.abc import Mapping

from ..catalog import operations
from ..catalog.labels import ERROR_CLASS_OF_CODE
from ..document import Calls, Stats
from ..window import Measured
from .model import Histogram, Samples


def add_operations(samples: Samples, stats: Stats, measured: Mapping[str, Measured]) -> None:
    """Add the samples of specification 3.1; ``measured`` is each mode over the sliding window."""
    if stats.calls is not None:
        for calls in stats.calls.calls.values():
            _add_calls(samples, calls)
        ages = [calls.oldest_ms for calls in stats.calls.calls.values() if calls.oldest_ms is not None]
        if ages or any(calls.in_flight is not None for calls in stats.calls.calls.values()):
            samples.add(operations.OLDEST_OPERATION, max(ages, default=0.0) / 1000)
    for mode, window in measured.items():
        samples.add(operations.LATENCY_P50, window.p50_ms, mode)
        samples.add(operations.LATENCY_P95, window.p95_ms, mode)
        samples.add(operations.LATENCY_P99, window.p99_ms, mode)
        samples.add(operations.ERROR_RATE, window.error_rate, mode)
        samples.add(operations.WINDOW_OPERATIONS, window.operations, mode)
        samples.add(operations.WINDOW_SECONDS, window.seconds, mode)


def _add_calls(samples: Samples, calls: Calls) -> None:
    labels = (calls.mode, calls.operation)
    samples.add(operations.OPERATIONS_TOTAL, calls.ok, *labels, "ok")
    if calls.errors is not None:
        samples.add(operations.OPERATIONS_TOTAL, sum(calls.errors.values()), *labels, "error")
        for code, count in calls.errors.items():
            samples.add(operations.OPERATION_ERRORS, count, *labels, code, ERROR_CLASS_OF_CODE[code])
    samples.add(operations.IN_FLIGHT, calls.in_flight, *labels)
    if calls.buckets is not None:
        samples.add(operations.OPERATION_DURATION, Histogram.of(calls.buckets), *labels)
