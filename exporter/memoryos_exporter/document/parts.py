"""The stats document, ``memoryos-stats/1``, as types: one class a part, one field a key, with its unit and its trap.

The single source of the published JSON Schema (``stats.schema.json``) and of the reader. Every key is optional: what a
document does not say gives no series. `Manager` and `Release` are MemoryOS's own replies as they are; what their
numbers mean, and where they mislead, is said at the field.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

LARGEST = 2**63 - 1

Count = Annotated[int, Meta(ge=0, le=LARGEST)]
Number = Annotated[float, Meta(ge=0)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
Name = Annotated[str, Meta(max_length=255)]
Reason = Annotated[str, Meta(max_length=255)]
SchemaName = Annotated[str, Meta(pattern=r"^memoryos-stats/1(\.[0-9]+)?$")]
Version = Annotated[str, Meta(max_length=64)]
Api = Annotated[str, Meta(pattern=r"^[A-Z][A-Za-z0-9_.]*\.[a-z0-9_]+[?!]?/[0-9]{1,2}$", max_length=120)]
Removal = Annotated[str, Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?$")]


class Manager(Struct):
    """`MemoryManager.metrics/1` as it is. Its counters live in one process and return to 0 when it restarts."""

    queued: Annotated[
        Count | UnsetType,
        Meta(description="counter: requests accepted, internal ones (consolidation, replay, migration) included"),
    ] = UNSET
    processed: Annotated[
        Count | UnsetType,
        Meta(description="counter: requests finished: success, error, timeout and denial alike; not a success counter"),
    ] = UNSET
    timed_out: Annotated[
        Count | UnsetType,
        Meta(
            description="counter: deadline passed before execution began; a slow call that began in time never counts"
        ),
    ] = UNSET
    overloaded: Annotated[
        Count | UnsetType,
        Meta(description="counter: rejected by the hard or the per-agent queue limit; not in queued"),
    ] = UNSET
    throttled: Annotated[
        Count | UnsetType, Meta(description="counter: rejected by the adaptive throttle; not in queued")
    ] = UNSET
    retried: Annotated[Count | UnsetType, Meta(description="counter: store retries, of remember only")] = UNSET
    dead_lettered: Annotated[
        Count | UnsetType,
        Meta(description="counter: failed remember of the short tier only; mid and long writes never dead-letter"),
    ] = UNSET
    cancelled: Annotated[Count | UnsetType, Meta(description="counter: requests cancelled while queued")] = UNSET
    idempotent_reused: Annotated[
        Count | UnsetType, Meta(description="counter: answers reused for a repeated idempotency key")
    ] = UNSET
    journal_replayed: Annotated[
        Count | UnsetType, Meta(description="counter: requests replayed from the journal at start")
    ] = UNSET
    starvation_prevented: Annotated[
        Count | UnsetType,
        Meta(description="counter: moves only with scheduler_strategy weighted_priority"),
    ] = UNSET
    cache_hit: Annotated[Count | UnsetType, Meta(description="counter: query cache hits")] = UNSET
    cache_miss: Annotated[Count | UnsetType, Meta(description="counter: query cache misses")] = UNSET
    cache_invalidated: Annotated[Count | UnsetType, Meta(description="counter: query cache entries dropped")] = UNSET
    queue_depth: Annotated[
        Count | UnsetType,
        Meta(description="gauge: the internal queue; reads low under load, when requests wait in the mailbox instead"),
    ] = UNSET
    pending_agents: Annotated[Count | UnsetType, Meta(description="gauge: agents with queued requests")] = UNSET
    approvals_active: Annotated[Count | UnsetType, Meta(description="gauge: approval tokens in force")] = UNSET
    query_cache_entries: Annotated[Count | UnsetType, Meta(description="gauge: entries in the query cache")] = UNSET
    audit_events: Annotated[
        Count | UnsetType,
        Meta(description="gauge: audit events kept; saturates at 2000, so it is not a counter"),
    ] = UNSET
    journal_events: Annotated[
        Count | UnsetType,
        Meta(description="gauge: journal events kept; saturates at journal_limit, where every event rewrites the file"),
    ] = UNSET


class Drift(Struct):
    """The drift window: the last 400 samples, without time bound or reset, sampled only in dual_run."""

    samples: Annotated[Count | UnsetType, Meta(description="gauge, 0 to 400: samples in the window")] = UNSET
    average: Annotated[Ratio | UnsetType, Meta(description="gauge: mean drift over the window")] = UNSET
    max: Annotated[Ratio | UnsetType, Meta(description="gauge: worst drift in the window; decides the gate")] = UNSET
    over_threshold: Annotated[
        Count | UnsetType, Meta(description="gauge: samples of the window over the threshold; not a counter")
    ] = UNSET
    min_samples: Annotated[Count | UnsetType, Meta(description="configuration: samples the gate asks for")] = UNSET
    threshold: Annotated[Ratio | UnsetType, Meta(description="configuration: drift the gate allows")] = UNSET
    ready: Annotated[
        bool | UnsetType,
        Meta(description="the cutover gate: samples >= min_samples and max <= threshold"),
    ] = field(default=UNSET, name="ready?")


class Snapshot(Struct):
    """The three inputs, or the three limits, of a rollback decision."""

    latency_p95_ms: Annotated[Number | UnsetType, Meta(description="milliseconds")] = UNSET
    error_rate: Annotated[Number | UnsetType, Meta(description="0 to 1")] = UNSET
    queue_depth: Annotated[Count | UnsetType, Meta(description="requests")] = UNSET


class Rollback(Struct):
    """The last rollback that `evaluate_rollback/2` decided; a manual `set_mode(:legacy)` leaves no trace here."""

    at: Annotated[Count | UnsetType, Meta(description="unix time in milliseconds")] = UNSET
    mode_before: Name | UnsetType = UNSET
    mode_after: Name | UnsetType = UNSET
    snapshot: Annotated[Snapshot | UnsetType, Meta(description="what MemoryOS decided on")] = UNSET
    thresholds: Annotated[Snapshot | UnsetType, Meta(description="the limits in force at that time")] = UNSET


class ReleaseMetrics(Struct):
    """The controller's own counters: process state, 0 after every restart."""

    remember_legacy: Annotated[
        Count | UnsetType, Meta(description="counter: writes through legacy, failed ones included")
    ] = UNSET
    retrieve_legacy: Annotated[
        Count | UnsetType, Meta(description="counter: reads through legacy, failed ones included")
    ] = UNSET
    remember_memory_os: Annotated[
        Count | UnsetType,
        Meta(description="counter: writes through MemoryOS; in memory_os only those that succeeded"),
    ] = UNSET
    retrieve_memory_os: Annotated[
        Count | UnsetType,
        Meta(description="counter: reads through MemoryOS; in memory_os only those that succeeded"),
    ] = UNSET
    dual_run_drift_samples: Annotated[Count | UnsetType, Meta(description="counter: drift samples ever taken")] = UNSET
    drift_samples: Annotated[
        Count | UnsetType, Meta(description="gauge, in spite of its place: equals drift.samples")
    ] = UNSET
    fallbacks: Annotated[
        Count | UnsetType,
        Meta(description="counter: MemoryOS failed and legacy served; moves only in memory_os, the caller sees ok"),
    ] = UNSET
    rollbacks: Annotated[Count | UnsetType, Meta(description="counter: evaluate_rollback/2 fired")] = UNSET


