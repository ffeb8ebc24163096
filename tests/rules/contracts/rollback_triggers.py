"""Contracts of the rollback triggers: only in memory_os, strict, behind the minimum of operations."""

from __future__ import annotations

from dataclasses import replace

from memoryos_exporter.catalog import operations, queue, rollout
from rules.contract import Change, Contract
from rules.contracts.common import calls
from rules.world import Calls, Key, Value, of

ONLY_IN_MEMORY_OS = {"memory_os": "critical"}


def percentiles(p95: float = 80, errors: float = 0.0, finished: float = 300) -> Change:
    """A host that has only percentiles."""
    values: dict[object, Value] = {
        of(operations.LATENCY_P95, "memory_os"): p95,
        of(operations.ERROR_RATE, "memory_os"): errors,
        of(operations.WINDOW_OPERATIONS, "memory_os"): finished,
    }
    return Change(values, ())  # type: ignore[arg-type]


def only_percentiles(**breach: float) -> Change:
    """The same, that never had calls to count."""
    changed = percentiles(**breach)
    return Change(changed.values, (), before=percentiles())


def beside(bad: Key, value: float) -> Change:
    """All is well but for one series."""
    return Change({**percentiles().values, bad: value}, ())


def controller_silent(alert: str, text: str, breach: Change) -> Contract:
    """What the controller last said of limits and mode counts for ten minutes."""
    return Contract(
        alert=alert,
        variant="controller silent",
        calm=percentiles(),
        breach=breach,
        after=replace(breach, null=frozenset({"release"})),
        fires=30,
        vanishes=180,
        clears=705,
        severities=ONLY_IN_MEMORY_OS,
        description=text,
    )


# Hardly any call in memory_os, and many in legacy by targets outside the cohort.
FEW_AND_SLOW = (Calls("memory_os", ok=0.5, seconds=1.05), Calls("legacy", ok=50))
FEW_AND_FAILING = (Calls("memory_os", ok=0, errors=0.5), Calls("legacy", ok=50))
QUEUE_LIMIT = of(rollout.THRESHOLD_QUEUE_DEPTH)

