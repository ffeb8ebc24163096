"""Contracts of the cutover alerts."""

from __future__ import annotations

from memoryos_exporter.catalog import queue, rollout
from rules.contract import Change, Contract
from rules.contracts.common import calls, since
from rules.contracts.rollback_outcome import CUTOVER, NO_CUTOVER
from rules.world import Key, Value, mode, of

FALLBACKS = of(rollout.FALLBACKS)


def path(name: str, growth: float) -> dict[Key, Value]:
    """Calls of both operations on one path, each tick."""
    return {of(rollout.PATH_CALLS, operation, name): growth for operation in ("remember", "retrieve")}


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
        calm=Change(path("memory_os", 50)),
        breach=Change({FALLBACKS: 1.25, **path("memory_os", 50)}),
        below=Change({FALLBACKS: 0.9, **path("memory_os", 50)}),
        fires=360,
        clears=345,
        breach_ticks=40,
        vanishes=360,
        severities={"memory_os": "warning"},
        description="1.235% of the calls in memory_os on a fell back to legacy, more than 1%. They count as errors: the"
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
    Contract(
        alert="MemoryOSCutoverWatch",
        calm=Change(CUTOVER),
        breach=calls(seconds=0.4),
        below=calls(seconds=0.28),
        more_silent={
            "too-few-calls": Change(calls=calls(ok=0.2, seconds=0.4).calls, before=calls(ok=0.2)),
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
        description="latency_p95_ms on a is 428.6, more than 80% of its live limit (p95 450 ms, errors 3%, queue "
        "200). Go on evaluating rollback triggers.",
    ),
    Contract(
        alert="MemoryOSCutoverWatch",
        variant="errors",
        calm=Change(CUTOVER),
        breach=calls(ok=971, errors=29),
        fires=75,
        vanishes=360,
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        clears=570,
        breach_ticks=20,
        labels={"input": "error_rate"},
        severities={"memory_os": "warning"},
        description="error_rate on a is 0.02821, more than 80% of its live limit (p95 450 ms, errors 3%, queue 200)."
        " Go on evaluating rollback triggers.",
    ),
    Contract(
        alert="MemoryOSCutoverWatch",
        variant="queue",
        calm=Change(CUTOVER),
        breach=Change({of(queue.QUEUE_DEPTH): 161}),
        more_silent={"exactly": Change({of(queue.QUEUE_DEPTH): 160})},
        fires=60,
        vanishes=360,
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        clears=300,
        labels={"input": "queue_depth"},
        severities={"memory_os": "warning"},
        description="queue_depth on a is 161, more than 80% of its live limit (p95 450 ms, errors 3%, queue 200). Go"
        " on evaluating rollback triggers.",
    ),
    Contract(
        # The first high-traffic window lasts a day; here it began, by the clock of the tests, that long ago.
        alert="MemoryOSCutoverWatch",
        variant="not in legacy again",
        calm=Change(CUTOVER),
        breach=Change({of(queue.QUEUE_DEPTH): 161}),
        after=Change({of(queue.QUEUE_DEPTH): 161, **mode("legacy")}),
        fires=60,
        vanishes=360,
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        clears=300,
        labels={"input": "queue_depth"},
        severities={"memory_os": "warning"},
        description="queue_depth on a is 161, more than 80% of its live limit (p95 450 ms, errors 3%, queue 200). Go"
        " on evaluating rollback triggers.",
    ),
)
