"""The sliding window: what it measures, that Prometheus measures the same, and what it does at resets and gaps."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryos_exporter.document import Stats, read_stats
from memoryos_exporter.window import MARKS, Measured, Window, bucket_quantile
from support.documents import BOUNDS_MS, recording, series
from support.programs import tool

DOCUMENT = recording("08")


def stats(at_s: float, *members: dict[str, Any], since_s: float = 0, **release: Any) -> Stats:
    """A reading of a node made ``at_s`` seconds after the epoch."""
    document = {**DOCUMENT, "at": int(at_s * 1000)}
    document["operations"] = {"since": int(since_s * 1000), "series": list(members)}
    if release:
        document["release"] = {**document["release"], "metrics": {**document["release"]["metrics"], **release}}
    return read_stats(json.dumps(document).encode())


def play(readings: Sequence[tuple[float, Stats]], seconds: float = 300) -> dict[str, Measured]:
    window = Window(seconds)
    for now, reading in readings:
        window.add(now, reading)
    return window.measure(readings[-1][1])


def test_nothing_is_said_from_one_reading_of_a_node_that_has_counted_for_long() -> None:
    assert play([(0, stats(10_000, series("memory_os", {90: 100}), since_s=1000))]) == {}


def test_a_node_that_began_to_count_within_the_window_is_measured_from_its_first_reading() -> None:
    measured = play([(0, stats(10_000, series("memory_os", {90: 100}), since_s=9_880))])
    assert measured["memory_os"].seconds == 120
    assert measured["memory_os"].operations == 100


def test_two_readings_give_what_happened_between_them() -> None:
    before = series("memory_os", {90: 1000}, errors={"upstream_error": 500})
    after = series("memory_os", {90: 1090, 400: 10}, errors={"upstream_error": 504})
    measured = play([(0, stats(5000, before)), (15, stats(5015, after))])["memory_os"]
    assert (measured.seconds, measured.operations) == (15, 100)
    assert measured.error_rate == pytest.approx(0.04)
    assert 50 < measured.p50_ms <= 100  # type: ignore[operator]
    assert 300 < measured.p99_ms <= 450  # type: ignore[operator]


def test_a_mode_without_calls_in_the_window_has_no_percentiles_and_no_error_rate_rather_than_0() -> None:
    same = series("legacy", {90: 1000})
    assert play([(0, stats(5000, same)), (15, stats(5015, same))])["legacy"] == Measured(15, 0)


def test_in_memory_os_a_fallback_is_an_error_that_the_caller_did_not_see() -> None:
    begin = [series("memory_os", {90: 100}), series("legacy", {90: 100})]
    end = [series("memory_os", {90: 200}), series("legacy", {90: 200})]
    measured = play([(0, stats(5000, *begin, fallbacks=5)), (15, stats(5015, *end, fallbacks=25))])
    assert measured["memory_os"].error_rate == pytest.approx(0.2)
    assert measured["legacy"].error_rate == 0


def test_the_error_rate_never_exceeds_1() -> None:
    begin, end = series("memory_os", {90: 100}), series("memory_os", {90: 110})
    measured = play([(0, stats(5000, begin, fallbacks=0)), (15, stats(5015, end, fallbacks=500))])
    assert measured["memory_os"].error_rate == 1


def test_a_restarted_bridge_loses_nothing_of_the_window() -> None:
    readings = [
        (0, stats(5000, series("memory_os", {90: 1000}))),
        (15, stats(5015, series("memory_os", {90: 1100}))),
        (30, stats(5030, series("memory_os", {90: 40}), since_s=5020)),
    ]
    measured = play(readings)["memory_os"]
    assert (measured.seconds, measured.operations) == (30, 140)


def test_a_restarted_controller_loses_no_fallbacks() -> None:
    calls = [series("memory_os", {90: count}) for count in (100, 200, 300)]
    readings = [
        (0, stats(5000, calls[0], fallbacks=50)),
        (15, stats(5015, calls[1], fallbacks=60)),
        (30, stats(5030, calls[2], fallbacks=4)),
    ]
    assert play(readings)["memory_os"].error_rate == pytest.approx(14 / 200)


def test_while_the_controller_does_not_answer_the_fallbacks_known_so_far_count() -> None:
    silent = stats(5030, series("memory_os", {90: 300}))
    silent.document.release = None
    readings = [
        (0, stats(5000, series("memory_os", {90: 100}), fallbacks=50)),
        (15, stats(5015, series("memory_os", {90: 200}), fallbacks=60)),
        (30, silent),
    ]
    assert play(readings)["memory_os"].error_rate == pytest.approx(10 / 200)


def test_a_baseline_older_than_two_windows_is_no_baseline() -> None:
    begin, end = series("memory_os", {90: 100}), series("memory_os", {90: 200})
    assert play([(0, stats(5000, begin)), (599, stats(5599, end))])["memory_os"].seconds == 599
    assert play([(0, stats(5000, begin)), (601, stats(5601, end))]) == {}


def test_operations_that_come_late_are_not_counted_as_new() -> None:
    early = read_stats(json.dumps({**DOCUMENT, "at": 5_000_000}).encode())
    measured = play([(0, early), (15, stats(5015, series("memory_os", {90: 100_000})))])
    assert measured == {}


def test_a_mode_that_appears_later_counts_from_its_birth() -> None:
    old = series("legacy", {90: 100})
    measured = play([(0, stats(5000, old)), (15, stats(5015, old, series("memory_os", {90: 7})))])
    assert measured["memory_os"].operations == 7


def test_hosts_that_keep_only_percentiles_are_taken_at_their_word() -> None:
    latency = {"memory_os": {"p50_ms": 80, "p95_ms": 410.5, "p99_ms": 700, "count": 50, "errors": 1, "window_s": 60}}
    reading = read_stats(json.dumps({**DOCUMENT, "latency": latency}).encode())
    assert play([(0, reading)]) == {"memory_os": Measured(60, 50, 80, 410.5, 700, 0.02)}


def test_percentiles_over_no_calls_mean_nothing() -> None:
    latency = {"memory_os": {"p95_ms": 0, "count": 0, "errors": 0, "window_s": 60}}
    assert play([(0, read_stats(json.dumps({"latency": latency}).encode()))]) == {"memory_os": Measured(60, 0)}


@settings(max_examples=60, deadline=None)
@given(
    loads=st.lists(
        st.dictionaries(st.sampled_from([3, 80, 130, 400, 2000]), st.integers(1, 50), min_size=1), min_size=41
    )
)
def test_it_does_not_matter_how_many_scrape_or_how_often(loads: list[dict[int, int]]) -> None:
    """One Prometheus every 15 s, or two of which the second comes 5 s later: both see the same at the same time."""
    total: dict[int, int] = {}
    ticks = []
    for tick, load in enumerate(loads):
        for duration, calls in load.items():
            total[duration] = total.get(duration, 0) + calls
        ticks.append((15.0 * tick, stats(5000 + 15 * tick, series("memory_os", total))))
    alone, shared = Window(), Window()
    for now, reading in ticks:
        alone.add(now, reading)
        shared.add(now, reading)
        expected, seen = alone.measure(reading), shared.measure(reading)
        assert seen == expected
        shared.add(now + 5, reading)


@settings(max_examples=200)
@given(
    counts=st.lists(st.integers(0, 1000), min_size=len(BOUNDS_MS) + 1, max_size=len(BOUNDS_MS) + 1).filter(any),
    q=st.floats(0.01, 0.999),
)
def test_a_quantile_lies_in_the_bucket_that_holds_it(counts: list[int], q: float) -> None:
    cumulative = [sum(counts[: i + 1]) for i in range(len(BOUNDS_MS))]
    value = bucket_quantile(q, BOUNDS_MS, cumulative, sum(counts))
    rank = q * sum(counts)
    upper = next((bound for bound, count in zip(BOUNDS_MS, cumulative, strict=True) if count >= rank), BOUNDS_MS[-1])
    lower = max((b for b in BOUNDS_MS if b < upper), default=0)
    assert lower <= value <= upper


def test_prometheus_asked_for_the_same_window_gives_the_same_answer(tmp_path: Path) -> None:
    """promtool evaluates `histogram_quantile` and the error ratio on the exporter's own buckets over 40 scrapes."""
    window, buckets, totals = Window(), {}, {"ok": "", "error": ""}
    names = [*(repr(bound / 1000) for bound in BOUNDS_MS), "+Inf"]
    buckets = dict.fromkeys(names, "")
    load = {20: 1000, 90: 1000, 140: 1000, 440: 1000, 900: 1000}
    failed = 100
    for tick in range(41):
        load = {
            20: load[20] + 40,
            90: load[90] + 30,
            140: load[140] + 20,
            440: load[440] + tick,
            900: load[900] + tick // 9,
        }
        failed += tick % 3
        member = series("memory_os", load, errors={"upstream_error": failed})
        reading = stats(5000 + 15 * tick, member)
        window.add(15.0 * tick, reading)
        (calls,) = reading.calls.calls.values()  # type: ignore[union-attr]
        for name, count in zip(names, (*calls.buckets.cumulative, calls.buckets.count), strict=True):  # type: ignore[union-attr]
            buckets[name] += f" {count}"
        totals["ok"] += f" {calls.ok}"
        totals["error"] += f" {failed}"
    mine = window.measure(reading)["memory_os"]
    inputs = [
        {"series": f'memoryos_operation_duration_seconds_bucket{{mode="memory_os",le="{name}"}}', "values": values}
        for name, values in buckets.items()
    ]
    inputs += [
        {"series": f'memoryos_operations_total{{mode="memory_os",outcome="{outcome}"}}', "values": values}
        for outcome, values in totals.items()
    ]
    rate = "rate(memoryos_operation_duration_seconds_bucket[5m])"
    close = "abs(vector({value}) - sum({expression})) < bool 1e-6 * {value}"
    questions = [
        (f"1000 * histogram_quantile({q}, {rate})", getattr(mine, f"p{q[2:]:0<2}_ms")) for q in ("0.5", "0.95", "0.99")
    ]
    errors = 'sum(rate(memoryos_operations_total{outcome="error"}[5m])) / sum(rate(memoryos_operations_total[5m]))'
    questions.append((errors, mine.error_rate))
    checks = [
        {"expr": close.format(value=value, expression=expression), "eval_time": "10m", "exp_samples": [{"value": 1}]}
        for expression, value in questions
    ]
    test = {
        "evaluation_interval": "15s",
        "tests": [{"interval": "15s", "input_series": inputs, "promql_expr_test": checks}],
    }
    file = tmp_path / "window.yml"
    file.write_text(json.dumps(test))
    run = subprocess.run([tool("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_memory_of_a_window_is_bounded_however_often_it_is_read() -> None:
    window = Window()
    tracemalloc.start()
    try:
        sizes = []
        for now in range(4000):
            window.add(now, stats(5000 + now, series("memory_os", {90: 100 + now}), series("legacy", {90: 100 + now})))
            if now % 1000 == 999:
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(sizes[1:]) < sizes[0] * 1.5
    marks = len(window._marks)
    assert marks <= MARKS + 2
    assert sys.getsizeof(window._marks[-1].modes["legacy"]) * 2 * marks * 1000 < 64 * 1024 * 1024  # a thousand targets
