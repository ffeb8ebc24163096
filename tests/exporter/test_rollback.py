"""The snapshot for `evaluate_rollback/2`: the verdict that it names is the one that MemoryOS will give."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from memoryos_exporter.document import read_stats
from memoryos_exporter.rollback import Decision, decide
from memoryos_exporter.samples import Samples, samples_of
from memoryos_exporter.target import Reading
from memoryos_exporter.window import Window
from support.documents import RECORDED, recording, series, with_operations

CUTOVER = recording("08")  # mode memory_os


def reading(document: dict[str, Any]) -> Reading:
    stats = read_stats(json.dumps(document).encode())
    window = Window()
    window.add(0, stats)
    measured = window.measure(stats)
    return Reading(samples_of(stats, measured), stats, measured)


def without_answer(document: dict[str, Any], *, mailbox: int) -> dict[str, Any]:
    """The manager is alive and does not answer: the recorded stall, in this document's mode."""
    process = {**document["process"], "manager": {**document["process"]["manager"], "message_queue_len": mailbox}}
    return {**document, "manager": None, "errors": {"manager": ":timeout"}, "process": process}


def test_a_document_with_operations_gives_the_exact_map_the_verdict_and_the_call() -> None:
    document = with_operations(CUTOVER, series("memory_os", {90: 96, 900: 4}))
    document["manager"] = {**document["manager"], "queue_depth": 12}
    decision = decide(reading(document)).as_json()
    assert (decision["latency_p95_ms"], decision["error_rate"], decision["queue_depth"]) == (
        pytest.approx(99.48, 0.01),
        0,
        12,
    )
    assert isinstance(decision["queue_depth"], int)
    assert decision["verdict"] == "stable"
    controller = r"Jido\.MemoryOS\.ReleaseController"
    numbers = r"latency_p95_ms: 99\.\d+, error_rate: 0\.0, queue_depth: 12"
    call = rf"{controller}\.evaluate_rollback\({controller}, %\{{{numbers}\}}\)"
    assert re.fullmatch(call, decision["elixir"])
    # Through the bridge, with MemoryOS's own controller as the server: the bridge has no process of that kind.
    through = decision["elixir"].replace("Jido.MemoryOS.Rel", "MemoryOSBridge.Rel", 1)
    assert decision["elixir_through_bridge"] == through


@pytest.mark.parametrize(
    ("calls", "depth", "because"),
    [
        (series("memory_os", {90: 10, 900: 10}), 0, ["latency_p95_ms"]),
        (series("memory_os", {90: 100}, errors={"upstream_error": 4}), 0, ["error_rate"]),
        (series("memory_os", {90: 100}), 201, ["queue_depth"]),
        (series("memory_os", {90: 100}, errors={"upstream_error": 3}), 200, []),
    ],
)
def test_each_input_beyond_its_limit_and_none_at_its_limit_rolls_back(
    calls: Any, depth: int, because: list[str]
) -> None:
    document = with_operations(CUTOVER, calls)
    document["manager"] = {**document["manager"], "queue_depth": depth}
    decision = decide(reading(document))
    assert list(decision.because) == because
    assert decision.verdict == ("rollback" if because else "stable")


def test_without_operations_there_is_no_verdict_and_the_missing_inputs_are_named() -> None:
    decision = decide(reading(CUTOVER))
    assert decision.verdict is None
    assert set(decision.missing) == {"latency_p95_ms", "error_rate"}
    assert decision.as_json()["elixir"] is None


def test_outside_memory_os_nothing_can_change_the_verdict() -> None:
    for step in ("01", "03", "17"):
        assert decide(reading(recording(step))).verdict == "stable"


def test_a_stalled_manager_does_not_hide_the_rollback() -> None:
    decision = decide(reading(without_answer(CUTOVER, mailbox=299)))
    assert decision.verdict == "rollback"
    assert decision.because == ("queue_depth",)
    assert decision.snapshot["queue_depth"] == 299
    assert any("lower bound" in note and "timeout" in note for note in decision.notes)


def test_a_lower_bound_under_the_limit_decides_nothing() -> None:
    calls = series("memory_os", {90: 100})
    decision = decide(reading(with_operations(without_answer(CUTOVER, mailbox=150), calls)))
    assert decision.verdict is None
    assert set(decision.missing) == {"queue_depth"}


def test_a_controller_that_does_not_answer_is_named() -> None:
    document = with_operations(
        {**CUTOVER, "release": None, "errors": {"release": ":timeout"}}, series("memory_os", {90: 9})
    )
    decision = decide(reading(document))
    assert decision.verdict is None
    assert decision.missing["mode"] == "release did not answer (timeout)"


