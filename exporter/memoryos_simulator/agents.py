"""The agents of one node: which cohort each belongs to, and where its memory records are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Agent:
    """One agent. Its records by where they are; parity and drift follow from nothing else."""

    id: str
    group: str
    both: int = 0
    legacy_only: int = 0
    memory_os_only: int = 0
    cached: int = 0  # entries of the query cache, a bit each: an ordinary read, and one of each tier

    @property
    def drift(self) -> float:
        """Distance of the two stores' answers, 0…1: one less the share of records that both return."""
        union = self.both + self.legacy_only + self.memory_os_only
        return 1 - self.both / union if union else 0.0

    @property
    def drift_degraded(self) -> float:
        """The same when MemoryOS did not answer: 1, but 0 for an agent without legacy records."""
        return 1.0 if self.both + self.legacy_only else 0.0

    @property
    def parity(self) -> Literal["equal", "missing", "extra"]:
        """What `Migration.reconcile_target/2` sees, which compares counts and nothing but counts."""
        if self.legacy_only == self.memory_os_only:
            return "equal"
        return "missing" if self.legacy_only > self.memory_os_only else "extra"

    def wrote(self, legacy: bool, memory_os: bool, explicit_id: bool = True, times: int = 1) -> None:
        """Notes `times` writes that reached these stores; without an explicit id the two records never match."""
        if legacy and memory_os and explicit_id:
            self.both += times
            return
        self.legacy_only += times * legacy
        self.memory_os_only += times * memory_os

    def migrated(self) -> None:
        """Every legacy record is in MemoryOS as well; what only MemoryOS has stays extra."""
        self.both += self.legacy_only
        self.legacy_only = 0


def population(internal: int, external: int, records: int, migrated: bool = False) -> list[Agent]:
    """The agents of a node, each with `records` records, in both stores once they are migrated."""
    groups = [("internal", internal), ("external", external)]
    return [
        Agent(f"{group}-agent-{number}", group, records * migrated, records * (not migrated))
        for group, size in groups
        for number in range(1, size + 1)
    ]


def parity(agents: Iterable[Agent]) -> dict[str, int]:
    """How many of these agents are equal, missing records, or have extra ones."""
    counts = {"equal": 0, "missing": 0, "extra": 0}
    for agent in agents:
        counts[agent.parity] += 1
    return counts
