"""What became of each playbook step, a fleet: from the same alerts that watch it, and from what the host did.

While the alert about a step's outcome holds, the step is not done, so that the dashboard and the page cannot disagree;
what alerts wait for is read from the series that they are made of. Everything is judged per fleet: nodes forget.
"""

from __future__ import annotations

from dataclasses import dataclass

from memoryos_exporter.catalog import migration, reading, rollout

from ..config import Config
from ..rules import fleet_state, sli
from .expressions import EITHER, PAGE, TRIGGERS, any_of, firing
from .promql import increase, recorded, sel, state

NOT_DONE, UNDER_WAY, DONE, BY_HAND, NOT_NEEDED = range(5)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """PromQL of an incident in the fleets chosen; each expression has one series a fleet for which it holds."""

    config: Config

    def fleet(self, function: str, expr: str) -> str:
        """An aggregation that leaves one series a fleet."""
        return f"{function} by ({', '.join(self.config.fleet_labels)}) ({expr})"

    def fires(self, *alerts: str) -> str:
        """Fleets for which one of these alerts fires: its time to wait is over."""
        return self.fleet("count", firing(EITHER, *alerts))

    @property
    def pages(self) -> str:
        """Fleets for which any page fires."""
        return self.fleet("count", firing(PAGE))

    def holds(self, *alerts: str) -> str:
        """Fleets for which one of these alerts is pending or fires."""
        return self.fleet("count", recorded("ALERTS", alertname=any_of(*alerts)))

    @property
    def fleets(self) -> str:
        """Every fleet."""
        return self.fleet("count", sel(reading.UP))

    @property
    def breach(self) -> str:
        """Fleets in memory_os beyond a rollback limit, with enough calls to say so."""
        return f"{self.fleet('count', recorded(sli.BREACH))} and {self.holds(*TRIGGERS)}"

    @property
    def rolled_back(self) -> str:
        """Fleets that rolled back within the incident window."""
        return f"{recorded(fleet_state.LAST_ROLLBACK)} > time() - {int(self.config.rules.incident_window)}"

    @property
    def reconciled(self) -> str:
        """Fleets whose last reconciliation ended after their last rollback."""
        return f"{recorded(fleet_state.LAST_RECONCILIATION)} >= ({self.rolled_back})"

    @property
    def parity_checked(self) -> str:
        """Fleets whose parity was checked after the last reconciliation, which was after the last rollback."""
        checked = state(self.config, migration.PARITY_CHECKED)
        return f"{self.fleet('max', checked)} >= ({self.reconciled})"

    @property
    def reconciling(self) -> str:
        """Fleets in which a reconciliation runs."""
        running = state(self.config, migration.RECONCILIATION_RUNNING)
        return f"{self.fleet('max', running)} == 1"

    @property
    def missing(self) -> str:
        """Fleets with targets of which legacy has more records."""
        missing = state(self.config, migration.PARITY_TARGETS, state="missing")
        return f"{self.fleet('sum', missing)} > 0"

    @property
    def evaluated(self) -> str:
        """Fleets whose host evaluated the rollback within the last five minutes."""
        return f"{self.fleet('max', sel(rollout.LAST_ROLLBACK_EVALUATION))} > time() - 300"

    @property
    def drifting(self) -> str:
        """Fleets in dual_run whose gate is shut although they have enough samples, or that the drift alert names."""
        samples = f"{state(self.config, rollout.DRIFT_SAMPLES)} >= {state(self.config, rollout.DRIFT_MIN_SAMPLES)}"
        dual_run = f"{state(self.config, rollout.MODE, mode='dual_run')} == 1"
        shut = f"({state(self.config, rollout.CUTOVER_READY)} == 0) and ({samples}) and ignoring (mode) ({dual_run})"
        return f"{self.fleet('count', shut)} or {self.holds('DriftRegression')}"

    @property
    def migrated(self) -> str:
        """Fleets in which targets were migrated within the last hour."""
        return f"{self.fleet('sum', increase(migration.MIGRATION_SUCCESS, '1h'))} > 0"

    def state(self, *cases: tuple[str, int]) -> str:
        """The worst state over all fleets; for each the first case that holds decides, without one it is not needed."""
        return f"min({' or '.join(f'0 * ({expr}) + {state}' for expr, state in (*cases, (self.fleets, NOT_NEEDED)))})"


def states_of(found: Outcomes) -> dict[str, str]:
    """Each step's state, of the worst fleet."""
    waiting = f"({found.rolled_back}) unless ({found.reconciled})"
    return {
        "4.1.1": found.state(
            (f"({found.breach}) unless ({found.evaluated})", NOT_DONE),
            (found.breach, UNDER_WAY),
            (found.rolled_back, DONE),
        ),
        "4.1.2": found.state(
            (found.fires("RollbackNotExecuted", "ModeSplit"), NOT_DONE),
            (f"{found.breach} or {found.holds('ModeSplit')}", UNDER_WAY),
            (found.rolled_back, DONE),
        ),
        "4.1.3": found.state(
            (found.holds("FallbackDisabled"), NOT_DONE), (found.breach, DONE), (found.rolled_back, DONE)
        ),
        "4.1.4": found.state(
            (f"({waiting}) and ({found.reconciling})", UNDER_WAY), (waiting, NOT_DONE), (found.rolled_back, DONE)
        ),
        "4.2.1": found.state(
            (found.holds("StageAdvancedWhileRed", "CutoverWithoutGate"), NOT_DONE), (found.drifting, DONE)
        ),
        "4.2.2": found.state((found.drifting, BY_HAND)),
        "4.2.3": found.state(
            (f"({found.drifting}) and ({found.holds('MigrationFailures')})", NOT_DONE),
            (f"({found.drifting}) and ({found.migrated})", DONE),
            (found.drifting, NOT_DONE),
        ),
        "4.2.4": found.state((found.drifting, NOT_DONE)),
        "4.3.1": found.state(
            (found.holds("ReconciliationFailed", "ReconciliationOverdue"), NOT_DONE),
            (f"({waiting}) and ({found.reconciling})", UNDER_WAY),
            (waiting, NOT_DONE),
            (found.rolled_back, DONE),
        ),
        "4.3.2": found.state(
            (f"({found.rolled_back}) unless ({found.parity_checked})", NOT_DONE),
            (found.holds("ParityNotRestored"), NOT_DONE),
            (found.rolled_back, DONE),
        ),
        "4.3.3": found.state(
            (f"({found.holds('IncidentOpen')}) and ({found.parity_checked}) unless ({found.missing})", UNDER_WAY),
            (found.holds("IncidentOpen"), NOT_DONE),
            (found.rolled_back, DONE),
        ),
    }


def ages_of(found: Outcomes) -> dict[str, str]:
    """How long ago the step last happened, where that is known."""
    reconciled = f"time() - max({recorded(fleet_state.LAST_RECONCILIATION)} > 0)"
    return {
        "4.1.1": f"time() - max({sel(rollout.LAST_ROLLBACK_EVALUATION)} > 0)",
        "4.1.2": f"time() - max({found.rolled_back})",
        "4.1.4": reconciled,
        "4.2.3": f"time() - max(max_over_time(timestamp({increase(migration.MIGRATION_SUCCESS, '5m')} > 0)[1d:5m]))",
        "4.3.1": reconciled,
        "4.3.2": f"time() - max({sel(migration.PARITY_CHECKED)} > 0)",
    }
