"""The decision of evaluate_rollback/2, before it is made (specification 4.1 step 1)."""

from __future__ import annotations

from ..config import Config
from ..duration import Duration
from . import sli
from .model import Alert, Area, Condition
from .promql import Promql
from .steps import STEPS
from .templates import MILLISECONDS, NODE, PERCENT, WHOLE, live

AREA = "rollback-triggers"
CLEARS = Duration(120)


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area, behind the service level indicators that they need fresh."""
    return Area(AREA, (_latency(q, config), _errors(q, config), _queue(q, config)), sli.recordings(q, config))


def _condition(q: Promql, name: str) -> tuple[Condition, ...]:
    return (Condition(f"max without (input) ({q.recorded(sli.TRIGGER, input=name)})", Duration(30)),)


def _latency(q: Promql, config: Config) -> Alert:
    return Alert(
        name="MemoryOSRollbackLatency",
        area=AREA,
        conditions=_condition(q, "latency_p95_ms"),
        severity="critical",
        keep_firing_for=CLEARS,
        reason="Two scrapes, so that a hard breach pages within 90 s; two minutes without a breach before it clears, "
        "because a percentile near its limit flutters.",
        summary="The p95 latency of MemoryOS is beyond its rollback limit.",
        description=f"p95 on {NODE} is {MILLISECONDS} in memory_os, the live limit is "
        f"{live(config, sli.LIMITS['latency_p95_ms'])} ms. evaluate_rollback/2 will roll back.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-incident",
    )


def _errors(q: Promql, config: Config) -> Alert:
    return Alert(
        name="MemoryOSRollbackErrorRate",
        area=AREA,
        conditions=_condition(q, "error_rate"),
        severity="critical",
        keep_firing_for=CLEARS,
        reason="Two scrapes, so that a hard breach pages within 90 s; two minutes without a breach before it clears, "
        "because a ratio near its limit flutters.",
        summary="The error rate of MemoryOS, fallbacks included, is beyond its rollback limit.",
        description=f"{PERCENT} of the calls in memory_os failed on {NODE}, fallbacks included although their callers "
        f"saw ok; the live limit is {live(config, sli.LIMITS['error_rate'], 'humanizePercentage')}. "
        "evaluate_rollback/2 will roll back.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-incident",
    )


def _queue(q: Promql, config: Config) -> Alert:
    return Alert(
        name="MemoryOSRollbackQueueDepth",
        area=AREA,
        conditions=_condition(q, "queue_depth"),
        severity="critical",
        keep_firing_for=CLEARS,
        reason="Two scrapes, so that a hard breach pages within 90 s; two minutes below the limit before it clears, "
        "because the depth reads low under load.",
        summary="The queue of MemoryOS is deeper than its rollback limit.",
        description=f"{WHOLE} requests are queued on {NODE} in memory_os, the live limit is "
        f"{live(config, sli.LIMITS['queue_depth'])}. evaluate_rollback/2 will roll back. The depth reads low under "
        "load: look at the mailbox too.",
        step=STEPS["4.1.1"],
        dashboard="memoryos-incident",
    )
