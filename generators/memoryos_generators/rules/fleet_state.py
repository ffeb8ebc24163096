"""What is known of each fleet: which mode it is in, when it last rolled back, what was done since.

Restarts and replaced pods forget; a fleet does not. These series are what the other areas judge edges and outcomes by.
"""

from __future__ import annotations

from memoryos_exporter.catalog import migration, rollout

from ..config import Config
from ..duration import Duration
from .model import Area, Recording
from .promql import Promql, seconds

# 2: memory_os, 1: dual_run or unknown to us, 0: legacy; over the severity window.
MODE_RANK_NOW = "fleet:memoryos_mode_rank:max_over_time"
# The same, and the last one known while the fleet is silent.
MODE_RANK = "fleet:memoryos_mode_rank:last_known"
# 1 while any node is in memory_os, 0 while none is.
IN_MEMORY_OS = "fleet:memoryos_memory_os:max"
# 1 while the gate is open on any node.
GATE_OPEN = "fleet:memoryos_cutover_ready:max"
CUTOVER = "fleet:memoryos_cutover_timestamp_seconds:last"
LAST_ROLLBACK = "fleet:memoryos_last_rollback_timestamp_seconds:max"
LAST_RECONCILIATION = "fleet:memoryos_last_reconciliation_timestamp_seconds:max"
RECONCILIATION_FAILED = "fleet:memoryos_reconciliation_failure_timestamp_seconds:last"


def area(q: Promql, config: Config) -> Area:
    """The recording rules of the fleets' state."""
    rules = config.rules
    return Area(
        "fleet-state",
        recordings=(
            Recording(
                MODE_RANK_NOW,
                _mode_rank(q),
                "The gravest mode of the fleet within the severity window: 2 memory_os, 1 dual_run, 0 legacy.",
            ),
            Recording(
                MODE_RANK,
                f"last_over_time({MODE_RANK_NOW}[{rules.memory_window}])",
                "The same; while the fleet is silent, what it last was.",
            ),
            Recording(
                IN_MEMORY_OS,
                q.by_fleet("max", q.state(rollout.MODE, mode="memory_os")),
                "1 while any node of the fleet is in memory_os, 0 while none is.",
            ),
            Recording(
                GATE_OPEN,
                q.by_fleet("max", q.state(rollout.CUTOVER_READY)),
                "1 while the cutover gate is open on any node of the fleet.",
            ),
            Recording(
                CUTOVER,
                f"timestamp({IN_MEMORY_OS} == 1 and min_over_time({IN_MEMORY_OS}[{rules.recent}]) == 0)"
                f" or last_over_time({CUTOVER}[{rules.remembered_gap}])",
                "When the fleet last entered memory_os; absent when nobody saw it.",
            ),
            _remembered(q, LAST_ROLLBACK, q(rollout.LAST_ROLLBACK), "When any node of the fleet last rolled back."),
            _remembered(
                q,
                LAST_RECONCILIATION,
                q(migration.LAST_RECONCILIATION),
                "When a reconciliation of the fleet last ended.",
            ),
            Recording(RECONCILIATION_FAILED, _reconciliation_failed(q), _FAILED),
        ),
    )


def _mode_rank(q: Promql) -> str:
    def was(mode: str | tuple[str, ...]) -> str:
        return f"max_over_time({q(rollout.MODE, mode=mode)}[{q.rules.severity_window}])"

    return q.by_fleet("max", f"2 * {was('memory_os')} or {was(('dual_run', 'other'))}")


_FAILED = "When records of a reconciliation last failed and no run has succeeded since; 0: all is well."


def cut_over_within(window: Duration) -> str:
    """The fleets that entered memory_os within ``window``, whatever mode they are in now."""
    return f"{CUTOVER} > time() - {seconds(window)}"


def _remembered(q: Promql, name: str, series: str, meaning: str) -> Recording:
    """The newest moment known, remembered although the node that knew it has restarted or gone."""
    now = f"max_over_time({series}[{q.rules.state_window}])"
    return Recording(name, q.by_fleet("max", f"{now} or last_over_time({name}[{q.rules.remembered_gap}])"), meaning)


def _reconciliation_failed(q: Promql) -> str:
    """A run that failed counts until another run of the fleet has succeeded after it."""
    grown = {
        name: f"increase({q(metric, outcome=outcome)}[{q.rules.recent}]) > 0"
        for name, metric, outcome in (
            ("failed", migration.RECONCILIATIONS, "failed"),
            ("records", migration.RECONCILIATION_RECORDS, "failed"),
            ("succeeded", migration.RECONCILIATIONS, "succeeded"),
        )
    }
    failing = q.by_fleet("group", f"{grown['failed']} or {grown['records']}")
    succeeding = q.by_fleet("group", grown["succeeded"])
    return (
        f"timestamp({failing}) or 0 * {succeeding} or last_over_time({RECONCILIATION_FAILED}[{q.rules.remembered_gap}])"
    )
