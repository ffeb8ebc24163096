"""Every query of every panel, variable and annotation, asked of a real Prometheus that remembers the stories."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dashboards.conftest import STORIES, Told
from memoryos_generators.config import load
from memoryos_generators.dashboards import built
from memoryos_generators.dashboards.outcomes import DONE, NOT_DONE, NOT_NEEDED

DASHBOARDS = built(load())
HAPPY = "happy-rollout"
BREACH, HIDDEN, ERRORS = "slo-breach-latency", "slo-breach-hidden-errors", "error-budget-burn"

# The story that a panel exists for, where it is not the happy rollout. There it must show something that is not 0.
SHOWN_IN = {
    ("memoryos-overview", "Alerts that fire"): BREACH,
    ("memoryos-overview", "Error budgets, burn within 1h: permanent errors"): ERRORS,
    ("memoryos-overview", "Error budgets, burn within 1h: transient errors"): "overload",
    ("memoryos-overview", "Nodes: Rolled back"): BREACH,
    ("memoryos-latency", "Budget burn within 1h: permanent errors"): ERRORS,
    ("memoryos-latency", "Budget burn within 1h: transient errors"): "overload",
    ("memoryos-latency", "memory_os against legacy: memory_os / legacy"): BREACH,
    ("memoryos-latency", "Errors by class"): ERRORS,
    ("memoryos-latency", "Errors by code"): ERRORS,
    ("memoryos-latency", "Errors in the time shown"): ERRORS,
    ("memoryos-queue", "Throttled and overloaded: throttled"): "throttling",
    ("memoryos-queue", "Throttled and overloaded: overloaded"): "overload",
    ("memoryos-queue", "Timed out before they began"): "timeouts",
    ("memoryos-queue", "Dead letter growth"): "dead-letters",
    ("memoryos-queue", "Dead letters kept"): "dead-letters",
    ("memoryos-queue", "Mailbox backlog"): "stall",
    ("memoryos-queue", "Calls in flight"): "stall",
    ("memoryos-drift", "Fallbacks"): HIDDEN,
    ("memoryos-drift", "Rollbacks"): BREACH,
    ("memoryos-drift", "Targets failed"): "migration-failures",
    ("memoryos-drift", "Parity by direction"): BREACH,
    ("memoryos-drift", "Reconciled records"): BREACH,
    ("memoryos-drift", "Reconciliation runs"): BREACH,
    ("memoryos-drift", "Reconciliation running"): BREACH,
    ("memoryos-drift", "Since the last reconciliation"): BREACH,
    ("memoryos-drift", "Since the last parity check"): BREACH,
    ("memoryos-rollout", "Parity of migrated targets"): BREACH,
    ("memoryos-incident", "May the incident be closed?"): BREACH,
    ("memoryos-incident", "Since the last rollback"): BREACH,
    ("memoryos-incident", "SLOs quiet for"): BREACH,
    ("memoryos-incident", "Alerts over time"): BREACH,
    ("memoryos-incident", "4.1 SLO breach in memory_os"): BREACH,
    ("memoryos-incident", "4.2 Drift regression during dual_run"): "drift-regression",
    ("memoryos-incident", "4.3 Post-incident reconciliation"): BREACH,
    ("memoryos-incident", "Snapshot of the last rollback"): BREACH,
    ("memoryos-incident", "Fallbacks a minute"): HIDDEN,
    ("memoryos-incident", "Parity of targets"): BREACH,
    ("memoryos-exporter", "Why the last read failed"): "memoryos-unreachable",
    ("memoryos-exporter", "Deprecated calls"): "deprecated-calls",
    ("memoryos-exporter", "Reads and failed reads"): "exporter",
    ("memoryos-exporter", "Fields left out"): "exporter",
    ("memoryos-exporter", "Exporters"): "exporter",
}
# Where 0 is what the story has to show: after the rollback every target has extra records.
ZERO = {("memoryos-rollout", "Parity of migrated targets")}
ANNOTATIONS_IN = {"Rollbacks": BREACH, "Pages": BREACH, "Tickets": BREACH}

PANELS = [
    pytest.param(uid, panel, id=f"{uid.removeprefix('memoryos-')}: {panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel.get("targets")
]


def asked(expr: str, cluster: str, seconds: int = 3_600) -> str:
    """The query as Grafana sends it for one cluster, all else chosen."""
    values = {"$cluster": cluster, "$job": ".+", "$instance": ".+"}
    values |= {"$__rate_interval": "5m", "$__interval": "60s", "$__range": f"{seconds}s"}
    return re.sub(r"\$(?:__)?[a-z]\w*", lambda name: values[name[0]], expr)


def panel_of(uid: str, title: str) -> dict[str, Any]:
    """A panel by its title."""
    found: dict[str, Any] = next(panel for panel in DASHBOARDS[uid]["panels"] if panel["title"] == title)
    return found


def values_of(told: Told, expr: str, story: str) -> list[float]:
    """All values that the query has in the story, minute by minute."""
    found = told.prometheus.range(asked(expr, story), told.start[story], told.end, 60)
    return [float(value) for series in found for _, value in series["values"]]


@pytest.mark.parametrize(("uid", "panel"), PANELS)
def test_every_query_of_the_panel_has_data_in_the_story_that_it_exists_for(
    uid: str, panel: dict[str, Any], told: Told
) -> None:
    seen: list[float] = []
    for target in panel["targets"]:
        name = f"{panel['title']}: {target.get('legendFormat', '')}"
        story = SHOWN_IN.get((uid, name)) or SHOWN_IN.get((uid, panel["title"])) or HAPPY
        values = values_of(told, target["expr"], story)
        assert values, f"never any data in {story}: {asked(target['expr'], story)}"
        if not str(target.get("legendFormat", "")).startswith("limit"):
            seen += values
    special = (uid, panel["title"]) in {(one, name.partition(": ")[0]) for one, name in SHOWN_IN}
    if special and (uid, panel["title"]) not in ZERO:
        assert any(seen), f"nothing but zeros: {panel['title']}"


@pytest.mark.parametrize("annotation", DASHBOARDS["memoryos-overview"]["annotations"]["list"], ids=lambda a: a["name"])
def test_every_annotation_marks_something(annotation: dict[str, Any], told: Told) -> None:
    story = ANNOTATIONS_IN.get(annotation["name"], HAPPY)
    assert any(values_of(told, annotation["expr"], story)), f"never anything in {story}"


def test_every_variable_offers_its_values(told: Told) -> None:
    offered = {}
    for variable in DASHBOARDS["memoryos-overview"]["templating"]["list"]:
        if variable["type"] != "query":
            continue
        series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()  # type: ignore[union-attr]
        start = min(told.start.values())
        offered[label] = set(told.prometheus.label_values(label, asked(series, ".*"), start, told.end))
    assert offered["cluster"] == {*STORIES, "exporter"}
    assert offered["job"] == {"memoryos", "memoryos-exporter"}
    assert "exporter" in offered["instance"]
    assert len(offered["instance"]) > 1


def test_the_verdict_is_go_on_in_the_happy_rollout_and_stop_in_the_breach(told: Told) -> None:
    expr = panel_of("memoryos-overview", "Is it safe to go on?")["targets"][0]["expr"]
    happy = told.prometheus.instant(asked(expr, HAPPY), told.end)
    assert [one["value"][1] for one in happy] == ["0"]
    assert "3" in {str(int(value)) for value in values_of(told, expr, BREACH)}


def test_the_verdict_is_blind_where_prometheus_evaluates_no_alerts(told: Told) -> None:
    unwatched = panel_of("memoryos-overview", "Is it safe to go on?")["targets"][0]["expr"].replace(
        "Watchdog", "Nobody"
    )
    assert [one["value"][1] for one in told.prometheus.instant(asked(unwatched, HAPPY), told.end)] == ["4"]


def test_the_verdict_is_blind_where_nothing_is_read(told: Told) -> None:
    verdict = panel_of("memoryos-overview", "Is it safe to go on?")["targets"][0]["expr"]
    nothing = told.prometheus.instant(asked(verdict, "no-such-cluster"), told.end)
    assert [one["value"][1] for one in nothing] == ["5"]


def test_the_steps_of_the_playbook_are_done_one_after_the_other(told: Told) -> None:
    (states, _) = panel_of("memoryos-incident", "4.1 SLO breach in memory_os")["targets"]
    found = told.prometheus.range(asked(states["expr"], BREACH), told.start[BREACH], told.end, 60)
    by_step = {series["metric"]["step"][0]: [int(float(v)) for _, v in series["values"]] for series in found}
    assert sorted(by_step) == ["1", "2", "3", "4"]
    assert {values[0] for values in by_step.values()} == {NOT_NEEDED}
    assert {values[-1] for values in by_step.values()} == {DONE}
    assert NOT_DONE in by_step["4"], "between rollback and reconciliation step 4 must be seen as not done"
    assert by_step["1"].index(DONE) < by_step["4"].index(DONE)


def test_the_gate_is_read_off_the_checklist(told: Told) -> None:
    (met, *_) = panel_of("memoryos-rollout", "2.1 Internal cohort")["targets"]
    found = told.prometheus.range(asked(met["expr"], "drift-regression"), told.start["drift-regression"], told.end, 60)
    worst = next(series for series in found if "Worst drift" in series["metric"]["check"])
    values = [int(float(value)) for _, value in worst["values"]]
    assert values[-1] == 0, "the regression must show as a condition that is not met"
    assert 1 in values[: len(values) // 2], "before it the condition was met"
