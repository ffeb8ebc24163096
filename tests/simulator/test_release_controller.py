"""The controller beside the rollback rule: cohorts, drift window and gate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_simulator.agents import Agent
from memoryos_simulator.release_controller import DRIFT_WINDOW, ReleaseController, stable_hash_ratio


def test_outside_the_cohort_every_agent_runs_as_legacy_in_every_mode() -> None:
    controller = ReleaseController(mode="memory_os", rollout_stage="internal")
    assert controller.effective_mode("a", "internal") == "memory_os"
    assert controller.effective_mode("a", "external") == "legacy"
    controller.configure_rollout(rollout_stage="global")
    assert controller.effective_mode("a", "external") == "memory_os"


@given(st.floats(0.05, 0.95))
def test_a_canary_admits_about_its_ratio_and_always_the_same_agents(ratio: float) -> None:
    controller = ReleaseController(mode="dual_run", rollout_stage="canary", canary_ratio=ratio)
    ids = [f"agent-{number}" for number in range(2000)]
    admitted = [each for each in ids if controller.effective_mode(each, "external") == "dual_run"]
    assert abs(len(admitted) / len(ids) - ratio) < 0.06
    assert admitted == [each for each in ids if stable_hash_ratio(each) < ratio]


@given(st.lists(st.floats(0, 1), max_size=900))
def test_the_gate_is_open_when_the_last_400_samples_are_enough_and_all_within_the_threshold(
    samples: list[float],
) -> None:
    controller = ReleaseController(mode="dual_run")
    for sample in samples:
        controller.sample_drift(sample)
    window = [round(sample, 6) for sample in samples[-DRIFT_WINDOW:]]
    drift = controller.drift()
    assert drift["ready?"] == (len(window) >= 20 and all(sample <= 0.2 for sample in window))
    assert drift["samples"] == len(window)
    assert drift["max"] == max(window, default=0)
    assert drift["over_threshold"] == sum(sample > 0.2 for sample in window)
    assert controller.metrics["dual_run_drift_samples"] == len(samples)
    assert controller.set_mode("memory_os") == drift["ready?"]


def test_one_bad_sample_blocks_until_400_newer_ones_have_pushed_it_out() -> None:
    controller = ReleaseController(mode="dual_run")
    controller.sample_drift(1.0)
    controller.sample_drift(0.0, 399)
    assert not controller.set_mode("memory_os")
    controller.sample_drift(0.0)
    assert controller.set_mode("memory_os")
    assert str(controller.mode) == "memory_os"


def test_many_equal_samples_at_once_leave_what_one_by_one_leave() -> None:
    together, apart = ReleaseController(), ReleaseController()
    together.sample_drift(0.1, 1000)
    for _ in range(1000):
        apart.sample_drift(0.1)
    assert together.status() == apart.status()


class TestDrift:
    def test_writes_without_an_id_always_disagree(self) -> None:
        agent = Agent("a", "internal")
        agent.wrote(True, True, explicit_id=False, times=3)
        assert agent.drift == 1.0

    def test_an_empty_agent_agrees_whether_memory_os_answers_or_not(self) -> None:
        agent = Agent("a", "internal")
        assert agent.drift == agent.drift_degraded == 0.0

    def test_without_an_answer_an_agent_with_records_drifts_by_1(self) -> None:
        assert Agent("a", "internal", both=5).drift_degraded == 1.0

    @pytest.mark.parametrize(
        ("legacy_only", "memory_os_only", "parity"),
        [(0, 0, "equal"), (3, 3, "equal"), (2, 1, "missing"), (1, 2, "extra")],
    )
    def test_parity_compares_counts_and_nothing_but_counts(
        self, legacy_only: int, memory_os_only: int, parity: str
    ) -> None:
        assert Agent("a", "g", 7, legacy_only, memory_os_only).parity == parity

    def test_a_migration_leaves_nothing_missing_and_keeps_what_is_extra(self) -> None:
        agent = Agent("a", "g", both=2, legacy_only=3, memory_os_only=4)
        agent.migrated()
        assert (agent.both, agent.legacy_only, agent.memory_os_only) == (5, 0, 4)
