"""The dashboards: queries, series and samples that each costs a Prometheus that watches a hundred instances."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from dashboards.conftest import shortened
from dashboards.ruled import ruled_lines
from memoryos_generators.config import load
from memoryos_generators.dashboards import built
from memoryos_simulator.story_file import load_story
from support.history import backfill, lines, series_of
from support.programs import get, prometheus

INSTANCES, MINUTES = 100, 30
STEP = 15
STORY = "happy-rollout"


def run() -> Sequence[tuple[str, str]]:
    """One row a dashboard: what one refresh of its last half hour, every instance chosen, asks of Prometheus."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        end = int(time.time()) // 60 * 60
        backfill(fleet(end - 60 * MINUTES, folder), folder)
        with prometheus(folder, {}) as url:
            return [(f"{uid}, {INSTANCES} instances", refresh(url, data, end)) for uid, data in built(load()).items()]


def fleet(start: int, folder: Path) -> Iterator[str]:
    """One node's half hour, rules included, as that of a hundred nodes of one fleet."""
    story = shortened(load_story(STORY), 60 * MINUTES)
    series = series_of(story)
    (node,) = story.nodes
    yield from copies(lines(series, start), node)
    yield from copies(ruled_lines(series, load(), 60 * MINUTES, start, folder / "rules"), node)


def copies(lines: Iterator[str], node: str) -> Iterator[str]:
    """Each line for every instance; what belongs to the fleet stays one."""
    own = f'instance="{node}"'
    for line in lines:
        if own in line:
            yield from (line.replace(own, f'instance="memory-{i:03}"') for i in range(INSTANCES))
        else:
            yield line


def refresh(url: str, dashboard: dict[str, Any], end: int) -> str:
    """Queries, series that come back, samples that Prometheus reads, and its time for all of them in a row."""
    found = [ask(url, target, end) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    series, samples, seconds = (sum(column) for column in zip(*found, strict=True))
    slowest = max(each[2] for each in found)
    return (
        f"{len(found)} queries, {series} series, {samples / 1e6:.1f} M samples read, "
        f"{seconds:.1f} s in a row, slowest query {slowest:.2f} s"
    )


def ask(url: str, target: dict[str, Any], end: int) -> tuple[int, int, float]:
    """Series, samples and seconds of one query as Grafana sends it."""
    values = {"$cluster": ".*", "$job": ".+", "$instance": ".+"}
    values |= {"$__rate_interval": "60s", "$__range": f"{60 * MINUTES}s"}
    expr = re.sub(r"\$(?:__)?[a-z]\w*", lambda name: values[name[0]], target["expr"])
    if target["instant"]:
        path, when = "query", {"time": end}
    else:
        path, when = "query_range", {"start": end - 60 * MINUTES, "end": end, "step": STEP}
    started = time.perf_counter()
    answer = get(f"{url}/api/v1/{path}?{urlencode({'query': expr, 'stats': 'all', **when})}", timeout=300).json
    seconds = time.perf_counter() - started
    data = answer["data"]
    return len(data["result"]), data["stats"]["samples"]["totalQueryableSamples"], seconds
