"""What silences what: a page that says the cause keeps its consequences from being told again.

Alertmanager takes a label that is missing on both sides for equal. A rule of scope `node` therefore asks its source for
an instance: without it, an alert that is judged per fleet would be silenced as if it were of the same node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

# From the worst to the mildest.
SEVERITIES = ("critical", "warning", "info")
SILENCING = SEVERITIES[:-1]
MEMORYOS = 'alertname=~"MemoryOS.+"'


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While one of ``sources`` fires, ``targets`` of the same node or fleet are not told.

    An alert is only silenced by one that is at least as severe: a ticket never hides a page.
    """

    reason: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    scope: Literal["node", "fleet"] = "node"


INHIBITIONS: tuple[Inhibition, ...] = (
    Inhibition(
        "Nothing is read from this node: whatever is missing or stale is missing because of that.",
        ("MemoryOSExporterDown",),
        ("MemoryOSDown", "MemoryOSStatsStale", "MemoryOSLatencyMissing", "MemoryOSDriftSamplingStalled"),
    ),
    Inhibition(
        "MemoryOS does not answer as a whole: that its parts do not either is the same news.",
        ("MemoryOSDown",),
        (
            *("MemoryOSManagerUnresponsive", "MemoryOSControllerUnresponsive", "MemoryOSStatsStale"),
            *("MemoryOSLatencyMissing", "MemoryOSDriftSamplingStalled", "MemoryOSCanaryIdle"),
        ),
    ),
    Inhibition(
        "A manager that is stuck or dead lets requests time out and pile up. That the gate is green meanwhile stays "
        "told: it is a danger of its own.",
        ("MemoryOSManagerUnresponsive",),
        ("MemoryOSThrottling", "MemoryOSOverloaded", "MemoryOSTimeouts", "MemoryOSDriftSamplingStalled"),
    ),
    Inhibition(
        "What the controller does not answer cannot be compared with other nodes.",
        ("MemoryOSControllerUnresponsive",),
        ("MemoryOSDriftSamplingStalled", "MemoryOSCanaryIdle"),
    ),
    Inhibition(
        "Calls wait in the mailbox: timeouts and throttling are how callers feel it.",
        ("MemoryOSBacklogGrowing", "MemoryOSCallsHanging"),
        ("MemoryOSThrottling", "MemoryOSOverloaded", "MemoryOSTimeouts"),
    ),
    Inhibition(
        "The trigger was told; now the news is that nothing came of it.",
        ("MemoryOSRollbackNotExecuted",),
        ("MemoryOSRollbackLatency", "MemoryOSRollbackErrorRate", "MemoryOSRollbackQueueDepth"),
    ),
    Inhibition(
        "The breach itself is told: its early signs and the budget it burns need no ticket beside it.",
        (
            *("MemoryOSRollbackLatency", "MemoryOSRollbackErrorRate", "MemoryOSRollbackQueueDepth"),
            "MemoryOSRollbackNotExecuted",
        ),
        (
            *("MemoryOSCutoverWatch", "MemoryOSFallbackSpike"),
            *("MemoryOSErrorBudgetBurn", "MemoryOSLatencyBudgetBurn"),
        ),
    ),
    Inhibition(
        "The rollback is the answer to the warnings that led to it.",
        ("MemoryOSRolledBack",),
        (
            *("MemoryOSCutoverWatch", "MemoryOSFallbackSpike"),
            *("MemoryOSErrorBudgetBurn", "MemoryOSLatencyBudgetBurn"),
            *("MemoryOSThrottling", "MemoryOSOverloaded", "MemoryOSTimeouts", "MemoryOSDeadLetterGrowth"),
        ),
    ),
    Inhibition(
        "Nodes in different modes differ in the rest of their rollout state too.",
        ("MemoryOSModeSplit",),
        ("MemoryOSRolloutSplit",),
        scope="fleet",
    ),
    Inhibition(
        "Records that failed to be reconciled explain why reconciliation is late and parity is not restored.",
        ("MemoryOSReconciliationFailed",),
        ("MemoryOSReconciliationOverdue", "MemoryOSParityNotRestored"),
        scope="fleet",
    ),
)


def rules(fleet_labels: Sequence[str]) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """The sentence that says why, and the inhibit rules of Alertmanager that it asks for: one a severity."""
    for inhibition in INHIBITIONS:
        yield inhibition.reason, [_rule(inhibition, severity, fleet_labels) for severity in SILENCING]
    yield (
        "The worse form of an alert is told: no second message about its milder form.",
        [
            {
                "source_matchers": [MEMORYOS, f'severity="{severity}"'],
                "target_matchers": [MEMORYOS, _severities(SEVERITIES[SEVERITIES.index(severity) + 1 :])],
                "equal": ["alertname", *fleet_labels, "instance"],
            }
            for severity in SILENCING
        ],
    )


def _rule(inhibition: Inhibition, severity: str, fleet_labels: Sequence[str]) -> dict[str, list[str]]:
    node = inhibition.scope == "node"
    not_worse = SEVERITIES[SEVERITIES.index(severity) :]
    return {
        "source_matchers": [
            _any_of("alertname", inhibition.sources),
            f'severity="{severity}"',
            *(['instance!=""'] if node else []),
        ],
        "target_matchers": [
            _any_of("alertname", inhibition.targets),
            *([_severities(not_worse)] if not_worse != SEVERITIES else []),
        ],
        "equal": [*fleet_labels, *(["instance"] if node else [])],
    }


def _severities(severities: Sequence[str]) -> str:
    return _any_of("severity", severities)


def _any_of(label: str, values: Sequence[str]) -> str:
    return f'{label}="{values[0]}"' if len(values) == 1 else f'{label}=~"{"|".join(values)}"'
