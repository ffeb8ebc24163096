"""A faster clock: every length of time in the configuration, in the rules and in Prometheus's own flags shrinks alike.

A story that is told 15 times as fast is watched by a Prometheus that scrapes 15 times as often and whose windows and
waiting times are 15 times as short. So each window holds as many scrapes, each `for` spans as many evaluations and a
window counts as many calls as in production. Durations inside the stats document (latencies, the age of a call) are
those of the story and stay as they are. What does not shrink is the machine: a tenth of a second that a program takes
counts as 1.5 s. A time from breach to page that is measured so is longer than it would be, never shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memoryos_generators import rules
from memoryos_generators.config import DEFAULTS, load, read
from memoryos_generators.duration import SYNTAX, Duration

SPEEDS = (1, 3, 5, 15)
"""Those that leave the scrape interval of 15 s a whole number of seconds."""
PROMETHEUS_FLAGS = {
    "query.lookback-delta": "5m",
    "rules.alert.resend-delay": "1m",
    "rules.alert.for-grace-period": "10m",
    "rules.alert.for-outage-tolerance": "1h",
    "scrape.discovery-reload-interval": "5s",
}
"""Lengths of time that Prometheus takes on its command line, with its defaults."""
LEAST_SECONDS = {"rules.alert.resend-delay": 10}
"""Alertmanager takes an alert as over when it has not heard of it for four times this. Prometheus needs that long to be
started again, at any speed."""


@dataclass(frozen=True)
class Clock:
    """The story's clock: it showed `skip` seconds at the unix time `began`, and runs `speed` times as fast."""

    began: float
    speed: float
    skip: float = 0.0

    def elapsed(self, wall: float) -> float:
        """Seconds of the story at a unix time."""
        return self.skip + (wall - self.began) * self.speed

    def wall(self, elapsed: float) -> float:
        """The unix time of a moment of the story."""
        return self.began + (elapsed - self.skip) / self.speed


def settings(speed: int) -> dict[str, Any]:
    """An override for memoryos-generate in which every length of time is `speed` times as short."""
    scaled: dict[str, Any] = _scaled(read(DEFAULTS), speed)
    return scaled | {"alerts": {alert.name: _waits(alert, speed) for alert in rules.alerts(load())}}


def prometheus_flags(speed: int) -> list[str]:
    """The same for what Prometheus is told on its command line."""
    return [
        f"--{name}={_shorter(length, speed, LEAST_SECONDS.get(name, 0))}" for name, length in PROMETHEUS_FLAGS.items()
    ]


def _waits(alert: rules.Alert, speed: int) -> dict[str, str]:
    # Of an alert with several waiting times each is a setting of its own, which is scaled as such.
    each = {condition.for_ for condition in alert.conditions}
    waits = {"for": each.pop()} if len(each) == 1 else {}
    waits["keep_firing_for"] = alert.keep_firing_for
    return {name: _shorter(str(length), speed) for name, length in waits.items() if length}


def _scaled(value: Any, speed: int) -> Any:
    if isinstance(value, dict):
        return {key: _scaled(each, speed) for key, each in value.items()}
    if isinstance(value, list):
        return [_scaled(each, speed) for each in value]
    return _shorter(value, speed) if isinstance(value, str) and SYNTAX.fullmatch(value) else value


def _shorter(length: str, speed: int, least: int = 0) -> str:
    """A length of time, rounded up to whole seconds; not shorter than ``least`` seconds."""
    return str(Duration(max(least, -(-Duration.parse(length) // speed))))
