"""Stories as golden tests: each incident raises exactly its list, in order and in time, and falls silent.

A story is rendered through the exporter's own code and evaluated by the delivered rules. Text is tested by the
contracts; here annotations are left out, because their templates cost more than all rules.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from memoryos_generators.config import load
from memoryos_generators.rules import groups
from memoryos_simulator.story import Expectation, Story
from memoryos_simulator.story_file import load_story, story_names
from rules.timelines import Interval, timelines
from support.programs import ROOT

SEVERITIES = ("critical", "warning", "info")
# Evaluating the rules more seldom than they are in the field costs a story some precision, and saves minutes.
EVERY = {"life": 60, "scene": 30}

# promtool loads ten thousand samples at once, no more: so many nodes are told together.
NODES = {"life": 8, "scene": 12}

STORIES = {name: story for name in story_names() if not (story := load_story(name)).loops}


def lots() -> Iterator[tuple[str, ...]]:
    """The stories by kind, some of about the same length together."""
    for kind, most in NODES.items():
        lot: list[str] = []
        for name in sorted((name for name in STORIES if STORIES[name].kind == kind), key=lambda n: STORIES[n].duration):
            if lot and sum(len(STORIES[each].nodes) for each in (*lot, name)) > most:
                yield tuple(lot)
                lot = []
            lot.append(name)
        yield tuple(lot)


def problems(story: Story, found: list[Interval], every: int) -> Iterator[str]:
    """Where what fired is not what the story expects."""
    for interval in found:
        if not any(_meant(each, interval, every) for each in story.expects) and not _tolerated(story, interval):
            yield f"nobody expected {interval}"
    for each in story.expects:
        for node in each.nodes or [""]:
            meant = [one for one in found if _meant(each, one, every) and node in ("", one.labels.get("instance", ""))]
            if not any(each.starts[0] <= one.begins <= each.starts[1] + every for one in meant):
                yield f"{_named(each, node)} did not begin in {_minutes(each.starts)}: {_all(found, each)}"
            elif each.ends and not any(each.ends[0] <= one.ends <= each.ends[1] + every for one in meant):
                yield f"{_named(each, node)} did not end in {_minutes(each.ends)}: {_all(found, each)}"


def _meant(each: Expectation, interval: Interval, every: int) -> bool:
    same = (each.alert, each.severity) == (interval.labels["alertname"], interval.labels["severity"])
    node = not each.nodes or interval.labels.get("instance") in each.nodes
    in_time = interval.begins >= each.starts[0] and (each.ends is None or interval.ends <= each.ends[1] + every)
    return same and node and in_time


def _tolerated(story: Story, interval: Interval) -> bool:
    worst = story.tolerates.get(interval.labels["alertname"])
    return worst is not None and SEVERITIES.index(interval.labels["severity"]) >= SEVERITIES.index(worst)


def _named(each: Expectation, node: str) -> str:
    return " ".join(filter(None, (each.alert, each.severity, node)))


def _minutes(window: tuple[float, float]) -> str:
    return f"{window[0] / 60:.2f}m to {window[1] / 60:.2f}m"


def _all(found: list[Interval], each: Expectation) -> str:
    return "; ".join(str(one) for one in found if one.labels["alertname"] == each.alert) or "never"


@pytest.mark.parametrize("names", list(lots()), ids=" ".join)
def test_a_story_raises_exactly_its_list_and_falls_silent(names: tuple[str, ...]) -> None:
    every = EVERY[STORIES[names[0]].kind]
    found = timelines(names, every)

    wrong = [f"{name}: {one}" for name in names for one in problems(STORIES[name], found[name], every)]
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize("name", ["happy-rollout", "quiet-night", "legacy-only-in-trouble"])
def test_a_good_day_and_a_legacy_fleet_wake_nobody_and_open_no_ticket(name: str) -> None:
    story = STORIES[name]

    assert {each.severity for each in story.expects} | set(story.tolerates.values()) <= {"info"}


def test_every_alert_is_told_in_a_story_or_has_a_reason_not_to_be() -> None:
    told = {each.alert for story in STORIES.values() for each in story.expects}
    every = {rule.alert for group in groups(load()) for rule in group.rules if rule.alert}

    assert every - told == {"MemoryOSWatchdog"}


def test_the_rules_are_those_that_are_delivered() -> None:
    delivered = [
        rule
        for path in sorted((ROOT / "alerts/rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]

    assert len(delivered) == sum(len(group.rules) for group in groups(load())) > 100