class Release(Struct):
    """`ReleaseController.status/1` as it is: process state, lost at every restart of the controller."""

    mode: Annotated[Name | UnsetType, Meta(description="legacy, dual_run or memory_os")] = UNSET
    rollout_stage: Annotated[Name | UnsetType, Meta(description="internal, canary or global")] = UNSET
    canary_ratio: Annotated[
        Ratio | UnsetType, Meta(description="configured share of targets; the observed share differs")
    ] = UNSET
    fallback_enabled: bool | UnsetType = UNSET
    internal_groups: Annotated[list[str] | UnsetType, Meta(description="never exported")] = UNSET
    drift: Drift | UnsetType = UNSET
    rollback_thresholds: Annotated[
        Snapshot | UnsetType, Meta(description="limits of evaluate_rollback/2, compared with a strict >")
    ] = UNSET
    last_rollback: Annotated[
        Rollback | UnsetType | None, Meta(description="null: none since the controller started")
    ] = UNSET
    metrics: ReleaseMetrics | UnsetType = UNSET


class Process(Struct):
    """`Process.info/2` of one Erlang process: answers at once even while the process itself does not."""

    pid: Annotated[Name | UnsetType, Meta(description="never exported")] = UNSET
    message_queue_len: Annotated[
        Count | UnsetType, Meta(description="gauge: the mailbox, the true saturation signal")
    ] = UNSET
    memory: Annotated[Count | UnsetType, Meta(description="gauge, bytes; grows by about 3.4 KB an operation")] = UNSET
    started_at: Annotated[
        Count | UnsetType, Meta(description="unix time in milliseconds at which this process started")
    ] = UNSET


