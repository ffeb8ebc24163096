"""The rollback decision, held against the rule as MemoryOS states it, the silent traps included."""

from __future__ import annotations

import random
from numbers import Real
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryos_simulator.release_controller import (
    ReleaseController,
    normalize_snapshot,
    normalize_thresholds,
)
from simulator.driver import recorded

LIMITS = {"latency_p95_ms": 450, "error_rate": 0.03, "queue_depth": 200}
SNAPSHOT = {"latency_p95_ms": 120.0, "error_rate": 0.01, "queue_depth": 3}


def is_number(value: Any) -> bool:
    return type(value) in (int, float)


def as_the_rule_says(mode: str, snapshot: dict[str, Any], limits: dict[str, float]) -> bool:
    """An independent statement: over any limit, strictly; what is malformed counts as nothing at all."""
    if mode != "memory_os":
        return False
    latency: Any
    rate: Any
    depth: Any
    latency, rate, depth = (snapshot.get(key) for key in ("latency_p95_ms", "error_rate", "queue_depth"))
    over_latency = is_number(latency) and latency > limits["latency_p95_ms"]
    over_rate = is_number(rate) and limits["error_rate"] < rate <= 1
    over_depth = is_number(depth) and isinstance(depth, int) and depth > limits["queue_depth"]
    return over_latency or over_rate or over_depth


def random_input(chance: random.Random) -> dict[str, Any]:
    """Inputs about their limits, on them, and of every malformed kind."""
    values: dict[str, list[Any]] = {
        "latency_p95_ms": [450, 450.0, 451, 449.9, 450.0001, 0, -900, "900", None, True, 900],
        "error_rate": [0.03, 0.0300001, 0.02, 0, 1, 1.0001, 3, 7.5, "0.5", None, -0.5, True, 0.5],
        "queue_depth": [200, 201, 199, 200.5, 900.0, -900, "900", None, True, 0, 1000],
    }
    snapshot = {key: chance.choice(options) for key, options in values.items()}
    for key in list(snapshot):
        if chance.random() < 0.3:
            snapshot[key] = chance.uniform(0, {"latency_p95_ms": 900, "error_rate": 0.06, "queue_depth": 400}[key])
        if chance.random() < 0.1:
            del snapshot[key]
    return snapshot


def test_ten_thousand_random_snapshots_are_decided_as_the_rule_says() -> None:
    chance = random.Random(20261122)
    decided = {True: 0, False: 0}
    for _ in range(10_000):
        controller = ReleaseController(mode=chance.choice(["legacy", "dual_run", "memory_os", "memory_os"]))
        if chance.random() < 0.3:
            controller.rollback_thresholds = normalize_thresholds(
                {"latency_p95_ms": chance.randint(1, 900), "error_rate": chance.random(), "queue_depth": 50}
            )
        snapshot, mode = random_input(chance), controller.mode
        expected = as_the_rule_says(mode, snapshot, controller.rollback_thresholds)
        assert controller.evaluate_rollback(snapshot, at_ms=1) is expected, (mode, snapshot)
        assert controller.mode == ("legacy" if expected else mode)
        assert controller.metrics["rollbacks"] == int(expected)
        assert (controller.last_rollback is not None) is expected
        decided[expected] += 1
    assert min(decided.values()) > 1000, "both answers are seen often"


@pytest.mark.parametrize(
    ("trap", "snapshot"),
    [
        ("percent", {"latency_p95_ms": 100.0, "error_rate": 12.5, "queue_depth": 3}),
        ("error_rate_gt_1", {"latency_p95_ms": 100.0, "error_rate": 1.5, "queue_depth": 3}),
        ("queue_depth_float", {"latency_p95_ms": 100.0, "error_rate": 0.01, "queue_depth": 900.0}),
        ("strings", {"latency_p95_ms": "900", "error_rate": "0.9", "queue_depth": "900"}),
        ("nil_values", {"latency_p95_ms": None, "error_rate": None, "queue_depth": None}),
    ],
)
def test_each_recorded_silent_trap_is_answered_stable(trap: str, snapshot: dict[str, Any]) -> None:
    assert recorded("raw-evaluate_rollback_silent_traps")[trap] == ["ok", "stable"]
    assert not ReleaseController(mode="memory_os").evaluate_rollback(snapshot, 1)


@pytest.mark.parametrize("snapshot", [None, [], "900", 900, {}, {"latency": 900}])
def test_what_is_no_snapshot_is_answered_stable(snapshot: object) -> None:
    assert not ReleaseController(mode="memory_os").evaluate_rollback(snapshot, 1)


@pytest.mark.parametrize(("key", "step"), [("latency_p95_ms", 0.001), ("error_rate", 0.0001), ("queue_depth", 1)])
def test_a_value_on_its_limit_is_stable_and_one_just_over_it_is_not(key: str, step: float) -> None:
    on_the_limit = {**SNAPSHOT, key: LIMITS[key]}
    assert not ReleaseController(mode="memory_os").evaluate_rollback(on_the_limit, 1)
    over = {**SNAPSHOT, key: LIMITS[key] + step}
    assert ReleaseController(mode="memory_os").evaluate_rollback(over, 1)


@pytest.mark.parametrize("mode", ["legacy", "dual_run"])
def test_outside_memory_os_nothing_ever_rolls_back(mode: Any) -> None:
    assert not ReleaseController(mode=mode).evaluate_rollback({**SNAPSHOT, "latency_p95_ms": 9000}, 1)
    assert recorded("raw-evaluate_rollback_in_legacy_mode") == ["ok", "stable"]


@pytest.mark.parametrize("bad", [800.5, 0, -1, "800", None, True])
def test_a_latency_or_queue_limit_that_is_no_positive_integer_becomes_the_default(bad: object) -> None:
    given_limits = {"latency_p95_ms": bad, "queue_depth": bad, "error_rate": 0.05}
    assert normalize_thresholds(given_limits) == {**LIMITS, "error_rate": 0.05}


@pytest.mark.parametrize(("rate", "in_force"), [(0, 0.0), (1, 1.0), (1.01, 0.03), (-0.1, 0.03), (None, 0.03)])
def test_an_error_limit_may_be_0_and_outside_0_to_1_it_becomes_the_default(rate: Any, in_force: float) -> None:
    assert normalize_thresholds({"error_rate": rate})["error_rate"] == in_force


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*LIMITS, "other"]), json_values) | json_values)
def test_whatever_is_sent_becomes_three_numbers_that_are_not_negative(snapshot: object) -> None:
    seen = normalize_snapshot(snapshot)
    assert seen.keys() == LIMITS.keys()
    assert all(isinstance(value, Real) and value >= 0 for value in seen.values())
    assert seen["error_rate"] <= 1 and isinstance(seen["queue_depth"], int)
