"""Migration, reconciliation and parity (specification 3.3 and 4.3), which only the calling host remembers."""

from __future__ import annotations

from .labels import PARITY_STATES
from .model import counter, gauge

RECORD_OUTCOMES = ("migrated", "failed")
RUN_OUTCOMES = ("succeeded", "failed")

MIGRATION_SUCCESS = counter(
    "memoryos_migration_success_total",
    "Targets migrated without a failed record; dry runs left out.",
    "migration.targets_succeeded",
    "3.3",
)
MIGRATION_FAILURE = counter(
    "memoryos_migration_failure_total",
    "Targets whose migration ended in an error or left failed records.",
    "migration.targets_failed",
    "3.3",
)
MIGRATION_RECORDS = counter(
    "memoryos_migration_records_total",
    "Records that migrations moved or failed to move.",
    "migration.records_*",
    "3.3",
    outcome=RECORD_OUTCOMES,
)
RECONCILIATIONS = counter(
    "memoryos_reconciliations_total",
    "Runs of reconcile_post_rollback/3. failed: records failed, even where MemoryOS answered ok with failed 0.",
    "reconciliation.succeeded, failed",
    "4.3",
    outcome=RUN_OUTCOMES,
)
RECONCILIATION_RECORDS = counter(
    "memoryos_reconciliation_records_total",
    "Records that reconciliations moved or failed to move, summed from the reports, whatever the call said.",
    "reconciliation.records_*",
    "4.3",
    outcome=RECORD_OUTCOMES,
)
RECONCILIATION_RUNNING = gauge(
    "memoryos_reconciliation_running",
    "1 while reconcile_post_rollback/3 runs: it occupies the controller, and every call waits until it ends.",
    "reconciliation.running",
    "4.3",
)
LAST_RECONCILIATION = gauge(
    "memoryos_last_reconciliation_timestamp_seconds",
    "When a reconciliation last ended; 0 = never.",
    "reconciliation.last_at",
    "4.3",
)
PARITY_TARGETS = gauge(
    "memoryos_parity_targets",
    "Targets by their last parity check, which compares counts only. missing: legacy has more; extra: MemoryOS has "
    "more, records that legacy users do not see.",
    "parity.equal, missing, extra",
    "4.3",
    state=PARITY_STATES,
)
PARITY_CHECKED = gauge(
    "memoryos_parity_checked_timestamp_seconds",
    "When parity was last checked; 0 = never.",
    "parity.checked_at",
    "4.3",
)

METRICS = (
    *(MIGRATION_SUCCESS, MIGRATION_FAILURE, MIGRATION_RECORDS),
    *(RECONCILIATIONS, RECONCILIATION_RECORDS, RECONCILIATION_RUNNING, LAST_RECONCILIATION),
    *(PARITY_TARGETS, PARITY_CHECKED),
)
