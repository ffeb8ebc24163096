"""Contracts of the cutover alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from memoryos_exporter.catalog import operations, queue, rollout
from rules.contract import Change, Contract
from rules.contracts.common import at, by_the, calls, since
from rules.contracts.rollback_outcome import CUT_OVER, CUTOVER, NO_CUTOVER
from rules.contracts.rollback_triggers import FEW_AND_SLOW, QUEUE_LIMIT, percentiles
from rules.world import Key, Value, mode, of

FALLBACKS = of(rollout.FALLBACKS)


def path(name: str, growth: Value) -> dict[Key, Value]:
    """Calls of both operations on one path, each tick."""
    return {of(rollout.PATH_CALLS, operation, name): growth for operation in ("remember", "retrieve")}


def every_so_often(seconds: int) -> Value:
    """One each time: sums that are exact."""
    return lambda now, _: float(now % seconds == 0)


DAY = 86_400
DEPTH = of(queue.QUEUE_DEPTH)
P95, ERRORS = of(operations.LATENCY_P95, "memory_os"), of(operations.ERROR_RATE, "memory_os")
CALLS = of(operations.WINDOW_OPERATIONS, "memory_os")
MANY_IN_LEGACY: dict[Key, Value] = {CALLS: 19, of(operations.WINDOW_OPERATIONS, "legacy"): 1000}


def near_limit(name: str, shown: str, queue_limit: int) -> str:
    """What the page says."""
    return (
        f"{name} on a is {shown}, more than 80% of its live limit (p95 450 ms, errors 3%, queue {queue_limit}). Go on "
        "evaluating rollback triggers."
    )


def for_a_day(
    name: str,
    shown: str,
    near: Mapping[Key, Value],
    exactly: Mapping[Key, Value],
    beside: Mapping[Key, Value],
    lower: Mapping[Key, Value] = MappingProxyType({}),
) -> Contract:
    """Near a limit by the gauges of a host that has only percentiles, with just enough calls, at the end of the day.

    near, exactly: beyond four fifths of the limit, and at it. beside: what is bad in another mode. lower: a limit that
    so few as 19 are beyond.
    """
    return by_the(
        3600,
        Contract(
            alert="MemoryOSCutoverWatch",
            variant=f"{name}, for a day",
            calm=Change({of(CUT_OVER): at(8 * 3600 - DAY), **percentiles().values, QUEUE_LIMIT: 24}, ()),
            breach=Change(near, ()),
            after=Change(near, ()),
            more_silent={
                "exactly": Change(exactly, ()),
                "in-legacy-again": Change({**near, **mode("legacy")}, ()),
                "another-mode-is-bad": Change(beside, ()),
                "too-few-calls": Change({**near, CALLS: 19, DEPTH: 19, **lower}, ()),
                "calls-of-legacy": Change({**near, **MANY_IN_LEGACY, DEPTH: 19, **lower}, ()),
            },
            without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
            fires=3600,
            breach_ticks=4,
            clears=4 * 3600,
            vanishes=3600,
            labels={"input": name},
            severities={"memory_os": "warning"},
            description=near_limit(name, shown, 24),
        ),
    )


def controller_silent(name: str, shown: str, fires: int, breach: Change) -> Contract:
    """What the controller last said of limits and mode counts for ten minutes."""
    return Contract(
        alert="MemoryOSCutoverWatch",
        variant=f"{name}, controller silent",
        calm=Change(CUTOVER),
        breach=breach,
        after=replace(breach, null=frozenset({"release"})),
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        fires=fires,
        vanishes=360,
        clears=885,
        breach_ticks=20,
        labels={"input": name},
        severities={"memory_os": "warning"},
        description=near_limit(name, shown, 200),
    )


CONTRACTS = (
    Contract(
        alert="MemoryOSFallbackSpike",
        breach=Change({FALLBACKS: 1}),
        below=Change({FALLBACKS: 0.9, **path("memory_os", 50)}, before=Change(path("memory_os", 50))),
        more_silent={
            "too-few-calls": Change({FALLBACKS: 0.3, **path("memory_os", 0.3)}, before=Change(path("memory_os", 0.3))),
        },
        fires=120,
        vanishes=360,
        clears=585,
        forgets=495,
        severities={"memory_os": "warning"},
        description="20% of the calls in memory_os on a fell back to legacy, more than 1%. They count as errors: the"
        " rollback limit is 3%.",
    ),
    Contract(
        alert="MemoryOSFallbackSpike",
        variant="just beyond",
        calm=Change(path("memory_os", 49.25)),
        breach=Change({FALLBACKS: 1}),
        below=Change({FALLBACKS: 0.9, **path("memory_os", 50)}, before=Change(path("memory_os", 50))),
        boundary=Change({FALLBACKS: 1, **path("memory_os", 49.5)}, before=Change(path("memory_os", 49.5))),
        fires=405,
        clears=285,
        breach_ticks=40,
        vanishes=360,
        severities={"memory_os": "warning"},
        description="1.005% of the calls in memory_os on a fell back to legacy, more than 1%. They count as errors: the"
        " rollback limit is 3%.",
    ),
    Contract(
        alert="MemoryOSFallbackSpike",
        variant="exactly enough calls",
        calm=Change(path("memory_os", 0.375)),
        breach=Change({FALLBACKS: 0.25}),
        fires=405,
        clears=285,
        breach_ticks=40,
        without={"vanished": "exactly enough calls are too few with one less"},
        severities={"memory_os": "warning"},
        description="25% of the calls in memory_os on a fell back to legacy, more than 1%. They count as errors: the"
        " rollback limit is 3%.",
    ),
    Contract(
        alert="MemoryOSCanaryIdle",
        mode="dual_run",
        breach=Change(path("memory_os", 0)),
        more_silent={
            "few-calls": Change({**path("memory_os", 0), **path("legacy", 0.02)}, before=Change(path("legacy", 0.02))),
            "not-all-hour": Change(
                {**path("memory_os", 0), **since(300, mode("legacy"), mode("dual_run"))},
                before=Change({**path("memory_os", 0), **mode("legacy")}),
            ),
        },
        fires=3885,
        without={"vanished": "the calls of an hour are judged for an hour after"},
        clears=0,
        severities={"dual_run": "info"},
        description="480 calls on a within an hour of dual_run, none to MemoryOS: no target is in the cohort. "
        "internal admits the internal groups only; canary goes by a hash of the target's id.",
    ),
    by_the(
        60,
        Contract(
            # Just enough calls in legacy, none to MemoryOS and dual_run for an hour: what was before does not count.
            alert="MemoryOSCanaryIdle",
            variant="for an hour",
            mode="dual_run",
            calm=Change(
                {
                    **since(-600, mode("legacy"), mode("dual_run")),
                    **path("memory_os", lambda now, breach: float(now < breach)),
                    **path("legacy", 0),
                    of(rollout.PATH_CALLS, "retrieve", "legacy"): every_so_often(180),
                }
            ),
            breach=Change(path("memory_os", 0)),
            after=Change(path("memory_os", 1)),
            more_silent={
                "too-few-calls": Change({of(rollout.PATH_CALLS, "retrieve", "legacy"): every_so_often(240)}),
                "calls-before": Change(path("legacy", lambda now, breach: float(now < breach))),
                "called-before": Change(path("memory_os", lambda now, breach: float(now < breach + 1800))),
                "in-legacy-before": Change(since(1800, mode("legacy"), mode("dual_run"))),
            },
            without={
                "vanished": "the calls of an hour are judged for an hour after",
                "no-data": "the calls of an hour are judged for an hour after",
                **dict.fromkeys(
                    ("quiet", "one-of-two", "restarted", "replaced", "legacy", "memory-os", "other-job", "three-jobs"),
                    "in the calm before it the mode already changes",
                ),
            },
            calm_ticks=7 * 140,
            fires=3840,
            clears=0,
            severities={"dual_run": "info"},
            description="20 calls on a within an hour of dual_run, none to MemoryOS: no target is in the cohort. "
            "internal admits the internal groups only; canary goes by a hash of the target's id.",
        ),
    ),
    Contract(
        alert="MemoryOSCutoverWatch",
        calm=Change(CUTOVER),
        breach=calls(seconds=0.4),
        below=calls(seconds=0.28),
        more_silent={
            "too-few-calls": Change(calls=calls(ok=0.2, seconds=0.4).calls, before=calls(ok=0.2)),
            "calls-of-legacy": Change({}, FEW_AND_SLOW, before=Change(calls=FEW_AND_SLOW)),
            "long-ago": Change(mode("memory_os"), calls(seconds=0.4).calls, before=Change(mode("memory_os"))),
        },
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        fires=75,
        vanishes=360,
        clears=570,
        forgets=585,
        breach_ticks=20,
        labels={"input": "latency_p95_ms"},
        severities={"memory_os": "warning"},
        description=near_limit("latency_p95_ms", "428.6", 200),
    ),
    Contract(
        alert="MemoryOSCutoverWatch",
        variant="errors",
        calm=Change(CUTOVER),
        breach=calls(ok=971, errors=29),
        more_silent={
            "long-ago": Change(mode("memory_os"), calls(ok=971, errors=29).calls, before=Change(mode("memory_os"))),
        },
        fires=75,
        vanishes=360,
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        clears=570,
        breach_ticks=20,
        labels={"input": "error_rate"},
        severities={"memory_os": "warning"},
        description=near_limit("error_rate", "0.02821", 200),
    ),
    Contract(
        alert="MemoryOSCutoverWatch",
        variant="queue",
        calm=Change(CUTOVER),
        breach=Change({DEPTH: 161}),
        more_silent={
            "exactly": Change({DEPTH: 160}),
            "long-ago": Change({**mode("memory_os"), DEPTH: 161}, before=Change(mode("memory_os"))),
        },
        forgets=345,
        fires=60,
        vanishes=360,
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        clears=300,
        labels={"input": "queue_depth"},
        severities={"memory_os": "warning"},
        description=near_limit("queue_depth", "161", 200),
    ),
    Contract(
        alert="MemoryOSCutoverWatch",
        variant="not in legacy again",
        calm=Change(CUTOVER),
        breach=Change({DEPTH: 161}),
        after=Change({DEPTH: 161, **mode("legacy")}),
        fires=60,
        vanishes=360,
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        clears=300,
        labels={"input": "queue_depth"},
        severities={"memory_os": "warning"},
        description=near_limit("queue_depth", "161", 200),
    ),
    for_a_day("latency_p95_ms", "361", {P95: 361, CALLS: 20}, {P95: 360}, {of(operations.LATENCY_P95, "legacy"): 2000}),
    for_a_day(
        "error_rate", "0.025", {ERRORS: 0.025, CALLS: 20}, {ERRORS: 0.024}, {of(operations.ERROR_RATE, "legacy"): 1}
    ),
    for_a_day("queue_depth", "20", {DEPTH: 20, CALLS: 0}, {DEPTH: 19.2}, {}, {QUEUE_LIMIT: 10}),
    # Few calls wait, but just enough finish.
    by_the(
        3600,
        Contract(
            alert="MemoryOSCutoverWatch",
            variant="queue_depth, just enough finish",
            calm=Change({of(CUT_OVER): at(8 * 3600 - DAY), **percentiles(finished=20).values, QUEUE_LIMIT: 5}, ()),
            breach=Change({DEPTH: 6}, ()),
            without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
            fires=3600,
            breach_ticks=4,
            clears=0,
            vanishes=3600,
            labels={"input": "queue_depth"},
            severities={"memory_os": "warning"},
            description=near_limit("queue_depth", "6", 5),
        ),
    ),
    controller_silent("latency_p95_ms", "428.6", 75, calls(seconds=0.4)),
    controller_silent("error_rate", "0.02821", 75, calls(ok=971, errors=29)),
    controller_silent("queue_depth", "161", 60, Change({DEPTH: 161})),
)
