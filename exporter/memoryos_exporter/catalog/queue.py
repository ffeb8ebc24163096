"""Queue, backpressure and the processes behind them (specification 3.2)."""

from __future__ import annotations

from .labels import PROCESSES
from .model import counter, gauge

RESETS = "Returns to 0 when the manager restarts."

QUEUE_DEPTH = gauge(
    "memoryos_queue_depth",
    "Requests in the manager's internal queue. Reads low under load, when requests wait in the mailbox instead: read "
    "it beside memoryos_message_queue_length.",
    "manager.queue_depth",
    "3.2",
)
QUEUE_LIMIT = gauge(
    "memoryos_queue_limit",
    "Hard limit of the queue. The adaptive throttle begins below it, so the depth cannot reach it with default limits.",
    "config.queue_max_depth",
    "3.2",
)
QUEUE_THROTTLE_DEPTH = gauge(
    "memoryos_queue_throttle_depth",
    "Queue depth at which throttling really begins: the larger of the target depth and the soft share of the limit, "
    "rounded down. Absent when the throttle is off.",
    "config.adaptive_throttle_target_depth, adaptive_throttle_soft_limit, queue_max_depth",
    "3.2",
)
PENDING_AGENTS = gauge("memoryos_pending_agents", "Agents with queued requests.", "manager.pending_agents", "3.2")
PROCESS_UP = gauge(
    "memoryos_process_up",
    "1 when the Erlang process lives, 0 when it is dead. A live process may still not answer.",
    "process.*",
    "3.2",
    process=PROCESSES,
)
PROCESS_START_TIME = gauge(
    "memoryos_process_start_time_seconds",
    "When the Erlang process started: a change is a restart, which loses all of its state.",
    "process.*.started_at",
    "3.2",
    process=PROCESSES,
)
MESSAGE_QUEUE_LENGTH = gauge(
    "memoryos_message_queue_length",
    "Messages waiting in the mailbox of the process: the true saturation signal, known even while the process does not "
    "answer.",
    "process.*.message_queue_len",
    "3.2",
    process=PROCESSES,
)
PROCESS_MEMORY = gauge(
    "memoryos_process_memory_bytes",
    "Memory of the Erlang process. The manager's grows by about 3.4 KB an operation: its journal index is not trimmed.",
    "process.*.memory",
    "3.2",
    process=PROCESSES,
)
QUEUED = counter(
    "memoryos_queued_total",
    f"Requests accepted, internal ones (consolidation, replay, migration, reconciliation) included. {RESETS}",
    "manager.queued",
    "3.2",
)
PROCESSED = counter(
    "memoryos_processed_total",
    f"Requests finished: success, error, timeout and denial alike. Not a count of successes. {RESETS}",
    "manager.processed",
    "3.2",
)
THROTTLED = counter(
    "memoryos_throttled_total",
    f"Requests rejected by the adaptive throttle; not in memoryos_queued_total. {RESETS}",
    "manager.throttled",
    "3.2",
)
OVERLOADED = counter(
    "memoryos_overloaded_total",
    f"Requests rejected by the hard or the per-agent queue limit; not in memoryos_queued_total. {RESETS}",
    "manager.overloaded",
    "3.2",
)
TIMED_OUT = counter(
    "memoryos_timed_out_total",
    "Requests whose deadline passed before they began; also in memoryos_processed_total. A slow call that began in "
    f"time never counts. {RESETS}",
    "manager.timed_out",
    "3.2",
)
RETRIED = counter("memoryos_retried_total", f"Store retries, of remember only. {RESETS}", "manager.retried", "3.2")
CANCELLED = counter(
    "memoryos_cancelled_total", f"Requests cancelled while queued. {RESETS}", "manager.cancelled", "3.2"
)
DEAD_LETTERED = counter(
    "memoryos_dead_lettered_total",
    "Dead letters made: failed remember of the short tier only. Mid and long writes (all migrated data), retrieve and "
    f"forget never dead-letter. {RESETS}",
    "manager.dead_lettered",
    "3.2",
)
STARVATION_PREVENTED = counter(
    "memoryos_starvation_prevented_total",
    f"Requests moved forward against starvation; moves only with the weighted_priority scheduler. {RESETS}",
    "manager.starvation_prevented",
    "3.2",
)
IDEMPOTENT_REUSED = counter(
    "memoryos_idempotent_reused_total",
    f"Answers reused for a repeated idempotency key. {RESETS}",
    "manager.idempotent_reused",
    "3.2",
)
JOURNAL_REPLAYED = counter(
    "memoryos_journal_replayed_total",
    f"Requests replayed from the journal at start. {RESETS}",
    "manager.journal_replayed",
    "3.2",
)
DEAD_LETTERS = gauge(
    "memoryos_dead_letters",
    "Dead letters kept. Bounded by dead_letter_limit (200 by default), so growth stops there.",
    "dead_letters",
    "3.2",
)
JOURNAL_EVENTS = gauge(
    "memoryos_journal_events",
    "Events in the journal. Saturates at memoryos_journal_limit, from where every event rewrites the whole file: "
    "measured 1.0 ms before and 86 ms after, an operation. Survives a restart.",
    "manager.journal_events",
    "3.2",
)
JOURNAL_LIMIT = gauge(
    "memoryos_journal_limit",
    "Events that the journal keeps (2000 by default).",
    "config.journal_limit",
    "3.2",
)
QUERY_CACHE_HITS = counter(
    "memoryos_query_cache_hits_total",
    f"Retrievals answered by the query cache. {RESETS}",
    "manager.cache_hit",
    "3.2",
)
QUERY_CACHE_MISSES = counter(
    "memoryos_query_cache_misses_total",
    f"Retrievals not found in the query cache. {RESETS}",
    "manager.cache_miss",
    "3.2",
)
QUERY_CACHE_INVALIDATIONS = counter(
    "memoryos_query_cache_invalidations_total",
    f"Query cache entries dropped by a write. {RESETS}",
    "manager.cache_invalidated",
    "3.2",
)
QUERY_CACHE_ENTRIES = gauge(
    "memoryos_query_cache_entries", "Entries in the query cache.", "manager.query_cache_entries", "3.2"
)
APPROVALS_ACTIVE = gauge("memoryos_approvals_active", "Approval tokens in force.", "manager.approvals_active", "3.2")
AUDIT_EVENTS = gauge(
    "memoryos_audit_events",
    "Audit events kept. Saturates at 2000: not a counter.",
    "manager.audit_events",
    "3.2",
)

METRICS = (
    *(QUEUE_DEPTH, QUEUE_LIMIT, QUEUE_THROTTLE_DEPTH, PENDING_AGENTS),
    *(PROCESS_UP, PROCESS_START_TIME, MESSAGE_QUEUE_LENGTH, PROCESS_MEMORY),
    *(QUEUED, PROCESSED, THROTTLED, OVERLOADED, TIMED_OUT, RETRIED, CANCELLED, DEAD_LETTERED),
    *(STARVATION_PREVENTED, IDEMPOTENT_REUSED, JOURNAL_REPLAYED, DEAD_LETTERS, JOURNAL_EVENTS, JOURNAL_LIMIT),
    *(QUERY_CACHE_HITS, QUERY_CACHE_MISSES, QUERY_CACHE_INVALIDATIONS, QUERY_CACHE_ENTRIES),
    *(APPROVALS_ACTIVE, AUDIT_EVENTS),
)
