"""The manager: its invariant, its limits and its costs."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_simulator import operator_steps
from memoryos_simulator.agents import Agent
from memoryos_simulator.memory_manager import AUDIT_LIMIT, DEFAULT_CONFIG, MemoryManager
from simulator.driver import Driven


def manager(**config: Any) -> MemoryManager:
    return MemoryManager({**DEFAULT_CONFIG, **config})


whiles = st.lists(
    st.fixed_dictionaries(
        {
            "arrivals": st.integers(0, 3000),
            "workers": st.sampled_from([0, 0, 10, 203, 500]),
            "agents": st.integers(1, 80),
            "busy_ms": st.floats(0, 5000),
            "operation_ms": st.sampled_from([0.5, 4.0, 90.0, 700.0, inf]),
        }
    ),
    max_size=20,
)


@given(whiles, st.booleans(), st.booleans())
def test_queued_is_always_processed_and_cancelled_and_waiting(
    told: list[dict[str, Any]], adaptive: bool, cancel: bool
) -> None:
    subject = manager(adaptive_throttle_enabled=adaptive)
    limit = subject.throttle_depth
    before = dict(subject.counters)
    for number, each in enumerate(told):
        subject.drain(number * 5000.0, (number + 1) * 5000.0, **each)
        metrics = subject.metrics()
        assert metrics["queued"] == metrics["processed"] + metrics["cancelled"] + metrics["queue_depth"]
        assert 0 <= metrics["queue_depth"] <= limit
        assert sum(waiting.count for waiting in subject.queue) == metrics["queue_depth"]
        assert all(metrics[key] >= before[key] for key in before), "counters never go back"
        before = {key: metrics[key] for key in before}
    if cancel:
        assert subject.cancel() == metrics["queue_depth"] if told else True
        assert subject.metrics()["queue_depth"] == 0


@pytest.mark.parametrize(
    ("config", "depth"),
    [
        ({}, 204),
        ({"adaptive_throttle_target_depth": 230}, 230),
        ({"adaptive_throttle_soft_limit": 0.5}, 192),
        ({"adaptive_throttle_enabled": False}, 256),
    ],
)
def test_throttling_begins_at_the_larger_of_target_and_soft_limit(config: dict[str, Any], depth: int) -> None:
    subject = manager(**config)
    subject.drain(0, 5000, 3000, 0, 200, busy_ms=5000, operation_ms=10)
    assert subject.depth == subject.throttle_depth == depth


def test_a_few_agents_overload_their_own_queues_before_anything_is_throttled() -> None:
    subject = manager()
    subject.drain(0, 5000, 500, 0, 2, busy_ms=5000, operation_ms=10)
    assert (subject.depth, subject.counters["overloaded"], subject.counters["throttled"]) == (64, 436, 0)


def test_workers_who_wait_for_their_answers_keep_the_queue_at_their_number_and_nobody_is_rejected() -> None:
    subject = manager()
    for number in range(5):
        drained = subject.drain(number * 5000, (number + 1) * 5000, 0, 203, 60, busy_ms=0, operation_ms=4)
        assert (subject.depth, drained.rejected) == (203, 0)
    [(wait_ms, _), *_] = drained.served
    assert 0 < wait_ms < 2 * 203 * 4


def test_a_request_that_waited_beyond_its_deadline_ends_without_being_executed() -> None:
    subject = manager(request_timeout_ms=1000)
    subject.drain(0, 5000, 100, 0, 60, busy_ms=5000, operation_ms=10)
    drained = subject.drain(5000, 10_000, 0, 0, 60, busy_ms=0, operation_ms=10)
    assert drained.expired > 0
    assert subject.counters["timed_out"] == drained.expired
    assert sum(count for _, count in drained.served) + drained.expired == 100


def test_a_stalled_process_takes_nothing_from_its_mailbox() -> None:
    subject = manager()
    subject.drain(0, 5000, 300, 0, 60, busy_ms=0, operation_ms=inf)
    assert (subject.depth, subject.mailbox, subject.counters["queued"]) == (0, 300, 0)
    subject.drain(5000, 10_000, 0, 0, 60, busy_ms=0, operation_ms=4)
    assert (subject.mailbox, subject.counters["queued"]) == (0, 300)


def test_a_full_journal_makes_every_operation_rewrite_it_and_stays_at_its_limit() -> None:
    subject = manager()
    subject.finish(666)
    assert subject.overhead_ms == 1.0
    subject.finish(1)
    assert (subject.journal_events, round(subject.overhead_ms)) == (2000, 86)


def test_what_saturates_saturates_and_what_grows_grows() -> None:
    subject = manager()
    before = subject.memory
    subject.finish(1_000_000)
    assert subject.audit_events == AUDIT_LIMIT
    assert subject.memory - before == pytest.approx(3.4e9)


class TestTheQueryCache:
    def test_a_miss_fills_it_and_a_write_empties_it(self) -> None:
        subject, agent = manager(), Agent("a", "g")
        subject.read(agent, 1, 3, 3)
        assert (subject.counters["cache_miss"], subject.counters["cache_hit"], subject.cache_entries) == (1, 2, 1)
        subject.wrote(agent)
        assert (subject.counters["cache_invalidated"], subject.cache_entries) == (1, 0)

    def test_it_never_holds_more_than_its_limit(self) -> None:
        subject = manager(query_cache_max_entries=5)
        for number in range(20):
            subject.read(Agent(str(number), "g"), 1, 1, 0)
        assert subject.metrics()["query_cache_entries"] == 5


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_only_writes_to_the_short_tier_are_dead_lettered(short: int, migrated: int) -> None:
    subject = manager()
    subject.fail_writes(short)
    subject.fail_writes(migrated, short_tier=False)
    assert subject.counters["dead_lettered"] == short
    assert subject.counters["retried"] == 2 * (short + migrated)


@pytest.mark.parametrize(
    ("agents", "config", "code"),
    [
        (2, {}, None),
        (80, {}, "manager_throttled"),
        (80, {"adaptive_throttle_enabled": False}, "manager_overloaded"),
    ],
)
def test_calls_through_the_controller_are_turned_away_with_the_queue_but_not_with_one_flooding_agent(
    agents: int, config: dict[str, Any], code: str | None
) -> None:
    node = Driven({"auto_consolidate": False, **config})
    state = node.state
    operator_steps.configure_rollout(state, "global", None, False)
    node.settle()
    state.controller.mode = "memory_os"
    node.turn("store", median_ms=20.0, sigma=0.01)
    node.turn("direct", rate=5000, agents=agents, operation="forget")
    for _ in range(4):
        node.step()
    node.call("remember", [Agent("other", "external")], 30)
    errors = state.timing.series["memory_os", "remember"].errors
    assert set(errors) == ({code} if code else set())
