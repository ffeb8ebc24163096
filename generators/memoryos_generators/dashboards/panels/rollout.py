"""The runbook (specification 2) as a picture: the three cohorts, the gate as a checklist, the first busy hours."""

from __future__ import annotations

from memoryos_exporter.catalog import migration, operations, reading, rollout

from ...config import Config
from ..checklist import Check, checklist
from ..expressions import (
    EITHER,
    PAGE,
    TRIGGERS,
    firing,
    gate_doubts,
    mode_number,
    observed_share,
    shares_of_limits,
    stage_number,
)
from ..links import to_dashboard, to_playbook
from ..model import Dashboard, Panel, Query, Section, Stat, Step, Style, Timeline, TimeSeries
from ..promql import held, increase, rate, sel, state
from ..style import (
    CANARY,
    EVALUATION_LINES,
    GATE,
    INPUT_LINES,
    LIMIT_LINE,
    MEMORY_OS,
    MODE_LINES,
    MODE_NUMBERS,
    NEUTRAL,
    STAGE_NUMBERS,
)

UID = "memoryos-rollout"
NOT_READ = "controller not answering"


def dashboard(config: Config) -> Dashboard:
    """The dashboard `memoryos-rollout`."""
    return Dashboard(
        uid=UID,
        title="MemoryOS / Rollout and cutover",
        description="The runbook, cohort by cohort: what holds, what does not, and the gate (specification 2).",
        since="now-24h",
        sections=(
            Section("Cohort by cohort", cohorts(config)),
            Section("How it went", timelines(config)),
            Section("First high-traffic window after the cutover", watch(config)),
            Section("Legacy beside memory_os", comparison()),
        ),
    )


def cohorts(config: Config) -> tuple[Panel, ...]:
    """One checklist a cohort of the runbook."""
    runbook = to_playbook(config, "The rollout runbook", "rollout")
    passed = f"min({state(config, rollout.MODE, mode='memory_os')}) == 1"
    note = "Read from the top. Over all chosen nodes, the worst counts. "
    return (
        checklist(
            "2.1 Internal cohort",
            note + "Set dual_run, stage internal, then wait until the gate's own conditions hold.",
            (*mode_checks(config, "dual_run"), stage_check(config, 1), *gate_checks(config)),
            width=8,
            height=10,
            passed=passed,
            links=(runbook,),
        ),
        checklist(
            "2.2 Canary cohort",
            note + "Keep dual_run, tune the ratio, validate SLOs and fallbacks; a shut gate blocks the cutover. "
            "**Trap:** in dual_run fallbacks do not move; a failing MemoryOS shows as drift.",
            (*mode_checks(config, "dual_run"), stage_check(config, 2), *canary_checks(config)),
            width=8,
            height=10,
            passed=passed,
            links=(runbook,),
        ),
        checklist(
            "2.3 Global cutover",
            note + "Stage global, a gate that is open and can be believed, then memory_os; go on evaluating rollback "
            "triggers through the first high-traffic window. The gate's rows matter until the mode is memory_os.",
            (stage_check(config, 3), *trust_checks(config), *mode_checks(config, "memory_os"), *after_checks(config)),
            width=8,
            height=10,
            links=(runbook,),
        ),
    )


def mode_checks(config: Config, mode: str) -> tuple[Check, ...]:
    """Every node is in ``mode``."""
    nodes = state(config, rollout.MODE, mode=mode)
    return (Check(f"Nodes in {mode} =", f"min({nodes})", f"sum({nodes})", f"count({nodes})"),)


def stage_check(config: Config, stage: int) -> Check:
    """The stage (1 internal, 2 canary, 3 global) was reached by every node."""
    name = {1: "at internal or later", 2: "at canary or later", 3: "at global"}[stage]
    reached = {1: "~internal|canary|global", 2: "~canary|global", 3: "global"}[stage]
    nodes = f"sum without (rollout_stage) ({state(config, rollout.ROLLOUT_STAGE, rollout_stage=reached)})"
    return Check(f"Nodes {name} =", f"min({nodes})", f"sum({nodes})", f"count({nodes})")


