"""Migration and drift (specification 3.3): does MemoryOS answer as legacy does, and did all records move."""

from __future__ import annotations

from memoryos_exporter.catalog import migration, rollout

from ...config import Config
from ..links import to_playbook
from ..model import Dashboard, Panel, Query, Section, Stat, State, Step, Style, Timeline, TimeSeries
from ..promql import increase, rate, sel, worst
from ..style import (
    ANY_IS_BAD,
    BAD,
    GATE,
    GOOD,
    LIMIT_LINE,
    MODE_LINES,
    NEUTRAL,
    PARITY_LINES,
    PLAIN,
    WATCH,
)

UID = "memoryos-drift"
NO_WINDOW = "controller not answering"
NOT_TOLD = "the host does not report it"
OUTCOME_LINES = (
    Style("^(succeeded|migrated)", GOOD, width=2),
    Style("^failed", BAD, dash=(10, 4), width=2),
)


def dashboard(config: Config) -> Dashboard:
    """The dashboard `memoryos-drift`."""
    return Dashboard(
        uid=UID,
        title="MemoryOS / Migration and drift",
        description="Does MemoryOS answer as legacy does, and did every record move (specification 3.3).",
        sections=(
            Section("Drift in dual_run, and the gate", drift(config)),
            Section("Fallbacks and rollbacks", falling_back()),
            Section("Migration", migrating()),
            Section("Reconciliation and parity", reconciling()),
        ),
    )


def drift(config: Config) -> tuple[Panel, ...]:
    """The drift window and the gate that it decides."""
    playbook = to_playbook(config, "Playbook 4.2: drift regression", "drift-regression")
    window = "The window holds the last 400 samples and never expires: outside dual_run it is as old as the last one."
    return (
        TimeSeries(
            title="Drift average and worst sample",
            description=(
                "**Good:** the worst sample below the limit, which is drawn live: it alone decides the gate. "
                "**Traps:** one bad sample blocks until 400 newer ones push it out; writes without an explicit id "
                f"always count as drift 1; a dead MemoryOS reads as drift 0. {window}"
            ),
            queries=(
                Query(f"max({sel(rollout.DRIFT_AVERAGE)})", "average, worst node"),
                Query(f"max({sel(rollout.DRIFT_MAX)})", "worst sample"),
                Query(f"min({sel(rollout.DRIFT_THRESHOLD)})", "limit: gate shut above"),
            ),
            unit="percentunit",
            empty=NO_WINDOW,
            width=12,
            maximum=1,
            styles=(LIMIT_LINE, Style("^worst", BAD, width=2), Style("^average", NEUTRAL, dash=(6, 4), width=2)),
            links=(playbook,),
        ),
        TimeSeries(
            title="Samples in the window",
            description=(
                "**Good:** above the limit, which is the number that the gate asks for, and rising to 400 in "
                "dual_run. The lowest node counts. Samples over the threshold fall again as newer samples come: not a "
                f"counter. {window}"
            ),
            queries=(
                Query(f"min({sel(rollout.DRIFT_SAMPLES)})", "samples, lowest node"),
                Query(f"max({sel(rollout.DRIFT_OVER_THRESHOLD)})", "over the threshold, worst node"),
                Query(f"max({sel(rollout.DRIFT_MIN_SAMPLES)})", "limit: gate shut below"),
            ),
            unit="short",
            decimals=0,
            empty=NO_WINDOW,
            width=12,
            styles=(LIMIT_LINE, Style("^samples", NEUTRAL, width=2), Style("^over", BAD, dash=(2, 4), width=2)),
        ),
        Timeline(
            title="Cutover gate",
            description=(
                "**Good:** open at every node, in dual_run, with sampling going on. **Traps:** it is open on a dead "
                "MemoryOS (reads of empty agents do not drift) and, after a rollback, on samples from before the "
                "incident. The panel beside it shows whether samples are being taken."
            ),
            queries=(Query(sel(rollout.CUTOVER_READY), "{{instance}}"),),
            empty=NO_WINDOW,
            width=12,
            height=6,
            states=GATE,
        ),
        TimeSeries(
            title="Samples taken",
            description=(
                "Drift samples a minute. **Good:** above 0 in dual_run. **Trap:** taken only in dual_run; 0 there "
                "means no traffic in the cohort, and the gate then says nothing about today."
            ),
            queries=(Query(f"60 * sum({rate(rollout.DRIFT_SAMPLES_TAKEN)})", "samples a minute"),),
            unit="short",
            empty=NO_WINDOW,
            width=12,
            height=6,
            styles=(Style("^samples", NEUTRAL, width=2),),
        ),
    )


def falling_back() -> tuple[Panel, ...]:
    """Fallbacks, rollbacks and the paths that calls took."""
    return (
        TimeSeries(
            title="Fallbacks",
            description=(
                "Calls a minute that MemoryOS failed and legacy answered. **Good:** 0. **Trap:** the caller saw ok, so "
                "only this and the error rate of memory_os (which counts them) show a dead MemoryOS. They move only "
                "in memory_os; in dual_run a failing MemoryOS shows as drift."
            ),
            queries=(Query(f"60 * sum({rate(rollout.FALLBACKS)})", "fallbacks a minute"),),
            unit="short",
            empty=NO_WINDOW,
            width=8,
            styles=(Style("^fallbacks", BAD, width=2),),
        ),
        TimeSeries(
            title="Calls by path",
            description=(
                "Calls a second through the controller by the path they used. **Good:** what the mode and the cohort "
                "say. **Trap:** legacy includes failed calls, memory_os only successes in memory_os and all calls in "
                "dual_run: do not compare the two across modes."
            ),
            queries=(Query(f"sum by (path, operation) ({rate(rollout.PATH_CALLS)})", "{{path}} {{operation}}"),),
            unit="reqps",
            empty=NO_WINDOW,
            width=8,
            styles=MODE_LINES,
        ),
        TimeSeries(
            title="Rollbacks",
            description=(
                "Rollbacks that evaluate_rollback/2 decided within the last hour, a node. **Good:** 0. **Traps:** a "
                "manual switch to legacy does not count; a restarted controller has forgotten its own."
            ),
            queries=(Query(worst(increase(rollout.ROLLBACKS, "1h")), "{{instance}}"),),
            unit="short",
            decimals=0,
            empty="none",
            width=8,
        ),
    )


