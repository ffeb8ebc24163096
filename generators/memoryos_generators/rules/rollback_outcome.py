"""Did the rollback happen, everywhere, and is what follows being done (specification 4.1 steps 2 and 3, 4.3 step 3)."""

from __future__ import annotations

from memoryos_exporter.catalog import Metric, migration, queue, rollout
from memoryos_exporter.catalog.labels import LATENCY_BOUNDS_SECONDS

from ..config import Config
from ..duration import Duration
from . import fleet_state, sli
from .fleet_state import IN_MEMORY_OS, LAST_RECONCILIATION, LAST_ROLLBACK
from .model import Alert, Area, Condition, Follows, Recording
from .promql import Promql, seconds
from .slo import BREACHED
from .steps import STEPS
from .templates import DURATION, NODE, VALUE, fleet, live

AREA = "rollback-outcome"

INCIDENT_CLOSED = "fleet:memoryos_incident_closed_timestamp_seconds:last"
# When the fleet rolled back, as long as that incident is open.
INCIDENT_OPEN = "fleet:memoryos_incident_open_timestamp_seconds:last"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    return Area(
        AREA,
        (
            _not_executed(config),
            _rolled_back(q, config),
            _mode_split(q, config),
            _rollout_split(q, config),
            _mode_lost(config),
            _controller_restarted(q, config),
            _fallback_disabled(q, config),
            _threshold_drifted(q, config),
            _incident_open(config),
        ),
        (
            Recording(
                INCIDENT_CLOSED, _closed(q), "When the fleet last had everything that closes an incident (4.3.3)."
            ),
            Recording(INCIDENT_OPEN, _open(q), "When the fleet rolled back, while that incident is open."),
        ),
    )


def _open(q: Promql) -> str:
    """The last rollback, when it was within the incident window and what closes it has not been met since."""
    recent = f"{LAST_ROLLBACK} > time() - {seconds(q.rules.incident_window)}"
    return f"{LAST_ROLLBACK} > 0 and {recent} unless {INCIDENT_CLOSED} > {LAST_ROLLBACK}"


def _closed(q: Promql) -> str:
    """Reconciled since the rollback, parity checked since with no record missing, no objective breached for a while."""
    checked = q.by_fleet("max", q.state(migration.PARITY_CHECKED))
    missing = q.by_fleet("max", q.known(migration.PARITY_TARGETS, state="missing"))
    met = " and ".join(
        (
            f"({LAST_RECONCILIATION} >= {LAST_ROLLBACK} > 0)",
            f"{checked} >= {LAST_ROLLBACK}",
            f"{missing} == 0",
            f"max_over_time({BREACHED}[{q.rules.stability_window}]) == 0",
        )
    )
    unless_failed = f"{met} unless {fleet_state.RECONCILIATION_FAILED} > 0"
    return f"timestamp({unless_failed}) or last_over_time({INCIDENT_CLOSED}[{q.rules.remembered_gap}])"


def _not_executed(config: Config) -> Alert:
    return Alert(
        name="MemoryOSRollbackNotExecuted",
        area=AREA,
        conditions=(Condition(f"group without (input) ({sli.TRIGGER})", config.rules.rollback_deadline),),
        severity="critical",
        reason="The deadline for the rollback: longer than the slowest that was measured (it came 11 s after its "
        "caller had timed out), and for whoever was paged to act on the trigger.",
        summary="A rollback trigger holds and the mode is still memory_os: nobody has rolled back.",
        description=f"{NODE} has been beyond a rollback limit for {config.rules.rollback_deadline} and is still in "
        "memory_os. evaluate_rollback/2 was not called, was refused, or has timed out. Live limits: p95 "
        f"{live(config, sli.LIMITS['latency_p95_ms'])} ms, errors "
        f"{live(config, sli.LIMITS['error_rate'], 'humanizePercentage')}, queue "
        f"{live(config, sli.LIMITS['queue_depth'])}.",
        step=STEPS["4.1.2"],
        dashboard="memoryos-incident",
    )


