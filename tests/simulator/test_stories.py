"""All stories: each is valid at every tick, the same for its seed, and documented; together they miss no alert."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field

import pytest
from msgspec import json
from prometheus_client.parser import text_string_to_metric_families

from memoryos_exporter.document import read_stats
from memoryos_exporter.exposition import TEXT, render
from memoryos_exporter.samples import samples_of
from memoryos_exporter.window import Window
from memoryos_simulator.page import PAGE, Strip, draw
from memoryos_simulator.player import Player, View
from memoryos_simulator.story import Story
from memoryos_simulator.story_file import load_story, story_names

STORIES = {name: load_story(name) for name in story_names()}
ALERTS = {
    *("ExporterDown", "Down", "ManagerUnresponsive", "ControllerUnresponsive", "StatsStale", "LatencyMissing"),
    *("CallsHanging", "RollbackLatency", "RollbackErrorRate", "RollbackQueueDepth", "RollbackNotExecuted"),
    *("RolledBack", "ModeSplit", "RolloutSplit", "ModeLostUnannounced", "ControllerRestarted", "FallbackDisabled"),
    *("RollbackThresholdDrifted", "IncidentOpen", "ReconciliationOverdue", "ReconciliationFailed"),
    *("ParityNotRestored", "DriftRegression", "DriftSamplingStalled", "CutoverGateBlind", "CutoverGateStale"),
    *("CutoverWithoutGate", "StageAdvancedWhileRed", "FallbackSpike", "CanaryIdle", "CutoverWatch", "Throttling"),
    *("Overloaded", "BacklogGrowing", "DeadLetterGrowth", "Timeouts", "JournalFull", "MemoryHigh"),
    *("ErrorBudgetBurn", "LatencyBudgetBurn", "MigrationFailures", "Incompatible", "DeprecatedApiUse"),
}
LIVES = 14
every_story = pytest.mark.parametrize("name", STORIES)


@dataclass
class Told:
    """What one telling of a story left behind."""

    digest: str = ""
    strips: dict[str, Strip] = field(default_factory=dict)


@pytest.fixture(scope="module")
def told() -> dict[str, Told]:
    """Filled by the first test of each story."""
    return {}


class Validity:
    """Holds every exposition of one node against the format, parsing each set of series once."""

    def __init__(self) -> None:
        self._window = Window()
        self._parsed: set[int] = set()

    def check(self, elapsed: int, view: View) -> None:
        if view.document is None:
            return
        stats = read_stats(json.encode(view.document))
        assert stats.bad == (), f"{elapsed} s: {stats.bad}"
        self._window.add(elapsed, stats)
        text = render(samples_of(stats, self._window.measure(stats)), TEXT).decode()
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        names = hash(tuple(name for name, _, _ in lines))
        assert all(math.isfinite(float(value)) for _, _, value in lines)
        if names not in self._parsed:
            self._parsed.add(names)
            assert sum(len(family.samples) for family in text_string_to_metric_families(text)) == len(lines)


def play(story: Story, validate: bool = False) -> Told:
    told, digest = Told(strips={node: Strip(story.duration) for node in story.nodes}), hashlib.sha256()
    validity = {node: Validity() for node in story.nodes}
    for elapsed, views in Player(story).frames():
        for node, strip in told.strips.items():
            view = views.get(node)
            strip.add(elapsed, view)
            digest.update(json.encode([view and view.source, view and view.document]))
            if validate and view:
                validity[node].check(elapsed, view)
    told.digest = digest.hexdigest()
    return told


@every_story
def test_every_document_is_understood_whole_and_every_exposition_is_valid(name: str, told: dict[str, Told]) -> None:
    told[name] = play(STORIES[name], validate=True)


@every_story
def test_told_twice_a_story_is_the_same_byte_for_byte(name: str, told: dict[str, Told]) -> None:
    first = told[name] if name in told else play(STORIES[name])
    assert play(STORIES[name]).digest == first.digest


def test_the_page_of_the_stories_is_fresh(told: dict[str, Told]) -> None:
    strips = {name: told[name].strips if name in told else play(STORIES[name]).strips for name in STORIES}
    page = draw({name: (story, strips[name]) for name, story in STORIES.items()})
    assert page == PAGE.read_text(encoding="utf-8"), "run: python -m memoryos_simulator.page"


def test_every_alert_is_expected_by_a_story_and_no_story_expects_another() -> None:
    expected = {each.alert.removeprefix("MemoryOS") for story in STORIES.values() for each in story.expects}
    assert expected == ALERTS
    tolerated = {alert.removeprefix("MemoryOS") for story in STORIES.values() for alert in story.tolerates}
    assert tolerated <= ALERTS


def test_a_dozen_lives_are_told_hours_long_and_most_on_more_than_one_node() -> None:
    lives = [story for story in STORIES.values() if story.kind == "life" and not story.loops]
    assert len(lives) >= LIVES
    assert all(story.duration >= 3 * 3600 and len(story.nodes) > 1 for story in lives)


def test_a_legacy_only_fleet_is_never_expected_to_page_or_to_open_a_ticket() -> None:
    story = STORIES["legacy-only-in-trouble"]
    assert {each.severity for each in story.expects} | set(story.tolerates.values()) == {"info"}


@pytest.mark.parametrize("name", ["happy-rollout", "quiet-night", "one-slow-call", "finished-migration-restarts"])
def test_where_all_is_well_nothing_beyond_context_is_expected(name: str) -> None:
    story = STORIES[name]
    assert {each.severity for each in story.expects} | set(story.tolerates.values()) <= {"info"}


def last_mode(story: Story, until: float, node: str) -> str:
    player = Player(story)
    player.advance(until)
    return player.state(node).controller.mode


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("slo-breach-latency", 91 * 60, 93 * 60),
        ("slo-breach-hidden-errors", 91 * 60, 93 * 60),
        ("slo-breach-queue", 91 * 60, 93 * 60),
        ("breach-without-rollback", 109 * 60, 111 * 60),
        ("rollback-after-timeout", 95 * 60, 105 * 60),
        ("stall", 101 * 60, 103 * 60),
    ],
)
def test_each_breach_ends_in_a_rollback_of_every_node(name: str, before: int, after: int) -> None:
    story = STORIES[name]
    for node in story.nodes:
        assert last_mode(story, before, node) == "memory_os"
        player = Player(story)
        player.advance(after)
        assert player.state(node).controller.mode == "legacy"
        assert player.state(node).controller.metrics["rollbacks"] == 1
        assert player.state(node).controller.fallback_enabled


def test_the_evaluation_by_hand_with_a_percentage_decides_nothing() -> None:
    story = STORIES["breach-without-rollback"]
    assert last_mode(story, 105 * 60, "memory-a") == "memory_os"
    player = Player(story)
    player.advance(105 * 60)
    lines = [text for _, node, text in player.log() if node == "memory-a"]
    assert "evaluate_rollback: stable" in lines


def test_the_second_cutover_passes_on_the_stale_gate() -> None:
    player = Player(STORIES["second-cutover-on-stale-gate"])
    player.advance(149 * 60)
    drift = dict(player.state("memory-a").controller.drift())
    player.advance(3 * 60)
    assert player.state("memory-a").controller.mode == "memory_os"
    assert player.state("memory-a").controller.drift() == drift, "not one new sample"


def test_nobody_answers_while_the_store_hangs_and_nothing_looks_slow() -> None:
    player = Player(STORIES["stall"])
    player.advance(94 * 60)
    document = player.view("memory-a").document
    assert document is not None
    assert document["release"] is None and document["manager"] is None
    assert max(series["oldest_ms"] for series in document["operations"]["series"]) > 200_000
    p95 = player.state("memory-a").timing.live_snapshot(0)["latency_p95_ms"]
    assert p95 < 100
