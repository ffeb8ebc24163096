"""Samples of queue, backpressure and processes, from the parts manager, process, config and dead_letters."""

from __future__ import annotations

from math import floor

from ..catalog import queue
from ..catalog.labels import PROCESSES
from ..document import Document
from ..document.parts import Config, Process
from .model import Samples

MANAGER = {
    "queue_depth": queue.QUEUE_DEPTH,
    "pending_agents": queue.PENDING_AGENTS,
    "queued": queue.QUEUED,
    "processed": queue.PROCESSED,
    "throttled": queue.THROTTLED,
    "overloaded": queue.OVERLOADED,
    "timed_out": queue.TIMED_OUT,
    "retried": queue.RETRIED,
    "cancelled": queue.CANCELLED,
    "dead_lettered": queue.DEAD_LETTERED,
    "starvation_prevented": queue.STARVATION_PREVENTED,
    "idempotent_reused": queue.IDEMPOTENT_REUSED,
    "journal_replayed": queue.JOURNAL_REPLAYED,
    "journal_events": queue.JOURNAL_EVENTS,
    "cache_hit": queue.QUERY_CACHE_HITS,
    "cache_miss": queue.QUERY_CACHE_MISSES,
    "cache_invalidated": queue.QUERY_CACHE_INVALIDATIONS,
    "query_cache_entries": queue.QUERY_CACHE_ENTRIES,
    "approvals_active": queue.APPROVALS_ACTIVE,
    "audit_events": queue.AUDIT_EVENTS,
}


def add_queue(samples: Samples, document: Document) -> None:
    """Add the samples of specification 3.2."""
    if document.manager:
        samples.add_fields(MANAGER, document.manager)
    if document.process:
        for name in PROCESSES:
            process = getattr(document.process, name)
            if process is None:
                samples.add(queue.PROCESS_UP, 0, name)
            elif process:
                _add_process(samples, name, process)
    if document.config:
        samples.add(queue.QUEUE_LIMIT, document.config.queue_max_depth)
        samples.add(queue.JOURNAL_LIMIT, document.config.journal_limit)
        samples.add(queue.QUEUE_THROTTLE_DEPTH, _throttle_depth(document.config))
    samples.add(queue.DEAD_LETTERS, document.dead_letters)


def _add_process(samples: Samples, name: str, process: Process) -> None:
    samples.add(queue.PROCESS_UP, 1, name)
    samples.add(queue.MESSAGE_QUEUE_LENGTH, process.message_queue_len, name)
    samples.add(queue.PROCESS_MEMORY, process.memory, name)
    if process.started_at:
        samples.add(queue.PROCESS_START_TIME, process.started_at / 1000, name)


def _throttle_depth(config: Config) -> int | None:
    """Where throttling really begins; None when the throttle is off or the document does not say."""
    if not config.adaptive_throttle_enabled:
        return None
    target, limit, share = (
        config.adaptive_throttle_target_depth,
        config.queue_max_depth,
        config.adaptive_throttle_soft_limit,
    )
    if not (isinstance(target, int) and isinstance(limit, int) and isinstance(share, float)):
        return None
    return max(target, floor(limit * share))
