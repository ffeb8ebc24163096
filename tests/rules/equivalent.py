"""Mutants that nobody could notice, each kind with the reason: they are listed, and do not count.

A pattern is searched in what a mutant is called: its alert or record, its labels, what was changed and where.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# A value of a part that is read as a whole, remembered for ten minutes while its node is read.
LONGER = (
    r"(window 10m to 20m in memoryos_\w+|window 1m to 2m in memoryos_up"
    r"|operand dropped right of and in \S*\[10m\]\) and (ignoring \(mode\) )?last_over_time\(memoryos_up"
    r"|set operator and to or in \S*\[10m\]\) and (ignoring \(mode\) )?last_over_time\(memoryos_up)"
)
TOGETHER = "It joins several values of the release part by `and`: all of them end together, so one may last longer."

REASONS: tuple[tuple[str, str], ...] = (
    (
        rf"^MemoryOS(DriftRegression|CutoverGateStale|CutoverGateBlind|CutoverWatch) .*{LONGER}",
        TOGETHER,
    ),
    (r"^MemoryOSFallbackDisabled .*window 10m to 20m in memoryos_(mode|fallback_enabled)", TOGETHER),
    (r"^MemoryOS(JournalFull|ParityNotRestored) .*window 10m to 20m in memoryos_(journal|parity)_", TOGETHER),
    (r"^MemoryOSCutoverWatch .*input=queue_depth: window 1m to 2m in memoryos_queue_depth", TOGETHER),
    (
        r"^MemoryOSFallbackSpike .*window 10m to (20m|5m) in memoryos_mode",
        "The counts that it joins come from the same part, and their window of five minutes ends no later.",
    ),
    (
        r"comparator > to >= in .* > time\(\) - \d+",
        "Whether the very last second of hours or days is still in them, nobody notices.",
    ),
    (
        r"^MemoryOSExporterDown severity=(critical|info): .*(absent\(up|selector without job)",
        "Where nothing at all is known, no mode is: only the warning can tell it.",
    ),
    (
        r"^MemoryOSRolledBack .*window 15m to 30m in memoryos_last_rollback_timestamp_seconds",
        "A rollback of the last quarter of an hour was seen within it.",
    ),
    (
        r"^MemoryOS(Mode|Rollout)Split .*threshold 1 to 1.5 in 1$",
        "Modes and stages are counted: there is no one and a half.",
    ),
    (
        r"^MemoryOSCanaryIdle .*(window 1m to (2m|30s) in .*offset 1h|\[1h\]\) == 1 and last_over_time)",
        "One value of an hour ago is looked for: each scrape has one, and Prometheus 2 has it in the hour already.",
    ),
    (
        r"^MemoryOSErrorBudgetBurn .*window=(1h|6h): selector without class=",
        "Transient errors never burn so fast: five times their budget is a total outage.",
    ),
    (
        r"BudgetBurn .*window=6h absolute: (comparator > to >=|threshold 1 to|operand dropped right of >) ",
        "Ten bad calls among fewer than twenty are at least twice any budget, whatever the factor.",
    ),
    (
        r"^MemoryOSReconciliation(Overdue|Failed) .*(> to >=|dropped right of >|threshold 0 to 1) in (0$|.*:max > 0$)",
        "Never is 0, and nobody rolled back or reconciled in the first second of 1970.",
    ),
    (
        r"^fleet:memoryos_incident_(open|closed)_timestamp_seconds:last .*threshold 0 to 1 in 0$",
        "Never is 0, and nobody rolled back in the first second of 1970.",
    ),
    (
        r"^fleet:memoryos_reconciliation_failure_timestamp_seconds:last .*arithmetic \* to / in 0 \*",
        "Nothing is nothing, multiplied by one or divided by one.",
    ),
    (
        r"^mode:memoryos_latency_p\d\d_ms:rate .*(comparator >= to > |threshold 0 to 1 in 0$)",
        "Half of the calls take at least half of the histogram's first bound, 2.5 ms: it only drops what is no number.",
    ),
)


def unneeded(mutants: Iterable[str]) -> list[str]:
    """The patterns that explain none of these mutants."""
    every = list(mutants)
    return [pattern for pattern, _ in REASONS if not any(re.search(pattern, mutant) for mutant in every)]


def reason(mutant: str) -> str:
    """Why this mutant is no fault; empty when it is one."""
    return next((why for pattern, why in REASONS if re.search(pattern, mutant)), "")
