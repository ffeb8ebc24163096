"""Queue and backpressure (specification 3.2): where requests wait, what is turned away, what the node runs out of."""

from __future__ import annotations

from memoryos_exporter.catalog import operations, queue, reading, rollout

from ...config import Config
from ..links import to_dashboard
from ..model import Dashboard, Panel, Query, Section, Style, TimeSeries
from ..promql import increase, rate, sel, worst
from ..style import BAD, DUAL_RUN, LEGACY, LIMIT_LINE, MEMORY_OS, NEUTRAL, WATCH

UID = "memoryos-queue"
NOT_READ = "manager not answering"


def dashboard(config: Config) -> Dashboard:
    """The dashboard `memoryos-queue`."""
    return Dashboard(
        uid=UID,
        title="MemoryOS / Queue and backpressure",
        description="Where requests wait, what is turned away, and what a node runs out of (specification 3.2).",
        sections=(
            Section("Where requests wait", waiting(config)),
            Section("What is turned away or lost", refused()),
            Section("What a node runs out of", resources(config)),
            Section("Cache and housekeeping", housekeeping()),
        ),
    )


def waiting(config: Config) -> tuple[Panel, ...]:
    """Queue, mailbox, and how long the processes take to answer."""
    return (
        TimeSeries(
            title="Queue depth against its limits",
            description=(
                "**Good:** near 0. **Limits, drawn live:** where throttling really begins, the rollback limit, the "
                "hard limit. **Trap:** the depth reads low exactly under load, because requests then wait in the "
                "mailbox (next panel); with default limits it cannot pass 204 of 256, and traffic through the "
                "controller keeps it at 0 or 1 whatever the load."
            ),
            queries=(
                Query(worst(sel(queue.QUEUE_DEPTH)), "{{instance}}"),
                Query(f"min({sel(queue.QUEUE_THROTTLE_DEPTH)})", "limit: throttling begins"),
                Query(f"min({sel(rollout.THRESHOLD_QUEUE_DEPTH)})", "limit: rollback above"),
                Query(f"min({sel(queue.QUEUE_LIMIT)})", "limit: queue full"),
            ),
            unit="short",
            decimals=0,
            empty=NOT_READ,
            width=12,
            styles=(LIMIT_LINE,),
        ),
        TimeSeries(
            title="Mailbox backlog",
            description=(
                "Messages waiting in the mailbox of each process: **the true saturation signal**, known even while "
                "the process itself does not answer. **Good:** 0, short spikes in a burst. **Limit:** as many messages "
                "as page (from the rules' configuration). **Trap:** the queue depth beside it may still read 0."
            ),
            queries=(
                Query(
                    worst(sel(queue.MESSAGE_QUEUE_LENGTH)),
                    "{{process}} {{instance}}",
                ),
                Query(f"vector({config.rules.mailbox_limit})", "limit: pages above"),
            ),
            unit="short",
            decimals=0,
            empty="no process was seen",
            width=12,
            styles=(LIMIT_LINE,),
        ),
        TimeSeries(
            title="Accepted and finished",
            description=(
                "Requests accepted and finished a second. **Good:** the lines lie on each other. Accepted includes "
                "internal work (consolidation, replay, migration). **Trap:** finished counts errors, timeouts and "
                "denials alike: it is not a count of successes."
            ),
            queries=(
                Query(f"sum({rate(queue.QUEUED)})", "accepted"),
                Query(f"sum({rate(queue.PROCESSED)})", "finished"),
                Query(f"sum({rate(queue.CANCELLED)})", "cancelled"),
            ),
            unit="reqps",
            empty=NOT_READ,
            width=8,
            styles=(Style("^accepted", MEMORY_OS, width=2), Style("^finished", LEGACY, dash=(6, 4), width=2)),
        ),
        TimeSeries(
            title="Agents with queued requests",
            description=(
                "**Good:** as few as requests wait. Many agents waiting is a slow store; one agent waiting while the "
                "rest is idle runs into its own limit (queue_per_agent, 32 by default)."
            ),
            queries=(Query(worst(sel(queue.PENDING_AGENTS)), "{{instance}}"),),
            unit="short",
            decimals=0,
            empty=NOT_READ,
            width=8,
        ),
        TimeSeries(
            title="How long MemoryOS takes to answer",
            description=(
                "Duration of the calls behind each part of the stats. **Good:** microseconds. It grows with the "
                "backlog of the process; a call that was given up shows its timeout. Logarithmic."
            ),
            queries=(
                Query(
                    f"max by (part) (max_over_time({sel(reading.CALL_DURATION, part='~manager|release|process')}"
                    "[$__rate_interval]))",
                    "{{part}}",
                ),
            ),
            unit="s",
            empty="the host does not time its calls",
            width=8,
            logarithmic=True,
            minimum=None,
        ),
    )