def gate_checks(config: Config) -> tuple[Check, ...]:
    """What decides the gate, and whether it is being fed."""
    samples, minimum = state(config, rollout.DRIFT_SAMPLES), state(config, rollout.DRIFT_MIN_SAMPLES)
    worst, threshold = state(config, rollout.DRIFT_MAX), state(config, rollout.DRIFT_THRESHOLD)
    taken = f"min({increase(rollout.DRIFT_SAMPLES_TAKEN, str(config.rules.gate_window))})"
    return (
        Check("Drift samples ≥", f"min({samples} >= bool {minimum})", f"min({samples})", f"max({minimum})"),
        Check("Worst drift ≤", f"min({worst} <= bool {threshold})", f"max({worst})", f"min({threshold})"),
        Check(
            f"Samples, last {config.rules.gate_window} ≥", f"{taken} >= bool max({minimum})", taken, f"max({minimum})"
        ),
    )


def canary_checks(config: Config) -> tuple[Check, ...]:
    """The ratio is tuned, traffic comes, SLOs are quiet, the gate does not block."""
    ratio = f"max({state(config, rollout.CANARY_RATIO)})"
    gate = state(config, rollout.CUTOVER_READY)
    fallbacks = f"sum({increase(rollout.FALLBACKS, '1h')})"
    return (
        Check("Canary ratio >", f"{ratio} > bool 0", ratio, "vector(0)"),
        Check("Calls in the cohort, share >", f"({observed_share()}) > bool 0", observed_share(), "vector(0)"),
        slo_check(),
        Check("Fallbacks, last hour ≤", f"{fallbacks} <= bool 0", fallbacks, "vector(0)"),
        Check("Nodes with the gate open =", f"min({gate})", f"sum({gate})", f"count({gate})"),
    )


def slo_check() -> Check:
    """No alert about an SLO or a rollback limit fires."""
    alerts = firing(EITHER, "ErrorBudgetBurn", "LatencyBudgetBurn", "CutoverWatch", *TRIGGERS)
    burning = f"(count({alerts}) or vector(0))"
    return Check("SLO alerts firing ≤", f"{burning} <= bool 0", burning, "vector(0)")


def trust_checks(config: Config) -> tuple[Check, ...]:
    """The gate is open, and it can be believed."""
    gate = state(config, rollout.CUTOVER_READY)
    alive = sel(reading.PART_UP, part="manager")
    doubts = f"(count({gate_doubts()}) or vector(0))"
    return (
        Check("Nodes with the gate open =", f"min({gate})", f"sum({gate})", f"count({gate})"),
        Check("Nodes that answer =", f"min({alive})", f"sum({alive})", f"count({alive})"),
        Check("Doubts about the gate ≤", f"{doubts} <= bool 0", doubts, "vector(0)"),
    )


def after_checks(config: Config) -> tuple[Check, ...]:
    """What must hold once memory_os is on."""
    fallback = state(config, rollout.FALLBACK_ENABLED)
    pages = f"(count({firing(PAGE)}) or vector(0))"
    evaluated = f"sum(increase({sel(rollout.ROLLBACK_EVALUATIONS)}[15m]))"
    return (
        Check("Nodes with fallback on =", f"min({fallback})", f"sum({fallback})", f"count({fallback})"),
        Check("Rollback evaluations, 15m >", f"{evaluated} > bool 0", evaluated, "vector(0)"),
        Check("Pages firing ≤", f"{pages} <= bool 0", pages, "vector(0)"),
    )


def timelines(config: Config) -> tuple[Panel, ...]:
    """Mode, stage and gate over time, a row a node; the canary's share."""
    return (
        Timeline(
            title="Mode of each node",
            description=(
                "**Good:** legacy, dual_run, memory_os, from left to right, all nodes at the same time. A node that "
                "falls back to legacy alone rolled back, crashed or was restarted: the marks say which."
            ),
            queries=(Query(mode_number(config), "{{instance}}"),),
            empty=NOT_READ,
            width=12,
            height=6,
            states=MODE_NUMBERS,
        ),
        Timeline(
            title="Stage of each node",
            description="**Good:** internal, canary, global, one by one. A restarted controller is back at internal.",
            queries=(Query(stage_number(config), "{{instance}}"),),
            empty=NOT_READ,
            width=12,
            height=6,
            states=STAGE_NUMBERS,
        ),
        Timeline(
            title="Gate of each node",
            description=(
                "**Good:** open before stage and mode advance. **Traps:** open on a dead MemoryOS; open for ever on "
                "old samples, because sampling stops outside dual_run."
            ),
            queries=(Query(held(rollout.CUTOVER_READY, config.rules.recent), "{{instance}}"),),
            empty=NOT_READ,
            width=12,
            height=6,
            states=GATE,
            links=(to_dashboard("memoryos-drift", "Why it is shut"),),
        ),
        TimeSeries(
            title="Canary share, configured and observed",
            description=(
                "The configured ratio and the share of calls whose target runs as dual_run or memory_os. **Trap:** "
                "they differ: a stable hash decides by target, internal groups are in, busy targets weigh more."
            ),
            queries=(
                Query(f"max({sel(rollout.CANARY_RATIO)})", "configured"),
                Query(observed_share(), "observed"),
            ),
            unit="percentunit",
            decimals=0,
            empty=NOT_READ,
            width=12,
            height=6,
            maximum=1,
            styles=(Style("^configured", NEUTRAL, dash=(6, 4), width=2), Style("^observed", CANARY, width=2)),
        ),
    )


