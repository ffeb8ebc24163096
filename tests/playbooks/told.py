"""Each alert in the shortest story that tells it, as the history of a real Prometheus."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from memoryos_exporter.story_series import story_series
from memoryos_simulator.story import TICK_SECONDS, Expectation, Story
from memoryos_simulator.story_file import load_story, story_names
from support.programs import free_port, get, running, tool, until

START = 1_767_600_000
# Every second scrape: two samples in the shortest window of a page (one minute), at half the cost.
STEP = 2 * TICK_SECONDS
WATCHDOG = "MemoryOSWatchdog"


@dataclass(frozen=True)
class Told:
    """One alert in one story, with the moments, in unix time, when it surely fires and when it is surely over."""

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
        START + int(expected.starts[1]),
        None if ends is None else START + ends,
    )


@dataclass(frozen=True)
class History:
    """A Prometheus that remembers the stories, each under its name as `cluster`."""

    url: str
    end: int

    def rows(self, expr: str, story: str, at: int) -> list[dict[str, str]]:
        """The label sets of what ``expr`` answers about one story at one moment."""
        found = self._ask("query", query=expr, time=at)
        return [row["metric"] for row in found if row["metric"].get("cluster") == story]

    def ever(self, expr: str) -> set[str]:
        """The stories in which ``expr`` has rows at some moment."""
        found = self._ask("query_range", query=expr, start=START, end=self.end, step=STEP)
        return {row["metric"].get("cluster", "") for row in found}

    def _ask(self, endpoint: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = get(f"{self.url}/api/v1/{endpoint}?{urlencode(parameters)}", timeout=120).json
        assert answer["status"] == "success", f"{parameters}: {answer}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result


@contextmanager
def history(names: set[str], folder: Path) -> Iterator[History]:
    """These stories, in a Prometheus that runs; the alerts that they tell of are there as `ALERTS`."""
    stories = [load_story(name) for name in sorted(names)]
    _backfill((line for story in stories for line in _lines(story)), folder)
    (folder / "prometheus.yml").write_text("")
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=10y",
        f"--web.listen-address={url.removeprefix('http://')}",
    ]
    with running(command, folder / "prometheus.log"):
        until(lambda: get(f"{url}/-/ready").status == 200, "Prometheus to be ready")
        yield History(url, START + int(max(story.duration for story in stories)))


def _lines(story: Story) -> Iterator[str]:
    for series in story_series(story, cluster=story.name, start=START):
        for at, value in _values(series["values"]):
            if at % STEP == 0:
                yield f"{series['series']} {value} {at}\n"
    for expected in story.expects:
        ends = expected.ends[0] if expected.ends else story.duration
        for node in expected.nodes or story.nodes:
            labels = f'instance="{node}",severity="{expected.severity}"'
            yield from _firing(story.name, expected.alert, labels, int(expected.starts[1]), int(ends))
    yield from _firing(story.name, WATCHDOG, 'severity="none"', 0, int(story.duration))


def _values(notation: str) -> Iterator[tuple[int, str]]:
    """The samples of promtool's notation as (seconds, value): `_x3` leaves three out, `1+0x3` is four ones."""
    tick = 0
    for word in notation.split():
        value, _, times = word.partition("x")
        count = int(times or 1) if value == "_" else int(times or 0) + 1
        if value not in {"_", "stale"}:
            yield from ((at * TICK_SECONDS, value.removesuffix("+0")) for at in range(tick, tick + count))
        tick += count


def _backfill(lines: Iterator[str], folder: Path) -> None:
    text = folder / "history.om"
    with text.open("w", encoding="utf-8") as file:
        file.writelines(lines)
        file.write("# EOF\n")
    command = ["tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(folder / "data")]
    subprocess.run([tool("promtool"), *command], check=True, capture_output=True)
    text.unlink()


def _firing(cluster: str, alert: str, labels: str, begin: int, end: int) -> Iterator[str]:
    identity = f'alertname={json.dumps(alert)},alertstate="firing",cluster="{cluster}",job="memoryos",{labels}'
    for elapsed in range(begin, end, STEP):
        yield f"ALERTS{{{identity}}} 1 {START + elapsed}\n"
