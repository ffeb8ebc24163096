"""Is what the rollback left behind brought back (specification 4.1 step 4 and 4.3)."""

from __future__ import annotations

from memoryos_exporter.catalog import migration

from ..config import Config
from ..duration import Duration
from .fleet_state import LAST_RECONCILIATION, LAST_ROLLBACK, RECONCILIATION_FAILED
from .model import Alert, Area, Condition
from .promql import Promql, seconds
from .rollback_outcome import INCIDENT_OPEN
from .steps import STEPS
from .templates import DURATION, VALUE, fleet

AREA = "reconciliation"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    return Area(AREA, (_overdue(q, config), _failed(config), _parity(q, config)))


def _overdue(q: Promql, config: Config) -> Alert:
    running = q.by_fleet("max", q.known(migration.RECONCILIATION_RUNNING))
    late = f"time() - {INCIDENT_OPEN} > {seconds(config.rules.reconciliation_deadline)}"
    return Alert(
        name="MemoryOSReconciliationOverdue",
        area=AREA,
        conditions=(
            Condition(f"{late} unless {LAST_RECONCILIATION} >= {LAST_ROLLBACK} unless {running} == 1", Duration(30)),
        ),
        severity="warning",
        per_fleet=True,
        reason="The deadline stands in the expression; two scrapes for the reading of a run that ends just then.",
        summary="No reconciliation has ended since the rollback.",
        description=f"{fleet(config, 'Fleet')} rolled back {DURATION} ago, longer than the deadline of "
        f"{config.rules.reconciliation_deadline}, and no reconciliation has ended since or is running.",
        step=STEPS["4.1.4"],
        dashboard="memoryos-incident",
    )


def _failed(config: Config) -> Alert:
    return Alert(
        name="MemoryOSReconciliationFailed",
        area=AREA,
        conditions=(
            Condition(
                f"time() - ({RECONCILIATION_FAILED} > time() - {seconds(config.rules.incident_window)} > 0)",
                Duration(0),
            ),
        ),
        severity="critical",
        per_fleet=True,
        reason="A fact, not a measurement: it lasts until a later run succeeds.",
        summary="Records failed to be reconciled, whatever the call answered.",
        description=f"A reconciliation of {fleet(config)} left failed records {DURATION} ago and none has succeeded "
        "since. reconcile_post_rollback/3 answers ok with failed 0 by default: the failures stand in its reports.",
        step=STEPS["4.3.1"],
        dashboard="memoryos-incident",
    )


def _parity(q: Promql, config: Config) -> Alert:
    missing = q.by_fleet("max", q.state(migration.PARITY_TARGETS, state="missing"))
    checked = q.by_fleet("max", q.known(migration.PARITY_CHECKED))
    return Alert(
        name="MemoryOSParityNotRestored",
        area=AREA,
        conditions=(Condition(f"{missing} > 0 and {checked} >= {INCIDENT_OPEN}", Duration(300)),),
        severity="warning",
        per_fleet=True,
        reason="Five minutes: targets are checked one after another.",
        summary="Records are missing in MemoryOS after the reconciliation.",
        description=f"In {VALUE} targets of {fleet(config)} legacy has more records than MemoryOS, checked after the "
        "rollback. Targets where MemoryOS has more are not counted: those were written while memory_os was live.",
        step=STEPS["4.3.2"],
        dashboard="memoryos-incident",
    )
