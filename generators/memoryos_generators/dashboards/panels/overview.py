"""The first screen: where is the rollout, is it safe to go on, what is wrong."""

from __future__ import annotations

from memoryos_exporter.catalog import governance, queue, reading, rollout

from ...config import Config
from ...rules import sli
from ..expressions import EITHER, PAGE, TICKET, firing, gate_doubts, nodes_in, observed_share, shares_of_limits, verdict
from ..links import to_dashboard, to_playbook, to_row_target
from ..model import Bars, Column, Dashboard, Panel, Query, Section, Stat, State, Step, Style, Table, TimeSeries
from ..objectives import objectives
from ..promql import increase, recorded, sel, state
from ..style import (
    ANY_IS_BAD,
    ANY_IS_WATCHED,
    BAD,
    CANARY,
    GATE,
    GOOD,
    LIMIT_LINE,
    MODE_LINES,
    MODE_STEPS,
    MODES,
    NEAR_LIMIT,
    NEUTRAL,
    SEVERITY,
    STAGE_STEPS,
    STAGES,
    UP,
    WATCH,
    YES,
)

UID = "memoryos-overview"
NOT_READ = "nothing is read"

VERDICT = (
    State("0", "✓ go on", GOOD),
    State("1", "… wait: gate shut", WATCH),
    State("2", "! look: tickets open", WATCH),
    State("3", "✗ stop: a page fires", BAD),
    State("4", "? blind: no alerting", BAD),
    State("5", "? blind: nothing read", BAD),
)
TRUSTED_GATE = (*GATE, State("2", "! open, not to trust", BAD))


def dashboard(config: Config) -> Dashboard:
    """The dashboard `memoryos-overview`."""
    return Dashboard(
        uid=UID,
        title="MemoryOS / Overview",
        description="Where is the rollout, is it safe to go on, what is wrong: the first screen.",
        sections=(
            Section("Where are we, and is it safe to go on?", answer(config)),
            Section("What is wrong, and how near is a rollback?", trouble(config)),
            Section("Traffic and nodes", traffic(config)),
        ),
    )


def answer(config: Config) -> tuple[Panel, ...]:
    """The verdict, and what it is made of."""
    return (
        Stat(
            title="Is it safe to go on?",
            description=(
                "The worst of what is known. **stop**: a page fires. **look**: a ticket is open, read it first. "
                "**wait**: dual_run, and the drift gate is shut. **blind**: nothing is read, or Prometheus does not "
                "evaluate the alerts; then green tiles prove nothing. **go on**: none of these."
            ),
            queries=(Query(verdict(config), "verdict", instant=True),),
            unit="none",
            empty="? blind: no data",
            width=6,
            states=VERDICT,
            links=(to_dashboard("memoryos-rollout", "The gate as a checklist"),),
        ),
        Stat(
            title="Mode",
            description=(
                "Nodes in each mode. **Good:** one mode a fleet; two tiles are a split fleet. **Traps:** a rollback is "
                "per node; a restarted controller is back in legacy; targets outside the cohort run as legacy "
                "whatever stands here."
            ),
            queries=(Query(nodes_in(config), "{{mode}}", instant=True),),
            unit="short",
            decimals=0,
            empty=NOT_READ,
            width=4,
            text="value_and_name",
            by_name=MODE_STEPS,
            links=(to_dashboard("memoryos-rollout", "Timeline of mode and stage"),),
        ),
        Stat(
            title="Rollout stage",
            description="Nodes in each stage: internal, canary, global. **Good:** one stage a fleet.",
            queries=(
                Query(
                    f"count by (rollout_stage) ({state(config, rollout.ROLLOUT_STAGE)} == 1)",
                    "{{rollout_stage}}",
                    instant=True,
                ),
            ),
            unit="short",
            decimals=0,
            empty=NOT_READ,
            width=4,
            text="value_and_name",
            by_name=STAGE_STEPS,
            links=(to_dashboard("memoryos-rollout", "Cohort by cohort"),),
        ),
        Stat(
            title="Canary share",
            description=(
                "Configured ratio, and the share of calls that really ran as dual_run or memory_os. **Trap:** they "
                "differ: a stable hash decides by target, internal groups are always in, and busy targets weigh more."
            ),
            queries=(
                Query(f"max({state(config, rollout.CANARY_RATIO)})", "configured", instant=True),
                Query(observed_share(), "observed", instant=True),
            ),
            unit="percentunit",
            decimals=0,
            empty=NOT_READ,
            width=4,
            text="value_and_name",
            steps=(Step(CANARY),),
        ),
        Stat(
            title="Cutover gate",
            description=(
                "Open when every node has enough drift samples and none above the threshold. **not to trust**: it is "
                "open, but MemoryOS is dead or not answering, or the samples are from before the last rollback: the "
                "gate passes on both."
            ),
            queries=(
                Query(
                    f"0 * count({gate_doubts()}) + 2 or min({state(config, rollout.CUTOVER_READY)})",
                    "gate",
                    instant=True,
                ),
            ),
            unit="none",
            empty=NOT_READ,
            width=3,
            states=TRUSTED_GATE,
            links=(to_dashboard("memoryos-drift", "Drift and the gate"),),
        ),
        Stat(
            title="Firing alerts",
            description="Alerts of MemoryOS that fire now. **Good:** 0 and 0. The table below names them.",
            queries=(
                Query(f"count({firing(PAGE)}) or vector(0)", "pages", instant=True),
                Query(f"count({firing(TICKET)}) or vector(0)", "tickets", instant=True),
            ),
            unit="short",
            decimals=0,
            empty="0",
            width=3,
            text="value_and_name",
            steps=ANY_IS_BAD,
            by_name={"tickets": ANY_IS_WATCHED},
        ),
    )


