"""Each alert in the shortest story that tells it, as the history of a real Prometheus."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memoryos_simulator.story import TICK_SECONDS, Expectation, Story
from memoryos_simulator.story_file import load_story, story_names
from support.history import Prometheus, backfill, lines, series_of
from support.programs import prometheus

# Every second scrape: two samples in the shortest window of a page (one minute), at half the cost.
STEP = 2 * TICK_SECONDS
WATCHDOG = "MemoryOSWatchdog"


@dataclass(frozen=True)
class Told:
    """One alert in one story, with the seconds of the story when it surely fires and when it is surely over."""

    alert: str
    story: str
    nodes: tuple[str, ...]
    firing: int
    fixed: int | None


def told_alerts() -> dict[str, Told]:
    """Alert → the shortest story that tells it, one that tells its end before one that does not."""
    known = [_told(expected, story) for story in _stories() for expected in story.expects]
    lengths = {story.name: story.duration * len(story.nodes) for story in _stories()}
    best: dict[str, Told] = {}
    for told in sorted(known, key=lambda told: (told.fixed is None, lengths[told.story], told.story)):
        best.setdefault(told.alert, told)
    anywhere = next(iter(best.values()))
    return {**best, WATCHDOG: Told(WATCHDOG, anywhere.story, (), anywhere.firing, None)}


def _stories() -> list[Story]:
    return [story for story in map(load_story, story_names()) if story.phase == "migrating"]


def _told(expected: Expectation, story: Story) -> Told:
    ends = int(min(expected.ends[1], story.duration)) if expected.ends else None
    return Told(
        expected.alert,
        story.name,
        tuple(expected.nodes or story.nodes),
        int(expected.starts[1]),
        ends,
    )


@dataclass(frozen=True)
class History:
    """A Prometheus that remembers the stories, each under its name as `cluster`, all begun at ``start``."""

    prometheus: Prometheus
    start: int
    end: int

    def rows(self, expr: str, story: str, at: int) -> list[dict[str, str]]:
        """The label sets of what ``expr`` answers about one story, so many seconds after it began."""
        found = self.prometheus.instant(expr, self.start + at)
        return [row["metric"] for row in found if row["metric"].get("cluster") == story]

    def ever(self, expr: str) -> set[str]:
        """The stories in which ``expr`` has rows at some moment."""
        found = self.prometheus.range(expr, self.start, self.end, STEP)
        return {row["metric"].get("cluster", "") for row in found}


@contextmanager
def history(names: set[str], folder: Path) -> Iterator[History]:
    """These stories, in a Prometheus that runs; the alerts that they tell of are there as `ALERTS`."""
    stories = [load_story(name) for name in sorted(names)]
    end = int(time.time()) // STEP * STEP
    start = end - int(max(story.duration for story in stories))
    backfill((line for story in stories for line in _lines(story, start)), folder)
    with prometheus(folder, {}) as url:
        yield History(Prometheus(url), start, end)


def _lines(story: Story, start: int) -> Iterator[str]:
    yield from lines(series_of(story), start, STEP)
    for expected in story.expects:
        ends = expected.ends[0] if expected.ends else story.duration
        for node in expected.nodes or story.nodes:
            labels = f'instance="{node}",severity="{expected.severity}"'
            firing = range(start + int(expected.starts[1]), start + int(ends), STEP)
            yield from _firing(story.name, expected.alert, labels, firing)
    yield from _firing(story.name, WATCHDOG, 'severity="none"', range(start, start + int(story.duration), STEP))


def _firing(cluster: str, alert: str, labels: str, moments: range) -> Iterator[str]:
    identity = f'alertname={json.dumps(alert)},alertstate="firing",cluster="{cluster}",job="memoryos",{labels}'
    yield from (f"ALERTS{{{identity}}} 1 {at}\n" for at in moments)
