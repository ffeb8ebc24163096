"""Contracts of the outcome alerts: what the playbook asks for, and whether it happened."""

from __future__ import annotations

from memoryos_exporter.catalog import Kind, Metric, migration, queue, rollout
from rules.contract import Change, Contract
from rules.contracts.common import (
    ALWAYS_PAGES,
    ALWAYS_TELLS,
    ALWAYS_TICKETS,
    TICKETS,
    after,
    at,
    by_the,
    calls,
    since,
)
from rules.world import Value, mode, of, stage

CUTOVER = since(-300, mode("legacy"), mode("memory_os"))
ONLY_IN_MEMORY_OS = {"memory_os": "critical"}
# What the rules themselves know of a fleet, told to them: a cutover of days ago cannot be seen here.
CUT_OVER = Metric("fleet:memoryos_cutover_timestamp_seconds:last", Kind.GAUGE, "When it was.", "the rules")
WEEK = 7 * 86_400
NO_CUTOVER = "in this mode the fleet was never cut over"

DISABLED = {of(rollout.FALLBACK_ENABLED): 0.0}
ROLLED_BACK = {**mode("legacy"), of(rollout.LAST_ROLLBACK): at(0), of(rollout.LAST_ROLLBACK_LATENCY_P95): 1080}
WORKED_OFF = {
    **ROLLED_BACK,
    of(migration.LAST_RECONCILIATION): at(60),
    of(migration.PARITY_CHECKED): at(120),
}

# An incident that was closed, and the next rollback.
CLOSED_BEFORE = {
    of(rollout.LAST_ROLLBACK): at(-400),
    of(migration.LAST_RECONCILIATION): at(-390),
    of(migration.PARITY_CHECKED): at(-380),
}
AGAIN = {**CLOSED_BEFORE, **ROLLED_BACK}

BOUNDS = (5, 10, 25, 50, 100, 120, 150, 250, 300, 450, 600, 650, 700, 900, 1000, 1100, 2500, 5000, 10000, 15000, 30000)


def split(setting: str, values: dict[object, Value]) -> Contract:
    """One more setting that differs between two nodes."""
    return Contract(
        alert="MemoryOSRolloutSplit",
        variant="" if setting == "canary_ratio" else setting,
        forgets=600,
        beside=True,
        breach=Change(values),  # type: ignore[arg-type]
        fires=600,
        clears=0,
        labels={"setting": setting},
        severities=TICKETS,
        description=f"{setting} is not the same on every node of fleet {{cluster}}/{{job}}: a restarted controller "
        "has the settings of its start options again.",
    )


def _limit(name: str, limit: float) -> str:
    return (
        f"The live limit of {name} on a is {limit:g}. Reviewed: p95 450 ms, errors 0.03, queue 200. A float, a string "
        "or 0 silently becomes the default; a p95 limit between two bounds of the histogram is interpolated."
    )


def threshold(name: str, metric: Metric, limit: float, *also: str) -> Contract:
    """One more limit that is not the reviewed one."""
    return Contract(
        alert="MemoryOSRollbackThresholdDrifted",
        variant="" if name == "queue_depth" else f"{name} {limit:g}",
        forgets=600,
        breach=Change({of(metric): limit}),
        fires=300,
        clears=0,
        labels={"input": name},
        also=tuple(({"input": other}, _limit(other, limit)) for other in also),
        severities=TICKETS,
        description=_limit(name, limit),
    )


def off_bounds(mode: str) -> Contract:
    """A limit on a bound of the histogram is read exactly, one between two bounds is interpolated."""
    return Contract(
        alert="MemoryOSRollbackThresholdDrifted",
        variant=f"off the bounds, {mode}",
        mode=mode,
        narrowed=("input",),
        breach=Change({of(rollout.THRESHOLD_LATENCY_P95): 475}),
        more_silent={f"at-{bound}-ms": Change({of(rollout.THRESHOLD_LATENCY_P95): bound}) for bound in BOUNDS},
        fires=300,
        clears=0,
        forgets=600,
        labels={"input": "latency_bound"},
        severities=TICKETS,
        description=_limit("latency_bound", 475),
    )


NOT_EXECUTED = (
    "a has been beyond a rollback limit for 2m and is still in memory_os. evaluate_rollback/2 was not called, was "
    "refused, or has timed out. Live limits: p95 450 ms, errors 3%, queue 200."
)
FALLBACK_OFF = (
    "fallback_enabled is false on a, within 7d of the cutover or after a rollback: calls that MemoryOS fails reach the "
    "callers as errors, and no counter of MemoryOS's moves."
)
OPEN = (
    "Fleet {{cluster}}/{{job}} rolled back {ago} ago. The incident may be closed when a reconciliation has succeeded "
    "since, parity was checked since with no record missing, and no objective was breached for 1h."
)