CONTRACTS = (
    Contract(
        alert="MemoryOSRollbackLatency",
        breach=calls(seconds=1.05),
        below=calls(seconds=0.42),
        boundary=only_percentiles(p95=450),
        more_silent={
            "too-few-calls": only_percentiles(p95=2000, finished=19),
            "another-input": Change({of(queue.QUEUE_DEPTH): 201}),
            "calls-of-legacy": Change({}, FEW_AND_SLOW, before=Change(calls=FEW_AND_SLOW)),
            "limit-raised": Change({of(rollout.THRESHOLD_LATENCY_P95): 2000}, calls(seconds=1.05).calls),
        },
        fires=45,
        vanishes=180,
        clears=390,
        forgets=405,
        breach_ticks=40,
        severities=ONLY_IN_MEMORY_OS,
        description="p95 on a is 1080 ms in memory_os, the live limit is 450 ms. evaluate_rollback/2 will roll back.",
    ),
    Contract(
        alert="MemoryOSRollbackLatency",
        variant="percentiles-only",
        calm=percentiles(),
        breach=percentiles(p95=451, finished=20),
        more_silent={"another-mode-is-slow": beside(of(operations.LATENCY_P95, "legacy"), 2000)},
        fires=30,
        forgets=180,
        vanishes=180,
        clears=120,
        severities=ONLY_IN_MEMORY_OS,
        description="p95 on a is 451 ms in memory_os, the live limit is 450 ms. evaluate_rollback/2 will roll back.",
    ),
    Contract(
        alert="MemoryOSRollbackErrorRate",
        breach=calls(ok=0, errors=15),
        below=calls(ok=980, errors=20),
        boundary=only_percentiles(errors=0.03),
        more_silent={
            "too-few-calls": only_percentiles(errors=1.0, finished=19),
            "another-input": Change({of(queue.QUEUE_DEPTH): 201}),
            "calls-of-legacy": Change({}, FEW_AND_FAILING, before=Change(calls=FEW_AND_FAILING)),
            "limit-raised": Change({of(rollout.THRESHOLD_ERROR_RATE): 1.0}, calls(ok=0, errors=15).calls),
        },
        fires=30,
        vanishes=180,
        clears=405,
        forgets=405,
        breach_ticks=40,
        severities=ONLY_IN_MEMORY_OS,
        description="20% of the calls in memory_os failed on a, fallbacks included although their callers saw ok; "
        "the live limit is 3%. evaluate_rollback/2 will roll back.",
    ),
    Contract(
        alert="MemoryOSRollbackErrorRate",
        variant="percentiles-only",
        calm=percentiles(),
        breach=percentiles(errors=0.031, finished=20),
        more_silent={"another-mode-fails": beside(of(operations.ERROR_RATE, "legacy"), 1)},
        fires=30,
        forgets=180,
        vanishes=180,
        clears=120,
        severities=ONLY_IN_MEMORY_OS,
        description="3.1% of the calls in memory_os failed on a, fallbacks included although their callers saw ok; "
        "the live limit is 3%. evaluate_rollback/2 will roll back.",
    ),
    Contract(
        # Every caller saw ok, because legacy answered.
        alert="MemoryOSRollbackErrorRate",
        variant="fallbacks",
        breach=Change({of(rollout.FALLBACKS): 15}),
        fires=30,
        forgets=405,
        vanishes=180,
        clears=405,
        breach_ticks=40,
        severities=ONLY_IN_MEMORY_OS,
        description="20% of the calls in memory_os failed on a, fallbacks included although their callers saw ok; "
        "the live limit is 3%. evaluate_rollback/2 will roll back.",
    ),
    Contract(
        alert="MemoryOSRollbackQueueDepth",
        breach=Change({of(queue.QUEUE_DEPTH): 201}),
        below=Change({of(queue.QUEUE_DEPTH): 199}),
        boundary=Change({of(queue.QUEUE_DEPTH): 200}),
        more_silent={
            "another-input": calls(seconds=1.05),
            "limit-raised": Change({of(queue.QUEUE_DEPTH): 201, QUEUE_LIMIT: 201}),
            "too-few-calls": Change({of(queue.QUEUE_DEPTH): 19, QUEUE_LIMIT: 5}, (), before=Change(calls=())),
            "calls-of-legacy": Change(
                {of(queue.QUEUE_DEPTH): 19, QUEUE_LIMIT: 5}, FEW_AND_SLOW, before=Change(calls=FEW_AND_SLOW)
            ),
        },
        fires=30,
        vanishes=180,
        clears=120,
        forgets=180,
        severities=ONLY_IN_MEMORY_OS,
        description="201 requests are queued on a in memory_os, the live limit is 200. evaluate_rollback/2 will roll"
        " back. The depth reads low under load: look at the mailbox too.",
    ),
    Contract(
        # Exactly twenty calls in the window, of which hardly any waits.
        alert="MemoryOSRollbackQueueDepth",
        variant="just enough finish",
        calm=Change({QUEUE_LIMIT: 5}, (Calls("memory_os", ok=1),)),
        breach=Change({of(queue.QUEUE_DEPTH): 6}),
        fires=30,
        without={"vanished": "exactly enough calls are too few with one less"},
        clears=120,
        severities=ONLY_IN_MEMORY_OS,
        description="6 requests are queued on a in memory_os, the live limit is 5. evaluate_rollback/2 will roll"
        " back. The depth reads low under load: look at the mailbox too.",
    ),
    Contract(
        # Exactly twenty calls wait, and none has finished.
        alert="MemoryOSRollbackQueueDepth",
        variant="just enough wait",
        calm=Change({QUEUE_LIMIT: 5}, ()),
        breach=Change({of(queue.QUEUE_DEPTH): 20}),
        fires=30,
        forgets=180,
        vanishes=180,
        clears=120,
        severities=ONLY_IN_MEMORY_OS,
        description="20 requests are queued on a in memory_os, the live limit is 5. evaluate_rollback/2 will roll"
        " back. The depth reads low under load: look at the mailbox too.",
    ),
    Contract(
        # Calls that wait are calls too, although none has finished.
        alert="MemoryOSRollbackQueueDepth",
        variant="nothing-finishes",
        calm=Change(calls=()),
        breach=Change({of(queue.QUEUE_DEPTH): 201}, ()),
        fires=30,
        forgets=180,
        vanishes=180,
        clears=120,
        severities=ONLY_IN_MEMORY_OS,
        description="201 requests are queued on a in memory_os, the live limit is 200. evaluate_rollback/2 will roll"
        " back. The depth reads low under load: look at the mailbox too.",
    ),
    controller_silent(
        "MemoryOSRollbackLatency",
        "p95 on a is 451 ms in memory_os, the live limit is 450 ms. evaluate_rollback/2 will roll back.",
        percentiles(p95=451),
    ),
    controller_silent(
        "MemoryOSRollbackErrorRate",
        "3.1% of the calls in memory_os failed on a, fallbacks included although their callers saw ok; the live limit "
        "is 3%. evaluate_rollback/2 will roll back.",
        percentiles(errors=0.031),
    ),
    controller_silent(
        "MemoryOSRollbackQueueDepth",
        "201 requests are queued on a in memory_os, the live limit is 200. evaluate_rollback/2 will roll back. The "
        "depth reads low under load: look at the mailbox too.",
        Change({of(queue.QUEUE_DEPTH): 201}, ()),
    ),
    Contract(
        # Every call fails, and legacy fails for it too: more failures than calls are all of them.
        alert="MemoryOSRollbackErrorRate",
        variant="more fallbacks than calls",
        calm=calls(ok=0, errors=0),
        breach=Change({of(rollout.FALLBACKS): 15}, calls(ok=0, errors=15).calls),
        fires=45,
        vanishes=180,
        clears=405,
        breach_ticks=40,
        severities=ONLY_IN_MEMORY_OS,
        description="100% of the calls in memory_os failed on a, fallbacks included although their callers saw ok; "
        "the live limit is 3%. evaluate_rollback/2 will roll back.",
    ),
)
