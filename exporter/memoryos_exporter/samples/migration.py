"""Samples of migration, reconciliation and parity, from the parts of these names."""

from __future__ import annotations

from ..catalog import migration
from ..catalog.labels import PARITY_STATES
from ..document import Document
from .model import Samples


def add_migration(samples: Samples, document: Document) -> None:
    """Add the samples of specification 3.3 and 4.3."""
    if document.migration:
        samples.add(migration.MIGRATION_SUCCESS, document.migration.targets_succeeded)
        samples.add(migration.MIGRATION_FAILURE, document.migration.targets_failed)
        samples.add(migration.MIGRATION_RECORDS, document.migration.records_migrated, "migrated")
        samples.add(migration.MIGRATION_RECORDS, document.migration.records_failed, "failed")
    if document.reconciliation:
        samples.add(migration.RECONCILIATIONS, document.reconciliation.succeeded, "succeeded")
        samples.add(migration.RECONCILIATIONS, document.reconciliation.failed, "failed")
        samples.add(migration.RECONCILIATION_RECORDS, document.reconciliation.records_migrated, "migrated")
        samples.add(migration.RECONCILIATION_RECORDS, document.reconciliation.records_failed, "failed")
        samples.add(migration.RECONCILIATION_RUNNING, document.reconciliation.running)
        samples.add_moment(migration.LAST_RECONCILIATION, document.reconciliation.last_at)
    if document.parity:
        for state in PARITY_STATES:
            samples.add(migration.PARITY_TARGETS, getattr(document.parity, state), state)
        samples.add_moment(migration.PARITY_CHECKED, document.parity.checked_at)