def migrating() -> tuple[Panel, ...]:
    """Targets and records of the migration utility."""
    return (
        TimeSeries(
            title="Migrated targets",
            description="Targets within the last 10 minutes, by outcome. **Good:** no failures.",
            queries=(
                Query(f"sum({increase(migration.MIGRATION_SUCCESS, '10m')})", "succeeded"),
                Query(f"sum({increase(migration.MIGRATION_FAILURE, '10m')})", "failed"),
            ),
            unit="short",
            decimals=0,
            empty=NOT_TOLD,
            width=10,
            styles=OUTCOME_LINES,
        ),
        TimeSeries(
            title="Migrated records",
            description=(
                "Records within the last 10 minutes, by outcome. **Good:** no failures. **Trap:** a call may say ok "
                "although records failed; these are the sums of the reports."
            ),
            queries=(
                Query(
                    f"sum by (outcome) ({increase(migration.MIGRATION_RECORDS, '10m')})",
                    "{{outcome}}",
                ),
            ),
            unit="short",
            decimals=0,
            empty=NOT_TOLD,
            width=10,
            styles=OUTCOME_LINES,
        ),
        Stat(
            title="Targets migrated",
            description="Targets migrated without a failed record in the time shown; dry runs left out.",
            queries=(Query(f"sum(increase({sel(migration.MIGRATION_SUCCESS)}[$__range]))", "migrated", instant=True),),
            unit="short",
            decimals=0,
            empty=NOT_TOLD,
            width=4,
            steps=PLAIN,
        ),
        Stat(
            title="Targets failed",
            description="Targets whose migration failed or left failed records, in the time shown. **Good:** 0.",
            queries=(Query(f"sum(increase({sel(migration.MIGRATION_FAILURE)}[$__range]))", "failed", instant=True),),
            unit="short",
            decimals=0,
            empty=NOT_TOLD,
            width=4,
            steps=ANY_IS_BAD,
        ),
    )


def reconciling() -> tuple[Panel, ...]:
    """Reconciliation after a rollback, and what parity checks found."""
    ages = (Step(NEUTRAL), Step(WATCH, 86_400))
    return (
        TimeSeries(
            title="Parity by direction",
            description=(
                "Targets by their last parity check. **Good:** all equal. **missing**: legacy has more records, data "
                "is lost to MemoryOS: reconcile. **extra**: MemoryOS has more, written while memory_os was live; "
                "legacy users do not see them: decide, or accept the loss. **Trap:** only counts are compared."
            ),
            queries=(Query(f"sum by (state) ({sel(migration.PARITY_TARGETS)})", "{{state}}"),),
            unit="short",
            decimals=0,
            empty="parity was never checked",
            width=8,
            styles=PARITY_LINES,
        ),
        TimeSeries(
            title="Reconciled records",
            description=(
                "Records within the last 10 minutes, by outcome. **Good:** no failures. **Trap:** "
                "reconcile_post_rollback/3 answers ok with failed 0 although every record failed; these are the sums "
                "of its reports."
            ),
            queries=(
                Query(
                    f"sum by (outcome) ({increase(migration.RECONCILIATION_RECORDS, '10m')})",
                    "{{outcome}}",
                ),
            ),
            unit="short",
            decimals=0,
            empty=NOT_TOLD,
            width=8,
            styles=OUTCOME_LINES,
        ),
        TimeSeries(
            title="Reconciliation runs",
            description="Runs within the last 10 minutes, by what their reports say. **Good:** none failed.",
            queries=(
                Query(
                    f"sum by (outcome) ({increase(migration.RECONCILIATIONS, '10m')})",
                    "{{outcome}}",
                ),
            ),
            unit="short",
            decimals=0,
            empty=NOT_TOLD,
            width=8,
            height=8,
            styles=OUTCOME_LINES,
        ),
        Timeline(
            title="Reconciliation running",
            description=(
                "**Trap:** it runs inside the controller: every call, and the status, waits until it ends. Reconcile "
                "in small batches."
            ),
            queries=(Query(sel(migration.RECONCILIATION_RUNNING), "{{instance}}"),),
            empty=NOT_TOLD,
            width=16,
            height=5,
            states=(State("0", "– idle", NEUTRAL), State("1", "… running, calls wait", WATCH)),
        ),
        Stat(
            title="Since the last reconciliation",
            description="By the node that reconciled last. Empty: never.",
            queries=(Query(f"time() - max({sel(migration.LAST_RECONCILIATION)} > 0)", "ago", instant=True),),
            unit="s",
            decimals=0,
            empty="never",
            width=4,
            height=5,
            steps=PLAIN,
        ),
        Stat(
            title="Since the last parity check",
            description="**Good:** after the last reconciliation. Parity that was not checked again proves nothing.",
            queries=(Query(f"time() - max({sel(migration.PARITY_CHECKED)} > 0)", "ago", instant=True),),
            unit="s",
            decimals=0,
            empty="never",
            width=4,
            height=5,
            steps=ages,
        ),
    )