def refused() -> tuple[Panel, ...]:
    """Throttled, overloaded, timed out, dead letters, retries."""
    return (
        TimeSeries(
            title="Throttled and overloaded",
            description=(
                "Requests rejected a second: throttled by the adaptive throttle, overloaded by the hard limit or by "
                "one agent's own. **Good:** 0. Neither is in *accepted*. The caller saw an error, and may come back."
            ),
            queries=(
                Query(f"sum({rate(queue.THROTTLED)})", "throttled"),
                Query(f"sum({rate(queue.OVERLOADED)})", "overloaded"),
            ),
            unit="reqps",
            empty=NOT_READ,
            width=8,
            styles=(Style("^throttled", WATCH, dash=(6, 4), width=2), Style("^overloaded", BAD, width=2)),
        ),
        TimeSeries(
            title="Timed out before they began",
            description=(
                "Requests whose deadline passed while they waited. **Good:** 0. **Trap:** a slow call that began in "
                "time never counts here; look at the latency beside it."
            ),
            queries=(Query(f"sum({rate(queue.TIMED_OUT)})", "timed out"),),
            unit="reqps",
            empty=NOT_READ,
            width=8,
            styles=(Style("^timed out", BAD, width=2),),
        ),
        TimeSeries(
            title="Calls in flight",
            description=(
                "Calls that have not returned, by effective mode, and the age of the oldest (right). **Good:** a "
                "handful, younger than a second. **Trap:** in a stall calls wait without limit, and every latency "
                "panel looks healthy because nothing ends."
            ),
            queries=(
                Query(f"sum by (mode) ({sel(operations.IN_FLIGHT)}) > 0", "{{mode}}"),
                Query(f"max({sel(operations.OLDEST_OPERATION)})", "oldest call"),
            ),
            unit="short",
            decimals=0,
            empty="the host does not report its calls",
            width=8,
            styles=(
                Style("^legacy", LEGACY, dash=(2, 4), width=2),
                Style("^dual_run", DUAL_RUN, dash=(8, 4), width=2),
                Style("^memory_os", MEMORY_OS, width=2),
                Style("^oldest", BAD, dash=(10, 6), right_axis_unit="s"),
            ),
        ),
        TimeSeries(
            title="Dead letter growth",
            description=(
                "Dead letters made in the last hour, a node. **Good:** 0. **Trap:** only failed remember of the short "
                "tier dead-letters: migrated data, retrieve and forget fail without one."
            ),
            queries=(Query(worst(increase(queue.DEAD_LETTERED, "1h")), "{{instance}}"),),
            unit="short",
            decimals=0,
            empty=NOT_READ,
            width=8,
        ),
        TimeSeries(
            title="Dead letters kept",
            description=(
                "**Good:** 0, or falling as they are replayed. Bounded by dead_letter_limit (200 by default): a flat "
                "line at the bound means that older ones are thrown away."
            ),
            queries=(Query(worst(sel(queue.DEAD_LETTERS)), "{{instance}}"),),
            unit="short",
            decimals=0,
            empty="the host does not report them",
            width=8,
        ),
        TimeSeries(
            title="Retries and requests moved forward",
            description=(
                "Store retries (of remember only): a store that begins to fail shows here first. Requests moved "
                "forward against starvation move only with the weighted_priority scheduler. **Good:** 0."
            ),
            queries=(
                Query(f"sum({rate(queue.RETRIED)})", "retried"),
                Query(f"sum({rate(queue.STARVATION_PREVENTED)})", "starvation prevented"),
            ),
            unit="reqps",
            empty=NOT_READ,
            width=8,
        ),
    )


