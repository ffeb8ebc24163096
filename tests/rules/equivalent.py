"""Mutants that nobody could notice, each kind with the reason: they are listed, and do not count.

A pattern is searched in what a mutant is called: its alert or record, its labels, what was changed and where.
"""

from __future__ import annotations

import re

# A value of a part that is read as a whole, remembered for ten minutes while its node is read.
LONGER = (
    r"(window 10m to 20m in memoryos_\w+|window 1m to 2m in memoryos_up"
    r"|operand dropped right of and in \S*\[10m\]\) and (ignoring \(mode\) )?last_over_time\(memoryos_up"
    r"|set operator and to or in \S*\[10m\]\) and last_over_time\(memoryos_up)"
)
TOGETHER = "It joins several values of the release part by `and`: all of them end together, so one may last longer."

REASONS: tuple[tuple[str, str], ...] = (
    (
        rf"^MemoryOS(DriftRegression|CutoverGateStale|CutoverGateBlind|CutoverWatch) .*{LONGER}",
        TOGETHER,
    ),
    (rf"^instance:memoryos_rollback_breach:current .*{LONGER}", TOGETHER),
    (r"^MemoryOSFallbackDisabled .*window 10m to 20m in memoryos_mode", TOGETHER),
    (
        r"^MemoryOSFallbackSpike .*window 10m to (20m|5m) in memoryos_mode",
        "The counts that it joins come from the same part, and their window of five minutes ends no later.",
    ),
    (
        r"^MemoryOSErrorBudgetBurn .*window=(1h|6h): selector without class=",
        "Transient errors never burn so fast: five times their budget is a total outage.",
    ),
    (
        r"^MemoryOSErrorBudgetBurn .*window=3d: selector without class=",
        "The selector names every class of errors that is recorded.",
    ),
    (
        r"^MemoryOSLatencyBudgetBurn .*: selector without objective=",
        "The selector names every objective that is recorded.",
    ),
    (
        r"BudgetBurn .*window=6h absolute: (comparator > to >=|threshold 1 to|operand dropped right of >) ",
        "Ten bad calls among fewer than twenty are at least twice any budget, whatever the factor.",
    ),
    (
        r"^MemoryOSReconciliationOverdue .*(unless to or|dropped right of unless|> to >=) in .*incident_closed",
        "An incident is only closed after its reconciliation, and that already ends this alert.",
    ),
    (
        r"^MemoryOSReconciliationOverdue .*(> to >=|dropped right of >|threshold 0 to 1) in (0$|.*seconds:max > 0$)",
        "A fleet that never rolled back (0) has been reconciled since, which keeps it silent; nobody did in 1970.",
    ),
)


def reason(mutant: str) -> str:
    """Why this mutant is no fault; empty when it is one."""
    return next((why for pattern, why in REASONS if re.search(pattern, mutant)), "")
