"""What contracts have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from memoryos_exporter.catalog import Metric
from rules.contract import Change, Contract
from rules.world import TICK, Calls, Key, Value, of

# An alert whose severity follows the fleet's mode.
PAGES = {"memory_os": "critical", "dual_run": "warning", "legacy": "info"}
TICKETS = {"memory_os": "warning", "dual_run": "warning", "legacy": "info"}
ALWAYS_PAGES = dict.fromkeys(PAGES, "critical")
ALWAYS_TICKETS = dict.fromkeys(PAGES, "warning")
ALWAYS_TELLS = dict.fromkeys(PAGES, "info")


GONE = Change(gone=True)


def by_the(seconds: int, contract: Contract) -> Contract:
    """The same, scraped and evaluated so seldom: for what takes hours and days."""
    start = -(-contract.start // seconds) * seconds
    without = {"flicker": "a value that is missing half of the time is missing for hours", **contract.without}
    return replace(
        contract, tick=seconds, every=seconds, start=start, calm_ticks=contract.calm_ticks // 7, without=without
    )


def every(ticks: int, so_many: int) -> Value:
    """1 at so many of so many ticks, 0 at the others."""
    return lambda now, _: float(now // TICK % ticks < so_many)


def value(metric: Metric, *labels_and_value: str | Value) -> Change:
    """One series that is different."""
    *labels, changed = labels_and_value
    return Change({of(metric, *map(str, labels)): changed})  # type: ignore[dict-item]


def calls(**changed: float | str) -> Change:
    """Other calls in memory_os."""
    return Change(calls=(Calls("memory_os", **changed),))  # type: ignore[arg-type]


def at(seconds: float) -> Value:
    """A moment, so long after the breach began."""
    return lambda _, breach: breach + seconds


def after(seconds: float, growth: float = 1.0, *, once: bool = False) -> Value:
    """Growth of a counter from so long after the breach on; or once, at that moment."""
    if once:
        return lambda now, breach: growth * (now == breach + seconds)
    return lambda now, breach: growth * (now >= breach + seconds)


def since(seconds: float, before: Mapping[Key, Value], then: Mapping[Key, Value]) -> dict[Key, Value]:
    """Values that change, so long after the breach began (negative: before it)."""

    def changing(old: Value, new: Value) -> Value:
        return lambda now, breach: float(new if now >= breach + seconds else old)  # type: ignore[arg-type]

    return {key: changing(before[key], then[key]) for key in then}