def _rolled_back(q: Promql, config: Config) -> Alert:
    at = f"max_over_time({q(rollout.LAST_ROLLBACK)}[{config.rules.severity_window}])"
    return Alert(
        name="MemoryOSRolledBack",
        area=AREA,
        conditions=(Condition(f"time() - {at} < {seconds(config.rules.severity_window)}", Duration(0)),),
        severity="critical",
        reason="A fact, not a measurement: it needs no waiting, and it cannot flutter.",
        summary="MemoryOS rolled back to legacy.",
        description=f"evaluate_rollback/2 rolled {NODE} back {DURATION} ago. See that every node of the fleet did, "
        "keep fallback enabled, start the reconciliation. The p95 that it decided on: "
        f"{live(config, rollout.LAST_ROLLBACK_LATENCY_P95)} ms.",
        step=STEPS["4.1.2"],
        dashboard="memoryos-incident",
    )


def _mode_split(q: Promql, config: Config) -> Alert:
    modes = f"group by ({q.fleet}, mode) ({q.state(rollout.MODE)} == 1)"
    return Alert(
        name="MemoryOSModeSplit",
        area=AREA,
        conditions=(Condition(f"{q.by_fleet('count', modes)} > 1", Duration(120)),),
        severity="critical",
        follows=Follows.MODE_BUT_LEGACY,
        per_fleet=True,
        reason="A mode is changed node by node: two minutes are enough for every node of a fleet.",
        summary="The nodes of one fleet are in different modes.",
        description=f"{VALUE} modes are in effect at once in {fleet(config)}. Each node has its own controller: a "
        "rollback or a restart changed some of them. Bring all of them to the same mode.",
        step=STEPS["4.1.2"],
        dashboard="memoryos-incident",
    )


def _rollout_split(q: Promql, config: Config) -> Alert:
    stages = f"group by ({q.fleet}, rollout_stage) ({q.state(rollout.ROLLOUT_STAGE)} == 1)"
    settings = {
        "rollout_stage": f"{q.by_fleet('count', stages)} > 1",
        "canary_ratio": _differs(q, rollout.CANARY_RATIO),
        "fallback_enabled": _differs(q, rollout.FALLBACK_ENABLED),
        **{f"threshold_{name}": _differs(q, limit) for name, limit in sli.LIMITS.items()},
    }
    named = (f'label_replace({expr}, "setting", "{setting}", "", "")' for setting, expr in settings.items())
    return Alert(
        name="MemoryOSRolloutSplit",
        area=AREA,
        conditions=(Condition(" or ".join(named), Duration(600)),),
        severity="warning",
        follows=Follows.MODE,
        per_fleet=True,
        reason="Settings are changed node by node, by hand: ten minutes are enough.",
        summary="The nodes of one fleet have different rollout settings.",
        description=f"{{{{ $labels.setting }}}} is not the same on every node of {fleet(config)}: a restarted "
        "controller has the settings of its start options again.",
        step=STEPS["2.2.2"],
        dashboard="memoryos-rollout",
    )


def _differs(q: Promql, metric: Metric) -> str:
    return f"{q.by_fleet('stddev', q.state(metric))} > 0"


def _mode_lost(config: Config) -> Alert:
    window = config.rules.edge_window
    return Alert(
        name="MemoryOSModeLostUnannounced",
        area=AREA,
        conditions=(
            Condition(
                f"{IN_MEMORY_OS} == 0 and max_over_time({IN_MEMORY_OS}[{window}]) == 1"
                # A rollback since the cutover explains it, whenever the last node followed.
                f" unless {LAST_ROLLBACK} >= {fleet_state.CUTOVER} unless {LAST_ROLLBACK} > time() - {seconds(window)}",
                Duration(30),
            ),
        ),
        severity="critical",
        per_fleet=True,
        reason="Two scrapes: an edge is a fact, but the rollback that explains it must have been read too.",
        summary="The fleet left memory_os without a rollback: a crash, a restart or a hand.",
        description=f"{fleet(config, 'Fleet')} was in memory_os and is not any more, and no rollback was counted. "
        "A controller that restarts falls back to its start options and forgets mode, stage, drift and counters.",
        step=STEPS["4.1.2"],
        dashboard="memoryos-incident",
    )


