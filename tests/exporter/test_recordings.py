"""Every recorded document becomes the exposition that it must become, and each value stands in its source field."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from memoryos_exporter.catalog import CATALOG, Metric
from memoryos_exporter.document import read_stats
from memoryos_exporter.exposition import TEXT, render
from memoryos_exporter.samples import samples_of
from memoryos_exporter.window import Window
from support.documents import DOCUMENTS

GOLDEN = Path(__file__).parent / "golden"
by_name = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)

NEVER = {"at": 0}
PARTS = ("manager", "release", "process", "config", "dead_letters")
STAGES = ("internal", "canary", "global")

# Metrics whose value is not one field, but follows from several: (document) → value by labels.
DERIVED: dict[str, Any] = {
    "memoryos_up": lambda _: {(): 1},
    "memoryos_read_error": None,  # no document fails here: every reason is 0
    "memoryos_scrape_duration_seconds": lambda _: {(): 0},
    "memoryos_stats_timestamp_seconds": lambda d: {(): d["at"] / 1000},
    "memoryos_part_up": lambda d: {(k,): int(d[k] is not None) for k in d if k in PARTS},
    "memoryos_call_duration_seconds": lambda d: {(k,): us / 1e6 for k, us in d["call_us"].items()},
    "memoryos_build_info": lambda d: {("", "", d["node"]): 1},
    "memoryos_mode": lambda d: {(m,): int(m == d["release"]["mode"]) for m in ("legacy", "dual_run", "memory_os")},
    "memoryos_rollout_stage": lambda d: {(s,): int(s == d["release"]["rollout_stage"]) for s in STAGES},
    "memoryos_path_calls_total": lambda d: {
        (o, p): d["release"]["metrics"][f"{o}_{p}"] for o in ("remember", "retrieve") for p in ("legacy", "memory_os")
    },
    "memoryos_last_rollback_timestamp_seconds": lambda d: {
        (): ((d["release"]["last_rollback"] or {"at": 0})["at"]) / 1000
    },
    "memoryos_process_up": lambda d: {(name,): int(one is not None) for name, one in d["process"].items()},
    "memoryos_queue_throttle_depth": lambda d: {(): 204} if d["config"] else {},  # max(192, floor(256 x 0.8))
    "memoryos_dead_letters": lambda d: {(): d["dead_letters"]} if d["dead_letters"] is not None else {},
}


def exposition(path: Path) -> bytes:
    stats = read_stats(path.read_bytes())
    window = Window()
    window.add(0, stats)
    return render(samples_of(stats, window.measure(stats)), TEXT)


@by_name
def test_a_recording_gives_the_same_exposition_as_ever(path: Path) -> None:
    golden = GOLDEN / f"{path.stem}.txt"
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_bytes(exposition(path))
    assert exposition(path).decode() == golden.read_text()


@by_name
def test_every_exported_value_stands_in_the_field_that_the_catalog_names(path: Path) -> None:
    document = json.loads(path.read_text())
    exported: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(exposition(path).decode()):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in CATALOG[sample.name].labels)
            exported.setdefault(sample.name, {})[labels] = sample.value

    for name, metric in CATALOG.items():
        if name in DERIVED:
            derive = DERIVED[name]
            expected = derive(document) if derive else dict.fromkeys(((r,) for r in metric.values["reason"]), 0)
        else:
            expected = traced(document, metric)
        assert exported.pop(name, {}) == pytest.approx(expected), name
    assert not exported


def traced(document: dict[str, Any], metric: Metric) -> dict[tuple[str, ...], float]:
    """What the catalog's source path leads to: `process.*.memory` fans out over the label, a missing field ends it."""
    if metric.source.startswith("the exporter"):
        return {}
    found: dict[tuple[str, ...], Any] = {(): document}
    for step in metric.source.split("."):
        if step == "*":
            found = {(key,): value for fields in found.values() if fields for key, value in fields.items()}
        else:
            found = {key: fields[step] for key, fields in found.items() if isinstance(fields, dict) and step in fields}
    return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}


def test_a_stalled_manager_shows_its_mailbox_and_none_of_its_counters() -> None:
    (path,) = (path for path in DOCUMENTS if "stalled" in path.name)
    text = exposition(path).decode()
    assert 'memoryos_message_queue_length{process="manager"} 299' in text
    assert 'memoryos_part_up{part="manager"} 0' in text
    assert "memoryos_up 1" in text
    assert "memoryos_queue_depth" not in text
    assert "memoryos_queued_total" not in text


def test_a_dead_manager_shows_as_a_dead_process() -> None:
    (path,) = (path for path in DOCUMENTS if "manager_down" in path.name)
    text = exposition(path).decode()
    assert 'memoryos_process_up{process="manager"} 0' in text
    assert 'memoryos_process_up{process="release"} 1' in text
    assert 'memoryos_message_queue_length{process="manager"}' not in text
