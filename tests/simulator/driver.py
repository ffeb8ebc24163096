"""Drives a practice node by exact calls, as the recording node was driven."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from memoryos_simulator.agents import Agent
from memoryos_simulator.dials import Agents, NodeSettings, Traffic
from memoryos_simulator.mailbox import Call
from memoryos_simulator.node import Node
from memoryos_simulator.release_controller import stable_hash_ratio
from memoryos_simulator.state import NodeState

RECORDED = Path(__file__).parent.parent / "recorded"
START_MS = 1_795_330_080_000


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


class Driven(Node):
    """A node without traffic of its own. Every repeated read comes soon enough to hit the query cache."""

    def __init__(self, config: dict[str, Any] | None = None, agents: Agents | None = None) -> None:
        settings = NodeSettings(
            agents=agents or Agents(internal=0, external=0),
            traffic=Traffic(remember=0, retrieve=0, repeated=1),
            config={"auto_consolidate": False, "journal_limit": 20_000} if config is None else config,
        )
        super().__init__("memory_os", settings, "driven", START_MS)

    def turn(self, dial: str, **changes: object) -> None:
        setattr(self.state, dial, replace(getattr(self.state, dial), **changes))

    def call(self, operation: str, agents: Iterable[Agent], times: int = 1) -> None:
        """Each agent calls so many times, one after the other, and every call ends."""
        state = self.state
        for agent in agents:
            state.mailbox.waiting.extend(Call(state.now_ms, operation, agent) for _ in range(times))
        self.settle()

    def settle(self) -> None:
        """Lets everything end that is under way."""
        state = self.state
        self.step()
        while state.mailbox.waiting or state.mailbox.work or state.migrating or state.reconciling:
            self.step()

    def callers(self) -> dict[str, int]:
        """What the callers saw so far: ok, and errors by code."""
        seen: dict[str, int] = {}
        for series in self.state.timing.series.values():
            seen["ok"] = seen.get("ok", 0) + series.ok
            for code, calls in series.errors.items():
                seen[code] = seen.get(code, 0) + calls
        return seen


def recorded_population(state: NodeState) -> list[Agent]:
    """4 internal and 40 external agents, of whom 10 are in a canary of 0.25, as many as in the recording."""
    inside = (Agent(f"in-{n}", "external") for n in count() if stable_hash_ratio(f"in-{n}") < 0.25)
    outside = (Agent(f"out-{n}", "external") for n in count() if stable_hash_ratio(f"out-{n}") >= 0.25)
    state.agents = [
        *(Agent(f"int-agent-{n}", "internal") for n in range(1, 5)),
        *(next(inside) for _ in range(10)),
        *(next(outside) for _ in range(30)),
    ]
    return state.agents
