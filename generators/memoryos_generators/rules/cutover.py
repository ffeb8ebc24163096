"""From canary to the first high-traffic window of memory_os (specification 2.2 and 2.3)."""

from __future__ import annotations

from memoryos_exporter.catalog import rollout

from ..config import Config
from ..duration import Duration
from . import sli
from .fleet_state import cut_over_within
from .model import Alert, Area, Condition
from .promql import Promql
from .steps import STEPS
from .templates import NODE, PERCENT, VALUE, WHOLE, live

AREA = "cutover"


def area(q: Promql, config: Config) -> Area:
    """The alerts of this area."""
    return Area(AREA, (_fallback_spike(q, config), _canary_idle(q), _watch(q, config)))


def _fallback_spike(q: Promql, config: Config) -> Alert:
    window = config.rules.window
    fallbacks = f"increase({q(rollout.FALLBACKS)}[{window}])"
    served = f"sum without (operation, path) (increase({q(rollout.PATH_CALLS, path='memory_os')}[{window}]))"
    return Alert(
        name="MemoryOSFallbackSpike",
        area=AREA,
        conditions=(
            Condition(
                f"{fallbacks} / ({fallbacks} + {served}) > {config.rules.fallback_ratio:g}"
                f" and {fallbacks} + {served} >= {config.rules.minimum_operations} and {q.in_mode('memory_os')}",
                Duration(120),
            ),
        ),
        severity="warning",
        keep_firing_for=Duration(300),
        reason="Two minutes on top of the window: below the trigger's limit there is time to look; five minutes before "
        "it clears, because a ratio flutters.",
        summary="Legacy answers calls that MemoryOS fails; their callers see ok.",
        description=f"{PERCENT} of the calls in memory_os on {NODE} fell back to legacy, more than "
        f"{config.rules.fallback_ratio:.0%}. They count as errors: the rollback limit is "
        f"{live(config, sli.LIMITS['error_rate'], 'humanizePercentage')}.",
        step=STEPS["2.2.3"],
        dashboard="memoryos-rollout",
    )


def _canary_idle(q: Promql) -> Alert:
    hour = Duration(3600)
    calls = {
        path: f"sum without (operation, path) (increase({q(rollout.PATH_CALLS, path=path)}[{hour}]))"
        for path in ("memory_os", "legacy")
    }
    dual_run = q(rollout.MODE, mode="dual_run")
    known_so_long = f"last_over_time({dual_run}[{q.rules.recent}] offset {hour})"
    all_hour = f"max without (mode) (min_over_time({dual_run}[{hour}]) == 1 and {known_so_long})"
    return Alert(
        name="MemoryOSCanaryIdle",
        area=AREA,
        conditions=(
            Condition(
                f"{calls['legacy']} >= {q.rules.minimum_operations} and {calls['memory_os']} == 0 and {all_hour}",
                Duration(300),
            ),
        ),
        severity="info",
        migration_only=True,
        reason="The window is an hour; five minutes for a change of the cohort to take effect.",
        summary="Dual run has traffic, but none of it reaches MemoryOS.",
        description=f"{WHOLE} calls on {NODE} within an hour of dual_run, none to MemoryOS: no target is in the "
        "cohort. internal admits the internal groups only; canary goes by a hash of the target's id.",
        step=STEPS["2.2.2"],
        dashboard="memoryos-rollout",
    )


def _watch(q: Promql, config: Config) -> Alert:
    factor = config.rules.cutover_factor
    conditions = (
        Condition(
            f"{sli.current(q, name)} > {factor:g} * {q.known(limit)} and {sli.enough(q, name)}"
            f" and {q.in_mode('memory_os')} and {q.on_fleet} {cut_over_within(config.rules.cutover_window)}",
            Duration(60),
            {"input": name},
        )
        for name, limit in sli.LIMITS.items()
    )
    return Alert(
        name="MemoryOSCutoverWatch",
        area=AREA,
        conditions=tuple(conditions),
        severity="warning",
        keep_firing_for=Duration(300),
        migration_only=True,
        reason="Four scrapes: sooner than the slow windows of the SLOs, later than the trigger itself; five minutes "
        "before it clears, because a value near its limit flutters.",
        summary="The first high-traffic window after the cutover comes near a rollback limit.",
        description=f"{{{{ $labels.input }}}} on {NODE} is {VALUE}, more than {factor:.0%} of its live limit (p95 "
        f"{live(config, sli.LIMITS['latency_p95_ms'])} ms, errors "
        f"{live(config, sli.LIMITS['error_rate'], 'humanizePercentage')}, queue "
        f"{live(config, sli.LIMITS['queue_depth'])}). Go on evaluating rollback triggers.",
        step=STEPS["2.3.4"],
        dashboard="memoryos-rollout",
    )
