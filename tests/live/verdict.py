"""Was it told as the story says: each expected alert at its time, nothing else, and every page delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from live.clock import Clock
from live.inbox import Inbox
from live.servers import Episode
from memoryos_simulator.story import Duration, Expectation, Story

SEVERITIES = ("info", "warning", "critical")
SLACK = 4.0
"""Seconds of the wall clock by which an alert may miss its span: the machine's own slowness, of which a faster story
makes more. Two scrapes that come late, an evaluation and the way to Alertmanager."""


@dataclass(frozen=True)
class Told:
    """What came of a story."""

    episodes: Sequence[Episode]
    inbox: Inbox
    inhibited: frozenset[tuple[str, str]]
    """(alert, node) of what Alertmanager kept quiet at some time."""


def problems(story: Story, clock: Clock, told: Told) -> Iterator[str]:
    """One sentence for each thing that went otherwise than told."""
    slack = SLACK * clock.speed
    for expected in story.expects:
        if expected.starts[1] + slack < clock.skip:
            continue  # it began before the beginning
        for node in expected.nodes or [""]:
            yield from _missed(expected, node, clock, told.episodes, slack)
        if expected.severity == "critical":
            yield from _not_delivered(expected, told)
    for episode in told.episodes:
        if not _foreseen(episode, story):
            moment = Duration(clock.elapsed(episode.since))
            yield f"{_name(episode.alert, episode.node)} fired as {episode.severity} at {moment}; the story has no such"


def _missed(expected: Expectation, node: str, clock: Clock, episodes: Sequence[Episode], slack: float) -> Iterator[str]:
    name = _name(expected.alert, node)
    begun = [
        episode
        for episode in episodes
        if (episode.alert, episode.severity) == (expected.alert, expected.severity) and node in {"", episode.node}
    ]
    first, last = expected.starts
    in_time = [each for each in begun if first - slack <= clock.elapsed(each.since) <= last + slack]
    if not in_time:
        when = ", ".join(str(Duration(clock.elapsed(each.since))) for each in begun) or "never"
        yield f"{name} should begin to fire between {first} and {last}; it did: {when}"
    elif expected.ends:
        first, last = expected.ends
        over = max(each.until or float("inf") for each in begun)
        if not first - slack <= clock.elapsed(over) <= last + slack:
            when = "it still fires" if over == float("inf") else f"it ended at {Duration(clock.elapsed(over))}"
            yield f"{name} should have ended between {first} and {last}; {when}"


def _not_delivered(expected: Expectation, told: Told) -> Iterator[str]:
    if told.inbox.pages(expected.alert) or any(alert == expected.alert for alert, _ in told.inhibited):
        return
    yield f"{expected.alert} is a page, and none was delivered"


def _foreseen(episode: Episode, story: Story) -> bool:
    if any((each.alert, each.severity) == (episode.alert, episode.severity) for each in story.expects):
        return True
    worst = story.tolerates.get(episode.alert)
    return worst is not None and SEVERITIES.index(episode.severity) <= SEVERITIES.index(worst)


def _name(alert: str, node: str) -> str:
    return f"{alert} on {node}" if node else alert