def test_no_document_at_all_is_no_verdict() -> None:
    decision = decide(Reading(Samples(), error="refused", message="cannot connect"))
    assert (decision.verdict, decision.missing) == (None, {"document": "cannot connect"})


def test_the_call_is_elixir_for_every_number() -> None:
    call = Decision({"latency_p95_ms": 1e-7, "error_rate": 1e22, "queue_depth": 3}, "stable").elixir
    assert call.endswith(", %{latency_p95_ms: 0.0000001, error_rate: 10000000000000000000000.0, queue_depth: 3})")


def test_the_call_names_every_input_because_the_bridge_refuses_one_that_is_missing() -> None:
    decision = Decision(
        {"queue_depth": 801}, "rollback", missing={"latency_p95_ms": "no calls", "error_rate": "no calls"}
    )
    for call in (decision.elixir, decision.elixir_through_bridge):
        assert call.endswith(", %{latency_p95_ms: 0, error_rate: 0, queue_depth: 801})")
    assert decision.as_json()["latency_p95_ms"] is None


def memory_os_decides(mode: str, snapshot: dict[str, Any], thresholds: dict[str, Any]) -> str:
    """MemoryOS's rule as it is: what does not fit is read as 0, and only memory_os ever rolls back."""

    def number(value: Any, largest: float) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= largest
        return float(value) if fits else 0.0

    latency = number(snapshot.get("latency_p95_ms"), float("inf"))
    errors = number(snapshot.get("error_rate"), 1)
    depth = number(snapshot.get("queue_depth") if isinstance(snapshot.get("queue_depth"), int) else None, float("inf"))
    over = (
        latency > thresholds["latency_p95_ms"] or errors > thresholds["error_rate"] or depth > thresholds["queue_depth"]
    )
    return "rollback" if mode == "memory_os" and over else "stable"


def test_the_rule_as_written_here_is_the_one_that_was_recorded() -> None:
    traps = json.loads((RECORDED / "raw-evaluate_rollback_silent_traps.json").read_text())
    limits = {"latency_p95_ms": 450, "error_rate": 0.03, "queue_depth": 200}
    inputs: dict[str, dict[str, Any]] = {
        "error_rate_gt_1": {"error_rate": 1.5},
        "percent": {"error_rate": 40},
        "queue_depth_float": {"queue_depth": 900.0},
        "strings": {"latency_p95_ms": "900", "error_rate": "0.5", "queue_depth": "900"},
        "nil_values": {"latency_p95_ms": None, "error_rate": None, "queue_depth": None},
    }
    assert {name: ["ok", memory_os_decides("memory_os", inputs[name], limits)] for name in traps} == traps
    fired = json.loads((RECORDED / "raw-evaluate_rollback_rollback.json").read_text())[1]
    assert memory_os_decides("memory_os", fired[1]["snapshot"], fired[1]["thresholds"]) == fired[0]


def test_ten_thousand_random_snapshots_get_the_verdict_that_memory_os_gives() -> None:
    rng = random.Random(20261122)
    verdicts = {"rollback": 0, "stable": 0}
    for _ in range(10_000):
        limits = {
            "latency_p95_ms": rng.choice([450, rng.randint(1, 2000)]),
            "error_rate": rng.choice([0.03, rng.random(), 0.0, 1.0]),
            "queue_depth": rng.choice([200, rng.randint(1, 300)]),
        }
        inputs = {
            "latency_p95_ms": rng.choice([rng.uniform(0, 1000), float(limits["latency_p95_ms"]), 0.0]),
            "count": 1000,
            "errors": rng.choice([round(limits["error_rate"] * 1000), rng.randint(0, 60), 0]),
        }
        depth = rng.choice([limits["queue_depth"], limits["queue_depth"] + 1, rng.randint(0, 204)])
        mode = rng.choice(["memory_os", "memory_os", "dual_run", "legacy"])
        latency = {"p95_ms": inputs["latency_p95_ms"], "count": 1000, "errors": inputs["errors"], "window_s": 60}
        document = {
            "manager": {"queue_depth": depth},
            "release": {"mode": mode, "rollback_thresholds": limits},
            "latency": {"memory_os": latency},
        }
        decision = decide(reading(document))
        assert decision.verdict == memory_os_decides(mode, dict(decision.snapshot), limits)
        assert decision.snapshot == {
            "latency_p95_ms": inputs["latency_p95_ms"],
            "error_rate": inputs["errors"] / 1000,
            "queue_depth": depth,
        }
        verdicts[decision.verdict] += 1
    assert min(verdicts.values()) > 1000
