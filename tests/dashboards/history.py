"""Stories as the history of a real Prometheus: each tick through the real exporter, then the real rules.

promtool evaluates the rules, with everything that makes them themselves (recordings that read their own past, `for`,
`keep_firing_for`), and tells what it got; it also makes the blocks in which Prometheus finds all of it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from memoryos_exporter.exporter_metrics import ExporterMetrics
from memoryos_exporter.exposition import TEXT
from memoryos_exporter.story_series import story_series
from memoryos_generators.config import Config
from memoryos_generators.rules import files, recordings
from memoryos_simulator.story import TICK_SECONDS, Story
from support.programs import tool

START = 1_200
"""When a story begins on promtool's clock, which starts at 0: every second before it costs an evaluation."""
EVALUATION_SECONDS = 60
EXPORTER = 'cluster="exporter",job="memoryos-exporter",instance="exporter"'
GOT = re.compile(r'time: (?P<time>\w+),\s*exp: *\S+\s*got: *(?P<got>.*?)(?="? *\n\s*(?:expr:|$))', re.DOTALL)
SAMPLE = re.compile(r'\{__name__="(?P<name>[^"]+)"(?:, )?(?P<labels>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\} (?P<value>[^\s,]+)')
DURATION = re.compile(r"(\d+)([dhms])")
MOMENT = re.compile("timestamp_seconds|start_time_seconds")
UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

Series = Sequence[Mapping[str, str]]


def series_of(story: Story) -> Series:
    """The story as promtool reads it, with its name as cluster."""
    return story_series(story, cluster=story.name, start=START)


def lines(series: Series, start: int) -> Iterator[str]:
    """The same in OpenMetrics, beginning at ``start`` (unix seconds); a series that ends simply ends."""
    for one in series:
        at = start - START
        for word in one["values"].split():
            value, _, times = word.partition("x")
            value, constant, _ = value.partition("+0")
            count = int(times) + bool(constant) if times else 1
            if value not in ("_", "stale"):
                value = moved(one["series"], value, start - START)
                yield from (f"{one['series']} {value} {at + i * TICK_SECONDS}\n" for i in range(count))
            at += count * TICK_SECONDS


def moved(series: str, value: str, by: int) -> str:
    """The value of a series; a moment (never, 0, excepted) moves with the story."""
    number = float(value)
    return str(number + by if number and MOMENT.search(series.partition("{")[0]) else number)


def ruled_lines(series: Series, config: Config, seconds: int, start: int, folder: Path) -> Iterator[str]:
    """What the rules make of ``series`` over ``seconds``: recorded series and `ALERTS`, in OpenMetrics."""
    names = [*sorted({recording.name for recording in recordings(config)}), "ALERTS"]
    moments = range(START, START + seconds + 1, EVALUATION_SECONDS)
    for path, text in files(config).items():
        if "/rules/" in path:
            (folder / Path(path).name).write_text(text, encoding="utf-8")
    suite = {
        "rule_files": ["[a-z]*.yml"],
        "evaluation_interval": f"{EVALUATION_SECONDS}s",
        "tests": [
            {
                "interval": f"{TICK_SECONDS}s",
                "input_series": list(series),
                # Nothing is expected, so that promtool says what it got.
                "promql_expr_test": [{"expr": name, "eval_time": f"{at}s"} for name in names for at in moments],
            }
        ],
    }
    file = folder / "suite.test"
    file.write_text(yaml.dump(suite, Dumper=yaml.CSafeDumper), encoding="utf-8")
    told = subprocess.run([tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    found = 0
    for answer in GOT.finditer(told.stderr + told.stdout + "\n"):
        at = start - START + sum(int(n) * UNITS[unit] for n, unit in DURATION.findall(answer["time"]))
        for sample in SAMPLE.finditer(answer["got"]):
            found += 1
            labels = sample["labels"].replace('", ', '",')
            yield f"{sample['name']}{{{labels}}} {moved(sample['name'], sample['value'], start - START)} {at}\n"
    assert found, told.stderr[-2000:] + told.stdout[-2000:]


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


def backfill(text: Iterable[str], folder: Path) -> Path:
    """Blocks of a Prometheus from OpenMetrics lines; returns their directory."""
    history, data = folder / "history.om", folder / "data"
    with history.open("w", encoding="utf-8") as file:
        file.writelines(text)
        file.write("# EOF\n")
    command = [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(history), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    history.unlink()
    return data
