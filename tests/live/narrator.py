"""Tells what happens in the story, which alerts wait and fire, and each message as it arrives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from live.clock import Clock
from live.inbox import Message
from live.stack import Stack
from live.terminal import Terminal
from live.times import since_cause
from memoryos_simulator.player import Player
from memoryos_simulator.story import Step, Story

KIND_OF_RECEIVER = {"pager": "PAGE", "tickets": "ticket", "context": "note"}
SHOWN_OF_A_MESSAGE = 2
"""Alerts of which a message shows the description; the others are counted."""


class Narrator:
    """Looks again at every `look`, and tells what is new."""

    def __init__(self, story: Story, clock: Clock, stack: Stack, terminal: Terminal) -> None:
        self._story, self._clock, self._stack, self._terminal = story, clock, stack, terminal
        # The same story, seed and clock give the same life: this copy says what its steps led to.
        self._player = Player(story)
        self._steps = _steps(story)
        self._next_step = next(self._steps, None)
        self._log_told = self._messages_told = 0
        self._states: dict[tuple[str, str], str] = {}
        self._told: dict[str, str] = {}  # the last status that was told of each alert
        self.inhibited: set[tuple[str, str]] = set()

    def skip(self, elapsed: float) -> None:
        """Passes over what happened before a moment of the story."""
        self._player.seek(elapsed)
        self._log_told = len(self._player.log())
        while self._next_step and self._next_step[0] <= elapsed:
            self._next_step = next(self._steps, None)

    def look(self, now: float) -> None:
        """Tells what is new at the unix time `now`."""
        elapsed = self._clock.elapsed(now)
        self._tell_story(elapsed)
        if "Prometheus" in self._stack.programs:
            self._tell_alerts(elapsed)
            self._tell_inhibited(elapsed)
            self._tell_messages(elapsed)
        self._terminal.state(self._state(elapsed))

    def _tell_story(self, elapsed: float) -> None:
        while self._next_step and self._next_step[0] <= elapsed:
            at, step = self._next_step
            if step.says:
                self._terminal.news(at, "story", step.says.strip())
            self._next_step = next(self._steps, None)
        self._player.seek(elapsed)
        log = self._player.log()
        same: dict[tuple[float, str], list[str]] = defaultdict(list)
        for at, node, text in log[self._log_told :]:
            same[at, text].append(node)
        self._log_told = len(log)
        for (at, text), nodes in same.items():
            self._terminal.news(at, "MemoryOS", f"{', '.join(nodes)}: {text}")

    def _tell_alerts(self, elapsed: float) -> None:
        states: dict[tuple[str, str], str] = {}
        for alert in self._stack.prometheus.alerts():
            key = alert["labels"]["alertname"], alert["labels"].get("instance", "")
            states[key] = max(alert["state"], states.get(key, ""), key=("", "pending", "firing").index)
        changed: dict[tuple[str, str], list[str]] = defaultdict(list)
        for key in sorted({*states, *self._states}):
            before, now = self._states.get(key, ""), states.get(key, "")
            if before != now and (now or before == "firing"):
                changed[now or "over", key[0]].append(key[1])
        self._states = states
        for (state, name), nodes in changed.items():
            self._terminal.news(elapsed, state, _on(name, nodes))

    def _tell_inhibited(self, elapsed: float) -> None:
        now = {
            (labels["alertname"], labels.get("instance", "")) for labels in self._stack.alertmanager.inhibited()
        } - self.inhibited
        self.inhibited |= now
        for name in sorted({name for name, _ in now}):
            nodes = sorted(node for other, node in now if other == name)
            self._terminal.news(elapsed, "quiet", f"{_on(name, nodes)}: another alert tells of it already")

    def _tell_messages(self, elapsed: float) -> None:
        messages = self._stack.inbox.messages[self._messages_told :]
        self._messages_told += len(messages)
        for message in messages:
            self._tell_message(message, elapsed)

    def _tell_message(self, message: Message, elapsed: float) -> None:
        new: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for alert in message.body["alerts"]:
            if self._told.get(alert["fingerprint"]) != alert["status"]:
                self._told[alert["fingerprint"]] = alert["status"]
                new[alert["labels"]["alertname"], alert["status"]].append(alert)
        for (name, status), alerts in new.items():
            what = _on(name, [alert["labels"].get("instance", "") for alert in alerts])
            if status == "resolved":
                self._terminal.news(elapsed, "over", f"told to {message.receiver}: {what}")
                continue
            seconds = since_cause(self._story, self._clock, name, message.at)
            after = "" if seconds is None else f", {seconds:.0f} s after its cause"
            self._terminal.news(elapsed, KIND_OF_RECEIVER[message.receiver], what + after, _instructions(alerts))

    def _state(self, elapsed: float) -> str:
        modes = {state.controller.mode for state in map(self._player.state, self._story.nodes) if state.running}
        states = list(self._states.values())
        return (
            f"{int(elapsed // 60):>5}m{int(elapsed % 60):02}s  {'/'.join(sorted(modes))}, "
            f"{states.count('pending')} pending, {states.count('firing')} firing. Ctrl-C ends it."
        )


def _instructions(alerts: list[dict[str, Any]]) -> Iterator[str]:
    for alert in alerts[:SHOWN_OF_A_MESSAGE]:
        yield alert["annotations"]["description"]
    if len(alerts) > SHOWN_OF_A_MESSAGE:
        yield f"… and {len(alerts) - SHOWN_OF_A_MESSAGE} more."
    annotations = alerts[0]["annotations"]
    yield f"Do:   {annotations['playbook']} {annotations['playbook_step']}"
    yield f"Read: {annotations['runbook_url']}"


def _on(name: str, nodes: Iterable[str]) -> str:
    named = ", ".join(sorted({node for node in nodes if node}))
    return f"{name} on {named}" if named else name


def _steps(story: Story) -> Iterator[tuple[float, Step]]:
    """The story's steps with their moments; those of a story that loops begin again and again."""
    for cycle in count() if story.loops else (0,):
        for step in story.timeline:
            yield cycle * story.duration + step.at, step