def trouble(config: Config) -> tuple[Panel, ...]:
    """Alerts with their playbooks, distance to a rollback, SLOs."""
    burn_window = str(config.slos.tiers[0].long)
    return (
        Table(
            title="Alerts that fire",
            description=(
                "What fires now; a name opens its playbook page, an instance opens the playbook steps for it. "
                "**Good:** empty. The fleet's own alerts have no instance."
            ),
            queries=(
                Query(
                    firing(EITHER),
                    "alert",
                    instant=True,
                ),
            ),
            empty="✓ nothing fires",
            width=10,
            height=7,
            columns=(
                Column("severity", "Severity", width=80, states=SEVERITY),
                Column(
                    "alertname",
                    "Alert",
                    width=250,
                    link=to_playbook(config, "Open the playbook page", "${__data.fields.Alert}"),
                ),
                Column("playbook", "Playbook", width=80),
                Column("cluster", "Cluster", width=105),
                Column("instance", "Instance", link=to_row_target("memoryos-incident", "Playbook steps")),
            ),
            sort_by="Severity",
        ),
        Bars(
            title="Distance to a rollback",
            description=(
                "Each input of the rollback decision as a share of its live limit, worst node in memory_os. **Good:** "
                "below 80 %. Above 100 % evaluate_rollback/2 rolls that node back. **Trap:** queue depth reads low "
                "under load; look at the mailbox."
            ),
            queries=tuple(Query(expr, name, instant=True) for name, expr in shares_of_limits(config)),
            unit="percentunit",
            decimals=0,
            empty="no node is in memory_os",
            width=7,
            height=7,
            maximum=1.2,
            steps=NEAR_LIMIT,
            links=(to_dashboard("memoryos-latency", "Latency and errors against the limits"),),
        ),
        Bars(
            title=f"Error budgets, burn within {burn_window}",
            description=(
                "How many times faster than sustainable each budget of dual_run and memory_os is spent, worst node. "
                "**Good:** below 1. **Trap:** errors hidden behind fallback burn no budget of the callers'; they are "
                "in the error rate of memory_os."
            ),
            queries=tuple(
                Query(each.burn(burn_window, "~dual_run|memory_os"), each.name, instant=True)
                for each in objectives(config)
            ),
            unit="short",
            decimals=1,
            empty="no calls in dual_run or memory_os",
            width=7,
            height=7,
            maximum=2,
            steps=(Step(GOOD), Step(WATCH, 1), Step(BAD, 1.5)),
            links=(to_dashboard("memoryos-latency", "Budgets left"),),
        ),
    )


