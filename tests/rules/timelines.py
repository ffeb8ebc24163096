"""What fires in a story, and when: rendered by the exporter's own code, judged by the delivered rules in promtool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from memoryos_exporter.story_series import story_series
from memoryos_generators.config import load
from memoryos_generators.rules import groups
from memoryos_generators.rules.delivery import rule_fields
from memoryos_simulator.story_file import load_story
from rules import promtool

START = 900
FIRING = 'ALERTS{alertstate="firing",alertname!="MemoryOSWatchdog"}'


@dataclass(frozen=True)
class Interval:
    """How long one alert fired, in seconds of the story."""

    labels: Mapping[str, str]
    begins: int
    ends: int

    def __str__(self) -> str:
        hidden = {"__name__", "alertstate", "cluster", "job", "playbook"}
        labels = {name: value for name, value in self.labels.items() if name not in hidden}
        return f"{self.begins / 60:.2f}m to {self.ends / 60:.2f}m {labels}"


def timeline(name: str, every: int, until: int | None = None) -> list[Interval]:
    """What fired in a story, and when, with the rules evaluated every so many seconds."""
    story = load_story(name)
    duration = until or int(story.duration)
    moments = list(range(every, duration + 1, every))
    rules = {
        "groups": [
            {"name": group.name, "rules": [{**rule_fields(rule), "annotations": {}} for rule in group.rules]}
            for group in groups(load())
        ]
    }
    questions = [(FIRING, START + moment) for moment in moments]
    with TemporaryDirectory() as directory:
        answers = promtool.ask(
            Path(directory), {"rules.yml": rules}, story_series(story, start=START), questions, f"{every}s"
        )
    return list(_intervals(dict(zip(moments, answers, strict=True)), every))


def _intervals(answers: Mapping[int, list[promtool.Series]], every: int) -> Iterator[Interval]:
    begun: dict[tuple[tuple[str, str], ...], int] = {}
    last = 0
    for moment, firing in answers.items():
        now = {tuple(sorted((k, v) for k, v in each.labels.items() if k != "alertstate")) for each in firing}
        for key in begun.keys() - now:
            yield Interval(dict(key), begun.pop(key), moment)
        for key in now - begun.keys():
            begun[key] = moment
        last = moment
    for key, begins in begun.items():
        yield Interval(dict(key), begins, last + every)