def _controller_restarted(q: Promql, config: Config) -> Alert:
    started = q(queue.PROCESS_START_TIME, process="release")
    return Alert(
        name="MemoryOSControllerRestarted",
        area=AREA,
        conditions=(
            Condition(f"max without (process) (changes({started}[{config.rules.severity_window}])) > 0", Duration(0)),
        ),
        severity="info",
        reason="A fact, not a measurement.",
        summary="The ReleaseController restarted and lost its state.",
        description=f"The controller of {NODE} restarted {VALUE} times: mode, stage, drift window, last rollback and "
        "every counter are those of its start options again.",
        step=STEPS["4.1.2"],
        dashboard="memoryos-rollout",
    )


def _fallback_disabled(q: Promql, config: Config) -> Alert:
    rules = config.rules
    cut_over = f"{q.in_mode('memory_os')} and {q.on_fleet} {fleet_state.cut_over_within(rules.fallback_window)}"
    while_live = f"{q.known(rollout.FALLBACK_ENABLED)} == 0 and ({cut_over})"
    after_rollback = f"{q.state(rollout.FALLBACK_ENABLED)} == 0 and {q.on_fleet} {INCIDENT_OPEN}"
    return Alert(
        name="MemoryOSFallbackDisabled",
        area=AREA,
        conditions=(Condition(f"{while_live} or {after_rollback}", Duration(60)),),
        severity="critical",
        migration_only=True,
        reason="Four scrapes: it is switched by hand, and may be switched by mistake for a moment.",
        summary="Fallback is off while legacy must still catch what MemoryOS fails.",
        description=f"fallback_enabled is false on {NODE}, within {rules.fallback_window} of the cutover or after a "
        "rollback: calls that MemoryOS fails reach the callers as errors, and no counter of MemoryOS's moves.",
        step=STEPS["4.1.3"],
        dashboard="memoryos-incident",
    )


def _threshold_drifted(q: Promql, config: Config) -> Alert:
    reviewed = config.rules.reviewed_thresholds
    differs = (
        Condition(f"{q.state(limit)} != {getattr(reviewed, name):g}", Duration(300), {"input": name})
        for name, limit in sli.LIMITS.items()
    )
    off_bounds = " != ".join(f"{1000 * bound:g}" for bound in LATENCY_BOUNDS_SECONDS)
    return Alert(
        name="MemoryOSRollbackThresholdDrifted",
        area=AREA,
        conditions=(
            *differs,
            Condition(
                f"{q.state(sli.LIMITS['latency_p95_ms'])} != {off_bounds}", Duration(300), {"input": "latency_bound"}
            ),
        ),
        severity="warning",
        follows=Follows.MODE,
        reason="Five minutes let a change go round the fleet and the reviewed value follow it.",
        summary="A rollback limit of MemoryOS is not the one that was reviewed, or not on a bound of the histogram.",
        description=f"The live limit of {{{{ $labels.input }}}} on {NODE} is {VALUE}. Reviewed: p95 "
        f"{reviewed.latency_p95_ms:g} ms, errors {reviewed.error_rate:g}, queue {reviewed.queue_depth:g}. A float, a "
        "string or 0 silently becomes the default; a p95 limit between two bounds of the histogram is interpolated.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-incident",
    )


def _incident_open(config: Config) -> Alert:
    return Alert(
        name="MemoryOSIncidentOpen",
        area=AREA,
        conditions=(Condition(f"time() - {INCIDENT_OPEN}", Duration(0)),),
        severity="warning",
        per_fleet=True,
        reason="A fact, not a measurement: it lasts until what closes the incident is met.",
        summary="A rollback is not worked off: reconciliation, parity or SLO stability is missing.",
        description=f"{fleet(config, 'Fleet')} rolled back {DURATION} ago. The incident may be closed when a "
        "reconciliation has succeeded since, parity was checked since with no record missing, and no "
        f"objective was breached for {config.rules.stability_window}.",
        step=STEPS["4.3.3"],
        dashboard="memoryos-incident",
    )
