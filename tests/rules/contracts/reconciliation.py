"""Contracts of the reconciliation alerts."""

from __future__ import annotations

from memoryos_exporter.catalog import migration, rollout
from rules.contract import Change, Contract
from rules.contracts.common import ALWAYS_PAGES, ALWAYS_TICKETS, after, at, by_the
from rules.contracts.rollback_outcome import AGAIN, CLOSED_BEFORE, ROLLED_BACK
from rules.world import of

MISSING = of(migration.PARITY_TARGETS, "missing")

CONTRACTS = (
    Contract(
        alert="MemoryOSReconciliationOverdue",
        breach=Change(ROLLED_BACK),
        after=Change({**ROLLED_BACK, of(migration.LAST_RECONCILIATION): at(1900)}),
        still_firing={"reconciled-before": Change({**ROLLED_BACK, of(migration.LAST_RECONCILIATION): at(-60)})},
        more_silent={
            "reconciled": Change({**ROLLED_BACK, of(migration.LAST_RECONCILIATION): at(600)}),
            "reconciled-at-once": Change({**ROLLED_BACK, of(migration.LAST_RECONCILIATION): at(0)}),
            "running": Change({**ROLLED_BACK, of(migration.RECONCILIATION_RUNNING): 1}),
            "never-rolled-back": Change({of(rollout.LAST_ROLLBACK): 0}),
        },
        fires=1845,
        vanishes=None,
        clears=0,
        severities=ALWAYS_TICKETS,
        description="Fleet {cluster}/{job} rolled back 31m 0s ago, longer than the deadline of 30m, and no "
        "reconciliation has ended since or is running.",
    ),
    Contract(
        # An earlier incident was closed, and only one of two nodes rolled back.
        alert="MemoryOSReconciliationOverdue",
        variant="again, one of two",
        beside=True,
        calm=Change(CLOSED_BEFORE),
        breach=Change(AGAIN),
        after=Change({**AGAIN, of(migration.LAST_RECONCILIATION): at(1900)}),
        more_silent={"running": Change({**AGAIN, of(migration.RECONCILIATION_RUNNING): 1})},
        fires=1845,
        clears=0,
        vanishes=None,
        severities=ALWAYS_TICKETS,
        description="Fleet {cluster}/{job} rolled back 31m 0s ago, longer than the deadline of 30m, and no "
        "reconciliation has ended since or is running.",
    ),
    Contract(
        alert="MemoryOSReconciliationFailed",
        breach=Change({of(migration.RECONCILIATIONS, "failed"): after(0, once=True)}),
        after=Change({of(migration.RECONCILIATIONS, "succeeded"): after(240, once=True)}),
        still_firing={"nothing-since": Change()},
        more_silent={"succeeded": Change({of(migration.RECONCILIATIONS, "succeeded"): after(0, once=True)})},
        breach_ticks=16,
        fires=0,
        vanishes=None,
        clears=0,
        severities=ALWAYS_PAGES,
        description="A reconciliation of fleet {cluster}/{job} left failed records 0s ago and none has succeeded "
        "since. reconcile_post_rollback/3 answers ok with failed 0 by default: the failures stand in its"
        " reports.",
    ),
    by_the(
        60,
        Contract(
            # How long ago it was is told from the last minute in which it was seen.
            alert="MemoryOSReconciliationFailed",
            variant="a minute ago",
            breach=Change({of(migration.RECONCILIATIONS, "failed"): after(0, once=True)}),
            after=Change({of(migration.RECONCILIATIONS, "succeeded"): after(480, once=True)}),
            breach_ticks=8,
            fires=0,
            vanishes=None,
            clears=0,
            severities=ALWAYS_PAGES,
            description="A reconciliation of fleet {cluster}/{job} left failed records 1m 0s ago and none has "
            "succeeded since. reconcile_post_rollback/3 answers ok with failed 0 by default: the failures stand in its "
            "reports.",
        ),
    ),
    Contract(
        alert="MemoryOSReconciliationFailed",
        variant="records, whatever the call said",
        breach=Change({of(migration.RECONCILIATION_RECORDS, "failed"): after(0, 7, once=True)}),
        after=Change({of(migration.RECONCILIATIONS, "succeeded"): after(240, once=True)}),
        breach_ticks=16,
        fires=0,
        vanishes=None,
        clears=0,
        severities=ALWAYS_PAGES,
        description="A reconciliation of fleet {cluster}/{job} left failed records 0s ago and none has succeeded "
        "since. reconcile_post_rollback/3 answers ok with failed 0 by default: the failures stand in its"
        " reports.",
    ),
    Contract(
        alert="MemoryOSParityNotRestored",
        breach=Change({**ROLLED_BACK, MISSING: 1, of(migration.PARITY_CHECKED): at(0)}),
        after=Change({**ROLLED_BACK, of(migration.PARITY_CHECKED): at(0)}),
        more_silent={
            "checked-before": Change({**ROLLED_BACK, MISSING: 1, of(migration.PARITY_CHECKED): at(-60)}),
            "never-rolled-back": Change({MISSING: 1, of(migration.PARITY_CHECKED): at(0)}),
            "extra": Change(
                {**ROLLED_BACK, of(migration.PARITY_TARGETS, "extra"): 3, of(migration.PARITY_CHECKED): at(0)}
            ),
        },
        fires=300,
        clears=0,
        forgets=600,
        severities=ALWAYS_TICKETS,
        description="In 1 targets of fleet {cluster}/{job} legacy has more records than MemoryOS, checked after "
        "the rollback. Targets where MemoryOS has more are not counted: those were written while "
        "memory_os was live.",
    ),
    Contract(
        # The controller is silent while the reconciliation runs: that it ran counts for ten minutes.
        alert="MemoryOSReconciliationOverdue",
        variant="silent while it runs",
        calm=Change({of(rollout.LAST_ROLLBACK): at(-1700), of(migration.RECONCILIATION_RUNNING): 1}),
        breach=Change(null=frozenset({"reconciliation"})),
        after=Change({of(migration.LAST_RECONCILIATION): at(0)}),
        start=2400,
        fires=630,
        clears=0,
        vanishes=None,
        without={
            "one-of-two": "the other node says that nothing runs any more",
            "replaced": "the other node says that nothing runs any more",
            "no-data": "that a node is gone does not end it",
            "restarted": "that a node is gone does not end it",
        },
        severities=ALWAYS_TICKETS,
        description="Fleet {cluster}/{job} rolled back 39m 5s ago, longer than the deadline of 30m, and no "
        "reconciliation has ended since or is running.",
    ),
)