def resources(config: Config) -> tuple[Panel, ...]:
    """Journal, memory, life of the processes."""
    return (
        TimeSeries(
            title="Journal against its limit",
            description=(
                "Share of the journal that is used. **Good:** below the limit. **The cliff:** once full, every event "
                "rewrites the whole file: measured 1.0 ms before and 86 ms after, an operation, 756 to 7.5 operations "
                "a second. With the default limit of 2000 events that is after some 667 operations, so a node with "
                "default settings lives on the wrong side. Raise journal_limit. It survives a restart."
            ),
            queries=(
                Query(
                    worst(f"{sel(queue.JOURNAL_EVENTS)} / {sel(queue.JOURNAL_LIMIT)}"),
                    "{{instance}}",
                ),
                Query("vector(1)", "limit: full, the cliff"),
            ),
            unit="percentunit",
            decimals=0,
            empty=NOT_READ,
            width=8,
            styles=(LIMIT_LINE,),
        ),
        TimeSeries(
            title="Process memory",
            description=(
                "Memory of the Erlang processes. **Good:** flat. **Trap:** the manager's grows by about 3.4 KB an "
                "operation, because its journal index is never trimmed: only a restart gives it back, and a restart "
                "loses the mode. **Limit:** what opens a ticket (from the rules' configuration)."
            ),
            queries=(
                Query(
                    worst(sel(queue.PROCESS_MEMORY)),
                    "{{process}} {{instance}}",
                ),
                Query(f"vector({config.rules.manager_memory_bytes})", "limit: ticket above"),
            ),
            unit="bytes",
            empty="no process was seen",
            width=8,
            styles=(LIMIT_LINE,),
        ),
        TimeSeries(
            title="Uptime of the processes",
            description=(
                "**Good:** rising lines. A line that falls to 0 is a restart: the controller's loses mode, stage, "
                "drift, fallback setting and every counter, which is **an unannounced rollback**; the manager's loses "
                "its counters. A line that ends is a dead process."
            ),
            queries=(
                Query(
                    f"time() - ({sel(queue.PROCESS_START_TIME)} and {sel(queue.PROCESS_UP)} == 1)",
                    "{{process}} {{instance}}",
                ),
            ),
            unit="s",
            empty="the host does not report when they started",
            width=8,
            links=(to_dashboard("memoryos-rollout", "What a restart did to the mode"),),
        ),
    )


def housekeeping() -> tuple[Panel, ...]:
    """Query cache, approvals, audit, idempotency, replay."""
    hits, misses = rate(queue.QUERY_CACHE_HITS), rate(queue.QUERY_CACHE_MISSES)
    return (
        TimeSeries(
            title="Query cache hit ratio",
            description=(
                "Share of retrievals that the cache answered. **Good:** depends on the agents; a sudden fall beside "
                "rising writes is invalidation. Empty while nobody retrieves."
            ),
            queries=(Query(f"sum({hits}) / (sum({hits}) + sum({misses}) > 0)", "hit ratio"),),
            unit="percentunit",
            empty="no retrievals",
            width=8,
            maximum=1,
            styles=(Style("^hit", MEMORY_OS, width=2),),
        ),
        TimeSeries(
            title="Query cache entries and invalidations",
            description="Entries kept (left) and entries dropped by writes, a second (right).",
            queries=(
                Query(f"sum({sel(queue.QUERY_CACHE_ENTRIES)})", "entries"),
                Query(f"sum({rate(queue.QUERY_CACHE_INVALIDATIONS)})", "invalidations"),
            ),
            unit="short",
            empty=NOT_READ,
            width=8,
            styles=(Style("^invalidations", NEUTRAL, dash=(6, 4), right_axis_unit="reqps"),),
        ),
        TimeSeries(
            title="Approvals, audit, idempotency, replay",
            description=(
                "Approval tokens in force and audit events kept (left); answers reused for a repeated idempotency key "
                "and requests replayed from the journal at start, a second (right). **Trap:** audit events saturate at "
                "2000: a flat line there is full, not idle."
            ),
            queries=(
                Query(f"sum({sel(queue.APPROVALS_ACTIVE)})", "approvals in force"),
                Query(f"max({sel(queue.AUDIT_EVENTS)})", "audit events kept"),
                Query(f"sum({rate(queue.IDEMPOTENT_REUSED)})", "answers reused, a second"),
                Query(f"sum({rate(queue.JOURNAL_REPLAYED)})", "requests replayed, a second"),
            ),
            unit="short",
            empty=NOT_READ,
            width=8,
            styles=(Style(".*, a second$", NEUTRAL, dash=(6, 4), right_axis_unit="reqps"),),
        ),
    )
