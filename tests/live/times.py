"""From what happened in a story to the message that told of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from live.clock import Clock
from live.inbox import Inbox
from memoryos_simulator.story import Story


@dataclass(frozen=True)
class Time:
    """How long it took until the first message about an alert, in seconds of the story."""

    alert: str
    severity: str
    seconds: float
    speed: float

    def __str__(self) -> str:
        here = f", {self.seconds / self.speed:.1f} s here" if self.speed != 1 else ""
        return f"{self.alert} ({self.severity}): told {self.seconds:.0f} s after its cause{here}"


def times(story: Story, clock: Clock, inbox: Inbox) -> Iterator[Time]:
    """The time of each expected alert that was told, in the order of their messages."""
    seen = set()
    for message in inbox.messages:
        for alert in message.alerts():
            name, severity = alert["labels"]["alertname"], alert["labels"]["severity"]
            seconds = since_cause(story, clock, name, message.at)
            if seconds is not None and (name, severity) not in seen:
                seen.add((name, severity))
                yield Time(name, severity, seconds, clock.speed)


def since_cause(story: Story, clock: Clock, alert: str, at: float) -> float | None:
    """Seconds of the story from the cause of an alert to the unix time `at`.

    The cause is the last step before the alert is expected to begin. None when the story does not expect it by then, or
    when the cause lies before the beginning.
    """
    elapsed = clock.elapsed(at)
    expected = [each.starts[0] for each in story.expects if each.alert == alert and each.starts[0] <= elapsed]
    causes = [step.at for step in story.timeline if expected and clock.skip <= step.at <= max(expected)]
    return elapsed - max(causes) if causes else None