class Processes(Struct):
    """MemoryOS's two processes; null for one that is dead."""

    manager: Process | UnsetType | None = UNSET
    release: Process | UnsetType | None = UNSET


class Config(Struct):
    """The manager's limits, `current_config/1`: static, read once."""

    queue_max_depth: Annotated[Count | UnsetType, Meta(description="hard limit of the queue")] = UNSET
    queue_per_agent: Annotated[Count | UnsetType, Meta(description="limit of one agent's queue")] = UNSET
    adaptive_throttle_enabled: bool | UnsetType = UNSET
    adaptive_throttle_target_depth: Count | UnsetType = UNSET
    adaptive_throttle_soft_limit: Annotated[Ratio | UnsetType, Meta(description="share of queue_max_depth")] = UNSET
    journal_limit: Annotated[Count | UnsetType, Meta(description="events the journal keeps")] = UNSET
    request_timeout_ms: Annotated[Number | UnsetType, Meta(description="milliseconds")] = UNSET
    dead_letter_limit: Annotated[Count | UnsetType, Meta(description="dead letters kept")] = UNSET


class Series(Struct):
    """Caller-side timing of one operation in one **effective** mode, cumulative since `Operations.since`."""

    mode: Annotated[
        Name | UnsetType,
        Meta(description="the effective mode of the target: out-of-cohort targets run as legacy in every mode"),
    ] = UNSET
    operation: Annotated[Name | UnsetType, Meta(description="remember, retrieve, forget, …")] = UNSET
    ok: Annotated[Count | UnsetType, Meta(description="counter: calls that answered ok")] = UNSET
    errors: Annotated[
        dict[str, Count] | UnsetType, Meta(description="counter an error code: calls that did not answer ok")
    ] = UNSET
    in_flight: Annotated[Count | UnsetType, Meta(description="gauge: calls that have not returned yet")] = UNSET
    oldest_ms: Annotated[
        Number | UnsetType | None,
        Meta(description="gauge, milliseconds: age of the oldest call in flight; null or 0: none"),
    ] = UNSET
    bounds_ms: Annotated[
        list[Number] | UnsetType,
        Meta(description="upper bounds of the buckets, inclusive, ascending, milliseconds"),
    ] = UNSET
    counts: Annotated[
        list[Count] | UnsetType,
        Meta(
            description="finished calls, ok or not, a bucket, not cumulative; one entry more than bounds_ms: the rest"
        ),
    ] = UNSET
    sum_ms: Annotated[Number | UnsetType, Meta(description="milliseconds: sum of the durations counted")] = UNSET


class Operations(Struct):
    """Caller-side timing: only the caller can time a call to MemoryOS."""

    since: Annotated[
        Count | UnsetType,
        Meta(description="unix time in milliseconds at which counting began; a new value is a counter reset"),
    ] = UNSET
    series: list[Series] | UnsetType = UNSET


class Latency(Struct):
    """Percentiles of one mode over a window, for hosts that keep no buckets."""

    p50_ms: Number | UnsetType = UNSET
    p95_ms: Number | UnsetType = UNSET
    p99_ms: Number | UnsetType = UNSET
    count: Annotated[Count | UnsetType, Meta(description="calls in the window")] = UNSET
    errors: Annotated[Count | UnsetType, Meta(description="calls of the window that did not answer ok")] = UNSET
    window_s: Annotated[Number | UnsetType, Meta(description="seconds: the true length of the window")] = UNSET


class Migration(Struct):
    """Running totals of `Migration.migrate_target/2`, dry runs left out."""

    targets_succeeded: Annotated[
        Count | UnsetType, Meta(description="counter: targets migrated without a failed record")
    ] = UNSET
    targets_failed: Annotated[
        Count | UnsetType, Meta(description="counter: targets with an error or with failed records")
    ] = UNSET
    records_migrated: Annotated[Count | UnsetType, Meta(description="counter: migrated_count")] = UNSET
    records_failed: Annotated[Count | UnsetType, Meta(description="counter: failed_count, whatever the call said")] = (
        UNSET
    )
    last_at: Annotated[Count | UnsetType, Meta(description="unix time in milliseconds; 0 = never")] = UNSET


