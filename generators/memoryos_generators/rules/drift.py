"""Does MemoryOS answer what legacy answers, and can the cutover gate be believed (specification 4.2, 2.1 to 2.3)."""

from __future__ import annotations

from memoryos_exporter.catalog import queue, reading, rollout

from ..config import Config
from ..duration import Duration
from .fleet_state import GATE_OPEN, IN_MEMORY_OS
from .model import Alert, Area, Condition, Recording
from .promql import Promql
from .steps import STEPS
from .templates import GENERAL, NODE, VALUE, WHOLE, fleet, live

AREA = "drift"

# 0 internal, 1 canary, 2 global.
STAGE_INDEX = "instance:memoryos_rollout_stage_index:sum"
# How many samples had been taken when memory_os was last in effect: older ones say nothing about what came after.
TAKEN_BEFORE = "instance:memoryos_drift_samples_taken:in_memory_os"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    stage = rollout.ROLLOUT_STAGE
    return Area(
        AREA,
        (
            _regression(q, config),
            _stalled(q, config),
            _gate_blind(q),
            _gate_stale(q, config),
            _without_gate(config),
            _advanced_while_red(q, config),
        ),
        (
            Recording(
                STAGE_INDEX,
                f"sum without (rollout_stage) ({q.known(stage, rollout_stage='canary')}"
                f" or 2 * {q.known(stage, rollout_stage='global')}) and {q.present()}",
                "How far the rollout is: 0 internal, 1 canary, 2 global.",
            ),
            Recording(
                TAKEN_BEFORE,
                f"{q.known(rollout.DRIFT_SAMPLES_TAKEN)} and {q.in_mode('memory_os')}"
                f" or last_over_time({TAKEN_BEFORE}[{config.rules.remembered_gap}]) and {q.present()}",
                "Drift samples that had been taken when the node was last in memory_os.",
            ),
        ),
    )


def _regression(q: Promql, config: Config) -> Alert:
    threshold = q.known(rollout.DRIFT_THRESHOLD)
    enough = f"{q.known(rollout.DRIFT_SAMPLES)} >= {q.known(rollout.DRIFT_MIN_SAMPLES)}"
    return Alert(
        name="MemoryOSDriftRegression",
        area=AREA,
        conditions=(
            Condition(
                f"{q.known(rollout.DRIFT_MAX)} > {threshold} and {enough} and {q.in_mode('dual_run')}", Duration(300)
            ),
        ),
        severity="warning",
        migration_only=True,
        reason="One bad sample shuts the gate at once; five minutes gather the samples to compare.",
        summary="MemoryOS answers otherwise than legacy: freeze the cutover.",
        description=f"The worst drift on {NODE} is {VALUE}, the gate allows "
        f"{live(config, rollout.DRIFT_THRESHOLD, GENERAL)}. One bad sample keeps the gate shut until 400 newer "
        "ones have pushed it out.",
        step=STEPS["4.2.1"],
        dashboard="memoryos-drift",
    )


def _stalled(q: Promql, config: Config) -> Alert:
    window = config.rules.edge_window
    calls = f"sum without (operation, path) (increase({q(rollout.PATH_CALLS, path='memory_os')}[{window}]))"
    samples = f"increase({q(rollout.DRIFT_SAMPLES_TAKEN)}[{window}]) == 0"
    return Alert(
        name="MemoryOSDriftSamplingStalled",
        area=AREA,
        conditions=(
            Condition(
                f"{calls} >= {config.rules.minimum_operations} and {samples} and {q.in_mode('dual_run')}", Duration(300)
            ),
        ),
        severity="warning",
        migration_only=True,
        reason="The window already holds half an hour of calls; five minutes more for a quiet moment.",
        summary="Dual run has traffic but takes no drift samples: the gate cannot make progress.",
        description=f"{WHOLE} calls went to MemoryOS on {NODE} in dual_run within {window} and no drift sample was "
        "taken. Only retrieve takes samples, and only when legacy answers.",
        step=STEPS["2.1.3"],
        dashboard="memoryos-drift",
    )


