"""Both exposition formats are what prometheus_client and promtool accept, and clients get the one that they ask for."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.registry import CollectorRegistry

from memoryos_exporter.catalog import CATALOG, Kind
from memoryos_exporter.document import read_stats
from memoryos_exporter.exporter_metrics import ExporterMetrics
from memoryos_exporter.exposition import END, OPENMETRICS, TEXT, Format, negotiate, render
from memoryos_exporter.samples import Samples, samples_of
from memoryos_exporter.window import Window
from support.documents import recording, series, with_operations
from support.programs import tool

FULL = {
    **with_operations(recording("16"), *(series(mode, {90: 90, 700: 10}) for mode in ("legacy", "memory_os"))),
    "versions": {"memory_os": "0.1.0", "jido_memory": "0.1.2"},
    "migration": {"targets_succeeded": 3, "targets_failed": 1, "records_migrated": 90, "records_failed": 2},
    "reconciliation": {
        "running": True,
        "succeeded": 1,
        "failed": 0,
        "records_migrated": 9,
        "records_failed": 0,
        "last_at": 0,
    },
    "parity": {"equal": 5, "missing": 0, "extra": 44, "checked_at": 1795330094158},
    "rollback_evaluations": {
        "stable": 5,
        "rollback": 1,
        "refused": 0,
        "timeout": 1,
        "error": 0,
        "last_at": 1795330091710,
    },
    "deprecations": [{"api": "Jido.MemoryOS.prune/2", "removal": "0.3.0", "calls": 7}],
}
FULL["process"] = {name: {**one, "started_at": 1795330000000} for name, one in FULL["process"].items()}
FULL["operations"]["series"][0]["errors"] = {"upstream_error": 1}


def exposition(form: Format) -> bytes:
    stats = read_stats(json.dumps(FULL).encode())
    window = Window()
    window.add(0, stats)
    metrics = ExporterMetrics()
    metrics.reloaded(successfully=True)
    metrics.bad_field("manager", "wrong_type")
    end = END if form.openmetrics else b""
    return render(samples_of(stats, window.measure(stats)), form) + metrics.render(form) + end


def test_a_full_document_moves_every_metric_of_the_catalog() -> None:
    names = set(re.findall(r"^(\w+)", exposition(TEXT).decode(), re.MULTILINE))
    missing = {metric.name for metric in CATALOG.values() if not names & set(metric.series)}
    assert not missing


def test_promtool_finds_nothing_but_the_milliseconds_of_the_specification() -> None:
    run = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=exposition(TEXT), capture_output=True, check=False
    )
    complaints = set((run.stdout + run.stderr).decode().strip().splitlines())
    listed = {name for name in CATALOG if name.endswith("_ms")}
    assert complaints == {f"{name} metric names should not contain abbreviated units" for name in listed}


def test_prometheus_client_reads_every_line_of_openmetrics() -> None:
    families = {family.name: family for family in parse_openmetrics(exposition(OPENMETRICS).decode())}
    for metric in CATALOG.values():
        family = families[metric.family]
        assert family.type == metric.kind
        assert family.documentation == metric.help
        assert family.unit == metric.unit
        assert {sample.name for sample in family.samples} == set(metric.series)


@given(value=st.floats(allow_nan=False) | st.integers(-(2**70), 2**70), label=st.text(max_size=30))
def test_any_value_and_any_label_is_written_as_prometheus_client_writes_it(value: float, label: str) -> None:
    gauge = CATALOG["memoryos_operations_in_flight"]
    samples = Samples()
    samples.add(gauge, value, label, "remember")

    class Same:
        def collect(self) -> list[GaugeMetricFamily]:
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            family.add_metric([label, "remember"], value)
            return [family]

    registry = CollectorRegistry()
    registry.register(Same())
    mine, theirs = (text.decode().split("\n") for text in (render(samples, TEXT), generate_latest(registry)))
    assert mine[:2] == theirs[:2]
    (line, number), (their_line, their_number) = ((one[2].rsplit(" ", 1)) for one in (mine, theirs))
    assert line == their_line
    assert float(number) == float(their_number)


def test_counters_keep_their_suffix_in_text_and_their_family_in_openmetrics() -> None:
    samples = Samples()
    samples.add(CATALOG["memoryos_queued_total"], 3)
    assert CounterMetricFamily("memoryos_queued", "").name == "memoryos_queued"
    assert b"# TYPE memoryos_queued_total counter\nmemoryos_queued_total 3\n" in render(samples, TEXT)
    assert b"# TYPE memoryos_queued counter\nmemoryos_queued_total 3\n" in render(samples, OPENMETRICS)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0; escaping=allow-utf-8;q=0.6,text/plain;q=0.4", OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=banana", TEXT),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", TEXT),
        (";;;,,,=", TEXT),
    ],
)
def test_a_client_gets_the_format_that_it_asks_for(accept: str, form: Format) -> None:
    assert negotiate(accept) is form


def test_the_conventions_hold_for_every_name() -> None:
    for metric in CATALOG.values():
        assert metric.name.startswith("memoryos_")
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
        assert (metric.kind is Kind.INFO) == metric.name.endswith("_info")
        assert not {"stage", "cluster", "env", "service", "type", "job", "instance"} & set(metric.labels)
        assert metric.help.endswith(".")
        assert set(metric.values) <= set(metric.labels)
    assert len({metric.family for metric in CATALOG.values()}) == len(CATALOG)
