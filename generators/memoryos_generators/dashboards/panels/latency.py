"""Latency and errors (specification 3.1), as the callers see them, by effective mode, legacy beside memory_os."""

from __future__ import annotations

from memoryos_exporter.catalog import Metric, operations, rollout
from memoryos_exporter.catalog.labels import ERROR_CLASS_OF_CODE, MODES

from ...config import Config
from ...rules import sli
from ..links import to_dashboard, to_playbook
from ..model import Column, Dashboard, Heatmap, Panel, Query, Section, State, Step, Style, Table, TimeSeries
from ..objectives import objectives
from ..promql import named, rate, recorded, sel, worst
from ..style import BAD, GOOD, LIMIT_LINE, MODE_COLORS, MODE_LINES, NEUTRAL, WATCH
from ..style import MODES as MODE_STATES

UID = "memoryos-latency"
IDLE = "no calls in the window"
LEFT = (Step(BAD), Step(WATCH, 0), Step(GOOD, 0.25))
BURN = (Step(GOOD), Step(WATCH, 1), Step(BAD, 10))
WINDOW = "Over the exporter's sliding window, the same for every scraper; absent when nothing was called, never 0."
CLASS_LINES = (
    Style("^permanent", BAD, width=2, fill=30),
    Style("^transient", WATCH, dash=(6, 4), width=2, fill=20),
    Style("^rejected", NEUTRAL, dash=(2, 4), width=2, fill=10),
)

CODE_LINES = tuple(
    Style(
        f"^({'|'.join(code for code, kind in ERROR_CLASS_OF_CODE.items() if kind == line.pattern[1:])})$",
        line.color,
        line.dash,
        line.width,
    )
    for line in CLASS_LINES
)
CLASSES = tuple(State(line.pattern[1:], line.pattern[1:], line.color) for line in CLASS_LINES)


def dashboard(config: Config) -> Dashboard:
    """The dashboard `memoryos-latency`."""
    return Dashboard(
        uid=UID,
        title="MemoryOS / Latency and errors",
        description="What callers see, by the effective mode of their target (specification 3.1).",
        sections=(
            Section("Against the rollback limits", limits(config)),
            Section("Legacy beside dual_run and memory_os", side_by_side()),
            Section("Errors", errors()),
            Section("Error budgets", spending(config)),
            Section("Where the time goes", spread()),
        ),
    )


def limits(config: Config) -> tuple[Panel, ...]:
    """The two SLIs that decide a rollback, with their live limits, and whether enough calls stand behind them."""
    playbook = to_playbook(config, "Playbook 4.1: SLO breach in memory_os", "slo-breach")
    return (
        TimeSeries(
            title="p95 latency by mode, worst node",
            description=(
                "**Good:** memory_os below the limit, which is drawn live and binds only memory_os; the decision is a "
                "strict >, taken node by node, so the worst node counts. **Traps:** targets outside the cohort run as "
                "legacy whatever the controller's mode; calls that never return are in no percentile (see calls in "
                f"flight). {WINDOW}"
            ),
            queries=(
                Query(f"max by (mode) ({recorded(sli.LATENCY_P95)})", "{{mode}}"),
                Query(f"min({sel(rollout.THRESHOLD_LATENCY_P95)})", "limit: rollback above"),
            ),
            unit="ms",
            empty=IDLE,
            width=12,
            styles=(LIMIT_LINE, *MODE_LINES),
            links=(playbook, to_dashboard("memoryos-incident", "Is the playbook being followed?")),
        ),
        TimeSeries(
            title="Error rate by mode, worst node",
            description=(
                "**Good:** memory_os below the limit, drawn live. In memory_os **fallbacks count as errors**: MemoryOS "
                "failed although the caller saw ok. **Trap:** the callers' own error rate hides a dead MemoryOS. "
                f"{WINDOW}"
            ),
            queries=(
                Query(f"max by (mode) ({recorded(sli.ERROR_RATIO)})", "{{mode}}"),
                Query(f"min({sel(rollout.THRESHOLD_ERROR_RATE)})", "limit: rollback above"),
            ),
            unit="percentunit",
            empty=IDLE,
            width=12,
            styles=(LIMIT_LINE, *MODE_LINES),
            links=(playbook, to_dashboard("memoryos-incident", "Is the playbook being followed?")),
        ),
    )