def watch(config: Config) -> tuple[Panel, ...]:
    """The first high-traffic window: the live limits, tighter."""
    rules = config.rules
    since = f"avg_over_time({sel(rollout.MODE, mode='memory_os')}[{rules.cutover_window}])"
    return (
        TimeSeries(
            title="Share of each rollback limit",
            description=(
                "Each input of the rollback decision as a share of its live limit, worst node in memory_os. **Good:** "
                f"below the watch line ({rules.cutover_factor:.0%}) through the whole first high-traffic window. Above "
                "100 % evaluate_rollback/2 rolls that node back."
            ),
            queries=(
                *(Query(expr, name) for name, expr in shares_of_limits(config)),
                Query(f"vector({rules.cutover_factor})", "limit: watch"),
                Query("vector(1)", "limit: rollback above"),
            ),
            unit="percentunit",
            decimals=0,
            empty="no node is in memory_os",
            width=12,
            styles=(
                Style("^limit: watch", NEUTRAL, dash=(4, 6), width=2),
                Style("^limit: rollback", LIMIT_LINE.color, LIMIT_LINE.dash, LIMIT_LINE.width),
                *INPUT_LINES,
            ),
        ),
        TimeSeries(
            title="Rollback evaluations",
            description=(
                "Calls of evaluate_rollback/2 by the host within 10 minutes. **Good:** stable, and going on. "
                "**refused**: bad input, to which MemoryOS would have said stable. **timeout**: no answer, yet the "
                "rollback may still happen: look at the mode. 0: nobody watches the triggers."
            ),
            queries=(Query(f"sum by (result) (increase({sel(rollout.ROLLBACK_EVALUATIONS)}[10m]))", "{{result}}"),),
            unit="short",
            decimals=0,
            empty="the host does not report them",
            width=8,
            styles=EVALUATION_LINES,
        ),
        Stat(
            title="Last day in memory_os",
            description=(
                "How much of the cutover window each chosen node has spent in memory_os, the least. **Good:** 100 %: "
                "then the first high-traffic window is over."
            ),
            queries=(Query(f"min({since})", "in memory_os", instant=True),),
            unit="percentunit",
            decimals=0,
            empty="no data",
            width=4,
            steps=(Step(MEMORY_OS),),
        ),
        Stat(
            title="Parity of migrated targets",
            description="Targets with equal counts, of all that were checked. **Good:** 100 % before the cutover.",
            queries=(
                Query(
                    f"sum({sel(migration.PARITY_TARGETS, state='equal')}) / (sum({sel(migration.PARITY_TARGETS)}) > 0)",
                    "equal",
                    instant=True,
                ),
            ),
            unit="percentunit",
            decimals=0,
            empty="never checked",
            width=4,
            steps=(Step(NEUTRAL),),
        ),
    )


def comparison() -> tuple[Panel, ...]:
    """Legacy against memory_os, as the callers see them."""
    return (
        *(
            TimeSeries(
                title=title,
                description=(
                    f"{meaning} by effective mode. **Good:** memory_os beside legacy, not above. Targets outside the "
                    "cohort run as legacy whatever the controller's mode."
                ),
                queries=(Query(expr, "{{mode}}"),),
                unit=unit,
                empty="no calls in the window",
                width=8,
                height=7,
                styles=MODE_LINES,
            )
            for title, meaning, expr, unit in (
                ("p50 by mode", "Median of the worst node", f"max by (mode) ({sel(operations.LATENCY_P50)})", "ms"),
                (
                    "p99 by mode",
                    "99th percentile of the worst node",
                    f"max by (mode) ({sel(operations.LATENCY_P99)})",
                    "ms",
                ),
                (
                    "Calls that failed by mode",
                    "Failed calls a second, as callers saw them,",
                    f"sum by (mode) ({rate(operations.OPERATIONS_TOTAL, outcome='error')})",
                    "reqps",
                ),
            )
        ),
    )
