"""PromQL that more than one dashboard asks."""

from __future__ import annotations

from memoryos_exporter.catalog import operations, queue, reading, rollout
from memoryos_exporter.catalog.labels import MODES, OTHER, STAGES

from ..config import Config
from ..rules import sli
from .promql import held, rate, recorded, sel, state

PAGE, TICKET, EITHER = "critical", "warning", "critical|warning"


def mode_number(config: Config) -> str:
    """1 legacy, 2 dual_run, 3 memory_os, 4 other, a node: what a timeline needs to show one row a node."""
    states = (
        f"{i} * {held(rollout.MODE, config.rules.recent, mode=mode)}" for i, mode in enumerate((*MODES, OTHER), 1)
    )
    return f"sum without (mode) ({' or '.join(states)})"


def stage_number(config: Config) -> str:
    """1 internal, 2 canary, 3 global, 4 other, a node."""
    states = (
        f"{i} * {held(rollout.ROLLOUT_STAGE, config.rules.recent, rollout_stage=stage)}"
        for i, stage in enumerate((*STAGES, OTHER), 1)
    )
    return f"sum without (rollout_stage) ({' or '.join(states)})"


def nodes_in(config: Config) -> str:
    """Nodes by mode."""
    chosen = state(config, rollout.MODE)
    return f"count by (mode) ({chosen} == 1)"


def any_of(*alerts: str) -> str:
    """A matcher of alert names, given without their common beginning; without names it matches all of them."""
    return f"~MemoryOS({'|'.join(alerts)})" if alerts else "~MemoryOS.+"


def firing(severity: str, *alerts: str) -> str:
    """Alerts of this severity (or these, `a|b`) that fire for the chosen targets; only some of them, by name."""
    return recorded("ALERTS", alertname=any_of(*alerts), alertstate="firing", severity=f"~{severity}")


TRIGGERS = ("RollbackLatency", "RollbackErrorRate", "RollbackQueueDepth")


def gate_doubts() -> str:
    """Alerts that say not to believe an open gate."""
    return firing(EITHER, "CutoverGateBlind", "CutoverGateStale")


def shares_of_limits(config: Config) -> tuple[tuple[str, str], ...]:
    """The three rollback inputs of memory_os as shares of their live limits, worst node: (name, PromQL)."""
    now = f"and ignoring (mode) {state(config, rollout.MODE, mode='memory_os')} == 1"
    return (
        (
            "p95 latency",
            f"max({recorded(sli.LATENCY_P95, mode='memory_os')} / ignoring (mode) "
            f"{state(config, rollout.THRESHOLD_LATENCY_P95)} {now})",
        ),
        (
            "error rate",
            f"max({recorded(sli.ERROR_RATIO, mode='memory_os')} / ignoring (mode) "
            f"{state(config, rollout.THRESHOLD_ERROR_RATE)} {now})",
        ),
        (
            "queue depth",
            f"max({sel(queue.QUEUE_DEPTH)} / {state(config, rollout.THRESHOLD_QUEUE_DEPTH)} {now})",
        ),
    )


def observed_share() -> str:
    """The share of calls whose target runs as dual_run or memory_os."""
    calls = rate(operations.OPERATIONS_TOTAL)
    new = rate(operations.OPERATIONS_TOTAL, mode="~dual_run|memory_os")
    return f"sum({new}) / (sum({calls}) > 0)"


def verdict(config: Config) -> str:
    """0 go on, 1 gate shut, 2 a ticket is open, 3 a page fires, 4 alerts are not evaluated, 5 nothing is read."""
    up = f"max({sel(reading.UP)}) == 1"
    dual_run = f"max({state(config, rollout.MODE, mode='dual_run')}) == 1"
    gate = f"min({state(config, rollout.CUTOVER_READY)}) == 0"
    watchdog = recorded("ALERTS", alertname="MemoryOSWatchdog", alertstate="firing")
    return (
        f"0 * count({firing(PAGE)}) + 3 "
        f"or 5 * max(absent({up})) "
        f"or 4 * max(absent({watchdog})) "
        f"or 0 * count({firing(TICKET)}) + 2 "
        f"or 0 * ({dual_run} and {gate}) + 1 "
        f"or 0 * ({up})"
    )