def side_by_side() -> tuple[Panel, ...]:
    """One panel a mode, on one scale of colours, and the traffic behind each."""
    return (
        *(percentiles(mode) for mode in MODES),
        TimeSeries(
            title="memory_os against legacy",
            description=(
                "p95 of memory_os (and of dual_run) divided by that of legacy. **Good:** near 1. In dual_run the "
                "caller pays for both stores, so 2 is no surprise there. Empty when one of them is not called."
            ),
            queries=tuple(
                Query(
                    f"max({recorded(sli.LATENCY_P95, mode=mode)}) / max({recorded(sli.LATENCY_P95, mode='legacy')})",
                    f"{mode} / legacy",
                )
                for mode in ("dual_run", "memory_os")
            ),
            unit="short",
            decimals=2,
            empty="only one of them is called",
            width=8,
            styles=MODE_LINES,
        ),
        TimeSeries(
            title="Calls by mode",
            description=(
                "Finished calls a second by effective mode. **Good:** memory_os or dual_run carry the share that the "
                "stage and the canary ratio promise. **Trap:** the observed share is not the ratio: a stable hash "
                "decides by target, and busy targets weigh more."
            ),
            queries=(Query(f"sum by (mode) ({rate(operations.OPERATIONS_TOTAL)})", "{{mode}}"),),
            unit="reqps",
            empty="the host does not time its calls",
            width=8,
            styles=MODE_LINES,
        ),
        TimeSeries(
            title="Calls behind the percentiles",
            description=(
                "Finished calls in the window, lowest node that has any, and the true length of the window (right). "
                "**Good:** above the limit: with fewer calls the rollback alerts keep silent, because one slow call of "
                "one is no incident."
            ),
            queries=(
                Query(f"min by (mode) ({sel(operations.WINDOW_OPERATIONS)} > 0)", "{{mode}}"),
                Query(f"min({sel(operations.WINDOW_SECONDS)})", "window length"),
            ),
            unit="short",
            decimals=0,
            empty=IDLE,
            width=8,
            styles=(*MODE_LINES, Style("^window", NEUTRAL, dash=(2, 6), right_axis_unit="s")),
        ),
    )


def percentiles(mode: str) -> Panel:
    """p50, p95 and p99 of one mode, worst node."""
    color = MODE_COLORS[mode]
    gauges: tuple[tuple[str, Metric], ...] = (
        ("p50", operations.LATENCY_P50),
        ("p95", operations.LATENCY_P95),
        ("p99", operations.LATENCY_P99),
    )
    limit = (
        (Query(f"min({sel(rollout.THRESHOLD_LATENCY_P95)})", "limit of p95: rollback above"),)
        if mode == "memory_os"
        else ()
    )
    return TimeSeries(
        title=f"Percentiles: {mode}",
        description=(
            f"p50, p95 and p99 of calls whose target runs as {mode}, worst node. **Good:** close together. "
            "Read the three panels side by side. " + WINDOW
        ),
        queries=(*(Query(f"max({sel(gauge, mode=mode)})", name) for name, gauge in gauges), *limit),
        unit="ms",
        empty=f"no target runs as {mode}",
        width=8,
        styles=(
            Style("^p50", color, dash=(2, 4), width=2),
            Style("^p95", color, width=3),
            Style("^p99", color, dash=(8, 4), width=1),
            LIMIT_LINE,
        ),
    )


def errors() -> tuple[Panel, ...]:
    """Errors by class and by code."""
    failing = rate(operations.OPERATION_ERRORS)
    return (
        TimeSeries(
            title="Errors by class",
            description=(
                "Failed calls a second, as callers saw them. **transient**: a retry may help (store, throttle, "
                "timeout). **permanent**: it will not. **rejected**: refused for what the caller asked, not "
                "MemoryOS's fault. **Good:** no permanent ones. **Trap:** in memory_os with fallback on, failures do "
                "not show here at all: look at fallbacks."
            ),
            queries=(Query(f"sum by (class) ({failing}) > 0", "{{class}}"),),
            unit="reqps",
            empty="no errors",
            width=8,
            styles=CLASS_LINES,
        ),
        TimeSeries(
            title="Errors by code",
            description=(
                "Coloured as their class. manager_throttled and manager_overloaded: see the queue. "
                "upstream_error: the store. manager_timeout: "
                "the deadline passed while waiting. exit: the process died. access_denied, not_found, invalid_…: the "
                "caller. other is permanent."
            ),
            queries=(Query(f"sum by (code) ({failing}) > 0", "{{code}}"),),
            unit="reqps",
            empty="no errors",
            width=8,
            styles=CODE_LINES,
        ),
        Table(
            title="Errors in the time shown",
            description="By code, effective mode and operation, most frequent on top. **Good:** empty.",
            queries=(
                Query(
                    f"sort_desc(sum by (code, class, mode, operation) "
                    f"(increase({sel(operations.OPERATION_ERRORS)}[$__range])) > 0.5)",
                    "errors",
                    instant=True,
                ),
            ),
            empty="no errors",
            width=8,
            columns=(
                Column("code", "Code"),
                Column("class", "Class", width=95, states=CLASSES),
                Column("mode", "Mode", width=95, states=MODE_STATES),
                Column("operation", "Operation"),
                Column("errors", "Errors", unit="short", decimals=0, width=75),
            ),
        ),
    )


