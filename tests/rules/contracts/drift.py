"""Contracts of the drift and gate alerts."""

from __future__ import annotations

from dataclasses import replace

from memoryos_exporter.catalog import queue, reading, rollout
from rules.contract import Change, Contract
from rules.contracts.common import by_the, since, value
from rules.world import Key, Value, mode, of, stage

TICKETS_IN_DUAL_RUN = {"dual_run": "warning"}
READY, TAKEN = of(rollout.CUTOVER_READY), of(rollout.DRIFT_SAMPLES_TAKEN)
PATHS = {of(rollout.PATH_CALLS, operation, "memory_os"): 0.0 for operation in ("remember", "retrieve")}
BLIND = (
    "The gate of a would let a cutover pass, and its manager is dead or silent. Reads of empty agents do not drift, so "
    "the gate passes on a dead MemoryOS."
)
STALE = (
    "The gate of a is green, but fewer samples than the 20 that it asks for were taken within 1h, or since memory_os "
    "was last in effect. Sampling stops outside dual_run and the window never expires."
)
WITHOUT_GATE = (
    "Fleet {cluster}/{job} entered memory_os within 30m although the gate was never green meanwhile. set_mode/2 cannot "
    "do that: a controller was started with mode: :memory_os."
)
CALM_HAS_MODES = "the calm before it already goes through the modes that matter"


def before_breach(growth: float) -> Value:
    """Growth that ends with the breach."""
    return lambda now, breach: growth * (now < breach)


def path(growth: Value) -> dict[Key, Value]:
    """Calls of both operations to MemoryOS, each tick."""
    return {of(rollout.PATH_CALLS, operation, "memory_os"): growth for operation in ("remember", "retrieve")}


# Once in three minutes: sums that are exact.
A_THIRD: Value = lambda now, _: float(now % 180 == 0)  # noqa: E731

