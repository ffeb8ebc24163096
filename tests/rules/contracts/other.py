"""Contracts of the migration and governance alerts."""

from __future__ import annotations

from memoryos_exporter.catalog import governance, migration
from rules.contract import Change, Contract
from rules.contracts.common import ALWAYS_TELLS, ALWAYS_TICKETS, TICKETS, after, value
from rules.world import of

API = ("Jido.MemoryOS.recall/2", "0.3.0")

CONTRACTS = (
    Contract(
        alert="MemoryOSMigrationFailures",
        breach=Change({of(migration.MIGRATION_FAILURE): after(0, 0.75, once=True)}),
        more_silent={"succeeded": Change({of(migration.MIGRATION_SUCCESS): after(0, once=True)})},
        # Told for half an hour, whatever becomes of the node.
        breach_ticks=20,
        fires=30,
        clears=1500,
        forgets=1500,
        vanishes=1500,
        severities=ALWAYS_TICKETS,
        description="1 targets (or records) failed on a within 30m. A dry run is not counted.",
    ),
    Contract(
        alert="MemoryOSMigrationFailures",
        variant="records",
        breach=Change({of(migration.MIGRATION_RECORDS, "failed"): after(0, 0.75, once=True)}),
        more_silent={"migrated": Change({of(migration.MIGRATION_RECORDS, "migrated"): after(0, 0.75, once=True)})},
        # Told for half an hour, whatever becomes of the node.
        breach_ticks=20,
        fires=30,
        clears=1500,
        forgets=1500,
        vanishes=1500,
        severities=ALWAYS_TICKETS,
        description="1 targets (or records) failed on a within 30m. A dry run is not counted.",
    ),
    Contract(
        alert="MemoryOSIncompatible",
        breach=value(governance.COMPATIBLE, 0),
        fires=900,
        clears=0,
        severities=TICKETS,
        description="The versions of MemoryOS and jido_memory on a are not a supported pair of the compatibility "
        "matrix; memoryos_build_info names them.",
    ),
    Contract(
        alert="MemoryOSDeprecatedApiUse",
        calm=Change({of(governance.DEPRECATED_CALLS, *API): 0}),
        breach=Change({of(governance.DEPRECATED_CALLS, *API): 1 / 64}),
        fires=300,
        vanishes=1785,
        clears=1785,
        labels={"api": API[0], "removal": API[1]},
        severities=ALWAYS_TELLS,
        description="Jido.MemoryOS.recall/2 was called 0 times on a; release 0.3.0 removes it.",
    ),
)