def spending(config: Config) -> tuple[Panel, ...]:
    """How fast the budgets are spent, and what is left of them."""
    tier = config.slos.tiers[0]
    every = objectives(config)
    return (
        TimeSeries(
            title=f"Budget burn within {tier.long}",
            description=(
                "How many times faster than sustainable each error and latency budget of dual_run and memory_os is "
                f"spent, worst node. **Good:** below 1. **Limit:** from {tier.factor:g} on, if the last {tier.short} "
                "agree, a ticket is opened; budgets for which no outage could reach it have slower tiers only. "
                "**Trap:** errors hidden behind fallback burn no budget; they are in the error rate of memory_os."
            ),
            queries=(
                *(Query(each.burn(str(tier.long), "~dual_run|memory_os"), each.title) for each in every),
                Query("vector(1)", "limit: sustainable"),
                Query(f"vector({tier.factor:g})", "limit: ticket above"),
            ),
            unit="short",
            empty="no calls in dual_run or memory_os",
            width=12,
            height=10,
            styles=(LIMIT_LINE,),
            links=(to_playbook(config, "Tickets: latency budget", "MemoryOSLatencyBudgetBurn"),),
        ),
        Table(
            title="Error budget left",
            description=(
                "What is left of each budget when only the time shown counted (choose the objective's period, "
                f"{config.slos.period}, above), and how fast it is spent now. **Good:** above 0 %, burn below 1. "
                "A budget is the share of calls that may fail, or be slower than its bound."
            ),
            queries=(
                Query(" or ".join(named(each.left, objective=each.title) for each in every), "left", instant=True),
                Query(
                    " or ".join(named(each.burn_by_mode(str(tier.long)), objective=each.title) for each in every),
                    "burn",
                    instant=True,
                ),
            ),
            empty="–",
            width=12,
            height=10,
            columns=(
                Column("objective", "Objective"),
                Column("mode", "Mode", width=110, states=MODE_STATES),
                Column("left", "Left", unit="percentunit", decimals=0, width=100, steps=LEFT),
                Column("burn", f"Burn, {tier.long}", unit="short", decimals=2, width=100, steps=BURN),
            ),
            sort_by="Objective",
        ),
    )


def spread() -> tuple[Panel, ...]:
    """Heatmaps, operations, and what has not returned."""
    return (
        *(
            Heatmap(
                title=f"Duration of calls: {mode}",
                description=(
                    f"Finished calls as {mode} by duration. Every SLO and the default rollback limit is a bucket "
                    "bound, so what lies beyond them is exact. Two bands mean two populations: a mean or a percentile "
                    "describes neither."
                ),
                queries=(
                    Query(
                        f"sum by (le) (increase({sel(operations.OPERATION_DURATION, 'bucket', mode=mode)}"
                        "[$__rate_interval]))",
                        "{{le}}",
                    ),
                ),
                unit="s",
                empty=f"no target runs as {mode}",
                width=12,
                height=11,
            )
            for mode in ("legacy", "memory_os")
        ),
        TimeSeries(
            title="p95 by node, ten worst",
            description="p95 of each node in each mode. **Good:** nodes of one fleet lie together. " + WINDOW,
            queries=(Query(worst(sel(operations.LATENCY_P95)), "{{mode}} {{instance}}"),),
            unit="ms",
            empty=IDLE,
            width=12,
            styles=MODE_LINES,
        ),
        TimeSeries(
            title="Mean duration by operation",
            description=(
                "Sum of the durations divided by their count, over all modes. **Good:** flat. A single operation that "
                "rises points at its tier or its index; all together point at the store or the queue."
            ),
            queries=(
                Query(
                    f"sum by (operation) ({rate(operations.OPERATION_DURATION, 'sum')}) "
                    f"/ (sum by (operation) ({rate(operations.OPERATION_DURATION, 'count')}) > 0)",
                    "{{operation}}",
                ),
            ),
            unit="s",
            empty=IDLE,
            width=12,
        ),
    )
