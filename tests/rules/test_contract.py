"""Every alert keeps its contract: silent, pending, firing with its exact text, resolving, in every case and mode."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules import promtool
from rules.contract import rule_file
from rules.contracts import CONTRACTS
from rules.suite import promtool_tests


@pytest.mark.parametrize("name", CONTRACTS)
def test_an_alert_fires_exactly_where_and_when_its_contract_says(name: str, tmp_path: Path) -> None:
    contract = CONTRACTS[name]
    rules = {"rules.yml": rule_file(contract.alert)}
    suite = promtool.write_suite(tmp_path, rules, promtool_tests(contract), f"{contract.every}s")

    finished = promtool.run(suite)

    assert finished.returncode == 0, finished.stdout + finished.stderr
