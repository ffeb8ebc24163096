"""The three triggers decide as evaluate_rollback/2 does, and page in time."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from memoryos_exporter.catalog import operations, queue, reading, rollout
from memoryos_generators.rules import groups, timing
from memoryos_generators.rules.delivery import rule_fields
from memoryos_generators.rules.sli import BREACH
from memoryos_simulator.release_controller import ReleaseController, normalize_thresholds
from rules import promtool
from rules.contract import config, every_alert
from rules.contracts import CONTRACTS
from rules.timelines import timeline_of

SNAPSHOTS = 10_000
AT_ONCE = 500
"""promtool evaluates no query that reads more than 10,000 samples."""
LIMITS = {
    "latency_p95_ms": rollout.THRESHOLD_LATENCY_P95,
    "error_rate": rollout.THRESHOLD_ERROR_RATE,
    "queue_depth": rollout.THRESHOLD_QUEUE_DEPTH,
}
GROUP_WAIT = 10
Case = tuple[str, dict[str, Any], dict[str, float]]
TRIGGERS = ("MemoryOSRollbackLatency", "MemoryOSRollbackErrorRate", "MemoryOSRollbackQueueDepth")


def test_ten_thousand_snapshots_are_in_breach_exactly_where_memoryos_would_roll_back(tmp_path: Path) -> None:
    chance = random.Random(4102)
    cases = [(str(number), _case(chance)) for number in range(SNAPSHOTS)]
    expected = {number for number, case in cases if _rolls_back(*case)}

    parts = (dict(cases[first : first + AT_ONCE]) for first in range(0, SNAPSHOTS, AT_ONCE))
    breached = {number for part in parts for number in _breached(part, tmp_path)}

    assert breached == expected
    assert SNAPSHOTS / 10 < len(expected) < SNAPSHOTS * 9 / 10, "both answers are seen often"


def _rolls_back(mode: str, snapshot: dict[str, Any], limits: dict[str, float]) -> bool:
    controller = ReleaseController(mode=mode)  # type: ignore[arg-type]
    controller.rollback_thresholds = limits
    return bool(controller.evaluate_rollback(snapshot, at_ms=1))


def _breached(cases: Mapping[str, Case], folder: Path) -> set[str]:
    """The cases in which the bare condition of a trigger is true, each an instance."""
    series = [
        {"series": f'{name}{{instance="{number}",{labels}', "values": f"{value!r}+0x2"}
        for number, case in cases.items()
        for name, labels, value in _read(*case)
    ]
    (answer,) = promtool.ask(folder, {"rules.yml": _triggers()}, series, [(f"count by (instance) ({BREACH})", 15)])
    return {each.labels["instance"] for each in answer}


def _case(chance: random.Random) -> Case:
    """A mode, a snapshot about its limits, on them and without some inputs, and limits, the default ones more often."""
    limits = normalize_thresholds({})
    if chance.random() < 0.3:
        limits = normalize_thresholds(
            {
                "latency_p95_ms": chance.randint(1, 900),
                "error_rate": chance.random(),
                "queue_depth": chance.randint(1, 400),
            }
        )
    spread: dict[str, Any] = {
        "latency_p95_ms": chance.choice([limits["latency_p95_ms"], chance.uniform(0, 600), chance.uniform(0, 2000)]),
        "error_rate": chance.choice([limits["error_rate"], chance.uniform(0, 0.05), chance.random(), 0.0, 1.0]),
        "queue_depth": chance.choice([int(limits["queue_depth"]), chance.randint(0, 260), chance.randint(150, 220)]),
    }
    snapshot = {name: value for name, value in spread.items() if chance.random() < 0.95}
    return chance.choice(["legacy", "dual_run", "memory_os", "memory_os", "memory_os"]), snapshot, limits


def _read(mode: str, snapshot: dict[str, Any], limits: dict[str, float]) -> list[tuple[str, str, float]]:
    """The series of a host that has only percentiles: name, labels and value."""
    measured = {
        "latency_p95_ms": (operations.LATENCY_P95.name, 'mode="memory_os"}'),
        "error_rate": (operations.ERROR_RATE.name, 'mode="memory_os"}'),
        "queue_depth": (queue.QUEUE_DEPTH.name, "}"),
    }
    return [
        (reading.UP.name, "}", 1),
        (rollout.MODE.name, 'mode="memory_os"}', int(mode == "memory_os")),
        *((LIMITS[name].name, "}", limit) for name, limit in limits.items()),
        *((*measured[name], value) for name, value in snapshot.items()),
    ]


def _triggers() -> dict[str, Any]:
    every = [rule for group in groups(config()) for rule in group.rules if group.area == "rollback-triggers"]
    return {"groups": [{"name": "triggers", "rules": [rule_fields(rule) for rule in every if rule.record]}]}


@pytest.mark.parametrize(
    ("story", "alert", "breach"),
    [
        ("slo-breach-latency", "MemoryOSRollbackLatency", 90 * 60),
        ("slo-breach-hidden-errors", "MemoryOSRollbackErrorRate", 90 * 60),
        ("slo-breach-queue", "MemoryOSRollbackQueueDepth", 90 * 60),
    ],
)
def test_a_hard_breach_pages_within_ninety_seconds(story: str, alert: str, breach: int) -> None:
    found = timeline_of(alert, story, 15, until=breach + 180)
    fired = min(each.begins for each in found)

    assert 0 < fired + GROUP_WAIT - breach < 90


@pytest.mark.parametrize("alert", TRIGGERS)
def test_the_alert_table_promises_a_page_within_ninety_seconds(alert: str) -> None:
    page = timing.page_after(every_alert()[alert], config())

    assert page is not None
    assert page < 90


def test_the_alert_table_states_what_the_contracts_prove() -> None:
    pages = {name for name, alert in every_alert().items() if alert.severity == "critical"}

    assert {name: int(timing.FIRES_AFTER[name]) for name in pages} == {name: CONTRACTS[name].fires for name in pages}
    assert set(timing.FIRES_AFTER) == pages
