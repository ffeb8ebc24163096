"""Everything that was told of a story, and when, as JSON for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from live.clock import Clock
from live.times import times
from live.verdict import Told
from memoryos_simulator.story import Story


def document(story: Story, clock: Clock, told: Told, problems: Sequence[str]) -> dict[str, Any]:
    """Moments are seconds of the story; messages are Alertmanager's webhook documents with their moment as `at`."""
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
