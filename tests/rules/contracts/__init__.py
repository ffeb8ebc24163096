"""The contract of every alert, one module an area as the rules have them; an alert without one fails the tests."""

from rules.contract import Contract, all_contracts
from rules.contracts import (
    availability,
    budget_limits,
    cutover,
    drift,
    other,
    queue,
    reconciliation,
    rollback_outcome,
    rollback_triggers,
    slo,
)

CONTRACTS: dict[str, Contract] = all_contracts(
    (
        availability,
        rollback_triggers,
        rollback_outcome,
        reconciliation,
        drift,
        cutover,
        queue,
        slo,
        budget_limits,
        other,
    )
)
