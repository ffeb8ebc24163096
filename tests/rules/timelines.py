"""What fires in a story, and when: rendered by the exporter's own code, judged by the delivered rules in promtool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memoryos_generators.config import load
from memoryos_generators.rules import groups
from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.model import Rule
from memoryos_simulator.story_file import load_story
from rules import promtool
from rules.contract import needed
from support.history import START, series_of

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


def timeline(name: str, every: int, until: int | None = None, alert: str = "") -> list[Interval]:
    """What fired in a story, and when, with the rules evaluated every so many seconds.

    until: seconds of the story. alert: with only the rules that this one needs.
    """
    story = load_story(name)
    duration = until or int(story.duration)
    moments = list(range(every, duration + 1, every))
    wanted = needed(alert) if alert else [rule for group in groups(load()) for rule in group.rules]
    rules = {
        "groups": [
            {"name": group.name, "rules": [_bare(rule) for rule in group.rules if rule in wanted]}
            for group in groups(load())
        ]
    }
    questions = [(FIRING, START + moment) for moment in moments]
    with TemporaryDirectory() as directory:
        answers = promtool.ask(Path(directory), {"rules.yml": rules}, series_of(story), questions, f"{every}s")
    return list(_intervals(dict(zip(moments, answers, strict=True)), every))


def _bare(rule: Rule) -> dict[str, Any]:
    return {**rule_fields(rule), "annotations": {}}


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