def traffic(config: Config) -> tuple[Panel, ...]:
    """p95, error rate and modes over time, then one row a node."""
    return (
        TimeSeries(
            title="Nodes by mode",
            description="**Good:** one colour from top to bottom. An unannounced step is a crash, a restart or a hand.",
            queries=(Query(nodes_in(config), "{{mode}}"),),
            unit="short",
            decimals=0,
            empty=NOT_READ,
            width=8,
            height=7,
            stacked=True,
            styles=tuple(Style(line.pattern, line.color, line.dash, 1, 60) for line in MODE_LINES),
        ),
        TimeSeries(
            title="p95 latency by mode",
            description="**Good:** memory_os below the limit, drawn live. Worst node of each effective mode.",
            queries=(
                Query(f"max by (mode) ({recorded(sli.LATENCY_P95)})", "{{mode}}"),
                Query(f"min({sel(rollout.THRESHOLD_LATENCY_P95)})", "limit: rollback above"),
            ),
            unit="ms",
            empty="no calls in the window",
            width=8,
            height=7,
            styles=(LIMIT_LINE, *MODE_LINES),
            links=(to_dashboard("memoryos-latency", "Latency and errors"),),
        ),
        TimeSeries(
            title="Error rate by mode",
            description=(
                "**Good:** memory_os below the limit, drawn live. Fallbacks count as errors of memory_os, although "
                "the caller saw ok. Worst node of each effective mode."
            ),
            queries=(
                Query(f"max by (mode) ({recorded(sli.ERROR_RATIO)})", "{{mode}}"),
                Query(f"min({sel(rollout.THRESHOLD_ERROR_RATE)})", "limit: rollback above"),
            ),
            unit="percentunit",
            empty="no calls in the window",
            width=8,
            height=7,
            styles=(LIMIT_LINE, *MODE_LINES),
            links=(to_dashboard("memoryos-latency", "Latency and errors"),),
        ),
        nodes(config),
    )


def nodes(config: Config) -> Table:
    """One row a node."""
    identity = "cluster, job, instance"
    return Table(
        title="Nodes",
        description=(
            "One row a node; its name opens the playbook steps for it. p95 and errors: worst effective mode of the "
            "node. Mailbox: the larger of both processes, the true saturation signal. **Good:** all rows alike."
        ),
        queries=(
            Query(f"max by ({identity}) ({sel(reading.UP)})", "Read", instant=True),
            Query(f"max by ({identity}, mode) ({state(config, rollout.MODE)} == 1)", "Mode", instant=True),
            Query(
                f"max by ({identity}, rollout_stage) ({state(config, rollout.ROLLOUT_STAGE)} == 1)",
                "Stage",
                instant=True,
            ),
            Query(f"max by ({identity}) ({state(config, rollout.CUTOVER_READY)})", "Gate", instant=True),
            Query(f"max by ({identity}) ({sel(rollout.FALLBACK_ENABLED)})", "Fallback", instant=True),
            Query(f"max by ({identity}) ({recorded(sli.LATENCY_P95)})", "p95", instant=True),
            Query(f"max by ({identity}) ({recorded(sli.ERROR_RATIO)})", "Errors", instant=True),
            Query(f"max by ({identity}) ({sel(queue.QUEUE_DEPTH)})", "Queue", instant=True),
            Query(f"max by ({identity}) ({sel(queue.MESSAGE_QUEUE_LENGTH)})", "Mailbox", instant=True),
            Query(f"max by ({identity}) ({sel(rollout.DRIFT_MAX)})", "Drift", instant=True),
            Query(
                f"max by ({identity}) ({increase(rollout.FALLBACKS, '1h')} and {sel(reading.UP)})",
                "Fallbacks",
                instant=True,
            ),
            Query(
                f"time() - max by ({identity}) ({state(config, rollout.LAST_ROLLBACK)} > 0)",
                "Rolled back",
                instant=True,
            ),
            Query(f"max by ({identity}) ({sel(governance.COMPATIBLE)})", "Compatible", instant=True),
        ),
        empty="–",
        width=24,
        height=7,
        columns=(
            Column("instance", "Instance", link=to_row_target("memoryos-incident", "Playbook steps"), width=140),
            Column("cluster", "Cluster", width=100),
            Column("job", "Job", width=100),
            Column("Read", "Read", states=UP, width=80),
            Column("mode", "Mode", states=MODES, width=100),
            Column("rollout_stage", "Stage", states=STAGES, width=90),
            Column("Gate", "Gate", states=GATE, width=90),
            Column("Fallback", "Fallback on", states=YES, width=100),
            Column("p95", "p95", unit="ms", decimals=0, width=85),
            Column("Errors", "Errors", unit="percentunit", decimals=1, width=75),
            Column("Queue", "Queue", unit="short", decimals=0, width=70),
            Column(
                "Mailbox",
                "Mailbox",
                unit="short",
                decimals=0,
                width=80,
                steps=(Step(NEUTRAL), Step(BAD, config.rules.mailbox_limit)),
            ),
            Column("Drift", "Drift", unit="percentunit", decimals=0, width=70),
            Column("Fallbacks", "Fallbacks, 1 h", unit="short", decimals=0, width=110, steps=ANY_IS_WATCHED),
            Column("Rolled back", "Rolled back", unit="s", decimals=0, width=105),
            Column("Compatible", "Supported", states=YES, width=90),
        ),
        sort_by="Instance",
    )
