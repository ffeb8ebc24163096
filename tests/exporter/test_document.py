"""A broken field costs that field, a broken part that part, and only what is no document at all is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from memoryos_exporter.document import UnreadableError, read_stats
from memoryos_exporter.document import reader as reader_module
from memoryos_exporter.document.reader import MOST_BAD_FIELDS
from memoryos_exporter.exposition import END, OPENMETRICS, TEXT, render
from memoryos_exporter.samples import samples_of
from memoryos_exporter.window import Window
from support.documents import recording, series, with_operations
from support.fields import DOCUMENT, JSON, PATHS, changed


def families(document: Any) -> dict[str, list[Any]]:
    """All samples that two readings of the document give, by name; both formats must parse and agree."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    window = Window()
    for now in (0.0, 15.0):
        stats = read_stats(data)
        window.add(now, stats)
    samples = samples_of(stats, window.measure(stats))
    text = list(parse_text(render(samples, TEXT).decode()))
    openmetrics = list(parse_openmetrics((render(samples, OPENMETRICS) + END).decode()))
    assert sum(len(family.samples) for family in text) == sum(len(family.samples) for family in openmetrics)
    found: dict[str, list[Any]] = {}
    for family in text:
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


WINDOW = {f"memoryos_latency_p{q}_ms" for q in (50, 95, 99)} | {"memoryos_error_rate"}
HUGE = 2**64 + 1


@pytest.mark.parametrize(
    ("path", "value", "reason", "lost"),
    [
        ("manager.queued", "12", "wrong_type", {"memoryos_queued_total"}),
        ("manager.queued", -1, "out_of_range", {"memoryos_queued_total"}),
        ("manager.queued", 1.5, "wrong_type", {"memoryos_queued_total"}),
        ("manager.queued", HUGE, "out_of_range", {"memoryos_queued_total"}),
        ("manager.queued", "x" * 5_000_000, "wrong_type", {"memoryos_queued_total"}),
        ("manager.queued", None, "wrong_type", {"memoryos_queued_total"}),
        ("manager.queued", True, "wrong_type", {"memoryos_queued_total"}),
        ("manager.queue_depth", {}, "wrong_type", {"memoryos_queue_depth"}),
        ("release.canary_ratio", 25, "out_of_range", {"memoryos_canary_ratio"}),
        ("release.drift.max", -0.1, "out_of_range", {"memoryos_drift_max"}),
        ("release.drift.ready?", "yes", "wrong_type", {"memoryos_cutover_ready"}),
        ("release.mode", 7, "wrong_type", {"memoryos_mode"}),
        ("release.last_rollback", "never", "wrong_type", {"memoryos_last_rollback_timestamp_seconds"}),
        ("node", "n" * 300, "out_of_range", {"memoryos_build_info"}),
        ("at", "now", "wrong_type", {"memoryos_stats_timestamp_seconds", *WINDOW}),  # no age, no baseline
        ("process.manager.memory", [], "wrong_type", set()),  # that of the other process stays
        ("operations.series.0.ok", -1, "out_of_range", set()),  # the outcome error stays
        ("operations.series.0.counts", [1], "inconsistent", {"memoryos_operation_duration_seconds_bucket"}),
        ("operations.series.0.bounds_ms", [5, 1], "inconsistent", {"memoryos_operation_duration_seconds_bucket"}),
        ("operations.series.0.mode", None, "wrong_type", set()),
    ],
)
def test_a_bad_field_costs_that_field_alone(path: str, value: Any, reason: str, lost: set[str]) -> None:
    whole = families(DOCUMENT)
    document = changed(path, value)
    stats = read_stats(json.dumps(document).encode())
    assert reason in {bad.reason for bad in stats.bad}
    assert not any("x" * 100 in bad.detail for bad in stats.bad)
    left = families(document)
    assert lost <= whole.keys() - left.keys()
    part = path.split(".", maxsplit=1)[0]
    if part in ("manager", "release", "process", "operations"):
        assert [sample.value for sample in left["memoryos_part_up"] if sample.labels["part"] == part] == [1.0]
    if part != "operations":
        assert whole.keys() - left.keys() == lost


