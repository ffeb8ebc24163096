"""Latency and errors of each node per effective mode, from its histogram and counters.

They survive a restart of the exporter and agree between replicas. A host that has only percentiles is judged by the
exporter's gauges, which are equal otherwise.
"""

from __future__ import annotations

from memoryos_exporter.catalog import Metric, operations, queue, rollout

from ..config import Config
from .model import Recording
from .promql import Promql

OPERATIONS = "mode:memoryos_operations:increase"
ERROR_RATIO = "mode:memoryos_error_ratio:rate"
BUCKETS = "mode_le:memoryos_operation_duration_seconds_bucket:rate"
LATENCY_P50 = "mode:memoryos_latency_p50_ms:rate"
LATENCY_P95 = "mode:memoryos_latency_p95_ms:rate"
LATENCY_P99 = "mode:memoryos_latency_p99_ms:rate"
BREACH = "instance:memoryos_rollback_breach:current"
TRIGGER = "instance:memoryos_rollback_trigger:current"

INPUTS = ("latency_p95_ms", "error_rate", "queue_depth")
LIMITS = {
    "latency_p95_ms": rollout.THRESHOLD_LATENCY_P95,
    "error_rate": rollout.THRESHOLD_ERROR_RATE,
    "queue_depth": rollout.THRESHOLD_QUEUE_DEPTH,
}


def recordings(q: Promql, config: Config) -> tuple[Recording, ...]:
    """The service level indicators and, from them, the three inputs of the rollback decision."""
    window = config.rules.window
    finished = q(operations.OPERATIONS_TOTAL)
    return (
        Recording(
            OPERATIONS,
            f"sum without (operation, outcome) (increase({finished}[{window}]))"
            f" or {q.recent(operations.WINDOW_OPERATIONS)}",
            "Calls finished in the window.",
        ),
        Recording(
            ERROR_RATIO, _error_ratio(q, config), "Share of calls that failed; in memory_os fallbacks count as failed."
        ),
        Recording(
            BUCKETS,
            f"sum without (operation) (rate({q(operations.OPERATION_DURATION, 'bucket')}[{window}]))",
            "Calls a second that were at most so slow, all operations together: what percentiles are made of.",
        ),
        _latency(q, LATENCY_P50, 0.5, operations.LATENCY_P50),
        _latency(q, LATENCY_P95, 0.95, operations.LATENCY_P95),
        _latency(q, LATENCY_P99, 0.99, operations.LATENCY_P99),
        *(
            Recording(
                BREACH,
                f"{current(q, name)} > {q.known(LIMITS[name])} and {q.in_mode('memory_os')}",
                f"{name} while evaluate_rollback/2 would roll back for it, whatever the number of calls.",
                {"input": name},
            )
            for name in INPUTS
        ),
        *(
            Recording(
                TRIGGER,
                f"max without (input) ({q.recorded(BREACH, input=name)}) and {enough(q, name)}",
                f"The same behind the minimum of calls: what {name} pages for.",
                {"input": name},
            )
            for name in INPUTS
        ),
    )


def current(q: Promql, name: str) -> str:
    """One input of the rollback decision, of each node, without a mode label."""
    if name == "queue_depth":
        return q.recent(queue.QUEUE_DEPTH)
    recorded = {"latency_p95_ms": LATENCY_P95, "error_rate": ERROR_RATIO}[name]
    return f"max without (mode) ({q.recorded(recorded, mode='memory_os')})"


def enough(q: Promql, name: str) -> str:
    """The nodes with so many calls that ``name`` says something. Calls that wait in the queue are calls too."""
    minimum = q.rules.minimum_operations
    finished = f"max without (mode) ({q.recorded(OPERATIONS, mode='memory_os')}) >= {minimum}"
    waiting = f"{q.recent(queue.QUEUE_DEPTH)} >= {minimum}"
    return f"({finished} or {waiting})" if name == "queue_depth" else f"({finished})"


def _latency(q: Promql, name: str, quantile: float, gauge: Metric) -> Recording:
    # `>= 0` drops NaN, the quantile of no calls.
    measured = f"1000 * histogram_quantile({quantile}, {BUCKETS}) >= 0"
    return Recording(name, f"{measured} or {q.recent(gauge)}", f"{quantile:.0%} of calls were faster, milliseconds.")


def _error_ratio(q: Promql, config: Config) -> str:
    window = config.rules.window
    failed = f"sum without (operation, outcome) (rate({q(operations.OPERATIONS_TOTAL, outcome='error')}[{window}]))"
    every = f"sum without (operation, outcome) (rate({q(operations.OPERATIONS_TOTAL)}[{window}]))"
    fallbacks = f'label_replace(rate({q(rollout.FALLBACKS)}[{window}]), "mode", "memory_os", "", "")'
    return f"clamp_max(({failed} + {fallbacks} or {failed}) / {every}, 1) >= 0 or {q.recent(operations.ERROR_RATE)}"
