"""The stories in which the dashboards are tried, in one Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from dashboards.ruled import exporter_lines, ruled_lines
from memoryos_generators.config import Config, load
from memoryos_simulator.story import Duration, Story
from memoryos_simulator.story_file import load_story
from support.history import Prometheus, backfill, lines, series_of
from support.programs import prometheus

# Story → seconds that are told (0: all of it), on one node; and whether the rules are evaluated over it.
STORIES = {
    "happy-rollout": (11_700, True),
    "slo-breach-latency": (7_200, True),
    "slo-breach-hidden-errors": (5_700, False),
    "error-budget-burn": (3_600, True),
    "drift-regression": (5_400, True),
    "migration-failures": (0, False),
    "deprecated-calls": (0, False),
    "memoryos-unreachable": (0, False),
    "throttling": (0, False),
    "overload": (0, True),
    "timeouts": (0, False),
    "dead-letters": (0, False),
    "stall": (6_600, False),
}
# Two tiers within an hour: the long windows of the others cost most of the time and add no query.
TIERS = [
    {"long": "1h", "short": "5m", "factor": 14.4, "for": "2m"},
    {"long": "30m", "short": "5m", "factor": 4, "for": "15m"},
]


@dataclass(frozen=True)
class Told:
    """A Prometheus that remembers the stories, each under its name as cluster, all ending now."""

    prometheus: Prometheus
    start: dict[str, int]
    end: int


@pytest.fixture(scope="session")
def config() -> Config:
    """The defaults."""
    return load()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """The stories, told."""
    folder = tmp_path_factory.mktemp("history")
    end = int(time.time()) // 60 * 60
    stories = [shortened(load_story(name), seconds) for name, (seconds, _) in STORIES.items()]
    start = {story.name: end - int(story.duration) for story in stories}
    backfill(all_lines(stories, start, end, folder), folder)
    with prometheus(folder, {}) as url:
        yield Told(Prometheus(url), {**start, "exporter": end - 3_600}, end)


def shortened(story: Story, seconds: int) -> Story:
    """The beginning of a story, on its last node: where one node of two is hit, it is that one."""
    name, settings = list(story.nodes.items())[-1]
    here = [step for step in story.timeline if not step.nodes or name in step.nodes]
    timeline = [msgspec.structs.replace(step, nodes=[name] if step.nodes else []) for step in here]
    duration = Duration(seconds) if seconds else story.duration
    return msgspec.structs.replace(story, nodes={name: settings}, timeline=timeline, duration=duration)


def all_lines(stories: list[Story], start: dict[str, int], end: int, folder: Path) -> Iterator[str]:
    """Everything that Prometheus remembers."""
    ruled = short_windows(folder)
    for story in stories:
        series = series_of(story)
        yield from lines(series, start[story.name])
        if STORIES[story.name][1]:
            seconds = int(story.duration)
            made = ruled_lines(series, ruled, seconds, start[story.name], folder / story.name)
            # The Watchdog belongs to no fleet: it is the same series in every story, and may stand only once.
            yield from (line for line in made if "cluster=" in line or story is stories[0])
    yield from exporter_lines(end - 3_600, 3_600)


def short_windows(folder: Path) -> Config:
    """The defaults with short SLO windows."""
    override = folder / "override.json"
    override.write_bytes(msgspec.json.encode({"slos": {"tiers": TIERS, "absolute_window": "1h"}}))
    return load(override)
