"""What only the host knows: how long its calls took, and what became of its operator's steps."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Any

from memoryos_simulator.draws import BOUNDS_MS, quantile_ms

STEP_SECONDS = 5
"""The model moves in steps of this length; what happens between two is drawn, not simulated."""
WINDOW_STEPS = 60
"""The live snapshot and the percentiles look back this many steps: five minutes."""


class Series:
    """Caller-side timing of one operation in one effective mode."""

    __slots__ = ("counts", "errors", "ok", "sum_ms")

    def __init__(self) -> None:
        self.ok, self.sum_ms = 0, 0.0
        self.errors: dict[str, int] = {}
        self.counts = [0] * (len(BOUNDS_MS) + 1)


class Timing:
    """Caller-side timing since `since_ms`, with a look back over the last five minutes."""

    def __init__(self, since_ms: int) -> None:
        self.since_ms = since_ms
        self.series: dict[tuple[str, str], Series] = {}
        self._past: deque[dict[str, tuple[list[int], int]]] = deque(maxlen=WINDOW_STEPS + 1)

    def _of(self, mode: str, operation: str) -> Series:
        found = self.series.get((mode, operation))
        if found is None:
            found = self.series[mode, operation] = Series()
        return found

    def finished(self, mode: str, operation: str, duration_ms: float, code: str | None) -> None:
        """Notes one call with its duration; `code` is None for an ok answer."""
        series = self._of(mode, operation)
        series.counts[bisect_left(BOUNDS_MS, duration_ms)] += 1
        series.sum_ms += duration_ms
        if code is None:
            series.ok += 1
        else:
            series.errors[code] = series.errors.get(code, 0) + 1

    def finished_many(
        self, mode: str, operation: str, buckets: list[tuple[int, int]], sum_ms: float, errors: dict[str, int]
    ) -> None:
        """Notes many calls: [(bucket, calls)], the sum of their durations, and how many failed by code."""
        series = self._of(mode, operation)
        total = 0
        for bucket, calls in buckets:
            series.counts[bucket] += calls
            total += calls
        series.sum_ms += sum_ms
        for code, calls in errors.items():
            if calls:
                series.errors[code] = series.errors.get(code, 0) + calls
                total -= calls
        series.ok += total

    def step_ended(self, fallbacks: int) -> None:
        """Remembers where the totals stand; fallbacks are failed calls of memory_os that answered ok."""
        totals: dict[str, tuple[list[int], int]] = {}
        for (mode, _), series in self.series.items():
            counts, failed = totals.get(mode, ([], fallbacks if mode == "memory_os" else 0))
            merged = list(map(int.__add__, counts, series.counts)) if counts else series.counts[:]
            totals[mode] = merged, failed + sum(series.errors.values())
        self._past.append(totals)

    def window(self, mode: str) -> tuple[list[int], int]:
        """The last five minutes of a mode: calls by bucket, and how many failed."""
        if not self._past or mode not in self._past[-1]:
            return [], 0
        counts, failed = self._past[-1][mode]
        before, failed_before = self._past[0].get(mode, ([0] * len(counts), 0))
        return list(map(int.__sub__, counts, before)), max(0, failed - failed_before)

    def live_snapshot(self, queue_depth: int) -> dict[str, float]:
        """The map for `evaluate_rollback/2` as an operator takes it: memory_os over the last five minutes."""
        counts, failed = self.window("memory_os")
        total = sum(counts)
        return {
            "latency_p95_ms": round(quantile_ms(counts, 0.95) or 0.0, 1),
            "error_rate": round(min(1.0, failed / total), 4) if total else 0.0,
            "queue_depth": queue_depth,
        }

    def percentiles(self, window_s: float) -> dict[str, Any]:
        """The `latency` part, for hosts that keep no buckets."""
        part: dict[str, Any] = {}
        for mode in sorted({mode for mode, _ in self.series}):
            counts, failed = self.window(mode)
            total = sum(counts)
            if total:
                marks = {f"p{q}_ms": round(quantile_ms(counts, q / 100) or 0.0, 3) for q in (50, 95, 99)}
                part[mode] = {**marks, "count": total, "errors": min(total, failed), "window_s": window_s}
        return part

    def operations(self, open_calls: dict[tuple[str, str], tuple[int, float]]) -> dict[str, Any]:
        """The `operations` part; `open_calls` says of each series how many are in flight and the oldest's age, ms."""
        keys = sorted(self.series.keys() | open_calls.keys())
        return {"since": self.since_ms, "series": [self._entry(key, open_calls.get(key)) for key in keys]}

    def _entry(self, key: tuple[str, str], in_flight: tuple[int, float] | None) -> dict[str, Any]:
        series = self.series.get(key) or Series()
        calls, oldest_ms = in_flight or (0, 0.0)
        return {
            "mode": key[0],
            "operation": key[1],
            "ok": series.ok,
            "errors": dict(sorted(series.errors.items())),
            "in_flight": calls,
            "oldest_ms": round(oldest_ms),
            "bounds_ms": list(BOUNDS_MS),
            "counts": series.counts[:],
            "sum_ms": round(series.sum_ms, 3),
        }


class Totals:
    """Running totals and last times of the operator's steps, as the bridge keeps them; 0 = never."""

    def __init__(self) -> None:
        self.migration = {
            **dict.fromkeys(("targets_succeeded", "targets_failed", "records_migrated", "records_failed"), 0),
            "last_at": 0,
        }
        self.reconciliation = {
            "running": False,
            **dict.fromkeys(("succeeded", "failed", "records_migrated", "records_failed"), 0),
            "last_at": 0,
        }
        self.parity = {"equal": 0, "missing": 0, "extra": 0, "checked_at": 0}
        self.evaluations = {
            **dict.fromkeys(("stable", "rollback", "refused", "timeout", "error"), 0),
            "last_at": 0,
        }
        self.deprecated: dict[tuple[str, str], int] = {}

    def parts(self) -> dict[str, Any]:
        """The document's parts that the bridge itself keeps."""
        return {
            "migration": dict(self.migration),
            "reconciliation": dict(self.reconciliation),
            "parity": dict(self.parity),
            "rollback_evaluations": dict(self.evaluations),
            "deprecations": [
                {"api": api, "removal": removal, "calls": calls}
                for (api, removal), calls in sorted(self.deprecated.items())
            ],
        }
