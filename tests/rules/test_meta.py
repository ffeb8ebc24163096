"""The guard of the rule tests: promtool passes what asserts nothing, so this fails where something is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from memoryos_generators.rules import groups
from rules import promtool
from rules.contract import (
    EVERY_CASE,
    MODES,
    Contract,
    cases,
    config,
    every_alert,
    needed,
    rule_file,
    told,
)
from rules.contracts import CONTRACTS
from rules.suite import promtool_tests

WATCHDOG = "MemoryOSWatchdog"
MAIN = {name: contract for name, contract in CONTRACTS.items() if not contract.variant}
# What every page and ticket is tested in, unless its contract says why not.
DEMANDED = ("quiet", "firing", "no-data", "flicker", "restarted", "replaced", "east", "west", "one-of-two", "other-job")


def test_every_alert_has_a_contract() -> None:
    assert set(MAIN) | {WATCHDOG} == set(every_alert())


@pytest.mark.parametrize("name", MAIN)
def test_a_contract_has_every_case_or_a_reason_why_not(name: str) -> None:
    contract = MAIN[name]
    has = set(cases(contract))
    left_out = set(contract.without) | ({"one-of-two"} if contract.beside else set())

    if every_alert()[contract.alert].severity == "info":
        assert {"quiet", "firing"} <= has
    else:
        assert has >= set(DEMANDED) - left_out
        assert has & set(MODES) >= {case for case, mode in MODES.items() if mode != contract.mode} - left_out
    assert set(contract.without) <= set(EVERY_CASE)
    assert all(len(reason) > 10 for reason in contract.without.values())


@pytest.mark.parametrize("name", MAIN)
def test_an_alert_with_a_limit_is_tested_just_below_it_and_at_it(name: str) -> None:
    contract = MAIN[name]
    strict = any(f"> {limit}" in rule.expr for rule in needed(contract.alert) for limit in _limits(contract))

    assert not strict or (contract.below and contract.boundary), f"{name} compares with a limit"


def _limits(contract: Contract) -> list[str]:
    """What an expression compares with that a contract can put a value on: a live threshold or a configured one."""
    rules = config().rules
    own = {"MemoryOSBacklogGrowing": rules.mailbox_limit, "MemoryOSMemoryHigh": rules.manager_memory_bytes}
    return [str(own[contract.alert])] if contract.alert in own else []


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_case_asserts_something_and_names_its_alert(name: str) -> None:
    contract = CONTRACTS[name]
    tests = _tests(name)

    assert contract.alert in {rule.alert for rule in needed(contract.alert)}
    assert any(told(contract, case) for case in cases(contract)), "it never fires"
    assert {cluster for test in tests for cluster in _clusters(test)} == {*cases(contract), "always"}
    for test in tests:
        asserted = [*test["promql_expr_test"], *test.get("alert_rule_test", ())]
        assert asserted
        assert all(contract.alert in str(each) for each in asserted)
        assert any(each.get("exp_samples") or each.get("exp_alerts") for each in asserted), "it expects nothing to fire"
        assert any([] in (each.get("exp_samples"), each.get("exp_alerts")) for each in asserted), "nor ever silence"


@cache
def _tests(name: str) -> list[dict[str, Any]]:
    return promtool_tests(CONTRACTS[name])


def _clusters(test: Mapping[str, Any]) -> set[str]:
    return {one["series"].split('cluster="')[1].split('"')[0] for one in test["input_series"]}


def test_ended_series_are_written_stale_and_suites_start_at_a_realistic_time() -> None:
    tests = [test for name in CONTRACTS for test in _tests(name)]
    ended = [one for test in tests for one in test["input_series"] if 'cluster="no-data",instance="a"' in one["series"]]

    assert ended
    assert all(" stale" in one["values"] for one in ended)
    assert min(_begins(one, test) for test in tests for one in test["input_series"][1:]) >= 1200


def _begins(series: Mapping[str, str], test: Mapping[str, Any]) -> int:
    """The second at which a series has its first sample."""
    return int(series["values"].split()[0].removeprefix("_x")) * int(test["interval"].removesuffix("s"))


@pytest.mark.parametrize("missing", ["rules", "tests", "assertions"])
def test_a_suite_that_promtool_would_pass_for_nothing_is_refused(missing: str, tmp_path: Path) -> None:
    rules: dict[str, Any] = {} if missing == "rules" else {"rules.yml": {"groups": []}}
    asserted = {} if missing == "assertions" else {"promql_expr_test": [{"expr": "1", "eval_time": "0s"}]}
    tests = [] if missing == "tests" else [{"name": "case", "input_series": [], **asserted}]

    with pytest.raises(AssertionError, match="promtool would pass"):
        promtool.write_suite(tmp_path, rules, tests)


def test_a_broken_rule_turns_its_contract_red(tmp_path: Path) -> None:
    contract = CONTRACTS["MemoryOSCallsHanging"]
    broken = rule_file(contract.alert)
    for rule in broken["groups"][0]["rules"]:
        rule["expr"] = rule["expr"].replace("> 30", "> 31")

    finished = promtool.run(promtool.write_suite(tmp_path, {"rules.yml": broken}, promtool_tests(contract)))

    assert finished.returncode != 0
    assert "MemoryOSCallsHanging" in finished.stderr + finished.stdout


def test_groups_are_small_and_names_are_those_of_the_field() -> None:
    for group in groups(config()):
        assert len(group.rules) <= 20
        for rule in group.rules:
            if rule.alert:
                assert len(rule.alert) <= 40
                assert not rule.alert[-2:].isupper()
                assert "$value" not in str(rule.labels)
            else:
                assert rule.record.count(":") == 2


def test_every_alert_says_what_a_person_needs() -> None:
    for group in groups(config()):
        for rule in group.rules:
            if not rule.alert:
                continue
            assert rule.labels["severity"] in {"critical", "warning", "info", "none"}
            assert rule.labels["playbook"] == ".".join(rule.annotations["playbook"].split(".")[:2])
            assert "{{" not in rule.annotations["summary"], "a summary is one static sentence"
            assert rule.annotations["runbook_url"].endswith(f"{rule.alert}.md")
            assert "/d/memoryos-" in rule.annotations["dashboard_url"]


def test_every_alert_gives_the_reason_for_its_wait() -> None:
    assert all(len(alert.reason) > 15 for alert in every_alert().values())


def test_a_wait_is_at_least_two_scrapes() -> None:
    waits = [rule.for_ for group in groups(config()) for rule in group.rules if rule.for_]

    assert min(waits) >= 2 * config().prometheus.scrape_interval


def test_the_watchdog_always_fires(tmp_path: Path) -> None:
    found = promtool.ask(
        tmp_path,
        {"rules.yml": rule_file(WATCHDOG)},
        [{"series": "nothing", "values": "1"}],
        [('ALERTS{alertstate="firing"}', 0), ('ALERTS{alertstate="firing"}', 600)],
    )

    assert [[(each.labels["alertname"], each.labels["severity"]) for each in moment] for moment in found] == [
        [(WATCHDOG, "none")],
        [(WATCHDOG, "none")],
    ]