@pytest.mark.parametrize("broken", [None, 5, "null", [], True, 1.5])
@pytest.mark.parametrize("part", ["manager", "release", "process", "config", "operations", "dead_letters"])
def test_a_null_or_broken_part_gives_part_up_0_and_hurts_no_other_part(part: str, broken: Any) -> None:
    if (part, broken) == ("dead_letters", 5):
        pytest.skip("5 dead letters are a sound value")
    whole, left = families(DOCUMENT), families({**DOCUMENT, part: broken})
    ups = {sample.labels["part"]: sample.value for sample in left["memoryos_part_up"]}
    assert ups.pop(part) == 0
    assert set(ups.values()) == {1}
    without = families({key: value for key, value in DOCUMENT.items() if key != part})
    assert left.keys() == without.keys()
    assert left.keys() < whole.keys()


GARBAGE = {
    "a list of what is no object": ("deprecations", [1] * 100_000),
    "objects with a bad field each": ("deprecations", [{"calls": -1}] * 100_000),
    "an object of what is no object": ("latency", dict.fromkeys(map(str, range(100_000)), 1)),
    "series without a name": ("operations", {"series": [{}] * 100_000}),
    "series with buckets that do not fit": (
        "operations",
        {"series": [{"mode": "legacy", "operation": "prune", "bounds_ms": [1], "counts": []}] * 100_000},
    ),
}


@pytest.mark.parametrize(("part", "value"), GARBAGE.values(), ids=GARBAGE)
def test_a_part_full_of_garbage_is_given_up_with_one_bad_field_and_hurts_no_other(part: str, value: Any) -> None:
    document = {**DOCUMENT, part: value, "node": 5}
    stats = read_stats(json.dumps(document).encode())
    assert [(bad.path, bad.reason) for bad in stats.bad] == [("node", "wrong_type"), (part, "too_many")]
    left, null = families(document), families({**DOCUMENT, part: None, "node": 5})
    assert {name: left[name] for name in left} == null


@settings(max_examples=50, deadline=None)
@given(counts=st.dictionaries(st.sampled_from(["deprecations", "latency", "call_us", "series"]), st.integers(0, 150)))
def test_no_document_has_more_bad_fields_than_it_may_have_and_one_for_each_part_given_up(
    counts: dict[str, int],
) -> None:
    document = {
        "deprecations": [1] * counts.get("deprecations", 0),
        "latency": dict.fromkeys(map(str, range(counts.get("latency", 0))), 1),
        "call_us": dict.fromkeys(map(str, range(counts.get("call_us", 0))), -1),
        "operations": {"series": [{}] * counts.get("series", 0)},
    }
    bad = read_stats(json.dumps(document).encode()).bad
    given_up = {one.path for one in bad if one.reason == "too_many"}
    assert len(bad) <= MOST_BAD_FIELDS + len(given_up)
    assert bool(given_up) == (sum(counts.values()) > MOST_BAD_FIELDS)


def test_a_missing_part_gives_no_series_at_all() -> None:
    left = families({key: value for key, value in DOCUMENT.items() if key != "manager"})
    assert "manager" not in {sample.labels["part"] for sample in left["memoryos_part_up"]}
    assert "memoryos_queued_total" not in left


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "incomplete"),
        (b'{"at": 12', "incomplete"),
        (b"<html>", "not_json"),
        (b'{"at": NaN}', "not_json"),
        (b"\xff\xfe{}", "not_json"),
        (b"[]", "wrong_shape"),
        (b"null", "wrong_shape"),
        (b'"a document"', "wrong_shape"),
        (b'{"manager": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "too_deep"),
        (b'{"schema": "memoryos-stats/2"}', "unknown_schema"),
        (b'{"schema": 1}', "unknown_schema"),
        (b'{"schema": null}', "unknown_schema"),
    ],
)
def test_what_is_no_document_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as refusal:
        read_stats(data)
    assert refusal.value.reason == reason


@pytest.mark.parametrize("schema", ["memoryos-stats/1", "memoryos-stats/1.4"])
def test_every_minor_version_of_the_known_schema_is_read(schema: str) -> None:
    assert families({**DOCUMENT, "schema": schema})["memoryos_up"][0].value == 1


def test_a_number_out_of_range_costs_the_field_and_not_the_document() -> None:
    data = json.dumps(DOCUMENT).encode().replace(b'"queued": 1463', b'"queued": 1e999')
    assert [(bad.path, bad.reason) for bad in read_stats(data).bad] == [("manager.queued", "out_of_range")]


def test_whole_numbers_that_erlang_writes_as_floats_are_read() -> None:
    stats = read_stats(b'{"manager": {"queued": 1.1e3}, "release": {"rollback_thresholds": {"latency_p95_ms": 1.1e3}}}')
    assert not stats.bad
    assert stats.document.manager.queued == 1100  # type: ignore[union-attr]


