"""What became of each playbook step, a fleet: from the same alerts that watch it, and from what the host did.

A step is not done exactly while the alert about its outcome holds (pending or firing), so that the dashboard and the
page can never disagree. Everything is judged per fleet, over the incident window of the rules: restarted nodes forget.
"""

from __future__ import annotations

from dataclasses import dataclass

from memoryos_exporter.catalog import migration, reading, rollout

from ..config import Config
from ..rules import fleet_state, sli
from .expressions import EITHER, TRIGGERS, any_of, firing
from .promql import held, increase, recorded, sel

NOT_DONE, UNDER_WAY, DONE, NOT_NEEDED = range(4)


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
        checked = held(migration.PARITY_CHECKED, self.config.rules.state_window)
        return f"{self.fleet('max', checked)} >= ({self.reconciled})"

    @property
    def reconciling(self) -> str:
        """Fleets in which a reconciliation runs."""
        running = held(migration.RECONCILIATION_RUNNING, self.config.rules.state_window)
        return f"{self.fleet('max', running)} == 1"

    @property
    def missing(self) -> str:
        """Fleets with targets of which legacy has more records."""
        missing = held(migration.PARITY_TARGETS, self.config.rules.state_window, state="missing")
        return f"{self.fleet('sum', missing)} > 0"

    @property
    def evaluated(self) -> str:
        """Fleets whose host evaluated the rollback within the last five minutes."""
        return f"{self.fleet('max', sel(rollout.LAST_ROLLBACK_EVALUATION))} > time() - 300"

    @property
    def drifting(self) -> str:
        """Fleets in dual_run whose gate is shut although they have enough samples, or that the drift alert names."""
        window = self.config.rules.state_window
        samples = f"{held(rollout.DRIFT_SAMPLES, window)} >= {held(rollout.DRIFT_MIN_SAMPLES, window)}"
        dual_run = f"{held(rollout.MODE, window, mode='dual_run')} == 1"
        shut = f"({held(rollout.CUTOVER_READY, window)} == 0) and ({samples}) and ignoring (mode) ({dual_run})"
        return f"{self.fleet('count', shut)} or {self.holds('DriftRegression')}"

    @property
    def migrated(self) -> str:
        """Fleets in which targets were migrated within the last hour."""
        return f"{self.fleet('sum', increase(migration.MIGRATION_SUCCESS, '1h'))} > 0"

    def state(self, *cases: tuple[str, int]) -> str:
        """The worst state over all fleets; for each the first case that holds decides, without one it is not needed."""
        return f"min({' or '.join(f'0 * ({expr}) + {state}' for expr, state in (*cases, (self.fleets, NOT_NEEDED)))})"
