"""Stories as the past of a real Prometheus: each tick through the exporter's own code, backfilled by promtool."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from memoryos_exporter.story_series import story_series
from memoryos_simulator.story import TICK_SECONDS, Story
from support.programs import get, tool

START = 1_200
"""When a story begins on promtool's clock, which starts at 0: every second before it costs an evaluation."""
MOMENT = re.compile("timestamp_seconds|start_time_seconds")

Series = Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def instant(self, expr: str, at: int) -> list[dict[str, Any]]:
        """The result of an instant query: a list of {metric, value}."""
        return self._ask("query", query=expr, time=at)

    def range(self, expr: str, start: int, end: int, step: int) -> list[dict[str, Any]]:
        """The result of a range query: a list of {metric, values}."""
        return self._ask("query_range", query=expr, start=start, end=end, step=step)

    def label_values(self, label: str, series: str, start: int, end: int) -> list[str]:
        """The values that a label has in these series."""
        found: list[str] = self._ask(f"label/{label}/values", **{"match[]": series, "start": start, "end": end})
        return found

    def _ask(self, endpoint: str, **parameters: Any) -> list[Any]:
        answer = get(f"{self.url}/api/v1/{endpoint}?{urlencode(parameters)}", timeout=120).json
        assert answer["status"] == "success", f"{parameters}: {answer}"
        data = answer["data"]
        found: list[Any] = data["result"] if isinstance(data, dict) else data
        return found


def series_of(story: Story) -> Series:
    """The story as promtool reads it, under its name as cluster."""
    return story_series(story, cluster=story.name, start=START)


def lines(series: Series, start: int, every: int = TICK_SECONDS) -> Iterator[str]:
    """The same in OpenMetrics, beginning at ``start`` (unix seconds); a series that ends simply ends.

    every: seconds from one sample to the next, a multiple of 15.
    """
    for one in series:
        tick = 0
        for word in one["values"].split():
            value, _, times = word.partition("x")
            count = int(times or 1) if value == "_" else int(times or 0) + 1
            if value not in {"_", "stale"}:
                value = moved(one["series"], value.removesuffix("+0"), start - START)
                moments = (at * TICK_SECONDS - START for at in range(tick, tick + count))
                yield from (f"{one['series']} {value} {start + at}\n" for at in moments if at % every == 0)
            tick += count


def moved(series: str, value: str, by: int) -> str:
    """The value of a series; a moment moves with the story, unless it is 0, never."""
    number = float(value)
    return str(number + by if number and MOMENT.search(series.partition("{")[0]) else number)


def backfill(text: Iterable[str], folder: Path) -> None:
    """Blocks of a Prometheus from OpenMetrics lines, in ``folder``/data."""
    history = folder / "history.om"
    with history.open("w", encoding="utf-8") as file:
        file.writelines(text)
        file.write("# EOF\n")
    command = ["tsdb", "create-blocks-from", "openmetrics", "--quiet", str(history), str(folder / "data")]
    done = subprocess.run([tool("promtool"), *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    history.unlink()
