"""MemoryOS's MemoryManager: what it counts, whom it turns away, and what it costs to be asked.

Requests that come through the controller arrive one at a time and find an empty queue; those that come directly
queue here. A restart loses everything but the journal (see `MemoryManager.restarted`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import floor, inf
from typing import Any

from memoryos_simulator.agents import Agent

DEFAULT_CONFIG: dict[str, Any] = {
    "adaptive_throttle_enabled": True,
    "adaptive_throttle_soft_limit": 0.8,
    "adaptive_throttle_target_depth": 192,
    "auto_consolidate": True,
    "consolidation_debounce_ms": 150,
    "dead_letter_limit": 200,
    "fairness_max_wait_ms": 750,
    "journal_limit": 2000,
    "journal_path": "journal.log",
    "query_cache_enabled": True,
    "query_cache_max_entries": 512,
    "query_cache_ttl_ms": 500,
    "queue_max_depth": 256,
    "queue_per_agent": 32,
    "replay_on_start": True,
    "request_timeout_ms": 15000,
    "retry_attempts": 2,
    "retry_backoff_ms": 30,
    "retry_jitter_ms": 20,
    "scheduler_strategy": "round_robin",
    "weighted_priority_bias": 3,
}
COUNTERS = (
    *("queued", "processed", "timed_out", "overloaded", "throttled", "retried", "dead_lettered", "cancelled"),
    *("idempotent_reused", "journal_replayed", "starvation_prevented"),
    *("cache_hit", "cache_miss", "cache_invalidated"),
)
THROTTLED, OVERLOADED, AGENT_OVERLOADED = "manager_throttled", "manager_overloaded", "manager_agent_overloaded"
AUDIT_LIMIT = 2000
MAILBOX_PER_AGENT = 8
EVENTS_PER_REQUEST = 3  # queued, started, completed
OVERHEAD_MS = 1.0  # an operation on a store that costs nothing
REWRITE_MS_PER_EVENT = 0.0142  # a full journal is written anew: 3 events x 2000 lines took 85 ms
MEMORY_AT_START = 140_000
MEMORY_PER_OPERATION = 3_400


@dataclass(slots=True)
class Waiting:
    """Requests in the queue that arrived evenly from `first_ms` to `last_ms`."""

    first_ms: float
    last_ms: float
    count: int

    def take(self, count: int) -> float:
        """Removes the first `count`; the mean time at which they arrived, ms."""
        end = self.first_ms + (self.last_ms - self.first_ms) * count / self.count
        middle = (self.first_ms + end) / 2
        self.first_ms, self.count = end, self.count - count
        return middle


@dataclass
class Drained:
    """What became of direct requests in a while: [(wait in ms, served)], how many expired, how many were rejected."""

    served: list[tuple[float, int]] = field(default_factory=list)
    expired: int = 0
    rejected: int = 0
    code: str = ""


class MemoryManager:
    """One manager with its `config`, the limits of `current_config/1`."""

    def __init__(self, config: dict[str, Any], memory: int = MEMORY_AT_START) -> None:
        self.config = config
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.journal_events = 0
        self.audit_events = 0
        self.approvals_active = 0
        self.cache_entries = 0
        self.memory = memory
        self.mailbox = 0  # direct requests that a stalled process has not taken yet
        self.mailbox_since_ms = 0.0
        self.depth = 0
        self.queue: deque[Waiting] = deque()
        self.agents_queued = 0
        self._spare_ms = 0.0

    def restarted(self) -> MemoryManager:
        """The process that follows a crash: all anew but the journal, which lies on disk."""
        fresh = MemoryManager(self.config)
        fresh.journal_events = self.journal_events
        return fresh

    @property
    def throttle_depth(self) -> int:
        """The depth from which new requests are turned away: the larger of target and soft limit."""
        if not self.config["adaptive_throttle_enabled"]:
            return int(self.config["queue_max_depth"])
        soft: int = floor(self.config["queue_max_depth"] * self.config["adaptive_throttle_soft_limit"])
        target: int = self.config["adaptive_throttle_target_depth"]
        return max(target, soft)

    @property
    def overhead_ms(self) -> float:
        """What one operation costs beside the store; at `journal_limit` each event rewrites the whole file."""
        limit = int(self.config["journal_limit"])
        full = self.journal_events >= limit
        return OVERHEAD_MS + (EVENTS_PER_REQUEST * limit * REWRITE_MS_PER_EVENT if full else 0.0)

    def finish(self, count: int, audited: bool = True) -> None:
        """Counts `count` requests that were accepted and have come to an end, well or not."""
        self.counters["queued"] += count
        self._end(count, audited)

    def _end(self, count: int, audited: bool) -> None:
        self.counters["processed"] += count
        self._journal(EVENTS_PER_REQUEST * count)
        if audited:
            self.audit_events = min(AUDIT_LIMIT, self.audit_events + 2 * count)
        self.memory += MEMORY_PER_OPERATION * count

    def _journal(self, events: int) -> None:
        self.journal_events = min(int(self.config["journal_limit"]), self.journal_events + events)

    def fail_writes(self, count: int, short_tier: bool = True) -> None:
        """Counts failed writes: each was retried, and dead-lettered only when it was for the short tier."""
        self.counters["retried"] += count * int(self.config["retry_attempts"])
        self.counters["dead_lettered"] += count if short_tier else 0

    def reuse(self, count: int) -> None:
        """Counts writes answered from an earlier one with the same idempotency key; never queued."""
        self.counters["idempotent_reused"] += count
        self._journal(count)

    def read(self, agent: Agent, entry: int, count: int, repeated: int) -> None:
        """Counts cache hits and misses of `count` equal reads of an agent, `repeated` of them soon enough to hit."""
        hits = repeated if agent.cached & entry else max(0, repeated - 1)
        self.counters["cache_hit"] += hits
        self.counters["cache_miss"] += count - hits
        if not agent.cached & entry and self.cache_entries < self.config["query_cache_max_entries"]:
            agent.cached |= entry
            self.cache_entries += 1

    def wrote(self, agent: Agent) -> None:
        """A write to an agent drops its cached answers."""
        dropped = min(agent.cached.bit_count(), self.cache_entries)
        self.counters["cache_invalidated"] += dropped
        self.cache_entries -= dropped
        agent.cached = 0

    def drain(
        self,
        from_ms: float,
        to_ms: float,
        arrivals: int,
        workers: int,
        agents: int,
        busy_ms: float,
        operation_ms: float,
    ) -> Drained:
        """Lets direct requests of `agents` agents come, evenly, and works for what time is left.

        `arrivals` come whatever happens; each of `workers` sends its next request when it has its answer. `busy_ms` of
        the time belong to the controller's requests. An `operation_ms` of infinity is a stalled store: nothing is
        taken from the mailbox, let alone answered.
        """
        result = Drained()
        if operation_ms == inf:
            self.mailbox_since_ms = self.mailbox_since_ms if self.mailbox else from_ms
            room = max(0, agents * MAILBOX_PER_AGENT - self.mailbox)
            self.mailbox += min(room, arrivals + max(0, workers - self.depth - self.mailbox))
            return result
        arrivals, self.mailbox = arrivals + self.mailbox, 0
        if not arrivals and not workers and not self.depth:
            return result
        free_ms = max(0.0, to_ms - from_ms - busy_ms) + self._spare_ms
        capacity = int(free_ms / operation_ms)
        if workers:
            arrivals += capacity + max(0, workers - self.depth)
        limit, result.code = self._limit(agents)
        admitted = min(arrivals, max(0, limit - self.depth + min(capacity, self.depth + arrivals)))
        result.rejected = arrivals - admitted
        self.reject(result.rejected, result.code)
        if admitted:
            self.queue.append(Waiting(from_ms, to_ms, admitted))
            self.counters["queued"] += admitted
            self.depth += admitted
        used = self._work_off(from_ms + busy_ms, capacity, operation_ms, result)
        self._spare_ms = min(free_ms - used * operation_ms, operation_ms) if self.depth else 0.0
        self.agents_queued = min(agents, self.depth)
        if self.depth and self.config["scheduler_strategy"] == "weighted_priority":
            self.counters["starvation_prevented"] += self.agents_queued
        return result

    def _limit(self, agents: int) -> tuple[int, str]:
        by_agents = agents * int(self.config["queue_per_agent"])
        if by_agents < self.throttle_depth:
            return by_agents, AGENT_OVERLOADED
        throttled = self.config["adaptive_throttle_enabled"]
        return self.throttle_depth, THROTTLED if throttled else OVERLOADED

    def reject(self, count: int, code: str) -> None:
        """Counts `count` requests that were turned away; they were never queued."""
        self.counters["throttled" if code == THROTTLED else "overloaded"] += count

    def _work_off(self, clock_ms: float, capacity: int, operation_ms: float, result: Drained) -> int:
        """Works off the queue in order; requests that waited beyond their deadline end without being executed."""
        used, timeout_ms = 0, self.config["request_timeout_ms"]
        while self.queue and capacity > used:
            head = self.queue[0]
            clock_ms = max(clock_ms, head.first_ms)
            late = self._too_late(head, clock_ms - timeout_ms)
            if late:
                head.take(late)
                result.expired += late
                self.counters["timed_out"] += late
                self._end(late, audited=False)
                self.depth -= late
            if not head.count:
                self.queue.popleft()
                continue
            count = min(head.count, capacity - used)
            done_ms = clock_ms + count * operation_ms
            wait_ms = max(0.0, (clock_ms + done_ms) / 2 - head.take(count))
            result.served.append((wait_ms, count))
            self._end(count, audited=True)
            self.depth -= count
            used, clock_ms = used + count, done_ms
            if not head.count:
                self.queue.popleft()
        return used

    @staticmethod
    def _too_late(waiting: Waiting, before_ms: float) -> int:
        """How many of `waiting` arrived before `before_ms`."""
        if waiting.last_ms <= before_ms:
            return waiting.count
        if waiting.first_ms >= before_ms:
            return 0
        return int(waiting.count * (before_ms - waiting.first_ms) / (waiting.last_ms - waiting.first_ms))

    def cancel(self) -> int:
        """`cancel_pending/2` for all agents: how many waiting requests were cancelled."""
        cancelled = self.depth
        self.counters["cancelled"] += cancelled
        self.depth = self.agents_queued = 0
        self.queue.clear()
        return cancelled

    def metrics(self) -> dict[str, int]:
        """`metrics/1`."""
        return {
            **self.counters,
            "queue_depth": self.depth,
            "pending_agents": self.agents_queued,
            "approvals_active": self.approvals_active,
            "audit_events": self.audit_events,
            "query_cache_entries": self.cache_entries,
            "journal_events": self.journal_events,
        }