CONTRACTS = (
    Contract(
        alert="MemoryOSRollbackNotExecuted",
        breach=Change({of(queue.QUEUE_DEPTH): 201}),
        below=Change({of(queue.QUEUE_DEPTH): 199}),
        boundary=Change({of(queue.QUEUE_DEPTH): 200}),
        more_silent={"rolled-back": Change({of(queue.QUEUE_DEPTH): 201, **mode("legacy")})},
        fires=120,
        clears=0,
        forgets=60,
        severities=ONLY_IN_MEMORY_OS,
        description=NOT_EXECUTED,
    ),
    Contract(
        alert="MemoryOSRollbackNotExecuted",
        variant="latency",
        breach=calls(seconds=1.05),
        more_silent={"too-few-calls": Change(calls=calls(ok=0.2, seconds=1.05).calls, before=calls(ok=0.2))},
        fires=135,
        clears=270,
        severities=ONLY_IN_MEMORY_OS,
        description=NOT_EXECUTED,
    ),
    Contract(
        alert="MemoryOSRollbackNotExecuted",
        variant="errors",
        breach=calls(ok=0, errors=15),
        fires=120,
        clears=285,
        breach_ticks=40,
        severities=ONLY_IN_MEMORY_OS,
        description=NOT_EXECUTED,
    ),
    Contract(
        alert="MemoryOSRolledBack",
        breach=Change(ROLLED_BACK),
        after=Change(ROLLED_BACK),
        # Told for a quarter of an hour, whatever becomes of the node.
        breach_ticks=20,
        fires=0,
        clears=600,
        vanishes=600,
        severities=ALWAYS_PAGES,
        description="evaluate_rollback/2 rolled a back 15s ago. See that every node of the fleet did, keep fallback "
        "enabled, start the reconciliation. The p95 that it decided on: 1080 ms.",
    ),
    Contract(
        alert="MemoryOSRolledBack",
        variant="forgotten by a restart",
        breach=Change({**ROLLED_BACK, of(rollout.LAST_ROLLBACK): lambda now, breach: breach * (now < breach + 60)}),
        after=Change(mode("legacy")),
        # Told for a quarter of an hour, whatever becomes of the node.
        breach_ticks=20,
        fires=0,
        clears=600,
        vanishes=600,
        severities=ALWAYS_PAGES,
        description="evaluate_rollback/2 rolled a back 15s ago. See that every node of the fleet did, keep fallback "
        "enabled, start the reconciliation. The p95 that it decided on: 1080 ms.",
    ),
    Contract(
        alert="MemoryOSModeSplit",
        beside=True,
        breach=Change(mode("legacy")),
        fires=120,
        clears=0,
        forgets=600,
        severities={"memory_os": "critical", "dual_run": "warning"},
        description="2 modes are in effect at once in fleet {cluster}/{job}. Each node has its own controller: a "
        "rollback or a restart changed some of them. Bring all of them to the same mode.",
    ),
    split("canary_ratio", {of(rollout.CANARY_RATIO): 0.5}),
    split("rollout_stage", stage("canary")),  # type: ignore[arg-type]
    split("fallback_enabled", {of(rollout.FALLBACK_ENABLED): 0}),
    split("threshold_latency_p95_ms", {of(rollout.THRESHOLD_LATENCY_P95): 451}),
    split("threshold_error_rate", {of(rollout.THRESHOLD_ERROR_RATE): 0.05}),
    split("threshold_queue_depth", {of(rollout.THRESHOLD_QUEUE_DEPTH): 201}),
    Contract(
        alert="MemoryOSModeLostUnannounced",
        breach=Change(mode("legacy")),
        after=Change(mode("legacy")),
        more_silent={
            "rolled-back": Change(ROLLED_BACK),
            "another-node-rolled-back": Change(
                {**mode("legacy"), of(rollout.LAST_ROLLBACK): at(-200)}, before=Change(CUTOVER)
            ),
        },
        # Told for half an hour.
        start=1800,
        breach_ticks=20,
        fires=30,
        clears=1500,
        forgets=600,
        one_of_two=False,
        severities=ONLY_IN_MEMORY_OS,
        description="Fleet {cluster}/{job} was in memory_os and is not any more, and no rollback was counted. A "
        "controller that restarts falls back to its start options and forgets mode, stage, drift and "
        "counters.",
    ),
    Contract(
        alert="MemoryOSControllerRestarted",
        breach=Change({of(queue.PROCESS_START_TIME, "release"): 5000}),
        after=Change({of(queue.PROCESS_START_TIME, "release"): 5000}),
        more_silent={"manager": Change({of(queue.PROCESS_START_TIME, "manager"): 5000})},
        # Told for a quarter of an hour, whatever becomes of the node.
        breach_ticks=20,
        fires=0,
        without={"restarted": "a restart is what it tells"},
        clears=600,
        vanishes=600,
        severities=ALWAYS_TELLS,
        description="The controller of a restarted 1 times: mode, stage, drift window, last rollback and every "
        "counter are those of its start options again.",
    ),
    Contract(
        alert="MemoryOSFallbackDisabled",
        calm=Change(CUTOVER),
        breach=Change(DISABLED),
        more_silent={
            "long-ago": Change({**DISABLED, **mode("memory_os")}, before=Change(mode("memory_os"))),
            "in-dual-run": Change({**DISABLED, **mode("dual_run")}, before=Change(mode("dual_run"))),
        },
        without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER},
        fires=60,
        clears=0,
        forgets=600,
        severities=ONLY_IN_MEMORY_OS,
        description=FALLBACK_OFF,
    ),
    Contract(
        alert="MemoryOSFallbackDisabled",
        variant="after-rollback",
        # Without an incident it may be disabled where memory_os is not in effect.
        calm=Change({**DISABLED, **mode("legacy")}),
        breach=Change(ROLLED_BACK),
        after=Change({**ROLLED_BACK, of(rollout.FALLBACK_ENABLED): 1}),
        without={"one-of-two": "the other node is in the same incident, and disabled too"},
        fires=60,
        forgets=600,
        clears=0,
        severities=ALWAYS_PAGES,
        description=FALLBACK_OFF,
    ),
    threshold("queue_depth", rollout.THRESHOLD_QUEUE_DEPTH, 300),
    threshold("error_rate", rollout.THRESHOLD_ERROR_RATE, 0.05),
    threshold("latency_p95_ms", rollout.THRESHOLD_LATENCY_P95, 600),
    threshold("latency_p95_ms", rollout.THRESHOLD_LATENCY_P95, 451, "latency_bound"),
    off_bounds("memory_os"),
    off_bounds("legacy"),
    Contract(
        alert="MemoryOSIncidentOpen",
        breach=Change(ROLLED_BACK),
        after=Change(WORKED_OFF),
        still_firing={
            "not-reconciled": Change({**WORKED_OFF, of(migration.LAST_RECONCILIATION): at(-60)}),
            "failed": Change({**WORKED_OFF, of(migration.RECONCILIATIONS, "failed"): after(180, once=True)}),
            "not-checked": Change({**WORKED_OFF, of(migration.PARITY_CHECKED): at(-60)}),
            "missing": Change({**WORKED_OFF, of(migration.PARITY_TARGETS, "missing"): 1}),
        },
        breach_ticks=12,
        fires=0,
        vanishes=None,
        clears=0,
        severities=ALWAYS_TICKETS,
        description=OPEN.format(ago="15s"),
    ),
    Contract(
        # An earlier incident was closed, and only one of two nodes rolled back.
        alert="MemoryOSIncidentOpen",
        variant="again, one of two",
        beside=True,
        calm=Change(CLOSED_BEFORE),
        breach=Change(AGAIN),
        after=Change(WORKED_OFF),
        still_firing={
            "not-reconciled": Change({**WORKED_OFF, of(migration.LAST_RECONCILIATION): at(-60)}),
            "not-checked": Change({**WORKED_OFF, of(migration.PARITY_CHECKED): at(-60)}),
            "missing": Change({**WORKED_OFF, of(migration.PARITY_TARGETS, "missing"): 1}),
        },
        breach_ticks=12,
        fires=0,
        clears=0,
        vanishes=None,
        severities=ALWAYS_TICKETS,
        description=OPEN.format(ago="15s"),
    ),
    Contract(
        alert="MemoryOSIncidentOpen",
        variant="until the objectives are quiet",
        calm=calls(seconds=1.05),
        breach=Change(ROLLED_BACK, ()),
        after=Change(WORKED_OFF, ()),
        breach_ticks=12,
        fires=0,
        vanishes=None,
        without={"one-of-two": "the other node goes on being slow, so that the incident stays open"},
        clears=3690,
        severities=ALWAYS_TICKETS,
        description=OPEN.format(ago="15s"),
    ),
    by_the(
        3600,
        Contract(
            # Fallback must stay on for a week after the cutover, which was so long ago but eight hours.
            alert="MemoryOSFallbackDisabled",
            variant="for a week",
            calm=Change({of(CUT_OVER): at(8 * 3600 - WEEK)}),
            breach=Change(DISABLED),
            after=Change(DISABLED),
            more_silent={"in-dual-run": Change({**DISABLED, **mode("dual_run")})},
            without={"dual-run": NO_CUTOVER, "legacy": NO_CUTOVER, "three-jobs": NO_CUTOVER},
            fires=3600,
            breach_ticks=4,
            clears=4 * 3600,
            vanishes=0,
            severities=ONLY_IN_MEMORY_OS,
            description=FALLBACK_OFF,
        ),
    ),
)
