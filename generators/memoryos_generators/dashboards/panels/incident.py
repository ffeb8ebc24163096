"""Playbooks (specification 4) as they stand: each step done or not, what MemoryOS decided on, when it may be closed."""

from __future__ import annotations

from collections.abc import Mapping

from memoryos_exporter.catalog import migration, queue, rollout

from ...config import Config
from ...rules.steps import PLAYBOOKS
from ...rules.steps import STEPS as STEP_TITLES
from ..expressions import EITHER, PAGE, TICKET, TRIGGERS, firing, mode_number, shares_of_limits
from ..links import to_dashboard, to_playbook
from ..model import Column, Dashboard, Panel, Query, Section, Stat, State, Step, Style, Table, Timeline, TimeSeries
from ..outcomes import Outcomes, ages_of, states_of
from ..promql import named, rate, sel, state, worst
from ..style import BAD, GOOD, INPUT_LINES, LIMIT_LINE, MODE_NUMBERS, NEUTRAL, PARITY_LINES, STEPS, WATCH, YES

UID = "memoryos-incident"
NO_ROLLBACK = "no rollback in the incident window"
SLO_ALERTS = (*TRIGGERS, "ErrorBudgetBurn", "LatencyBudgetBurn")

CLOSING = (
    State("0", "✓ nothing open", GOOD),
    State("1", "✓ may be closed", GOOD),
    State("2", "… wait: SLOs not quiet", WATCH),
    State("3", "! drift: gate is shut", WATCH),
    State("4", "✗ a page still fires", BAD),
    State("5", "✗ parity not restored", BAD),
    State("6", "✗ not reconciled", BAD),
    State("7", "✗ still in breach", BAD),
)
PAGES = (
    (
        "4.1",
        "slo-breach",
        "**Trap:** a timeout of evaluate_rollback/2 does not mean that nothing was rolled back.",
    ),
    (
        "4.3",
        "post-incident-reconciliation",
        "**Trap:** reconcile_post_rollback/3 answers ok although every record failed; parity compares counts only.",
    ),
    (
        "4.2",
        "drift-regression",
        "**Trap:** writes without an explicit id always drift; one bad sample blocks until 400 newer ones came.",
    ),
)
ALERT_LEVELS = (State("2", "✗ page", BAD), State("1", "! ticket", WATCH))


def dashboard(config: Config) -> Dashboard:
    """The dashboard `memoryos-incident`."""
    return Dashboard(
        uid=UID,
        title="MemoryOS / Incident",
        description="Playbook steps, done or not done, and when the incident may be closed (specification 4).",
        sections=(
            Section("Where does the incident stand?", standing(config)),
            Section(
                "The playbooks, step by step, and what MemoryOS decided on", (*playbooks(config), *decision(config))
            ),
            Section("How it goes", course(config)),
        ),
    )


