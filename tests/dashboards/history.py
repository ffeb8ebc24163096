"""Stories as the history of a real Prometheus: each tick through the real exporter, then the real rules.

promtool evaluates the rules, with all that makes them themselves (recordings that read their own past, `for`,
`keep_firing_for`), and tells what it got; it also makes the blocks in which Prometheus finds both.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from memoryos_exporter.exporter_metrics import ExporterMetrics
from memoryos_exporter.exposition import TEXT
from memoryos_exporter.story_series import story_series
from memoryos_generators.config import Config
from memoryos_generators.rules import files, recordings
from memoryos_simulator.story import TICK_SECONDS, Story
from rules.promtool import ask
from support.programs import get, tool

START = 1_200
"""When a story begins on promtool's clock, which starts at 0: every second before it costs an evaluation."""
EVALUATION_SECONDS = 60
EXPORTER = 'cluster="exporter",job="memoryos-exporter",instance="exporter"'
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


def lines(series: Series, start: int) -> Iterator[str]:
    """The same in OpenMetrics, beginning at ``start`` (unix seconds); a series that ends simply ends."""
    for one in series:
        tick = (start - START) // TICK_SECONDS
        for word in one["values"].split():
            value, _, times = word.partition("x")
            count = int(times or 1) if value == "_" else int(times or 0) + 1
            if value not in {"_", "stale"}:
                value = moved(one["series"], value.removesuffix("+0"), start - START)
                yield from (f"{one['series']} {value} {at * TICK_SECONDS}\n" for at in range(tick, tick + count))
            tick += count


def moved(series: str, value: str, by: int) -> str:
    """The value of a series; a moment moves with the story, unless it is 0, never."""
    number = float(value)
    return str(number + by if number and MOMENT.search(series.partition("{")[0]) else number)


def ruled_lines(series: Series, config: Config, seconds: int, start: int, folder: Path) -> Iterator[str]:
    """What the rules make of ``series`` in ``seconds``: recorded series and `ALERTS`, in OpenMetrics."""
    names = [*sorted({recording.name for recording in recordings(config)}), "ALERTS"]
    questions = [(name, at) for name in names for at in range(START, START + seconds + 1, EVALUATION_SECONDS)]
    documents = {Path(path).name: yaml.safe_load(text) for path, text in files(config).items() if "/rules/" in path}
    folder.mkdir(parents=True, exist_ok=True)
    answers = ask(folder, documents, series, questions, f"{EVALUATION_SECONDS}s")
    for (name, at), found in zip(questions, answers, strict=True):
        for one in found:
            labels = ",".join(f'{label}="{value}"' for label, value in one.labels.items() if label != "__name__")
            yield f"{name}{{{labels}}} {moved(name, str(one.value), start - START)} {start - START + at}\n"


def exporter_lines(start: int, seconds: int) -> Iterator[str]:
    """The exporter's own /metrics, of an exporter that meets a failure and a bad field now and then."""
    own = ExporterMetrics()
    own.reloaded(True)
    for at in range(start, start + seconds, TICK_SECONDS):
        own.scraped()
        if at % 300 == 0:
            own.failed("timeout")
            own.bad_field("manager", "wrong_type")
        for line in own.render(TEXT).decode().splitlines():
            if line.startswith("#"):
                continue
            series, _, value = line.rpartition(" ")
            name, brace, labels = series.partition("{")
            yield f"{name}{{{EXPORTER}{',' + labels if brace else '}'} {value} {at}\n"


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
