"""A story as the series that Prometheus would have stored: each tick through the exporter's own code.

The result is `input_series` for promtool's rule tests, with `stale` where a series ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from msgspec import json

from memoryos_simulator.player import Player, View
from memoryos_simulator.story import TICK_SECONDS, Story

from .document import read_stats
from .exposition import TEXT, render
from .samples import Samples, add_reading, samples_of
from .window import Window

START = 7_200
"""When a story begins on promtool's clock: after an hour or two no window of minutes reaches back to 0, and every
interval before the story costs an evaluation of all rules."""
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
    tick = start // TICK_SECONDS
    for elapsed, views in player.frames():
        for node, recorder in recorders.items():
            recorder.record(tick, start + elapsed, views.get(node))
        tick += 1
    return [series for recorder in recorders.values() for series in recorder.series(tick)]


class _Recorder:
    """What Prometheus stores of one node."""

    def __init__(self, cluster: str, job: str, node: str) -> None:
        self._identity = f'cluster="{cluster}",instance="{node}",job="{job}"'
        self._columns: dict[str, _Column] = {}
        self._lines: list[str] = []
        self._order: list[_Column | None] = []
        self._window = Window()

    def record(self, tick: int, now: float, view: View | None) -> None:
        """Stores one scrape; None: the node is gone from service discovery, and its series end."""
        lines = self._scrape(now, view)
        if not self._only_values_differ(tick, lines):
            self._store_all(tick, lines)
        self._lines = lines

    def _only_values_differ(self, tick: int, lines: list[str]) -> bool:
        """Stores the lines that are not as they were; False when the series are not the same as in the last scrape."""
        if len(lines) != len(self._lines):
            return False
        for line, before, column in zip(lines, self._lines, self._order, strict=True):
            if line != before:
                name, _, value = line.rpartition(" ")
                if column is None or column.name != name:
                    return False
                column.change(tick, value)
        return True

    def _store_all(self, tick: int, lines: list[str]) -> None:
        ended = {column.name for column in self._order if column is not None}
        self._order = []
        for line in lines:
            if line.startswith("#"):
                self._order.append(None)
                continue
            name, _, value = line.rpartition(" ")
            column = self._columns.setdefault(name, _Column(name))
            column.change(tick, value)
            self._order.append(column)
            ended.discard(name)
        for name in ended:
            self._columns[name].change(tick, STALE)

    def _scrape(self, now: float, view: View | None) -> list[str]:
        """The lines of one scrape, comments included, and `up` as Prometheus adds it."""
        if view is None:
            return []
        if not view.exporter_up:
            self._window = Window()  # a new exporter begins with an empty one
            return ["up 0"]
        return ["up 1", *render(self._samples(now, view), TEXT).decode().splitlines()]

    def _samples(self, now: float, view: View) -> Samples:
        if view.document is None:
            samples = Samples()
            add_reading(samples, SOURCE_ERRORS[view.source], READ_SECONDS)
            return samples
        stats = read_stats(json.encode(view.document))
        self._window.add(now, stats)
        return samples_of(stats, self._window.measure(stats), READ_SECONDS)

    def series(self, end: int) -> Iterator[dict[str, str]]:
        """All series of this node, up to the tick `end`."""
        for name, column in self._columns.items():
            base, brace, labels = name.partition("{")
            labels = f",{labels}" if brace else "}"
            yield {"series": f"{base}{{{self._identity}{labels}", "values": column.values(end)}


class _Column:
    """One series: the ticks at which its value changed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._changes: list[tuple[int, str]] = []

    def change(self, tick: int, value: str) -> None:
        """Notes that the value is another one from this tick on; `stale` ends the series."""
        if not self._changes or self._changes[-1][1] != value:
            self._changes.append((tick, value))

    def values(self, end: int) -> str:
        """In promtool's notation, from tick 0 up to `end`."""
        words = [f"{OMITTED}x{self._changes[0][0]}"] if self._changes[0][0] else []
        for (tick, value), (until, _) in pairwise([*self._changes, (end, "")]):
            repeated = until - tick - 1
            if value == STALE:
                words += [STALE, f"{OMITTED}x{repeated}"] if repeated else [STALE]
            else:
                words.append(f"{value}+0x{repeated}" if repeated else value)
        return " ".join(words)