CONTRACTS = (
    Contract(
        alert="MemoryOSDriftRegression",
        mode="dual_run",
        breach=value(rollout.DRIFT_MAX, 0.21),
        below=value(rollout.DRIFT_MAX, 0.19),
        boundary=value(rollout.DRIFT_MAX, 0.2),
        more_silent={
            "few-samples": Change({of(rollout.DRIFT_MAX): 0.5, of(rollout.DRIFT_SAMPLES): 19}),
            "threshold-raised": Change({of(rollout.DRIFT_MAX): 0.21, of(rollout.DRIFT_THRESHOLD): 0.3}),
        },
        fires=300,
        clears=0,
        forgets=600,
        severities=TICKETS_IN_DUAL_RUN,
        description="The worst drift on a is 0.21, the gate allows 0.2. One bad sample keeps the gate shut until 400"
        " newer ones have pushed it out.",
    ),
    Contract(
        alert="MemoryOSDriftRegression",
        variant="exactly enough samples",
        mode="dual_run",
        breach=Change({of(rollout.DRIFT_MAX): 0.21, of(rollout.DRIFT_SAMPLES): 20}),
        fires=300,
        clears=0,
        severities=TICKETS_IN_DUAL_RUN,
        description="The worst drift on a is 0.21, the gate allows 0.2. One bad sample keeps the gate shut until 400"
        " newer ones have pushed it out.",
    ),
    Contract(
        alert="MemoryOSDriftSamplingStalled",
        mode="dual_run",
        breach=Change({TAKEN: 0}),
        below=Change({TAKEN: 0, **dict.fromkeys(PATHS, 0.05)}, before=Change(dict.fromkeys(PATHS, 0.05))),
        fires=2085,
        clears=0,
        forgets=600,
        severities=TICKETS_IN_DUAL_RUN,
        description="240 calls went to MemoryOS on a in dual_run within 30m and no drift sample was taken. Only "
        "retrieve takes samples, and only when legacy answers.",
    ),
    Contract(
        alert="MemoryOSCutoverGateBlind",
        mode="dual_run",
        breach=value(queue.PROCESS_UP, "manager", 0),
        more_silent={
            "gate-red": Change({of(queue.PROCESS_UP, "manager"): 0, READY: 0}),
            "controller": value(queue.PROCESS_UP, "release", 0),
            "answers-seldom": Change({of(reading.PART_UP, "manager"): lambda now, _: float(now % 45 == 0)}),
        },
        fires=30,
        clears=0,
        forgets=60,
        severities=TICKETS_IN_DUAL_RUN,
        description=BLIND,
    ),
    Contract(
        alert="MemoryOSCutoverGateBlind",
        variant="silent",
        mode="dual_run",
        breach=value(reading.PART_UP, "manager", 0),
        fires=90,
        clears=0,
        severities=TICKETS_IN_DUAL_RUN,
        description=BLIND,
    ),
    Contract(
        alert="MemoryOSCutoverGateStale",
        breach=Change(mode("legacy")),
        more_silent={"gate-red": Change({**mode("legacy"), READY: 0})},
        without={"legacy": "a green gate in legacy is stale from the beginning"},
        fires=300,
        clears=0,
        forgets=600,
        severities={"memory_os": "warning"},
        description=STALE,
    ),
    Contract(
        # Samples from before memory_os was in effect count within the hour, but say nothing about what came after.
        alert="MemoryOSCutoverGateStale",
        variant="samples from before",
        calm=Change(since(-180, {**mode("dual_run"), TAKEN: 5}, {**mode("memory_os"), TAKEN: 0})),
        breach=Change({**mode("dual_run"), TAKEN: 0.5}),
        after=Change({**mode("dual_run"), TAKEN: 50}),
        more_silent={
            "enough-since": Change({**mode("dual_run"), TAKEN: 7}),
            "never-in-memory-os": Change(
                {**mode("dual_run"), TAKEN: 0.5}, before=Change({**mode("dual_run"), TAKEN: 5})
            ),
        },
        breach_ticks=30,
        fires=300,
        forgets=600,
        without={"dual-run": CALM_HAS_MODES, "legacy": CALM_HAS_MODES},
        clears=0,
        severities={"memory_os": "warning"},
        description=STALE,
    ),
    Contract(
        alert="MemoryOSCutoverWithoutGate",
        mode="legacy",
        calm=Change({READY: 0}),
        breach=Change(mode("memory_os")),
        more_silent={
            "gate-green": Change({**mode("memory_os"), READY: 1}, before=Change({READY: 1})),
            "gate-was-green": Change({**mode("memory_os"), READY: 0}, before=Change({READY: 1})),
        },
        breach_ticks=40,
        fires=30,
        clears=0,
        forgets=600,
        severities={"legacy": "critical", "dual_run": "critical"},
        description=WITHOUT_GATE,
    ),
    Contract(
        alert="MemoryOSStageAdvancedWhileRed",
        mode="dual_run",
        calm=Change({**stage("internal"), READY: 0}),
        breach=Change(stage("canary")),
        after=Change(stage("canary")),
        more_silent={
            "gate-green": Change({**stage("canary"), READY: 1}, before=Change({READY: 1})),
            "gate-was-green": Change({**stage("canary"), READY: 0}, before=Change({READY: 1})),
            "begins": Change({**stage("canary"), **mode("dual_run")}, before=Change(mode("legacy"))),
        },
        calm_ticks=44,
        breach_ticks=20,
        fires=30,
        clears=300,
        severities=TICKETS_IN_DUAL_RUN,
        description="a went on to stage 1 (1 canary, 2 global) although its gate was red for all of the last 10m.",
    ),
    Contract(
        alert="MemoryOSStageAdvancedWhileRed",
        variant="to global",
        mode="dual_run",
        calm=Change({**stage("canary"), READY: 0}),
        breach=Change(stage("global")),
        after=Change(stage("global")),
        calm_ticks=44,
        breach_ticks=20,
        fires=30,
        clears=300,
        severities=TICKETS_IN_DUAL_RUN,
        description="a went on to stage 2 (1 canary, 2 global) although its gate was red for all of the last 10m.",
    ),
    # The controller is silent while its manager is dead: the gate that it last told of counts for ten minutes.
    Contract(
        alert="MemoryOSCutoverGateBlind",
        variant="controller silent",
        mode="dual_run",
        breach=value(queue.PROCESS_UP, "manager", 0),
        after=replace(value(queue.PROCESS_UP, "manager", 0), null=frozenset({"release"})),
        fires=30,
        clears=585,
        severities=TICKETS_IN_DUAL_RUN,
        description=BLIND,
    ),
    by_the(
        60,
        Contract(
            # Exactly enough calls in half an hour; many before that do not count.
            alert="MemoryOSDriftSamplingStalled",
            variant="exactly enough calls",
            mode="dual_run",
            calm=Change(path(A_THIRD)),
            breach=Change({TAKEN: 0, **path(A_THIRD)}),
            more_silent={"calls-before": Change({TAKEN: 0, **path(before_breach(10))})},
            fires=2040,
            clears=0,
            vanishes=0,
            calm_ticks=7 * 40,
            severities=TICKETS_IN_DUAL_RUN,
            description="20 calls went to MemoryOS on a in dual_run within 30m and no drift sample was taken. Only "
            "retrieve takes samples, and only when legacy answers.",
        ),
    ),
    by_the(
        60,
        Contract(
            # The gate was open, but not within half an hour.
            alert="MemoryOSCutoverWithoutGate",
            variant="open long ago",
            mode="legacy",
            calm=Change({READY: lambda now, breach: float(now < breach - 1860)}),
            breach=Change({**mode("memory_os"), READY: 0}),
            after=Change({**mode("memory_os"), READY: 0}),
            more_silent={"open-before": Change({**mode("memory_os"), READY: 0}, before=Change({READY: 1}))},
            calm_ticks=7 * 60,
            breach_ticks=20,
            fires=60,
            clears=540,
            vanishes=60,
            severities={"legacy": "critical", "dual_run": "critical"},
            description=WITHOUT_GATE,
        ),
    ),
    by_the(
        60,
        Contract(
            # Twenty samples within the hour are just enough, nineteen are not, and older ones do not count.
            alert="MemoryOSCutoverGateStale",
            variant="within the hour",
            mode="dual_run",
            calm=Change({TAKEN: 0.5}),
            breach=Change({TAKEN: 0}),
            after=Change({TAKEN: 5}),
            more_silent={
                "exactly-enough": Change({TAKEN: A_THIRD}),
                "enough-before": Change({TAKEN: lambda now, breach: 0.5 * (now > breach + 600)}),
            },
            without={
                "legacy": "a green gate in legacy is stale from the beginning",
                "replaced": "a new node has taken no samples within the hour",
            },
            calm_ticks=7 * 70,
            breach_ticks=35,
            fires=1500,
            clears=120,
            vanishes=60,
            severities=TICKETS_IN_DUAL_RUN,
            description=STALE,
        ),
    ),
    Contract(
        # Red for ten minutes is red all along, and so is dual_run.
        alert="MemoryOSStageAdvancedWhileRed",
        variant="just long enough",
        mode="dual_run",
        calm=Change(
            {
                **stage("internal"),
                **since(-660, mode("legacy"), mode("dual_run")),
                READY: lambda now, breach: float(now < breach - 660),
            }
        ),
        breach=Change({**stage("canary"), READY: 0, **mode("dual_run")}),
        after=Change({**stage("canary"), READY: 0, **mode("dual_run")}),
        calm_ticks=60,
        breach_ticks=20,
        fires=30,
        clears=300,
        without={"legacy": CALM_HAS_MODES, "memory-os": CALM_HAS_MODES, "three-jobs": CALM_HAS_MODES},
        severities=TICKETS_IN_DUAL_RUN,
        description="a went on to stage 1 (1 canary, 2 global) although its gate was red for all of the last 10m.",
    ),
)