def test_whole_numbers_that_are_written_as_floats_are_read_in_lists_too() -> None:
    counts = [1.0, 2, *[0.0] * 18, 3e0, 0]
    (calls,) = read_stats(json.dumps(changed("operations.series.0.counts", counts)).encode()).calls.calls.values()  # type: ignore[union-attr]
    assert calls.buckets is not None
    assert (calls.buckets.cumulative[:2], calls.buckets.count) == ((1, 3), 6)


@pytest.mark.parametrize("count", [1.5, -1.0, 2.0**64, "1.0", None, True])
def test_what_is_no_whole_number_costs_a_list_of_them_because_places_count(count: Any) -> None:
    stats = read_stats(json.dumps(changed("operations.series.0.counts", [1.0] * 21 + [count])).encode())
    assert [bad.path for bad in stats.bad] == ["operations.series[0].counts"]


def test_a_byte_order_mark_is_skipped_and_of_a_key_that_stands_twice_the_last_counts() -> None:
    stats = read_stats(b'\xef\xbb\xbf{"manager": {"queued": 1, "queued": 2}}')
    assert stats.document.manager.queued == 2  # type: ignore[union-attr]


def test_invalid_utf8_costs_the_field() -> None:
    stats = read_stats(b'{"node": "\xff", "manager": {"queued": 2}}')
    assert [bad.path for bad in stats.bad] == ["node"]
    assert stats.document.manager.queued == 2  # type: ignore[union-attr]


def test_unknown_keys_are_ignored_at_every_level() -> None:
    stats = read_stats(b'{"new": 1, "manager": {"queued": 2, "newer": {}}, "release": {"drift": {"newest": []}}}')
    assert not stats.bad


def test_a_renamed_key_is_read_under_both_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "ALIASES", {"manager": {"requests": "queued"}})
    assert read_stats(b'{"manager": {"requests": 3}}').document.manager.queued == 3  # type: ignore[union-attr]
    both = read_stats(b'{"manager": {"requests": 3, "queued": 4}}')
    assert both.document.manager.queued == 4  # type: ignore[union-attr]
    assert not read_stats(b'{"manager": null}').document.manager


def test_modes_operations_and_codes_out_of_the_closed_sets_fall_together_as_other() -> None:
    strange = [series(mode, {90: 10}, errors={"agent-7": 1, "agent-8": 2}) for mode in ("shadow", "mirror")]
    left = families(with_operations(recording("08"), *strange))
    (errors,) = left["memoryos_operation_errors_total"]
    assert errors.labels == {"mode": "other", "operation": "remember", "code": "other", "class": "permanent"}
    assert errors.value == 6
    assert "agent-" not in str(left)


def test_labels_that_would_break_a_line_are_escaped() -> None:
    (info,) = families({**DOCUMENT, "node": 'a"b\\c\nd'})["memoryos_build_info"]
    assert info.labels["erlang_node"] == 'a"b\\c\nd'


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(PATHS), value=JSON)
@example(path="operations.series.0.sum_ms", value=1.7976931348623157e308)
@example(path="operations.series.0.counts", value=[2**63 - 1] * 22)
@example(path="latency", value={"memory_os": {"p95_ms": 1.0, "count": 2**63 - 1, "errors": 2**63 - 1}})
@example(path="deprecations", value=[{"api": f"A.b{n}/1", "removal": "0.3", "calls": 1} for n in range(200)])
def test_any_value_in_any_field_gives_a_valid_exposition(path: str, value: Any) -> None:
    try:
        families(changed(path, value))
    except UnreadableError as refusal:
        assert path == "schema"
        assert refusal.reason == "unknown_schema"


@settings(max_examples=200, deadline=None)
@given(value=JSON)
def test_any_json_value_is_read_or_refused_with_a_reason(value: Any) -> None:
    try:
        families(value)
    except UnreadableError as refusal:
        assert refusal.reason in {"wrong_shape", "unknown_schema"}


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, 5000), junk=st.binary(max_size=8))
def test_any_damage_to_the_bytes_is_read_or_refused_with_a_reason(cut: int, junk: bytes) -> None:
    data = json.dumps(DOCUMENT).encode()
    try:
        families(data[: cut % len(data)] + junk + data[cut % len(data) + len(junk) :])
    except UnreadableError as refusal:
        assert refusal.reason
