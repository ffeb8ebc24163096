"""Caller-side timing brought into one shape: one `Calls` for each effective mode and operation.

Modes, operations and error codes that are not in the closed sets become `other` and are added up, so that no two
series of an exposition can ever be the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, pairwise

from msgspec import UNSET

from ..catalog.labels import ERROR_CODES, LATENCY_BOUNDS_SECONDS, MODES, OPERATIONS, closed
from .parts import Operations, Series
from .reader import BadField, leave_out

PUBLISHED_BOUNDS_MS = tuple(round(seconds * 1000) for seconds in LATENCY_BOUNDS_SECONDS)


@dataclass(slots=True)
class Buckets:
    """Finished calls by duration: ``cumulative[i]`` took at most ``bounds_ms[i]``; ``count`` is all of them."""

    bounds_ms: tuple[int, ...]
    cumulative: tuple[int, ...]
    count: int
    sum_ms: float | None

    def __add__(self, other: Buckets) -> Buckets:
        """Both together, at the bounds that both have."""
        if self.bounds_ms == other.bounds_ms:
            bounds, pairs = self.bounds_ms, zip(self.cumulative, other.cumulative, strict=True)
            cumulative = tuple(mine + theirs for mine, theirs in pairs)
        else:
            mine = dict(zip(self.bounds_ms, self.cumulative, strict=True))
            theirs = dict(zip(other.bounds_ms, other.cumulative, strict=True))
            bounds = tuple(bound for bound in self.bounds_ms if bound in theirs)
            cumulative = tuple(mine[bound] + theirs[bound] for bound in bounds)
        known = self.sum_ms is not None and other.sum_ms is not None
        sum_ms = self.sum_ms + other.sum_ms if known else None  # type: ignore[operator]
        return Buckets(bounds, cumulative, self.count + other.count, sum_ms)


@dataclass(slots=True)
class Calls:
    """Calls of one operation in one effective mode, cumulative since `Operations.since`; None where not said."""

    mode: str
    operation: str
    ok: int | None = None
    errors: dict[str, int] | None = None
    in_flight: int | None = None
    oldest_ms: float | None = None
    buckets: Buckets | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells two `Calls` apart."""
        return self.mode, self.operation

    def add(self, other: Calls) -> None:
        """Take in the calls of a series that has the same key."""
        self.ok = _sum(self.ok, other.ok)
        self.in_flight = _sum(self.in_flight, other.in_flight)
        ages = [age for age in (self.oldest_ms, other.oldest_ms) if age is not None]
        self.oldest_ms = max(ages, default=None)
        if other.errors is not None:
            self.errors = self.errors or {}
            for code, count in other.errors.items():
                self.errors[code] = self.errors.get(code, 0) + count
        if self.buckets is not None and other.buckets is not None:
            self.buckets += other.buckets
        else:
            self.buckets = self.buckets or other.buckets


@dataclass(slots=True)
class CallTable:
    """All calls by key, and when counting them began (unix ms, None when not said)."""

    since: int | None
    calls: dict[tuple[str, str], Calls] = field(default_factory=dict)


def call_table(operations: Operations, bad: list[BadField]) -> CallTable:
    """Bring `operations` into one shape; a series without mode or operation is left out, as are unsound buckets.

    bad: what of the document could not be believed; what is left out here is added.

    Raises:
        TooManyBadFieldsError: there is too much of it.
    """
    table = CallTable(None if operations.since is UNSET else operations.since)
    for index, series in enumerate(() if operations.series is UNSET else operations.series):
        path = f"operations.series[{index}]"
        if series.mode is UNSET or series.operation is UNSET:
            leave_out(BadField(path, "inconsistent", "a series needs mode and operation"), bad)
            continue
        calls = Calls(
            closed(series.mode, MODES),
            closed(series.operation, OPERATIONS),
            ok=None if series.ok is UNSET else series.ok,
            errors=_errors(series),
            in_flight=None if series.in_flight is UNSET else series.in_flight,
            oldest_ms=None if series.oldest_ms is UNSET else series.oldest_ms,
            buckets=_buckets(series, path, bad),
        )
        if calls.key in table.calls:
            table.calls[calls.key].add(calls)
        else:
            table.calls[calls.key] = calls
    return table


def _errors(series: Series) -> dict[str, int] | None:
    if series.errors is UNSET:
        return None
    errors: dict[str, int] = {}
    for code, count in series.errors.items():
        known = closed(code, ERROR_CODES)
        errors[known] = errors.get(known, 0) + count
    return errors


def _buckets(series: Series, path: str, bad: list[BadField]) -> Buckets | None:
    """The series' buckets at the published bounds that it has: finer ones fall together without loss."""
    bounds, counts = series.bounds_ms, series.counts
    if bounds is UNSET or counts is UNSET:
        return None
    if len(counts) != len(bounds) + 1:
        words = f"{len(bounds)} bounds need {len(bounds) + 1} counts, not {len(counts)}"
        leave_out(BadField(f"{path}.counts", "inconsistent", words), bad)
        return None
    if any(low >= high for low, high in pairwise(bounds)):
        leave_out(BadField(f"{path}.bounds_ms", "inconsistent", "the bounds do not ascend"), bad)
        return None
    *cumulative, count = accumulate(counts)
    at = dict(zip(bounds, cumulative, strict=True))
    published = tuple(bound for bound in PUBLISHED_BOUNDS_MS if bound in at)
    sum_ms = None if series.sum_ms is UNSET else series.sum_ms
    return Buckets(published, tuple(at[bound] for bound in published), count, sum_ms)


def _sum(mine: int | None, theirs: int | None) -> int | None:
    return theirs if mine is None else mine if theirs is None else mine + theirs