class Reconciliation(Struct):
    """Running totals of `ReleaseController.reconcile_post_rollback/3`."""

    running: Annotated[bool | UnsetType, Meta(description="it occupies the controller: status/1 waits")] = UNSET
    succeeded: Annotated[Count | UnsetType, Meta(description="counter: runs without a failed record")] = UNSET
    failed: Annotated[
        Count | UnsetType,
        Meta(description="counter: runs with failed records, though MemoryOS may have answered ok"),
    ] = UNSET
    records_migrated: Annotated[Count | UnsetType, Meta(description="counter: migrated_count")] = UNSET
    records_failed: Annotated[
        Count | UnsetType,
        Meta(description="counter: sum of reports[].report.failed_count, whatever the call said"),
    ] = UNSET
    last_at: Annotated[Count | UnsetType, Meta(description="unix time in milliseconds of the last end; 0 = never")] = (
        UNSET
    )


class Parity(Struct):
    """Targets by the result of their last `Migration.reconcile_target/2`."""

    equal: Annotated[Count | UnsetType, Meta(description="gauge: targets with equal counts")] = UNSET
    missing: Annotated[Count | UnsetType, Meta(description="gauge: targets of which legacy has more")] = UNSET
    extra: Annotated[Count | UnsetType, Meta(description="gauge: targets of which MemoryOS has more")] = UNSET
    checked_at: Annotated[Count | UnsetType, Meta(description="unix time in milliseconds; 0 = never")] = UNSET


class RollbackEvaluations(Struct):
    """What the host's calls of `evaluate_rollback/2` led to."""

    stable: Annotated[Count | UnsetType, Meta(description="counter: answered stable")] = UNSET
    rollback: Annotated[Count | UnsetType, Meta(description="counter: answered rollback")] = UNSET
    refused: Annotated[
        Count | UnsetType,
        Meta(description="counter: bad input refused by the bridge; MemoryOS would say stable"),
    ] = UNSET
    timeout: Annotated[
        Count | UnsetType, Meta(description="counter: no answer in time; the rollback may still happen")
    ] = UNSET
    error: Annotated[Count | UnsetType, Meta(description="counter: the controller was dead or raised")] = UNSET
    last_at: Annotated[Count | UnsetType, Meta(description="unix time in milliseconds; 0 = never")] = UNSET


class DeprecatedApi(Struct):
    """Calls of one deprecated API."""

    api: Annotated[Api | UnsetType, Meta(description="Module.function/arity")] = UNSET
    removal: Annotated[Removal | UnsetType, Meta(description="the release that removes it")] = UNSET
    calls: Annotated[Count | UnsetType, Meta(description="counter")] = UNSET


class Versions(Struct):
    """Versions of the running applications."""

    memory_os: Version | UnsetType = UNSET
    jido_memory: Version | UnsetType = UNSET


class Document(Struct):
    """A whole stats document: a missing part gives no series, a null one only `memoryos_part_up 0`."""

    schema: Annotated[SchemaName | UnsetType, Meta(description="absent = memoryos-stats/1")] = UNSET
    at: Annotated[Count | UnsetType, Meta(description="unix time in milliseconds at which the document was made")] = (
        UNSET
    )
    node: Annotated[Name | UnsetType, Meta(description="Erlang node name")] = UNSET
    versions: Versions | UnsetType | None = UNSET
    manager: Manager | UnsetType | None = UNSET
    release: Release | UnsetType | None = UNSET
    process: Processes | UnsetType | None = UNSET
    config: Config | UnsetType | None = UNSET
    operations: Operations | UnsetType | None = UNSET
    latency: Annotated[
        dict[str, Latency] | UnsetType | None,
        Meta(description="a mode → its percentiles, instead of operations"),
    ] = UNSET
    migration: Migration | UnsetType | None = UNSET
    reconciliation: Reconciliation | UnsetType | None = UNSET
    parity: Parity | UnsetType | None = UNSET
    rollback_evaluations: RollbackEvaluations | UnsetType | None = UNSET
    deprecations: list[DeprecatedApi] | UnsetType | None = UNSET
    dead_letters: Annotated[Count | UnsetType | None, Meta(description="gauge: dead letters kept")] = UNSET
    errors: Annotated[
        dict[str, Reason] | UnsetType | None,
        Meta(description="a part → why it is null: the Erlang atom, with or without its colon (timeout, noproc)"),
    ] = UNSET
    call_us: Annotated[
        dict[str, Count] | UnsetType | None, Meta(description="a part → microseconds that its call took")
    ] = UNSET
