"""What else the dashboards read of a story: what the rules make of it, and the exporter's own metrics.

promtool evaluates the rules, with all that makes them themselves (recordings that read their own past, `for`,
`keep_firing_for`), and tells what it got.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from memoryos_exporter.exporter_metrics import ExporterMetrics
from memoryos_exporter.exposition import TEXT
from memoryos_generators.config import Config
from memoryos_generators.rules import files, recordings
from memoryos_simulator.story import TICK_SECONDS
from rules.promtool import ask
from support.history import START, Series, moved

EVALUATION_SECONDS = 60
EXPORTER = 'cluster="exporter",job="memoryos-exporter",instance="exporter"'


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
