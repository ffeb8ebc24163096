"""From breach to message: three incidents and the happy rollout, through real Prometheus and Alertmanager."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from live.conftest import SHORT_STORIES, Telling
from support.programs import ROOT


@pytest.mark.parametrize("story", SHORT_STORIES)
def test_every_story_is_told_as_written_and_every_rule_is_healthy(
    story: str, told: Telling, record_testsuite_property: Callable[[str, object], None]
) -> None:
    ended = told(story)
    for time in ended.report["times"]:
        record_testsuite_property(f"{story}: seconds to {time['alert']}", round(time["seconds"]))
    assert ended.report["problems"] == []
    assert ended.status == 0, ended.terminal


def test_the_page_of_an_slo_breach_names_the_node_the_live_limit_the_step_and_its_playbook(told: Telling) -> None:
    ended = told("short-slo-breach")
    page = ended.first("MemoryOSRollbackLatency")
    node = page["labels"]["instance"]
    assert page["labels"] == {
        "alertname": "MemoryOSRollbackLatency",
        "severity": "critical",
        "playbook": "4.1",
        "cluster": "demo",
        "job": "memoryos",
        "instance": node,
    }
    assert ended.messages("MemoryOSRollbackLatency")[0]["receiver"] == "pager"
    told_of = page["annotations"]
    assert told_of["summary"] == "The p95 latency of MemoryOS is beyond its rollback limit."
    assert told_of["description"].startswith(f"p95 on {node} is ")
    assert "the live limit is 450 ms. evaluate_rollback/2 will roll back." in told_of["description"]
    assert (told_of["playbook"], told_of["playbook_step"]) == ("4.1.1", "Call evaluate_rollback/2 with a live snapshot")
    assert "4.1.1" in (ROOT / told_of["runbook_url"]).read_text()
    assert f"var-instance={node}" in told_of["dashboard_url"]
    assert ended.fired("MemoryOSRollbackLatency") == {"memory-a", "memory-b"}


def test_after_the_rollback_the_pager_tells_the_next_step_and_the_breach_as_over(told: Telling) -> None:
    ended = told("short-slo-breach")
    breach, rolled_back = ended.messages("MemoryOSRollbackLatency")[0], ended.messages("MemoryOSRolledBack")[0]
    assert rolled_back["receiver"] == "pager"
    assert ended.first("MemoryOSRolledBack")["annotations"]["playbook"] == "4.1.2"
    over = ended.messages("MemoryOSRollbackLatency", "resolved")
    assert {message["receiver"] for message in over} == {"pager"}
    assert breach["at"] < rolled_back["at"] < over[0]["at"]


def test_a_rollback_opens_a_ticket_that_stays_until_the_incident_may_be_closed(told: Telling) -> None:
    ended = told("short-slo-breach")
    assert ended.messages("MemoryOSIncidentOpen")[0]["receiver"] == "tickets"
    assert ended.first("MemoryOSIncidentOpen")["annotations"]["playbook"] == "4.3.3"
    assert not ended.messages("MemoryOSIncidentOpen", "resolved")


def test_what_a_page_already_says_is_not_told_again(told: Telling) -> None:
    ended = told("short-slo-breach")
    assert ended.fired("MemoryOSCutoverWatch") == {"memory-a", "memory-b"}
    assert ["MemoryOSCutoverWatch", "memory-a"] in ended.report["inhibited"]
    assert not ended.messages("MemoryOSCutoverWatch")


def test_drift_in_dual_run_opens_a_ticket_and_wakes_nobody(told: Telling) -> None:
    ended = told("short-drift-regression")
    ticket = ended.first("MemoryOSDriftRegression")
    assert ticket["annotations"]["playbook_step"] == "Freeze the cutover"
    assert "the gate allows 0.2" in ticket["annotations"]["description"]
    assert "4.2.1" in (ROOT / ticket["annotations"]["runbook_url"]).read_text()
    assert {message["receiver"] for message in ended.report["messages"]} == {"tickets"}
    assert "set_mode memory_os: cutover_blocked" in ended.terminal


def test_a_drift_that_is_over_is_told_as_over(told: Telling) -> None:
    ended = told("short-drift-regression")
    over = ended.messages("MemoryOSDriftRegression", "resolved")
    assert over[0]["at"] > ended.messages("MemoryOSDriftRegression")[0]["at"]


def test_a_reconciliation_that_says_ok_and_failed_is_a_page_until_a_run_succeeds(told: Telling) -> None:
    ended = told("short-failed-reconciliation")
    page = ended.first("MemoryOSReconciliationFailed")
    assert ended.messages("MemoryOSReconciliationFailed")[0]["receiver"] == "pager"
    assert page["annotations"]["playbook"] == "4.3.1"
    assert "instance" not in page["labels"]
    assert "4.3.1" in (ROOT / page["annotations"]["runbook_url"]).read_text()
    assert ended.messages("MemoryOSReconciliationFailed", "resolved")


def test_errors_that_callers_do_not_see_are_a_page_with_their_share(told: Telling) -> None:
    ended = told("short-failed-reconciliation")
    description = ended.first("MemoryOSRollbackErrorRate")["annotations"]["description"]
    assert "fallbacks included although their callers saw ok; the live limit is 3%" in description
    assert not ended.messages("MemoryOSFallbackSpike")


def test_the_happy_rollout_tells_nobody_anything_while_the_heartbeat_is_heard(told: Telling) -> None:
    ended = told("short-happy-rollout")
    assert ended.report["messages"] == []
    assert ended.report["fired"] == []
    assert len(ended.report["heartbeats"]) > 2
    assert "set_mode memory_os: ok" in ended.terminal
