"""Plays a story on its own clock: advance it, and ask each node what an exporter would get from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from memoryos_simulator.host import STEP_SECONDS
from memoryos_simulator.node import Node
from memoryos_simulator.state import NodeState, Source
from memoryos_simulator.steps import Ramp, perform
from memoryos_simulator.story import TICK_SECONDS, Story

DEFAULT_START = 1_767_600_000
"""2026-01-05 08:00 UTC, a Monday."""


@dataclass(frozen=True, slots=True)
class View:
    """What there is to see of one node at one moment."""

    node: str
    source: Source
    """Whether the stats document can be had; only then `document` is there."""
    document: dict[str, Any] | None
    exporter_up: bool = True
    """False: nobody answers Prometheus either."""


class Player:
    """A story under way. The same story, seed and start give the same documents, however the time is cut up."""

    def __init__(self, story: Story, start: int = DEFAULT_START, seed: int | None = None) -> None:
        """`start` is the unix time, in seconds, at which the story begins."""
        self.story, self.start = story, start
        self.elapsed = 0
        seed = story.seed if seed is None else seed
        self.nodes = {
            name: Node(name, story.settings(name), f"{story.name}/{seed}/{name}", start * 1000) for name in story.nodes
        }
        self.exporter_down: set[str] = set()
        self._next_step = 0
        self._cycle_start = 0
        self._ramps: list[Ramp] = []
        self._follow_timeline()

    @property
    def now_ms(self) -> int:
        """The story's clock, unix milliseconds."""
        return (self.start + self.elapsed) * 1000

    @property
    def ended(self) -> bool:
        """True when the story has been told; the nodes go on as long as they are advanced."""
        return not self.story.loops and self.elapsed >= self.story.duration

    @property
    def node_names(self) -> list[str]:
        """The story's nodes, those that are not running included."""
        return list(self.nodes)

    def running(self, node: str) -> bool:
        """Whether the node is there now; False before it joins, and when it is gone."""
        return self.nodes[node].state.running

    def moment(self, node: str, at_ms: float) -> float:  # noqa: ARG002 - all nodes share one clock
        """Seconds since the start at which a unix time of a document lies."""
        return at_ms / 1000 - self.start

    def seek(self, elapsed: float) -> None:
        """Advances to a moment, seconds since the start; never back."""
        self.advance(elapsed - self.elapsed)

    def advance(self, seconds: float) -> None:
        """Moves the clock by `seconds`, rounded down to whole steps of the model (5 s)."""
        for _ in range(int(seconds // STEP_SECONDS)):
            for ramp in self._ramps:
                ramp.apply(self.elapsed)
            self._ramps = [ramp for ramp in self._ramps if ramp.until > self.elapsed]
            for node in self.nodes.values():
                node.step()
            self.elapsed += STEP_SECONDS
            self._follow_timeline()

    def _follow_timeline(self) -> None:
        story = self.story
        while True:
            while self._next_step < len(story.timeline):
                step = story.timeline[self._next_step]
                if self._cycle_start + step.at > self.elapsed:
                    return
                self._next_step += 1
                for name in step.nodes or story.nodes:
                    self._ramps += perform(step, self.nodes[name].state, self.elapsed)
                    if step.exporter:
                        down = step.exporter == "down"
                        (self.exporter_down.add if down else self.exporter_down.discard)(name)
            if not story.loops or self.elapsed < self._cycle_start + story.duration:
                return
            self._cycle_start, self._next_step = self._cycle_start + int(story.duration), 0

    def state(self, node: str) -> NodeState:
        """A node's inner state, for those who look behind the document."""
        return self.nodes[node].state

    def views(self) -> dict[str, View]:
        """What each node that is running shows now."""
        return {name: self.view(name) for name, node in self.nodes.items() if node.state.running}

    def view(self, name: str) -> View:
        """What one node shows now; KeyError when the story has no such node."""
        node = self.nodes[name]
        source = node.state.source if node.state.running else "unreachable"
        document = node.document() if source == "answers" else None
        return View(name, source, document, name not in self.exporter_down)

    def frames(self, tick_seconds: int = TICK_SECONDS) -> Iterator[tuple[int, dict[str, View]]]:
        """The whole story, a view of every node at each tick: (seconds since the start, views)."""
        while True:
            yield self.elapsed, self.views()
            if self.elapsed + tick_seconds > self.story.duration:
                return
            self.advance(tick_seconds)

    def log(self) -> list[tuple[float, str, str]]:
        """What the steps led to: (seconds since the start, node, what)."""
        lines = [
            (at_ms / 1000 - self.start, name, text)
            for name, node in self.nodes.items()
            for at_ms, text in node.state.log
        ]
        return sorted(lines)
