"""What came of a story: the times from cause to message, and everything that was told, as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from live.clock import Clock
from live.inbox import Inbox
from live.narrator import cause
from live.verdict import Told
from memoryos_simulator.story import Story


@dataclass(frozen=True)
class Time:
    """From what happened in the story to the first message that told of it, in seconds of the story."""

    alert: str
    severity: str
    seconds: float
    speed: float

    def __str__(self) -> str:
        here = f", {self.seconds / self.speed:.1f} s here" if self.speed != 1 else ""
        return f"  {self.alert} ({self.severity}): told {self.seconds:.0f} s after its cause{here}"


def times(story: Story, clock: Clock, inbox: Inbox) -> Iterator[Time]:
    """The time of each alert that was told, in the order of their messages."""
    seen = set()
    for message in inbox.messages:
        for alert in message.alerts():
            name, severity = alert["labels"]["alertname"], alert["labels"]["severity"]
            elapsed = clock.elapsed(message.at)
            since = cause(story, name, elapsed)
            if since is not None and (name, severity) not in seen:
                seen.add((name, severity))
                yield Time(name, severity, elapsed - since, clock.speed)


def document(story: Story, clock: Clock, told: Told, problems: Sequence[str]) -> dict[str, Any]:
    """Everything, for scripts: moments are seconds of the story."""
    return {
        "story": story.name,
        "speed": clock.speed,
        "problems": list(problems),
        "times": [asdict(time) for time in times(story, clock, told.inbox)],
        "messages": [{"at": clock.elapsed(message.at), **message.body} for message in told.inbox.messages],
        "heartbeats": [clock.elapsed(at) for at in told.inbox.heartbeats],
        "inhibited": sorted(told.inhibited),
        "fired": [
            {
                "alert": episode.alert,
                "severity": episode.severity,
                "labels": episode.labels,
                "from": clock.elapsed(episode.since),
                "to": None if episode.until is None else clock.elapsed(episode.until),
            }
            for episode in told.episodes
        ],
    }


def serving_since(log: Path) -> float:
    """The unix time at which the exporter began to serve, and with it the story, from its log."""
    match = re.search(r"ts=(\S+) level=info msg=serving", log.read_text())
    if match is None:
        raise ValueError(f"{log} does not say when the exporter began to serve")
    return datetime.fromisoformat(match[1]).timestamp()
