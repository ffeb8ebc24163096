"""What an alert can ask for: steps of the runbook (2), the playbooks (4), or a whole section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlaybookStep:
    """One numbered step; ``playbook`` is the page it stands on, under which the alerts of one incident are grouped."""

    id: str
    title: str

    @property
    def playbook(self) -> str:
        """`4.1` of step `4.1.2`; a section without steps is its own."""
        return ".".join(self.id.split(".")[:2])


PLAYBOOKS: Mapping[str, str] = {
    "1.2": "Deprecation windows",
    "1.3": "Compatibility matrix",
    "2.1": "Internal cohort",
    "2.2": "Canary cohort",
    "2.3": "Global cutover",
    "3.1": "Latency and errors",
    "3.2": "Queue and backpressure",
    "3.3": "Migration and drift",
    "4.1": "SLO breach in memory_os",
    "4.2": "Drift regression during dual_run",
    "4.3": "Post-incident reconciliation",
}

STEPS: Mapping[str, PlaybookStep] = {
    step.id: step
    for step in (
        PlaybookStep("1.2", "Move callers off the deprecated API before the release that removes it"),
        PlaybookStep("1.3", "Run a supported pair of MemoryOS and jido_memory versions"),
        PlaybookStep("2.1.1", "Set the mode to dual_run"),
        PlaybookStep("2.1.2", "Set the rollout stage to internal and limit the internal groups"),
        PlaybookStep("2.1.3", "Monitor the drift summary until samples and threshold pass"),
        PlaybookStep("2.2.1", "Keep dual_run"),
        PlaybookStep("2.2.2", "Set the rollout stage to canary and tune the canary ratio"),
        PlaybookStep("2.2.3", "Validate SLOs and fallback counters"),
        PlaybookStep("2.2.4", "Block the cutover if the drift gate fails"),
        PlaybookStep("2.3.1", "Set the rollout stage to global"),
        PlaybookStep("2.3.2", "Ensure that the drift gate is ready"),
        PlaybookStep("2.3.3", "Transition the mode to memory_os"),
        PlaybookStep("2.3.4", "Continue rollback trigger evaluation during the first high-traffic window"),
        PlaybookStep("3.1", "Find what costs latency or errors"),
        PlaybookStep("3.2", "Relieve the queue"),
        PlaybookStep("3.3", "Repeat the migration of the targets that failed"),
        PlaybookStep("4.1.1", "Call evaluate_rollback/2 with a live snapshot"),
        PlaybookStep("4.1.2", "See that the mode switched to legacy on every node"),
        PlaybookStep("4.1.3", "Keep fallback enabled until stability returns"),
        PlaybookStep("4.1.4", "Start the reconciliation of the affected targets"),
        PlaybookStep("4.2.1", "Freeze the cutover"),
        PlaybookStep("4.2.2", "Inspect drift samples and compare result signatures"),
        PlaybookStep("4.2.3", "Run the migration again for the impacted namespaces"),
        PlaybookStep("4.2.4", "Open the cutover gate again only after the drift criteria pass"),
        PlaybookStep("4.3.1", "Run reconcile_post_rollback/3 for the impacted cohorts"),
        PlaybookStep("4.3.2", "Verify the parity reports of reconcile_target/2"),
        PlaybookStep("4.3.3", "Close the incident only when parity and SLO stability are both restored"),
    )
}