def _gate_blind(q: Promql) -> Alert:
    dead = f"max without (process) ({q.recent(queue.PROCESS_UP, process='manager')}) == 0"
    silent = f"max without (part) (max_over_time({q(reading.PART_UP, part='manager')}[{q.rules.recent}])) == 0"
    return Alert(
        name="MemoryOSCutoverGateBlind",
        area=AREA,
        conditions=(
            Condition(
                f"{q.known(rollout.CUTOVER_READY)} == 1 and {q.in_mode('dual_run')} and ({dead} or {silent})",
                Duration(30),
            ),
        ),
        severity="warning",
        migration_only=True,
        reason="Two scrapes on top of the minute without an answer.",
        summary="The cutover gate is green although MemoryOS is dead or does not answer.",
        description=f"The gate of {NODE} would let a cutover pass, and its manager is dead or silent. Reads of empty "
        "agents do not drift, so the gate passes on a dead MemoryOS.",
        step=STEPS["2.3.2"],
        dashboard="memoryos-rollout",
    )


def _gate_stale(q: Promql, config: Config) -> Alert:
    open_gate = f"{q.state(rollout.CUTOVER_READY)} == 1 unless {q.in_mode('memory_os')}"
    least = q.known(rollout.DRIFT_MIN_SAMPLES)
    taken = q.known(rollout.DRIFT_SAMPLES_TAKEN)
    few = f"increase({q(rollout.DRIFT_SAMPLES_TAKEN)}[{config.rules.gate_window}]) < {least}"
    before = f"{taken} - {TAKEN_BEFORE} < {least}"
    return Alert(
        name="MemoryOSCutoverGateStale",
        area=AREA,
        conditions=(Condition(f"({open_gate}) and ({few} or {before})", Duration(300)),),
        severity="warning",
        migration_only=True,
        reason="A cutover is prepared in minutes; five of them let the first samples after a change arrive.",
        summary="The cutover gate is green on old drift samples.",
        description=f"The gate of {NODE} is green, but fewer samples than the "
        f"{live(config, rollout.DRIFT_MIN_SAMPLES)} that it asks for were taken within {config.rules.gate_window}, or "
        "since memory_os was last in effect. Sampling stops outside dual_run and the window never expires.",
        step=STEPS["4.2.4"],
        dashboard="memoryos-rollout",
    )


def _without_gate(config: Config) -> Alert:
    window = config.rules.edge_window
    return Alert(
        name="MemoryOSCutoverWithoutGate",
        area=AREA,
        conditions=(
            Condition(
                f"{IN_MEMORY_OS} == 1 and min_over_time({IN_MEMORY_OS}[{window}]) == 0"
                f" and max_over_time({GATE_OPEN}[{window}]) == 0",
                Duration(30),
            ),
        ),
        severity="critical",
        per_fleet=True,
        migration_only=True,
        reason="Two scrapes: an edge is a fact, but mode and gate must have been read together.",
        summary="The fleet entered memory_os past the drift gate.",
        description=f"{fleet(config, 'Fleet')} entered memory_os within {window} although the gate was "
        "never green meanwhile. set_mode/2 cannot do that: a controller was started with mode: :memory_os.",
        step=STEPS["2.3.2"],
        dashboard="memoryos-rollout",
    )


def _advanced_while_red(q: Promql, config: Config) -> Alert:
    window = config.rules.state_window
    red = f"max_over_time({q(rollout.CUTOVER_READY)}[{window}]) == 0"
    # Mode and stage set together begin a rollout; they do not advance it.
    all_along = f"max without (mode) (min_over_time({q(rollout.MODE, mode='dual_run')}[{window}])) == 1"
    return Alert(
        name="MemoryOSStageAdvancedWhileRed",
        area=AREA,
        conditions=(
            Condition(
                f"{STAGE_INDEX} > min_over_time({STAGE_INDEX}[{window}]) and {red} and {all_along}",
                Duration(30),
            ),
        ),
        severity="warning",
        migration_only=True,
        reason="Two scrapes: stage and gate must have been read together.",
        summary="The rollout stage was advanced while the drift gate was red.",
        description=f"{NODE} went on to stage {VALUE} (1 canary, 2 global) although its gate was red for all of the "
        f"last {window}.",
        step=STEPS["2.2.4"],
        dashboard="memoryos-rollout",
    )