def standing(config: Config) -> tuple[Panel, ...]:
    """May it be closed, and what fires."""
    found = Outcomes(config)
    cases = (
        (found.breach, 7),
        (f"({found.rolled_back}) unless ({found.reconciled})", 6),
        (f"({found.rolled_back}) unless ({found.parity_checked})", 5),
        (f"({found.rolled_back}) and ({found.missing})", 5),
        (found.pages, 4),
        (found.drifting, 3),
        (found.holds("IncidentOpen"), 2),
        (found.rolled_back, 1),
        (found.fleets, 0),
    )
    closing = f"max({' or '.join(f'0 * ({expr}) + {state}' for expr, state in cases)})"
    window = config.rules.incident_window
    slo_alerts = firing(EITHER, *SLO_ALERTS)
    return (
        Stat(
            title="May the incident be closed?",
            description=(
                "Specification 4.3 step 3: only when parity and SLO stability are both restored. The first thing that "
                "still stands in the way, of the worst fleet. **Trap:** triggers that resolve do not close an "
                "incident: after a rollback nothing runs in memory_os any more, so they cannot fire."
            ),
            queries=(Query(closing, "closing", instant=True),),
            unit="none",
            empty="? nothing is read",
            width=7,
            height=6,
            states=CLOSING,
            links=(to_playbook(config, "Playbook 4.3: post-incident reconciliation", "post-incident-reconciliation"),),
        ),
        Stat(
            title="Since the last rollback",
            description=f"Within the last {window}, of the node that rolled back last. Empty: none.",
            queries=(Query(f"time() - max({found.rolled_back})", "ago", instant=True),),
            unit="s",
            decimals=0,
            empty="none",
            width=4,
            height=6,
            steps=(Step(NEUTRAL),),
        ),
        Stat(
            title="SLOs quiet for",
            description=(
                "Time since an SLO or a rollback limit was last breached. **Good:** longer than the stability window "
                f"({config.rules.stability_window}), from where it is green."
            ),
            queries=(Query(f"time() - max(max_over_time(timestamp({slo_alerts})[1d:1m]))", "quiet", instant=True),),
            unit="s",
            decimals=0,
            empty="no breach for a day",
            width=4,
            height=6,
            steps=(Step(WATCH), Step(GOOD, int(config.rules.stability_window))),
        ),
        Timeline(
            title="Alerts over time",
            description=(
                "Pages and tickets of the chosen targets. **Good:** empty. Read it from the left: what began it, what "
                "followed from it, what is still open."
            ),
            queries=(
                Query(
                    f"max by (alert) (label_replace(2 * {firing(PAGE)} or 1 * {firing(TICKET)}, "
                    '"alert", "$1", "alertname", "MemoryOS(.+)"))',
                    "{{alert}}",
                ),
            ),
            empty="✓ nothing fires in the time shown",
            width=9,
            height=6,
            states=ALERT_LEVELS,
        ),
    )


def playbooks(config: Config) -> tuple[Panel, ...]:
    """The three playbooks side by side."""
    found = Outcomes(config)
    states, ages = states_of(found), ages_of(found)
    return tuple(
        Table(
            title=f"{playbook} {PLAYBOOKS[playbook]}",
            description=(
                "**not done**: the alert about the step's outcome holds, or what the host reports of it is missing. "
                f"When: how long ago it last happened. The worst fleet counts. {trap}"
            ),
            queries=(
                Query(column(states, playbook), "State", instant=True),
                Query(column(ages, playbook), "When", instant=True),
            ),
            empty="–",
            width=12,
            height=6,
            columns=(
                Column("step", "Step"),
                Column("State", "State", states=STEPS, width=110),
                Column("When", "When", unit="s", decimals=0, width=80),
            ),
            sort_by="Step",
            links=(to_playbook(config, f"Open playbook {playbook}", page),),
        )
        for playbook, page, trap in PAGES
    )


def column(values: Mapping[str, str], playbook: str) -> str:
    """A column of a playbook's table: each value under the name of its step."""
    steps = (step for step in values if step.startswith(playbook))
    return " or ".join(named(values[step], step=f"{step[-1]}. {STEP_TITLES[step].title}") for step in steps)


def decision(config: Config) -> tuple[Panel, ...]:
    """The snapshot of the last rollback beside the live limits."""
    identity = "cluster, job, instance"
    values = (
        ("p95", rollout.LAST_ROLLBACK_LATENCY_P95, "ms", 0),
        ("p95 limit", rollout.THRESHOLD_LATENCY_P95, "ms", 0),
        ("Errors", rollout.LAST_ROLLBACK_ERROR_RATE, "percentunit", 1),
        ("Errors limit", rollout.THRESHOLD_ERROR_RATE, "percentunit", 1),
        ("Queue", rollout.LAST_ROLLBACK_QUEUE_DEPTH, "short", 0),
        ("Queue limit", rollout.THRESHOLD_QUEUE_DEPTH, "short", 0),
    )
    happened = f"max by ({identity}) ({state(config, rollout.LAST_ROLLBACK)} > 0)"
    return (
        Table(
            title="Snapshot of the last rollback",
            description=(
                "What evaluate_rollback/2 decided on, a node, beside today's limits. **Good:** at least one value "
                "beyond its limit. **Trap:** a manual set_mode(:legacy) leaves no trace here; a restarted controller "
                "has forgotten its own."
            ),
            queries=(
                Query(f"time() - ({happened})", "When", instant=True),
                *(
                    Query(f"max by ({identity}) ({state(config, metric)}) and ({happened})", name, instant=True)
                    for name, metric, _, _ in values
                ),
            ),
            empty=NO_ROLLBACK,
            width=12,
            height=6,
            columns=(
                Column("instance", "Instance"),
                Column("When", "Ago", unit="s", decimals=0, width=90),
                *(Column(name, name, unit=unit, decimals=decimals, width=88) for name, _, unit, decimals in values),
            ),
            sort_by="Instance",
        ),
    )


