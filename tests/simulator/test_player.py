"""Playing a story: on its own clock, the same for its seed, however the time is cut up."""

from __future__ import annotations

import gc
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from memoryos_simulator.player import Player
from memoryos_simulator.story import Story
from memoryos_simulator.story_file import load_story, parse_story

SMALL = """\
title: Small
shows: A slow store, and nodes that come and go.
kind: scene
seed: 3
duration: 20m
fleet:
  release: {mode: dual_run, rollout_stage: global}
  agents: {migrated: true}
nodes:
  a: {}
  b: {running: false}
timeline:
  - at: 5m
    nodes: [b]
    running: true
  - at: 8m
    over: 4m
    store: {median_ms: 40}
    direct: {workers: 9}
  - at: 15m
    nodes: [a]
    source: {is: unreachable, lasts: 1m}
  - at: 18m
    nodes: [a]
    exporter: down
"""


@pytest.fixture
def small() -> Story:
    return parse_story(SMALL, Path("small.yaml"))


def documents(player: Player) -> str:
    return json.dumps({name: [view.source, view.document] for name, view in player.views().items()})


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_however_the_time_is_cut_up_the_documents_at_a_moment_are_the_same(steps: list[int]) -> None:
    story = parse_story(SMALL, Path("small.yaml"))
    cut, whole = Player(story), Player(story)
    for step in steps:
        cut.advance(step * 5)
    whole.advance(sum(steps) * 5)
    assert cut.elapsed == whole.elapsed == sum(steps) * 5
    assert documents(cut) == documents(whole)


def test_asking_for_documents_changes_nothing(small: Story) -> None:
    asked, silent = Player(small), Player(small)
    for _ in range(60):
        asked.advance(5)
        asked.views()
        asked.views()
    silent.advance(300)
    assert documents(asked) == documents(silent)


def test_another_seed_is_another_life(small: Story) -> None:
    one, other = Player(small), Player(small, seed=4)
    one.advance(60)
    other.advance(60)
    assert documents(one) != documents(other)


def test_the_clock_of_a_document_is_the_storys(small: Story) -> None:
    player = Player(small, start=1_800_000_000)
    player.advance(90)
    document = player.view("a").document
    assert document is not None
    assert document["at"] == 1_800_000_090_000
    assert document["process"]["manager"]["started_at"] == 1_800_000_000_000
    assert document["operations"]["since"] == 1_800_000_000_000


def test_a_node_that_is_not_running_is_not_seen(small: Story) -> None:
    player = Player(small)
    assert set(player.views()) == {"a"}
    player.advance(305)
    assert set(player.views()) == {"a", "b"}


def test_a_node_that_cannot_be_reached_has_no_document_and_comes_back_by_itself(small: Story) -> None:
    player = Player(small)
    player.advance(15 * 60 + 5)
    assert (player.view("a").source, player.view("a").document) == ("unreachable", None)
    player.advance(60)
    assert player.view("a").source == "answers"


def test_an_exporter_that_is_down_is_told_apart_from_a_node_that_is(small: Story) -> None:
    player = Player(small)
    player.advance(18 * 60 + 5)
    assert (player.view("a").exporter_up, player.view("b").exporter_up) == (False, True)
    assert player.view("a").source == "answers"


def test_a_dial_that_is_turned_over_a_time_is_halfway_after_half_of_it(small: Story) -> None:
    player = Player(small)
    player.advance(8 * 60 + 120)
    assert player.state("a").store.median_ms == pytest.approx(12 + 28 / 2, abs=1)
    assert isinstance(player.state("a").direct.workers, int)
    player.advance(300)
    assert (player.state("a").store.median_ms, player.state("a").direct.workers) == (40, 9)


def test_a_story_ends_and_its_nodes_live_on(small: Story) -> None:
    player = Player(small)
    frames = list(player.frames())
    assert [elapsed for elapsed, _ in frames] == list(range(0, 20 * 60 + 1, 15))
    assert player.ended
    before = player.view("a")
    player.advance(15)
    assert player.view("a") != before


def test_a_story_that_loops_begins_again_on_nodes_that_live_on() -> None:
    story = load_story("living")
    player = Player(story)

    def modes(seconds: int) -> list[str]:
        seen = []
        for _ in range(seconds // 15):
            player.advance(15)
            document = player.view("memory-demo").document
            assert document is not None
            if document["release"]:
                seen.append(document["release"]["mode"])
        return seen

    for cycle in range(3):
        assert set(modes(int(story.duration))) == {"legacy", "dual_run", "memory_os"}, f"cycle {cycle}"
    assert not player.ended


def moves(first: dict[str, Any], last: dict[str, Any]) -> set[str]:
    return {key for key, value in last.items() if value != first[key]}


def test_in_the_demonstration_every_counter_moves_within_two_of_its_days() -> None:
    story = load_story("living")
    player = Player(story)
    moved: dict[str, set[str]] = {part: set() for part in ("manager", "migration", "reconciliation", "parity")}
    moved |= {"rollback_evaluations": set(), "metrics": set()}
    before: dict[str, dict[str, Any]] = {}
    codes: set[str] = set()
    for _ in range(2 * int(story.duration) // 15):
        player.advance(15)
        document = player.view("memory-demo").document
        assert document is not None
        for part, seen in moved.items():
            answered = document["release"] and document["release"]["metrics"] if part == "metrics" else document[part]
            if answered:
                seen |= moves(before.get(part, answered), answered)
                before[part] = answered
        codes |= {code for series in document["operations"]["series"] for code in series["errors"]}
    whole = player.view("memory-demo").document
    assert whole is not None
    # The journal is replayed only where requests were left in it; refusals and errors need a careless operator.
    assert moved["manager"] >= whole["manager"].keys() - {"journal_replayed", "overloaded", "timed_out"}
    assert moved["metrics"] == whole["release"]["metrics"].keys()
    assert moved["migration"] == whole["migration"].keys()
    assert moved["reconciliation"] >= whole["reconciliation"].keys() - {"failed", "records_failed"}
    assert moved["rollback_evaluations"] >= {"stable", "rollback", "last_at"}
    assert whole["deprecations"] and codes >= {"access_denied", "manager_throttled"}


def test_a_story_that_loops_keeps_nothing_of_its_past() -> None:
    story = load_story("living")
    player = Player(story)
    node = player.state("memory-demo")
    node.traffic = replace(node.traffic, remember=0.12, retrieve=0.24)
    sizes = []
    tracemalloc.start()
    for cycles in (4, 20):
        player.advance(cycles * story.duration)
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    # What is kept is bounded: the last five minutes, 400 samples, 500 lines of the log, a cache of distributions.
    assert sizes[1] < 1_000_000
    assert sizes[1] - sizes[0] < 300_000
