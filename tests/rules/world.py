"""A small world for rule tests: nodes of which each metric has a healthy value, phases that change some, as series.

Only for rules. Whole lives of MemoryOS, through the exporter's own code, are the stories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from memoryos_exporter.catalog import CATALOG, Kind, Metric, governance, migration, operations, queue, reading, rollout
from memoryos_exporter.catalog.labels import ERROR_CLASS_OF_CODE, LATENCY_BOUNDS_SECONDS, MODES, PARTS, STAGES

TICK = 15
STALE, NOTHING = "stale", "_"
# In the names of recorded series: what the rules themselves know of a fleet, whatever becomes of its nodes.
RECORDED = "fleet:"
# What Prometheus itself says of the scrape.
SCRAPED = Metric("up", Kind.GAUGE, "1 when the scrape succeeded.", "prometheus")

OF_CALLS = {
    operations.OPERATIONS_TOTAL.name,
    operations.OPERATION_ERRORS.name,
    *(f"{operations.OPERATION_DURATION.name}_{end}" for end in ("bucket", "count")),
}

Key = tuple[Metric, *tuple[str, ...]]
# A number, or one that depends on the time now and the time of the breach, in seconds.
Value = float | Callable[[float, float], float]


@dataclass(frozen=True)
class Calls:
    """Calls a tick of one effective mode (empty: the fleet's), how long each takes, how many fail with which code."""

    mode: str
    ok: float = 15
    errors: float = 0
    seconds: float = 0.08
    code: str = "upstream_error"
    operation: str = "retrieve"


@dataclass(frozen=True)
class Phase:
    """What holds for so many ticks: changed values (of a counter: growth a tick), calls, and parts that are null.

    flicker: the parts are null at every second tick only. gone: no series at all.
    """

    ticks: int
    values: Mapping[Key, Value] = field(default_factory=dict)
    calls: tuple[Calls, ...] = ()
    null: frozenset[str] = frozenset()
    flicker: frozenset[str] = frozenset()
    gone: bool = False
    restarted: bool = False


@dataclass(frozen=True)
class Node:
    """One MemoryOS and what happens to it."""

    cluster: str
    phases: tuple[Phase, ...]
    instance: str = "a"
    job: str = "memoryos"


def of(metric: Metric, *labels: str) -> Key:
    """The key of one series."""
    return (metric, *labels)


def mode(name: str) -> dict[Key, Value]:
    """The controller's mode."""
    return {of(rollout.MODE, each): float(each == name) for each in (*MODES, "other")}


def stage(name: str) -> dict[Key, Value]:
    """The rollout stage."""
    return {of(rollout.ROLLOUT_STAGE, each): float(each == name) for each in (*STAGES, "other")}


@cache
def healthy(of_mode: str) -> dict[Key, Value]:
    """Every series of a node that is well."""
    everything: dict[Key, Value] = {
        of(metric): 0.0 for metric in CATALOG.values() if not metric.labels and metric.kind is not Kind.HISTOGRAM
    }
    return {
        **everything,
        **mode(of_mode),
        **stage("global"),
        of(SCRAPED): 1,
        of(reading.UP): 1,
        **{of(reading.PART_UP, part): 1 for part in PARTS},
        of(reading.STATS_TIMESTAMP): lambda now, _: now,
        **{of(queue.PROCESS_UP, process): 1 for process in ("manager", "release")},
        **{of(queue.PROCESS_START_TIME, process): 100 for process in ("manager", "release")},
        **{of(queue.MESSAGE_QUEUE_LENGTH, process): 3 for process in ("manager", "release")},
        **{of(queue.PROCESS_MEMORY, process): 50_000_000 for process in ("manager", "release")},
        of(queue.QUEUE_DEPTH): 1,
        of(queue.QUEUE_THROTTLE_DEPTH): 204,
        of(queue.JOURNAL_EVENTS): 100,
        of(queue.JOURNAL_LIMIT): 2000,
        of(rollout.CANARY_RATIO): 0.25,
        of(rollout.FALLBACK_ENABLED): 1,
        of(rollout.DRIFT_MAX): 0.05,
        of(rollout.DRIFT_SAMPLES): 400,
        of(rollout.DRIFT_THRESHOLD): 0.2,
        of(rollout.DRIFT_MIN_SAMPLES): 20,
        of(rollout.DRIFT_SAMPLES_TAKEN): 5 if of_mode == "dual_run" else 0,
        of(rollout.CUTOVER_READY): 1,
        of(rollout.THRESHOLD_LATENCY_P95): 450,
        of(rollout.THRESHOLD_ERROR_RATE): 0.03,
        of(rollout.THRESHOLD_QUEUE_DEPTH): 200,
        **{
            of(rollout.PATH_CALLS, operation, path): float(path == "memory_os" or of_mode != "memory_os")
            for operation in ("remember", "retrieve")
            for path in ("legacy", "memory_os")
        },
        **{of(migration.MIGRATION_RECORDS, outcome): 0 for outcome in ("migrated", "failed")},
        **{of(migration.RECONCILIATIONS, outcome): 0 for outcome in ("succeeded", "failed")},
        **{of(migration.RECONCILIATION_RECORDS, outcome): 0 for outcome in ("migrated", "failed")},
        **{of(migration.PARITY_TARGETS, state): 50.0 * (state == "equal") for state in ("equal", "missing", "extra")},
        of(governance.COMPATIBLE): 1,
    }


def input_series(
    nodes: Sequence[Node], names: set[str], start: int, breach: int, seconds: int = TICK
) -> list[dict[str, str]]:
    """promtool's input_series of these nodes, of the series called ``names`` only; the phases begin at ``start``.

    seconds: from one scrape to the next.
    """
    made: list[tuple[tuple[Phase, ...], dict[str, str]]] = []
    series: dict[str, str] = {}
    for node in nodes:
        columns = next((known for phases, known in made if phases == node.phases), None)
        if columns is None:
            columns = _columns(node.phases, names, start, breach, seconds)
            made.append((node.phases, columns))
        for name, values in columns.items():
            metric, _, labels = name.partition("{")
            instance = "" if RECORDED in metric else f'instance="{node.instance}",'
            identity = f'cluster="{node.cluster}",{instance}job="{node.job}"'
            series.setdefault(f"{metric}{{{identity}{',' + labels if labels else '}'}", values)
    return [{"series": name, "values": values} for name, values in series.items()]


def _columns(phases: Sequence[Phase], names: set[str], start: int, breach: int, seconds: int) -> dict[str, str]:
    """Name and own labels of each series → its values in promtool's notation."""
    columns: dict[str, list[str]] = {}
    totals: dict[str, float] = {}
    for tick, (phase, first) in enumerate(_ticks([_narrowed(phase, names) for phase in phases])):
        if phase.restarted and first:
            totals.clear()
        for series, value in _scrape(phase, tick, start + tick * seconds, breach, totals):
            if series.partition("{")[0] in names:
                columns.setdefault(series, [NOTHING] * tick).append(f"{value:.17g}")
        for column in columns.values():
            if len(column) <= tick:
                column.append(NOTHING if column[-1] in (STALE, NOTHING) else STALE)
    return {series: f"{NOTHING}x{start // seconds} " + " ".join(column) for series, column in columns.items()}


def _narrowed(phase: Phase, names: set[str]) -> Phase:
    """The phase without the values and calls that none of the series shows."""
    values = {key: value for key, value in phase.values.items() if key[0].name in names}
    return replace(phase, values=values, calls=phase.calls if names & OF_CALLS else ())


def _ticks(phases: Sequence[Phase]) -> Iterator[tuple[Phase, bool]]:
    for phase in phases:
        for index in range(phase.ticks):
            yield phase, index == 0


def _scrape(
    phase: Phase, tick: int, now: float, breach: float, totals: dict[str, float]
) -> Iterator[tuple[str, float]]:
    """What one scrape shows; ``totals`` keeps what counters have counted."""
    null = phase.null | (phase.flicker if tick % 2 else frozenset())
    shown = dict(phase.values) | {of(reading.PART_UP, part): 0.0 for part in null}
    counted = [*((key, value) for key, value in shown.items() if key[0].kind is Kind.COUNTER)]
    for key, value in counted:
        _count(totals, _series(key), value(now, breach) if callable(value) else value)
    for calls in phase.calls:
        _count_calls(totals, calls)
    if phase.gone:
        shown, totals = {key: value for key, value in shown.items() if RECORDED in key[0].name}, {}
    for key, value in shown.items():
        if key[0].kind is not Kind.COUNTER and part_of(key[0]) not in null:
            yield _series(key), value(now, breach) if callable(value) else value
    for series, total in totals.items():
        if part_of(_metric(series)) not in null:
            yield series, total


def _count(totals: dict[str, float], series: str, growth: float) -> None:
    totals[series] = totals.get(series, 0.0) + growth


def _count_calls(totals: dict[str, float], calls: Calls) -> None:
    labels = (calls.mode, calls.operation)
    _count(totals, _series(of(operations.OPERATIONS_TOTAL, *labels, "ok")), calls.ok)
    _count(totals, _series(of(operations.OPERATIONS_TOTAL, *labels, "error")), calls.errors)
    code, kind = calls.code, ERROR_CLASS_OF_CODE[calls.code]
    _count(totals, _series(of(operations.OPERATION_ERRORS, *labels, code, kind)), calls.errors)
    every = calls.ok + calls.errors
    base = f'{operations.OPERATION_DURATION.name}_bucket{{mode="{calls.mode}",operation="{calls.operation}",le='
    for bound in LATENCY_BOUNDS_SECONDS:
        _count(totals, f'{base}"{float(bound)}"}}', every if calls.seconds <= bound else 0)
    _count(totals, f'{base}"+Inf"}}', every)
    _count(
        totals,
        f'{operations.OPERATION_DURATION.name}_count{{mode="{calls.mode}",operation="{calls.operation}"}}',
        every,
    )


def _series(key: Key) -> str:
    metric, *labels = key
    pairs = ",".join(f'{name}="{value}"' for name, value in zip(metric.labels, labels, strict=True))
    return f"{metric.name}{{{pairs}}}" if pairs else metric.name


def _metric(series: str) -> Metric:
    name = series.partition("{")[0]
    return CATALOG.get(name) or CATALOG[name.rpartition("_")[0]]


def part_of(metric: Metric) -> str:
    """The part of the stats document that the metric is read from; empty when it is none."""
    part = metric.source.partition(".")[0]
    return part if part in PARTS else ""


def restart(phase: Phase) -> Phase:
    """The same after a restart of both processes: counters begin anew, and so do the processes."""
    times: dict[Key, Value] = {of(queue.PROCESS_START_TIME, process): 5000 for process in ("manager", "release")}
    return replace(phase, restarted=True, values={**phase.values, **times})