def course(config: Config) -> tuple[Panel, ...]:
    """The incident over time."""
    return (
        TimeSeries(
            title="Inputs of the rollback decision, share of their limits",
            description=(
                "Worst node in memory_os, each as a share of its live limit. **Good:** below 100 %. It ends where no "
                "node is in memory_os any more: that is the rollback, not recovery."
            ),
            queries=(
                *(Query(expr, name) for name, expr in shares_of_limits(config)),
                Query("vector(1)", "limit: rollback above"),
            ),
            unit="percentunit",
            decimals=0,
            empty="no node is in memory_os",
            width=8,
            styles=(LIMIT_LINE, *INPUT_LINES),
            links=(to_dashboard("memoryos-latency", "Latency and errors"),),
        ),
        TimeSeries(
            title="Mailboxes, ten fullest",
            description=(
                "Messages waiting for each process. **Good:** 0. A falling mailbox means: wait, your request stands in "
                "it; a second call waits behind the whole backlog again."
            ),
            queries=(Query(worst(sel(queue.MESSAGE_QUEUE_LENGTH)), "{{process}} {{instance}}"),),
            unit="short",
            decimals=0,
            empty="no process was seen",
            width=8,
            links=(to_dashboard("memoryos-queue", "Queue and backpressure"),),
        ),
        TimeSeries(
            title="Fallbacks a minute",
            description=(
                "Calls that MemoryOS failed and legacy answered. **Good:** 0. They end with the rollback, because they "
                "move only in memory_os."
            ),
            queries=(Query(f"60 * sum({rate(rollout.FALLBACKS)})", "fallbacks"),),
            unit="short",
            empty="controller not answering",
            width=8,
            styles=(Style("^fallbacks", BAD, width=2),),
        ),
        Table(
            title="What the host's evaluations led to",
            description=(
                "Calls of evaluate_rollback/2 in the time shown. **refused**: bad input, to which MemoryOS itself "
                "would answer stable. **timeout**: never read it as *not rolled back*: measured, the rollback "
                "happened 11 s after its caller had given up."
            ),
            queries=(
                Query(
                    f"sum by (result) (increase({sel(rollout.ROLLBACK_EVALUATIONS)}[$__range])) > 0.5",
                    "Calls",
                    instant=True,
                ),
            ),
            empty="none in the time shown",
            width=6,
            height=6,
            columns=(Column("result", "Result"), Column("Calls", "Calls", unit="short", decimals=0)),
        ),
        Timeline(
            title="Mode, node by node",
            description=(
                "**Good:** after a rollback every node is in legacy. A rollback is per node: a fleet can be split, and "
                "the nodes left in memory_os need step 1 again."
            ),
            queries=(Query(mode_number(config), "{{instance}}"),),
            empty="controller not answering",
            width=6,
            height=6,
            states=MODE_NUMBERS,
        ),
        Timeline(
            title="Fallback on",
            description=(
                "**Good:** on until stability returns. Off: a call that MemoryOS fails fails for its caller, and moves "
                "no counter of MemoryOS."
            ),
            queries=(Query(sel(rollout.FALLBACK_ENABLED), "{{instance}}"),),
            empty="controller not answering",
            width=6,
            height=6,
            states=YES,
        ),
        TimeSeries(
            title="Parity of targets",
            description=(
                "**missing**: legacy has more: reconcile again. **extra**: written while memory_os was live; after a "
                "real rollback these stay, and the owner of the data decides. **Good:** no missing ones."
            ),
            queries=(Query(f"sum by (state) ({sel(migration.PARITY_TARGETS)})", "{{state}}"),),
            unit="short",
            decimals=0,
            empty="parity was never checked",
            width=6,
            height=6,
            styles=PARITY_LINES,
        ),
    )
