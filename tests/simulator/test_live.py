"""Stories and recordings on the wall clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memoryos_simulator.live import Live
from memoryos_simulator.player import Player
from memoryos_simulator.recorded import Recording, RecordingError
from memoryos_simulator.story_file import load_story
from simulator.driver import RECORDED


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


def document(live: Live, node: str) -> dict[str, Any]:
    found = live.view(node).document
    assert found is not None
    return found


def test_at_life_speed_a_document_is_as_old_as_its_last_step_of_the_model() -> None:
    clock = Clock()
    live = Live(Player(load_story("happy-rollout")), clock=clock)
    clock.now += 61
    assert document(live, "memory-a")["at"] == (clock.now - 1) * 1000


def test_at_sixty_times_the_speed_an_hour_passes_in_a_minute_and_no_time_lies_ahead() -> None:
    clock = Clock()
    live = Live(Player(load_story("slo-breach-latency")), speed=60, clock=clock)
    clock.now += 95  # 1 h 35 m into the story, three minutes after the rollback
    shown = document(live, "memory-a")
    assert shown["at"] == pytest.approx(clock.now * 1000, abs=100)
    assert shown["release"]["mode"] == "legacy"
    rolled_back_s = shown["release"]["last_rollback"]["at"] / 1000
    assert rolled_back_s == pytest.approx(clock.now - 3, abs=0.3)
    assert shown["process"]["manager"]["started_at"] == (clock.now - 95) * 1000
    assert shown["reconciliation"]["last_at"] == 0, "0 stays never"


def test_a_story_can_begin_in_its_middle() -> None:
    clock = Clock()
    live = Live(Player(load_story("slo-breach-latency")), skip=6000, clock=clock)
    assert document(live, "memory-a")["release"]["mode"] == "legacy"
    assert document(live, "memory-a")["at"] == clock.now * 1000


def test_nodes_come_and_go_with_the_story() -> None:
    clock = Clock()
    live = Live(Player(load_story("rolling-deploy-loses-the-mode")), speed=100, clock=clock)
    assert live.running_nodes() == ["memory-1", "memory-2", "memory-3"]
    clock.now += 73
    assert live.running_nodes() == ["memory-2", "memory-3", "memory-4"]


class TestRecording:
    def test_the_recorded_life_is_played_in_order_and_at_the_present_time(self) -> None:
        clock = Clock()
        recording = Recording(RECORDED)
        live = Live(recording, clock=clock)
        [node] = recording.node_names
        steps, times, rolled_back = [], [], set()
        while live.elapsed < recording.duration + 15:
            shown = document(live, node)
            steps.append(shown.get("step"))
            times.append(shown["at"])
            assert clock.now * 1000 - 60_000 < shown["at"] <= clock.now * 1000, "as old as it was at most"
            if shown["release"]["last_rollback"]:
                rolled_back.add(shown["release"]["last_rollback"]["at"])
            clock.now += 15
        names = [json.loads(path.read_text())["step"] for path in sorted(RECORDED.glob("[0-9]*.json"))]
        assert steps[: len(names)] == names
        assert times == sorted(times) and len(set(times)) == len(names) + 2
        assert len(rolled_back) == 1, "the rollback stays where it was"
        assert "raw-restart.json" in recording.left_out

    def test_the_last_document_stays(self) -> None:
        recording = Recording(RECORDED)
        [node] = recording.node_names
        recording.seek(10**9)
        assert recording.view(node).document == json.loads(
            (RECORDED / "raw-stats_manager_stalled_1s_timeout.json").read_text()
        )

    def test_nodes_that_were_recorded_together_are_played_apart(self, tmp_path: Path) -> None:
        for number, node in enumerate(["x", "y", "x"]):
            text = json.dumps({"at": 1000 + number * 60_000, "node": node, "manager": {"queued": number}})
            (tmp_path / f"{number}.json").write_text(text)
        recording = Recording(tmp_path)
        assert recording.node_names == ["x", "y"]
        recording.seek(119)
        assert recording.view("x").document["manager"] == {"queued": 0}  # type: ignore[index]
        recording.seek(120)
        assert recording.view("x").document["manager"] == {"queued": 2}  # type: ignore[index]

    def test_a_broken_file_is_told_with_its_line(self, tmp_path: Path) -> None:
        (tmp_path / "1.json").write_text('{\n "at": 1,\n "manager": {\n')
        with pytest.raises(RecordingError, match=r"1\.json:4: is no JSON .*; repair it, or take it away"):
            Recording(tmp_path)

    @pytest.mark.parametrize(
        "text", ["[]", "1", "null", "{}", '{"at": 1}', '{"manager": {}}', '{"at": "x", "manager": {}}']
    )
    def test_a_directory_without_a_document_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "1.json").write_text(text)
        with pytest.raises(RecordingError, match=r"holds no stats document; one is a \.json file"):
            Recording(tmp_path)

    def test_bytes_and_bottomless_nesting_are_told_by_name(self, tmp_path: Path) -> None:
        (tmp_path / "1.json").write_bytes(b"\xff\xfe")
        with pytest.raises(RecordingError, match=r"1\.json:1: cannot be read"):
            Recording(tmp_path)
        (tmp_path / "1.json").write_text("[" * 100_000)
        with pytest.raises(RecordingError, match=r"1\.json:1: cannot be read"):
            Recording(tmp_path)
