"""A story as input_series: what promtool reads is what the exporter would have said at each tick."""

from __future__ import annotations

import json
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from memoryos_exporter.story_series import story_series
from memoryos_simulator.player import Player
from memoryos_simulator.story_file import parse_story
from support.programs import tool

START = 1800
STORY = parse_story(
    """
title: Everything that can happen to a series
shows: Ends, gaps and beginnings.
kind: scene
duration: 12m
fleet: {traffic: {remember: 2, retrieve: 2}}
nodes:
  a: {}
  b: {running: false}
timeline:
  - {at: 2m, nodes: [a], source: {is: unreachable, lasts: 1m}}
  - {at: 4m, nodes: [a], crash: {process: manager, down: 1m}}
  - {at: 6m, nodes: [a], exporter: down}
  - {at: 7m, nodes: [a], exporter: up}
  - {at: 8m, nodes: [b], running: true}
  - {at: 9m, nodes: [b], running: false}
  - {at: 10m, nodes: [a], source: {is: hangs}}
""",
    Path("series.yaml"),
)


@pytest.fixture(scope="module")
def series() -> list[dict[str, str]]:
    return story_series(STORY, cluster="c1", job="memoryos", start=START)


def expanded(values: str) -> list[str | None]:
    """promtool's notation, written out: None where there is no sample, `stale` where the series ends."""
    found: list[str | None] = []
    for word in values.split():
        if word.startswith("_"):
            found += [None] * int(word[2:] or 1)
        elif "+0x" in word:
            value, times = word.split("+0x")
            found += [value] * (int(times) + 1)
        else:
            found.append(word)
    return found


def at(series: list[dict[str, str]], name: str, node: str, elapsed: int, **labels: str) -> str | None:
    """The value of a series at a moment of the story."""
    wanted = [f'instance="{node}"', *(f'{key}="{value}"' for key, value in labels.items())]
    [found] = [
        each
        for each in series
        if each["series"].startswith(f"{name}{{") and all(label in each["series"] for label in wanted)
    ]
    values = expanded(found["values"])
    index = (START + elapsed) // 15
    return values[index] if index < len(values) else None


def test_a_value_stands_at_its_tick(series: list[dict[str, str]]) -> None:
    player = Player(STORY, start=START)
    player.advance(90)
    document = player.view("a").document
    assert document is not None
    calls = document["release"]["metrics"]["retrieve_legacy"]
    assert calls > 0
    name = "memoryos_path_calls_total"
    assert at(series, name, "a", 90, operation="retrieve", path="legacy") == str(calls)
    assert at(series, "memoryos_stats_timestamp_seconds", "a", 90) == str(float(START + 90))


def test_before_the_story_there_is_nothing(series: list[dict[str, str]]) -> None:
    assert at(series, "memoryos_up", "a", -15) is None
    assert at(series, "memoryos_up", "a", 0) == "1"


def test_a_source_that_is_gone_ends_its_series_and_says_up_0(series: list[dict[str, str]]) -> None:
    assert at(series, "memoryos_up", "a", 135) == "0"
    assert at(series, "memoryos_read_error", "a", 135, reason="refused") == "1"
    assert at(series, "memoryos_mode", "a", 120, mode="legacy") == "stale"
    assert at(series, "memoryos_mode", "a", 135, mode="legacy") is None
    assert at(series, "memoryos_mode", "a", 180, mode="legacy") == "1"
    assert at(series, "up", "a", 135) == "1"


def test_a_part_that_is_null_ends_only_its_own_series(series: list[dict[str, str]]) -> None:
    assert at(series, "memoryos_queue_depth", "a", 240) == "stale"
    assert at(series, "memoryos_part_up", "a", 255, part="manager") == "0"
    assert at(series, "memoryos_mode", "a", 255, mode="legacy") == "1"
    assert at(series, "memoryos_queue_depth", "a", 315) == "0"


def test_when_the_exporter_is_down_only_up_is_left_and_its_window_begins_anew(series: list[dict[str, str]]) -> None:
    assert at(series, "up", "a", 375) == "0"
    assert at(series, "memoryos_up", "a", 360) == "stale"
    assert at(series, "memoryos_up", "a", 375) is None
    assert at(series, "memoryos_up", "a", 435) == "1"
    window = at(series, "memoryos_window_seconds", "a", 465, mode="legacy")
    assert window is not None and float(window) <= 45


def test_a_node_that_is_gone_ends_with_all_its_series(series: list[dict[str, str]]) -> None:
    assert at(series, "up", "b", 465) is None
    assert at(series, "up", "b", 495) == "1"
    assert at(series, "up", "b", 540) == "stale"
    assert at(series, "up", "b", 555) is None


def test_a_source_that_hangs_is_told_apart_from_one_that_refuses(series: list[dict[str, str]]) -> None:
    assert at(series, "memoryos_read_error", "a", 615, reason="timeout") == "1"
    assert at(series, "memoryos_read_error", "a", 615, reason="refused") == "0"


def test_every_series_has_its_identity_once_and_no_two_are_the_same(series: list[dict[str, str]]) -> None:
    names = [each["series"] for each in series]
    assert len(set(names)) == len(names) > 200
    for name in names:
        for label in ('cluster="c1"', 'job="memoryos"'):
            assert name.count(label) == 1, name


def test_rendered_twice_it_is_the_same(series: list[dict[str, str]]) -> None:
    assert story_series(STORY, cluster="c1", job="memoryos", start=START) == series


def test_promtool_reads_the_same_values(series: list[dict[str, str]], tmp_path: Path) -> None:
    questions: list[dict[str, Any]] = []
    for elapsed, node in product((90, 135, 255, 375, 495, 555, 615), ("a", "b")):
        value = at(series, "up", node, elapsed)
        labels = f'up{{cluster="c1",instance="{node}",job="memoryos"}}'
        expected = [] if value in (None, "stale") else [{"labels": labels, "value": float(str(value))}]
        questions.append(
            {"expr": f'up{{instance="{node}"}}', "eval_time": f"{START + elapsed}s", "exp_samples": expected}
        )
    assert {len(question["exp_samples"]) for question in questions} == {0, 1}
    test = {"interval": "15s", "input_series": series, "promql_expr_test": questions}
    path = tmp_path / "suite.yml"
    path.write_text(json.dumps({"evaluation_interval": "15s", "tests": [test]}))
    told = subprocess.run([tool("promtool"), "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
