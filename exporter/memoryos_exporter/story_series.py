"""A story as the series that Prometheus would have stored: each tick through the exporter's own code.

The result is `input_series` for promtool's rule tests, with `stale` where a series ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import json

from memoryos_simulator.player import Player, View
from memoryos_simulator.story import TICK_SECONDS, Story

from .document import read_stats
from .exposition import TEXT, render
from .samples import Samples, add_reading, samples_of
from .window import Window

START = 86_400
"""When a story begins on promtool's clock, which starts at 0: late enough that no window reaches back before it."""
READ_SECONDS = 0.004
SOURCE_ERRORS = {"unreachable": "refused", "hangs": "timeout"}
STALE, OMITTED = "stale", "_"


def story_series(
    story: Story, cluster: str = "demo", job: str = "memoryos", start: int = START
) -> list[dict[str, str]]:
    """`input_series` of a whole story at ticks of 15 s: the exporter's series of each node, and `up`.

    start: seconds on promtool's clock at which the story begins, a multiple of 15; so the tick at `elapsed` seconds is
    evaluated at `start + elapsed`.
    """
    player = Player(story, start=start)
    recorders = {node: _Recorder(cluster, job, node) for node in story.nodes}
    first = start // TICK_SECONDS
    for elapsed, views in player.frames():
        for node, recorder in recorders.items():
            recorder.record(first + elapsed // TICK_SECONDS, start + elapsed, views.get(node))
    return [series for recorder in recorders.values() for series in recorder.series()]


class _Recorder:
    """What Prometheus stores of one node."""

    def __init__(self, cluster: str, job: str, node: str) -> None:
        self._identity = f'cluster="{cluster}",instance="{node}",job="{job}"'
        self._columns: dict[str, _Column] = {}
        self._current: set[str] = set()
        self._window = Window()

    def record(self, tick: int, now: float, view: View | None) -> None:
        """Stores one scrape; None: the node is gone from service discovery, and its series end."""
        seen: set[str] = set()
        for name, value in self._scrape(now, view):
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = _Column()
            column.add(tick, value)
            seen.add(name)
        for name in self._current - seen:
            self._columns[name].add(tick, STALE)
        self._current = seen

    def _scrape(self, now: float, view: View | None) -> Iterator[tuple[str, str]]:
        if view is None:
            return
        yield "up", "1" if view.exporter_up else "0"
        if not view.exporter_up:
            self._window = Window()  # a new exporter begins with an empty one
            return
        for line in render(self._samples(now, view), TEXT).decode().splitlines():
            if not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                yield name, value

    def _samples(self, now: float, view: View) -> Samples:
        if view.document is None:
            samples = Samples()
            add_reading(samples, SOURCE_ERRORS[view.source], READ_SECONDS)
            return samples
        stats = read_stats(json.encode(view.document))
        self._window.add(now, stats)
        return samples_of(stats, self._window.measure(stats), READ_SECONDS)

    def series(self) -> Iterator[dict[str, str]]:
        """All series of this node."""
        for name, column in self._columns.items():
            base, brace, labels = name.partition("{")
            labels = f",{labels}" if brace else "}"
            yield {"series": f"{base}{{{self._identity}{labels}", "values": column.values()}


class _Column:
    """The values of one series, tick by tick."""

    def __init__(self) -> None:
        self._values: list[str] = []
        self._gaps: list[tuple[int, int]] = []
        self._next = 0

    def add(self, tick: int, value: str) -> None:
        """Notes the value at a tick, later than the last."""
        if tick > self._next:
            self._gaps.append((len(self._values), tick - self._next))
        self._values.append(value)
        self._next = tick + 1

    def values(self) -> str:
        """In promtool's notation, equal neighbours written once."""
        words: list[str] = []
        start = 0
        for position, missing in [*self._gaps, (len(self._values), 0)]:
            words += _runs(self._values[start:position])
            if missing:
                words.append(f"{OMITTED}x{missing}")
            start = position
        return " ".join(words)


def _runs(values: Iterable[str]) -> Iterator[str]:
    for value, group in groupby(values):
        times = sum(1 for _ in group)
        if times > 2 and value != STALE:
            yield f"{value}+0x{times - 1}"
        else:
            yield from [value] * times
