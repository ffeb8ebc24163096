"""The state of one node: its processes, its agents and its host, all on one clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Literal

from msgspec.structs import asdict

from memoryos_simulator.agents import Agent, population
from memoryos_simulator.dials import NodeSettings
from memoryos_simulator.draws import Draws
from memoryos_simulator.host import Timing, Totals
from memoryos_simulator.mailbox import Mailbox
from memoryos_simulator.memory_manager import DEFAULT_CONFIG, MemoryManager
from memoryos_simulator.release_controller import ReleaseController

NEVER = float("inf")
Source = Literal["answers", "unreachable", "hangs"]


@dataclass(slots=True)
class Evaluation:
    """A call of `evaluate_rollback/2` that has not been answered yet."""

    sent_ms: float
    by_hand: bool
    answered: bool = False
    timed_out: bool = False


class NodeState:
    """Everything that a node is made of, times in unix milliseconds; the modules beside this one move it."""

    def __init__(self, name: str, settings: NodeSettings, seed: str, now_ms: int) -> None:
        self.name = name
        self.settings = settings
        self.traffic, self.direct, self.host = settings.traffic, settings.direct, settings.host
        self.store, self.legacy, self.options = settings.store, settings.legacy, settings.release
        self.draws = Draws(seed)
        self.now_ms = now_ms
        sizes = settings.agents
        self.agents: list[Agent] = population(sizes.internal, sizes.external, sizes.records, sizes.migrated)
        self.running = settings.running
        self.source: Source = "answers"
        self.source_until_ms = NEVER
        self.log: deque[tuple[float, str]] = deque(maxlen=500)
        self.frozen_document: dict[str, Any] | None = None
        self._pids = 100
        config: dict[str, Any] = {**DEFAULT_CONFIG, **settings.config}
        self.manager = MemoryManager(config, settings.memory_bytes)
        self.boot(fresh_data=True)

    def boot(self, fresh_data: bool = False) -> None:
        """Starts the node's processes and its host; everything that lived in a process is gone."""
        self.timing, self.totals = Timing(self.now_ms), Totals()
        self.migrating: deque[tuple[Agent, float]] = deque()
        self.reconciling: deque[list[Agent]] = deque()
        self.reconcile_pause_ms = 0.0
        self.reconcile_next_ms = 0.0
        self.evaluations: list[Evaluation] = []
        self.start_manager(self.manager if fresh_data else None)
        self.start_controller()

    def start_manager(self, manager: MemoryManager | None = None) -> None:
        """Starts the manager; without one given, the process that follows a crash of the last."""
        self.manager = manager or self.manager.restarted()
        self.manager_alive, self.manager_started_ms, self.manager_pid = True, self.now_ms, self._pid()
        self.manager_back_ms = NEVER
        self.manager_busy_ms = 0.0
        self.rejected_share, self.rejected_code = 0.0, ""
        for agent in self.agents:
            agent.cached = 0

    def start_controller(self) -> None:
        """Starts the controller with its start options: mode, stage, drift, counters and last rollback are gone."""
        self.controller = ReleaseController(**asdict(self.options))
        self.mailbox = Mailbox(self.now_ms)
        self.controller_alive, self.controller_started_ms, self.controller_pid = True, self.now_ms, self._pid()
        self.controller_back_ms = NEVER
        self.controller_operations = 0

    def _pid(self) -> str:
        self._pids += 1
        return f"#PID<0.{self._pids}.0>"

    def note(self, text: str) -> None:
        """Writes a line into the node's log: what an operator's step or an accident led to."""
        self.log.append((self.now_ms, text))

    @property
    def manager_operation_ms(self) -> float:
        """What one operation occupies the manager for on average; infinity while its store is stalled."""
        if self.store.stalled:
            return NEVER
        return self.manager.overhead_ms + self.store.mean_ms

    @property
    def manager_wait_ms(self) -> float:
        """How long a message to the manager waits: for what it is executing, and a drain message a queued request."""
        if self.store.stalled:
            return NEVER
        work = self.mailbox.work
        executing_ms = max(0.0, work.ends_ms - self.now_ms) if work and work.in_manager else 0.0
        return executing_ms + (self.manager.depth * self.manager_operation_ms if self.manager.depth else 0.0)
