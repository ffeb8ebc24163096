"""What fires in a story, and when: rendered by the exporter's own code, judged by the delivered rules in promtool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memoryos_generators.config import load
from memoryos_generators.rules import groups
from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.model import Rule
from memoryos_simulator.story import Story
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


def timelines(names: Sequence[str], every: int) -> dict[str, list[Interval]]:
    """What fired in each of these stories, and when, with the rules evaluated every so many seconds.

    All of them are told at once, each in a cluster of its own: to evaluate a rule for ten nodes takes hardly longer
    than for two.
    """
    stories = [load_story(name) for name in names]
    rules = [rule for group in groups(load()) for rule in group.rules]
    moments = range(every, max(int(story.duration) for story in stories) + 1, every)
    answers = _firing(stories, rules, moments)
    return {story.name: list(_intervals(answers, story.name, int(story.duration), every)) for story in stories}


def timeline_of(alert: str, name: str, every: int, until: int) -> list[Interval]:
    """When one alert fired in the first ``until`` seconds of a story, with only the rules that it needs."""
    moments = range(every, until + 1, every)
    return list(_intervals(_firing([load_story(name)], needed(alert), moments), name, until, every))


def _firing(stories: Sequence[Story], rules: Sequence[Rule], moments: range) -> Mapping[int, list[promtool.Series]]:
    """Moment → the alerts that fire then."""
    document = {
        "groups": [
            {"name": group.name, "rules": [_bare(rule) for rule in group.rules if rule in rules]}
            for group in groups(load())
        ]
    }
    series = [one for story in stories for one in series_of(story)]
    questions = [(FIRING, START + moment) for moment in moments]
    with TemporaryDirectory() as directory:
        answers = promtool.ask(Path(directory), {"rules.yml": document}, series, questions, f"{moments.step}s")
    return dict(zip(moments, answers, strict=True))


def _bare(rule: Rule) -> dict[str, Any]:
    return {**rule_fields(rule), "annotations": {}}


def _intervals(
    answers: Mapping[int, list[promtool.Series]], cluster: str, until: int, every: int
) -> Iterator[Interval]:
    begun: dict[tuple[tuple[str, str], ...], int] = {}
    for moment in range(every, until + 1, every):
        here = (each.labels for each in answers[moment] if each.labels.get("cluster") in (cluster, None))
        now = {tuple(sorted((k, v) for k, v in labels.items() if k != "alertstate")) for labels in here}
        for key in begun.keys() - now:
            yield Interval(dict(key), begun.pop(key), moment)
        for key in now - begun.keys():
            begun[key] = moment
    for key, begins in begun.items():
        yield Interval(dict(key), begins, until // every * every + every)
