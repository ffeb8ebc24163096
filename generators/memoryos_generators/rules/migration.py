"""Does the migration of targets succeed (specification 3.3)."""

from __future__ import annotations

from memoryos_exporter.catalog import migration

from ..config import Config
from ..duration import Duration
from .model import Alert, Area, Condition
from .promql import Promql
from .steps import STEPS
from .templates import NODE, WHOLE

AREA = "migration"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    window = config.rules.edge_window
    targets = f"increase({q(migration.MIGRATION_FAILURE)}[{window}])"
    records = f"sum without (outcome) (increase({q(migration.MIGRATION_RECORDS, outcome='failed')}[{window}]))"
    return Area(
        AREA,
        (
            Alert(
                name="MemoryOSMigrationFailures",
                area=AREA,
                conditions=(Condition(f"{targets} > 0 or {records} > 0", Duration(30)),),
                severity="warning",
                reason="Two scrapes: the window holds a failure for half an hour.",
                summary="Targets or records failed to be migrated.",
                description=f"{WHOLE} targets (or records) failed on {NODE} within {window}. A dry run is not counted.",
                step=STEPS["3.3"],
                dashboard="memoryos-drift",
            ),
        ),
    )
