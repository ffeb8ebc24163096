"""The sliding window behind the percentile and error-rate gauges: the same for every scraper, bounded in memory.

Each reading adds what was new to running totals, so that a reset of the source loses nothing, and now and then leaves
a mark of the totals. The window reaches from the oldest mark that is not older than its length to the present: the
samples over which Prometheus takes `rate()`, so that `histogram_quantile` over the same range gives the same answer.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from msgspec import UNSET

from .catalog.labels import MODES, closed
from .document import Buckets, Calls, Stats
from .document.calls import PUBLISHED_BOUNDS_MS
from .document.parts import Document, Latency

DEFAULT_SECONDS = 300.0
MARKS = 40  # half of a usual scrape interval of 15 s apart, so that each such scrape leaves one
MEMORY_OS = "memory_os"

# The layout of one mode's totals: calls, failed calls, calls in buckets, then the cumulative buckets. Floats are exact
# up to 2^53 and, unlike integers of a fixed width, cannot overflow.
CALLS, FAILED, COUNT, BUCKETS = range(4)
WIDTH = BUCKETS + len(PUBLISHED_BOUNDS_MS)
INDEX = {bound: index for index, bound in enumerate(PUBLISHED_BOUNDS_MS)}
NOTHING = array("d", [0] * WIDTH)


@dataclass(frozen=True, slots=True)
class Measured:
    """One mode over the window: its true length in seconds, finished calls, percentiles in ms, error rate 0…1.

    Percentiles and error rate are None when nothing happened, or when the source does not say enough.
    """

    seconds: float
    operations: int
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    error_rate: float | None = None


@dataclass(frozen=True, slots=True)
class ModeCounts:
    """What one document says of one mode: its totals, the bounds they have, and whether failed calls are known."""

    totals: array[float]
    bounds_ms: tuple[int, ...] | None
    failed_known: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """The running totals at one time (seconds). Totals are replaced, never changed, so that marks can share them."""

    at: float
    modes: Mapping[str, array[float]]
    fallbacks: int


class Window:
    """The last ``seconds`` of one target. Not thread-safe: it lives on the event loop."""

    def __init__(self, seconds: float = DEFAULT_SECONDS) -> None:
        self._seconds = seconds
        self._marks: deque[Mark] = deque()
        self._now = Mark(float("-inf"), {}, 0)
        self._since: int | None = None
        self._counting = False
        self._last: dict[str, ModeCounts] = {}
        self._last_fallbacks: int | None = None

    def add(self, now: float, stats: Stats) -> None:
        """Take in a reading made at ``now``, seconds of a clock that does not jump."""
        counts = _counts_by_mode(stats.calls.calls.values()) if stats.calls else {}
        too_old = now - self._now.at >= 2 * self._seconds
        first_counts = stats.calls is not None and not self._counting
        if too_old or first_counts or self._bounds_changed(counts):
            self._start(now, stats, counts)
        else:
            self._continue(now, stats, counts)
        if stats.calls is not None:
            self._since, self._counting = stats.calls.since, True
        self._leave_mark()

    def measure(self, stats: Stats) -> dict[str, Measured]:
        """Each mode over the window that ends with ``stats``, the reading added last."""
        if stats.calls is not None:
            return self._measure_calls()
        if stats.document.latency:
            return {mode: self._given(mode, latency) for mode, latency in _by_mode(stats.document.latency)}
        return {}

    def _start(self, now: float, stats: Stats, counts: Mapping[str, ModeCounts]) -> None:
        """Begin anew; what the source has counted since a start that lies inside the window is all new."""
        self._marks.clear()
        self._last = dict(counts)
        age = _seconds_before(stats.document, stats.calls.since if stats.calls else None)
        if age is not None and age < self._seconds:
            self._marks.append(Mark(now - age, {}, 0))
        self._last_fallbacks = None
        modes = {mode: count.totals for mode, count in counts.items()}
        self._now = Mark(now, modes, self._new_fallbacks(stats.document))

    def _continue(self, now: float, stats: Stats, counts: Mapping[str, ModeCounts]) -> None:
        if stats.calls is not None and stats.calls.since != self._since:
            self._last = {}
        modes = dict(self._now.modes)
        for mode, count in counts.items():
            modes[mode] = _plus(modes.get(mode, NOTHING), _increase(self._last.get(mode), count.totals))
        self._last.update(counts)
        self._now = Mark(now, modes, self._now.fallbacks + self._new_fallbacks(stats.document))

    def _new_fallbacks(self, document: Document) -> int:
        """Fallbacks since the last reading that knew them; all of them after a restart of the controller."""
        metrics = document.release.metrics if document.release else UNSET
        if not metrics or metrics.fallbacks is UNSET:
            return 0
        last, self._last_fallbacks = self._last_fallbacks, metrics.fallbacks
        if last is None:
            release = document.process.release if document.process else None
            age = _seconds_before(document, release.started_at if release else None)
            return metrics.fallbacks if age is not None and age < self._seconds else 0
        return metrics.fallbacks - last if metrics.fallbacks >= last else metrics.fallbacks

    def _bounds_changed(self, counts: Mapping[str, ModeCounts]) -> bool:
        return any(
            mode in self._last and self._last[mode].bounds_ms != count.bounds_ms for mode, count in counts.items()
        )

    def _leave_mark(self) -> None:
        spacing = self._seconds / MARKS
        if not self._marks or self._now.at // spacing > self._marks[-1].at // spacing:
            self._marks.append(self._now)
        # One that is too old stays while it is the only one to measure from.
        while len(self._marks) > 1 and self._now.at - self._marks[0].at > self._seconds:
            if self._marks[1].at == self._now.at:
                break
            self._marks.popleft()

    def _baseline(self) -> Mark | None:
        first = self._marks[0]
        return first if 0 < self._now.at - first.at < 2 * self._seconds else None

    def _fallbacks(self) -> int:
        baseline = self._baseline()
        return self._now.fallbacks - baseline.fallbacks if baseline else 0

    def _measure_calls(self) -> dict[str, Measured]:
        baseline = self._baseline()
        if baseline is None:
            return {}
        seconds = self._now.at - baseline.at
        return {
            mode: self._measured(mode, seconds, _minus(self._now.modes[mode], baseline.modes.get(mode, NOTHING)))
            for mode in self._last
        }

    def _measured(self, mode: str, seconds: float, new: array[float]) -> Measured:
        last = self._last[mode]
        calls = int(new[CALLS])
        if not calls:
            return Measured(seconds, 0)
        rate = self._error_rate(mode, new[FAILED], calls) if last.failed_known else None
        if not last.bounds_ms or not new[COUNT]:
            return Measured(seconds, calls, error_rate=rate)
        # A source that takes counts back between two readings must not make the buckets descend.
        cumulative = list(accumulate((new[BUCKETS + INDEX[bound]] for bound in last.bounds_ms), max))
        count = max(new[COUNT], cumulative[-1])
        p50, p95, p99 = (bucket_quantile(q, last.bounds_ms, cumulative, count) for q in (0.5, 0.95, 0.99))
        return Measured(seconds, calls, p50, p95, p99, rate)

    def _given(self, mode: str, latency: Latency) -> Measured:
        """What a host that keeps no buckets says of a mode; without calls its percentiles mean nothing."""
        count = 0 if latency.count is UNSET else latency.count
        seconds = 0.0 if latency.window_s is UNSET else latency.window_s
        if not count:
            return Measured(seconds, 0)
        p50, p95, p99 = (
            None if value is UNSET else value for value in (latency.p50_ms, latency.p95_ms, latency.p99_ms)
        )
        rate = None if latency.errors is UNSET else self._error_rate(mode, latency.errors, count)
        return Measured(seconds, count, p50, p95, p99, rate)

    def _error_rate(self, mode: str, failed: float, calls: int) -> float:
        """Failed calls of all, 0…1; in memory_os a fallback is a failure that the caller did not see."""
        hidden = self._fallbacks() if mode == MEMORY_OS else 0
        return min(1.0, (failed + hidden) / calls)


def bucket_quantile(q: float, bounds: Sequence[float], cumulative: Sequence[float], count: float) -> float:
    """The ``q``-quantile by linear interpolation inside its bucket, as Prometheus's `histogram_quantile` does it.

    A quantile beyond the last bound is that bound: the buckets know no more.
    """
    rank = q * count
    index = bisect_left(cumulative, rank)
    if index == len(bounds):
        return float(bounds[-1])
    start, below = (bounds[index - 1], cumulative[index - 1]) if index else (0.0, 0)
    return start + (bounds[index] - start) * (rank - below) / (cumulative[index] - below)


def _counts_by_mode(calls: Iterable[Calls]) -> dict[str, ModeCounts]:
    modes: dict[str, list[Calls]] = {}
    for one in calls:
        modes.setdefault(one.mode, []).append(one)
    return {mode: _counts(members) for mode, members in modes.items()}


def _counts(members: Sequence[Calls]) -> ModeCounts:
    buckets: Buckets | None = None
    for one in members:
        if one.buckets is not None:
            buckets = one.buckets if buckets is None else buckets + one.buckets
    errors = [sum(one.errors.values()) for one in members if one.errors is not None]
    failed_known = len(errors) == len(members)
    failed = sum(errors)
    answered = [one.ok for one in members if one.ok is not None]
    whole = failed_known and len(answered) == len(members)
    totals = array("d", NOTHING)
    totals[CALLS] = sum(answered) + failed if whole else buckets.count if buckets else sum(answered) + failed
    totals[FAILED] = failed
    if buckets:
        totals[COUNT] = buckets.count
        for bound, value in zip(buckets.bounds_ms, buckets.cumulative, strict=True):
            totals[BUCKETS + INDEX[bound]] = value
    return ModeCounts(totals, buckets.bounds_ms if buckets else None, failed_known)


def _increase(last: ModeCounts | None, totals: array[float]) -> array[float]:
    """What is new since ``last``; everything, when the counters were reset."""
    if last is None or any(now < before for now, before in zip(totals, last.totals, strict=True)):
        return totals
    return _minus(totals, last.totals)


def _minus(totals: array[float], less: array[float]) -> array[float]:
    return array("d", [now - before for now, before in zip(totals, less, strict=True)])


def _plus(totals: array[float], more: array[float]) -> array[float]:
    return array("d", [before + new for before, new in zip(totals, more, strict=True)])


def _seconds_before(document: Document, moment: object) -> float | None:
    """How long before the document was made ``moment`` (unix ms) was, by the source's own clock; None if unknown."""
    if not isinstance(moment, int) or document.at is UNSET or not 0 < moment <= document.at:
        return None
    return (document.at - moment) / 1000


def _by_mode(latency: Mapping[str, Latency]) -> Iterable[tuple[str, Latency]]:
    """The known modes first come, first served; of several unknown ones the busiest stands for `other`."""
    ordered = sorted(latency.items(), key=lambda item: 0 if item[1].count is UNSET else item[1].count)
    return {closed(mode, MODES): given for mode, given in ordered}.items()
