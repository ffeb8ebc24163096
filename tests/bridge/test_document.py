"""The stats document of the real bridge, read from its socket, against the types that the exporter reads it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from bridge.host import Host, literal, start
from memoryos_exporter.catalog.labels import ERROR_CODES
from memoryos_exporter.document.calls import PUBLISHED_BOUNDS_MS
from memoryos_exporter.document.parts import Document
from memoryos_exporter.document.reader import read_document
from support.documents import DOCUMENTS

NOT_OURS = {"latency", "dead_letters"}  # for hosts without the bridge


def closed_schema() -> dict[str, Any]:
    """The published schema of the document, with an unknown key as an error."""
    schema: dict[str, Any] = json.loads((files("memoryos_exporter.document") / "stats.schema.json").read_text("utf-8"))
    for definition in schema["$defs"].values():
        if "properties" in definition:
            definition["additionalProperties"] = False
    return schema


def read(host: Host) -> dict[str, Any]:
    """The document, which must be right to the last key."""
    answer = host.get()
    assert answer.status == 200
    assert read_document(answer.body).bad == ()
    document: dict[str, Any] = json.loads(answer.body)
    jsonschema.validate(document, closed_schema())
    return document


@pytest.fixture(scope="module")
def host(elixir: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with ExitStack() as stack:
        yield stack.enter_context(start(elixir, tmp_path_factory.mktemp("bridge") / "host.log", "timeout_ms: 10_000"))


def answer_like(host: Host, recorded: dict[str, Any]) -> None:
    """Let the stand-ins of MemoryOS answer what was recorded; the manager's limits, read once, need a new manager."""
    manager = {"metrics": recorded["manager"], "config": recorded["config"]}
    host.do(f"""
        GenServer.whereis(MemoryManager) && GenServer.stop(MemoryManager);
        {{:ok, _}} = MemoryManager.start_link({literal(manager)});
        :sys.replace_state(ReleaseController, fn s -> %{{s | status: {literal(recorded["release"])}}} end); :ok
    """)


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if not path.name.startswith("raw")], ids=lambda path: path.stem
)
def test_what_memory_os_answered_in_the_recording_is_what_the_document_says(host: Host, path: Path) -> None:
    recorded = json.loads(path.read_text())
    answer_like(host, recorded)
    document = read(host)
    del recorded["release"]["internal_groups"]
    assert document["manager"] == recorded["manager"]
    assert document["release"] == recorded["release"]
    assert document["config"] == {key: value for key, value in recorded["config"].items() if key in document["config"]}
    assert {"queue_max_depth", "journal_limit", "request_timeout_ms"} <= set(document["config"])


def keys(kind: Any, path: str = "") -> Iterator[str]:
    """Every key that a document can have, as a path."""
    if hasattr(kind, "__struct_fields__"):
        for field in msgspec.structs.fields(kind):
            yield from keys(field.type, f"{path}.{field.encode_name}".lstrip("."))
    elif structs := [member for member in nested(kind) if hasattr(member, "__struct_fields__")]:
        for member in structs:
            yield path
            yield from keys(member, path)
    else:
        yield path


def nested(kind: Any) -> Iterator[Any]:
    for member in getattr(kind, "__args__", ()):
        yield member
        yield from nested(member)


def present(value: Any, path: str = "") -> Iterator[str]:
    """The keys that a document has, as paths."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, member in value.items():
            yield from present(member, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for member in value:
            yield from present(member, path)


def test_a_document_in_which_everything_has_happened_has_every_key_of_the_schema(hosts: Callable[..., Host]) -> None:
    host = hosts("timeout_ms: 10_000")
    host.do("MemoryOSBridge.ReleaseController.configure_rollout(rollout_stage: :global, mode: :memory_os)")
    host.do("MemoryOSBridge.ReleaseController.evaluate_rollback(latency_p95_ms: 900, error_rate: 0.0, queue_depth: 0)")
    host.do('MemoryOSBridge.deprecated("Jido.MemoryOS.old/2", "0.3.0")')
    document = read(host)
    wanted = {path for path in keys(Document) if path.split(".")[0] not in NOT_OURS} - {"release.internal_groups"}
    assert wanted - set(present(document)) == set()
    assert "operations.series.oldest_ms" in wanted
    assert "release.last_rollback.snapshot.error_rate" in wanted


def test_totals_times_and_errors_of_a_life_are_in_the_document(hosts: Callable[..., Host]) -> None:
    host = hosts("timeout_ms: 10_000")
    host.do('MemoryOSBridge.migrate(%{id: "a", records: 5, failing: 2})')
    host.do('MemoryOSBridge.reconcile_target(%{id: "a", legacy: 5, memory_os: 3})')
    host.do('MemoryOSBridge.ReleaseController.reconcile_post_rollback([%{id: "a", records: 2, failing: 1}])')
    host.do("MemoryOSBridge.ReleaseController.evaluate_rollback(latency_p95_ms: 900, error_rate: 3.2, queue_depth: 0)")
    host.do("MemoryOSBridge.measure(:remember, :memory_os, fn -> {:error, StandIn.error(:manager_throttled)} end)")
    document = read(host)
    assert document["versions"] == {"memory_os": "0.1.0", "jido_memory": "0.1.0"}
    assert document["migration"].items() >= {"targets_failed": 1, "records_migrated": 3, "records_failed": 2}.items()
    assert document["parity"].items() >= {"equal": 0, "missing": 1, "extra": 0}.items()
    assert document["reconciliation"].items() >= {"failed": 1, "records_failed": 1, "running": False}.items()
    assert document["rollback_evaluations"].items() >= {"refused": 1, "stable": 0}.items()
    series = {(series["mode"], series["operation"]): series for series in document["operations"]["series"]}
    assert series["memory_os", "remember"]["bounds_ms"] == list(PUBLISHED_BOUNDS_MS)
    errors = series["memory_os", "remember"]["errors"]
    assert set(errors) == set(ERROR_CODES)
    assert {code: count for code, count in errors.items() if count} == {"manager_throttled": 1}
    for part in ("migration", "reconciliation", "rollback_evaluations"):
        assert document["operations"]["since"] <= document[part]["last_at"] <= document["at"]


@pytest.mark.parametrize(
    ("trouble", "null", "reason"),
    [
        ("StandIn.stall(MemoryManager)", {"manager", "config"}, "timeout"),
        ("StandIn.stall(ReleaseController)", {"release"}, "timeout"),
        ("GenServer.stop(MemoryManager)", {"manager", "config"}, "noproc"),
        ("GenServer.stop(ReleaseController)", {"release"}, "noproc"),
    ],
)
def test_a_process_that_is_stuck_or_dead_makes_only_its_own_parts_null(
    hosts: Callable[..., Host], trouble: str, null: set[str], reason: str
) -> None:
    host = hosts("timeout_ms: 300")
    host.do(trouble)
    document = read(host)
    assert {part for part, value in document.items() if value is None} == null
    assert document["errors"] == dict.fromkeys(null, reason)
